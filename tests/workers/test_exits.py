"""Waiting for the end of processes, with and without word of it from the system."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from swarmtui.workers import exits as module
from swarmtui.workers.exits import await_exit, exits, has_exited, wait_for_an_exit


@contextmanager
def sleeping() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(["sleep", "600"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(params=["told", "looked for"])
def told(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the system tells of ends."""
    if request.param == "told":
        monkeypatch.setattr(module, "_POLL_S", 600.0)  # whoever polls waits for ever
        return True
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    return False


async def test_a_child_is_awaited_without_its_exit_code_being_taken(told: bool) -> None:
    with sleeping() as process:
        assert not await exits(process, 0.01)
        waiting = asyncio.ensure_future(exits(process, 30.0))
        await asyncio.sleep(0)
        os.kill(process.pid, signal.SIGTERM)
        assert await waiting
        assert has_exited(process)
        assert process.returncode is None
        assert process.wait() == -signal.SIGTERM
        assert await exits(process)


async def test_a_wait_that_is_given_up_leaves_no_descriptor(told: bool) -> None:
    with sleeping() as process:
        before = len(os.listdir("/proc/self/fd"))
        waiting = asyncio.ensure_future(exits(process))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        assert not await exits(process, 0.0)
        assert len(os.listdir("/proc/self/fd")) == before


def test_a_thread_may_wait_for_a_child() -> None:
    with sleeping() as process:
        waiting = threading.Thread(target=await_exit, args=(process,))
        waiting.start()
        process.kill()
        waiting.join(30.0)
        assert not waiting.is_alive()
        assert process.returncode is None
        assert process.wait() == -signal.SIGKILL


def test_the_first_of_several_to_end_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_POLL_S", 600.0)
    with sleeping() as one, sleeping() as other:
        waiting = threading.Thread(target=wait_for_an_exit, args=((one.pid, other.pid), 600.0))
        waiting.start()
        other.kill()
        waiting.join(30.0)
        assert not waiting.is_alive()
        assert not has_exited(one)
        other.wait()
        wait_for_an_exit((one.pid, other.pid), 600.0)  # one of them is no more


def test_where_nothing_tells_of_ends_the_wait_is_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open", raising=False)
    with sleeping() as process:
        wait_for_an_exit((process.pid,), 600.0)
        assert not has_exited(process)
