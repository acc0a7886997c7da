"""Dialogs say what their keys do on a terminal of any size."""

from __future__ import annotations

import pytest

from tests.tui import browsing
from tests.tui.opening import opened, press, settled, text
from tests.tui.scripted_feed import mid_run
from tests.tui.test_home import home, shown


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40)])
async def test_how_many_at_once_is_sent_and_left_by_keys_that_are_told_whatever_the_size(size: tuple[int, int]) -> None:
    async with opened(mid_run(), size) as pilot:
        await press(pilot, "equals_sign", "j")
        told = " ".join(text(pilot).replace("│", " ").split())
        assert "▌" in told
        for part in ("one more, one fewer", "digits: so many", "enter sends", "esc leaves"):
            assert part in " ".join(word for word in told.split() if word != "…"), told


async def test_a_dialog_that_was_short_has_all_its_keys_once_there_is_room_again() -> None:
    async with opened(mid_run(), (60, 15)) as pilot:
        await press(pilot, "equals_sign")
        assert "halve" not in text(pilot)
        await pilot.resize_terminal(120, 40)
        await settled(pilot)
        assert "h halve; d double; a auto" in text(pilot)
        assert "enter sends; esc leaves" in text(pilot)


@pytest.mark.parametrize("size", [(60, 15), (80, 24)])
async def test_the_keys_of_the_list_of_machines_are_told_also_while_one_is_added(size: tuple[int, int]) -> None:
    async with home(size=size) as pilot:
        for key in ("O", "a"):
            await browsing.press(pilot, key)
            await pilot.pause()
            assert "a: add; space: on or off; W: forget; esc: close" in shown(pilot)
        assert "HOST, USER@HOST" in shown(pilot)


@pytest.mark.parametrize("size", [(60, 15), (80, 24)])
async def test_what_is_done_with_many_sessions_is_agreed_to_by_keys_that_are_told(size: tuple[int, int]) -> None:
    async with home(size=size) as pilot:
        for key in ("asterisk", "W"):
            await browsing.press(pilot, key)
        await pilot.pause()
        await pilot.pause()
        assert "y: do it; n: leave it" in shown(pilot)
        assert "is removed" in shown(pilot)
