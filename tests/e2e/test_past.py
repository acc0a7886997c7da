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
        terminal.until("[replay", press="H")
        begun = terminal.until("◌ planning", press="g")
        assert "● slow" not in begun, "what had not begun yet is shown as running"
        assert len(hosts_below(place)) == 1
        terminal.press("G")
        live = terminal.until("● slow", "P pause all")  # once what was said no longer stands over the keys
        assert "replay" not in live
        terminal.press("q")
        terminal.until("goes on")
    shown = json.loads(cli(place, "show", identity, "--json").stdout)
    assert shown["status"] == "running", "going about in the past has changed the session"
    assert cli(place, "ctl", identity, "cancel").returncode == 0


def test_15_a_session_is_opened_and_lived_through_again_from_the_browser(place: Path) -> None:
    (place / "task.yaml").write_text(TASK.replace("seq 1 60", "seq 1 1"))
    cli(place, "run", "task.yaml", "--approve", "--headless")
    (identity,) = (place / "home" / "state" / "sessions").iterdir()
    wait_for_an_exit(hosts_below(place), 60)  # it stays a moment for whoever may still come
    before = cli(place, "events", identity.name).stdout
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
        assert hosts_below(place) == [], "looking at a session that has ended has started a host"
    assert cli(place, "events", identity.name).stdout == before
