"""Refusals by chance: told from walls and quotas by what became of the last calls, and never slowed down for."""

from __future__ import annotations

import random
from statistics import fmean

import pytest

from swarmtui.engine.pacing.fates import Fate, by_chance, full_at, in_a_row, unsteady
from swarmtui.evaluation.race import Race, Rule
from swarmtui.evaluation.rivals import Aimd
from swarmtui.evaluation.table import OurPacer
from swarmtui.evaluation.worlds import World

SURE = 6.0


def drawn(part: float, seed: int, calls: int = 120) -> list[Fate]:
    """Calls at ten a second beside about twenty, a `part` of them refused whatever they meet."""
    draw = random.Random(seed)
    return [Fate(number / 10, 20 + draw.randrange(3), draw.random() < part) for number in range(calls)]


@pytest.mark.parametrize("part", [0.1, 0.3])
def test_refusals_that_nothing_explains_are_found_to_be_by_chance(part):
    odds = [by_chance(drawn(part, seed)) for seed in range(8)]
    assert fmean(odds) > SURE
    assert min(odds) > 0


def test_a_wall_explains_what_it_refuses():
    fates = [Fate(number / 10, 20 if number % 10 == 9 else 19, number % 10 == 9) for number in range(120)]
    assert by_chance(fates) < -SURE


def test_a_quota_explains_what_it_refuses():
    level, fates = 20.0, []
    for number in range(160):
        level = min(20.0, level + 0.5 * 0.1)  # five a second, and ten are sent
        fates.append(Fate(number / 10, 20, level < 1))
        level -= level >= 1
    assert by_chance(fates) < 0 or unsteady(fates) > SURE


def test_an_end_of_all_acceptance_is_no_chance():
    fates = [Fate(number / 10, 20, number > 80) for number in range(120)]
    assert unsteady(fates) > SURE
    assert in_a_row(fates) == 39


def test_among_refusals_by_chance_a_wall_is_where_none_is_accepted_any_more():
    free = [Fate(float(number), 10, number % 3 == 0) for number in range(30)]
    full = [Fate(30.0 + number, 12, refused=True) for number in range(9)]
    assert full_at(free, 0.3, 9.0) is None
    assert full_at([*free, *full], 0.3, 9.0) == 12
    assert full_at([*free, *full, Fate(40.0, 12, refused=False)], 0.3, 9.0) is None


def rate(rule: Rule, world: World, seed: int, calls: int) -> float:
    outcome = Race(world, rule, calls=calls, seed=seed).run()
    assert outcome.ok == calls
    return outcome.per_hour


def mean_rates(world: World, seeds: int, calls: int) -> tuple[float, float]:
    """Ours and AIMD's."""
    ours = fmean(rate(OurPacer(now=0.0, seed=seed), world, seed, calls) for seed in range(seeds))
    return ours, fmean(rate(Aimd(seed), world, seed, calls) for seed in range(seeds))


@pytest.mark.parametrize(("part", "times"), [(0.1, 0.97), (0.3, 1.2)])
def test_a_provider_that_refuses_by_chance_is_used_as_well_as_aimd_does_or_better(part, times):
    ours, aimd = mean_rates(World("chance", "by chance", cap=((0, 100),), chance=part), 3, 1500)
    assert ours > times * aimd


def test_a_cap_is_kept_to_while_some_are_refused_by_chance():
    world = World("chance", "by chance, 12 at once", cap=((0, 12),), chance=0.1)
    ours, _ = mean_rates(world, 3, 600)
    assert ours > 0.85 * 3600 * 12 / world.mean_s


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("streams", [True, False])
def test_where_every_second_call_is_refused_the_rate_never_stays_down(seed, streams):
    world = World("half", "every second", cap=((0, 12),), chance=0.5, mean_s=2.0, ttft_s=0.4, streams=streams)
    assert rate(OurPacer(now=0.0, seed=seed), world, seed, 1500) > 0.3 * 3600 * 6 / world.mean_s
