"""Rows of tables: filter, sort, cells, columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.plan.model import MapSpec, Plan
from swarmtui.session import events as ev
from swarmtui.session.compare import compare
from swarmtui.session.items import Items
from swarmtui.session.summary import show, summary
from swarmtui.session.vocabulary import BY_CONDITION, ErrorInfo, ErrorKind, State
from swarmtui.tui.commands import why_not_retry_node
from swarmtui.tui.view.column import FLEXIBLE, Column, fit_columns
from swarmtui.tui.view.glyphs import ASCII, UNICODE
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.nodes import detail, short_detail, took_s
from swarmtui.tui.view.table import NODE_COLUMNS, ItemRows, NodeRows
from tests.tui.scripted_feed import approved, finished, mid_run, output, prompt


def rows_of(feed_filter: str = "", sort: tuple[str, bool] = ("", False)) -> tuple[NodeRows, Moment]:
    feed = mid_run()
    moment = Moment(feed.now, feed.state.mono)
    rows = NodeRows(feed.state, feed_filter, sort)
    rows.choose(moment)
    return rows, moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fail", {"lint"}),
        ("!running !waiting !ok", {"speed", "tests", "lint", "scope"}),
        ("merge", {"report"}),
        ("deepseek RUN", {"quality", "security", "translate"}),
        ("no such thing", set()),
    ],
)
def test_filters_need_all_words_and_refuse_negated_ones(text: str, expected: set[str]) -> None:
    assert set(rows_of(text)[0].ids) == expected


def test_sorted_by_state_what_is_urgent_comes_first() -> None:
    rows, _ = rows_of(sort=("state", False))
    assert rows.ids[:3] == ["scope", "lint", "speed"]
    assert rows.ids[-1] == "scan"


def test_sorting_by_tokens_puts_the_biggest_first() -> None:
    assert rows_of(sort=("tokens", True))[0].ids[0] == "translate"


def test_without_a_sort_the_plan_gives_the_order() -> None:
    rows, _ = rows_of()
    assert rows.ids == list(rows.state.nodes)


def test_cells_tell_how_a_node_stands() -> None:
    rows, moment = rows_of()
    cells = {node: rows.cells(at, moment, UNICODE) for at, node in enumerate(rows.ids)}
    assert cells["speed"]["detail"][0].startswith("retry 2/5 in 0:"), (
        "the plan grants 2, after a fault of the provider there are 4"
    )
    assert cells["tests"]["detail"][0].startswith("again in 0:")
    assert cells["report"]["detail"][0] == "waits for quality +4"
    assert cells["translate"]["detail"][0] == "1,221/2,000, 1 failed, 37/s, 21 s left, 6 running"
    assert cells["lint"]["state"] == ("✗ failed", "failed")
    assert cells["scope"]["detail"][0].startswith("asks you 4")
    assert all(cells[node]["state"][0] for node in cells)


def test_between_tries_nobody_counts_how_long_it_has_been_taking() -> None:
    rows, moment = rows_of()
    cells = {node: rows.cells(at, moment, UNICODE) for at, node in enumerate(rows.ids)}
    assert cells["quality"]["took"][0]
    assert (cells["speed"]["took"][0], cells["scope"]["took"][0]) == ("", "")


def test_skipped_nodes_name_the_cause() -> None:
    feed = finished()
    rows = NodeRows(feed.state)
    moment = Moment(feed.now, feed.state.mono)
    rows.choose(moment)
    assert rows.cells(rows.ids.index("report"), moment, ASCII)["detail"][0] == "since security did not succeed"


def test_a_node_that_its_condition_left_out_blames_no_node() -> None:
    feed = finished()
    feed.state.nodes["report"].cause = BY_CONDITION
    rows = NodeRows(feed.state)
    moment = Moment(feed.now, feed.state.mono)
    rows.choose(moment)
    assert rows.cells(rows.ids.index("report"), moment, ASCII)["detail"][0] == "its condition does not hold"
    assert why_not_retry_node(feed.state, feed.state.nodes["report"]) is None


@given(st.integers(4, 250))
def test_columns_fit_and_the_flexible_one_is_not_starved(size: int) -> None:
    fitted = fit_columns(NODE_COLUMNS, size)
    taken = sum(width for _, width in fitted) + 2 * (len(fitted) - 1)
    names = [column.key for column, _ in fitted]
    assert names[:2] == ["state", "node"]
    if "detail" in names and len(names) > 3:
        assert {column.key: width for column, width in fitted}["detail"] >= FLEXIBLE
        assert taken == size


def test_where_even_names_have_no_room_they_give_way_to_the_state() -> None:
    columns = [Column("state", "state", 13, 10), Column("node", "node", 24, 10)]
    assert [width for _, width in fit_columns(columns, 30)] == [13, 15]
    assert [width for _, width in fit_columns(columns, 60)] == [13, 24]


def test_of_columns_that_have_no_room_the_least_weighty_goes_wherever_it_stands() -> None:
    columns = [Column("a", "a", 10, 1), Column("b", "b", 10, 9), Column("c", "c", 10, 5)]
    assert [column.key for column, _ in fit_columns(columns, 22)] == ["b", "c"]


def test_items_are_found_by_a_word_of_their_error() -> None:
    items = Items.fresh(20)
    for item, message in ((3, "not French"), (13, "no answer")):
        items.move(item, State.FAILED)
        items.errors[item] = ErrorInfo(ErrorKind.CHECK, message)
    assert list(ItemRows(items, filter="FRENCH").order) == [3]
    assert list(ItemRows(items, filter="failed !french").order) == [13]
    assert list(ItemRows(items, filter="3 !french").order) == [13]


def test_items_of_a_map_sort_by_urgency() -> None:
    items = Items.fresh(100_000)
    items.move(7, State.RUNNING)
    items.move(99_999, State.FAILED)
    items.errors[99_999] = ErrorInfo(ErrorKind.CHECK, "not French")
    items.charge(7, 0.25)
    items.charge(8, 0.0)  # simulated
    rows = ItemRows(items, ("state", False))
    assert (rows.key(0), rows.key(1), len(rows)) == ("99999", "7", 100_000)
    assert rows.cells(0, Moment(0, 0), UNICODE)["detail"][0] == "not French"
    costs = {rows.key(at): rows.cells(at, Moment(0, 0), UNICODE)["cost"][0] for at in range(10)}
    assert (costs["7"], costs["8"], costs["99999"]) == ("$0.25", "", "")


def test_a_map_whose_items_are_being_read_says_so_and_since_when() -> None:
    feed = approved(Plan("goal", (prompt("each", map=MapSpec("doc", path="docs.jsonl")),)))
    node = feed.state.nodes["each"]
    moment = Moment(feed.now + 7, feed.state.mono + 7)
    assert detail(feed.state, node, moment, UNICODE) == "reading its items from docs.jsonl 0:07"
    assert short_detail(feed.state, node, moment) == "reading"
    feed.play(ev.MapExpanded("each", 50_000))
    assert "0/50,000" in detail(feed.state, node, moment, UNICODE)


def test_an_item_that_was_cancelled_is_not_done_wherever_it_is_told_how_many_are() -> None:
    feed = approved(Plan("goal", (prompt("each", map=MapSpec("doc", path="docs.jsonl")),)))
    feed.play(ev.MapExpanded("each", 30))
    node = feed.state.nodes["each"]
    assert node.items is not None
    for item in range(30):
        node.items.move(item, State.CANCELLED if item == 7 else State.SUCCEEDED)
    told = detail(feed.state, node, Moment(feed.now, feed.state.mono), UNICODE)
    listed, (shown,) = summary(feed.state)["items"], show(feed.state)["nodes"]  # type: ignore[misc]
    assert told == "29/30, 1 cancelled"
    assert listed == {"done": 29, "total": 30}
    assert shown["progress"]["text"] == "29 of 30 items, 1 cancelled"  # type: ignore[index, call-overload]
    assert (shown["progress"]["done"], shown["progress"]["ended"]) == (29, 30)  # type: ignore[index, call-overload]


def test_a_map_that_failed_and_was_retried_took_what_its_items_ran_and_is_compared_and_sorted_by_that() -> None:
    plan = Plan("goal", (prompt("each", map=MapSpec("doc", path="docs.jsonl")), prompt("slow")))
    feed = approved(plan)
    feed.play(ev.MapExpanded("each", 1), ev.AttemptStarted("each", 1, 0), ev.AttemptStarted("slow", 1))
    no = ErrorInfo(ErrorKind.MALFORMED, "the reply is not JSON")
    feed.play(ev.AttemptFailed("each", 1, no, 0, 1.2), after=1.2)
    feed.play(ev.MapFinished("each", 0, 1, False, output("")))
    feed.play(ev.AttemptSucceeded("slow", 1, output("…"), took_s=4.0), after=2.8)
    feed.play(ev.NodeRetried("each", failed_items=True), after=25)
    feed.play(ev.AttemptStarted("each", 2, 0))
    feed.play(ev.AttemptSucceeded("each", 2, output("…"), 0, 1.1), after=1.1)
    state, moment = feed.state, Moment(feed.now, feed.state.mono)
    assert {row.id: round(took_s(row, moment) or 0, 1) for row in state.nodes.values()} == {"each": 2.3, "slow": 4.0}
    rows = NodeRows(state, "", ("took", True))
    rows.choose(moment)
    assert [rows.key(at) for at in range(len(rows))] == ["slow", "each"]
    for row in compare(state, state).rows:
        assert row.a is not None
        assert row.a.took_s == took_s(state.nodes[row.id], moment)
