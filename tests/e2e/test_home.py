"""The home screen in a real terminal: from the first word to a plan that waits, from a task file to its result."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.e2e.terminal import Terminal, cli, needs_tmux

pytestmark = [needs_tmux, pytest.mark.timeout(180)]


@pytest.mark.chaos
def test_a_goal_is_talked_over_started_by_one_key_and_found_at_home_again(place: Path) -> None:
    with Terminal(place, 80, 24, SWARMTUI_MODEL="simulated/fast", SWARMTUI_TOUR="0") as terminal:
        terminal.run("swarmtui")
        terminal.until("goal or task file", "No sessions yet")
        terminal.type("queues")
        terminal.press("Enter")
        terminal.until("coordinator asks", "SIMULATED")
        assert cli(place, "ls", "--json").stdout == ""
        terminal.type("compare two of them for our workload")
        terminal.press("Enter")
        terminal.until("swarmtui run 'queues: compare two of them for our workload'")
        assert cli(place, "ls", "--json").stdout == ""
        terminal.press("F9")
        terminal.until("awaits approval", "approve")
        terminal.until("1 needs you", "goal or task file", press="d")
        terminal.press("n", "Up")
        terminal.until("compare two of them for our workload")
        terminal.press("Escape", "Escape", "q")
    (session,) = [json.loads(line) for line in cli(place, "ls", "--json").stdout.splitlines()]
    assert session["status"] == "awaiting_approval"
    kept = place / "home" / "state" / "prompts.jsonl"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert json.loads(kept.read_text().splitlines()[0])["text"] == "queues"


@pytest.mark.chaos
def test_a_task_file_is_completed_mended_and_run(place: Path) -> None:
    (place / "count.yaml").write_text("goal: g\nnodes:\n  a: {run: [seq, '3'], retrys: 1}\n")
    with Terminal(place, 80, 24, SWARMTUI_TOUR="0") as terminal:
        terminal.run("swarmtui")
        terminal.until("goal or task file", "No sessions yet")
        terminal.type("cou")
        terminal.until("count.yaml", "file")
        terminal.press("Tab")
        terminal.until("1 problem")
        terminal.press("Enter")
        terminal.until("count.yaml:3:", "did you mean retries?", "nothing was started")
        (place / "count.yaml").write_text("goal: g\nnodes:\n  a: {run: [seq, '3']}\n")
        terminal.press("Enter")
        terminal.until("✓ succeeded")
        terminal.until("1 session", "goal or task file", press="d")
        terminal.press("q")
    (session,) = [json.loads(line) for line in cli(place, "ls", "--json").stdout.splitlines()]
    assert session["status"] == "succeeded"
