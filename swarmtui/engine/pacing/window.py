"""How many calls may be in flight: slow start, then the provider's wall, followed.

Calls that were in flight and accepted when one was refused ARE the provider's cap: no factor is needed. The wall is
tested again with one call more, soon when it is new, seldom once it was confirmed; each test that passes doubles the
step of the next, and well above the wall it is forgotten.
"""

from __future__ import annotations

START = 12.0
LARGEST = 100_000.0
EARLY_UP_TO = 24.0
EARLY = 1.5
RAMP = 1.4
"""Calls that each newly accepted call brings: what is added grows by that factor per time to first token. Up to
`EARLY_UP_TO` in flight by the first, since so few are hardly a crowd."""
BUSY = 0.8
NEW_WALL_S = 2.0
YOUNG = 3
"""A wall that was found less often than this is tested by the clock: it may be a limit on growth, which moves."""
OLD = 6
CALLS_PER_TEST = 38
"""Accepted calls between two tests of a confirmed wall: what bounds refusals to less than 3 in 100."""
LONGEST_TEST_S = 300.0


class Window:
    """The window law. `size` is what was accepted; one step more may be tried when a test of the wall is due."""

    def __init__(self, size: float = START) -> None:
        self.size = size
        self.wall: int | None = None
        self.ceiling: float | None = None
        """What the latency law allows."""
        self.confirmed = 0
        """How often the wall was found where it was."""
        self._step = 1
        self._test_at = 0.0
        self._accepted = 0
        self._refused_at = -1e9
        self._found = 0
        """Where the wall was last, remembered after it was forgotten."""
        self._pending: tuple[int, float] | None = None
        """A test that passed unless a refusal comes by then."""
        self._rises = 0
        """Walls found in a row, each above the last: the provider limits growth."""

    def room(self, in_flight: int, now: float) -> bool:
        """Whether one more may go."""
        return in_flight < self.limit(now)

    def limit(self, now: float) -> int:
        """Calls that may be in flight at `now`, a test of the wall included."""
        size = self.size
        if self.wall is not None and now >= self._test_at and self._seasoned(now):
            size += self._step
        if self.ceiling is not None:
            size = min(size, self.ceiling)
        return max(1, int(size))

    @property
    def ceiling_binds(self) -> bool:
        """Whether latency, not a wall, is what holds the window."""
        return self.ceiling is not None and self.ceiling <= self.size

    @property
    def rising(self) -> bool:
        """Whether walls are found ever higher: it is growth that the provider limits."""
        return self._rises >= 2

    def next_test(self) -> float | None:
        """When time alone will allow a test; None when it takes an event."""
        if self.wall is None or self.ceiling_binds:
            return None
        ripe = self._young or self._accepted >= CALLS_PER_TEST
        return self._test_at if ripe else self._refused_at + LONGEST_TEST_S

    @property
    def _young(self) -> bool:
        return self.confirmed < YOUNG or (self.rising and self.confirmed < OLD)

    def _seasoned(self, now: float) -> bool:
        return self._young or self._accepted >= CALLS_PER_TEST or now >= self._refused_at + LONGEST_TEST_S

    def accepted(self, level: int, in_flight: int, now: float, *, growth: float, unsure_s: float = 0.0) -> None:
        """A call was accepted that made `level` in flight. `growth`: 1 for all that is possible, 0 for none.

        `unsure_s`: how long others that are counted in `level` may still turn out to be refused.
        """
        self._accepted += 1
        if self.wall is None:
            if growth > 0 and in_flight >= BUSY * self.size:
                self.size = min(LARGEST, self.size + growth * (EARLY if self.size < EARLY_UP_TO else RAMP))
        elif level > self.size and now >= self._test_at and unsure_s > 0:
            self._pending = self._pending or (level, now + unsure_s)
        elif self._pending is not None and now >= self._pending[1]:
            level, self._pending = self._pending[0], None
            self._passed(level, now)
        elif level > self.size and now >= self._test_at:
            self._passed(level, now)

    def _passed(self, level: int, now: float) -> None:
        """A test of the wall passed with `level` in flight."""
        if self.wall is not None:
            self.size = float(level)
            self._step = min(2 * self._step, max(2, level // (10 if self.rising else 4)))
            self._test_at = now
            self.confirmed = 0
            if level > 1.2 * self.wall + 2:
                self.wall = None

    def refused(self, level: int, now: float, round_trip_s: float, *, news: bool) -> None:
        """A call was refused with `level` others accepted in flight; `news`: it was sent knowing of the last."""
        level = max(1, level)
        self._pending = None
        if not news and self.wall is not None:
            self.size = min(self.size, float(level))
            self.wall = self._found = int(self.size)
            if now >= self._test_at:  # a test that failed beside other refusals
                self._test_at, self._accepted = now + NEW_WALL_S * (1 + min(self.confirmed, YOUNG)), 0
            return
        same = self.wall is not None and abs(level - self.wall) <= max(1.0, 0.03 * self.wall)
        self._rises = self._rises + 1 if self._found and level > 1.03 * self._found + 1 else self._rises
        self.confirmed = self.confirmed + 1 if same else 0
        if self.confirmed >= OLD or level < 0.8 * self._found:
            self._rises = 0
        self.wall = self._found = level
        self.size = float(level)
        self._step = max(1, level // 32) if self.rising else 1
        self._accepted = 0
        self._refused_at = now
        clock = NEW_WALL_S * (1 + min(self.confirmed, 1 if self.rising else YOUNG))
        self._test_at = now + (clock if self._young else min(2.0, 1 + 0.25 * self.confirmed) * round_trip_s)

    def shrink(self, size: float) -> None:
        """Allow less, for another reason than a wall."""
        self.size = max(1.0, min(self.size, size))

    def forget_wall(self, size: float) -> None:
        """What looked like a wall was something else; go back to `size`."""
        self.wall = None
        self.size = max(self.size, size)
