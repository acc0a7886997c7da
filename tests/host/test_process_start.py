"""Whatever keeps a host from getting ready is told to its launcher in one line, and the host is gone then."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from swarmtui.host import process
from swarmtui.host.exits import Exit
from swarmtui.host.failures import explain
from swarmtui.host.lock import LockUnknown, locked
from swarmtui.session.folder import SessionFolder
from swarmtui.session.reader import Reader
from tests.host.hosts import hosted, made

TASK: dict[str, object] = {"goal": "one", "nodes": {"a": {"run": ["echo", "a"]}}}


@dataclass
class Start:
    """How the start of a host went."""

    code: int
    told: dict[str, object]
    log: str


def start(root: Path, session: SessionFolder, fault: str = "", timeout_s: float = 60.0) -> Start:
    """Start a host that is to end by itself, and wait for that."""
    env = {**os.environ, "SWARMTUI_HOME": str(root / "home"), "SWARMTUI_FAULT": fault}
    read_end, write_end = os.pipe()
    argv = [sys.executable, "-P", "-m", "swarmtui.host.process", str(session.path), "--ready-fd", str(write_end)]
    with session.host_log.open("ab") as log:
        host = subprocess.Popen(argv, stdout=log, stderr=log, pass_fds=(write_end,), env=env, start_new_session=True)
    os.close(write_end)
    with os.fdopen(read_end, "rb") as pipe:
        said = pipe.read()
    try:
        code = host.wait(timeout_s)
    except subprocess.TimeoutExpired:
        host.kill()
        host.wait()
        raise AssertionError(f"the host said {said!r} and did not end") from None
    return Start(code, json.loads(said), session.host_log.read_text("utf-8", "replace"))


def test_a_host_that_breaks_with_the_file_open_says_so_and_ends(tmp_path: Path) -> None:
    session = made(tmp_path, TASK)
    found = start(tmp_path, session, "log.opened:throw")
    assert found.code == found.told["code"] == Exit.FAILED
    assert found.told["error"] == f"the host broke: FaultThrown: log.opened: {session.host_log} says where"
    assert not session.owned()


@pytest.mark.chaos
@pytest.mark.parametrize("action", ["throw", "full", "io", "locked"])
@pytest.mark.parametrize("point", ["create.made", "create.named", "log.opened", "commit.before", "host.begun"])
def test_a_fault_on_the_way_to_ready_is_told_or_outlived(point: str, action: str, tmp_path: Path) -> None:
    session = made(tmp_path, TASK)
    found = start(tmp_path, session, f"{point}:{action}")
    if "ready" in found.told:  # a disk that takes nothing for a moment is waited for
        assert (point, found.code) == ("commit.before", 0)
        assert action != "throw"
    else:
        assert found.code == found.told["code"] != 0
        assert "\n" not in str(found.told["error"])
    assert not session.owned()
    assert start(tmp_path, session).code == 0, "and the next host carries it out"


def sql(statement: str) -> Callable[[SessionFolder], None]:
    def damage(session: SessionFolder) -> None:
        with closing(sqlite3.connect(session.db)) as db:
            db.execute(statement)
            db.commit()

    return damage


def foreign(session: SessionFolder) -> None:
    session.db.unlink()
    sql("CREATE TABLE meta(key TEXT, value TEXT)")(session)


def folder_instead(session: SessionFolder) -> None:
    session.db.unlink()
    session.db.mkdir()


NOT_OURS: dict[str, tuple[Callable[[SessionFolder], object], str, int]] = {
    "empty": (lambda session: session.db.write_bytes(b""), "session.db: is no session file: it is empty", 74),
    "garbage": (
        lambda session: session.db.write_bytes(b"gar" * 9_999),
        "session.db: is no session file: it does not begin like one",
        74,
    ),
    "unmarked": (sql("PRAGMA application_id = 7"), "not a swarmtui session file; `swarmtui recover", 74),
    "foreign": (foreign, "not a swarmtui session file; `swarmtui recover", 74),
    "newer": (sql("UPDATE meta SET value = '99' WHERE key IN ('schema', 'min_reader')"), "needs a newer version", 5),
    "no events": (sql("DELETE FROM events"), "are missing from its end; `swarmtui recover", 74),
    "a folder": (folder_instead, "session.db: is no file", 74),
    "launch.json": (lambda session: session.launch.write_text("{"), "makes a session of what was recorded", 74),
    "lock": (lambda session: (session.lock.unlink(), session.lock.mkdir()), "/lock: Is a directory", 74),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with one session that has ended."""
    root = tmp_path_factory.mktemp("finished")
    assert start(root, made(root, TASK)).code == 0
    return root


@pytest.mark.chaos
@pytest.mark.parametrize("kind", NOT_OURS)
def test_a_file_that_is_not_ours_is_refused_in_one_line_and_left_alone(
    kind: str, finished: Path, tmp_path: Path
) -> None:
    shutil.copytree(finished / "home" / "state", tmp_path / "home" / "state")
    (path,) = (tmp_path / "home" / "state" / "sessions").iterdir()
    session = SessionFolder(path)
    session.host_log.write_bytes(b"")
    damage, words, code = NOT_OURS[kind]
    damage(session)
    before = session.db.read_bytes() if session.db.is_file() else b""
    found = start(tmp_path, session)
    assert (found.code, found.told["code"]) == (code, code)
    assert words in str(found.told["error"])
    assert "\n" not in str(found.told["error"])
    assert "Traceback" not in found.log
    assert before == (session.db.read_bytes() if session.db.is_file() else b"")


@pytest.mark.chaos
def test_22_a_second_host_is_refused_and_the_first_one_does_not_notice(tmp_path: Path) -> None:
    gate = "while [ ! -e open ]; do sleep 0.02; done"
    session = made(tmp_path, {"goal": "gated", "nodes": {"gate": {"run": ["sh", "-c", gate]}}})
    with hosted(tmp_path, session) as host:
        host.until(lambda state: state.nodes["gate"].running)
        second = start(tmp_path, session)
        assert second.code == Exit.FAILED
        assert second.told["error"] == f"session {session.id} is run by another host already (pid {host.pid})"
        (host.work / "open").touch()
        assert host.ends() == 0
    with Reader(session.db) as reader:
        reader.verify()


@pytest.mark.chaos
@pytest.mark.parametrize("more", [True, False], ids=["that goes on", "that ends meanwhile"])
def test_a_file_that_something_else_keeps_locked_holds_up_a_session(more: bool, tmp_path: Path) -> None:
    gate = "while [ ! -e open ]; do sleep 0.02; done"
    nodes: dict[str, object] = {"gate": {"run": ["sh", "-c", gate]}}
    if more:
        nodes["last"] = {"needs": "gate", "run": ["echo", "done"]}
    session = made(tmp_path, {"goal": "gated", "nodes": nodes})
    with hosted(tmp_path, session) as host:
        host.until(lambda state: state.nodes["gate"].running)
        with closing(sqlite3.connect(session.db, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            (host.work / "open").touch()
            while "is locked" not in host.log():
                assert host.process.poll() is None
            other.execute("ROLLBACK")
        assert host.ends(60) == 0, host.log()
        state = host.state
    assert state.nodes["gate"].attempts == 1, "it was waited for: nothing was run again"
    with Reader(session.db) as reader:
        assert reader.verify().seq == state.seq
        assert [row.type for row in reader.rows()].count("session_paused") == more


@pytest.mark.chaos
def test_a_folder_that_takes_nothing_is_refused_in_one_line(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "home" / "state", tmp_path / "home" / "state")
    (path,) = (tmp_path / "home" / "state" / "sessions").iterdir()
    session = SessionFolder(path)
    mount = subprocess.run(["mount", "--bind", path, path], capture_output=True, text=True, check=False)
    if mount.returncode:
        pytest.skip(f"mounting is not allowed here: {mount.stderr.strip()}")
    log = tmp_path / "log"
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", path], check=True)
        env = {**os.environ, "SWARMTUI_HOME": str(tmp_path / "home")}
        with log.open("wb") as file:
            argv = [sys.executable, "-P", "-m", "swarmtui.host.process", str(path)]
            code = subprocess.run(argv, stdout=file, stderr=file, env=env, timeout=60, check=False).returncode
    finally:
        subprocess.run(["umount", "-l", path], check=True)
    assert code == 74
    assert "Read-only file system" in log.read_text()
    assert "Traceback" not in log.read_text()
    with Reader(session.db) as reader:
        reader.verify()


def test_a_file_system_without_locks_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(fd: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(LockUnknown) as refused, locked(SessionFolder(tmp_path)):
        pass
    told = explain(refused.value)
    assert told is not None
    assert told[1] is Exit.DISK
    assert "No locks available" in told[0]
    assert "SWARMTUI_HOME" in told[0]


def test_an_error_of_the_system_is_told_as_what_and_why() -> None:
    error = IsADirectoryError(errno.EISDIR, "Is a directory", "/x/lock")
    assert explain(error) == ("/x/lock: Is a directory", Exit.DISK)
    assert explain(OSError(errno.EIO, "Input/output error", 7)) == ("Input/output error", Exit.DISK)


@pytest.mark.chaos
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_the_session_is_open_ends_the_host_at_once(number: signal.Signals, tmp_path: Path) -> None:
    session = made(tmp_path, TASK)
    env = {**os.environ, "SWARMTUI_HOME": str(tmp_path / "home")}
    argv = [sys.executable, "-P", "-m", "swarmtui.host.process", str(session.path)]
    with session.host_log.open("ab") as log:
        host = subprocess.Popen(argv, stdout=log, stderr=log, env=env, start_new_session=True)
    while not session.lock.exists():
        assert host.poll() is None
    host.send_signal(number)
    assert host.wait(30) in (-number, 128 + number, 0)
    assert start(tmp_path, session).code == 0


async def test_where_a_host_is_reached_is_told_once_a_file_can_be_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "AGAIN_S", 0.0)
    answers = [
        OSError(errno.EMFILE, "Too many open files"),
        OSError(errno.ENFILE, "Too many open files in system"),
        None,
    ]

    def tell() -> None:
        if (answer := answers.pop(0)) is not None:
            raise answer

    await process._told_where(tell)
    assert answers == []
    answers[:] = [OSError(errno.ENOSPC, "No space left on device")]
    with pytest.raises(OSError, match="No space left"):
        await process._told_where(tell)
