"""What a host process does on signals, on a disk that takes nothing, after a crash, and with too few open files."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from swarmtui.host.leftovers import end_leftovers
from swarmtui.host.lock import LockTaken, locked
from swarmtui.host.stalls import watched_loop
from swarmtui.session.events import AttemptThrottled, LimitsSet, SessionTakenOver
from swarmtui.session.folder import SessionFolder
from swarmtui.session.reader import Reader
from swarmtui.session.rows import row_to_event
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import State, Status
from tests.fakes.llm import Answer, FakeLLM
from tests.host.hosts import hosted, made

GATE = "while [ ! -e open ]; do sleep 0.02; done; echo through"
GATED: dict[str, object] = {
    "goal": "gated",
    "nodes": {"gate": {"run": ["sh", "-c", GATE]}, "last": {"needs": "gate", "run": ["echo", "done"]}},
}
DEAF: dict[str, object] = {
    "goal": "deaf",
    "nodes": {"deaf": {"run": ["sh", "-c", "trap '' TERM; sleep 60 & wait; sleep 60"]}},
}


def at_gate(state: SessionState) -> bool:
    return state.nodes["gate"].state is State.RUNNING


def nothing_runs(state: SessionState) -> bool:
    return not any(node.running or node.state is State.RUNNING for node in state.nodes.values())


def test_sigterm_lets_what_runs_end_starts_nothing_more_and_ends_with_143(tmp_path: Path) -> None:
    with hosted(tmp_path, made(tmp_path, GATED)) as host:
        host.until(at_gate)
        os.kill(host.pid, signal.SIGTERM)
        host.until(lambda state: state.status is Status.PAUSED)
        (host.work / "open").touch()
        assert host.ends() == 143
        state = host.state
        assert nothing_runs(state)
        assert {node.id: node.state.value for node in state.nodes.values()} == {"gate": "succeeded", "last": "ready"}
        assert (state.reason, state.host_pid) == ("signal", None)


@pytest.mark.chaos
def test_a_second_sigterm_waits_for_nothing_and_leaves_nothing_running(tmp_path: Path) -> None:
    with hosted(tmp_path, made(tmp_path, DEAF)) as host:
        host.until(lambda state: state.nodes["deaf"].running)
        os.kill(host.pid, signal.SIGTERM)
        host.until(lambda state: state.status is Status.PAUSED)
        began = time.monotonic()
        os.kill(host.pid, signal.SIGTERM)
        assert host.ends() == 143
        assert time.monotonic() - began < 3.0, "one second, and what a loaded machine adds"
        assert nothing_runs(host.state)
        assert host.state.nodes["deaf"].state is State.INTERRUPTED, "it may have changed something"
        assert end_leftovers(host.folder.id) == 0


@pytest.mark.chaos
def test_what_does_not_heed_a_sigterm_is_killed_in_ten_seconds_and_nothing_runs_any_more(tmp_path: Path) -> None:
    nodes = {
        **DEAF["nodes"],  # type: ignore[dict-item]
        "astray": {"run": ["sh", "-c", "setsid sleep 300 & sleep 300"]},
        "m": {"run": ["sleep", "300", "{{ n }}"], "map": {"items": [1, 2, 3], "as": "n"}},
    }
    limits = {"concurrency": {"commands": 10}}
    with hosted(tmp_path, made(tmp_path, {"goal": "deaf", "limits": limits, "nodes": nodes})) as host:
        host.until(lambda state: all(node.running for node in state.nodes.values()))
        began = time.monotonic()
        os.kill(host.pid, signal.SIGTERM)
        assert host.ends() == 143
        assert time.monotonic() - began < 13.0, "ten seconds, and what a loaded machine adds"
        assert nothing_runs(host.state)
        assert end_leftovers(host.folder.id) == 0
        assert "Traceback" not in host.log()


def test_sigint_stops_as_sigterm_does_and_ends_with_130(tmp_path: Path) -> None:
    with hosted(tmp_path, made(tmp_path, GATED)) as host:
        host.until(at_gate)
        os.kill(host.pid, signal.SIGHUP)  # means nothing to it
        os.kill(host.pid, signal.SIGINT)
        (host.work / "open").touch()
        assert host.ends() == 130
        assert nothing_runs(host.state)


def take_no_more(pid: int, folder: SessionFolder) -> None:
    """From now on the host's log, to which every commit is appended, may not grow."""
    size = folder.path.joinpath("session.db-wal").stat().st_size
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@pytest.mark.chaos
def test_a_host_that_is_told_to_leave_while_the_disk_takes_nothing_ends_with_74_and_says_so(tmp_path: Path) -> None:
    session = made(tmp_path, GATED)
    with hosted(tmp_path, session) as host:
        before = host.until(at_gate)
        take_no_more(host.pid, session)
        (host.work / "open").touch()
        host.until_logged("again every")
        os.kill(host.pid, signal.SIGTERM)
        assert host.ends() == 74
        assert "were not written" in host.log()
        assert "Traceback" not in host.log()
        assert host.state.seq >= before.seq, "what was recorded is there"
    with hosted(tmp_path, session) as host:
        state = host.until(lambda state: any(node.state is State.INTERRUPTED for node in state.nodes.values()))
        assert state.nodes["gate"].state is State.INTERRUPTED


@pytest.mark.chaos
def test_a_session_goes_on_by_itself_once_the_disk_takes_something_again(tmp_path: Path) -> None:
    session = made(tmp_path, GATED)
    with hosted(tmp_path, session) as host:
        host.until(at_gate)
        take_no_more(host.pid, session)
        (host.work / "open").touch()
        host.until_logged("again every")
        resource.prlimit(host.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert host.ends() == 0
        state = host.state
        assert state.status is Status.SUCCEEDED
        assert host.longest_stall_s() < 1.0


def test_a_resume_waits_where_it_is_asked_to_and_tells_what_it_found(tmp_path: Path) -> None:
    session = made(tmp_path, GATED)
    with hosted(tmp_path, session) as host:
        host.until(at_gate)
        os.kill(host.pid, signal.SIGKILL)
        host.ends()
    with hosted(tmp_path, session, "--wait-if-interrupted") as host:
        state = host.until(lambda state: state.status is Status.PAUSED)
        assert state.reason == "resumed"
        with Reader(session.db) as reader:
            bodies = [row_to_event(row).body for row in reader.rows()]
        (told,) = [body for body in bodies if isinstance(body, SessionTakenOver)]
        assert (told.crashed, told.held, told.waiting) == (True, 1, ("gate",))
        assert told.leftovers >= 1, "the command of the host before was still at work"


@pytest.mark.chaos
def test_too_few_open_files_fail_nothing(tmp_path: Path) -> None:
    nodes = {f"n{at}": {"run": ["sleep", "0.2"]} for at in range(40)}
    task: dict[str, object] = {"goal": "many", "limits": {"concurrency": {"commands": 40}}, "nodes": nodes}
    session = made(tmp_path, task)
    with hosted(tmp_path, session, open_files=64) as host:
        assert host.ends(60) == 0, host.log()
        with Reader(session.db) as reader:
            bodies = [row_to_event(row).body for row in reader.rows()]
        assert any(isinstance(body, AttemptThrottled) for body in bodies), "nothing was scarce: the test shows nothing"
        assert any(isinstance(body, LimitsSet) for body in bodies)
        assert host.longest_stall_s() < 1.0


@pytest.mark.chaos
async def test_a_host_that_was_stopped_for_a_while_makes_no_burst_of_calls(tmp_path: Path) -> None:
    async with FakeLLM(Answer("ok", latency_s=0.2)) as llm:
        task: dict[str, object] = {
            "goal": "steady",
            "models": {"worker": {"base_url": llm.base_url, "model": "fake-small"}},
            "limits": {"concurrency": 4},
            "nodes": {"m": {"prompt": "say {{ n }}", "map": {"items": list(range(60)), "as": "n"}}},
        }
        with hosted(tmp_path, await asyncio.to_thread(made, tmp_path, task)) as host:
            await llm.until_asked(8, timeout_s=30)
            os.kill(host.pid, signal.SIGSTOP)
            await asyncio.sleep(3)  # the host's clock goes on meanwhile, and nothing may be made up for
            os.kill(host.pid, signal.SIGCONT)
            assert await asyncio.to_thread(host.ends, 60) == 0, host.log()
        assert llm.most_open <= 4
        assert len(llm.ledger) == 60, "nothing was called twice"


@pytest.mark.chaos
def test_a_recovered_session_goes_on_under_its_own_id_and_ends_what_the_old_one_left(tmp_path: Path) -> None:
    session = made(tmp_path, DEAF | {"nodes": {"deaf": {"run": ["sh", "-c", "sleep 600"]}}})
    with hosted(tmp_path, session) as host:
        host.until(lambda state: state.nodes["deaf"].running)
        os.kill(host.pid, signal.SIGKILL)
        host.ends()
    assert session.reserve.exists(), "a host that dies leaves its reserve, which is no damage"
    env = {**os.environ, "SWARMTUI_HOME": str(tmp_path / "home")}
    argv = [sys.executable, "-m", "swarmtui", "recover", session.id, "-o", "saved"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
    assert f"{session.db}: intact" in done.stdout
    saved = SessionFolder(session.path.with_name("saved"))
    with hosted(tmp_path, saved) as host:
        state = host.until(lambda state: state.nodes["deaf"].state is State.INTERRUPTED)
        with Reader(saved.db) as reader:
            bodies = [row_to_event(row).body for row in reader.rows()]
            assert reader.state().id == state.id == "saved"
        (told,) = [body for body in bodies if isinstance(body, SessionTakenOver)]
        assert told.leftovers >= 1, "what the session that it was recovered from left at work"
        assert (told.crashed, told.held) == (True, 1)
        os.kill(host.pid, signal.SIGTERM)
        assert host.ends() == 143
    assert not saved.reserve.exists()


# -- the lock -------------------------------------------------------------------------------------------------

HOLD = """
import fcntl, os, signal, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)
fcntl.flock(fd, fcntl.LOCK_EX)
os.pwrite(fd, f"{os.getpid()}\\n".encode(), 0)
if os.fork():
    os._exit(0)
print(os.getpid(), flush=True)
os.close(1)
signal.pause()
"""


def test_22_a_lock_that_a_dead_host_left_to_a_process_of_its_is_taken_only_on_demand(tmp_path: Path) -> None:
    folder = SessionFolder(tmp_path)
    holder = subprocess.run(
        [sys.executable, "-c", HOLD, str(folder.lock)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    try:
        assert folder.owned()
        with pytest.raises(LockTaken, match="--steal"), locked(folder):
            pass
        with locked(folder, steal=True):
            assert folder.owned()
            with pytest.raises(LockTaken, match=f"pid {os.getpid()}"), locked(folder, steal=True):
                pass
        assert not folder.owned()
    finally:
        os.kill(int(holder.stdout), signal.SIGKILL)


# -- the loop's watch -----------------------------------------------------------------------------------------


async def test_what_holds_the_event_loop_up_is_logged_with_its_stack(caplog: pytest.LogCaptureFixture) -> None:
    async with watched_loop(stall_s=0.2):
        await asyncio.sleep(0)
        time.sleep(1.2)  # which is what is found out
        for _ in range(100):
            if caplog.records:
                break
            await asyncio.sleep(0.02)
    (record,) = caplog.records
    assert "stood still" in record.getMessage()
    assert "test_what_holds_the_event_loop_up" in record.getMessage()


async def test_a_loop_that_merely_waits_is_not_held_up(caplog: pytest.LogCaptureFixture) -> None:
    async with watched_loop(stall_s=0.4):
        await asyncio.sleep(0.5)
    assert not caplog.records
