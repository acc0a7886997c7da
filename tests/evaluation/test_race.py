"""Short races: each world's own lesson, with loose bounds; the full table is under the perf mark."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from swarmtui.engine.pacer import Admission
from swarmtui.evaluation import measures
from swarmtui.evaluation.race import Deadlock, Outcome, Race, side_by_side
from swarmtui.evaluation.rivals import Aimd, Fixed, PatientFixed
from swarmtui.evaluation.table import RIVALS, OurPacer, race, row
from swarmtui.evaluation.worlds import built_in, variants

WORLDS = {**built_in(), **variants()}


def ours(name: str, calls: int = 400, seed: int = 3) -> Outcome:
    return Race(WORLDS[name], OurPacer(now=0.0, seed=seed), calls=calls, seed=seed).run()


@pytest.mark.parametrize("name", [*built_in(), "02-nostream", "02-nocounts", "04-blind", "08-kills", "13-fast"])
def test_every_job_is_done_and_the_clients_counts_equal_the_ledger(name):
    outcome = ours(name, calls=300)
    assert outcome.lost == 0
    assert outcome.honest
    assert outcome.ok + outcome.quarantined == 300
    assert outcome.most_attempts <= 6


@pytest.mark.parametrize(
    ("name", "number", "share", "refused"),
    [
        ("02", 12, 0.97, 5),
        ("03", 61, 0.93, 3),
        ("05", 80, 0.85, 12),
        ("07", 40, 0.80, 0),
        ("08", 60, 0.85, 8),
        ("13", 61, 0.9, 14),
    ],
)
def test_short_runs_come_near_the_best_fixed_number(name, number, share, refused):
    outcome = ours(name, calls=500)
    best = Race(WORLDS[name], PatientFixed(number), calls=500, seed=3).run()
    assert outcome.per_hour >= share * best.per_hour
    assert outcome.refused_per_100 <= refused


def test_a_crowded_provider_is_not_crowded_further():
    outcome = ours("07", calls=800)
    assert outcome.ledger.peak <= 90
    assert outcome.p95_stretch() <= 1.8


@pytest.mark.parametrize("name", ["07", "07-linear", "07-slots100"])
@pytest.mark.parametrize("seed", [1, 2])
def test_growth_ends_before_there_are_twice_the_slots(name, seed):
    outcome = ours(name, calls=600, seed=seed)
    assert outcome.ledger.peak <= 2.1 * (WORLDS[name].slots or 0)


def test_a_crowd_is_seen_by_whole_answers_where_nothing_is_streamed():
    outcome = ours("07-nostream", calls=1000)
    assert outcome.ledger.peak <= 130
    assert outcome.p95_stretch() <= 2.0


@pytest.mark.parametrize("seed", [1, 5])
def test_a_quota_that_a_fast_service_has_burst_into_is_no_chance(seed):
    outcome = ours("13-minute-fast", calls=1200, seed=seed)
    assert outcome.refused_per_100 <= 40


@pytest.mark.parametrize(("name", "of_aimd"), [("11", 1.0), ("11-gentle", 1.0), ("11-nostream", 0.8)])
def test_a_limit_on_growth_is_not_slowed_down_to_nothing(name, of_aimd):
    outcome = ours(name, calls=1200)
    assert outcome.per_hour >= of_aimd * Race(WORLDS[name], Aimd(3), calls=1200, seed=3).run().per_hour


def test_seldom_refusals_by_chance_do_not_hold_the_window_down():
    outcome = ours("23-few", calls=1500)
    assert outcome.per_hour >= 0.5 * measures.bound_per_hour(outcome.world, 1500)


def test_during_an_outage_single_probes_go():
    outcome = ours("08-long", calls=900)
    assert outcome.elapsed_s > 270
    assert 0 < measures.probes_per_2s(outcome) <= 1.0


def test_after_the_cap_fell_refusals_stop_within_a_round_trip():
    outcome = ours("05", calls=1800)
    assert measures.refusals_stop(outcome, 180) <= 10.6


def test_after_the_cap_rose_the_new_rate_is_reached_within_a_minute():
    world = replace(WORLDS["06"], cap=((0, 16), (120, 120)))
    outcome = Race(world, OurPacer(now=0.0, seed=1), calls=1500, seed=1).run()
    assert measures.soon_at_rate(outcome, 120) <= 60


def test_fixed_numbers_lose_jobs_at_a_tight_cap_where_the_pacer_loses_none():
    fixed = Race(WORLDS["02"], Fixed(128), calls=400, seed=0).run()
    assert fixed.lost > 20
    assert ours("02").lost == 0


@pytest.mark.parametrize(
    ("name", "calls", "share", "refused"),
    [
        ("20", 1000, 0.75, 5),
        ("20-middle", 1500, 0.8, 5),
        ("21-ten", 1500, 0.75, 8),
        ("22-phase", 1000, 0.8, 14),
        ("22-sliding", 1000, 0.85, 10),
        ("24-quick", 1500, 0.8, 8),
        ("24-half", 3000, 0.85, 4),
    ],
)
def test_other_kinds_of_providers_are_used_well_too(name, calls, share, refused):
    outcome = ours(name, calls=calls)
    assert outcome.lost == 0
    assert outcome.honest
    assert outcome.per_hour >= share * measures.bound_per_hour(outcome.world, calls)
    assert outcome.refused_per_100 <= refused


def test_two_clients_of_one_account_share_it():
    world = replace(WORLDS["02"], cap=((0, 40),))
    alone = Race(world, OurPacer(now=0.0, seed=1), calls=800, seed=1).run()
    both = side_by_side(world, [OurPacer(now=0.0, seed=seed) for seed in (1, 2)], calls=500, seed=1)
    together = sum(outcome.per_hour for outcome in both)
    assert together >= 0.75 * alone.per_hour
    assert min(outcome.per_hour for outcome in both) >= together / 4


def test_a_race_is_the_same_each_time():
    first, second = ours("10", calls=200), ours("10", calls=200)
    assert (first.elapsed_s, first.refused, first.finished) == (second.elapsed_s, second.refused, second.finished)


def test_a_rule_that_never_sends_is_found_out():
    class Never(Aimd):
        def admit(self, now: float, tokens: int = 0) -> Admission:
            return Admission(False, None)

    with pytest.raises(Deadlock):
        Race(WORLDS["02"], Never(), calls=3, seed=0).run()


@pytest.mark.parametrize("name", RIVALS)
def test_each_rival_runs(name):
    outcome = race((WORLDS["02-fast"], name, 60, 0))
    assert outcome is not None
    assert outcome.ok + outcome.lost == 60


def test_a_row_compares_with_the_oracle_and_tells_what_was_missed():
    found = row(WORLDS["02-fast"], seeds=1, calls=200, rivals=["aimd"], run=map)
    assert found.oracle_n >= 10
    assert 0.9 < found.ratio < 1.1
    assert found.as_json()["rivals"]["aimd"]["refused"] > found.ours.refused_per_100
    assert replace(found, ours=replace(found.ours, lost=0.5)).misses()


@pytest.mark.perf
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("which", [["--seeds", "5"], ["--variants", "--seeds", "2"]])
def test_every_world_of_the_table_is_told_and_no_job_is_lost(capsys, which):
    from swarmtui.cli.main import main

    main(["eval", "pacing", "--json", *which])
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [found["world"] for found in rows] == list(variants() if "--variants" in which else built_in())
    assert [found["world"] for found in rows if found["lost"]] == []
