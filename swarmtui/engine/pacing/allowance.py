"""A quota that comes back all at once: so many calls per minute, hour or day, then none until the boundary.

Told from a bucket that fills steadily by what follows a standstill: a bucket that let nothing in for some seconds can
let in only a few calls after it, a new window lets in as many as the one before. Its length is known when two
boundaries are: each lies between the last refusal before it and the first call accepted after it.
"""

from __future__ import annotations

PERIODS = (60.0, 3600.0, 86400.0, 300.0, 900.0, 600.0, 1800.0, 30.0, 10.0)
"""Lengths that are in use, the usual ones first."""
SHORTEST_STANDSTILL_S = 1.5
FEWEST = 4
BURST = 2.0
CALLS_PER_TEST = 38
MISSES = 2
CHECKS = 20.0
"""While a boundary is awaited the provider is asked so many times per period at most."""


class Allowance:
    """How many calls the present window still allows; nothing until one was recognised."""

    def __init__(self) -> None:
        self.period: float | None = None
        self.count = 0
        """Calls per window."""
        self._opened: float | None = None
        self._opened_after: float | None = None
        """The present window opened between these; the earlier is not known for the first."""
        self._taken = 0
        self._since_test = 0
        self._step = 1
        self._closed = False
        """Whether the present window is known to be used up."""
        self._misses = 0
        self._test_seq: int | None = None
        """The first call beyond the count in this window, until its fate is known."""

    @property
    def _extra(self) -> int:
        """Calls beyond the count that may be tried now."""
        return self._step if self._since_test >= CALLS_PER_TEST else 0

    @property
    def taken(self) -> int:
        """Calls sent in the present window and not refused."""
        return self._taken

    def sent(self, seq: int, now: float) -> None:
        """Call `seq` went."""
        if self._opened is None:
            self._opened = now
        self._roll(now)
        self._taken += 1
        self._since_test += 1
        if self.period is not None and self._taken > self.count:
            self._test_seq = self._test_seq or seq

    def wait(self, now: float) -> float:
        """Seconds until the next window, if this one is used up."""
        if self.period is None or self._opened is None:
            return 0.0
        self._roll(now)
        if not self._closed and self._taken < self.count + self._extra:
            return 0.0
        return max(0.0, self._opened + self.period - now)

    def accepted(self, seq: int) -> None:
        """Call `seq` was accepted."""
        self._misses = 0
        if self._test_seq is not None and seq >= self._test_seq and self._taken > self.count:
            self.count = self._taken
            self._step = min(2 * self._step, max(1, self.count // 4))
            self._since_test, self._test_seq = CALLS_PER_TEST, None

    def refused(self) -> bool:
        """A call was refused; whether that is what was to be expected, the window being used up."""
        self._taken = max(0, self._taken - 1)
        if self.period is None or self._taken < self.count:
            return False
        self._step, self._since_test, self._test_seq = 1, 0, None
        self._closed = True
        return True

    def forget(self) -> None:
        """Something else sees to it."""
        self.period = None

    def dry(self, now: float) -> float | None:
        """Nothing is accepted any more though calls were left: when to ask again, if a boundary is known."""
        if self.period is None or self._opened is None:
            return None
        self._roll(now)
        if self._taken == 0:
            self._misses += 1
            if self._misses > MISSES:
                self.period = None
                return None
        else:
            self.count, self._step = self._taken, 1
        return min(self._opened + self.period, now + self.period / CHECKS)

    def resumed(self, sent_at: float, refused_at: float, since: float) -> tuple[int, float, float] | None:
        """The call sent at `sent_at` ended a standstill: the first refused was sent at `since`, the last at
        `refused_at`. If a steadily filling bucket explains it: calls it let in since the standstill before, and within
        how many seconds, at least and at most.
        """
        lasted = refused_at - since
        opened, after, taken = self._opened, self._opened_after, self._taken - 1
        self._opened, self._opened_after, self._taken = sent_at, refused_at, 1
        if opened is None or taken <= 0:
            return None
        burst = since - opened
        if taken < FEWEST + BURST * burst / max(lasted, 1.0):
            return taken, refused_at - opened, sent_at - opened
        if lasted >= SHORTEST_STANDSTILL_S and after is not None:
            shortest, longest = refused_at - opened, sent_at - after
            found = next((period for period in PERIODS if shortest <= period <= longest), None)
            if found is not None:
                self.period, self.count, self._since_test, self._step = found, taken, 0, 1
                self._closed = False
        return None

    def _roll(self, now: float) -> None:
        if self.period is None or self._opened is None or now < self._opened + self.period:
            return
        passed = (now - self._opened) // self.period
        self._opened += passed * self.period
        self._taken, self._test_seq, self._closed = 0, None, False
