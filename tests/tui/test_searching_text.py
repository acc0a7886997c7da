"""Words are looked for in what a node's screen shows; while they are typed no key is a command."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widgets import Input

from swarmtui.session import events as ev
from swarmtui.tui.screens.node import NodeScreen
from swarmtui.tui.view.matching import rows_with
from swarmtui.tui.widgets.lines import TextView
from tests.tui.opening import lines, notices, opened, press, settled, text
from tests.tui.scripted_feed import ScriptedFeed, mid_run, output


def long_output() -> ScriptedFeed:
    """A node whose output has many lines."""
    said = "\n".join(f"row {at}{' Needle here' if at in (50, 150) else ''}" for at in range(200))
    feed = mid_run()
    feed.play(ev.AttemptSucceeded("lint", 1, output(said)))
    return feed


def body(pilot: Pilot[int]) -> TextView:
    return pilot.app.screen.query_one("#body", TextView)


def seen(pilot: Pilot[int]) -> str:
    """The lines of the text that are in view."""
    region: Region = body(pilot).region
    return "\n".join(lines(pilot)[region.y : region.bottom])


async def at_the_text(pilot: Pilot[int]) -> None:
    pilot.app.open_node("lint")  # type: ignore[attr-defined]
    await settled(pilot)
    await press(pilot, "g")
    assert "row 0" in seen(pilot)


async def test_words_are_found_line_by_line_forwards_and_backwards_and_round() -> None:
    async with opened(long_output()) as pilot:
        await at_the_text(pilot)
        await press(pilot, "slash", *"needle", "enter")
        assert "row 50 Needle" in seen(pilot)
        assert "row 150" not in seen(pilot)
        await press(pilot, "n")
        assert "row 150 Needle" in seen(pilot)
        await press(pilot, "n")
        assert "row 50 Needle" in seen(pilot)
        await press(pilot, "N")
        assert "row 150 Needle" in seen(pilot)


async def test_words_on_both_sides_of_a_break_are_found() -> None:
    feed = mid_run()
    sentence = " ".join(f"w{at:04}" for at in range(1500))
    feed.play(ev.AttemptSucceeded("lint", 1, output(f"row 0\n{sentence}")))
    async with opened(feed) as pilot:
        await at_the_text(pilot)
        width = len(next(line for line in lines(pilot) if "w0000" in line).split())
        first, second = f"w{50 * width - 1:04}", f"w{50 * width:04}"  # at the end of a row, and in the next one
        await press(pilot, "slash", *f"{second} {first}", "enter")
        rows = seen(pilot).splitlines()
        at = next(at for at, row in enumerate(rows) if first in row)
        assert second in rows[at + 1]
        assert second not in rows[at]
        assert not any("no line has" in one for one in notices(pilot))


lines_of_words = st.lists(st.text("ab ", max_size=6), min_size=1, max_size=6)


@given(lines_of_words, st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=3))
def test_where_words_stand_they_are_found_once(rows: list[str], words: list[str]) -> None:
    shown = [((row, "text"),) for row in rows]
    found = [rows_with(words, shown, at) for at in range(len(rows))]
    for at, row in enumerate(rows):
        assert (found[at] == 1) == all(word in row for word in words)
        if found[at] == 2:
            assert found[at + 1] != 1, "told twice"
            assert all(word in row or word in rows[at + 1] for word in words)
    joined = " ".join(rows)
    if not all(word in joined for word in words):
        assert not any(found)


async def test_what_is_typed_into_the_search_is_no_command_and_asks_nothing_of_the_session() -> None:
    feed = long_output()
    async with opened(feed) as pilot:
        await at_the_text(pilot)
        await press(pilot, "slash", *"exit150tm$")
        assert isinstance(pilot.app.screen, NodeScreen)
        assert pilot.app.screen.query_one("#search", Input).value == "exit150tm$"
        assert feed.commands == []
        await press(pilot, "enter")
        assert any("no line has 'exit150tm$'" in one for one in notices(pilot))


async def test_escape_leaves_the_search_first_and_then_the_screen() -> None:
    async with opened(long_output()) as pilot:
        await at_the_text(pilot)
        await press(pilot, "slash", *"needle", "enter", "escape")
        assert isinstance(pilot.app.screen, NodeScreen)
        assert body(pilot).looked_for == ""
        await press(pilot, "n")
        assert any("nothing is searched for" in one for one in notices(pilot))
        await press(pilot, "escape")
        assert not isinstance(pilot.app.screen, NodeScreen)


async def test_while_a_node_goes_on_the_line_that_is_typed_in_keeps_the_keys() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        pilot.app.open_node("quality")  # type: ignore[attr-defined]
        await settled(pilot)
        await press(pilot, "slash", "r")
        feed.play(ev.AttemptThrottled("quality", 1, 24, message="a limit"))
        await settled(pilot)
        await press(pilot, "e")
        assert pilot.app.screen.query_one("#search", Input).value == "re"


@pytest.mark.parametrize("key", ["n", "N"])
async def test_on_a_table_alone_there_is_nothing_to_search(key: str) -> None:
    async with opened(mid_run()) as pilot:
        pilot.app.open_node("translate")  # type: ignore[attr-defined]
        await settled(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, NodeScreen)
        screen.choose("items")
        await settled(pilot)
        await press(pilot, "slash", key)
        assert not screen.query_one("#search", Input).display
        assert any("there is no text here" in one for one in notices(pilot))
        assert "items" in text(pilot).casefold()
