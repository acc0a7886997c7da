"""A whole session in a real terminal by keys alone: each step is seen on the screen, and at the end in the files."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.terminal import Terminal, cli, needs_tmux

pytestmark = [needs_tmux, pytest.mark.timeout(300), pytest.mark.chaos]

READ_S = 0.5
"""Nobody answers sooner; keys that come at once with a dialog are not taken for an answer."""

TASK = """
goal: Do a few things
nodes:
  begin: {run: [echo, begun]}
  quick: {needs: begin, run: [echo, quick]}
  slow: {needs: begin, run: {shell: "sleep 2; echo slow"}}
  shaky: {needs: begin, run: [sh, -c, "test -e mended && echo mended"]}
  branch:
    needs: begin
    ask: {question: Which branch is released?, choices: [main, next]}
  last: {needs: [quick, slow, shaky, branch], run: [echo, done]}
"""


def sessions(place: Path) -> list[dict[str, Any]]:
    """All there are, newest first."""
    return [json.loads(line) for line in cli(place, "ls", "--json").stdout.splitlines()]


def shown(place: Path, identity: str) -> dict[str, Any]:
    """Everything of one."""
    found: dict[str, Any] = json.loads(cli(place, "show", identity, "--json").stdout)
    return found


def kinds(place: Path, identity: str) -> list[str]:
    """The types of its events."""
    return [json.loads(line)["type"] for line in cli(place, "events", identity).stdout.splitlines()]


def test_a_session_from_the_task_file_to_a_fork_of_it_by_keys_alone(place: Path) -> None:
    (place / "few.yaml").write_text(TASK)
    with Terminal(place, 120, 40, SWARMTUI_TOUR="0") as terminal:
        terminal.run("swarmtui")
        terminal.until("goal or task file", "No sessions yet")
        terminal.type("few.yaml --review")
        terminal.press("Enter")
        terminal.until("awaits approval", "node – begin")
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
        time.sleep(READ_S)
        terminal.press("Enter")
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
