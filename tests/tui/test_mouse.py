"""The mouse: text is selected and copied, the wheel scrolls, the header is clicked."""

from __future__ import annotations

from typing import Any

import pytest
from textual.events import MouseScrollDown, MouseScrollUp
from textual.geometry import Offset
from textual.pilot import Pilot
from textual.selection import Selection
from textual.widgets import Input

from swarmtui.tui.actions.action import Scope
from swarmtui.tui.actions.table import Keys
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.view.lines import Line
from swarmtui.tui.view.panes import Pane, Placed, Scrolled, places, selected_cells
from swarmtui.tui.widgets.bars import HeaderBar
from swarmtui.tui.widgets.log import LogView
from swarmtui.tui.widgets.panes import HELD, PaneGrid
from tests.tui.opening import lines, notices, opened, press, settled, text
from tests.tui.scripted_feed import REVIEW, approved, mid_run, output


async def drag(pilot: Pilot[Any], widget: Any, start: tuple[int, int], end: tuple[int, int]) -> None:
    await pilot.mouse_down(widget, offset=start)
    await pilot.hover(widget, offset=end)
    await pilot.mouse_up(widget, offset=end)
    await settled(pilot)


def log_of(pilot: Pilot[Any]) -> LogView:
    return pilot.app.screen.query_one(LogView)


def test_what_is_selected_of_a_line_with_wide_characters_is_told_in_cells() -> None:
    line: Line = (("│ ", "edge"), ("表表ab  ", "text"), (" │", "edge"))
    pane = Pane("n", None, "n", (), None, running=True)
    placed = Placed(pane, 0, 0, 12, 3)
    assert selected_cells(line, (3, 5), placed) == (4, 7)
    assert selected_cells(line, (0, -1), placed) == (2, 8), "without the frame, and the space that fills it"


def test_text_that_was_moved_stands_still_in_its_pane_as_long_as_that_has_its_width() -> None:
    pane = Pane("n", None, "n", (), None, running=False, body=lambda width: [((f"as wide as {width}", "text"),)])
    shown = Scrolled(pane.key, 40, [(("one", "text"),), (("two", "text"),)], 1).on(pane)
    assert shown.body is not None
    assert (shown.body(40), shown.body(30)) == ([(("two", "text"),)], [(("as wide as 30", "text"),)])


@pytest.mark.chaos
async def test_text_of_the_log_is_selected_with_the_mouse_and_y_copies_it() -> None:
    async with opened(mid_run()) as pilot:
        log = log_of(pilot)
        first = log.line_at(log.scroll_offset.y, log.room)[0]
        shown = "".join(part for part, _ in first)
        at = log.gutter.left
        await drag(pilot, log, (at + 3, 1), (at + 30, 1))
        selected = pilot.app.screen.get_selected_text()
        assert selected
        assert selected in shown
        before = pilot.app.clipboard
        await press(pilot, "y")
        assert pilot.app.clipboard == selected != before
        assert any("the selection" in notice for notice in notices(pilot))
        assert pilot.app.screen.get_selected_text() is None


async def test_what_is_selected_is_what_is_drawn_without_the_space_that_fills_lines() -> None:
    async with opened(mid_run()) as pilot:
        log = log_of(pilot)
        first = log.scroll_offset.y
        found = log.get_selection(Selection(Offset(9, first), Offset(20, first + 1)))
        assert found is not None
        one, other = found[0].split("\n")
        whole = ["".join(part for part, _ in log.line_at(first + y, log.room)[0]) for y in (0, 1)]
        assert (one, other) == (whole[0][9:].rstrip(), whole[1][:20].rstrip())


async def test_everything_of_a_pane_can_be_selected() -> None:
    async with opened(mid_run()) as pilot:
        log = log_of(pilot)
        found = log.get_selection(Selection(None, None))
        assert found is not None
        assert len(found[0].splitlines()) == log.virtual_size.height


def panes_of(pilot: Pilot[Any]) -> PaneGrid:
    return pilot.app.screen.query_one(PaneGrid)


async def test_where_there_are_no_panes_what_is_said_instead_is_drawn_when_it_changes() -> None:
    async with opened(approved(REVIEW)) as pilot:
        await press(pilot, "3")
        assert "no worker is at work now" in text(pilot)
        panes_of(pilot).show([], None, "all of them are done")
        await pilot.pause()
        assert "all of them are done" in text(pilot)


@pytest.mark.chaos
async def test_text_of_a_worker_s_pane_is_selected_without_its_frame_and_its_neighbours() -> None:
    feed = mid_run()
    async with opened(feed, size=(200, 50)) as pilot:
        await press(pilot, "3")
        grid = panes_of(pilot)
        placed = next(one for one in pane_places(grid) if one.pane.tail is not None and one.pane.running)
        before = [row[placed.x + 2 : placed.x + placed.width - 2] for row in grid_lines(grid)]
        first = next(y for y in range(placed.y + 1, placed.y + placed.height - 1) if before[y].strip())
        await drag(pilot, grid, (placed.x + 4, first), (placed.x + placed.width - 1, first + 1))
        expected = "\n".join([before[first][2:].rstrip(), before[first + 1].rstrip()]).strip("\n")
        assert pilot.app.screen.get_selected_text() == expected
        tail = placed.pane.tail
        assert tail is not None
        feed.say(placed.pane.node, " and more" * 40, item=placed.pane.item, attempt=tail.attempt, offset=tail.chars)
        await settled(pilot)
        assert pilot.app.screen.get_selected_text() == expected, "what is selected runs away"
        assert HELD in text(pilot)
        await press(pilot, "y")
        assert pilot.app.clipboard == expected
        assert pilot.app.screen.get_selected_text() is None
        assert HELD not in text(pilot)
        assert "and more" in text(pilot)


@pytest.mark.chaos
async def test_a_click_still_selects_a_pane_and_a_double_click_opens_it() -> None:
    async with opened(mid_run(), size=(200, 50)) as pilot:
        await press(pilot, "3")
        grid = panes_of(pilot)
        other = pane_places(grid)[-1]
        await pilot.click(grid, offset=(other.x + 5, other.y + 2))
        await settled(pilot)
        assert grid._selected == other.pane.key
        assert not pilot.app.screen.get_selected_text()
        await pilot.click(grid, offset=(pane_places(grid)[0].x + 5, 2), times=2)
        await settled(pilot)
        assert len(pane_places(grid)) == 1
        assert not pilot.app.screen.get_selected_text()


async def wheel(pilot: Pilot[Any], grid: PaneGrid, placed: Placed, direction: int, notches: int) -> None:
    """Turn the wheel over a pane."""
    kind, turned = (MouseScrollUp, grid.on_mouse_scroll_up) if direction < 0 else (
        MouseScrollDown, grid.on_mouse_scroll_down,
    )  # fmt: skip
    for _ in range(notches):
        turned(kind(grid, placed.x + 3, placed.y + 2, 0, 0, 0, False, False, False))  # type: ignore[arg-type]
    await settled(pilot)


async def test_the_wheel_moves_a_worker_s_text_which_stands_still_until_it_is_back_at_its_end() -> None:
    feed = mid_run()
    async with opened(feed, size=(120, 40)) as pilot:
        await press(pilot, "3")
        grid = panes_of(pilot)
        placed = next(one for one in pane_places(grid) if one.pane.tail is not None and one.pane.running)
        pane, tail = placed.pane, placed.pane.tail
        assert tail is not None
        words = "".join(f"\n\nline {number}" for number in range(100))
        feed.say(pane.node, words, item=pane.item, attempt=tail.attempt, offset=tail.chars)
        await settled(pilot)
        assert "line 99" in text(pilot)
        await wheel(pilot, grid, placed, -1, 20)
        assert "scrolled" in text(pilot)
        assert "line 79" in text(pilot)
        assert "line 99" not in text(pilot)
        feed.say(pane.node, "\nand more", item=pane.item, attempt=tail.attempt, offset=tail.chars)
        await settled(pilot)
        assert "line 79" in text(pilot), "what is read runs away"
        await wheel(pilot, grid, placed, 1, 30)
        assert "scrolled" not in text(pilot)
        assert "and more" in text(pilot)
        await wheel(pilot, grid, placed, -1, 500)
        assert "line 0 " in text(pilot)


async def test_the_wheel_moves_what_a_node_gave_from_its_beginning() -> None:
    feed = mid_run()
    async with opened(feed, size=(120, 40)) as pilot:
        grid = panes_of(pilot)
        ended = feed.state.nodes["scan"]
        ended.output = output("\n".join(f"line {number}" for number in range(100)))
        pilot.app.screen.select("scan")  # type: ignore[attr-defined]
        await settled(pilot)
        (placed,) = pane_places(grid)
        assert "line 0" in text(pilot)
        await wheel(pilot, grid, placed, 1, 20)
        assert "line 0 " not in text(pilot)
        assert "line 40" in text(pilot)
        await wheel(pilot, grid, placed, -1, 30)
        assert "line 0 " in text(pilot)
        assert "scrolled" not in text(pilot)


def pane_places(grid: PaneGrid) -> list[Placed]:
    return places(grid._panes, grid.size.width, grid.size.height, grid._selected)


def grid_lines(grid: PaneGrid) -> list[str]:
    return ["".join(part for part, _ in line) for line in grid._lines]


async def test_a_click_on_who_needs_you_leads_to_the_question() -> None:
    async with opened(mid_run()) as pilot:
        x = lines(pilot)[0].index("needs you")
        await pilot.click(HeaderBar, offset=(x, 0))
        await settled(pilot)
        assert not isinstance(pilot.app.screen, RunScreen)


async def test_a_click_on_what_failed_shows_that_alone() -> None:
    async with opened(mid_run()) as pilot:
        x = lines(pilot)[0].index("1 failed")
        await pilot.click(HeaderBar, offset=(x, 0))
        await settled(pilot)
        assert pilot.app.screen.query_one("#find", Input).value == "failed"
        await press(pilot, "enter")
        table = [line for line in lines(pilot) if "deepseek-chat" in line]
        assert not any("throttled" in line for line in table)


def test_the_wheel_is_not_a_key_of_ours() -> None:
    bound = {binding.key for scope in Scope for binding in Keys().bindings(scope)}
    assert not bound & {"scroll_up", "scroll_down"}


async def test_esc_takes_a_selection_back_and_stays_where_one_is() -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, "4")
        screen = pilot.app.screen
        assert isinstance(screen, RunScreen)
        selected = ["a text"]
        screen.get_selected_text = lambda: selected[0]  # type: ignore[method-assign]
        screen.clear_selection = lambda: selected.__setitem__(0, "")  # type: ignore[method-assign]
        await press(pilot, "escape")
        assert selected == [""]
        assert screen.view == "table"
        await press(pilot, "escape")
        assert screen.view == "run"
