"""A quota that the provider does not show, found by its refusals.

Between two refusals the hidden bucket was empty twice, so what was accepted in between is what flowed in: the rate,
exactly. The pace is set a hair above it, so that a refusal now and then keeps measuring, and grows while none comes.
A bucket that holds a call or two cannot be measured so: whatever comes a hair too early is refused. There the pace
stays a hair below, and grows by calls instead of seconds.

Time counts only while calls were wanted: over a pause nothing is learned, and a pause is no sign of a small quota.
"""

from __future__ import annotations

import math

MEMORY_S = 60.0
ABOVE = 1.015
BELOW = 0.985
SHORTEST_PATIENCE_S = 6.0
LONGEST_PATIENCE_S = 30.0
PATIENCE_CALLS = 12
TIGHT_PATIENCE_CALLS = 40
TIGHT_PATIENCE_S = 100.0
GROWTH = 0.03
"""Growth per second once a refusal is overdue, or per third of a call where calls are seldom."""
LONGEST_PAUSE_S = 30.0
FORGET_S = 240.0
FORGET_CALLS = 80
SLOWEST = 1 / 60
"""Calls per second below which no pace goes; longer waits are those of a standstill."""
WANTED = 0.6
"""Share of the calls a pace allowed that must have been asked for, for it to be what was measured."""
GAP_CALLS = 3.0
SLACK_S = 2.0
QUICK = 20.0
TIGHT_SLOWER = 2.0
CLOSE_CALLS = 10
KEPT = 0.4
"""Share of the growth, as a power, that is kept when it ended in a refusal."""
LEAST_KEPT = 0.5
"""Share of the rate that one measurement leaves: what was refused on its way may have emptied a short one."""
STEADY = 1.03
"""Growth below which a refusal is about the rate itself, and not about its growth."""
TIGHT_BELOW = 3.0
"""Calls per second below which a bucket may be too small to be measured."""


class Pace:
    """Calls per second; None while no hidden quota is known."""

    def __init__(self) -> None:
        self.rate: float | None = None
        self._accepted = 0.0
        self._elapsed = 0.0
        self._since = 0.0
        self._count = 0
        self._tried = 0
        self._in_a_row = 0
        self.tight = False
        """Whether the bucket holds a call or two, and is kept below."""
        self._close = 0
        """Refusals in a row, each within few calls of the one before."""
        self._since_refused = 0
        self._rising = False
        """Whether the last refusal came at a higher rate than the one before: the quota grows."""
        self._next_at = -1e9
        self._refused_at = -1e9
        self._active = 0.0
        """Seconds in which calls were wanted. `_since` and `_refused_at` are of this clock."""
        self._sent_at = 0.0
        self._held_at = 0.0

    def begin(self, rate: float, now: float, *, tight: bool = False) -> None:
        """A quota was recognised; lately `rate` calls per second were accepted. `tight`: one at a time."""
        self.rate = max(SLOWEST, rate)
        self._accepted = self._elapsed = 0.0
        self._sent_at = self._held_at = now
        self._since, self._count, self._tried, self._in_a_row = self._active, 0, 0, 1
        self._refused_at = self._active
        self.tight, self._close, self._since_refused = tight, 0, 0
        self._next_at = now + (1.0 if tight else 0.5) / self.rate

    def end(self) -> None:
        """No quota after all."""
        self.rate = None

    def current(self, now: float) -> float | None:
        """Calls per second to send at `now`."""
        if self.rate is None:
            return None
        rate = self.rate
        if self.tight:
            patience = max(TIGHT_PATIENCE_S, TIGHT_PATIENCE_CALLS / rate)
        elif self._rising:
            patience = max(SHORTEST_PATIENCE_S, GAP_CALLS / rate)
        else:
            patience = min(LONGEST_PATIENCE_S, max(SHORTEST_PATIENCE_S, 1.5 / (rate * (ABOVE - 1))))
            patience = max(patience, PATIENCE_CALLS / rate)
        late = self._clock(now) - self._refused_at - patience
        above = BELOW if self.tight else ABOVE
        if self.tight:
            late /= TIGHT_SLOWER
        return rate * above * (math.exp(min(GROWTH * late * _quickness(rate), 5.0)) if late > 0 else 1.0)

    def wait(self, now: float) -> float:
        """Seconds until the next call may go."""
        if self.rate is None or now >= self._next_at:
            return 0.0
        self._held_at = now
        return self._next_at - now

    @property
    def between_s(self) -> float:
        """Seconds between two calls at the rate; 0 where there is none."""
        return 0.0 if self.rate is None else 1 / self.rate

    def slack(self, now: float) -> bool:
        """Whether calls have gone as they came for a while: then it is not this rate that a refusal is about."""
        return self.rate is not None and now - self._held_at > max(SLACK_S, GAP_CALLS / self.rate)

    def sent(self, now: float) -> None:
        """A call went."""
        rate = self.current(now)
        if rate is not None:
            self._next_at = max(self._next_at, now - 1 / rate) + 1 / rate
            self._active = self._clock(now)
            self._sent_at = now
            self._count += 1
            self._tried += 1
            self._since_refused += 1

    def accepted(self) -> None:
        """A call that went lately was accepted."""
        self._in_a_row = 0

    def refused(self, now: float, told_s: float | None, *, news: bool) -> None:
        """A call was refused. `told_s`: the provider's own advice; `news`: it was sent knowing of the last refusal."""
        if self.rate is None:
            return
        self._count = max(0, self._count - 1)
        if not news:
            return
        self._in_a_row += 1
        self._active, self._sent_at = self._clock(now), now
        before = self.rate
        self._close = self._close + 1 if self._since_refused <= CLOSE_CALLS else 0
        self._since_refused = 0
        if self._close >= 3 and self.rate < TIGHT_BELOW:
            self.tight = True
        self._measure(now)
        self._rising = self.rate > 1.05 * before and not self.tight
        self._refused_at = self._active
        pause = (0.5 if self.tight else 1.0) / self.rate
        if self._in_a_row > 2:
            pause = max(pause, min(5.0, 0.25 * 2.0 ** min(self._in_a_row, 10)))
            if told_s is not None and told_s <= 4 * LONGEST_PAUSE_S:
                pause = max(pause, min(told_s, LONGEST_PAUSE_S))
        self._next_at = max(self._next_at, now + min(pause, LONGEST_PAUSE_S))

    def stale(self, now: float) -> bool:
        """Whether nothing has been refused for so long that the quota may be gone."""
        if self.rate is None:
            return False
        return self._clock(now) - self._refused_at > max(FORGET_S, FORGET_CALLS / self.rate)

    def _measure(self, now: float) -> None:
        """The rate, by what was accepted since the last refusal."""
        rate = self.rate or SLOWEST
        elapsed = self._active - self._since
        grown = (self.current(now) or 0.0) / (rate * (BELOW if self.tight else ABOVE))
        wanted = self._tried >= WANTED * rate * elapsed
        if self.tight:
            self._restart()
            if grown < STEADY:
                rate *= 0.97 if self._in_a_row < 3 else 0.9 if self._in_a_row == 3 else 1.0
            else:
                rate *= grown**KEPT
        elif grown > 1.1:
            average = max(rate, self._count / max(elapsed, 1.0))
            rate = math.sqrt(average * rate * grown)
            self._accepted = self._elapsed = 0.0
            self._restart()
        elif not wanted:
            self._restart()
        elif elapsed >= max(1.0, GAP_CALLS / rate):
            keep = math.exp(-elapsed / max(MEMORY_S, PATIENCE_CALLS / rate))
            self._accepted = self._accepted * keep + self._count
            self._elapsed = self._elapsed * keep + elapsed
            self._restart()
            rate = self._accepted / self._elapsed
        elif self._in_a_row > 2 and self._elapsed < max(5.0, GAP_CALLS / rate):
            rate *= 0.7
        self.rate = max(SLOWEST, LEAST_KEPT * (self.rate or 0.0), rate)

    def _restart(self) -> None:
        self._since, self._count, self._tried = self._active, 0, 0

    def _clock(self, now: float) -> float:
        """Seconds in which calls were wanted: a gap far longer than the pace asks for is a pause."""
        return self._active + min(max(0.0, now - self._sent_at), GAP_CALLS / (self.rate or SLOWEST))


def _quickness(rate: float) -> float:
    """How much faster or slower to grow than by the second, where calls are very frequent or seldom."""
    return min(1.0, rate / 0.3) if rate < QUICK else min(10.0, rate / QUICK)
