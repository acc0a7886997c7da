"""What is made ready beforehand is what opening a screen would wait for, and it changes nothing of what is seen."""

from __future__ import annotations

from typing import Any

from swarmtui.tui.sheet import Sheet
from swarmtui.tui.warming import SCREENS, SHEETS, warm
from tests.tui.opening import opened, press, text
from tests.tui.scripted_feed import mid_run

OF_THE_FIRST_FRAME = {"frame", "run"}
OF_HOME = {"sessions"}


def test_every_style_sheet_of_a_session_is_read_before_it_is_needed() -> None:
    assert {path.stem for path in SCREENS.glob("*.tcss")} - OF_THE_FIRST_FRAME - OF_HOME == set(SHEETS)


async def test_once_it_is_warm_no_dialog_has_anything_parsed(monkeypatch: Any) -> None:
    async with opened(mid_run()) as pilot:
        before = text(pilot)
        await warm(pilot.app)  # type: ignore[arg-type]
        parsed: list[object] = []
        parse = Sheet.__mro__[1]._parse_rules  # type: ignore[attr-defined]

        def noted(self: Sheet, css: str, *rest: Any) -> Any:
            parsed.append(rest[0])
            return parse(self, css, *rest)

        monkeypatch.setattr(Sheet.__mro__[1], "_parse_rules", noted)
        pilot.app.stylesheet.update(pilot.app)
        await pilot.pause()
        assert text(pilot) == before
        for key in ("question_mark", "t"):
            await press(pilot, key, "escape")
        assert not parsed
