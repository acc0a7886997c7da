"""A quota that the provider does not show, found by its refusals.

Between two refusals the hidden bucket was empty twice, so what was accepted in between is what flowed in: the rate,
exactly. The pace is set a hair above it, so that a refusal now and then keeps measuring, and grows while none comes.
"""

from __future__ import annotations

import math

MEMORY_S = 60.0
ABOVE = 1.015
SHORTEST_PATIENCE_S = 6.0
LONGEST_PATIENCE_S = 30.0
GROWTH = 0.03
"""Growth per second once a refusal is overdue."""
LONGEST_PAUSE_S = 30.0
FORGET_S = 240.0


class Pace:
    """Calls per second; None while no hidden quota is known."""

    def __init__(self) -> None:
        self.rate: float | None = None
        self._accepted = 0.0
        self._elapsed = 0.0
        self._since = 0.0
        self._count = 0
        self._in_a_row = 0
        self._rising = False
        """Whether the last refusal came at a higher rate than the one before: the quota grows."""
        self._next_at = -1e9
        self._refused_at = -1e9

    def begin(self, rate: float, now: float) -> None:
        """A quota was recognised; lately `rate` calls per second were accepted."""
        self.rate = max(0.02, rate)
        self._accepted = self._elapsed = 0.0
        self._since, self._count, self._in_a_row = now, 0, 1
        self._refused_at = now
        self._next_at = now + 0.5 / self.rate

    def end(self) -> None:
        """No quota after all."""
        self.rate = None

    def current(self, now: float) -> float | None:
        """Calls per second to send at `now`."""
        if self.rate is None:
            return None
        patience = min(LONGEST_PATIENCE_S, max(SHORTEST_PATIENCE_S, 1.5 / (self.rate * (ABOVE - 1))))
        patience = SHORTEST_PATIENCE_S if self._rising else patience
        late = now - self._refused_at - patience
        return self.rate * ABOVE * (math.exp(min(GROWTH * late, 5.0)) if late > 0 else 1.0)

    def wait(self, now: float) -> float:
        """Seconds until the next call may go."""
        return 0.0 if self.rate is None else max(0.0, self._next_at - now)

    def sent(self, now: float) -> None:
        """A call went."""
        rate = self.current(now)
        if rate is not None:
            self._next_at = max(self._next_at, now - 1 / rate) + 1 / rate
            self._count += 1

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
        elapsed = now - self._since
        before = self.rate
        grown = (self.current(now) or 0.0) / (self.rate * ABOVE)
        if grown > 1.1:
            average = max(self.rate, self._count / max(elapsed, 1.0))
            self.rate = math.sqrt(average * self.rate * grown)
            self._accepted = self._elapsed = 0.0
            self._since, self._count = now, 0
        elif elapsed >= 1.0:
            keep = math.exp(-elapsed / MEMORY_S)
            self._accepted = self._accepted * keep + self._count
            self._elapsed = self._elapsed * keep + elapsed
            self._since, self._count = now, 0
            self.rate = max(0.005, self._accepted / self._elapsed)
        elif self._in_a_row > 2 and self._elapsed < 5:
            self.rate = max(0.005, self.rate * 0.7)
        self._rising = self.rate > 1.05 * before
        self._refused_at = now
        pause = 1 / self.rate
        if self._in_a_row > 2:
            pause = max(pause, min(5.0, 0.25 * 2.0 ** min(self._in_a_row, 10)))
            if told_s is not None and told_s <= 4 * LONGEST_PAUSE_S:
                pause = max(pause, min(told_s, LONGEST_PAUSE_S))
        self._next_at = max(self._next_at, now + min(pause, LONGEST_PAUSE_S))

    def stale(self, now: float) -> bool:
        """Whether nothing has been refused for so long that the quota may be gone."""
        return self.rate is not None and now - self._refused_at > FORGET_S
