"""The installed program in a real terminal, by keys alone."""

from __future__ import annotations

import json
import os
import signal
import stat
from pathlib import Path

import pytest

from tests.e2e.conftest import hosts_below
from tests.e2e.terminal import Terminal, cli, needs_tmux

pytestmark = [needs_tmux, pytest.mark.timeout(180)]

EDITOR = """#!/bin/sh
# Makes one node fail at its first attempt, as a user would break it by hand.
sed -i '0,/Goal: /s//[[fail:refused:1]] Goal: /' "$1"
"""


def editor(folder: Path) -> str:
    script = folder / "editor.sh"
    script.write_text(EDITOR)
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return str(script)


def sessions(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in cli(folder, "ls", "--json").stdout.splitlines()]


@pytest.mark.chaos
def test_a_goal_is_planned_edited_approved_paused_widened_retried_left_and_found_again(place: Path) -> None:
    with Terminal(place, EDITOR=editor(place), VISUAL="", SWARMTUI_MODEL="simulated/normal") as terminal:
        terminal.run("swarmtui", "run", "Compare two message queues")
        terminal.until("awaits approval", "revision 1", "SIMULATED")
        terminal.press("e")
        terminal.until("revision 2")
        terminal.until("running", press="A")
        terminal.press("P")
        terminal.until("paused")
        before = terminal.screen()
        terminal.press("+")
        identity = str(sessions(place)[0]["id"])
        terminal.until("17")
        assert before != terminal.screen()
        terminal.press("P")
        terminal.until("1 failed")
        terminal.press("R")
        terminal.press("d")
        terminal.until("goes on")
        assert sessions(place)[0]["id"] == identity
        terminal.run("clear")
        terminal.run("swarmtui", "attach", identity[:5])
        terminal.until("✓ succeeded")
        terminal.press("q")
        terminal.until("succeeded after")
    shown = json.loads(cli(place, "show", identity, "--json").stdout)
    assert shown["status"] == "succeeded"
    # The report is stale instead of fresh when it was written before the retry.
    assert {node["state"] for node in shown["nodes"]} <= {"succeeded", "stale"}
    assert shown["plan_rev"] == 2
    assert any(node["attempts"] == 2 for node in shown["nodes"])
    events = [json.loads(line) for line in cli(place, "events", identity).stdout.splitlines()]
    kinds = [event["type"] for event in events]
    for expected in ("session_paused", "session_resumed", "limits_set", "node_retried"):
        assert expected in kinds


SLOW = """
goal: Take a while
nodes:
  slow:
    run: {shell: "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo step $i; sleep 0.5; done"}
  after:
    needs: slow
    run: [echo, done]
"""


GATED = """
goal: Wait for a file
nodes:
  gate:
    run: [sh, -c, "while [ ! -e open ]; do sleep 0.1; done"]
  after:
    needs: gate
    run: [echo, done]
"""


@pytest.mark.parametrize("how", ["q", "d", "SIGHUP", "SIGTERM", "kill -9"])
@pytest.mark.chaos
def test_04_a_session_outlives_its_workbench_however_that_ends(place: Path, how: str) -> None:
    (place / "gated.yaml").write_text(GATED)
    with Terminal(place, 80, 24) as terminal:
        terminal.run("swarmtui", "run", "gated.yaml")
        terminal.until("running", "started")
        (host,) = hosts_below(place)
        match how:
            case "q" | "d":
                terminal.press(how)
                terminal.until("goes on")
            case "SIGHUP":
                terminal.close()
            case _:
                os.kill(terminal.pid_of_front(), signal.SIGTERM if how == "SIGTERM" else signal.SIGKILL)
        identity = str(sessions(place)[0]["id"])
        assert sessions(place)[0]["status"] == "running"
        (place / "open").touch()
        assert cli(place, "wait", identity).returncode == 0
    shown = json.loads(cli(place, "show", identity, "--json").stdout)
    assert shown["counts"] == {"succeeded": 2}
    assert [node["attempts"] for node in shown["nodes"]] == [1, 1]
    events = [json.loads(line) for line in cli(place, "events", identity).stdout.splitlines()]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert len(events) >= shown["head_seq"]  # the host may have left since
    assert [event["data"]["pid"] for event in events if event["type"] == "host_started"] == [host]


@pytest.mark.chaos
def test_04_only_a_cancel_that_is_confirmed_stops_a_session(place: Path) -> None:
    (place / "gated.yaml").write_text(GATED)
    with Terminal(place, 80, 24) as terminal:
        terminal.run("swarmtui", "run", "gated.yaml")
        terminal.until("running", "started")
        terminal.press("X")
        terminal.press("Escape")
        identity = str(sessions(place)[0]["id"])
        assert sessions(place)[0]["status"] == "running"
        terminal.press("X")
        terminal.until("cancelled", press="y")
        assert cli(place, "wait", identity).returncode == 1


@pytest.mark.chaos
def test_the_review_opens_in_the_workbench_and_its_report_is_there_at_the_end(place: Path) -> None:
    project = place / "project"
    project.mkdir()
    (project / "tool.py").write_text("import os\n\n\ndef go(name):\n    os.system('ls ' + name)\n")
    with Terminal(place) as terminal:
        terminal.run("swarmtui", "run", "code_review", "--set", "path=project")
        terminal.until("succeeded", "8/8")
        terminal.press("q")
        terminal.until("report")
    shown = json.loads(cli(place, "show", str(sessions(place)[0]["id"]), "--json").stdout)
    report = place / "home" / "state" / "sessions" / shown["id"] / shown["report_path"]
    assert "tool.py:5" in report.read_text()


@pytest.mark.chaos
def test_07_two_terminals_and_a_script_see_each_other_s_actions_with_the_actor_and_who_only_watches_cannot_act(
    place: Path,
) -> None:
    """The page's second is not measured here, where terminals are looked at in turns: what is shown is."""
    (place / "gated.yaml").write_text(GATED)
    with Terminal(place) as one:
        one.run("swarmtui", "run", "gated.yaml")
        one.until("running", "started")
        identity = str(sessions(place)[0]["id"])
        other_folder = place / "other"
        other_folder.mkdir()
        with Terminal(other_folder, SWARMTUI_HOME=str(place / "home")) as other:
            other.run("swarmtui", "attach", identity, "--read-only")
            other.until("running", "[read-only]")
            one.until("2 watch", "(read-only)")
            assert sessions(place)[0]["viewers"] == 2
            one.press("P")
            other.until("paused", "tui on")
            other.press("P")
            other.until("you only watch (attached read-only)")
            assert cli(place, "ctl", identity, "resume").returncode == 0
            for terminal in (one, other):
                terminal.until("● running", "ctl: resumed")
    actors = [
        event["actor"]
        for event in map(json.loads, cli(place, "events", identity).stdout.splitlines())
        if event["type"] in ("session_paused", "session_resumed")
    ]
    assert [actor.split()[1] for actor in actors] == ["tui", "ctl"], "who only watches has changed something"
    (place / "open").touch()
    assert cli(place, "wait", identity).returncode == 0


@pytest.mark.chaos
def test_20_a_host_that_is_killed_shows_as_crashed_and_resumes_without_running_anything_again(place: Path) -> None:
    (place / "two.yaml").write_text(
        "goal: Two steps\nnodes:\n  first: {run: [sh, -c, 'echo x >> ran']}\n"
        "  second: {needs: first, prompt: 'say [[take:30]]'}\n"
    )
    launched = json.loads(cli(place, "run", "two.yaml", "--detach", SWARMTUI_MODEL="simulated/fast").stdout)
    with Terminal(place) as terminal:
        terminal.run("swarmtui", "attach", launched["id"])
        terminal.until("1/2", "running")
        os.kill(launched["pid"], signal.SIGKILL)
        terminal.until("crashed", patience_s=5)
        assert sessions(place)[0]["status"] == "crashed"
        resumed = cli(place, "resume", launched["id"], "--detach", SWARMTUI_MODEL="simulated/fast")
        assert resumed.returncode == 0, resumed.stderr
        terminal.until("running", patience_s=40)
    assert (place / "ran").read_text() == "x\n"
    shown = json.loads(cli(place, "show", launched["id"], "--json").stdout)
    assert {node["id"]: node["attempts"] for node in shown["nodes"]} == {"first": 1, "second": 2}
    assert cli(place, "ctl", launched["id"], "cancel").returncode == 0
