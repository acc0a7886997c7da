"""Sessions from the shell, end to end: hosts, sockets, files and exit codes are real."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Program

TINY = """\
goal: tiny
nodes:
  a: {run: [echo, hello]}
  b: {needs: a, run: [sh, -c, 'printf "%s again" "$1"', sh, "{{ a.output }}"]}
"""

GATED = """\
goal: gated
nodes:
  first: {run: [sh, -c, "echo ran >> first.txt"]}
  gate: {needs: first, run: [sh, -c, "while [ ! -e open ]; do sleep 0.02; done; echo through"]}
  last: {needs: gate, run: [echo, done]}
"""


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def detach(swarmtui: Program, *words: str) -> str:
    done = swarmtui("run", *words, "--detach")
    assert done.returncode == 0, done.stderr
    (launch,) = lines(done.stdout)
    assert launch["type"] == "launch"
    return str(launch["id"])


def reach_gate(swarmtui: Program) -> str:
    """A session that runs `gate`; its ID."""
    swarmtui.write("gated.yaml", GATED)
    id = detach(swarmtui, "gated.yaml")
    follow = swarmtui.start("events", id, "--follow")
    assert follow.stdout is not None
    for line in follow.stdout:
        event = json.loads(line)
        if event["type"] == "attempt_started" and event["node"] == "gate":
            break
    follow.kill()
    follow.communicate()
    return id


def test_a_headless_run_prints_a_line_per_change_and_a_summary(swarmtui: Program) -> None:
    swarmtui.write("tiny.yaml", TINY)
    done = swarmtui("run", "tiny.yaml")
    assert done.returncode == 0, done.stderr
    told = [line.split()[1:3] for line in done.stdout.splitlines()[:-1]]
    assert told[-5:] == [
        ["a", "running"],
        ["a", "succeeded"],
        ["b", "running"],
        ["b", "succeeded"],
        ["(session)", "succeeded"],
    ]
    assert "2 succeeded" in done.stdout.splitlines()[-1]
    assert done.stderr == ""


def test_json_output_is_every_event_and_last_the_summary(swarmtui: Program) -> None:
    swarmtui.write("tiny.yaml", TINY)
    *events, summary = lines(swarmtui("run", "tiny.yaml", "--json").stdout)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert summary["type"] == "summary"
    assert (summary["status"], summary["exit_code"], summary["counts"]) == ("succeeded", 0, {"succeeded": 2})
    assert {"id", "metrics", "report_path"} <= summary.keys()


def test_a_failed_node_makes_exit_code_1(swarmtui: Program) -> None:
    swarmtui.write("bad.yaml", "goal: g\nnodes:\n  a: {run: ['false']}\n")
    done = swarmtui("run", "bad.yaml")
    assert done.returncode == 1
    assert "failed" in done.stdout


def test_24_a_run_leaves_private_files_and_no_host(swarmtui: Program) -> None:
    swarmtui.write("tiny.yaml", TINY)
    swarmtui.env["SOME_API_KEY"] = secret = "not-to-be-seen-0123456789"
    assert swarmtui("run", "tiny.yaml").returncode == 0
    swarmtui.until_no_host()
    folder = swarmtui.session()
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    files = [path for path in folder.path.iterdir() if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert not folder.host_json.exists()
    assert not list((swarmtui.home / "run").glob("*.sock"))
    assert not any(secret.encode() in path.read_bytes() for path in folder.path.rglob("*") if path.is_file())


@pytest.mark.chaos
def test_01_detached_sessions_are_attached_to_at_once_and_run_to_their_end(swarmtui: Program) -> None:
    swarmtui.write("tiny.yaml", TINY)
    for _ in range(3):
        id = detach(swarmtui, "tiny.yaml")
        done = swarmtui("attach", id, "--json")
        assert done.returncode == 0, done.stderr
        *events, summary = lines(done.stdout)
        assert events[0]["type"] == "session_created"
        assert summary["status"] == "succeeded"


def test_ls_and_show_tell_the_fields_that_scripts_rely_on(swarmtui: Program) -> None:
    swarmtui.write("tiny.yaml", TINY)
    swarmtui("run", "tiny.yaml")
    (row,) = lines(swarmtui("ls", "--json").stdout)
    assert {"id", "title", "status", "started", "ended", "counts", "cost_usd", "host", "parent"} <= row.keys()
    assert (row["status"], row["counts"]) == ("succeeded", {"succeeded": 2})
    (found,) = lines(swarmtui("show", str(row["id"])[:5], "--json").stdout)
    wanted = {
        "id",
        "status",
        "goal",
        "plan_rev",
        "head_seq",
        "state_hash",
        "counts",
        "metrics",
        "report_path",
        "parent",
    }
    assert wanted <= found.keys()
    node = {"id", "kind", "state", "attempts", "needs", "started", "ended", "output", "error", "usage"}
    assert all(node <= one.keys() for one in found["nodes"])  # type: ignore[attr-defined]
    for command in (["show"], ["graph"], ["events"], ["show", "--plan"]):
        done = swarmtui(command[0], str(row["id"]), *command[1:])
        assert done.returncode == 0
        assert done.stdout


@pytest.mark.chaos
def test_21_a_killed_host_is_a_crash_and_resume_goes_on_without_running_again_what_is_recorded(
    swarmtui: Program,
) -> None:
    id = reach_gate(swarmtui)
    swarmtui.kill(signal.SIGKILL)
    (row,) = lines(swarmtui("ls", "--json").stdout)
    assert row["status"] == "crashed"
    assert swarmtui("wait", id).returncode == 6
    swarmtui.write("open", "")
    resumed = swarmtui("resume", id, "--headless")
    assert resumed.returncode == 7, resumed.stdout + resumed.stderr
    assert "after a crash: 1 result kept, 1 held for you: gate" in resumed.stdout
    assert f"ctl {id} retry gate" in resumed.stderr
    assert swarmtui("ctl", id, "retry", "gate").returncode == 0
    assert swarmtui("wait", id).returncode == 0
    assert (swarmtui.folder / "first.txt").read_text() == "ran\n"
    seqs = [event["seq"] for event in lines(swarmtui("events", id).stdout)]
    assert seqs == list(range(1, len(seqs) + 1))


@pytest.mark.chaos
def test_what_a_dead_host_left_running_is_ended_before_the_session_goes_on(swarmtui: Program) -> None:
    id = reach_gate(swarmtui)
    swarmtui.kill(signal.SIGKILL)
    assert swarmtui("resume", id, "--detach").returncode == 0
    mark = f"SWARMTUI_ATTEMPT={id}/".encode()
    alive = [path for path in Path("/proc").glob("[0-9]*/environ") if mark in _read(path)]
    assert alive == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.chaos
def test_20_a_viewer_sees_the_crash_at_once_and_says_how_to_resume(swarmtui: Program) -> None:
    id = reach_gate(swarmtui)
    watcher = swarmtui.start("attach", id, "--headless")
    assert watcher.stdout is not None
    while "gate" not in watcher.stdout.readline():
        pass
    swarmtui.kill(signal.SIGKILL)
    _, told = watcher.communicate(timeout=10)
    assert watcher.returncode == 6
    assert f"resume {id}" in told


@pytest.mark.chaos
def test_sigterm_pauses_and_resume_goes_on(swarmtui: Program) -> None:
    id = reach_gate(swarmtui)
    pid = swarmtui.pid()
    os.kill(pid, signal.SIGTERM)
    swarmtui.write("open", "")  # what runs may end within the time of the drain
    swarmtui.until_no_host()
    (row,) = lines(swarmtui("ls", "--json").stdout)
    assert row["status"] == "paused"
    assert swarmtui("resume", id, "--headless").returncode == 0


@pytest.mark.chaos
def test_03_the_end_of_the_launching_terminal_means_nothing_to_the_host(swarmtui: Program) -> None:
    id = reach_gate(swarmtui)
    os.kill(swarmtui.pid(), signal.SIGHUP)
    assert os.getsid(swarmtui.pid()) == swarmtui.pid()
    assert swarmtui("ctl", id, "pause").returncode == 0


@pytest.mark.parametrize(
    ("number", "code", "how"),
    [
        (signal.SIGINT, 130, "interrupted"),
        pytest.param(signal.SIGTERM, 143, "terminated", marks=pytest.mark.chaos),
        pytest.param(signal.SIGHUP, 129, "hung up on", marks=pytest.mark.chaos),
    ],
)
def test_04_an_interrupted_watcher_leaves_the_session_running(
    number: signal.Signals, code: int, how: str, swarmtui: Program
) -> None:
    id = reach_gate(swarmtui)
    watcher = swarmtui.start("attach", id, "--headless")
    assert watcher.stdout is not None
    while "gate" not in watcher.stdout.readline():
        pass
    watcher.send_signal(number)
    _, told = watcher.communicate(timeout=10)
    assert watcher.returncode == code
    assert f"{how}; session {id} goes on" in told
    assert f"ctl {id} cancel" in told
    assert "Traceback" not in told
    assert swarmtui.session().owned()


@pytest.mark.chaos
def test_22_a_second_owner_is_refused_and_the_first_goes_on(swarmtui: Program) -> None:
    id = reach_gate(swarmtui)
    again = swarmtui("resume", id)
    assert again.returncode == 2
    assert f"attach {id}" in again.stderr
    second = subprocess.run(
        [*swarmtui.argv()[:2], "swarmtui.host.process", str(swarmtui.session().path)],
        env=swarmtui.env,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert second.returncode == 1
    assert f"pid {swarmtui.pid()}" in second.stderr
    assert swarmtui("ctl", id, "pause").returncode == 0


def test_a_planned_goal_waits_for_approval_and_says_how(swarmtui: Program) -> None:
    swarmtui.env["SWARMTUI_MODEL"] = "simulated/instant"
    done = swarmtui("run", "compare three queues")
    (row,) = lines(swarmtui("ls", "--json").stdout)
    assert done.returncode == 7
    assert f"ctl {row['id']} approve" in done.stderr
    assert "SIMULATED" in done.stdout
    assert (row["status"], row["simulated"]) == ("awaiting_approval", True)
    assert swarmtui("ctl", str(row["id"]), "approve", "--rev", "9").returncode == 1
    assert swarmtui("ctl", str(row["id"]), "approve").returncode == 0
    assert swarmtui("wait", str(row["id"])).returncode == 0


@pytest.mark.chaos
def test_approve_runs_what_the_planner_writes(swarmtui: Program) -> None:
    swarmtui.env["SWARMTUI_MODEL"] = "simulated/instant"
    done = swarmtui("run", "compare three queues", "--approve", "--json")
    assert done.returncode == 0, done.stdout[-2000:]
    assert lines(done.stdout)[-1]["simulated"] is True


@pytest.mark.chaos
def test_review_asks_even_for_the_users_own_plan(swarmtui: Program) -> None:
    swarmtui.write("tiny.yaml", TINY)
    assert swarmtui("run", "tiny.yaml", "--review").returncode == 7


@pytest.mark.chaos
def test_a_question_without_anybody_to_answer_is_exit_code_7(swarmtui: Program) -> None:
    swarmtui.write("ask.yaml", "goal: g\nnodes:\n  q: {ask: {question: 'go on?', choices: ['yes', 'no']}}\n")
    done = swarmtui("run", "ask.yaml")
    id = swarmtui.session().id
    assert done.returncode == 7
    assert f"ctl {id} answer q" in done.stderr
    assert swarmtui("ctl", id, "answer", "q", "maybe").returncode == 1
    assert swarmtui("ctl", id, "answer", "q", "yes", "--json").returncode == 0
    assert swarmtui("wait", id).returncode == 0


@pytest.mark.chaos
def test_limits_hold_release_and_cancel_from_a_script(swarmtui: Program) -> None:
    id = reach_gate(swarmtui)
    for words in (["set", "concurrency=3", "usd=1.5"], ["hold", "last"], ["release", "last"], ["pause"], ["resume"]):
        done = swarmtui("ctl", id, *words)
        assert done.returncode == 0, (words, done.stderr)
    assert swarmtui("ctl", id, "hold", "nobody").returncode == 1
    assert swarmtui("ctl", id, "cancel").returncode == 0
    assert swarmtui("wait", id).returncode == 1
    (row,) = lines(swarmtui("ls", "--json").stdout)
    assert row["status"] == "cancelled"


@pytest.mark.chaos
def test_wait_gives_up_after_its_timeout(swarmtui: Program) -> None:
    id = reach_gate(swarmtui)
    assert swarmtui("wait", id, "--timeout", "0.2").returncode == 124


@pytest.mark.chaos
def test_a_failed_session_is_retried(swarmtui: Program) -> None:
    swarmtui.write("flaky.yaml", "goal: g\nnodes:\n  a: {run: [test, -e, there]}\n")
    assert swarmtui("run", "flaky.yaml").returncode == 1
    id = swarmtui.session().id
    swarmtui.until_no_host()
    nothing = swarmtui("resume", id)
    assert nothing.returncode == 2
    assert "--retry-failed" in nothing.stderr
    swarmtui.write("there", "")
    assert swarmtui("resume", id, "--retry-failed").returncode == 0


@pytest.mark.chaos
def test_a_session_that_has_ended_and_whose_host_has_left_is_given_work_again(swarmtui: Program) -> None:
    declared = "models: {worker: simulated/instant, spare: simulated/fast}"
    swarmtui.write(
        "t.yaml", f"goal: g\n{declared}\nnodes:\n  bad: {{run: ['false']}}\n  b: {{needs: bad, prompt: x}}\n"
    )
    id = detach(swarmtui, "t.yaml")
    assert swarmtui("wait", id).returncode == 1
    swarmtui.until_no_host()
    before = swarmtui("events", id).stdout
    for refused, why in ((["retry", "bda"], "did you mean bad?"), (["pause"], "give it work again")):
        done = swarmtui("ctl", id, *refused)
        assert done.returncode == 1
        assert why in done.stderr
    assert swarmtui("events", id).stdout == before
    assert swarmtui("ctl", id, "change", "bad", "run=['true']").returncode == 0
    assert swarmtui("ctl", id, "change", "b", "model=spare").returncode == 0
    assert swarmtui("ctl", id, "retry", "bad").returncode == 0
    assert swarmtui("wait", id).returncode == 0
    started = [event for event in lines(swarmtui("events", id).stdout) if event["type"] == "attempt_started"]
    assert started[-1]["data"]["model"] == "simulated/fast"  # type: ignore[index]


@pytest.mark.chaos
def test_inputs_reach_the_task(swarmtui: Program) -> None:
    swarmtui.write("in.yaml", 'goal: g\ninputs:\n  who: {default: nobody}\nnodes:\n  a: {run: [echo, "{{ who }}"]}\n')
    assert swarmtui("run", "in.yaml", "--set", "who=me").returncode == 0
    (found,) = lines(swarmtui("show", swarmtui.session().id, "--json").stdout)
    assert found["nodes"][0]["output"] == "me\n"  # type: ignore[index]


@pytest.mark.chaos
def test_items_come_from_the_file_that_is_named(swarmtui: Program) -> None:
    swarmtui.write("map.yaml", 'goal: g\nnodes:\n  a: {map: {items: [1], as: n}, run: [echo, "{{ n }}"]}\n')
    swarmtui.write("items.jsonl", "10\n20\n30\n")
    done = swarmtui("run", "map.yaml", "--items", "items.jsonl", "--json")
    assert done.returncode == 0, done.stdout
    assert lines(done.stdout)[-1]["metrics"]["items"] == 3  # type: ignore[index]


@pytest.mark.parametrize("words", [("run", "bad.yaml"), ("run", "bad.yaml", "--detach"), ("validate", "bad.yaml")])
def test_02_an_invalid_task_is_refused_with_places_and_nothing_is_started(
    swarmtui: Program, words: tuple[str, ...]
) -> None:
    swarmtui.write("bad.yaml", "goal: g\nnodes:\n  a: {rum: [x]}\n  b: {needs: c, run: [x]}\n")
    done = swarmtui(*words)
    assert done.returncode == 2
    told = done.stdout + done.stderr
    assert "bad.yaml:3:" in told
    assert "bad.yaml:4:" in told
    assert swarmtui.sessions() == []


def test_02_a_host_that_cannot_start_leaves_no_trace(swarmtui: Program) -> None:
    swarmtui.write("tiny.yaml", "goal: g\nnodes:\n  a: {prompt: hi}\n")
    swarmtui.env["SWARMTUI_MODEL"] = "nobody/nothing"
    done = swarmtui("run", "tiny.yaml", "--detach")
    assert done.returncode == 2
    assert "SWARMTUI_MODEL" in done.stderr
    assert done.stdout == ""
    assert list((swarmtui.home / "state" / "sessions").iterdir()) == []


@pytest.mark.chaos
def test_a_damaged_file_is_listed_as_such_and_never_overwritten(swarmtui: Program) -> None:
    swarmtui.write("tiny.yaml", TINY)
    swarmtui("run", "tiny.yaml")
    swarmtui.until_no_host()
    folder = swarmtui.session()
    with sqlite3.connect(folder.db) as db:
        db.execute("UPDATE events SET data = '{}' WHERE seq = 3")
    db.close()
    before = folder.db.read_bytes()
    resumed = swarmtui("resume", folder.id, "--retry-failed")
    assert resumed.returncode not in (0, 7)
    assert str(folder.db) in resumed.stderr
    assert folder.db.read_bytes() == before


@pytest.mark.chaos
def test_output_that_nobody_reads_is_no_error(swarmtui: Program) -> None:
    swarmtui.write("tiny.yaml", TINY)
    swarmtui("run", "tiny.yaml")
    events = swarmtui.start("events", swarmtui.session().id)
    assert events.stdout is not None
    events.stdout.close()
    assert events.stderr is not None
    with events.stderr as errors:
        assert errors.read() == ""
    assert events.wait(10) == 0


@pytest.mark.chaos
def test_show_tells_success_with_n_and_interval_and_the_forecast_of_what_is_left(swarmtui: Program) -> None:
    swarmtui.write("tiny.yaml", TINY)
    id = json.loads(swarmtui("run", "tiny.yaml", "--json").stdout.splitlines()[-1])["id"]
    shown = swarmtui("show", id).stdout
    assert "95 % interval" in shown
    assert "LATENCY" in shown
    figures = json.loads(swarmtui("show", id, "--json").stdout)["metrics"]
    assert figures["success"]["call"]["n"] == figures["success"]["call"]["ok"] > 0
    assert set(figures["latency"]) == {"queue", "throttle", "service", "first_token"}
    assert "nothing is left" in swarmtui("forecast", id).stdout
    assert json.loads(swarmtui("forecast", id, "--json").stdout)["type"] == "forecast"


@pytest.mark.chaos
def test_a_plan_comes_with_its_forecast_beside_it(swarmtui: Program) -> None:
    swarmtui.write("tiny.yaml", TINY)
    done = swarmtui("plan", "tiny.yaml")
    assert "AT ONCE" in done.stderr
    assert "AT ONCE" not in done.stdout
