"""A disk that takes nothing: what the session does, what viewers are told, and with what the host ends."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest

from swarmtui.engine import conductor
from swarmtui.host.client import NOTHING_LEFT
from swarmtui.host.exits import Exit
from swarmtui.host.failures import explain
from swarmtui.host.feed import CommandRefused, Link
from swarmtui.host.rest import at_rest
from swarmtui.session.errors import LogError
from swarmtui.session.faults import Faults
from swarmtui.session.log import LogSettings
from swarmtui.session.state_json import state_hash
from swarmtui.session.vocabulary import Status
from tests.host.sessions import LiveSession, chain, live_session, until

QUICK = LogSettings(retry_s=0.05, busy_s=0.2, close_s=0.3, reserve_bytes=0)


class FullDisk(Faults):
    """Every commit fails while `full`."""

    full = False

    def at(self, point: str) -> None:
        if self.full and point == "commit.before":
            import sqlite3

            raise sqlite3.OperationalError("database or disk is full")


async def until_paused(session: LiveSession) -> None:
    async with asyncio.timeout(5):
        while session.conductor.state.status is not Status.PAUSED:
            await asyncio.sleep(0.01)


async def test_a_full_disk_pauses_the_session_and_space_lets_it_go_on(tmp_path: Path) -> None:
    disk = FullDisk()
    async with live_session(tmp_path, chain("a", "b"), log_settings=QUICK, faults=disk) as session:
        await session.until_running()
        disk.full = True
        session.executor.finish("a//1")
        await until_paused(session)
        assert session.conductor.state.reason == "disk"
        assert not session.executor.running, "nothing may start while nothing can be recorded"
        assert not at_rest(session.conductor.state), "it goes on by itself"
        disk.full = False
        (again,) = await session.until_running()
        assert again.startswith("b//")
        await session.conductor.log.flushed()
        assert session.conductor.state.status is Status.RUNNING


async def test_a_viewer_that_comes_during_trouble_sees_what_is_recorded_and_the_reason(tmp_path: Path) -> None:
    disk = FullDisk()
    async with live_session(tmp_path, chain("a", "b"), log_settings=QUICK, faults=disk) as session:
        await session.until_running()
        early = await session.attach()
        await session.conductor.log.flushed()
        recorded = session.conductor.state.seq
        disk.full = True
        session.executor.finish("a//1")
        await until_paused(session)
        async with asyncio.timeout(3):
            late = await session.attach()
            for feed in (early, late):
                await until(feed, lambda feed: "full" in feed.status.trouble)
        assert late.state.seq == recorded, "a viewer sees nothing that a crash could take back"
        disk.full = False
        for feed in (early, late):
            await until(feed, lambda feed: not feed.status.trouble and feed.state.status is Status.RUNNING)
        await until(late, lambda feed: feed.state.seq == session.conductor.state.seq)
        assert state_hash(late.state) == state_hash(session.conductor.state)
        await early.close()
        await late.close()


async def test_of_a_session_whose_files_are_removed_nothing_more_starts_and_viewers_are_told(tmp_path: Path) -> None:
    quick = LogSettings(retry_s=0.05, close_s=0.0, look_s=0.02, reserve_bytes=0)
    async with live_session(tmp_path, chain("a", "b"), log_settings=quick) as session:
        await session.until_running()
        feed = await session.attach()
        db = session.conductor.log.path
        db.rename(db.with_name("elsewhere"))
        await until(feed, lambda feed: "files are gone" in feed.status.trouble)
        assert feed.status.gone
        before = session.conductor.state.seq
        with pytest.raises(CommandRefused, match="files are gone"):
            await feed.command("marker.add", {"label": "here"})
        assert session.conductor.state.seq == before
        session.executor.finish("a//1")
        await until_paused(session)
        assert not session.executor.running
        db.with_name("elsewhere").rename(db)
        (again,) = await session.until_running()
        assert again.startswith("b//")
        await until(feed, lambda feed: not feed.status.trouble and feed.state.status is Status.RUNNING)
        assert not feed.status.gone
        await feed.close()


async def test_a_host_whose_folder_was_removed_makes_no_folder_again(tmp_path: Path) -> None:
    quick = LogSettings(retry_s=0.05, close_s=0.0, look_s=0.02, reserve_bytes=0)
    told = False

    async def removed() -> None:
        nonlocal told
        async with live_session(tmp_path, chain("a"), at_once=True, log_settings=quick) as session:
            feed = await session.attach()
            await until(feed, lambda feed: feed.state.status is Status.SUCCEEDED)
            session.folder.path.rename(tmp_path / "elsewhere")
            await until(feed, lambda feed: feed.status.gone)
            await feed.close()
            told = True

    with pytest.raises((LogError, ExceptionGroup)):  # its goodbye could not be recorded
        await removed()
    assert told
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere"]


async def test_of_a_host_that_has_not_seen_yet_that_its_files_are_gone_nothing_is_asked_and_then_it_is_known(
    tmp_path: Path,
) -> None:
    slow = LogSettings(retry_s=0.05, close_s=0.0, look_s=60.0, reserve_bytes=0)
    async with live_session(tmp_path, chain("a"), at_once=True, log_settings=slow) as session:
        feed = await session.attach(folder=session.folder)
        await until(feed, lambda feed: feed.state.status is Status.SUCCEEDED)
        await session.conductor.log.flushed()
        session.folder.db.rename(session.folder.db.with_name("elsewhere"))
        before = session.conductor.state.seq
        with pytest.raises(CommandRefused, match="not sent: the session's files are gone"):
            await feed.command("marker.add", {"label": "here"})
        assert session.conductor.state.seq == before
    await until(feed, lambda feed: feed.status.gone and feed.status.link is Link.ENDED)
    assert feed.status.trouble == NOTHING_LEFT
    session.folder.db.with_name("elsewhere").rename(session.folder.db)
    await until(feed, lambda feed: not feed.status.gone and not feed.status.trouble)
    await feed.close()


async def test_resuming_by_hand_is_refused_while_the_disk_takes_nothing(tmp_path: Path) -> None:
    from swarmtui.engine.commands import Refused

    disk = FullDisk()
    async with live_session(tmp_path, chain("a", "b"), log_settings=QUICK, faults=disk) as session:
        await session.until_running()
        disk.full = True
        session.executor.finish("a//1")
        await until_paused(session)
        with pytest.raises(Refused, match="by itself"):
            await session.conductor.command("session.resume", {})
        disk.full = False
        await session.until_running()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), Exit.DISK),
        (LogError("events 5 to 9 were not written"), Exit.DISK),
        (ExceptionGroup("tasks", [OSError(errno.EIO, "I/O error")]), Exit.DISK),
        (ExceptionGroup("tasks", [ExceptionGroup("more", [LogError("x")])]), Exit.DISK),
        (ExceptionGroup("tasks", [PermissionError("no")]), Exit.PERMISSION),
    ],
)
def test_an_error_of_the_disk_ends_the_host_with_74_however_it_is_wrapped(error: Exception, code: Exit) -> None:
    told = explain(error)
    assert told is not None
    assert told[1] is code


def test_a_group_with_a_defect_in_it_is_a_defect() -> None:
    assert explain(ExceptionGroup("tasks", [OSError("disk"), TypeError("defect")])) is None


async def test_a_command_that_a_full_disk_keeps_from_the_file_is_answered_with_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And whoever goes meanwhile is no longer there, whatever their command waits for."""
    disk = FullDisk()
    async with live_session(tmp_path, chain("a"), log_settings=QUICK, faults=disk) as session:
        await session.until_running()
        feed, other = await session.attach(), await session.attach()
        disk.full = True
        monkeypatch.setattr(conductor, "UNRECORDED_S", 0.1)
        with pytest.raises(CommandRefused, match=r"it was done, but cannot be recorded for now: .*full"):
            await other.command("marker.add", {"label": "here"})
        monkeypatch.setattr(conductor, "UNRECORDED_S", 60.0)
        done = session.conductor.state.seq
        asking = asyncio.create_task(other.command("marker.add", {"label": "there"}))
        async with asyncio.timeout(10):
            while session.conductor.state.seq == done:
                await asyncio.sleep(0.01)
        asking.cancel()
        await other.close()
        await until(feed, lambda feed: len(feed.status.viewers) == 1)
        assert [viewer.id for viewer in session.server.viewers] == [feed.status.viewers[0].id]
        disk.full = False
        await until(feed, lambda feed: not feed.status.trouble)
        await feed.close()
