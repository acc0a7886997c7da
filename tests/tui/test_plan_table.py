"""The plan as a table: what each node is, may do, takes and costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from swarmtui.engine.forecast import forecast
from swarmtui.plan.model import Author, Plan
from swarmtui.plan.taskfile import parse_task
from swarmtui.session import events as ev
from swarmtui.tui.actions.table import BY_ID
from swarmtui.tui.screens.plan import PlanScreen
from swarmtui.tui.view.forecast import forecast_lines, on_planner
from swarmtui.tui.view.glyphs import UNICODE
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.plan import node_facts
from swarmtui.tui.view.plan_table import SORTS, PlanRows, estimate_of
from swarmtui.tui.widgets.table import RowTable
from tests.tui.opening import notices, opened, press, settled, text
from tests.tui.scripted_feed import REVIEW, SIMULATED, ScriptedFeed, awaiting_approval, begun, large

NOW = Moment(0.0, 0.0)


def foretold(plan: Plan = REVIEW) -> ScriptedFeed:
    feed = begun(plan)
    return feed.play(forecast(feed.state))


def rows_of(feed: ScriptedFeed, **more: object) -> PlanRows:
    rows = PlanRows(feed.state, **more)  # type: ignore[arg-type]
    rows.choose()
    return rows


def cells(rows: PlanRows, node: str) -> dict[str, str]:
    return {key: words for key, (words, _) in rows.cells(rows.ids.index(node), NOW, UNICODE).items()}


def test_a_row_says_what_a_node_is_takes_and_costs() -> None:
    found = cells(rows_of(foretold()), "quality")
    assert (found["kind"], found["model"], found["needs"], found["time"]) == ("prompt", "worker", "scan", "0:40")
    assert found["cost"].startswith("$0.00")
    assert found["tokens"]
    assert found["sandbox"] == found["effects"] == ""


def test_commands_say_whether_the_sandbox_holds_them() -> None:
    assert cells(rows_of(foretold()), "scan")["sandbox"] == "OUTSIDE"
    planned = cells(rows_of(foretold(replace(REVIEW, author=Author.PLANNER))), "scan")
    assert (planned["sandbox"], planned["effects"]) == ("in", "changes")


def test_of_an_agent_that_is_a_program_its_name_stands_where_tools_do() -> None:
    plan = parse_task("goal: g\nnodes:\n  a: {agent: claude, prompt: x}\n").plan
    assert plan is not None
    assert cells(rows_of(begun(plan)), "a")["tools"] == "claude"


def test_what_the_simulated_model_costs_is_made_up_and_not_a_sum() -> None:
    feed = begun(REVIEW, models=SIMULATED)
    feed.play(forecast(feed.state))
    assert cells(rows_of(feed), "quality")["cost"] == "made up"


def test_a_forecast_of_another_revision_is_told_of_no_node_that_both_have() -> None:
    feed = foretold()
    assert estimate_of(feed.state, "quality") is not None
    feed.state.plan_rev = 2
    assert estimate_of(feed.state, "quality") is None


def test_without_a_forecast_of_this_revision_nothing_is_said_of_time_and_cost() -> None:
    feed = foretold()
    feed.play(ev.PlanProposed(2, replace(REVIEW, title="Another")))
    found = cells(rows_of(feed), "quality")
    assert found["time"] == found["cost"] == found["calls"] == ""


def test_a_forecast_of_an_older_version_says_nothing_of_nodes() -> None:
    feed = begun(REVIEW)
    feed.play(replace(forecast(feed.state), nodes={}))
    assert cells(rows_of(feed), "quality")["time"] == ""


@pytest.mark.parametrize("key", SORTS)
@pytest.mark.chaos
def test_every_column_sorts_and_loses_no_node(key: str) -> None:
    feed = foretold()
    for descending in (False, True):
        assert sorted(rows_of(feed, sort=(key, descending)).ids) == sorted(feed.state.plan_nodes)


def test_sorted_by_cost_the_dearest_comes_first() -> None:
    assert rows_of(foretold(), sort=("cost", True)).ids[0] == "translate"


def test_the_filter_looks_at_what_a_row_says() -> None:
    feed = foretold()
    assert rows_of(feed, filter="outside").ids == ["scan", "lint"]
    assert "quality" not in rows_of(feed, filter="!prompt").ids
    assert rows_of(feed, filter="planner").ids == ["report"]


def test_the_detail_says_why_a_node_is_needed_and_what_is_expected() -> None:
    text = "goal: g\nnodes:\n  a: {prompt: x}\n  b: {prompt: y}\n  c: {needs: [a, b], prompt: '{{ a.output }}'}\n"
    plan = parse_task(text).plan
    assert plan is not None
    feed = foretold(plan)
    facts = {label: value for label, value, _ in node_facts(feed.state, plan.node("c"))}
    assert facts["needs"] == "a, b (waits for it alone)"
    assert "tokens in" in facts["expected"]


def test_all_on_the_planner_model_is_told_where_prices_are_known() -> None:
    feed = foretold()
    dear = on_planner(feed.state)
    assert dear is not None
    told = feed.state.forecast
    assert told is not None
    assert told.forecast.rows[-1].usd is not None
    assert dear > told.forecast.rows[-1].usd[1]
    shown = "\n".join("".join(part for part, _ in line) for line in forecast_lines(feed.state, 60, short=False))
    assert "all on the planner model: $" in shown
    row = replace(told.forecast.rows[-1], usd=(dear, dear / 1.01, dear))
    feed.play(replace(told.forecast, rows=(row,)))
    assert on_planner(feed.state) is None  # as good as the same
    unpriced = {name: replace(ref, price_in=None) for name, ref in feed.state.models.items()}
    feed.state.models = unpriced
    assert on_planner(feed.state) is None


@pytest.mark.chaos
async def test_v_leads_to_the_table_and_S_sorts_it() -> None:
    feed = awaiting_approval()
    feed.play(forecast(feed.state))
    async with opened(feed) as pilot:
        await press(pilot, "S")
        assert "v leads to it" in notices(pilot)[-1]
        await press(pilot, "v", "j")
        assert pilot.app.selected == "quality"  # type: ignore[attr-defined]
        screen = pilot.app.screen
        await press(pilot, "S", "D")
        assert screen.rows.sort == ("node", True)  # type: ignore[attr-defined]
        for descending in (False, True):
            screen.query_one(RowTable).post_message(RowTable.SortAsked("cost"))
            await settled(pilot)
            assert screen.rows.sort == ("cost", descending)  # type: ignore[attr-defined]
        await press(pilot, "slash", *"in", "enter")
        assert "OUTSIDE" not in text(pilot)


async def test_what_rows_are_sorted_by_is_told_where_there_is_no_room_for_the_column() -> None:
    async with opened(awaiting_approval(), size=(80, 24)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, PlanScreen)
        assert "only the table is sorted" in (screen.refusal(BY_ID["sort"]) or "")
        await press(pilot, "v")
        table, told = screen.query_one(RowTable), []
        for _ in SORTS[1:]:
            await press(pilot, "S")
            key = table.rows.sort[0]
            assert (f"by {key} " in str(table.border_title)) != table.has_room_for(key), key
            told.append(table.has_room_for(key))
        assert {True, False} == set(told)


@pytest.mark.chaos
async def test_matches_in_the_table_come_in_the_order_of_its_rows() -> None:
    async with opened(awaiting_approval()) as pilot:
        await press(pilot, "v", "S", "D", "slash", *"!absent", "enter", "g")
        rows = pilot.app.screen.rows.ids  # type: ignore[attr-defined]
        gone_to = []
        for _ in rows:
            await pilot.press("n")
            gone_to.append(pilot.app.selected)  # type: ignore[attr-defined]
        assert gone_to == [*rows[1:], rows[0]]
        await press(pilot, "slash", *["backspace"] * 7, "enter", "n")
        assert pilot.app.selected == rows[0]  # type: ignore[attr-defined]
        assert "nothing is searched for" in notices(pilot)[-1]


@pytest.mark.chaos
async def test_keys_that_come_fast_are_about_the_node_they_moved_to() -> None:
    async with opened(awaiting_approval()) as pilot:
        await press(pilot, "v")
        await pilot.press("j", "j", "enter")
        await press(pilot)
        assert "node security" in text(pilot)


@pytest.mark.chaos
async def test_a_table_of_two_thousand_nodes_is_drawn_by_what_is_visible() -> None:
    plan = large(2_000).state.plan
    assert plan is not None
    feed = begun(plan)
    feed.play(forecast(feed.state))
    async with opened(feed) as pilot:
        await press(pilot, "v", "G")
        assert "step-1999" in text(pilot)
