"""Forecasts of a running session: made when somebody is asked, short otherwise, and anew on request."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from swarmtui.engine.commands import Refused
from swarmtui.engine.foresight import SHORT_NODES, count_lines, foresee, item_files
from swarmtui.plan.model import MapSpec, Plan, PromptSpec
from swarmtui.session import fold
from swarmtui.session.events import Event, Forecasted, PlanProposed
from swarmtui.session.vocabulary import Status
from tests.engine.world import created, node, plan, running


def mapped(path: str) -> Plan:
    return plan(replace(node("m"), spec=PromptSpec("x"), map=MapSpec(path=path)))


async def forecasts(world: object) -> list[Forecasted]:
    found = await world.recorded()  # type: ignore[attr-defined]
    return [event.body for event in found if isinstance(event.body, Forecasted)]


async def test_a_plan_that_waits_for_approval_has_a_forecast_at_every_concurrency(tmp_path: Path) -> None:
    async with running(tmp_path, plan(node("a")), review=True) as world:
        await world.until(lambda: world.state.forecast is not None)
        assert world.state.status is Status.AWAITING_APPROVAL
        (told,) = await forecasts(world)
        assert [row.concurrency for row in told.rows] == [1, 2, 4, None]
        assert told.plan_rev == 1


async def test_a_plan_that_runs_unasked_has_a_short_one(tmp_path: Path) -> None:
    async with running(tmp_path, plan(node("a"))) as world:
        assert await world.finished() is Status.SUCCEEDED
        told = world.state.first_forecast
        assert told is None or [row.concurrency for row in told.forecast.rows] == [None]


async def test_a_huge_plan_that_runs_unasked_waits_for_no_forecast(tmp_path: Path) -> None:
    nodes = [node(f"n{at}") for at in range(SHORT_NODES + 1)]
    async with running(tmp_path, plan(*nodes)) as world:
        await world.finished()
        assert world.state.forecast is None


async def test_a_forecast_can_be_had_anew_and_the_first_one_stays_what_fact_is_held_against(tmp_path: Path) -> None:
    async with running(tmp_path, plan(node("a")), review=True) as world:
        await world.until(lambda: world.state.forecast is not None)
        first = world.state.first_forecast
        seq = await world.do("forecast")
        assert world.state.seq >= seq
        assert len(await forecasts(world)) == 2
        assert world.state.first_forecast is first


async def test_after_the_end_there_is_nothing_to_forecast(tmp_path: Path) -> None:
    async with running(tmp_path, plan(node("a"))) as world:
        await world.finished()
        with pytest.raises(Refused, match="nothing to forecast"):
            await world.do("forecast")


async def test_items_in_files_are_counted_before_they_are_read(tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").write_text('{"a": 1}\n' * 7)
    state = fold.fold([Event(1, 0, 0, created()), Event(2, 0, 0, PlanProposed(1, mapped("items.jsonl")))])
    assert item_files(state, tmp_path) == {"m": tmp_path / "items.jsonl"}
    made = await foresee(state, tmp_path)
    assert "number of items" not in made.basis
    assert "number of items not known: m" in (await foresee(state, tmp_path / "nowhere")).basis


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [("a.jsonl", "1\n2\n3", 3), ("a.jsonl", "1\n2\n", 2), ("a.jsonl", "", 0), ("a.csv", "h\n1\n2\n", 2)],
)
def test_lines_are_counted_with_or_without_a_last_newline(tmp_path: Path, name: str, text: str, count: int) -> None:
    (tmp_path / name).write_text(text)
    assert count_lines(tmp_path / name) == count
    assert count_lines(tmp_path / "missing.jsonl") == 0
