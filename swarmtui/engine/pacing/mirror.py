"""A copy of a bucket that the provider shows in its headers, kept between headers by what was sent since.

A header tells the level at its own request's start. The level now is that, less what was sent since, plus what flowed
in. The newest-started call that ended is the freshest news. Providers with a fixed window (all of it comes back at
once at the reset) are told from buckets by their reset, which there does not follow what was used.
"""

from __future__ import annotations

from typing import NamedTuple

from swarmtui.engine.rate_headers import Level

PERIODS = (1.0, 60.0, 3600.0, 86400.0)
LONGEST_WAIT_S = 5.0
"""Greatest wait on a provider's word alone; it doubles while probes are refused."""
PATIENCE_S = 60.0
STRIKES = 3
DISTRUST_S = 1800.0
ALIKE = 3
"""Headers in a row that must tell the same limit before it is believed."""


class Mark(NamedTuple):
    """The counters of a mirror when a call was sent, itself included."""

    sent: float
    unused: float


class Mirror:
    """One bucket: of requests, or of tokens. Units are requests or tokens."""

    def __init__(self, *, whole: float = 1.0) -> None:
        self.sent = 0.0
        """Units sent so far, ever."""
        self.unused = 0.0
        """Units that were reserved and not used by calls that have ended, ever."""
        self.returned = 0.0
        """Share of the unused that the provider gives back, as learned."""
        self.rate: float | None = None
        """Units per second that flow in; None until a header told."""
        self._reserve = whole
        self._limit = 0.0
        self._level = 0.0
        self._at = 0.0
        self._unused = 0.0
        self._mark = Mark(0.0, 0.0)
        self._told = 0.0
        self._told_at = 0.0
        self._window = False
        """Whether all of it comes back at once, at the reset."""
        self._seq = -1
        self._period = 60.0
        self._reset_at: float | None = None
        self._strikes = 0
        self._alike = 0
        self._ignore_until = -1e9
        self._patience = LONGEST_WAIT_S
        self._asked_at = 0.0
        self._size = 0.0
        """The most that was ever seen in the bucket: it may hold less than a period's limit."""
        self._alike = 0
        self._regained = 0.0
        self._offered = 0.0

    def known(self, now: float) -> bool:
        """Whether there is a limit to go by: told alike often enough, and not found wrong of late."""
        return self.rate is not None and self._alike >= ALIKE and now >= self._ignore_until

    @property
    def per_minute(self) -> float | None:
        """The provider's limit in units per minute."""
        return None if self.rate is None else 60 * self.rate

    def level(self, now: float) -> float:
        """Units that may be sent at `now`, by what is known."""
        if self._reset_at is not None and now >= self._reset_at:
            self._level, self._reset_at, self._window = self._size, None, True
        inflow = 0.0 if self._window else max(0.0, now - self._at) * (self.rate or 0.0)
        back = self.returned * (self.unused - self._unused)
        self._level = min(self._size, self._level + inflow + back)
        self._at, self._unused = max(self._at, now), self.unused
        return self._level

    def wait(self, need: float, now: float) -> float:
        """Seconds until `need` units are there; 0 when they are, or when nothing is known."""
        if self.rate is None or not self.known(now):
            return 0.0
        need = min(need + self._reserve, 0.9 * self._size)
        missing = need - self.level(now)
        if missing <= 0:
            return 0.0
        due = now + missing / self.rate if self._reset_at is None else max(now, self._reset_at)
        due = min(due, self._asked_at + self._patience)
        return max(0.0, due - now)

    def take(self, units: float, now: float) -> Mark:
        """`units` were sent; the mark that their header will refer to."""
        if self.rate is not None:
            self.level(now)
            self._level -= units
        self.sent += units
        self._asked_at = now
        return Mark(self.sent, self.unused)

    def told(self, level: Level, *, seq: int, mark: Mark, sent_at: float, now: float, refused: bool) -> None:
        """The header of call `seq`, which was sent at `sent_at` and left the counter at `mark`."""
        self._alike = self._alike + 1 if self._limit in (level.limit, 0) else 1
        if self._alike == 1:
            self._seq, self._strikes, self._size = -1, 0, 0.0
        if seq <= self._seq:
            return
        if self._seq >= 0 and self.rate is not None and not refused:
            self._compare(level, mark, sent_at)
        self._seq = seq
        self._limit, self._told, self._told_at, self._mark = level.limit, level.remaining, sent_at, mark
        self._learn_period(level, sent_at)
        self.rate = max(1e-6, level.limit / self._period)
        self._size = min(level.limit, max(self._size, level.remaining, 2 * self.rate, 1.2))
        self._level = level.remaining - (self.sent - mark.sent)
        self._at, self._unused = sent_at, mark.unused
        self.level(now)
        self._patience = min(PATIENCE_S, 2 * self._patience) if refused else LONGEST_WAIT_S

    def nonsense(self) -> None:
        """A header that cannot be true: whoever sends such is not believed until it has told one limit for a while."""
        self._alike = 0

    def contradicted(self, now: float) -> None:
        """A call went through that could not have by this copy."""
        self._strikes += 1
        if self._strikes >= STRIKES:
            self._ignore_until = now + DISTRUST_S
            self._strikes = 0

    def _compare(self, level: Level, mark: Mark, sent_at: float) -> None:
        """What the header should have said, against what it says; far too much is a strike."""
        span = sent_at - self._told_at
        used = mark.sent - self._mark.sent
        if span <= 0 or used <= 0 or self.rate is None or self._reset_at is not None:
            return
        unused = mark.unused - self._mark.unused
        least = self._told - used + span * self.rate
        if least + unused < -max(3.0, 0.1 * self._limit):
            self.contradicted(sent_at)
        elif unused > 0 and level.remaining < 0.95 * self._limit:
            self._regained = 0.98 * self._regained + level.remaining - least
            self._offered = 0.98 * self._offered + unused
            if self._offered > 8 * unused:
                self.returned = min(1.0, max(0.0, self._regained / self._offered))

    def _learn_period(self, level: Level, sent_at: float) -> None:
        if level.reset_s is None:
            self._reset_at, self._window = None, False
            return
        share = (level.limit - level.remaining) / level.limit
        if level.remaining < level.limit and share < 0.4:
            self._window = 3 * share * 60 + 2 < level.reset_s <= 61
        self._reset_at = sent_at + level.reset_s if self._window and level.reset_s <= 61 else None
        if not self._window and share > 0.02 and level.reset_s > 0:
            length = level.reset_s / share
            self._period = next((period for period in PERIODS if length <= 1.5 * period), PERIODS[-1])
            if length > 1:
                self._period = max(self._period, 60.0)
