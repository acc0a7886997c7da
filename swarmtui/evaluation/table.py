"""The table: our pacer and its rivals in every world, against the best fixed number of calls at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import field
from functools import partial
from statistics import fmean

from swarmtui.engine.pacer import Pacer
from swarmtui.evaluation import measures
from swarmtui.evaluation.race import Deadlock, Outcome, Race, Rule
from swarmtui.evaluation.rivals import Aimd, DeepSwarmTable, Fixed, Gradient2, Inspect, PatientFixed
from swarmtui.evaluation.worlds import World
from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON

ATTEMPTS = 6
"""Charged failures after which our side gives a job up."""
LOSS = 0.985
"""An oracle that does not finish this share of the jobs does not count."""
SHARES = (0.35, 0.6, 0.8, 0.9, 1.0, 1.15, 1.4, 2.0)


class OurPacer(Pacer):
    """The pacer as a rule of a race."""

    attempts = ATTEMPTS


RIVALS: Mapping[str, Callable[[World, int], Rule]] = {
    "aimd": lambda world, seed: Aimd(seed),
    "deepswarm": lambda world, seed: DeepSwarmTable(seed, world.mean_s),
    "inspect": lambda world, seed: Inspect(seed),
    "gradient2": lambda world, seed: Gradient2(seed),
    "fixed8": lambda world, seed: Fixed(8, seed),
    "fixed32": lambda world, seed: Fixed(32, seed),
    "fixed128": lambda world, seed: Fixed(128, seed),
}


@frozen
class Target:
    """What a world's row must reach.

    The oracle of a world depends on how patiently it retries, the bound does not; so the ratio counts as reached too
    when the rate is at the same share of the bound (`of_bound`: the target's ratio times the oracle it was set
    against, over that world's bound).
    """

    ratio: float
    refused: float
    of_bound: float


TARGETS: Mapping[str, Target] = {
    "01": Target(0.95, 1, 0.856),
    "02": Target(0.99, 3, 0.977),
    "03": Target(1.10, 0.5, 0.969),
    "04": Target(1.00, 0.5, 0.933),
    "05": Target(0.98, 4, 0.932),
    "06": Target(0.98, 2, 0.934),
    "07": Target(0.95, 0, 0.932),
    "08": Target(1.00, 2, 0.792),
    "09": Target(1.07, 2, 0.829),
    "10": Target(1.50, 6, 0.876),
    "11": Target(1.05, 5, 0.440),
    "13": Target(1.05, 4, 0.956),
}
OTHER = Target(0.8, 10, 0.8)
"""Of worlds that are not built in."""
CHANCE = 1.2
"""How many times the refusals by chance, and their retries, may be refused where chance refuses."""


def target_of(world: World) -> Target:
    """What a world's row must reach."""
    if world.chance:
        return Target(0.8, 10 + CHANCE * 100 * world.chance / (1 - world.chance), 0.8)
    return TARGETS.get(world.name[:2], OTHER)


@frozen
class Mean:
    """One rule in one world, mean over the seeds."""

    per_hour: float
    refused_per_100: float
    lost: float
    """Share of jobs lost that could have been done."""
    p95_stretch: float
    notes: Mapping[str, float] = field(default_factory=dict)
    honest: bool = True


@frozen
class Row:
    """One world of the table."""

    world: World
    bound_per_hour: float
    oracle_n: int
    oracle: Mean
    ours: Mean
    rivals: Mapping[str, Mean]

    @property
    def ratio(self) -> float:
        """Our rate over the oracle's."""
        return self.ours.per_hour / self.oracle.per_hour

    @property
    def of_bound(self) -> float:
        """Our rate over all that the world's capacity allows."""
        return self.ours.per_hour / self.bound_per_hour

    def misses(self) -> list[str]:
        """The targets that were not met, in words; empty: all met."""
        target = target_of(self.world)
        missed = []
        if self.ratio < target.ratio and self.of_bound < target.of_bound:
            missed.append(
                f"ratio {self.ratio:.3f} < {target.ratio:.2f}, {self.of_bound:.3f} of the bound < {target.of_bound:.3f}"
            )
        if self.ours.refused_per_100 > target.refused:
            missed.append(f"refused {self.ours.refused_per_100:.2f} > {target.refused:g}")
        aimd = self.rivals.get("aimd")
        if aimd is not None and self.ours.per_hour < aimd.per_hour and not aimd.lost:
            missed.append(f"AIMD is faster by {100 * (aimd.per_hour / self.ours.per_hour - 1):.1f} %")
        if self.ours.lost:
            missed.append(f"lost {100 * self.ours.lost:.1f} % of the jobs")
        if not self.ours.honest:
            missed.append("client and ledger disagree")
        limits = _limits(self.world)
        missed += [
            f"{name} {value:.2f} > {limits[name]:g}"
            for name, value in self.ours.notes.items()
            if name in limits and value > limits[name]
        ]
        return missed

    def as_json(self) -> dict[str, JSON]:
        """For scripts."""
        rivals: dict[str, JSON] = {
            name: {"ratio": mean.per_hour / self.oracle.per_hour, "refused": mean.refused_per_100, "lost": mean.lost}
            for name, mean in self.rivals.items()
        }
        target = target_of(self.world)
        return {
            "world": self.world.name,
            "title": self.world.title,
            "oracle_n": self.oracle_n,
            "oracle_per_hour": self.oracle.per_hour,
            "bound_per_hour": self.bound_per_hour,
            "ratio": self.ratio,
            "of_bound": self.of_bound,
            "refused": self.ours.refused_per_100,
            "p95_stretch": self.ours.p95_stretch,
            "lost": self.ours.lost,
            "notes": dict(self.ours.notes),
            "target": {"ratio": target.ratio, "refused": target.refused, "of_bound": target.of_bound},
            "misses": list(self.misses()),
            "rivals": rivals,
        }


def _limits(world: World) -> dict[str, float]:
    """The third column of the targets."""
    limits = {
        "01": {"80% rate s": 30.0},
        "02": {"p95 stretch": 1.05},
        "05": {"refusals stop s": world.mean_s},
        "06": {"80% rate s": 60.0},
        "07": {"p95 stretch": 1.5, "peak/slots": 2.0},
        "08": {"probes per 2 s": 1.0},
        "09": {"attempts": 6.0},
    }
    return limits.get(world.name[:2], {})


def notes_of(outcome: Outcome) -> dict[str, float]:
    """What the third column needs."""
    world = outcome.world
    kind = world.name[:2]
    changes = measures.steps(world)
    notes: dict[str, float] = {}
    if kind == "01":
        notes["80% rate s"] = measures.soon_at_rate(outcome)
    elif kind in {"02", "07"}:
        notes["p95 stretch"] = outcome.p95_stretch()
    elif kind == "05":
        notes["refusals stop s"] = measures.refusals_stop(outcome, changes[0])
    elif kind == "06":
        notes["80% rate s"] = measures.soon_at_rate(outcome, changes[0])
    elif kind == "08":
        notes["probes per 2 s"] = measures.probes_per_2s(outcome)
    elif kind == "09":
        notes["attempts"] = float(outcome.most_attempts)
    if world.slots:
        notes["peak/slots"] = outcome.ledger.peak / world.slots
    return notes


def rule_of(name: str, world: World, seed: int) -> Rule:
    """`pacer`, the name of a rival, or ``oracle N``."""
    if name == "pacer":
        return OurPacer(now=0.0, seed=seed)
    if name.startswith("oracle "):
        return PatientFixed(float(name.split()[1]), seed)
    return RIVALS[name](world, seed)


def race(task: tuple[World, str, int, int]) -> Outcome | None:
    """World, rule, calls, seed; None when the rule blocked itself for ever."""
    world, name, calls, seed = task
    try:
        return Race(world, rule_of(name, world, seed), calls=calls, seed=seed).run()
    except Deadlock:
        return None


def mean_of(outcomes: Sequence[Outcome | None], *, with_notes: bool = False) -> Mean:
    """Over the seeds."""
    ran = [outcome for outcome in outcomes if outcome is not None]
    if len(ran) < len(outcomes):
        return Mean(0.0, 0.0, 1.0, 0.0)
    noted = [notes_of(outcome) for outcome in ran] if with_notes else []
    return Mean(
        fmean(outcome.per_hour for outcome in ran),
        fmean(outcome.refused_per_100 for outcome in ran),
        fmean(outcome.lost / outcome.jobs for outcome in ran),
        fmean(outcome.p95_stretch() for outcome in ran),
        {name: fmean(notes[name] for notes in noted) for name in noted[0]} if noted else {},
        all(outcome.honest for outcome in ran),
    )


def candidates(world: World) -> list[int]:
    """The fixed numbers that the oracle tries."""
    whole = measures.capacity(world)
    return sorted({max(1, round(whole * share)) for share in SHARES} | {cap for _, cap in world.cap})


def row(
    world: World, *, seeds: int, calls: int, rivals: Sequence[str], run: Callable[..., Iterator[Outcome | None]]
) -> Row:
    """One world; `run` is a `map`, of this process or of several."""
    numbers = candidates(world)
    tried = list(run(race, [(world, f"oracle {n}", calls, 0) for n in numbers]))
    scored = sorted(
        ((out.per_hour, n) for out, n in zip(tried, numbers, strict=True) if out and out.lost <= (1 - LOSS) * calls),
        reverse=True,
    )[:2]
    finals = [f"oracle {n}" for _, n in scored]
    names = ["pacer", *rivals, *finals]
    outcomes = list(run(race, [(world, name, calls, seed) for name in names for seed in range(seeds)]))
    split = {name: outcomes[index * seeds : (index + 1) * seeds] for index, name in enumerate(names)}
    oracle_n, oracle = max(((n, mean_of(split[f"oracle {n}"])) for _, n in scored), key=lambda pair: pair[1].per_hour)
    return Row(
        world,
        measures.bound_per_hour(world, calls),
        oracle_n,
        oracle,
        mean_of(split["pacer"], with_notes=True),
        {name: mean_of(split[name]) for name in rivals},
    )


def table(
    worlds: Sequence[World], *, seeds: int, calls: int, rivals: Sequence[str], pool: Executor | None = None
) -> Iterator[Row]:
    """A row per world, as they are done."""
    run = map if pool is None else partial(pool.map, chunksize=1)
    for world in worlds:
        yield row(world, seeds=seeds, calls=calls, rivals=rivals, run=run)
