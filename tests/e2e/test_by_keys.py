"""A whole session in a real terminal by keys alone: each step is seen on the screen, and at the end in the files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.few import TASK, kinds, reviewed, sessions, shown
from tests.e2e.terminal import Terminal, cli, needs_tmux

pytestmark = [needs_tmux, pytest.mark.timeout(300), pytest.mark.chaos]


def test_a_session_from_the_task_file_to_a_fork_of_it_by_keys_alone(place: Path) -> None:
    (place / "few.yaml").write_text(TASK)
    with Terminal(place, 120, 40, SWARMTUI_TOUR="0") as terminal:
        reviewed(terminal, "few.yaml")
        terminal.press("l")
        terminal.until("node – slow")
        terminal.press("Enter")
        terminal.until("F2 propose", "runs as")
        terminal.type("echo before; ")
        terminal.until("echo before; sleep 2")
        terminal.until("revision 2 by", press="F2")
        terminal.until("Approve what runs outside", press="A")
        terminal.press("y")
        terminal.until("● running", "1 failed")
        terminal.press("6")
        terminal.until("timeline", "▼start")
        terminal.until("longest", press="S")
        terminal.press("2")
        terminal.until("graph")
        (place / "mended").touch()
        terminal.press("R")
        terminal.until("✓ shaky")
        terminal.press("=")
        terminal.until("how many at once")
        terminal.press("h")
        terminal.until("enter sends")
        terminal.press("Enter")
        terminal.press("a")
        terminal.until("Which branch is released?", "next")
        terminal.press("j")
        terminal.until("✓ branch", press="Enter")
        terminal.until("✓ succeeded", "6/6")
        (original,) = sessions(place)
        identity = str(original["id"])
        terminal.press("H")
        terminal.until("[replay")
        terminal.until("✗ shaky", press="[")
        terminal.press("Y")
        terminal.until("fork, and let it run")
        terminal.press("Enter")
        terminal.until("● running", "1 interrupted")  # the fork, which took up what ran at that moment
        terminal.until("2 sessions", press="d")
        terminal.press("*")
        terminal.until("2 marked")
        terminal.until("y: do it", press="W")  # again, until the host of the one that ended has left
        before, were, plan = (
            shown(place, identity),
            kinds(place, identity),
            cli(place, "show", identity, "--plan").stdout,
        )
        terminal.press("y")
        terminal.until("close", "done")
        terminal.press("Escape")
        terminal.until("1 session ", "fork of")  # which runs, and what runs is not removed
        terminal.press("q")
        terminal.until("forked as")  # the shell is seen again
    assert {node["id"]: node["attempts"] for node in before["nodes"]}["shaky"] == 2
    assert "echo before; sleep 2" in plan
    assert before["plan_rev"] == 2
    assert {"plan_approved", "node_retried", "limits_set", "question_answered"} <= set(were)
    (fork,) = sessions(place)
    assert fork["parent"]["id"] == identity
