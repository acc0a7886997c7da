"""The lines of keys in dialogs are for the mouse, too."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from swarmtui.tui.screens.concurrency import ConcurrencyScreen
from swarmtui.tui.screens.dialogs import ConfirmScreen
from swarmtui.tui.screens.keys import KeysScreen
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.view.hints import key_at
from tests.tui.opening import lines, opened, press, settled
from tests.tui.scripted_feed import mid_run
from tests.tui.scripted_pools import busy

TOLD = "+ - one more, one fewer; h halve; f hold a window, or let it go; digits: so many; y: do it"
NAMES = {"+", "-", "h", "f", "y", "a", "esc"}


@pytest.mark.parametrize(
    ("clicked", "key"),
    [
        ("+ -", "+"), ("- one", "-"), ("one more", None), ("h halve", "h"), ("halve", "h"), ("hold", "f"),
        ("a window", "f"), ("let it go", None), ("digits", None), ("y: do", "y"), ("do it", "y"),
    ],
)  # fmt: skip
def test_a_click_on_a_clause_means_the_key_that_it_begins_with(clicked: str, key: str | None) -> None:
    assert key_at(TOLD, [TOLD], TOLD.index(clicked), 0, NAMES) == key


def test_it_is_found_where_the_line_is_folded_however_it_begins() -> None:
    folded = ["+ - one more, one fewer; h halve; f hold", "a window, or let it go; digits: so many;", "y: do it   "]
    assert key_at(TOLD, folded, 0, 1, NAMES) == "f", "the article is taken for a key"
    assert key_at(TOLD, folded, 0, 2, NAMES) == "y"
    assert key_at(TOLD, folded, 9, 2, NAMES) is None


async def click(pilot: Pilot[int], words: str) -> None:
    """Click on words that are on the screen."""
    y, line = [(y, line) for y, line in enumerate(lines(pilot)) if words in line][-1]
    await pilot.click(offset=(line.index(words), y))
    await settled(pilot)


async def test_a_question_before_what_cannot_be_taken_back_is_answered_with_the_mouse() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "X")
        assert isinstance(pilot.app.screen, ConfirmScreen)
        await click(pilot, "n: leave it")
        assert isinstance(pilot.app.screen, RunScreen)
        assert feed.commands == []
        await press(pilot, "X")
        await click(pilot, "y: cancel")
        assert [method for method, _ in feed.commands] == ["session.cancel"]


async def test_how_many_at_once_is_halved_and_sent_with_the_mouse() -> None:
    feed = busy()
    async with opened(feed) as pilot:
        await press(pilot, "equals_sign")
        assert isinstance(pilot.app.screen, ConcurrencyScreen)
        await click(pilot, "h halve")
        await click(pilot, "sends")
        assert isinstance(pilot.app.screen, RunScreen)
        assert len(feed.commands) == 1


async def test_a_click_beside_a_dialog_leaves_it() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        for key, kind in (("X", ConfirmScreen), ("equals_sign", ConcurrencyScreen), ("question_mark", KeysScreen)):
            await press(pilot, key)
            assert isinstance(pilot.app.screen, kind)
            await pilot.click(offset=(0, 39))
            await settled(pilot)
            assert isinstance(pilot.app.screen, RunScreen), key
        assert feed.commands == []


async def test_words_that_were_written_are_not_lost_by_a_click_beside_them() -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, "M", *"lunch")
        shown = pilot.app.screen
        assert shown.query(Static)
        await pilot.click(offset=(0, 39))
        await settled(pilot)
        assert pilot.app.screen is shown
        await click(pilot, "esc leaves")
        assert isinstance(pilot.app.screen, RunScreen)


async def test_a_key_that_a_field_takes_by_itself_is_pressed_by_a_click_too() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "M", *"lunch")
        await click(pilot, "enter sets")
        assert isinstance(pilot.app.screen, RunScreen)
        assert feed.commands == [("marker.add", {"label": "lunch"})]
