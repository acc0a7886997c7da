"""A session of a few nodes: one fails until it is mended, one asks, one takes its time; and what is recorded of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.e2e.terminal import Terminal, cli

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


def reviewed(terminal: Terminal, name: str) -> None:
    """Begin with the list of sessions, and have the plan of a task file shown."""
    terminal.run("swarmtui")
    terminal.until("goal or task file", "No sessions yet")
    terminal.type(f"{name} --review")
    terminal.press("Enter")
    terminal.until("awaits approval", "node – begin")
