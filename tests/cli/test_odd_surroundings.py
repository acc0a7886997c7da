"""The program where its surroundings are not what it is used to: streams, encodings, folders, pipes, stopped hosts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from swarmtui.cli import console, ctl_words, doctor, run
from swarmtui.cli.failures import UsageError
from swarmtui.cli.targets import find_target, read_task_file
from swarmtui.plan.yaml_source import MAX_BYTES
from tests.cli.conftest import Program

TASK = "goal: g\nnodes:\n  a: {run: [echo, hi]}\n"
PAUSING = "goal: g\nlimits: {budget: {minutes: 0}}\nnodes:\n  a: {run: [echo, hi]}\n"
LONG = "goal: g\nnodes:\n  a: {run: [sleep, '30']}\n  b: {run: [echo, hi], needs: a}\n"


def _in_shell(swarmtui: Program, redirections: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", f'"$@" {redirections}', "sh", *swarmtui.argv(*words)],
        cwd=swarmtui.folder,
        env=swarmtui.env,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )


@pytest.mark.parametrize(
    "redirections",
    ["<&- >&- 2>&-", *(pytest.param(one, marks=pytest.mark.chaos) for one in ("<&-", ">&-", "2>&-"))],
)
def test_a_closed_stream_is_no_error(swarmtui: Program, redirections: str) -> None:
    swarmtui.write("t.yaml", TASK)
    done = _in_shell(swarmtui, redirections, "run", "t.yaml")
    assert done.returncode == 0
    assert done.stderr == ""
    assert ("succeeded" in done.stdout) is (">&-" not in redirections.replace("2>&-", ""))


def test_a_character_that_the_output_cannot_show_is_escaped(swarmtui: Program) -> None:
    swarmtui.write("t.yaml", TASK.replace("goal: g", "goal: größer"))
    swarmtui.env["PYTHONIOENCODING"] = "ascii"
    done = swarmtui("run", "t.yaml")
    assert done.returncode == 0
    assert "gr\\xf6\\xdfer" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("words", "unbuffered"),
    [(["ls"], True), (["ls"], False), (["--help"], False), (["run", "--help"], False), (["schema"], False)],
)
def test_output_to_a_full_disk_is_told_in_words(swarmtui: Program, words: list[str], unbuffered: bool) -> None:
    if unbuffered:
        swarmtui.env["PYTHONUNBUFFERED"] = "1"
    done = _in_shell(swarmtui, "> /dev/full", *words)
    assert done.returncode == 74
    assert done.stderr == "swarmtui: input or output failed: No space left on device\n"


@pytest.mark.parametrize(
    ("words", "streams", "code"),
    [
        (["themes"], ">/dev/full 2>/dev/full", 74),
        (["show", "nope"], "2>/dev/full", 3),
        (["show", "nope"], ">/dev/full 2>/dev/full", 3),
        (["run", "nope.yaml"], "2>/dev/full", 2),
        (["--nope"], "2>/dev/full", 2),
    ],
)
def test_where_nothing_can_be_told_the_exit_code_still_tells(
    swarmtui: Program, words: list[str], streams: str, code: int
) -> None:
    assert _in_shell(swarmtui, streams, *words).returncode == code


@pytest.mark.parametrize(
    ("left", "said"),
    [("KeyboardInterrupt", "KeyboardInterrupt"), ("SystemExit('why')", "why"), ("ValueError('no')", "ValueError: no")],
)
def test_however_it_is_left_python_does_not_complain_of_a_reader_that_is_gone(
    swarmtui: Program, left: str, said: str
) -> None:
    script = "import sys, swarmtui.cli.main as m\n"
    script += f"def main(argv):\n  print('x')\n  raise {left}\n"
    script += "m.main = main\nsys.exit(m.entry())"
    reads, writes = os.pipe()
    os.close(reads)
    argv, env = [sys.executable, "-c", script], swarmtui.env
    done = subprocess.run(argv, env=env, stdout=writes, stderr=subprocess.PIPE, text=True, timeout=40, check=False)
    os.close(writes)
    assert done.returncode != 0
    assert "Exception ignored" not in done.stderr
    assert "Broken" not in done.stderr
    assert done.stderr.strip().endswith(said)


@pytest.mark.parametrize("words", [["run"], ["run", "t.yaml", "--concurrency", "0"], ["fly"], ["ls", "--x\x1b[31m"]])
def test_wrong_usage_is_one_line_that_names_the_help(swarmtui: Program, words: list[str]) -> None:
    done = swarmtui(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("swarmtui: ")
    assert done.stderr.rstrip().endswith("--help`")
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr


def test_a_folder_that_is_gone_is_told(swarmtui: Program) -> None:
    task = swarmtui.write("t.yaml", TASK)
    gone = swarmtui.folder / "gone"
    gone.mkdir()
    argv = ["sh", "-c", 'rmdir ../gone; exec "$@"', "sh", *swarmtui.argv("run", str(task))]
    done = subprocess.run(argv, cwd=gone, env=swarmtui.env, capture_output=True, text=True, timeout=40, check=False)
    assert done.returncode == 2
    assert done.stderr == "swarmtui: the current folder is gone: cd into one that exists\n"


def test_names_and_values_that_are_not_utf_8_are_refused_before_anything_starts(swarmtui: Program) -> None:
    odd = os.fsdecode(b"odd\xff")
    swarmtui.write("t.yaml", TASK.replace("nodes:", "inputs: {x: y}\nnodes:"))
    (swarmtui.folder / odd).mkdir()
    (swarmtui.folder / f"{odd}.yaml").write_text(TASK)
    for words in (["run", f"{odd}.yaml"], ["run", "a goal " + odd], ["run", "t.yaml", "--set", f"x={odd}"]):
        done = swarmtui(*words)
        assert (done.returncode, done.stdout) == (2, "")
        assert "UTF-8" in done.stderr
        assert done.stderr.count("\n") == 1
    inside = Program(swarmtui.folder / odd, swarmtui.home, swarmtui.env)
    done = inside("run", "../t.yaml")
    assert done.returncode == 2
    assert "odd\\xff: the name of the current folder must be UTF-8" in done.stderr
    assert not swarmtui.home.joinpath("state", "sessions").exists()


@pytest.mark.chaos
def test_a_task_may_come_through_a_pipe(swarmtui: Program) -> None:
    done = swarmtui("validate", "/dev/stdin", stdin=None, input=TASK)
    assert (done.returncode, done.stdout) == (0, "/dev/stdin: valid: 1 node\n")
    done = swarmtui("run", "/dev/stdin", stdin=None, input=TASK)
    assert done.returncode == 0
    assert "1 succeeded" in done.stdout


def test_no_more_of_a_file_is_read_than_shows_that_it_is_too_large(swarmtui: Program) -> None:
    assert len(read_task_file(Path("/dev/zero"))) == MAX_BYTES + 1
    done = swarmtui("run", "/dev/zero")
    assert done.returncode == 2
    assert "larger than 2 MB" in done.stderr


def test_a_file_whose_name_has_a_line_break_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("new\nline.yaml").write_text(TASK)
    assert find_target("new\nline.yaml").path == Path("new\nline.yaml")


@pytest.mark.parametrize("word", ["-", "?!", "…"])
def test_a_goal_says_something(word: str) -> None:
    with pytest.raises(UsageError, match="says nothing"):
        find_target(word)


@pytest.mark.chaos
def test_where_items_and_the_report_are_to_be_found_is_checked_before_the_start(swarmtui: Program) -> None:
    swarmtui.write("t.yaml", 'goal: g\nnodes:\n  m: {map: {items: [1], as: d}, run: [echo, "{{ d }}"]}\n')
    for words, said in (
        (["--items", "none.csv"], "--items none.csv: there is no such file"),
        (["--items", "."], "--items .: is a folder"),
        (["--out", "t.yaml"], "--out t.yaml: is no folder"),
        (["--out", "/proc/x"], "--out /proc/x: this folder cannot be made"),
    ):
        done = swarmtui("run", "t.yaml", *words)
        assert done.returncode == 2
        assert said in done.stderr
    assert swarmtui.sessions() == []


def test_a_report_is_not_promised_to_a_folder_that_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run._check_places(None, tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    with pytest.raises(UsageError, match="nothing can be written into this folder"):
        run._check_places(None, tmp_path)


def test_the_doctor_says_that_a_directory_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "file" / "home"))
    assert {check.verdict for check in doctor._directories()} == {"bad"}
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    assert {check.verdict for check in doctor._directories()} == {"ok"}
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    found = list(doctor._directories())
    assert {check.verdict for check in found} == {"bad"}
    assert f"cannot be made: {tmp_path} takes nothing" in found[0].detail


def test_a_model_needs_a_tier_and_a_name() -> None:
    assert run.model_pair("worker=a/b") == ("worker", "a/b")
    for refused in ("a/b", "worker=", "=a/b"):
        with pytest.raises(ArgumentTypeError, match="TIER=PROVIDER/MODEL"):
            run.model_pair(refused)


def test_a_model_for_a_name_that_nothing_has_is_refused(swarmtui: Program) -> None:
    swarmtui.write("t.yaml", TASK.replace("nodes:", "models: {mine: simulated/fast}\nnodes:"))
    done = swarmtui("run", "t.yaml", "--model", "plannr=a/b")
    assert (done.returncode, swarmtui.sessions()) == (2, [])
    assert "--model plannr=…: nothing has this name: there are planner, worker" in done.stderr
    assert swarmtui("run", "t.yaml", "--model", "mine=simulated/instant").returncode == 0


@pytest.mark.parametrize("word", ["usd=nan", "usd=inf", "tokens=1e999", "pool.=3", "pool.x=nan"])
def test_limits_are_numbers_that_count(word: str) -> None:
    with pytest.raises(UsageError):
        ctl_words.limits_of([word])


def test_a_timeout_is_a_number_of_seconds() -> None:
    assert console.seconds("1.5") == 1.5
    for refused in ("-1", "nan", "inf", "soon"):
        with pytest.raises(ArgumentTypeError):
            console.seconds(refused)


@pytest.mark.chaos
def test_events_from_before_the_first_are_all_of_them(swarmtui: Program) -> None:
    swarmtui.write("t.yaml", TASK)
    swarmtui("run", "t.yaml")
    swarmtui.until_no_host()
    folder = swarmtui.session()
    assert swarmtui("events", folder.id, "--from", "-3").stdout == swarmtui("events", folder.id).stdout != ""


@pytest.mark.chaos
def test_a_spent_budget_says_what_lets_the_session_go_on(swarmtui: Program) -> None:
    swarmtui.write("t.yaml", PAUSING)
    done = swarmtui("run", "t.yaml")
    (folder,) = swarmtui.sessions()
    assert done.returncode == 7
    assert f"`swarmtui ctl {folder.id} set minutes=N`" in done.stderr
    assert swarmtui("ctl", folder.id, "set", "minutes=none").returncode == 0
    assert swarmtui("wait", folder.id).returncode == 0


@pytest.mark.chaos
def test_resume_lets_a_paused_session_go_on_whose_host_lives(swarmtui: Program) -> None:
    swarmtui.write("t.yaml", LONG)
    swarmtui("run", "t.yaml", "--detach")
    (folder,) = swarmtui.sessions()
    refused = swarmtui("resume", folder.id)
    assert (refused.returncode, "has a host already" in refused.stderr) == (2, True)
    swarmtui("ctl", folder.id, "pause")
    assert swarmtui("resume", folder.id, "--detach").returncode == 0
    again = swarmtui("ctl", folder.id, "resume")
    assert "only a paused session" in again.stderr
    swarmtui("ctl", folder.id, "cancel")


@pytest.mark.chaos
def test_what_has_ended_is_not_said_to_run(swarmtui: Program) -> None:
    swarmtui.write("t.yaml", TASK)
    swarmtui("run", "t.yaml")
    done = swarmtui("resume", swarmtui.session().id)
    assert done.returncode == 2
    assert "has succeeded: there is nothing to go on with" in done.stderr


@pytest.mark.chaos
def test_a_stopped_host_does_not_hold_up_a_wait_with_a_timeout(swarmtui: Program) -> None:
    swarmtui.write("t.yaml", LONG)
    swarmtui("run", "t.yaml", "--detach")
    pid = swarmtui.pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        done = swarmtui("wait", swarmtui.session().id, "--timeout", "0.3")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert done.returncode == 124
    assert "is running after 0.3 s" in done.stderr
    swarmtui("ctl", swarmtui.session().id, "cancel")
