"""How busy this machine is with the calls themselves: whether it, and not a provider, is what they wait for.

A thread that never waits for anything but the processor cannot take more calls at once: more of them would only stand
in its own line, and each would look as if its provider had become slow. So the measure is the share of the time in
which the event loop's thread ran or wanted to run. Above :data:`CLOUDED` of it the times of calls say nothing of
their providers; at :data:`FULL` fewer calls are kept in flight, as many as it takes to keep the thread busy.
"""

from __future__ import annotations

import time
from collections.abc import Callable

LOOK_S = 0.5
CLOUDED = 0.5
FULL = 0.95
EASED = 0.85
FEWEST = 12
"""Calls in flight below which this machine is not what limits them."""
CUT, RAISE = 0.95, 1.06
"""Of the calls in flight, per look."""


def thread_busy_s() -> float:
    """Seconds in which the calling thread ran or, where the system tells it, waited for a processor."""
    try:
        with open("/proc/thread-self/schedstat", "rb") as file:  # noqa: PTH123 - asked twice a second
            return time.thread_time() + int(file.read().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return time.thread_time()


class OwnLoad:
    """Looked at now and then by the thread it is about; `busy_s` tells that thread's busy seconds so far."""

    def __init__(self, now: float, busy_s: Callable[[], float] = thread_busy_s) -> None:
        self._busy_s = busy_s
        self._looked_at = now
        self._busy = busy_s()
        self._most = 0
        self.share = 0.0
        """Of the time up to the last look, the part in which the thread was busy."""
        self.limit: int | None = None
        """How many calls this machine keeps up with; None: more than there are."""

    @property
    def clouded(self) -> bool:
        """Whether the times of calls are this machine's own doing to a part that counts."""
        return self.share > CLOUDED

    def look(self, now: float, in_flight: int) -> bool:
        """Note the calls in flight; whether the time had come to measure anew."""
        self._most = max(self._most, in_flight)
        passed = now - self._looked_at
        if passed < LOOK_S:
            return False
        busy, before = self._busy_s(), self._busy
        self.share = min(1.0, max(0.0, (busy - before) / passed))
        self._looked_at, self._busy = now, busy
        self._regulate()
        self._most = in_flight
        return True

    def _regulate(self) -> None:
        if self.share >= FULL and self._most > FEWEST:
            known = self._most if self.limit is None else min(self.limit, self._most)
            self.limit = max(FEWEST, int(CUT * known))
        elif self.limit is not None and self.share < EASED:
            self.limit = int(RAISE * self.limit) + 1
            if self.limit > 2 * max(self._most, FEWEST):
                self.limit = None
