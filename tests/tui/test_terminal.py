"""The ways out: which characters, which editor, what it leaves behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from swarmtui.tui import terminal
from swarmtui.tui.settings import Characters, Motion
from swarmtui.tui.view.glyphs import ASCII, UNICODE


def script(folder: Path, body: str) -> str:
    path = folder / "editor"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_ascii_where_asked_for_or_where_the_locale_has_no_more() -> None:
    assert terminal.glyphs_for({}, "UTF-8") is UNICODE
    assert terminal.glyphs_for({}, "ISO-8859-1") is ASCII
    assert terminal.glyphs_for({"SWARMTUI_ASCII": "1"}, "UTF-8") is ASCII
    assert terminal.glyphs_for({"SWARMTUI_ASCII": "0"}, "UTF-8") is UNICODE


def test_characters_are_those_that_the_settings_ask_for() -> None:
    assert terminal.glyphs_for({}, "UTF-8", Characters.ASCII) is ASCII
    assert terminal.glyphs_for({}, "ISO-8859-1", Characters.UNICODE) is UNICODE
    assert terminal.glyphs_for({"SWARMTUI_ASCII": "1"}, "UTF-8", Characters.UNICODE) is ASCII


@pytest.mark.parametrize("term", ["linux", "dumb", "vt100"])
def test_terminals_whose_fonts_have_few_signs_get_ascii(term: str) -> None:
    assert terminal.glyphs_for({"TERM": term}, "UTF-8") is ASCII


@pytest.mark.parametrize(
    ("colours", "environ", "theme"),
    [
        ("truecolor", {}, "swarm-dark"),
        ("256", {}, "swarm-dark"),
        ("256", {"COLORFGBG": "0;15"}, "swarm-light"),
        ("truecolor", {"COLORFGBG": "15;default;0"}, "swarm-dark"),
        ("truecolor", {"COLORFGBG": "15;default"}, "swarm-dark"),
        ("standard", {"COLORFGBG": "0;15"}, "ansi-16"),
        (None, {}, "monochrome"),
        ("truecolor", {"NO_COLOR": "1"}, "monochrome"),
    ],
)
def test_without_a_choice_the_theme_is_the_one_that_the_terminal_can_show(
    colours: str | None, environ: dict[str, str], theme: str
) -> None:
    assert terminal.theme_for(colours, environ) == theme


@pytest.mark.parametrize(
    ("wanted", "environ", "still"),
    [
        (Motion.FULL, {}, False),
        (Motion.REDUCED, {}, True),
        (Motion.FULL, {"TEXTUAL_ANIMATIONS": "none"}, True),
        (Motion.REDUCED, {"SWARMTUI_MOTION": "full"}, False),
        (Motion.FULL, {"SWARMTUI_MOTION": "reduced"}, True),
    ],
)
def test_nothing_moves_where_somebody_wants_it_so(wanted: Motion, environ: dict[str, str], still: bool) -> None:
    assert terminal.is_still(wanted, environ) is still


def test_visual_wins_over_editor_and_arguments_are_kept() -> None:
    assert terminal.program(("VISUAL", "EDITOR"), "vi", {"EDITOR": "nano", "VISUAL": "code --wait"}) == [
        "code",
        "--wait",
    ]
    assert terminal.program(("VISUAL", "EDITOR"), "vi", {}) == ["vi"]


def test_what_the_editor_saves_comes_back(tmp_path: Path) -> None:
    environ = {**os.environ, "VISUAL": script(tmp_path, 'echo "more: true" >> "$1"')}
    assert terminal.edit_in_editor("plan: 1\n", ".yaml", environ) == "plan: 1\nmore: true\n"


def test_an_editor_that_fails_changes_nothing(tmp_path: Path) -> None:
    environ = {**os.environ, "VISUAL": script(tmp_path, "exit 3")}
    with pytest.raises(terminal.NoProgram, match="ended with code 3"):
        terminal.edit_in_editor("plan: 1\n", ".yaml", environ)


def test_a_missing_editor_is_named_with_the_cure() -> None:
    with pytest.raises(terminal.NoProgram, match=r"\$EDITOR"):
        terminal.edit_in_editor("x", ".yaml", {**os.environ, "VISUAL": "/no/such/editor"})


def test_children_see_no_color_again() -> None:
    assert terminal.child_environment(True, {})["NO_COLOR"] == "1"
    assert "NO_COLOR" not in terminal.child_environment(False, {})
