"""How long the rest of a session will take, what it will cost, and how sure that is: by simulating it, purely.

Every run draws durations and plays the remaining graph through as the scheduler would: whatever is ready and fits into
its pool, its tags and the total starts, best rank first (event-driven list scheduling). The same draws serve every
concurrency, so that the rows of the table differ by the concurrency alone (common random numbers).

What keeps it fast, and what it costs in truth:

- Items of a map are played in portions that shrink towards its end, as in guided self-scheduling (Polychronopoulos,
  Kuck, IEEE Transactions on Computers C-36, 1987), never more than a 32nd of a lane's share. The sum over a portion is
  taken for its expectation, the sum over all items is drawn from a normal distribution.
- There are as many runs as the effort allows, at least :data:`FEWEST_RUNS`. How uncertain medians come out is spread
  evenly over the runs (Latin hypercube: McKay, Beckman, Conover, Technometrics 21, 1979). Up to :data:`FEW_RUNS` runs
  the quantiles are those of the lognormal distribution that fits them, beyond that their own.
- That a node fails for good, or that a person pauses or answers late, is not foreseen.
"""

from __future__ import annotations

import copy
import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, log, sqrt
from random import Random
from statistics import NormalDist

from swarmtui.engine.outlook import KnownDurations, Outlook, Takes, Work, outlook
from swarmtui.session.events import Forecasted, ForecastRow
from swarmtui.session.pools import QUESTIONS, pool_limit
from swarmtui.session.state import SessionState

CONCURRENCIES: tuple[int | None, ...] = (1, 4, 8, 16, 32, None)
"""The rows of the table; None is what the limits allow now."""
EFFORT = 120_000
"""Simulated attempts, over all runs and rows: about half a second."""
FEWEST_RUNS, FEW_RUNS, MOST_RUNS = 3, 20, 200
_NORMAL = NormalDist()
_Z90 = 1.2815515655446004
_LANE_SHARE = 32


@dataclass(frozen=True, slots=True)
class Caps:
    """What may run at once."""

    total: int
    pools: Mapping[str, int]
    tags: Mapping[str, int]


def forecast(
    state: SessionState,
    known: KnownDurations | None = None,
    concurrencies: Sequence[int | None] = CONCURRENCIES,
    *,
    items: Mapping[str, int] | None = None,
    seed: int = 0,
    effort: int = EFFORT,
) -> Forecasted:
    """A forecast of what remains of `state`; equal arguments give equal forecasts."""
    ahead = outlook(state, known, items)
    return simulate(ahead, [(each, caps_at(state, ahead, each)) for each in concurrencies], seed=seed, effort=effort)


def caps_at(state: SessionState, ahead: Outlook, concurrency: int | None) -> Caps:
    """What may run at once if the user set `concurrency`; None: as things stand."""
    if concurrency is not None:
        state = copy.copy(state)
        state.limits = replace(state.limits, concurrency=concurrency)
    pools = {pool: pool_limit(state, pool) for pool in sorted({work.pool for work in ahead.works})}
    room = sum(limit for pool, limit in pools.items() if pool != QUESTIONS)
    whole = state.limits.concurrency
    return Caps(room if whole is None else min(room, whole), pools, dict(state.limits.tags))


def simulate(
    ahead: Outlook, rows: Sequence[tuple[int | None, Caps]], *, seed: int = 0, effort: int = EFFORT
) -> Forecasted:
    """The forecast of `ahead` at each of `rows`. Takes no state, so that it can be made in a thread."""
    worlds = [at for at, (_, caps) in enumerate(rows) if caps not in [other for _, other in rows[:at]]]
    weight = sum(_weight(work, rows[at][1]) for at in worlds for work in ahead.works)
    runs = max(FEWEST_RUNS, min(MOST_RUNS, effort // max(1, weight)))
    if all(not takes.sigma and not takes.doubt and not takes.again for takes in ahead.takes):
        runs = 1
    random = Random(seed)  # noqa: S311 - a simulation
    doubts = _hypercube(len(ahead.takes), runs, random)
    seconds: list[list[float]] = [[] for _ in rows]
    for run in range(runs):
        factors = [exp(takes.doubt * doubts[at][run]) for at, takes in enumerate(ahead.takes)]
        drawn = _Drawn(ahead, factors, random.getrandbits(48))
        for at in worlds:
            seconds[at].append(_Play(ahead, rows[at][1], drawn).makespan())
    usd, tokens = _consumed(ahead, random)
    first = [caps for _, caps in rows].index
    table = tuple(ForecastRow(concurrency, _quantiles(seconds[first(caps)]), usd, tokens) for concurrency, caps in rows)
    return Forecasted(ahead.plan_rev, table, ahead.basis)


def _weight(work: Work, caps: Caps) -> int:
    """Events that a work is about good for in one run."""
    if work.units <= 1:
        return 1
    lanes = max(1, min(caps.total, caps.pools.get(work.pool, 1)))
    return min(work.units, 2 * _LANE_SHARE * lanes)


def _hypercube(columns: int, runs: int, random: Random) -> list[list[float]]:
    points = [_NORMAL.inv_cdf((run + 0.5) / runs) for run in range(runs)]
    return [random.sample(points, runs) for _ in range(columns)]


def _quantiles(values: list[float]) -> tuple[float, float, float]:
    """p10, p50, p90."""
    ordered = sorted(values)
    n = len(ordered)
    if ordered[0] == ordered[-1]:
        return ordered[0], ordered[0], ordered[0]
    if n > FEW_RUNS:
        found = [ordered[min(n - 1, round(share * (n - 1)))] for share in (0.1, 0.5, 0.9)]
        return found[0], found[1], found[2]
    logs = [log(max(value, 1e-9)) for value in ordered]
    mean = sum(logs) / n
    spread = sqrt(sum((value - mean) ** 2 for value in logs) / (n - 1))
    return exp(mean - _Z90 * spread), exp(mean), exp(mean + _Z90 * spread)


# -- money ----------------------------------------------------------------------------------------------------

_CALL_SPREAD = 0.5
"""Relative deviation of what single calls consume."""
_COST_RUNS = 201


def _consumed(
    ahead: Outlook, random: Random
) -> tuple[tuple[float, float, float] | None, tuple[float, float, float] | None]:
    """Quantiles of dollars and tokens; concurrency has no part in them."""
    costs = [(count, cost) for count, cost in ahead.costs if count]
    doubts = _hypercube(len(costs), _COST_RUNS, random)
    usd, tokens = [], []
    for run in range(_COST_RUNS):
        shares = [
            count * max(0.0, exp(cost.doubt * doubts[at][run]) * (1 + _CALL_SPREAD / sqrt(count) * random.gauss()))
            for at, (count, cost) in enumerate(costs)
        ]
        tokens.append(sum(share * cost.tokens for share, (_, cost) in zip(shares, costs, strict=True)))
        usd.append(sum(share * (cost.usd or 0.0) for share, (_, cost) in zip(shares, costs, strict=True)))
    known = all(cost.usd is not None for _, cost in costs) if costs else True
    return _quantiles(usd) if known else None, _quantiles(tokens)


# -- durations ------------------------------------------------------------------------------------------------


class _Drawn:
    """The durations of one run, the same at every concurrency."""

    def __init__(self, ahead: Outlook, factors: Sequence[float], seed: int) -> None:
        self._takes = ahead.takes
        self._factors = factors
        self._seed = seed
        random = Random(seed)  # noqa: S311 - a simulation
        self.single = [self._one(work.takes, random) if work.units == 1 else 0.0 for work in ahead.works]
        self.each = [self._all(work, random) / work.units if work.units > 1 else 0.0 for work in ahead.works]
        self.left = [
            tuple(self._rest(work.takes, elapsed, random) for elapsed in work.running) if work.running else ()
            for work in ahead.works
        ]

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
        return takes.median_s * self._factors[at] * exp(takes.sigma * random.gauss())

    def _all(self, work: Work, random: Random) -> float:
        takes = self._takes[work.takes]
        noise = takes.spread_s * sqrt(work.units) * random.gauss() if takes.spread_s else 0.0
        mean = takes.mean_s * work.units
        return self._factors[work.takes] * max(mean / 2, mean + noise)

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


# -- one run --------------------------------------------------------------------------------------------------


class _Play:
    """Plays what remains through once. Works are numbered by rank, so that the least ready number starts first."""

    def __init__(self, ahead: Outlook, caps: Caps, drawn: _Drawn) -> None:
        self._works = ahead.works
        self._drawn = drawn
        self._caps = caps
        self._free = dict(caps.pools)
        self._free_tags = dict(caps.tags)
        self._total = caps.total
        self._needs = [work.needs for work in ahead.works]
        self._open = [work.units + len(work.running) for work in ahead.works]
        self._queued = [work.units for work in ahead.works]
        self._ready: dict[tuple[str, tuple[str, ...]], list[int]] = {}
        self._random: dict[int, Random] = {}
        self._events: list[tuple[float, int, int]] = []
        self._now = 0.0

    def makespan(self) -> float:
        """Seconds until everything has ended."""
        for at, work in enumerate(self._works):
            for left in self._drawn.left[at]:
                self._occupy(work, 1)
                heapq.heappush(self._events, (left, at, 1))
        for at in range(len(self._works)):
            if not self._needs[at]:
                self._may_start(at)
        self._fill()
        events = self._events
        while events:
            self._now, at, units = heapq.heappop(events)
            self._ended(at, units)
            while events and events[0][0] == self._now:
                _, at, units = heapq.heappop(events)
                self._ended(at, units)
            self._fill()
        return self._now

    def _may_start(self, at: int) -> None:
        work = self._works[at]
        if work.delay_s > self._now and work.units:
            heapq.heappush(self._events, (work.delay_s, at, 0))
        elif work.units:
            heapq.heappush(self._ready.setdefault((work.pool, work.tags), []), at)
        elif not self._open[at]:
            self._done(at)

    def _ended(self, at: int, units: int) -> None:
        if not units:  # its retry has waited long enough
            work = self._works[at]
            heapq.heappush(self._ready.setdefault((work.pool, work.tags), []), at)
            return
        self._occupy(self._works[at], -1)
        self._open[at] -= units
        if not self._open[at]:
            self._done(at)

    def _done(self, at: int) -> None:
        for other in self._works[at].then:
            self._needs[other] -= 1
            if not self._needs[other]:
                self._may_start(other)

    def _occupy(self, work: Work, places: int) -> None:
        if work.pool != QUESTIONS:
            self._total -= places
        self._free[work.pool] -= places
        for tag in work.tags:
            self._free_tags[tag] -= places

    def _fill(self) -> None:
        """Start what fits, best rank first over all pools."""
        while True:
            best = -1
            chosen: list[int] = []
            for (pool, tags), heap in self._ready.items():
                if heap and (best < 0 or heap[0] < best) and self._fits(pool, tags):
                    best, chosen = heap[0], heap
            if best < 0:
                return
            self._start(best, chosen)

    def _fits(self, pool: str, tags: tuple[str, ...]) -> bool:
        if self._free[pool] <= 0 or (self._total <= 0 and pool != QUESTIONS):
            return False
        return not tags or all(self._free_tags[tag] > 0 for tag in tags)

    def _start(self, at: int, heap: list[int]) -> None:
        work = self._works[at]
        if work.units == 1:
            units, took = 1, self._drawn.single[at]
        else:
            units = self._portion(work, self._queued[at])
            took = self._drawn.each[at] * units if units > 1 else self._item(at)
        self._queued[at] -= units
        if not self._queued[at]:
            heapq.heappop(heap)
        self._occupy(work, 1)
        heapq.heappush(self._events, (self._now + took, at, units))

    def _portion(self, work: Work, left: int) -> int:
        lanes = max(1, min(self._caps.total, self._caps.pools[work.pool], left))
        return max(1, min(left // (2 * lanes), work.units // (_LANE_SHARE * lanes)))

    def _item(self, at: int) -> float:
        random = self._random.get(at)
        if random is None:
            random = self._random[at] = self._drawn.items(at)
        return self._drawn.item(self._works[at].takes, random)
