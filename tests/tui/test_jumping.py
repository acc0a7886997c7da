"""Jump mode: a label on everything, no label twice, and none that begins another."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from textual.pilot import Pilot
from textual.strip import Strip

from swarmtui.tui.app import Workbench
from swarmtui.tui.jumping import LETTERS, MOST, Target, labelled, labels, left
from swarmtui.tui.screens.dialogs import LineScreen
from swarmtui.tui.screens.jump import JumpScreen, Labels
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.view.glyphs import ASCII, UNICODE, Glyphs
from swarmtui.tui.widgets.bars import ActionBar
from swarmtui.tui.widgets.panes import PaneGrid
from swarmtui.tui.widgets.table import RowTable
from swarmtui.tui.widgets.tabs import TabBar
from tests.tui.browsing import browsed
from tests.tui.browsing import press as press_there
from tests.tui.opening import lines, opened, press, settled
from tests.tui.scripted_feed import SESSIONS, awaiting_approval, mid_run


@given(st.integers(0, 2 * MOST))
def test_no_label_begins_another_and_there_is_one_for_each(count: int) -> None:
    made = labels(count)
    assert len(made) == len(set(made)) == min(count, MOST)
    in_order = sorted(made)
    assert not [one for one, after in pairwise(in_order) if after.startswith(one)]
    assert all(set(one) <= set(LETTERS) for one in made)


def test_the_first_labels_are_under_the_fingers() -> None:
    assert labels(5) == ["a", "s", "d", "f", "j"]
    assert labels(40)[:5] == ["a", "s", "d", "f", "j"]


def test_of_two_in_one_place_the_first_has_the_label() -> None:
    targets = [
        Target(1, 1, lambda: None, "one"),
        Target(1, 1, lambda: None, "two"),
        Target(2, 1, lambda: None, "three"),
    ]
    assert {label: one.told for label, one in labelled(targets).items()} == {"a": "one", "s": "three"}


def test_what_is_typed_leaves_the_labels_that_begin_so() -> None:
    assert left(["a", "na", "ns"], "n") == ["na", "ns"]
    assert left(["a", "na"], "x") == []


async def test_of_labels_that_would_lie_over_each_other_the_first_is_drawn() -> None:
    targets = {label: Target(x, 0, lambda: None) for label, x in (("as", 0), ("ad", 1), ("df", 3), ("gh", 119))}
    async with opened(mid_run()) as pilot:
        await pilot.app.push_screen(JumpScreen([Strip([Segment("0123456789" * 12)])], targets))
        await pilot.pause()
        line = pilot.app.screen.query_one(Labels).render_line(0)
        assert line.text == "as2df5" + ("0123456789" * 12)[6:]


def jumping(pilot: Pilot[Any]) -> JumpScreen:
    screen = pilot.app.screen
    assert isinstance(screen, JumpScreen)
    return screen


def label_of(pilot: Pilot[Any], wanted: Callable[[Target], bool]) -> str:
    return next(label for label, target in jumping(pilot).targets.items() if wanted(target))


async def test_a_pane_is_focused_by_its_label() -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, "apostrophe")
        await press(pilot, *label_of(pilot, lambda one: one.told == "log"))
        assert isinstance(pilot.app.screen, RunScreen)
        assert pilot.app.focused is not None
        assert pilot.app.focused.id == "log"


@pytest.mark.chaos
async def test_a_row_is_selected() -> None:
    async with opened(mid_run()) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        table = app.screen.query_one(RowTable)
        wanted = table.content_region.y + 3
        await press(pilot, "ctrl+o")
        await press(pilot, *label_of(pilot, lambda one: one.y == wanted and one.x == table.content_region.x))
        assert app.selected == table.rows.key(table.scroll_offset.y + 2)
        assert app.focused is table


async def test_the_words_of_the_footer_are_left_to_be_read_its_keys_are_keys_already() -> None:
    async with opened(mid_run()) as pilot:
        bar = pilot.app.screen.query_one(ActionBar).region
        before = lines(pilot)[bar.y]
        await press(pilot, "apostrophe")
        assert lines(pilot)[bar.y] == before
        assert not [one for one in jumping(pilot).targets.values() if one.y == bar.y]


@pytest.mark.chaos
async def test_a_node_of_the_graph_is_selected() -> None:
    async with opened(mid_run()) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        graph = app.screen.query_one("#graph")
        await press(pilot, "apostrophe")
        inside = [one for one in jumping(pilot).targets.values() if graph.content_region.contains(one.x, one.y)]
        before = app.selected
        assert len(inside) >= len(app.state.nodes) - 1
        seen = set()
        for one in inside:
            one.go()
            await pilot.pause()
            seen.add(app.selected)
        assert seen == set(app.state.nodes)
        assert before in seen


@pytest.mark.chaos
async def test_a_tab_of_a_node_is_opened() -> None:
    async with opened(mid_run()) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.open_node("quality")
        await settled(pilot)
        bar = app.screen.query_one(TabBar)
        await press(pilot, "apostrophe")
        tabs = [label for label, one in jumping(pilot).targets.items() if one.y == bar.region.y]
        assert len(tabs) == len(bar.tabs)
        await press(pilot, *tabs[1])
        assert bar.current == bar.tabs[1][0]


@pytest.mark.chaos
async def test_esc_stays_and_a_letter_that_begins_no_label_does_nothing() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "apostrophe", "1", "escape")
        assert isinstance(pilot.app.screen, RunScreen)
        assert feed.commands == []


@pytest.mark.chaos
async def test_ctrl_c_leaves_it_too() -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, "apostrophe", "ctrl+c")
        assert isinstance(pilot.app.screen, RunScreen)


@pytest.mark.parametrize("glyphs", [UNICODE, pytest.param(ASCII, marks=pytest.mark.chaos)], ids=["unicode", "ascii"])
@pytest.mark.parametrize("size", [(80, 24), pytest.param((200, 60), marks=pytest.mark.chaos)])
@pytest.mark.parametrize("name", ["mid_run", pytest.param("awaiting_approval", marks=pytest.mark.chaos)])
async def test_every_label_stands_where_its_target_is_and_none_twice(
    name: str, size: tuple[int, int], glyphs: Glyphs
) -> None:
    async with opened(SESSIONS[name](), size, glyphs=glyphs) as pilot:
        before = lines(pilot)
        await press(pilot, "apostrophe")
        screen = jumping(pilot)
        shown = lines(pilot)
        places = [(one.x, one.y) for one in screen.targets.values()]
        assert len(places) == len(set(places)) > 5
        hidden = [label for label, one in screen.targets.items() if shown[one.y][one.x : one.x + len(label)] != label]
        assert not hidden
        covered = {(x + step, y) for label, (x, y, *_) in screen.targets.items() for step in range(len(label))}
        for y, line in enumerate(before):
            for x, char in enumerate(line):
                if line.isascii() and (x, y) not in covered:
                    assert shown[y][x] == char


async def test_on_the_list_of_sessions_rows_are_jumped_to() -> None:
    async with browsed() as pilot:
        table = pilot.app.screen.query_one(RowTable)
        await press_there(pilot, "apostrophe")
        inside = [one for one in jumping(pilot).targets.items() if table.content_region.contains(one[1].x, one[1].y)]
        await press_there(pilot, *inside[2][0])
        assert table.cursor == 2


@pytest.mark.chaos
async def test_it_leaves_when_the_terminal_changes_and_by_a_click() -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, "apostrophe")
        await pilot.click(offset=(5, 5))
        await settled(pilot)
        assert isinstance(pilot.app.screen, RunScreen)
        await press(pilot, "apostrophe")
        await pilot.resize_terminal(90, 30)
        await settled(pilot)
        assert isinstance(pilot.app.screen, RunScreen)


@pytest.mark.chaos
async def test_the_plan_is_not_approved_by_a_jump_that_is_typed_too_fast() -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        await press(pilot, "apostrophe", "escape", "c")
        assert isinstance(pilot.app.screen, LineScreen)
        assert feed.commands == []


async def test_single_panes_of_workers_are_jumped_to() -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, "3")
        app = pilot.app
        assert isinstance(app, Workbench)
        panes = app.screen.query_one(PaneGrid)
        spots = list(panes.jumps())
        assert len(spots) >= 3
        was = app.selected
        for _, _, go in spots:
            go()
            await settled(pilot)
            if app.selected != was:
                break
        assert app.selected != was
