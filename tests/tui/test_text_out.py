"""What is copied leaves by every way there is, and the user is told by which."""

from __future__ import annotations

from pathlib import Path

import pytest

from swarmtui.tui import terminal
from swarmtui.tui.app import Workbench
from swarmtui.tui.clipboard import ClipboardTool, clipboard_tool, hand_to
from swarmtui.tui.text_out import COPY_FILE, Ways, _file_name, told
from tests.tui.opening import notices, opened, press, settled
from tests.tui.scripted_feed import finished, mid_run


@pytest.mark.parametrize(
    ("environ", "there", "platform", "name"),
    [
        ({"WAYLAND_DISPLAY": "w", "DISPLAY": ":0"}, ("wl-copy", "xclip"), "linux", "wl-copy"),
        ({"WAYLAND_DISPLAY": "w", "DISPLAY": ":0"}, ("xclip",), "linux", "xclip"),
        ({"DISPLAY": ":0"}, ("xsel", "tmux"), "linux", "xsel"),
        ({"TMUX": "/tmp/t"}, ("xclip", "tmux"), "linux", "tmux"),
        ({}, ("pbcopy",), "darwin", "pbcopy"),
        ({}, ("xclip", "wl-copy", "tmux", "pbcopy"), "linux", None),
        ({"DISPLAY": ":0"}, (), "linux", None),
    ],
)
def test_the_program_is_the_one_that_fits_where_we_run(
    environ: dict[str, str], there: tuple[str, ...], platform: str, name: str | None
) -> None:
    tool = clipboard_tool(environ, lambda argv: argv if argv in there else None, platform)
    assert (tool.name if tool is not None else None) == name


def test_a_program_is_handed_the_text_and_one_that_fails_took_nothing(tmp_path: Path) -> None:
    into = tmp_path / "got"
    assert hand_to(ClipboardTool("t", ("sh", "-c", f"cat > {into}")), "wörd")
    assert into.read_text() == "wörd"
    assert not hand_to(ClipboardTool("t", ("sh", "-c", "exit 3")), "x")
    assert not hand_to(ClipboardTool("t", ("/nowhere/at/all",)), "x")


def test_each_way_is_named_and_so_is_the_limit() -> None:
    words, went = told("the output", 9, terminal_took=True, tool="wl-copy", file="/s/copied.txt")
    assert words == (
        "the output was sent to wl-copy's clipboard and the terminal's clipboard (9 characters); "
        "it is in /s/copied.txt too"
    )
    assert went
    words, went = told("it", 80_000, terminal_took=False, tool="", file="/s/copied.txt")
    assert words == (
        "it is too long for the terminal's clipboard (80,000 of 74,000 characters): it is in /s/copied.txt"
    )
    assert went
    assert not told("it", 80_000, terminal_took=False, tool="", file="")[1]
    assert "tmux's buffer" in told("it", 9, terminal_took=True, tool="tmux", file="")[0]


async def test_a_copy_goes_to_the_terminal_the_program_and_the_file(tmp_path: Path) -> None:
    handed: list[str] = []

    def hand(tool: ClipboardTool, text: str) -> bool:
        handed.append(text)
        return True

    async with opened(finished()) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.text_out.ways = Ways(tmp_path / "state", lambda: ClipboardTool("xclip", ("xclip",)), hand)
        app.screen.select("quality")  # type: ignore[attr-defined]
        await press(pilot, "y")
        assert "xclip's clipboard and the terminal's clipboard" in notices(pilot)[-1]
        assert handed == [app.clipboard]
    kept = tmp_path / "state" / COPY_FILE
    assert kept.read_text() == handed[0]
    assert kept.stat().st_mode & 0o077 == 0


async def test_what_is_too_long_for_the_terminal_is_in_the_file(tmp_path: Path) -> None:
    async with opened(finished()) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.text_out.ways = Ways(tmp_path, lambda: None)
        app.text_out.copy("x" * (terminal.CLIPBOARD_LIMIT + 1), "the log")
        await settled(pilot)
        assert f"the log is in {tmp_path / COPY_FILE}" in notices(pilot)[-1]
        assert not app.clipboard


async def test_what_a_node_gave_is_fetched_unless_it_says_something_and_is_not_known_to_have_given_anything() -> None:
    feed = mid_run()
    feed.outputs = dict.fromkeys(feed.state.nodes, "what is recorded")
    async with opened(feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        (speaks, item), tail = next((key, tail) for key, tail in app.tails.by_key.items() if tail.lines)
        silent = next(name for name in feed.state.nodes if (name, None) not in app.tails.by_key)
        assert (await app.text_out.output_of(silent, None, gave=False))[0] == "what is recorded"
        assert (await app.text_out.output_of(speaks, item, gave=True))[0] == "what is recorded"
        said = "\n".join(line.text for line in tail.lines)
        assert (await app.text_out.output_of(speaks, item, gave=False))[0] == said


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("the output of quality", "output-of-quality.txt"),
        ("../../etc/passwd", "passwd.txt"),
        ("attempt-2/log.txt", "log.txt"),
        ("\x1b[2J", "2J.txt"),
        ("...", "output.txt"),
    ],
)
def test_a_file_is_called_after_what_is_in_it(what: str, name: str) -> None:
    assert _file_name(what) == name


def test_the_editor_gets_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    script = tmp_path / "editor"
    script.write_text(f'#!/bin/sh\nstat -c %a "$1" > {seen}\ncat "$1" >> {seen}\n')
    script.chmod(0o755)
    terminal.read_in_editor("the text", "output.txt", {"EDITOR": str(script), "PATH": "/usr/bin:/bin"})
    assert seen.read_text() == "400\nthe text"
