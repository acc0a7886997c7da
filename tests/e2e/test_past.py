"""The past in a real terminal: of a session that goes on, and from the browser of sessions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swarmtui.workers.exits import wait_for_an_exit
from tests.e2e.conftest import hosts_below
from tests.e2e.terminal import Terminal, cli, needs_tmux

pytestmark = [needs_tmux, pytest.mark.timeout(180), pytest.mark.chaos]

TASK = """
goal: Take a while
nodes:
  first:
    run: [echo, began]
  slow:
    needs: first
    run: {shell: "for i in $(seq 1 60); do echo step $i; sleep 0.5; done"}
"""


def test_30_the_past_of_a_running_session_is_gone_through_and_G_leads_back(place: Path) -> None:
    (place / "task.yaml").write_text(TASK)
    identity = json.loads(cli(place, "run", "task.yaml", "--approve", "--detach").stdout)["id"]
    with Terminal(place) as terminal:
        terminal.run("swarmtui", "attach", identity)
        terminal.until("● slow")
        terminal.until("replay", "G live", press="H")
        terminal.until("◌ planning", press="g")
        terminal.until("● slow", press="G")
        terminal.press("q")
        terminal.until("goes on")
    cli(place, "ctl", identity, "cancel")


def test_15_a_session_is_opened_and_lived_through_again_from_the_browser(place: Path) -> None:
    (place / "task.yaml").write_text(TASK.replace("seq 1 60", "seq 1 1"))
    cli(place, "run", "task.yaml", "--approve", "--headless")
    wait_for_an_exit(hosts_below(place), 60)  # it stays a moment for whoever may still come
    with Terminal(place) as terminal:
        terminal.run("swarmtui")
        terminal.until("✓ succeeded", "Take a while", "quit")
        terminal.press("Enter")
        terminal.until("[recorded")
        terminal.press("q")
        terminal.until("sessions: all")
        terminal.press("H")
        terminal.until("[replay", "space")
        terminal.press("q")
        terminal.until("sessions: all")
        terminal.press("q")
        terminal.until("succeeded after")
