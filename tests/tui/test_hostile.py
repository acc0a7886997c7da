"""Whatever comes from outside, in whatever place: no control character is drawn, no markup obeyed, nothing clicked."""

from __future__ import annotations

import math
import os
import signal
import sys
from pathlib import Path

import pexpect
import pytest
from textual.pilot import Pilot

from swarmtui.host.feed import Link
from swarmtui.plan.model import Plan
from swarmtui.session import events as ev
from swarmtui.tui.actions.action import Context
from swarmtui.tui.actions.table import BY_ID, Keys
from swarmtui.tui.view.bulk import Bulk, Verb
from swarmtui.tui.view.glyphs import ASCII, UNICODE, Glyphs
from swarmtui.tui.view.home import refusal
from swarmtui.tui.view.sessions import Row
from tests.tui.opening import lines, opened, press, settled, text
from tests.tui.ptys import close_window
from tests.tui.scripted_feed import approved, hostile, mid_run, prompt

TOURS: dict[str, tuple[str, ...]] = {
    "run": (),
    "search": ("slash", "x"),
    "workers": ("3",),
    "table": ("4",),
    "log": ("5", "i", "i"),
    "plan": ("1",),
    "plan as text": ("1", "v"),
    "plan details": ("1", "j", "j"),
    "output": ("enter",),
    "prompt": ("enter", "tab"),
    "attempts": ("enter", "tab", "tab"),
    "cost": ("enter", "tab", "tab", "tab"),
    "events": ("enter", "tab", "tab", "tab", "tab"),
    "node log": ("enter", "tab", "tab", "tab", "tab", "tab"),
    "files": ("enter", "tab", "tab", "tab", "tab", "tab", "tab"),
    "question": ("a",),
    "palette": ("colon", "n", "o"),
    "help": ("question_mark",),
    "notice": ("p",),
}

FIRST = {"run", "workers", "log", "plan", "plan as text", "output", "events", "question", "notice"}
"""The other tours are left to the slower run."""


def unclean(pilot: Pilot[int]) -> list[str]:
    """The characters on the screen that a terminal would obey or nobody could see."""
    shown = "".join(lines(pilot)).replace("\u200d", "").replace("\ufe0f", "")
    return sorted({char for char in shown if not char.isprintable()})


@pytest.mark.parametrize("glyphs", [UNICODE, pytest.param(ASCII, marks=pytest.mark.chaos)], ids=["unicode", "ascii"])
@pytest.mark.parametrize(
    "tour", [pytest.param(tour, marks=() if tour in FIRST else pytest.mark.chaos) for tour in TOURS]
)
async def test_nothing_gets_through_to_the_screen(tour: str, glyphs: Glyphs) -> None:
    feed = hostile()
    feed.refusal = "\x1b[2Jrefused \u202e[@click=app.quit]x[/]"
    async with opened(feed, (140, 45), glyphs=glyphs) as pilot:
        await press(pilot, *TOURS[tour])
        assert unclean(pilot) == []
        assert pilot.app.is_running


@pytest.mark.chaos
async def test_no_click_anywhere_acts_on_the_session() -> None:
    feed = hostile()
    async with opened(feed, (100, 30)) as pilot:
        for y in range(1, 29, 2):
            for x in range(0, 100, 9):
                await pilot.click(offset=(x, y))
        assert pilot.app.is_running
    assert feed.commands == []


DRIVER = """
import sys
from tests.tui.opening import workbench
from tests.tui.scripted_feed import SESSIONS
from swarmtui.tui.app import run_workbench
feed = SESSIONS[sys.argv[1]]()
async def connect():
    return feed
sys.exit(run_workbench(connect))
"""


def start(name: str, home: Path) -> pexpect.spawn[bytes]:
    """The workbench in a terminal of its own."""
    env = {
        **os.environ,
        "TERM": "xterm-256color",
        "COLUMNS": "100",
        "LINES": "30",
        "SWARMTUI_HOME": str(home),
        "SWARMTUI_TOUR": "0",
    }
    return pexpect.spawn(sys.executable, ["-c", DRIVER, name], env=env, dimensions=(30, 100), timeout=30)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.chaos
def test_a_signal_ends_the_workbench_and_gives_the_terminal_back(number: signal.Signals, tmp_path: Path) -> None:
    terminal = start("mid_run", tmp_path)
    terminal.expect_exact(b"quality")
    terminal.kill(number)
    terminal.expect(pexpect.EOF)
    assert b"\x1b[?1049l" in terminal.before
    assert b"\x1b[?25h" in terminal.before
    terminal.close()
    assert (terminal.exitstatus, terminal.signalstatus) == (0, None)


@pytest.mark.chaos
def test_a_terminal_that_goes_away_ends_the_workbench(tmp_path: Path) -> None:
    terminal = start("mid_run", tmp_path)
    terminal.expect_exact(b"quality")
    close_window(terminal)
    pid, status = os.waitpid(terminal.pid, 0)
    assert pid == terminal.pid
    assert os.waitstatus_to_exitcode(status) in (0, -signal.SIGHUP)


def test_no_byte_of_a_payload_reaches_the_terminal(tmp_path: Path) -> None:
    terminal = start("hostile", tmp_path)
    seen = b""
    for wanted, key in ((b"surrogate", b"5"), (b"failed after", b"q")):
        terminal.expect_exact(wanted)
        seen += terminal.before + terminal.after
        terminal.send(key)
    terminal.expect(pexpect.EOF)
    seen += terminal.before
    terminal.close()
    assert terminal.exitstatus == 0
    for payload in (b"\x1b]0;", b"\x1b]52", b"\x1b]8;;", b"\x1bP1;2q", b"\x1b[2J\x1b[Hgone", b"\x9b31m"):
        assert payload not in seen
    assert not set("\u202e\u2066\u200b\u2060\ufeff\U000e0041\x08") & set(seen.decode("utf-8", "replace"))


# -- what others wrote names no action ------------------------------------------------------------------------------


def test_a_node_that_is_called_like_an_action_is_told_as_it_is_called() -> None:
    feed = approved(Plan("", (prompt("{quit}"), prompt("{help}", "{quit}")))).play(ev.AttemptStarted("{quit}", 1))
    why = BY_ID["retry_node"].refusal(
        Context(feed.state, feed.status, feed.state.nodes["{quit}"], with_keys=Keys().in_words)
    )
    assert why == "{quit} is running: cancel it first (x), or wait"
    feed.play(ev.NodeSkipped("{help}", "{quit}"))
    why = BY_ID["retry_node"].refusal(
        Context(feed.state, feed.status, feed.state.nodes["{help}"], with_keys=Keys().in_words)
    )
    assert why == "{help} was skipped because of {quit}: retry that"


def test_a_session_that_is_called_like_an_action_is_told_as_it_is_called() -> None:
    row: Row = {"id": "{quit}", "status": "crashed"}
    why = refusal("pause_session", row, [row], able=True) or ""
    assert Keys().in_words(why) == "{quit}: its host has crashed: U resumes it"
    assert Keys().in_words(refusal("attend", row, [row], able=True) or "") == "nothing of {quit} waits for you"
    damaged: Row = {**row, "reason": "try `swarmtui recover`"}
    (left,) = Bulk.of(Verb.PAUSE, [damaged], Keys().in_words).all
    assert left.told == "its file is damaged: `swarmtui recover {quit}` saves what is intact"


async def test_why_a_link_is_lost_is_told_as_the_other_side_put_it() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        feed.set_link(Link.RECONNECTING, "ssh: no {quit} here", retry_at=math.inf)
        await settled(pilot)
        assert "ssh: no {quit} here; d leaves" in text(pilot)
        feed.set_link(Link.LIVE)
        feed.status.trouble = "no room on {help}"
        await settled(pilot)
        assert "no room on {help}" in text(pilot)
