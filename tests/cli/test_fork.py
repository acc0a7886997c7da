"""``swarmtui fork`` and ``swarmtui compare`` as scripts use them; the ends of whole programs are marked chaos."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import io
import json
import os
import re
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from swarmtui.cli import compare as compare_command
from swarmtui.cli import fork as fork_command
from swarmtui.cli import ls, show
from swarmtui.cli.beside import held
from swarmtui.cli.console import Console
from swarmtui.cli.failures import UsageError, explain
from swarmtui.cli.main import main
from swarmtui.host.spec import LaunchSpec
from swarmtui.plan.model import ModelRef, Node, Plan, PromptSpec, plan_hash
from swarmtui.session import events as ev
from swarmtui.session.build import FileBuilder
from swarmtui.session.folder import SessionFolder, session_folders
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, Output, Status
from tests.cli.conftest import Program
from tests.session.files import session_file

MODEL = ModelRef("simulated", "instant", dialect="simulated")
CALLS = """
goal: count calls
nodes:
  a: {run: [sh, -c, 'echo a >> calls; echo of a']}
  b: {needs: a, run: [sh, -c, 'echo b >> calls; echo of b']}
  c: {needs: b, run: [sh, -c, 'echo c >> calls; echo of c']}
"""


def fingerprint(folder: Path) -> dict[str, str]:
    """File -> hash, of what a session consists of; what SQLite keeps beside a file that is read is none of it."""
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(("-shm", "-wal")))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


# -- in one process ------------------------------------------------------------------------------------------------


@pytest.fixture
def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of all sessions, with one in it that failed at event 6, after a mark."""
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    root = tmp_path / "home" / "state" / "sessions"
    folder = SessionFolder(root / "parent")
    folder.path.mkdir(parents=True)
    for place in (root, root.parent, folder.path):
        place.chmod(0o700)
    plan = Plan("see", (Node("scan", PromptSpec("scan")), Node("judge", PromptSpec("judge"), needs=("scan",))))
    bodies: list[ev.Body] = [
        ev.SessionCreated("parent", "see", "Seeing", "/", "test", models={"worker": MODEL}),
        ev.PlanProposed(1, plan),
        ev.HostStarted(1, "boot", "test", session="parent"),
        ev.PlanApproved(1, plan_hash(plan)),
        ev.AttemptStarted("scan", 1),
        ev.AttemptSucceeded("scan", 1, Output("seen", 4)),
        ev.MarkerSet("here"),
        ev.AttemptStarted("judge", 1),
        ev.AttemptFailed("judge", 1, ErrorInfo(ErrorKind.REFUSED, "it broke")),
        ev.SessionFinished("failed"),
        ev.HostStopped("finished"),
    ]
    with FileBuilder(folder.db, "test") as builder:
        for place, body in enumerate(bodies):
            builder.event(body, 1_000.0 + place, float(place))
        builder.done()
    LaunchSpec(cwd="/", goal="see").write(folder)
    return root


def command(module: Any, *words: str) -> int:
    parser = argparse.ArgumentParser()
    module.arguments(parser)
    arguments = parser.parse_args(words)
    return int(module.run(arguments, Console(json=arguments.json)))


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return line


@pytest.mark.parametrize(("moment", "seq"), [("7", 7), ("here", 7), ("failure", 9), ("5s", 6)])
def test_31_a_fork_leaves_its_parent_at_an_event_a_time_or_a_mark(
    sessions: Path, capsys: pytest.CaptureFixture[str], moment: str, seq: int
) -> None:
    assert command(fork_command, "par", "--at", moment, "--dry-run", "--json") == 0
    found = told(capsys)
    assert (found["type"], found["parent"], found["dry_run"]) == ("fork", {"id": "parent", "seq": seq}, True)
    assert [path.name for path in sessions.iterdir()] == ["parent"]


def test_31_of_a_map_a_fork_tells_the_items_that_are_kept_caught_and_to_do(
    sessions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Event 26 is the start of the eleventh item of twenty."""
    asyncio.run(session_file(sessions / "mapped", 20, crash=False))
    assert command(fork_command, "mapped", "--at", "26", "--dry-run", "--json") == 0
    assert told(capsys)["maps"] == {"m": {"kept": 10, "in_flight": 1, "to_do": 9}}
    assert command(fork_command, "mapped", "--at", "26", "--dry-run") == 0
    assert "  map m: 10 items kept, 1 were in flight, 9 to do\n" in capsys.readouterr().out


def test_a_comparison_says_of_a_session_whose_host_went_without_a_word_that_it_crashed(
    sessions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(session_file(sessions / "cut", 5, crash=True))
    assert command(compare_command, "cut", "parent") == 0
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert (first.split()[2], second.split()[2]) == ("crashed", "failed")
    comparison, _ = asyncio.run(held("cut", "parent"))
    assert (comparison.a.status, comparison.b.status) == (Status.CRASHED, Status.FAILED)


def test_31_a_fork_that_is_paused_is_there_with_its_edits_and_stands_under_its_parent(
    sessions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("parent", "--set", "judge.prompt=judge kindly", "--set", "judge.retries=2", "--name", "kind", "--paused")
    assert command(fork_command, *words) == 0
    said = capsys.readouterr().out
    assert "kept: scan\n" in said
    assert "carried out anew: judge\n" in said
    assert "`swarmtui resume kind`" in said
    assert command(ls, "--tree") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["parent", "failed"], ["└─", "kind"]]
    assert lines[2].split()[2] == "paused"
    assert command(show, "kind") == 0
    said = capsys.readouterr().out
    assert "\npaused: nothing has been started since the fork, " in said
    assert "forked from parent after its event 11\n" in said
    assert command(compare_command, "parent", "kind") == 0
    assert "Seeing [simulated]\n" in capsys.readouterr().out
    assert command(compare_command, "parent", "kind", "--json") == 0
    found = told(capsys)
    assert found["common_seq"] == 11
    assert {row["id"]: (row["shared"], row["edited"]) for row in found["nodes"]} == {
        "scan": (True, False),
        "judge": (False, True),
    }
    assert command(compare_command, "parent", "kind", "--node", "scan") == 0
    assert "the outputs are the same" in capsys.readouterr().out
    with pytest.raises(UsageError, match="neither session has a node 'nobody'"):
        command(compare_command, "parent", "kind", "--node", "nobody")


@pytest.mark.parametrize(
    "text",
    [
        "nodes:\n  scan: {prompt: scan}\n  judge: {needs: scan, prompt: judge kindly}\ngoal: see\n",
        "- {op: set, node: judge, field: prompt, value: judge kindly}\n",
        '{"ops": [{"op": "set", "node": "judge", "field": "prompt", "value": "judge kindly"}], "base_rev": 1}',
    ],
)
def test_31_an_edit_is_a_whole_plan_or_operations_from_a_file_or_standard_input(
    sessions: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
) -> None:
    file = tmp_path / "edit.yaml"
    file.write_text(text)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    for source in (str(file), "-"):
        assert command(fork_command, "parent", "--edit", source, "--dry-run", "--json") == 0
        found = told(capsys)
        assert (found["kept"], found["again"], found["plan_rev"]) == (["scan"], ["judge"], 2)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--at", "999"), "events 1 to 11"),
        (("--at", "nowhere"), "is no moment of this session"),
        (("--set", "prompt"), "is not NODE.FIELD=VALUE"),
        (("--set", "nobody.prompt=x"), "nobody"),
        (("--paused", "--headless"), "--paused starts nothing"),
        (("--name", "parent", "--paused"), "there is a session parent already"),
        (("--edit",), "no terminal to edit in"),
        (("--at", "1", "--edit"), "there is no plan at event 1"),
    ],
)
def test_31_what_cannot_be_forked_is_one_line_exit_2_and_leaves_nothing(
    sessions: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], why: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(Exception, match=why) as refused:
        command(fork_command, "parent", *words)
    found = explain(refused.value)
    assert found is not None
    assert (found.code, "\n" in found.message) == (2, False)
    assert [path.name for path in sessions.iterdir()] == ["parent"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nodes:\n  scan: {prompt: s}\n  judge: {prompt: j, needs: nowhere}\n", "edit.yaml:3:22: there is no node `no"),
        ("nodes: [\n", "edit.yaml:"),
        ("nodes:\n  scan: {prompt: s, promt: t}\n", "edit.yaml:2:21: unknown key `promt`"),
        ("- {op: rename, node: scan}\n", "edit.yaml: ops[0]: "),
        ("- {op: remove, node: nobody}\n", "edit.yaml: ops[0]"),
    ],
    ids=["need", "yaml", "key", "operation", "node"],
)
@pytest.mark.parametrize("how", ["--dry-run", "--paused"])
def test_31_an_edit_that_cannot_be_made_is_told_with_its_file_and_place_and_leaves_nothing(
    sessions: Path, tmp_path: Path, text: str, why: str, how: str
) -> None:
    file = tmp_path / "edit.yaml"
    file.write_text(text)
    with pytest.raises(Exception, match=re.escape(str(tmp_path) + "/" + why)):
        command(fork_command, "parent", "--edit", str(file), how)
    assert [path.name for path in sessions.iterdir()] == ["parent"]


def test_31_a_session_that_is_not_there_is_exit_3(sessions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fork", "nobody", "--dry-run"]) == 3
    assert main(["compare", "parent", "nobody"]) == 3
    assert "no session 'nobody'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("show", "parent"),
        ("events", "parent"),
        ("fork", "parent", "--paused"),
        ("fork", "parent", "--dry-run"),
        ("compare", "parent", "parent"),
        ("replay", "parent", "--no-tty", "--speed", "max"),
        ("attach", "parent", "--headless"),
        ("export", "parent", "--as", "jsonl"),
    ],
)
def test_19_a_damaged_file_is_overwritten_by_nothing_and_each_command_names_it_and_what_saves_it(
    sessions: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    db = sessions / "parent" / "session.db"
    with closing(sqlite3.connect(db)) as file:
        file.execute("UPDATE events SET data = '{}' WHERE seq = 6")
        file.commit()
    before = fingerprint(sessions)
    assert main(words) == 74
    said = capsys.readouterr().err
    assert f"{db}: event 6 is missing or was changed" in said
    assert "`swarmtui recover parent` saves what is intact" in said
    assert fingerprint(sessions) == before


# -- whole programs ------------------------------------------------------------------------------------------------


def calls(swarmtui: Program) -> list[str]:
    return (swarmtui.folder / "calls").read_text().split()


def seq_of(swarmtui: Program, id: str, kind: str, node: str) -> int:
    lines = [json.loads(line) for line in swarmtui("events", id, "--json").stdout.splitlines()]
    return next(line["seq"] for line in lines if (line["type"], line.get("node")) == (kind, node))


def wait_for(swarmtui: Program, id: str, kind: str, node: str) -> None:
    with swarmtui.start("events", id, "--follow") as following:
        assert following.stdout is not None
        for line in following.stdout:
            event = json.loads(line)
            if (event["type"], event.get("node")) == (kind, node):
                break
        following.kill()


@pytest.mark.chaos
def test_31_a_fork_of_a_finished_session_repeats_nothing_that_ended_and_leaves_its_parent_as_it_was(
    swarmtui: Program,
) -> None:
    swarmtui.write("task.yaml", CALLS)
    assert swarmtui("run", "task.yaml", "--headless").returncode == 0
    swarmtui.until_no_host()
    parent = swarmtui.session()
    before = fingerprint(parent.path)
    at = seq_of(swarmtui, parent.id, "attempt_succeeded", "b")
    made = swarmtui("fork", parent.id, "--at", f"{at}", "--set", 'c.run=[sh, -c, "echo C >> calls"]', "--headless")
    assert made.returncode == 0, made.stderr
    assert calls(swarmtui) == ["a", "b", "c", "C"]
    assert fingerprint(parent.path) == before
    (child,) = (folder for folder in swarmtui.sessions() if folder.id != parent.id)
    shown = json.loads(swarmtui("show", child.id, "--json").stdout)
    assert (shown["status"], shown["parent"]) == ("succeeded", {"id": parent.id, "seq": at})
    assert f"└─ {child.id}" in swarmtui("ls", "--tree").stdout


@pytest.mark.chaos
def test_31_a_plan_that_waits_for_approval_waits_in_its_fork_too(swarmtui: Program) -> None:
    swarmtui.write("task.yaml", CALLS)
    assert swarmtui("run", "task.yaml", "--review", "--detach").returncode == 0
    parent = swarmtui.session()
    found = json.loads(swarmtui("fork", parent.id, "--name", "child", "--detach").stdout)
    assert (found["id"], found["status"]) == ("child", "awaiting_approval")
    assert Path(found["socket"]).exists(), "it can be attached to once this is printed"
    assert swarmtui("ctl", "child", "approve").returncode == 0
    assert swarmtui("wait", "child", "--timeout", "30").returncode == 0
    assert calls(swarmtui) == ["a", "b", "c"]
    assert json.loads(swarmtui("show", parent.id, "--json").stdout)["status"] == "awaiting_approval"


@pytest.mark.chaos
def test_31_a_crashed_session_and_a_running_one_are_forked_and_what_was_in_flight_waits_for_the_user(
    swarmtui: Program,
) -> None:
    swarmtui.write("task.yaml", CALLS.replace("'echo b >> calls;", "'echo b >> calls; sleep 600;"))
    assert swarmtui("run", "task.yaml", "--detach").returncode == 0
    parent = swarmtui.session()
    wait_for(swarmtui, parent.id, "attempt_started", "b")
    of_running = json.loads(swarmtui("fork", parent.id, "--name", "one", "--detach").stdout)
    assert (of_running["kept"], of_running["held"]) == (["a"], ["b"])
    assert parent.owned(), "its parent goes on"
    assert len([pid for pid in Path("/proc").glob("[0-9]*") if _is_of(pid, parent.id)]) > 0, "with what it runs"
    assert swarmtui("ctl", "one", "done", "b").returncode == 0
    assert swarmtui("wait", "one", "--timeout", "30").returncode == 0
    os.kill(int(parent.lock.read_text()), signal.SIGKILL)
    before = fingerprint(parent.path)
    of_crashed = swarmtui("fork", parent.id, "--name", "two", "--json")
    assert of_crashed.returncode == 7, "only a person can decide what goes on"
    assert json.loads(of_crashed.stdout.splitlines()[0])["held"] == ["b"]
    assert swarmtui("ctl", "two", "skip", "b").returncode == 0
    assert {key: value for key, value in fingerprint(parent.path).items() if key != "host.log"} == {
        key: value for key, value in before.items() if key != "host.log"
    }
    assert calls(swarmtui) == ["a", "b", "c"]


def _is_of(process: Path, session: str) -> bool:
    """Whether it is a process that an attempt of the session started."""
    try:
        return f"SWARMTUI_ATTEMPT={session}/".encode() in (process / "environ").read_bytes()
    except OSError:
        return False


def test_a_fork_is_listed_while_nothing_else_of_it_is_there(sessions: Path) -> None:
    assert command(fork_command, "parent", "--name", "child", "--paused") == 0
    assert {folder.id for folder in session_folders(sessions)} == {"parent", "child"}
