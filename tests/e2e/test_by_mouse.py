"""A session in a real terminal by the mouse alone, once it has been typed what is to be done."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.few import TASK, kinds, reviewed, sessions, shown
from tests.e2e.terminal import Terminal, needs_tmux

pytestmark = [needs_tmux, pytest.mark.timeout(300), pytest.mark.chaos]


def test_a_plan_is_approved_a_run_steered_a_question_answered_and_the_past_seen_by_the_mouse(place: Path) -> None:
    (place / "few.yaml").write_text(TASK)
    with Terminal(place, 120, 40, SWARMTUI_TOUR="0") as terminal:
        reviewed(terminal, "few.yaml")
        terminal.click("○ slow")
        terminal.until("node – slow")
        terminal.until("Approve what runs outside", click="A approve")
        terminal.until("● running", "1 failed", click="y: approve")
        terminal.click("1 failed")
        terminal.until("1 of 6")
        (place / "mended").touch()
        terminal.click("needs you")
        terminal.until("Which branch is released?", "next")
        terminal.click("next", twice=True)
        terminal.until("✓ branch")
        identity = str(sessions(place)[0]["id"])
        terminal.click("✗ shaky", twice=True)
        terminal.until("Output", "Attempts")
        terminal.click("Attempts")
        terminal.until("how it ended")
        terminal.until("retry failed", click="how it ended")  # an error is shown until a key or a click
        terminal.click("retry failed")
        terminal.until("✓ succeeded")
        terminal.until("d detach")  # what was said last stands there for a while
        terminal.click("d detach")
        terminal.until("1 session")
        terminal.click("succeeded", twice=True)
        terminal.until("╭─ graph", "H history")
        terminal.click("H history")
        terminal.until("[replay", "[ mark")
        terminal.click("[ mark")
        terminal.click("d detach")
        terminal.until("1 session", "q quit")
        found = shown(place, identity)
        terminal.click("q quit")
        terminal.until("succeeded after")
    assert {node["id"]: node["attempts"] for node in found["nodes"]}["shaky"] == 2
    assert {"plan_approved", "node_retried", "question_answered"} <= set(kinds(place, identity))


MANY = "\n".join(
    [
        "goal: Do many things",
        "nodes:",
        "  begin: {run: [echo, begun]}",
        *(f"  n{at:02}: {{needs: begin, run: [sh, -c, 'sleep 0.1; seq 60']}}" for at in range(40)),
        '  slow: {needs: begin, run: {shell: "seq 300; sleep 300"}}',
    ]
)


def test_a_form_a_dialog_with_rows_and_wheels_over_table_log_and_graph_by_the_mouse(place: Path) -> None:
    (place / "many.yaml").write_text(MANY)
    with Terminal(place, 160, 40, SWARMTUI_TOUR="0") as terminal:
        reviewed(terminal, "many.yaml")
        terminal.click("○ begin", twice=True)
        terminal.until("F2 propose", "● command")
        terminal.click("○ shell script")
        terminal.until("● shell script")
        terminal.click("F2 propose")
        terminal.until("revision 2 by", "sh: echo begun")
        terminal.until("A approve")  # what was said last stands there for a while
        terminal.until("y: approve", click="A approve")
        terminal.until("41/42 ok", click="y: approve")
        identity = str(sessions(place)[0]["id"])
        terminal.scroll(30, "✓ ok           n03")
        terminal.until("✓ ok           n39")
        terminal.scroll(-20, "n39              ok in")
        terminal.until("n16              started")
        terminal.scroll(-20, "▶ ✓ n30")
        terminal.until("▶ ✓ n00")
        terminal.until("= at once")
        terminal.click("= at once")
        terminal.until("how many at once", "enter sends")
        terminal.click("commands    ")
        terminal.until("▌ commands")
        terminal.click("d double")
        terminal.click("enter sends")
        terminal.until("i commands 2 → 4")
        terminal.until("X cancel all")
        terminal.click("X cancel all")
        terminal.until("y: ")
        terminal.until("cancelled", click="y: ")
        before = kinds(place, identity)
    assert {"plan_approved", "limits_set", "session_cancel_requested"} <= set(before)
