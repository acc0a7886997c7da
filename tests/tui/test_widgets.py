"""Widgets over a session: what a cursor, a click, the wheel and a change of what is shown do to them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from textual.geometry import Offset
from textual.message import Message
from textual.widget import Widget

from swarmtui.session import events as ev
from swarmtui.tui.actions.table import Keys
from swarmtui.tui.view.glyphs import UNICODE
from swarmtui.tui.view.plan_checks import Check
from swarmtui.tui.view.table import NodeRows
from swarmtui.tui.widgets import log as log_widget
from swarmtui.tui.widgets.bars import ActionBar, HeaderBar
from swarmtui.tui.widgets.checks import CheckList
from swarmtui.tui.widgets.graph import GraphView
from swarmtui.tui.widgets.lines import LineView
from swarmtui.tui.widgets.log import LogView
from swarmtui.tui.widgets.looks import moment
from swarmtui.tui.widgets.panes import PaneGrid
from swarmtui.tui.widgets.scrub import ScrubBar
from swarmtui.tui.widgets.table import RowTable
from swarmtui.tui.widgets.tabs import TabBar
from swarmtui.tui.widgets.timeline import TimelineView
from tests.tui.opening import lines, opened, press, settled
from tests.tui.scripted_feed import REVIEW, approved, awaiting_approval, large, mid_run
from tests.tui.test_mouse import drag


@contextmanager
def posted(widget: Widget) -> Iterator[list[Message]]:
    """What the widget posts meanwhile, to nobody."""
    found: list[Message] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(widget, "post_message", found.append)
        yield found


def at(x: int, y: int = 0) -> Any:
    return SimpleNamespace(x=x, y=y)


async def filled_log(pilot: Any) -> LogView:
    log: LogView = pilot.app.screen.query_one(LogView)
    log.clear()
    log.add(ev.Event(seq, 0.0, 0.0, ev.Noted("info", f"line {seq}")) for seq in range(100, 200))
    log.settle()
    await pilot.pause()
    return log


async def test_a_cursor_that_moves_draws_the_two_lines_that_changed_and_no_others() -> None:
    async with opened(approved(REVIEW)) as pilot:
        await press(pilot, "5")
        log = await filled_log(pilot)
        log.focus()
        log._look_at(99)
        await pilot.pause()
        drawn: list[tuple[Any, ...]] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(log, "refresh", lambda *regions, **_: drawn.append(regions))
            log._look_at(97)
            top = log.scroll_offset.y
            log._look_at(top)
        assert [region.height for region in drawn[0]] == [1, 1]
        assert [region.y for region in drawn[-1]] == [0, 97 - top]


async def test_the_log_is_followed_until_somebody_looks_back_and_again_from_its_end_on() -> None:
    async with opened(approved(REVIEW)) as pilot:
        await press(pilot, "5")
        log = await filled_log(pilot)
        assert log.following
        log.scroll_to(y=3, animate=False, force=True)
        assert not log.following
        log.scroll_to(y=log.max_scroll_y, animate=False, force=True)
        assert log.following
        log._look_at(0)
        assert log.scroll_offset.y == 0


async def test_the_line_that_is_looked_at_stays_the_same_whatever_comes_before_it_or_goes() -> None:
    async with opened(approved(REVIEW)) as pilot:
        await press(pilot, "5")
        log = await filled_log(pilot)
        log._look_at(50)
        log.put_before(ev.Event(seq, 0.0, 0.0, ev.Noted("info", f"line {seq}")) for seq in range(80, 103))
        assert log.line_told.endswith("line 150")
        log.set_level("warning")
        log.clear()
        levels = ("info", "info", "warning")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(log_widget, "KEPT", 60)
            log.add(ev.Event(seq, 0.0, 0.0, ev.Noted(levels[seq % 3], f"line {seq}")) for seq in range(60))
            log.settle()
            log._look_at(19)
            log.add(ev.Event(seq, 0.0, 0.0, ev.Noted(levels[seq % 3], f"line {seq}")) for seq in range(60, 90))
            log.settle()
        assert log.line_told.endswith("line 59")
        log.go_to_end(False)
        assert log.line_told.endswith("line 32")


async def test_from_the_end_the_next_match_is_the_first_line_and_the_one_before_is_the_last() -> None:
    async with opened(approved(REVIEW)) as pilot:
        await press(pilot, "5")
        log = await filled_log(pilot)
        log.look_for("line")
        for step, found in ((1, "line 100"), (-1, "line 199"), (-1, "line 198")):
            assert log.next_match(step)
            assert log.line_told.endswith(found)
        log.go_to_end(True)
        assert log.next_match(-1)
        assert log.line_told.endswith("line 199")


@pytest.mark.parametrize(("key", "of"), [("4", RowTable), ("6", TimelineView)])
async def test_the_row_under_the_cursor_is_in_view_between_what_stays(key: str, of: type[LineView]) -> None:
    async with opened(large(100), (80, 24)) as pilot:
        await press(pilot, key)
        view = pilot.app.screen.query_one(of)
        moves = (lambda: view.go(0, 30), lambda: view.go(0, -25), lambda: view.go_to_end(True), lambda: view.go(0, -1))
        for go in moves:
            go()
            await settled(pilot)
            seen = [view.visible_line(y, view.room)[1] for y in range(view.size.height)]
            assert sum(cursor is not None for cursor in seen) == 1


async def test_the_cursor_of_a_table_stays_on_its_row_wherever_that_goes_and_marks_are_seen() -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, "4")
        table = pilot.app.screen.query_one(RowTable)
        rows = NodeRows(mid_run().state)
        rows.choose(moment(table))
        table.show(rows)
        table.select("speed")
        rows.sort = ("node", True)
        rows.choose(moment(table))
        table.show(rows)
        assert table.selected == "speed"
        table.mark({"lint"})
        signs = {rows.key(y): table.line_at(y, 100)[0][0][0] for y in range(len(rows))}
        assert signs["lint"] == UNICODE.chosen
        assert signs["speed"] == UNICODE.cursor
        assert signs["scan"] == " "


async def test_who_drags_the_graph_selects_nothing_with_it() -> None:
    async with opened(mid_run()) as pilot:
        graph = pilot.app.screen.query_one(GraphView)
        pilot.app.screen.select("scan")  # type: ignore[attr-defined]
        place = graph.graph.place("quality")
        assert place is not None
        x, y = place[0] + graph.gutter.left + 1, place[1] + graph.gutter.top
        await pilot.mouse_down(graph, offset=(x, y))
        assert not graph.untouched, "what is held stays where it is"
        await pilot.mouse_up(graph, offset=(x, y))
        assert graph.untouched
        await drag(pilot, graph, (x, y), (x + 4, y))
        there = Offset(place[0] - graph.scroll_offset.x, place[1] - graph.scroll_offset.y)
        graph.on_click(SimpleNamespace(get_content_offset=lambda _: there, chain=1))  # type: ignore[arg-type]
        assert graph.graph.selected == "scan"
        await pilot.click(graph, offset=(x, y))
        assert graph.graph.selected == "quality"


async def test_what_runs_is_followed_unless_somebody_has_just_moved_about() -> None:
    feed = large(500)
    async with opened(feed, (80, 24)) as pilot:
        graph = pilot.app.screen.query_one(GraphView)
        graph.graph.folds = False
        graph.set_form("list")
        await settled(pilot)
        graph.scroll_to(y=0, animate=False, force=True)
        graph.follow(True)
        assert graph.scroll_offset.y > 0
        graph.touch()
        graph.scroll_to(y=0, animate=False, force=True)
        graph.show(feed.state)
        assert graph.scroll_offset.y == 0


async def test_a_click_on_how_many_have_failed_leads_to_them_and_one_on_what_was_cut_short_does_not() -> None:
    async with opened(mid_run().play(ev.AttemptInterrupted("quality", 1)), (160, 40)) as pilot:
        header = pilot.app.screen.query_one(HeaderBar)
        top = lines(pilot)[0]
        with posted(header) as found:
            for words in ("failed", "interrupted", "need"):
                header.on_click(at(top.index(words)))
        assert [type(message) for message in found] == [HeaderBar.FailedClicked, ActionBar.Clicked]


async def test_the_header_calls_the_key_that_answers_as_the_user_has_it() -> None:
    async with opened(mid_run()) as pilot:
        header = pilot.app.screen.query_one(HeaderBar)
        for own, told in (({}, "1 needs you [a]"), ({"attend": ("f9",)}, "1 needs you [F9]"), ({"attend": ()}, "you ")):
            pilot.app.keys = Keys(own)  # type: ignore[attr-defined]
            assert told in "".join(part for part, _ in header.shown(160))


async def test_the_check_under_the_cursor_stands_out_while_the_list_has_the_focus() -> None:
    async with opened(awaiting_approval()) as pilot:
        listed = pilot.app.screen.query_one(CheckList)
        listed.show([Check("look", "one"), Check("look", "two"), Check("fine", "three")])
        assert [listed.line_at(y, 40)[1] for y in range(3)] == [None, None, None]
        listed.focus()
        await pilot.pause()
        listed.go_to_end(True)
        assert [listed.line_at(y, 40)[1] for y in range(3)] == [None, None, (0, 40)]
        for focus, drawn in ((lambda: pilot.app.screen.set_focus(None), 0), (listed.focus, 1)):
            focus()
            await pilot.pause()
            assert sum(cursor is not None for _, cursor in listed._on_screen) == drawn
        listed.show([Check("look", "one")])
        assert listed.cursor == 0
        assert not listed.pick()


async def test_the_frame_of_the_selected_pane_shows_whether_the_panes_have_the_focus() -> None:
    async with opened(mid_run()) as pilot:
        panes = pilot.app.screen.query_one(PaneGrid)
        for focus, role in ((panes.focus, "accent"), (lambda: pilot.app.screen.set_focus(None), "edge")):
            focus()
            await pilot.pause()
            assert panes._lines[0][0][1] == role


def test_the_mouse_over_the_bar_of_a_replay_goes_nowhere_unless_it_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    bar, sought = ScrubBar(), list[int]()
    monkeypatch.setattr(bar, "_seek", sought.append)
    bar.on_mouse_move(at(5))
    assert sought == []
    bar._dragged = True
    bar.on_mouse_move(at(7))
    assert sought == [7]


def test_a_click_on_a_tab_opens_that_one() -> None:
    bar = TabBar()
    bar.tabs = (("a", "One"), ("b", "表"), ("c", "Three"))
    with posted(bar) as found:
        for x in range(18):
            bar.on_click(at(x))
    tabs = [message.tab for message in found if isinstance(message, TabBar.Chosen)]
    assert "".join(tabs) == "aaaaa" + "bbbb" + "ccccccc"


async def test_keys_are_offered_as_long_as_they_fit_nothing_standing_beside_the_last_one() -> None:
    async with opened(mid_run()) as pilot:
        bar = pilot.app.screen.query_one(ActionBar)
        whole = "".join(part for part, _ in bar.shown(500)).rstrip()
        assert "".join(part for part, _ in bar.shown(len(whole))).rstrip() == whole
        assert len("".join(part for part, _ in bar.shown(len(whole) - 1)).rstrip()) < len(whole) - 1
