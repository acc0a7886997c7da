"""The list of themes: shown at once, kept or restored, read again when a file changes; what apps do without colours."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from textual.filter import Monochrome, NoColor
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from swarmtui.tui import themes
from swarmtui.tui.screens.theme_choice import ThemeChoice
from swarmtui.tui.view.glyphs import ASCII
from tests.tui.opening import notices, opened, press, settled, text, workbench
from tests.tui.scripted_feed import mid_run


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user's themes are; nothing of whoever runs the tests."""
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path))
    monkeypatch.delenv("SWARMTUI_THEME", raising=False)
    folder = themes.own_folder()
    folder.mkdir(parents=True)
    return folder


def choice(pilot: Pilot[Any]) -> ThemeChoice:
    assert isinstance(pilot.app.screen, ThemeChoice)
    return pilot.app.screen


async def test_what_is_marked_is_shown_at_once_and_enter_keeps_it(own: Path) -> None:
    async with opened(mid_run()) as pilot:
        before = pilot.app.export_screenshot()
        await press(pilot, "t", "down")
        shown = pilot.app.theme
        assert shown == "swarm-light"
        assert pilot.app.export_screenshot() != before
        await press(pilot, "enter")
        assert pilot.app.theme == shown
        assert pilot.app.memory.get("theme", "") == shown  # type: ignore[attr-defined]
        assert not isinstance(pilot.app.screen, ThemeChoice)


@pytest.mark.chaos
async def test_escape_restores_what_was_and_nothing_is_remembered(own: Path) -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, "t", "down")
        assert pilot.app.theme != "swarm-dark"
        await press(pilot, "escape")
        assert pilot.app.theme == "swarm-dark"
        assert pilot.app.memory.get("theme", "") == ""  # type: ignore[attr-defined]


@pytest.mark.chaos
async def test_a_theme_of_the_users_is_listed_with_its_file_and_read_again_when_it_changes(own: Path) -> None:
    mine = own / "mine.yaml"
    mine.write_text('name: mine\nextends: swarm-dark\nroles: {text: "#aaaaaa"}\n')
    async with opened(mid_run()) as pilot:
        await press(pilot, "t", *"mine")
        assert pilot.app.theme == "mine"
        shown = " ".join(text(pilot).split())
        assert "yours" in shown
        await choice(pilot).look_again()
        mine.write_text('name: mine\nextends: swarm-dark\nroles: {text: "#ffee00"}\n')
        os.utime(mine, ns=(1, 1))
        await choice(pilot).look_again()
        await settled(pilot)
        assert pilot.app.theme == "mine"
        assert "#ffee00" in pilot.app.export_screenshot()


@pytest.mark.chaos
async def test_a_broken_file_is_told_with_its_line_and_the_theme_before_stays(own: Path) -> None:
    mine = own / "mine.yaml"
    mine.write_text("name: mine\nextends: swarm-dark\n")
    async with opened(mid_run(), (160, 40)) as pilot:
        await press(pilot, "t")
        await choice(pilot).look_again()
        mine.write_text("name: mine\nextends: swarm-dark\nroles: {text: red}\n")
        os.utime(mine, ns=(1, 1))
        await choice(pilot).look_again()
        await settled(pilot)
        assert "roles.text" in text(pilot)
        assert any("mine.yaml:3:15: roles.text is another kind of colour" in one for one in pilot.app.loaded.problems)  # type: ignore[attr-defined]
        assert pilot.app.theme == "swarm-dark"


async def test_that_no_theme_is_called_what_is_typed_is_said_and_enter_keeps_none(own: Path) -> None:
    async with opened(mid_run(), (60, 15)) as pilot:
        await press(pilot, "t", *"zzz")
        assert "no theme is called that" in text(pilot)
        await press(pilot, "enter")
        assert choice(pilot).is_current
        assert pilot.app.memory.get("theme", "") == ""  # type: ignore[attr-defined]
        await press(pilot, *["backspace"] * 3)
        assert "no theme is called that" not in text(pilot).replace(notices(pilot)[-1], "")
        await press(pilot, "enter")
        assert not isinstance(pilot.app.screen, ThemeChoice)


@pytest.mark.chaos
async def test_typing_filters_and_a_click_chooses(own: Path) -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, "t", *"contrast")
        options = choice(pilot).query_one(OptionList)
        assert [option.id for option in options.options if option.id] == ["high-contrast-dark", "high-contrast-light"]
        assert choice(pilot).query_one(Input).has_focus
        await pilot.click(OptionList, offset=(4, 2))
        await settled(pilot)
        assert pilot.app.theme == "high-contrast-light"
        assert not isinstance(pilot.app.screen, ThemeChoice)


@pytest.mark.chaos
async def test_a_theme_that_is_not_there_is_told(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWARMTUI_THEME", "swarm-drak")
    app = workbench(mid_run(), theme="")
    assert app.theme == "swarm-dark"
    async with app.run_test() as pilot:
        await settled(pilot)
        assert any("there is no theme 'swarm-drak'" in notice for notice in notices(pilot))


@pytest.mark.chaos
async def test_with_no_color_there_is_no_colour_at_all(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = workbench(mid_run(), theme="")
    async with app.run_test() as pilot:
        await settled(pilot)
        assert app.theme == "monochrome"
        assert not any(isinstance(one, Monochrome) for one in app._filters)
        assert any(isinstance(one, NoColor) for one in app._filters)
        await press(pilot, "t", *"swarm-light", "down")
        strips = app.screen._compositor.render_strips()
        colours = {
            colour.name
            for strip in strips
            for segment in strip
            if segment.style
            for colour in (segment.style.color, segment.style.bgcolor)
            if colour
        }
        assert colours <= {"default"}
    assert os.environ["NO_COLOR"] == "1"


@pytest.mark.chaos
async def test_where_motion_is_reduced_nothing_blinks_or_glides(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWARMTUI_MOTION", "reduced")
    async with opened(mid_run()) as pilot:
        assert pilot.app.animation_level == "none"
        await press(pilot, "t")
        assert not choice(pilot).query_one(Input).cursor_blink


TOURS: dict[str, tuple[str, ...]] = {
    "run": (), "workers": ("3",), "table": ("4",), "log": ("5", "i"), "plan": ("1",), "text": ("1", "v"),
    "node": ("enter",), "attempts": ("enter", "tab", "tab"), "question": ("a",),
    "help": ("question_mark",), "theme": ("t",), "mark": ("M",), "notice": ("p",), "cancel": ("X",), "find": ("slash",),
}  # fmt: skip


@pytest.mark.parametrize("size", [(80, 24), pytest.param((120, 40), marks=pytest.mark.chaos)], ids=["80x24", "120x40"])
@pytest.mark.parametrize("tour", TOURS)
async def test_in_ascii_no_screen_has_a_sign_that_ascii_has_not(tour: str, size: tuple[int, int], own: Path) -> None:
    async with opened(mid_run(), size, glyphs=ASCII) as pilot:
        await press(pilot, *TOURS[tour])
        assert sorted({char for char in text(pilot) if not (char.isascii() or char.isalpha())}) == []
