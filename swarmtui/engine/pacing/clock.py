"""The caller's clock, made steady: a clock that is set back, or leaps ahead, must not stop a pool or end its waits.

Inside, time never runs back and never leaps by more than a month; outside, times are told by the caller's own clock.
"""

from __future__ import annotations

import math

SET_BACK_S = 60.0
"""A time earlier by less than that is one that came late; by more, the clock was set back."""
LONGEST_LEAP_S = 30 * 86400.0


class Clock:
    """Seconds. A time that is no finite number counts as the last."""

    def __init__(self, now: float) -> None:
        self.now = now if math.isfinite(now) else 0.0
        self._shift = 0.0
        """What is added to the caller's time."""

    def read(self, now: float) -> float:
        """The time inside, when it is `now` outside."""
        at = now + self._shift
        if self.now <= at <= self.now + LONGEST_LEAP_S:
            self.now = at
        elif math.isfinite(now):
            self._correct(now, at)
        return self.now

    def _correct(self, now: float, at: float) -> None:
        if at > self.now:
            self.now += LONGEST_LEAP_S
        if at > self.now or at < self.now - SET_BACK_S:
            self._shift = self.now - now

    def outside(self, at: float) -> float:
        """When it is `at` inside, by the caller's clock."""
        return at - self._shift
