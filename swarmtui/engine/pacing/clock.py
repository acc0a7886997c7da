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
        if not math.isfinite(now):
            return self.now
        at = now + self._shift
        if at < self.now - SET_BACK_S:
            self._shift, at = self.now - now, self.now
        elif at > self.now + LONGEST_LEAP_S:
            at = self.now + LONGEST_LEAP_S
            self._shift = at - now
        self.now = max(self.now, at)
        return self.now

    def outside(self, at: float) -> float:
        """When it is `at` inside, by the caller's clock."""
        return at - self._shift
