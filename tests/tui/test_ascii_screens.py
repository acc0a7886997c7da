"""Where only ASCII is wanted, every screen and dialog is drawn with nothing else but what people and models wrote."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from swarmtui.tui.view.glyphs import ASCII
from tests.tui.browsing import found, press, rested
from tests.tui.opening import lines, workbench
from tests.tui.scripted_scenes import SCENES, act
from tests.tui.test_snapshots import HOMES, home

WRITTEN = set("éè読むファイル")
"""Of the names and texts in the scenes. Their quotation marks and dots have a form in ASCII, and get it."""
ALWAYS = {"palette", "queue", "plan-form", "timeline"}
"""The other scenes are left to the slower run."""


def foreign(pilot: Pilot[Any]) -> dict[str, str]:
    """Signs that are not ASCII and nobody's own, each with a line that it stands in."""
    return {
        sign: line for line in lines(pilot) for sign in line if not sign.isascii() and sign not in WRITTEN
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", [pytest.param(one, marks=() if one in ALWAYS else pytest.mark.chaos) for one in SCENES]
)
async def test_every_screen_and_dialog_over_a_session_is_drawn_in_ascii(name: str) -> None:
    async with workbench(SCENES[name].feed(), glyphs=ASCII).run_test(size=(120, 40)) as pilot:
        await act(pilot, SCENES[name])
        assert foreign(pilot) == {}


@pytest.mark.chaos
@pytest.mark.parametrize("name", HOMES)
async def test_home_and_its_dialogs_are_drawn_in_ascii(name: str) -> None:
    keys, some = HOMES[name]
    async with home(found() if some else (), "swarm-dark", ASCII).run_test(size=(120, 40)) as pilot:
        await rested(pilot)
        await press(pilot, *keys)
        assert foreign(pilot) == {}
        for opening in ("question_mark", "colon", "t", "O"):
            await press(pilot, "escape", opening)
            assert foreign(pilot) == {}
