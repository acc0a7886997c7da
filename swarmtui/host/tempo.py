"""How fast a past is played: seconds of a session against seconds of who watches. Pure; it reads no clock."""

from __future__ import annotations

from swarmtui.frozen import mutable
from swarmtui.host.feed import FASTEST, SLOWEST
from swarmtui.session.events import Event, HostStarted, SessionForked
from swarmtui.session.state import SessionState

IDLE_LIMIT_S = 2.0


def gap_between(before: Event | SessionState, event: Event) -> float:
    """Seconds of the session between `before` and `event`, the one that follows; never negative.

    By the session's own clock, which stands still while no host lives: across that, by the wall clock.
    """
    gap = event.mono - before.mono
    if isinstance(event.body, HostStarted | SessionForked):
        gap = max(gap, event.ts - before.ts)
    return max(0.0, gap)


@mutable
class Tempo:
    """The pace, and how much of the time before the next event has passed."""

    speed: float = 1.0
    """Seconds of the session per second, within what :data:`SLOWEST` and :data:`FASTEST` allow."""
    idle_limit: float | None = IDLE_LIMIT_S
    """Seconds that a gap lasts at most, before the speed applies."""
    passed: float = 0.0
    """Seconds of the gap that have passed, of those that it lasts."""

    def set_speed(self, speed: float) -> None:
        """The nearest speed there is."""
        self.speed = min(max(speed, SLOWEST), FASTEST)

    def set_idle_limit(self, seconds: float | None, gap: float) -> None:
        """Change the limit in the midst of `gap`, of which the same share has passed then as before."""
        share = self.share(gap)
        self.idle_limit = None if seconds is None else max(0.0, seconds)
        self.passed = share * self.lasts(gap)

    def lasts(self, gap: float) -> float:
        """How long `gap` is played for, at speed 1."""
        return gap if self.idle_limit is None else min(gap, self.idle_limit)

    def share(self, gap: float) -> float:
        """How much of `gap` has passed: from 0 to 1."""
        lasts = self.lasts(gap)
        return min(1.0, self.passed / lasts) if lasts > 0 else 0.0

    def spend(self, seconds: float, gap: float) -> float | None:
        """Let `seconds` of the session pass in `gap`: what is left of them at its end; None if it goes on."""
        left = self.passed + seconds - self.lasts(gap)
        if left < 0:
            self.passed += seconds
            return None
        self.passed = 0.0
        return left

    def due_s(self, gap: float) -> float:
        """Seconds of who watches until `gap` is over."""
        return max(0.0, self.lasts(gap) - self.passed) / self.speed
