"""Plays what remains of a session through once, with drawn durations: event-driven list scheduling, as fast as it goes.

Whatever is ready and fits into its pool, its tags and the total starts, best rank first, as the scheduler would have
it. Items of a map are played in portions that shrink towards its end, as in guided self-scheduling (Polychronopoulos,
Kuck, IEEE Transactions on Computers C-36, 1987), never more than a 32nd of a lane's share. The sum over a portion is
taken for its expectation, the sum over all items is drawn from a normal distribution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from heapq import heappop, heappush
from math import exp, log, sqrt
from random import Random
from statistics import NormalDist

from swarmtui.engine.outlook import Outlook, Takes, Work
from swarmtui.frozen import frozen
from swarmtui.session.pools import QUESTIONS

LANE_SHARE = 32
_NORMAL = NormalDist()


@frozen
class Caps:
    """What may run at once."""

    total: int
    pools: Mapping[str, int]
    tags: Mapping[str, int]


class Board:
    """What every run over the same works has in common. Works are numbered by rank: the least number goes first."""

    def __init__(self, ahead: Outlook) -> None:
        self.works = ahead.works
        self.then = [work.then for work in ahead.works]
        self.needs = [work.needs for work in ahead.works]
        self.units = [work.units for work in ahead.works]
        self.open = [work.units + len(work.running) for work in ahead.works]
        found: dict[tuple[str, tuple[str, ...]], int] = {}
        self.lane = [found.setdefault((work.pool, work.tags), len(found)) for work in ahead.works]
        """Work -> its lane: works of one pool and the same tags."""
        self.lanes = list(found)
        self.order = self._in_order()
        """Works with what they need before them."""
        self.queues = all(pool != QUESTIONS for pool, _ in self.lanes) and not any(work.delay_s for work in self.works)
        """Whether in a single place everything runs one after another without a gap."""

    @property
    def width(self) -> int:
        """How many attempts may be ready at once, about: of the widest layer."""
        level = [0] * len(self.works)
        wide: dict[int, int] = {}
        for at in self.order:
            below = level[at] + 1
            wide[level[at]] = wide.get(level[at], 0) + self.open[at]
            for other in self.then[at]:
                level[other] = max(level[other], below)
        return max(wide.values(), default=1)

    def _in_order(self) -> list[int]:
        needs = self.needs.copy()
        order = [at for at, count in enumerate(needs) if not count]
        for at in order:  # grows while it is walked
            for other in self.then[at]:
                needs[other] -= 1
                if not needs[other]:
                    order.append(other)
        return order


class Drawn:
    """The durations of one run, the same at every concurrency."""

    def __init__(self, ahead: Outlook, factors: Sequence[float], seed: int) -> None:
        self._takes = ahead.takes
        self._factors = factors
        self._seed = seed
        random = Random(seed)  # noqa: S311 - a simulation
        self.single = [self._one(work.takes, random) if work.units == 1 else 0.0 for work in ahead.works]
        self.each = [self._all(work, random) / work.units if work.units > 1 else 0.0 for work in ahead.works]
        self.left = {
            at: tuple(self._rest(work.takes, elapsed, random) for elapsed in work.running)
            for at, work in enumerate(ahead.works)
            if work.running
        }
        self.longest = {at: self._longest(work, random) for at, work in enumerate(ahead.works) if work.units > 1}
        """What the longest of all items of a map takes."""

    def items(self, at: int) -> Random:
        """Draws of single items of a map, the same ones whenever it is asked."""
        return Random(self._seed ^ (at + 1) * 0x9E3779B97F4A7C15)  # noqa: S311 - a simulation

    def item(self, takes: int, random: Random) -> float:
        """How long one item takes, its retries included."""
        return self._one(takes, random)

    def _one(self, at: int, random: Random) -> float:
        takes = self._takes[at]
        took = self._try(takes, at, random)
        while takes.again and random.random() < takes.again:
            took += self._try(takes, at, random)
        return took

    def _try(self, takes: Takes, at: int, random: Random) -> float:
        if not takes.sigma:
            return takes.median_s * self._factors[at]
        return takes.median_s * self._factors[at] * exp(takes.sigma * random.gauss(0.0, 1.0))

    def _all(self, work: Work, random: Random) -> float:
        takes = self._takes[work.takes]
        noise = takes.spread_s * sqrt(work.units) * random.gauss(0.0, 1.0) if takes.spread_s else 0.0
        mean = takes.mean_s * work.units
        return self._factors[work.takes] * max(mean / 2, mean + noise)

    def _longest(self, work: Work, random: Random) -> float:
        """The greatest of as many draws as there are items, drawn at once: its share of the distribution is the
        n-th root of an even one. Retries are left out."""
        takes = self._takes[work.takes]
        share = min(max(random.random(), 1e-12) ** (1 / work.units), 1 - 1e-12)
        return takes.median_s * self._factors[work.takes] * exp(takes.sigma * _NORMAL.inv_cdf(share))

    def _rest(self, at: int, elapsed: float, random: Random) -> float:
        """What is left of an attempt that has run so long: its distribution, given that it has not ended yet."""
        takes = self._takes[at]
        median = takes.median_s * self._factors[at]
        if not median:
            return 0.0
        if not takes.sigma:
            return max(0.0, median - elapsed)
        passed = _NORMAL.cdf(log(elapsed / median) / takes.sigma) if elapsed > 0 else 0.0
        share = min(passed + (1 - passed) * random.random(), 1 - 1e-9)
        return max(0.0, median * exp(takes.sigma * _NORMAL.inv_cdf(max(share, 1e-9))) - elapsed)


def longest_path(board: Board, drawn: Drawn) -> float:
    """Seconds until everything has ended if no limit held anything up."""
    begins = [0.0] * len(board.works)
    ends = 0.0
    for at in board.order:
        work = board.works[at]
        took = drawn.single[at] if work.units == 1 else drawn.longest.get(at, 0.0)
        end = begins[at] + (max(took, *drawn.left[at]) if at in drawn.left else took)
        if work.units:
            end = max(end, work.delay_s + took)
        ends = max(ends, end)
        for other in work.then:
            begins[other] = max(begins[other], end)
    return ends


def makespan(board: Board, caps: Caps, drawn: Drawn) -> float:
    """Seconds until everything has ended."""
    if caps.total == 1 and board.queues:
        waiting = sum(each * units for each, units in zip(drawn.each, board.units, strict=True))
        return sum(drawn.single) + waiting + sum(map(sum, drawn.left.values()))
    return _Play(board, caps, drawn).makespan()


class _Play:
    def __init__(self, board: Board, caps: Caps, drawn: Drawn) -> None:
        self._board = board
        self._drawn = drawn
        self._caps = caps
        self._needs = board.needs.copy()
        self._open = board.open.copy()
        self._queued = board.units.copy()
        names = [*caps.pools, *(f"tag {tag}" for tag in caps.tags)]
        at = {name: index for index, name in enumerate(names)}
        self._free = [*caps.pools.values(), *caps.tags.values(), caps.total]
        """Places left: of each pool, of each tag, and last of all together."""
        self._holds = [self._places(pool, tags, at) for pool, tags in board.lanes]
        """Lane -> what an attempt of it takes a place of."""
        self._ready: list[list[int]] = [[] for _ in board.lanes]
        self._random: dict[int, Random] = {}
        self._events: list[tuple[float, int, int]] = []

    def _places(self, pool: str, tags: tuple[str, ...], at: Mapping[str, int]) -> tuple[int, ...]:
        whole = () if pool == QUESTIONS else (len(self._free) - 1,)
        return (at[pool], *(at[f"tag {tag}"] for tag in tags), *whole)

    def makespan(self) -> float:
        board, events, free, holds, lanes = self._board, self._events, self._free, self._holds, self._board.lane
        for at, rests in self._drawn.left.items():
            for left in rests:
                for place in holds[lanes[at]]:
                    free[place] -= 1
                heappush(events, (left, at, 1))
        for at, needs in enumerate(board.needs):
            if not needs:
                self._may_start(at, 0.0)
        self._fill(0.0)
        now, still_open = 0.0, self._open
        while events:
            now, at, units = heappop(events)
            while True:
                if units:
                    for place in holds[lanes[at]]:
                        free[place] += 1
                    still_open[at] -= units
                    if not still_open[at]:
                        self._done(at, now)
                else:  # its retry has waited long enough
                    heappush(self._ready[lanes[at]], at)
                if not events or events[0][0] != now:
                    break
                _, at, units = heappop(events)
            self._fill(now)
        return now

    def _may_start(self, at: int, now: float) -> None:
        units = self._queued[at]
        if not units:
            if not self._open[at]:
                self._done(at, now)
            return
        delay_s = self._board.works[at].delay_s
        if delay_s and delay_s > now:
            heappush(self._events, (delay_s, at, 0))
        else:
            heappush(self._ready[self._board.lane[at]], at)

    def _done(self, at: int, now: float) -> None:
        """Everything of a work has ended."""
        needs, then = self._needs, self._board.then
        for other in then[at]:
            needs[other] -= 1
            if not needs[other]:
                self._may_start(other, now)

    def _fill(self, now: float) -> None:
        """Start what fits, best rank first over all lanes."""
        free, ready, holds = self._free, self._ready, self._holds
        queued, single, events = self._queued, self._drawn.single, self._events
        units_of = self._board.units
        while True:
            best, chosen = -1, -1
            for lane, heap in enumerate(ready):
                if heap and (best < 0 or heap[0] < best):
                    for place in holds[lane]:
                        if free[place] <= 0:
                            break
                    else:
                        best, chosen = heap[0], lane
            if best < 0:
                return
            if units_of[best] == 1:
                units, took = 1, single[best]
            else:
                units = self._portion(best)
                took = self._drawn.each[best] * units if units > 1 else self._item(best)
            queued[best] -= units
            if not queued[best]:
                heappop(ready[chosen])
            for place in holds[chosen]:
                free[place] -= 1
            heappush(events, (now + took, best, units))

    def _portion(self, at: int) -> int:
        left, work = self._queued[at], self._board.works[at]
        lanes = max(1, min(self._caps.total, self._caps.pools[work.pool], left))
        return max(1, min(left // (2 * lanes), work.units // (LANE_SHARE * lanes)))

    def _item(self, at: int) -> float:
        random = self._random.get(at)
        if random is None:
            random = self._random[at] = self._drawn.items(at)
        return self._drawn.item(self._board.works[at].takes, random)
