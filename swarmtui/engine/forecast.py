"""How long the rest of a session will take, what it will cost, and how sure that is: by simulating it, purely.

Every run draws durations and plays the remaining graph through as the scheduler would (:mod:`swarmtui.engine.playing`).
The same draws serve every concurrency, so that the rows of the table differ by the concurrency alone (common random
numbers). Beside the rows stands what no concurrency can beat: the longest path.

What keeps it fast, and what it costs in truth: there are as many runs as the effort allows, at least
:data:`FEWEST_RUNS`. How uncertain medians come out is spread evenly over the runs (Latin hypercube: McKay, Beckman,
Conover, Technometrics 21, 1979). Up to :data:`FEW_RUNS` runs the quantiles are those of the lognormal distribution that
fits them, beyond that their own. That a node fails for good, or that a person pauses or answers late, is not foreseen.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil, exp, log, sqrt
from random import Random
from statistics import NormalDist

from swarmtui.engine.outlook import KnownDurations, Outlook, Takes, outlook
from swarmtui.engine.pacing.memory import PacerMemory
from swarmtui.engine.playing import LANE_SHARE, Board, Caps, Drawn, longest_path, makespan
from swarmtui.session.events import Forecasted, ForecastRow
from swarmtui.session.pools import MODEL_LIMIT, QUESTIONS, is_simulated, pool_limit
from swarmtui.session.state import SessionState

EFFORT = 120_000
"""Simulated attempts, over all runs and rows: about a third of a second."""
FEWEST_RUNS, FEW_RUNS, MOST_RUNS = 3, 20, 200
FEWEST_ROWS, MOST_ROWS, WIDEST = 3, 6, 1_024
ENOUGH_SHARE = 0.1
"""What more concurrency must save of the time to be worth anything."""
_NORMAL = NormalDist()
_Z90 = 1.2815515655446004

Learned = Mapping[str, PacerMemory]
"""Pool -> what earlier sessions found its provider to allow."""


def forecast(
    state: SessionState,
    known: KnownDurations | None = None,
    concurrencies: Sequence[int | None] | None = None,
    *,
    items: Mapping[str, int] | None = None,
    learned: Learned | None = None,
    seed: int = 0,
    effort: int = EFFORT,
) -> Forecasted:
    """A forecast of what remains of `state`; equal arguments give equal forecasts.

    Without `concurrencies` those are chosen that tell plans of this width apart: see :func:`concurrencies_of`.
    """
    ahead = outlook(state, known, items)
    rows, basis = table(state, ahead, concurrencies, learned or {})
    return simulate(ahead, rows, basis=basis, seed=seed, effort=effort)


def table(
    state: SessionState, ahead: Outlook, concurrencies: Sequence[int | None] | None, learned: Learned
) -> tuple[list[tuple[int | None, Caps]], str]:
    """The rows to be simulated, and in words what is taken for the limits of providers."""
    chosen = concurrencies_of(ahead) if concurrencies is None else concurrencies
    rows = [(each, caps_at(state, ahead, each, learned)) for each in chosen]
    basis = _of_providers(state, dict(rows)[None], learned) if None in chosen else ""
    return rows, basis


def concurrencies_of(ahead: Outlook) -> tuple[int | None, ...]:
    """Powers of two up to where more changes nothing, thinned to a table that can be read; None is as things stand."""
    width = Board(ahead).width
    powers = [1]
    while (powers[-1] < width or len(powers) < FEWEST_ROWS) and powers[-1] < WIDEST:
        powers.append(powers[-1] * 2)
    step = ceil((len(powers) - 1) / (MOST_ROWS - 1)) or 1
    return (*sorted({*powers[::step], powers[-1]}), None)


# -- what may run at once -------------------------------------------------------------------------------------


def caps_at(state: SessionState, ahead: Outlook, concurrency: int | None, learned: Learned | None = None) -> Caps:
    """What may run at once if the user set `concurrency`; None: as things stand."""
    if concurrency is not None:
        state = copy.copy(state)
        state.limits = replace(state.limits, concurrency=concurrency)
    means = _means(ahead)
    pools = {pool: _places(state, pool, means[pool], learned or {}) for pool in sorted(means)}
    room = sum(limit for pool, limit in pools.items() if pool != QUESTIONS)
    whole = state.limits.concurrency
    return Caps(room if whole is None else min(room, whole), pools, dict(state.limits.tags))


def _means(ahead: Outlook) -> dict[str, float]:
    """Pool -> mean seconds of an attempt in it."""
    units: dict[str, int] = {}
    seconds: dict[str, float] = {}
    for work in ahead.works:
        units[work.pool] = units.get(work.pool, 0) + work.units
        seconds[work.pool] = seconds.get(work.pool, 0.0) + work.units * ahead.takes[work.takes].mean_s
    return {pool: seconds[pool] / max(1, units[pool]) for pool in units}


def _places(state: SessionState, pool: str, mean_s: float, learned: Learned) -> int:
    """Attempts of a pool at once: what is allowed, or what its provider was found to take. A rate is turned into
    places by Little's law: so many calls a second, each as long as the mean, are so many at once."""
    told, memory = state.paced.get(pool), learned.get(pool)
    places = pool_limit(state, pool)
    if told is None and memory is not None and _left_to_pacer(state, pool):
        places = max(1, int(memory.window))
    rate = None if told is None or told.rate_per_min is None else told.rate_per_min / 60
    if told is None and memory is not None:
        rate = memory.rate
    return places if rate is None else max(1, min(places, ceil(rate * mean_s)))


def _left_to_pacer(state: SessionState, pool: str) -> bool:
    """Whether no limit of the user's is on a provider's pool, in any of its names."""
    if pool not in state.model_pools.values() or is_simulated(state, pool) or state.limits.concurrency is not None:
        return False
    names = {ref.name for name, ref in state.models.items() if state.model_pools.get(name) == pool}
    return not ({pool} | names) & state.limits.pools.keys()


def _of_providers(state: SessionState, auto: Caps, learned: Learned) -> str:
    """Where the places of providers' pools come from, as far as the user has not said."""
    found = []
    for pool, places in auto.pools.items():
        if not _left_to_pacer(state, pool):
            continue
        if pool in state.paced:
            why = "as its pacer stands"
        elif pool in learned:
            why = "as earlier sessions found"
        else:
            why = f"assumed ({MODEL_LIMIT} until its limit is found)"
        found.append(f"{pool} {places} at once, {why}")
    return "auto: " + ", ".join(found) if found else ""


# -- the table ------------------------------------------------------------------------------------------------


def simulate(
    ahead: Outlook,
    rows: Sequence[tuple[int | None, Caps]],
    *,
    basis: str = "",
    seed: int = 0,
    effort: int = EFFORT,
) -> Forecasted:
    """The forecast of `ahead` at each of `rows`. Takes no state, so that it can be made in a thread."""
    board = Board(ahead)
    worlds = [at for at, (_, caps) in enumerate(rows) if caps not in [other for _, other in rows[:at]]]
    runs = _runs(ahead, [rows[at][1] for at in worlds], effort)
    random = Random(seed)  # noqa: S311 - a simulation
    columns = _columns(ahead.takes)
    doubts = _hypercube(max(columns, default=-1) + 1, runs, random)
    seconds: list[list[float]] = [[] for _ in rows]
    floors = []
    for run in range(runs):
        factors = [exp(takes.doubt * doubts[at][run]) for at, takes in zip(columns, ahead.takes, strict=True)]
        drawn = Drawn(ahead, factors, random.getrandbits(48))
        for at in worlds:
            seconds[at].append(makespan(board, rows[at][1], drawn))
        floors.append(min([longest_path(board, drawn), *(seconds[at][-1] for at in worlds)]))
    usd, tokens = _consumed(ahead, random)
    first = [caps for _, caps in rows].index
    told = tuple(ForecastRow(concurrency, _quantiles(seconds[first(caps)]), usd, tokens) for concurrency, caps in rows)
    whole = "; ".join(part for part in (ahead.basis, basis) if part)
    return Forecasted(ahead.plan_rev, told, whole, _quantiles(floors), enough(told), ahead.nodes)


def _runs(ahead: Outlook, worlds: Sequence[Caps], effort: int) -> int:
    if all(not takes.sigma and not takes.doubt and not takes.again for takes in ahead.takes):
        return 1
    weight = sum(_weight(work.units, work.pool, caps) for caps in worlds for work in ahead.works)
    return max(FEWEST_RUNS, min(MOST_RUNS, effort // max(1, weight)))


def _weight(units: int, pool: str, caps: Caps) -> int:
    """Events that a work is about good for in one run."""
    if units <= 1:
        return 1
    lanes = max(1, min(caps.total, caps.pools.get(pool, 1)))
    return min(units, 2 * LANE_SHARE * lanes)


def enough(rows: Sequence[ForecastRow]) -> int | None:
    """The least concurrency of the table from which on more saves less than a tenth of the median time."""
    known = sorted((row.concurrency, row.seconds[1]) for row in rows if row.concurrency is not None)
    if not known:
        return None
    shortest = min(median for _, median in known)
    return next(concurrency for concurrency, median in known if median * (1 - ENOUGH_SHARE) <= shortest)


def _columns(takes: Sequence[Takes]) -> list[int]:
    """For each entry the number of its doubt; those that are wrong together have one."""
    found: dict[str | int, int] = {}
    return [found.setdefault(entry.shared or at, len(found)) for at, entry in enumerate(takes)]


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
    doubts = _hypercube(len(ahead.costs), _COST_RUNS, random)
    spreads = [_CALL_SPREAD * sqrt(cost.squares) / cost.tokens if cost.tokens else 0.0 for cost in ahead.costs]
    usd, tokens = [], []
    for run in range(_COST_RUNS):
        shares = [
            max(0.0, exp(cost.doubt * doubts[at][run]) * (1 + spreads[at] * random.gauss(0.0, 1.0)))
            for at, cost in enumerate(ahead.costs)
        ]
        tokens.append(sum(share * cost.tokens for share, cost in zip(shares, ahead.costs, strict=True)))
        usd.append(sum(share * (cost.usd or 0.0) for share, cost in zip(shares, ahead.costs, strict=True)))
    known = all(cost.usd is not None for cost in ahead.costs)
    return _quantiles(usd) if known else None, _quantiles(tokens)
