"""Forks of a session that a host runs, asked for over its wire: the host goes on as if nobody had asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from swarmtui.engine.commands import Refused
from swarmtui.host import live_forks
from swarmtui.host.client import WireFeed
from swarmtui.host.feed import CommandRefused
from swarmtui.host.jsonrpc import Code
from swarmtui.host.live_forks import fork_live
from swarmtui.session.build import FileBuilder
from swarmtui.session.events import Noted, PlanProposed, SessionCreated
from swarmtui.session.folder import SessionFolder, session_folders
from swarmtui.session.reader import Reader
from swarmtui.session.state_json import state_hash
from swarmtui.session.vocabulary import State, Status
from tests.host.sessions import LiveSession, chain, live_session, until


async def forked(feed: WireFeed, **params: Any) -> dict[str, Any]:
    reply: dict[str, Any] = await feed.ask("fork", {"start": False, **params}, cap="fork")
    return reply


async def half_way(session: LiveSession) -> WireFeed:
    """A viewer of a session of which `a` has ended and `b` runs."""
    feed = await session.attach(name="tui", whole=True)
    session.executor.finish((await session.until_running())[0], "of a")
    await until(feed, lambda feed: feed.state.nodes["b"].state is State.RUNNING)
    return feed


async def test_31_a_running_session_is_forked_over_its_wire_and_goes_on(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b")) as session:
        feed = await half_way(session)
        edit = {"ops": [{"op": "set", "node": "b", "field": "prompt", "value": "say it otherwise"}]}
        at = session.conductor.log.committed_seq
        reply = await forked(feed, at_seq=at, edits=[edit], name="child")
        assert (reply["id"], reply["parent"], reply["kept"]) == ("child", {"id": "abcdefgh", "seq": at}, ["a"])
        assert reply["repeated"] == ["b"]
        assert list(session.executor.running) == ["b//1"], "what runs of the parent runs on"
        assert session.conductor.state.seq == at, "and nothing is recorded there"
        session.executor.finish("b//1")
        await until(feed, lambda feed: feed.state.status is Status.SUCCEEDED)
        with Reader(tmp_path / "child" / "session.db") as reader:
            child = reader.state()
            reader.verify()
            actors = {row.actor for row in reader.rows(at + 1)}
        assert (child.status, child.plan_rev, feed.state.plan_rev) == (Status.PAUSED, 2, 1)
        assert len(actors) == 1
        assert next(iter(actors)).endswith(" tui")
        await feed.close()


async def test_31_a_fork_that_is_asked_for_twice_over_a_broken_link_is_made_once(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b")) as session:
        feed = await half_way(session)
        replies = await asyncio.gather(*(forked(feed, at_seq=5, client_cmd_id="one") for _ in range(3)))
        assert len({reply["id"] for reply in replies}) == 1
        assert len([folder for folder in session_folders(tmp_path) if folder.id != "abcdefgh"]) == 1
        other = await forked(feed, at_seq=5, client_cmd_id="another")
        assert other["id"] != replies[0]["id"]
        await feed.close()


async def test_31_forks_at_every_event_of_a_live_session_hold_the_state_of_then(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b")) as session:
        feed = await half_way(session)
        for at in range(2, session.conductor.log.committed_seq + 1):
            reply = await forked(feed, at_seq=at)
            with Reader(session.folder.db) as old, Reader(SessionFolder(tmp_path / reply["id"]).db) as new:
                assert state_hash(new.state(at)) == state_hash(old.state(at))
                assert list(new.rows(1, at)) == list(old.rows(1, at))
                assert new.state().id == reply["id"]
        await feed.close()


async def test_31_who_only_observes_forks_nothing_and_what_is_no_fork_is_refused(tmp_path: Path) -> None:
    async with live_session(tmp_path, chain("a", "b")) as session:
        feed = await half_way(session)
        observer = await session.attach(name="eye", role="observe")
        with pytest.raises(CommandRefused) as refused:
            await forked(observer, at_seq=5)
        assert refused.value.code == Code.FORBIDDEN
        with pytest.raises(CommandRefused, match="there is no event 900: this session has events 1 to"):
            await forked(feed, at_seq=900)
        assert [folder.id for folder in session_folders(tmp_path)] == ["abcdefgh"]
        await observer.close()
        await feed.close()


def test_31_sessions_are_listed_while_one_is_being_made_and_its_place_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = os.scandir

    def scandir(folder: Path) -> list[os.DirEntry[str]]:
        with listed(folder) as entries:
            found = list(entries)
        (tmp_path / ".new-x").rmdir()
        return found

    for name in ("abcdefgh", ".new-x"):
        (tmp_path / name).mkdir()
    (tmp_path / "abcdefgh" / "session.db").touch()
    monkeypatch.setattr(os, "scandir", scandir)
    assert [folder.id for folder in session_folders(tmp_path)] == ["abcdefgh"]


# -- a long past --------------------------------------------------------------------------------------------------


@pytest.fixture
def long(tmp_path: Path) -> SessionFolder:
    """A session of 30,000 events below a folder of its own, without a host."""
    folder = SessionFolder(tmp_path / "sessions" / "long")
    folder.path.mkdir(parents=True, mode=0o700)
    folder.path.parent.chmod(0o700)
    with FileBuilder(folder.db, "test") as builder:
        builder.event(SessionCreated("long", "a goal", "a title", str(tmp_path), "test"), 5.0, 0.0)
        builder.event(PlanProposed(1, chain("a", "b")), 5.0, 0.0)
        for number in range(30_000 - builder.head.seq):
            builder.event(Noted("info", f"{number} {'x' * 200}"), 5.0, 0.0)
        builder.done()
    return folder


@pytest.mark.chaos
async def test_31_a_process_of_its_own_makes_the_fork_that_a_thread_makes_or_refuses_it_in_the_same_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with live_session(tmp_path, chain("a", "b")) as session:
        feed = await half_way(session)
        edit = {"ops": [{"op": "set", "node": "b", "field": "prompt", "value": "say it otherwise"}]}
        by_thread = await forked(feed, at_seq=5, edits=[edit], name="first")
        monkeypatch.setattr(live_forks, "LONG", 0)
        by_process = await forked(feed, at_seq=5, edits=[edit], name="second")
        assert {**by_process, "id": "first"} == by_thread
        with Reader(tmp_path / "second" / "session.db") as reader:
            assert reader.verify().seq == by_process["seq"], "the reply is there when the fork is"
        with pytest.raises(CommandRefused, match="there is a session second already") as refused:
            await forked(feed, at_seq=5, name="second")
        assert refused.value.code == Code.PARAMS
        await feed.close()


@pytest.mark.chaos
async def test_31_the_fork_of_a_long_past_takes_no_time_of_the_process_that_asks_for_it(
    long: SessionFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    def spent(who: int) -> float:
        used = resource.getrusage(who)
        return used.ru_utime + used.ru_stime

    mine, theirs = spent(resource.RUSAGE_SELF), spent(resource.RUSAGE_CHILDREN)
    reply = await fork_live(long, {"at_seq": 30_000, "start": False})
    mine, theirs = spent(resource.RUSAGE_SELF) - mine, spent(resource.RUSAGE_CHILDREN) - theirs
    with capsys.disabled():
        print(f"\nfork of 30,000 events: {mine * 1e3:.0f} ms of the host's time, {theirs * 1e3:.0f} ms of its child's")
    assert reply["parent"] == {"id": "long", "seq": 30_000}
    assert mine < 0.25 * theirs


@contextlib.contextmanager
def begun(parent: SessionFolder) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has begun to make a fork of `parent`."""
    wanted = {"at_seq": 30_000, "edits": [], "retry_failed": False, "name": "child", "actor": None}
    argv = [sys.executable, "-P", "-m", "swarmtui.host.live_forks", str(parent.path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(wanted).encode() + b"\n")
        while not list(parent.path.parent.glob(".new-*/made/child/session.db")):
            assert process.poll() is None
        yield process


@pytest.mark.chaos
async def test_31_a_fork_whose_host_or_maker_is_killed_midway_leaves_no_session_and_the_next_clears_up(
    long: SessionFolder,
) -> None:
    sessions = long.path.parent
    with begun(long) as maker:
        assert maker.stdin is not None
        maker.stdin.close()  # as the kernel does for a host that is killed
    assert os.listdir(sessions) == ["long"]
    with begun(long) as maker:
        maker.kill()
    assert [folder.id for folder in session_folders(sessions)] == ["long"]
    reply = await fork_live(long, {"at_seq": 30_000, "name": "child", "start": False})
    assert (reply["id"], sorted(os.listdir(sessions))) == ("child", ["child", "long"])


@pytest.mark.chaos
async def test_31_a_fork_that_is_given_up_by_its_host_leaves_nothing(long: SessionFolder) -> None:
    making = asyncio.create_task(fork_live(long, {"at_seq": 30_000, "start": False}))
    while not list(long.path.parent.glob(".new-*/made/*/session.db")):
        assert not making.done()
        await asyncio.sleep(0)
    making.cancel()
    await asyncio.gather(making, return_exceptions=True)
    assert os.listdir(long.path.parent) == ["long"]


@pytest.mark.chaos
@pytest.mark.parametrize("made_by", ["a thread", "a process"])
async def test_31_a_fork_for_which_the_disk_has_no_room_is_refused_and_leaves_nothing(
    long: SessionFolder, made_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_forks, "LONG", 100_000 if made_by == "a thread" else 0)
    sessions = long.path.parent
    mount = ["mount", "-t", "tmpfs", "-o", f"size={long.db.stat().st_size * 3 // 2048}k,mode=700", "tmpfs"]
    disk = sessions.with_name("disk") / "sessions"
    disk.parent.mkdir(mode=0o700)
    done = subprocess.run([*mount, str(disk.parent)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
    try:
        subprocess.run(["cp", "-a", str(sessions), str(disk)], check=True)
        with pytest.raises(Refused, match=r"cannot be (written|made)"):
            await fork_live(SessionFolder(disk / "long"), {"at_seq": 30_000, "start": False})
        assert os.listdir(disk) == ["long"]
        short = await fork_live(SessionFolder(disk / "long"), {"at_seq": 100, "start": False})
        assert sorted(os.listdir(disk)) == sorted(["long", short["id"]])
    finally:
        subprocess.run(["umount", "-l", str(disk.parent)], check=True)
