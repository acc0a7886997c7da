"""Marking nodes and items, one key for many, items and columns in the table, the log as it is searched."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.pilot import Pilot

from swarmtui.session import events as ev
from swarmtui.session.items import Items
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, State
from swarmtui.tui import steering
from swarmtui.tui.app import Workbench
from swarmtui.tui.screens.dialogs import ConfirmScreen
from swarmtui.tui.screens.node import NodeScreen
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.screens.table_part import TablePart
from swarmtui.tui.steering import ranges, steer_items, steer_nodes
from swarmtui.tui.view.chosen_columns import Choice
from swarmtui.tui.view.column import chosen
from swarmtui.tui.view.log_search import LogSearch
from swarmtui.tui.view.logs import LogLine
from swarmtui.tui.view.table import ITEM_COLUMNS, NODE_COLUMNS, ItemRows
from swarmtui.tui.widgets.log import KEPT, LogView
from tests.tui.opening import notices, opened, settled, text
from tests.tui.scripted_feed import REVIEW, ScriptedFeed, approved, mid_run


def on_run(pilot: Pilot[int]) -> RunScreen:
    screen = pilot.app.screen
    assert isinstance(screen, RunScreen)
    return screen


async def press(pilot: Pilot[int], *keys: str) -> None:
    """Press all of them, then look."""
    await pilot.press(*keys)
    await settled(pilot)


def table_of(pilot: Pilot[int]) -> TablePart:
    return on_run(pilot).part(TablePart)


# -- many at once --------------------------------------------------------------------------------------------------


def refuses(*names: str):  # type: ignore[no-untyped-def]
    return lambda node: f"{node.id} is not so" if node.id in names else None


def test_what_applies_and_what_does_not_add_up_and_reasons_are_told_once() -> None:
    nodes = list(mid_run().state.nodes.values())
    steer = steer_nodes("cancel_node", nodes, refuses("scan", "lint"))
    assert steer.total == len(nodes)
    assert steer.others == (("is not so", ("scan", "lint")),)
    assert [request.params["node"] for request in steer.requests] == [
        n.id for n in nodes if n.id not in ("scan", "lint")
    ]
    assert steer.question("cancel") == "Cancel 8 of 10 nodes?"
    assert "Not scan, lint: is not so" in steer.consequence()


def test_what_applies_to_none_says_why() -> None:
    nodes = list(mid_run().state.nodes.values())
    steer = steer_nodes("retry_node", nodes, lambda node: f"{node.id} is not so")
    assert steer.refusal == "none of 10 nodes: is not so"


def test_where_it_applies_to_none_for_several_reasons_it_is_said_to_which_for_which() -> None:
    nodes = [mid_run().state.nodes[name] for name in ("scan", "lint", "report")]
    steer = steer_nodes("skip_node", nodes, lambda node: "has failed" if node.id == "lint" else "has succeeded")
    assert steer.refusal == "none of 3 nodes: scan, report: has succeeded; lint: has failed"
    many = steer_nodes("skip_node", list(mid_run().state.nodes.values()), lambda node: f"because of {node.id[:2]}")
    assert many.refusal is not None
    assert many.refusal.startswith("none of 10 nodes: ")
    assert many.refusal.endswith(" more")


def test_where_some_are_held_and_some_are_not_all_are_held() -> None:
    feed = mid_run().play(ev.NodeHeld("report"))
    nodes = [feed.state.nodes[name] for name in ("report", "publish")]
    steer = steer_nodes("pause_node", nodes, lambda node: None)
    assert [request.method for request in steer.requests] == ["node.pause"]
    steer = steer_nodes("pause_node", nodes[:1], lambda node: None)
    assert [request.method for request in steer.requests] == ["node.resume"]


def test_items_that_are_run_again_are_one_command() -> None:
    node = mid_run().state.nodes["translate"]
    steer = steer_items("retry_node", node, [1220, 0, 1, 2, 1999])
    assert len(steer.requests) == 1
    where = steer.requests[0].params["where"]
    assert isinstance(where, dict)
    assert where["items"] == ["0-2", "1220"]
    assert steer.others == (("ready: only what has ended is run again", ("1,999",)),)
    assert steer_items("pause_node", node, [1]).refusal is not None


def test_so_many_commands_and_no_more_are_sent_for_one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steering, "AT_ONCE", 3)
    node = mid_run().state.nodes["translate"]
    steer = steer_items("cancel_node", node, range(1_990, 1_995))
    assert [request.params["item"] for request in steer.requests] == [1_990, 1_991, 1_992]
    assert steer.others == (("at most 3 are taken at once", ("1,993", "1,994")),)


@given(st.sets(st.integers(0, 60)))
def test_ranges_name_all_numbers_and_no_others(numbers: set[int]) -> None:
    named: list[int] = []
    for one in ranges(sorted(numbers)):
        first, _, last = one.partition("-")
        named.extend(range(int(first), int(last or first) + 1))
    assert named == sorted(numbers)


async def test_marked_nodes_are_asked_together_after_a_question() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        on_run(pilot).select("scan")
        await press(pilot, "tab", "tab", "space", "space", "space")
        assert table_of(pilot).marked == {"scan", "quality", "security"}
        await press(pilot, "x")
        assert isinstance(pilot.app.screen, ConfirmScreen)
        assert "Cancel 2 of 3 nodes?" in text(pilot)
        assert "Not scan: has succeeded already" in text(pilot)
        await press(pilot, "y")
        assert [params["node"] for _, params in feed.commands] == ["quality", "security"]
        assert notices(pilot)[-1] == "cancel: 2 nodes"
        assert not table_of(pilot).marked


@pytest.mark.chaos
async def test_saying_no_asks_nothing_and_keeps_the_marks_until_escape() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "asterisk", "x", "n")
        assert feed.commands == []
        assert len(table_of(pilot).marked) == 10
        await press(pilot, "escape")
        assert not table_of(pilot).marked
        await press(pilot, "x")
        assert len(feed.commands) == 1


async def test_marks_survive_sorting_and_filtering_and_nodes_that_go_are_not_marked() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        on_run(pilot).select("quality")
        await press(pilot, "space", "S", "D", "slash", *"lint", "enter")
        assert table_of(pilot).marked == {"quality"}
        await press(pilot, "asterisk")
        assert table_of(pilot).marked == {"quality", "lint"}


# -- items ---------------------------------------------------------------------------------------------------------


async def test_a_map_opens_its_items_in_the_table_and_escape_leads_back() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        on_run(pilot).select("translate")
        await press(pilot, "tab", "tab", "enter")
        assert "translate: 2,000 items, by state up" in text(pilot)
        assert "the reply is not JSON" in text(pilot)
        await press(pilot, "slash", *"failed", "enter")
        assert "1 of 2,000 items" in text(pilot)
        await press(pilot, "asterisk", "r")
        assert feed.commands[-1][0] == "node.retry"
        assert feed.commands[-1][1]["node"] == "translate"
        await press(pilot, "escape", "escape", "escape")
        assert "table – 10 nodes" in text(pilot)
        assert pilot.app.selected == "translate"  # type: ignore[attr-defined]


@pytest.mark.chaos
async def test_enter_on_what_is_no_map_opens_the_node() -> None:
    async with opened(mid_run()) as pilot:
        on_run(pilot).select("lint")
        await press(pilot, "tab", "tab", "enter")
        assert isinstance(pilot.app.screen, NodeScreen)


def items(number: int) -> Items:
    table = Items.fresh(number)
    for item in range(0, number, 7):
        table.move(item, State.FAILED)
        table.errors[item] = ErrorInfo(ErrorKind.OUTAGE, f"no answer from host {item % 3}")
    for item in range(1, number, 2):
        table.move(item, State.SUCCEEDED)
        table.errors.pop(item, None)
    return table


@settings(max_examples=30)
@given(st.integers(0, 60), st.sampled_from(["", "failed", "!ok", "host 1", "2"]), st.booleans())
def test_sorting_and_filtering_items_lose_none_that_match(number: int, words: str, down: bool) -> None:
    plain = set(ItemRows(items(number), filter=words).order)
    for key in ("state", "item", "tries", "cost"):
        assert set(ItemRows(items(number), (key, down), filter=words).order) == plain
    if words == "failed":
        assert plain == set(items(number).where(State.FAILED))


# -- columns -------------------------------------------------------------------------------------------------------


def test_columns_are_those_of_the_names_that_are_known() -> None:
    assert [column.key for column in chosen(NODE_COLUMNS, ("cost", "nothing", "node", "cost"))] == ["cost", "node"]
    assert "kind" not in [column.key for column in chosen(NODE_COLUMNS, ())]


@given(st.lists(st.sampled_from(["go", "back", "turn", "up", "down"]), max_size=20))
def test_choosing_columns_keeps_each_once_and_one_at_least(steps: list[str]) -> None:
    choice = Choice.of(ITEM_COLUMNS, ())
    for step in steps:
        match step:
            case "go" | "back":
                choice.go(1 if step == "go" else -1)
            case "turn":
                choice.turn()
            case _:
                choice.move(1 if step == "down" else -1)
    assert sorted(choice.order) == sorted(column.key for column in ITEM_COLUMNS)
    assert choice.names


async def test_columns_are_chosen_ordered_and_remembered() -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, "backslash", "j", "j", "space", "K", "enter")
        head = next(line for line in text(pilot).split("\n") if " state " in line and "took" in line)
        assert "model" not in head
        app = pilot.app
        assert isinstance(app, Workbench)
        assert app.memory.get("columns.nodes", []) == list(table_of(pilot).rows.names)
        assert "model" not in table_of(pilot).rows.names


# -- the log -------------------------------------------------------------------------------------------------------


def line(node: str, told: str) -> LogLine:
    return LogLine(1, 0.0, "info", node, told)


def test_a_search_shows_a_nodes_lines_and_those_of_its_items() -> None:
    search = LogSearch.of("node:lint FAILED")
    assert search.shows(line("lint", ""))
    assert search.shows(line("lint[3]", ""))
    assert not search.shows(line("linter", ""))
    assert search.matches(line("lint", "has failed"))
    assert "".join(part for part, _ in search.lit((("has failed twice", "text"),))) == "has failed twice"


@pytest.mark.chaos
async def test_the_log_is_searched_line_by_line_and_followed_again_with_g() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        log = on_run(pilot).query_one(LogView)
        log.focus()
        await press(pilot, "slash", *"started", "enter")
        first = log.line_told
        assert "started" in first
        await press(pilot, "N")
        assert "started" in log.line_told
        assert log.line_told != first
        assert "held, G follows" in text(pilot)
        feed.play(ev.Noted("info", "later"))
        await settled(pilot)
        assert "started" in log.line_told
        await press(pilot, "G")
        assert "later" in log.line_told
        await press(pilot, "escape")
        assert log.looked_for == ""


@pytest.mark.chaos
async def test_the_log_of_one_node() -> None:
    async with opened(mid_run()) as pilot:
        log = on_run(pilot).query_one(LogView)
        log.focus()
        await press(pilot, "slash", *"node", "colon", *"lint", "enter")
        assert "log – of lint" in text(pilot)
        assert {log._line(one).node for one in log._shown} == {"lint"}
        await press(pilot, "escape")
        assert len({log._line(one).node for one in log._shown}) > 1


def test_words_that_overlap_are_lit_together_and_nothing_is_said_twice() -> None:
    line = LogSearch.of("abc bcd").lit((("xabcdy", "text"),))
    assert line == (("x", "text"), ("abcd", "ask"), ("y", "text"))


def test_the_last_column_that_is_shown_stays() -> None:
    choice = Choice.of(ITEM_COLUMNS, ("state",))
    choice.turn()
    assert choice.names == ("state",)


async def test_a_line_of_the_log_is_copied() -> None:
    async with opened(mid_run()) as pilot:
        on_run(pilot).query_one(LogView).focus()
        await press(pilot, "k", "y")
        assert "Retry" in pilot.app.clipboard or "try 1 failed" in pilot.app.clipboard


def noted(at: int) -> ev.Event:
    return ev.Event(at, 0.0, 0.0, ev.Noted("info", f"line {at}"))


@pytest.mark.chaos
async def test_a_hundred_thousand_lines_stay_bounded_and_what_is_looked_at_stays() -> None:
    async with opened(approved(REVIEW)) as pilot:
        log = on_run(pilot).query_one(LogView)
        log.add(noted(at) for at in range(KEPT))
        log._look_at(KEPT - 10)
        looked_at = log.line_told
        for start in range(KEPT, 5 * KEPT, KEPT // 40):
            if start == KEPT + KEPT // 5:
                assert log.line_told == looked_at
                log.go_to_end(True)
            log.add(noted(at) for at in range(start, start + KEPT // 40))
        assert len(log._all) <= KEPT + KEPT // 10 + 1
        assert log.line_told.endswith(f"line {5 * KEPT - 1}")


async def test_what_was_before_comes_in_front_and_the_line_that_is_looked_at_stays() -> None:
    async with opened(approved(REVIEW), (80, 24)) as pilot:
        await press(pilot, "5")
        log = on_run(pilot).query_one(LogView)
        log.clear()
        log.add(noted(at) for at in range(200, 260))
        log.settle()
        log._look_at(20)
        looked_at, above = log.line_told, log.scroll_offset.y
        log.put_before([noted(at) for at in range(100, 210)])  # of the last ten it knows already
        assert (log.line_told, log.scroll_offset.y) == (looked_at, above + 100)
        log.go_to_end(False)
        assert log.line_told.endswith("line 100")


# -- what is remembered --------------------------------------------------------------------------------------------


@pytest.mark.chaos
async def test_the_view_the_order_and_the_log_are_as_they_were_left() -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, "S", "L", "i", "Z", "V", "4")
        app = pilot.app
        assert isinstance(app, Workbench)
        memory = app.memory
    feed = mid_run()

    async def connect() -> ScriptedFeed:
        return feed

    again = Workbench(connect, memory=memory)
    async with again.run_test(size=(120, 40)) as pilot:
        await settled(pilot)
        screen = on_run(pilot)
        assert screen.view == "table"
        assert screen.has_class("-no-log")
        assert screen.part(TablePart).rows.sort[0] == "state"
        assert screen.graph.graph.zoom == "detail"
        assert not screen.graph.following


@pytest.mark.parametrize("key", ["B", "Z", "V", "backslash", "asterisk", "space"])
@pytest.mark.chaos
async def test_no_new_key_asks_anything_of_the_session(key: str) -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, key)
    assert feed.commands == []
