"""The life of a host, from the command that starts it to what a crash, a restart and a wiped directory leave of it.

Points 1 to 4 and 20 to 24 of the checklist, as far as no other test carries their number.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from swarmtui.cli.following import open_feed
from swarmtui.host.client import WireFeed
from swarmtui.host.feed import Link
from swarmtui.host.launch import launch, start_host
from swarmtui.host.locate import list_sessions, locate, socket_of
from swarmtui.host.lock import LockTaken, locked
from swarmtui.host.server import bind
from swarmtui.host.spec import LaunchSpec
from swarmtui.session.errors import LogError
from swarmtui.session.folder import SessionFolder, session_folders
from swarmtui.session.heads import read_noted
from swarmtui.session.reader import Reader
from swarmtui.session.vocabulary import State, Status
from tests.chaos.nursery import Nursery
from tests.cli.conftest import Program, program_in
from tests.host.hosts import hosted, made, until_left
from tests.host.sessions import chain, live_session
from tests.leftovers import ended, kept, left_running, made_outside

HELD = "goal: held\nnodes:\n  a: {run: [sh, -c, 'echo ran >> ran']}\n  b: {needs: a, prompt: 'wait [[take:60]]'}\n"
ONE: dict[str, object] = {"goal": "one", "nodes": {"a": {"run": ["echo", "a"]}}}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to work in, with the directories of the program in it; hosts are killed at the end."""
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SWARMTUI_MODEL", "simulated/instant")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for folder in session_folders(tmp_path / "home" / "state" / "sessions"):
        if folder.owned():
            kill(folder)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    with program_in(tmp_path) as program:
        yield program


def kill(folder: SessionFolder) -> None:
    """Kill the host, and wait until it is gone."""
    os.kill(int(folder.lock.read_text()), signal.SIGKILL)
    until_left(folder)


def seqs(folder: SessionFolder) -> list[int]:
    with Reader(folder.db) as reader:
        return [row.seq for row in reader.rows()]


# -- starting -------------------------------------------------------------------------------------------------


@pytest.mark.chaos
@pytest.mark.timeout(900)
async def test_01_whoever_is_told_of_a_session_reaches_its_host_at_once_fifty_times_out_of_fifty(home: Path) -> None:
    for _ in range(50):
        launched = await asyncio.to_thread(launch, LaunchSpec(cwd=str(home), text=HELD, viewer=False))
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as viewer:
            viewer.connect(launched.socket)
        feed = await open_feed(locate(launched.id), name="test")
        assert isinstance(feed, WireFeed), "a host lives"
        assert feed.state.host_pid == launched.pid
        await feed.close()
        kill(locate(launched.id))


@pytest.mark.chaos
def test_02_an_interrupted_launch_leaves_no_process_socket_lock_or_session(program: Program) -> None:
    program.write("tiny.yaml", "goal: g\nnodes:\n  a: {prompt: 'wait [[take:60]]'}\n")
    program.env |= {"SWARMTUI_MODEL": "simulated/instant"}
    launcher = program.start("run", "tiny.yaml", "--detach")
    pid = _as_soon_as_locked(program)
    os.kill(pid, signal.SIGSTOP)  # so that it does not get ready
    launcher.send_signal(signal.SIGINT)
    os.kill(pid, signal.SIGCONT)
    told, errors = launcher.communicate(timeout=60)
    assert (launcher.returncode, told) == (130, ""), errors
    assert "Traceback" not in errors
    assert list((program.home / "state" / "sessions").iterdir()) == []
    assert list((program.home / "run").glob("*")) == []
    assert not [pid for pid, words in left_running().items() if str(program.home) in words]


def _as_soon_as_locked(program: Program) -> int:
    """The pid of a host that comes to life."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for folder in program.sessions():
            with contextlib.suppress(OSError, ValueError):
                return int(folder.lock.read_text())
    raise AssertionError("no host came to life")


@pytest.mark.chaos
@pytest.mark.parametrize("begun", [False, True])
def test_02_a_launch_that_is_interrupted_late_keeps_only_what_was_begun(
    begun: bool, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = home / "home" / "state" / "sessions"
    wanted = "attempt_started" if begun else "plan_proposed"

    def interrupted(fd: int, patience_s: float) -> bytes:
        while not any(wanted in _types(folder) for folder in session_folders(sessions)):
            time.sleep(0.005)  # only a viewer would be told, and none is to be there
        raise KeyboardInterrupt

    monkeypatch.setattr("swarmtui.host.launch._read_line", interrupted)
    with pytest.raises(KeyboardInterrupt):
        launch(LaunchSpec(cwd=str(home), text=HELD, review=not begun, viewer=False))
    left = list(session_folders(sessions))
    assert len(left) == begun
    assert not any(folder.owned() for folder in left)
    assert list((home / "home" / "run").glob("*")) == []


def _types(folder: SessionFolder) -> set[str]:
    with contextlib.suppress(LogError), Reader(folder.db) as reader:
        return {row.type for row in reader.rows()}
    return set()


@pytest.mark.chaos
def test_02_a_launch_into_a_folder_that_takes_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with program_in(tmp_path) as program:
        program.env["SWARMTUI_HOME"] = str(tmp_path / "file" / "home")
        program.write("tiny.yaml", "goal: g\nnodes:\n  a: {run: [echo, x]}\n")
        done = program("run", "tiny.yaml", "--detach")
    assert done.returncode in (2, 4, 74)
    assert done.stdout == ""
    assert "Not a directory" in done.stderr
    assert len(done.stderr.splitlines()) == 1


# -- ending badly, and going on -------------------------------------------------------------------------------


async def followed(feed: WireFeed, true: Callable[[WireFeed], object], timeout_s: float = 60.0) -> list[int]:
    """The seqs that arrive until `true`."""
    seen: list[int] = []
    async with asyncio.timeout(timeout_s):
        while not true(feed):
            await feed.wait()
            seen += [event.seq for event in feed.drain().events]
    return seen + [event.seq for event in feed.drain().events]


def carries_out_b(feed: WireFeed) -> bool:
    return "b" in feed.state.nodes and feed.state.nodes["b"].state is State.RUNNING


@pytest.mark.chaos
async def test_20_a_killed_host_is_seen_as_crashed_within_two_seconds_and_nothing_runs_by_itself(home: Path) -> None:
    launched = await asyncio.to_thread(launch, LaunchSpec(cwd=str(home), text=HELD))
    folder = locate(launched.id)
    feed = await WireFeed.connect(Path(launched.socket), folder=folder, whole=True)
    await followed(feed, carries_out_b)
    os.kill(launched.pid, signal.SIGKILL)
    began = time.monotonic()
    await followed(feed, lambda feed: feed.status.link is Link.CRASHED)
    assert time.monotonic() - began <= 2.0
    assert feed.status.seen is Status.CRASHED
    assert [row["status"] for row in list_sessions()] == ["crashed"]
    before = seqs(folder)
    await asyncio.sleep(1.5)  # longer than a viewer takes to look again
    assert (seqs(folder), folder.owned()) == (before, False)
    assert (home / "ran").read_text() == "ran\n"
    await feed.close()


@pytest.mark.chaos
async def test_21_after_a_restart_of_the_machine_a_session_goes_on_where_it_was_with_those_who_watch(
    home: Path,
) -> None:
    launched = await asyncio.to_thread(launch, LaunchSpec(cwd=str(home), text=HELD))
    folder = locate(launched.id)
    feed = await WireFeed.connect(Path(launched.socket), folder=folder, whole=True)
    seen = await followed(feed, carries_out_b)
    log, last = feed._intake.log_id, feed.state.seq
    kill(folder)
    _restart_machine(folder, home / "home" / "run")
    assert [row["status"] for row in list_sessions()] == ["crashed"]
    await asyncio.to_thread(start_host, folder)
    seen += await followed(feed, lambda feed: feed.state.hosts == 2 and carries_out_b(feed))
    assert seen == list(range(1, feed.state.seq + 1)), "none is missing, none came twice"
    assert feed.state.seq > last
    assert feed._intake.log_id == log
    nodes = feed.state.nodes
    assert (nodes["a"].attempts, nodes["b"].attempts) == (1, 2), "a result is kept; a call in flight is made again"
    assert (home / "ran").read_text() == "ran\n"
    assert socket_of(folder).exists()
    await feed.close()


@pytest.mark.chaos
@pytest.mark.timeout(60)
async def test_06_how_many_watch_is_seen_in_the_list_of_sessions(home: Path) -> None:
    launched = await asyncio.to_thread(launch, LaunchSpec(cwd=str(home), text=HELD))
    folder = locate(launched.id)
    feeds = [await WireFeed.connect(Path(launched.socket), folder=folder, name=name) for name in ("a", "b")]
    await _until_viewers(2)
    await feeds[0].close()
    await _until_viewers(1)
    kill(folder)
    assert json.loads(folder.host_json.read_text())["viewers"] == 1, "this test shows nothing without what is left"
    await _until_viewers(0)
    await feeds[1].close()


async def _until_viewers(count: int) -> None:
    while list_sessions()[0]["viewers"] != count:
        await asyncio.sleep(0.02)


def _restart_machine(folder: SessionFolder, runtime: Path) -> None:
    """Make what a killed host has left look as after a restart: an empty runtime directory, another boot, its pid given
    to a process that lives."""
    shutil.rmtree(runtime)
    head = json.loads(folder.head.read_text())
    assert len(read_noted(folder.head)) == 2, "this test shows nothing if the boot is not asked for"
    head["latest"]["boot"] = "another-" + head["latest"]["boot"][8:]
    folder.head.write_text(json.dumps(head))
    about = json.loads(folder.host_json.read_text())
    folder.host_json.write_text(json.dumps({**about, "boot_id": "another", "pid": os.getpid()}))
    folder.lock.write_text(f"{os.getpid()}\n")


@pytest.mark.chaos
def test_21_a_live_host_whose_runtime_directory_was_wiped_takes_commands_again(program: Program) -> None:
    program.write("held.yaml", HELD)
    program.env |= {"SWARMTUI_MODEL": "simulated/instant"}
    id = json.loads(program("run", "held.yaml", "--detach").stdout)["id"]
    shutil.rmtree(program.home / "run")
    done = program("ctl", id, "pause")
    assert done.returncode == 0, done.stderr


# -- one owner ------------------------------------------------------------------------------------------------


@pytest.mark.chaos
@pytest.mark.timeout(600)
async def test_22_of_two_who_resume_at_once_fifty_times_one_wins_and_the_other_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SWARMTUI_MODEL", "simulated/instant")
    session = made(tmp_path, ONE)
    replace(LaunchSpec.read(session), review=True).write(session)  # nothing begins that a crash could catch
    with Nursery(tmp_path / "home") as nursery:
        for _ in range(50):
            session.host_log.write_text("")
            pids = [nursery.start(session) for _ in range(2)]
            codes = {pid: nursery.ended(pid, 0.05) for pid in pids}
            while not any(code is not None for code in codes.values()):
                codes = {pid: nursery.ended(pid, 0.05) for pid in pids}
            (loser,) = [pid for pid, code in codes.items() if code is not None]
            (winner,) = [pid for pid in pids if pid != loser]
            assert codes[loser] == 1
            assert f"is run by another host already (pid {winner})" in session.host_log.read_text()
            await (await _attached(session)).close()
            assert nursery.kill(winner) == -signal.SIGKILL


async def _attached(folder: SessionFolder) -> WireFeed:
    """A viewer of the host, which may be about to listen."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(OSError):
                return await WireFeed.connect(socket_of(folder), folder=folder)
            await asyncio.sleep(0.02)


def test_22_a_pid_that_another_process_has_by_now_keeps_nobody_out(tmp_path: Path) -> None:
    folder = SessionFolder(tmp_path)
    folder.lock.write_text(f"{os.getppid()}\n")
    with locked(folder):
        assert folder.lock.read_text() == f"{os.getpid()}\n"


@pytest.mark.chaos
def test_22_a_live_host_whose_lock_somebody_removed_is_joined_by_no_other(tmp_path: Path) -> None:
    session = made(tmp_path, {"goal": "held", "nodes": {"a": {"prompt": "wait [[take:60]]"}}})
    with hosted(tmp_path, session) as host:
        session.lock.unlink()
        for steal in (False, True):
            taken = pytest.raises(LockTaken, match=rf"\(pid {host.pid}\), whose lock somebody removed")
            with taken, locked(session, steal=steal):
                pass
    with locked(session):
        assert session.host_json.exists(), "what a killed host has left keeps nobody out"


@pytest.mark.chaos
def test_23_a_host_json_of_a_dead_host_hides_nothing(tmp_path: Path) -> None:
    session = made(tmp_path, ONE)
    (tmp_path / "home" / "run").mkdir(mode=0o700)
    stale = tmp_path / "home" / "run" / f"{session.id}.sock"
    bind(stale).close()
    session.host_json.write_text(
        json.dumps({"id": session.id, "pid": os.getpid(), "socket": str(tmp_path / "no.sock")})
    )
    assert not session.owned()
    with hosted(tmp_path, session) as host:
        about = json.loads(session.host_json.read_text())
        assert (about["pid"], about["socket"]) == (host.pid, str(stale))
        with socket.socket(socket.AF_UNIX) as viewer:
            viewer.connect(str(stale))
        assert host.ends() == 0
    assert not session.host_json.exists()
    assert not stale.exists()


# -- nobody else's --------------------------------------------------------------------------------------------

KNOCK = """
import os, socket, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
viewer = socket.socket(socket.AF_UNIX)
viewer.settimeout(30)
viewer.connect(sys.argv[1])
viewer.sendall(sys.argv[2].encode())
print(viewer.makefile().read())
"""
HELLO = {"protocol": {"min": 1, "max": 2}, "client": {"name": "raw"}, "role": "control"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
async def test_24_another_user_is_refused_even_where_everything_was_opened_to_all() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as root:
        async with live_session(Path(root), chain("a")) as session:
            for path in (Path(root), session.folder.path, session.socket):
                path.chmod(0o777)
            hello = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}) + "\n"
            knock = await asyncio.create_subprocess_exec(
                sys.executable, "-S", "-c", KNOCK, str(session.socket), hello, stdout=subprocess.PIPE
            )
            said, _ = await knock.communicate()
    (answer,) = [json.loads(line) for line in said.splitlines() if line.strip()]
    assert answer["error"]["code"] == -32003
    assert "result" not in answer


@pytest.mark.chaos
def test_24_whatever_the_mask_a_live_session_is_its_users_alone_and_tells_no_secret(program: Program) -> None:
    secret = "not-to-be-seen-0123456789"
    program.env |= {"SOME_API_KEY": secret, "SWARMTUI_MODEL": "simulated/instant"}
    program.write("leak.yaml", HELD.replace("echo ran", 'echo "$SOME_API_KEY"'))
    before = os.umask(0)
    try:
        launched = json.loads(program("run", "leak.yaml", "--detach").stdout)
    finally:
        os.umask(before)
    folder = program.session()
    for path in (Path(launched["socket"]), folder.host_json, folder.lock, folder.db, folder.host_log, folder.launch):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for path in (Path(launched["socket"]).parent, folder.path, program.home / "state"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
    told = program("show", folder.id, "--json").stdout + program("events", folder.id).stdout
    assert "SOME_API_KEY" in told, "the session has it before its eyes"
    assert secret not in told
    assert not any(secret.encode() in path.read_bytes() for path in folder.path.rglob("*") if path.is_file())


# -- what is left ---------------------------------------------------------------------------------------------


def test_34_a_host_that_is_left_running_is_found_and_ended() -> None:
    stray = subprocess.Popen(["sh", "-c", "sleep 60; true", "swarmtui.host.process"], start_new_session=True)
    try:
        assert stray.pid in left_running()
        assert stray.pid in ended(patience_s=0.1)
        assert stray.wait(10) == -signal.SIGKILL
        assert stray.pid not in left_running()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(stray.pid, signal.SIGKILL)


def test_34_what_is_written_outside_of_the_tests_folders_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CONFIG_HOME", "STATE_HOME", "CACHE_HOME"):
        monkeypatch.setenv(f"XDG_{name}", str(tmp_path / name))
    sessions = tmp_path / "STATE_HOME" / "swarmtui" / "sessions"
    (sessions / "old").mkdir(parents=True)
    before = kept(tmp_path / "repository")
    assert made_outside(before, tmp_path / "repository", tmp_path) == []
    for id, cwd in (("our", tmp_path / "work"), ("their", Path("/somewhere"))):
        (sessions / id).mkdir()
        (sessions / id / "launch.json").write_text(json.dumps({"cwd": str(cwd)}))
    (sessions.parent / "workbench.json").write_text("{}")
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "report.md").write_text("")
    found = made_outside(before, tmp_path / "repository", tmp_path)
    assert sorted(path.name for path in found) == ["our", "report.md", "workbench.json"]
