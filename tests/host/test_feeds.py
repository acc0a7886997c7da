"""Feeds without a live host, feeds over a crash, the Python API, and the lock."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import swarmtui
from swarmtui.host import archive
from swarmtui.host.archive import FileFeed
from swarmtui.host.client import WireFeed
from swarmtui.host.feed import CommandRefused, Link, NotFetched
from swarmtui.host.history import History
from swarmtui.host.launch import launch, start_host
from swarmtui.host.locate import list_sessions, locate
from swarmtui.host.lock import LockTaken, locked
from swarmtui.host.rest import at_rest
from swarmtui.host.spec import LaunchSpec
from swarmtui.plan.model import Node, Plan, RunSpec
from swarmtui.plan.problems import TaskError
from swarmtui.session import reader
from swarmtui.session.folder import SessionFolder, session_folders
from swarmtui.session.state_json import state_hash
from swarmtui.session.vocabulary import State, Status
from tests.host.sessions import chain, live_session, until

GATED = "goal: g\nnodes:\n  a: {run: [echo, x]}\n  b: {needs: a, prompt: 'wait [[take:60]]'}\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Directories of the test's own; whatever host is left in them is ended, and none may stay."""
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SWARMTUI_MODEL", "simulated/instant")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    folders = list(session_folders(tmp_path / "home" / "state" / "sessions"))
    for folder in folders:
        for _ in range(2):
            if folder.owned():
                os.kill(int(folder.lock.read_text()), signal.SIGTERM)
    _until_free(folders)


def _until_free(folders: list[SessionFolder]) -> None:
    for folder in folders:
        while folder.owned():
            os.sched_yield()


async def test_a_file_is_read_beside_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with live_session(tmp_path, chain("a"), at_once=True) as session:
        live = await session.attach()
        await until(live, lambda feed: feed.state.status is Status.SUCCEEDED)
        await live.close()
    opened, connect = list[threading.Thread](), reader._connect

    def noted(path: Path) -> sqlite3.Connection:
        opened.append(threading.current_thread())
        return connect(path)

    monkeypatch.setattr(reader, "_connect", noted)
    monkeypatch.setattr(archive, "seen_status", lambda folder, recorded: reader.Reader(folder.db).close() or recorded)
    feed = await FileFeed.open(session.folder)
    await feed.close()
    assert len(opened) > 1
    assert threading.current_thread() not in opened


async def test_a_file_gives_the_same_state_as_the_wire_and_takes_no_commands(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b"), at_once=True) as session:
        live = await session.attach()
        await until(live, lambda feed: feed.state.status is Status.SUCCEEDED)
        assert await live.output("a") == "done"
    await until(live, lambda feed: feed.status.link is Link.ENDED)
    feed = await FileFeed.open(session.folder)
    assert feed.drain().reset
    assert state_hash(feed.state) == state_hash(live.state)
    assert feed.status.link is Link.ARCHIVE
    assert await feed.output("a") == "done"
    with pytest.raises(CommandRefused, match="resume"):
        await feed.command("session.pause", {})
    await live.close()


async def test_a_file_read_whole_gives_every_event_once(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b"), at_once=True) as session:
        live = await session.attach()
        await until(live, lambda feed: feed.state.status is Status.SUCCEEDED)
        await live.close()
    feed = await FileFeed.open(session.folder, whole=True)
    seqs: list[int] = []
    while not feed.at_end:
        await feed.wait()
        seqs += [event.seq for event in feed.drain().events]
        await feed._read_on()
    assert seqs == list(range(1, feed.state.seq + 1))


async def test_a_log_is_read_from_its_end_and_never_through_a_link(tmp_path: Path) -> None:
    folder = SessionFolder(tmp_path / "s")
    node = folder.artefacts / "a"
    node.mkdir(parents=True)
    (tmp_path / "secret").write_text("secret")
    (node / "log.txt").symlink_to(tmp_path / "secret")
    assert History(folder).log_tail("a", 100) == ""
    (node / "log.txt").unlink()
    (node / "log.txt").write_text("0123456789")
    assert History(folder).log_tail("a", 4) == "6789"
    assert History(folder).log_tail("../..", 4) == ""
    assert History(folder).log_tail("nobody", 4) == ""


@pytest.mark.chaos
async def test_21_a_viewer_follows_a_session_over_a_crash_and_its_resumption(home: Path) -> None:
    launched = await asyncio.to_thread(launch, LaunchSpec(cwd=str(home), text=GATED))
    folder = locate(launched.id)
    feed = await WireFeed.connect(Path(launched.socket), folder=folder, whole=True)
    seqs: list[int] = []

    async def until_seen(link: Link) -> None:
        async with asyncio.timeout(20):
            while feed.status.link is not link:
                await feed.wait()
                seqs.extend(event.seq for event in feed.drain().events)

    while feed.state.nodes.get("b") is None or feed.state.nodes["b"].state is not State.RUNNING:
        await feed.wait()
        seqs += [event.seq for event in feed.drain().events]
    os.kill(launched.pid, signal.SIGKILL)
    await until_seen(Link.CRASHED)
    with pytest.raises(ConnectionError, match="resume"):
        await feed.command("session.pause", {})
    assert list_sessions()[0]["status"] == "crashed"
    await asyncio.to_thread(start_host, folder)
    await until_seen(Link.LIVE)
    seq = await feed.command("session.cancel", {})
    while feed.state.seq < seq:
        await feed.wait()
        seqs += [event.seq for event in feed.drain().events]
    seqs += [event.seq for event in feed.drain().events]
    assert seqs == list(range(1, len(seqs) + 1))
    assert feed.state.hosts == 2
    await feed.close()


async def test_python_runs_a_plan_and_gives_the_session_back(home: Path) -> None:
    plan = Plan("g", (Node("a", RunSpec(("echo", "hello"))),))
    session = await swarmtui.run(plan)
    assert session.status is Status.SUCCEEDED
    assert await session.output("a") == "hello\n"
    assert [event.seq for event in session.events] == list(range(1, session.state.seq + 1))
    assert not session.folder.owned()


async def test_python_gets_a_planned_session_back_when_it_waits_for_approval(home: Path) -> None:
    waiting = await swarmtui.run("compare three queues")
    assert waiting.status is Status.AWAITING_APPROVAL
    assert at_rest(waiting.state)
    approved = await swarmtui.run("compare three queues", approve=True)
    assert approved.status is Status.SUCCEEDED
    assert approved.report is not None


async def test_python_refuses_a_bad_task_before_anything_is_made(home: Path) -> None:
    (home / "bad.yaml").write_text("goal: g\nnodes: {}\n")
    with pytest.raises(TaskError):
        await swarmtui.run("bad.yaml")
    assert list_sessions() == []


def test_22_the_lock_has_one_holder_who_is_named_and_asking_does_not_take_it(tmp_path: Path) -> None:
    folder = SessionFolder(tmp_path)
    assert not folder.owned()
    with locked(folder):
        assert folder.owned()
        with pytest.raises(LockTaken, match=f"pid {os.getpid()}"), locked(folder):
            pass
    assert not folder.owned()
    with locked(folder):
        assert folder.owned()


@pytest.mark.chaos
def test_22_of_many_who_want_to_resume_one_wins(home: Path) -> None:
    launched = launch(LaunchSpec(cwd=str(home), text=GATED))
    folder = locate(launched.id)
    os.kill(launched.pid, signal.SIGKILL)
    _until_free([folder])
    with ThreadPoolExecutor(3) as threads:
        tries = [threads.submit(start_host, folder) for _ in range(3)]
    lost = [str(one.exception()) for one in tries if one.exception()]
    (won,) = [one.result() for one in tries if not one.exception()]
    assert len(lost) == 2
    assert all(f"pid {won.pid}" in text for text in lost)


async def test_what_cannot_be_fetched_is_one_kind_of_error_wherever_it_lies(tmp_path: Path) -> None:
    """A host's refusal, a damaged file, a link where a folder should be: who asks catches one thing and says why."""
    async with live_session(tmp_path, chain("a"), at_once=True) as session:
        live = await session.attach()
        await until(live, lambda feed: feed.state.status is Status.SUCCEEDED)
        archive = await FileFeed.open(session.folder)
        outside = tmp_path / "outside"
        outside.mkdir()
        (outside / "log.txt").write_text("not the session's")
        shutil.rmtree(session.folder.artefacts / "a", ignore_errors=True)
        (session.folder.artefacts / "a").symlink_to(outside)
        for feed in (live, archive):
            with pytest.raises(NotFetched):
                await feed.log_tail("a")
            with pytest.raises(NotFetched):
                await feed.events_before(2**70, 10)
        await live.close()
        await archive.close()
