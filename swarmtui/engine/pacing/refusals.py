"""What a refusal without an explanation means: too many at once, or too many a minute.

At a wall only calls beyond it are refused. When calls are refused below a number that was accepted a moment before,
either the wall came down, and then nothing is accepted until fewer are in flight; or a quota is used up, and then calls
are accepted and refused in turn, whatever is in flight.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise

FALLS = 2
FALLS_RISING = 5
"""The same, while walls are found ever higher: a limit on growth falls a little whenever fewer are in flight."""
LONGEST_S = 60.0
STEADY_S = 60.0
STEADY_RISE = 1.3
STEADY_WITHIN = 1.15
STEADY_END = 1.02
STEADY_SPAN_S = 2.5
STEADY_CALLS = 8


class Refusals:
    """Remembers the last refusals, and what was accepted between them."""

    def __init__(self) -> None:
        self._last: deque[tuple[int, float]] = deque(maxlen=64)
        self._falls: deque[float] = deque(maxlen=FALLS_RISING)
        self._highest = 0
        """Greatest level that was accepted of calls sent after the last fall."""
        self._fallen_seq = -1
        self._accepted_seq = -1
        self._refused_seq = -1
        self._known_at = -1.0
        """When the last refusal that was news was known."""

    def last_before(self, seq: int) -> int:
        """The newest call refused of those sent before call `seq`; -1 if none."""
        return max((number for number, _ in self._last if number < seq), default=-1)

    def news(self, sent_at: float) -> bool:
        """Whether a call sent at `sent_at` knew of the last refusal that was news itself.

        Not of the last of all: where many are refused a second, none is ever sent knowing of that.
        """
        return sent_at > self._known_at

    def since(self, sent_at: float) -> bool:
        """Whether anything was refused since `sent_at`."""
        return bool(self._last) and sent_at <= self._last[-1][1]

    def again(self, sent_at: float) -> bool:
        """Whether such a call is refused in its turn, nothing having been accepted in between."""
        return self._accepted_seq < self._refused_seq and bool(self._last) and self.news(sent_at)

    def refused_before(self, seq: int, sent_at: float) -> int:
        """Calls sent before call `seq` that were in flight when it was sent and have been refused since."""
        return sum(1 for number, at in self._last if number < seq and at >= sent_at)

    def accepted(self, seq: int, level: int) -> None:
        """Call `seq`, which made `level` in flight, was accepted."""
        self._accepted_seq = max(self._accepted_seq, seq)
        if seq > self._fallen_seq:
            self._highest = max(self._highest, level)

    def refused(self, seq: int, sent_at: float, now: float) -> None:
        """Call `seq`, sent at `sent_at`, was refused."""
        if sent_at > self._known_at:
            self._known_at = now
        self._last.append((seq, now))
        self._refused_seq = max(self._refused_seq, seq)

    def fell(self, seq: int, level: int, now: float, round_trip_s: float, *, rising: bool) -> bool:
        """Whether the refusal of call `seq` with `level` accepted in flight shows that levels are not what counts.

        A fall is a refusal well below a level that was accepted. A wall that comes down gives one; what is accepted
        after it is below all that was refused. A quota gives one fall after another.
        """
        if level >= self._highest - max(1.0, 0.03 * self._highest):
            return False
        self._highest = 0
        self._fallen_seq = max(seq, self._refused_seq)
        self._falls.append(now)
        falls = FALLS_RISING if rising else FALLS
        return len(self._falls) >= falls and now - self._falls[-falls] <= max(LONGEST_S, 4 * round_trip_s)


def steady_rate(used_up: Sequence[tuple[float, int, int]]) -> float | None:
    """The rate of a quota, if refusals at ever higher levels let in equally many calls per second; else None.

    `used_up`: time of a refusal, calls let in by then, calls in flight then. A limit on growth lets in more the more
    are in flight, and a wall stays where it is; only a quota is the same while the level rises.
    """
    now, taken, level = used_up[-1]
    recent = [entry for entry in used_up if now - entry[0] <= STEADY_S]
    start = recent[0]
    if level < STEADY_RISE * start[2]:
        return None
    length = (now - start[0]) / 3
    inner = [min(recent, key=lambda entry: abs(entry[0] - start[0] - third * length)) for third in (1, 2)]
    points = [start, *inner, used_up[-1]]
    rates = []
    for (at, before, _), (until, after, _) in pairwise(points):
        if until - at < STEADY_SPAN_S or after - before < STEADY_CALLS:
            return None
        rates.append((after - before) / (until - at))
    steady = max(rates) < STEADY_WITHIN * min(rates) and rates[-1] <= STEADY_END * rates[0]
    return (taken - start[1]) / (now - start[0]) if steady else None
