"""The log over a disk that takes nothing for a while, or never again."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from swarmtui.session import trouble
from swarmtui.session.errors import Damaged, LogClosed
from swarmtui.session.events import Noted, SessionPaused
from swarmtui.session.faults import Faults
from swarmtui.session.log import Log, LogError, LogSettings
from swarmtui.session.reader import Reader
from swarmtui.session.rows import row_to_event
from swarmtui.session.trouble import Reserve, Trouble, TroubleKind, free_bytes, kind_of

QUICK = LogSettings(retry_s=0.02, busy_s=0.05, close_s=0.3)


def note(text: str) -> Noted:
    return Noted("info", text)


async def opened(tmp_path: Path, settings: LogSettings = QUICK, **armed: tuple[str, int]) -> tuple[Log, list[object]]:
    """A log whose points are armed (``commit_before=("full", 1)``), and what its watcher was told."""
    faults = Faults({name.replace("_", "."): what for name, what in armed.items()})
    log = await Log.create(tmp_path / "session.db", "test", settings=settings, faults=faults)
    told: list[object] = []
    log.watch_trouble(lambda trouble: told.append(trouble.kind if trouble else None))
    return log, told


@pytest.mark.parametrize("kind", ["full", "io", "locked"])
@pytest.mark.parametrize("point", ["commit_before", "commit_written", "sync_before"])
async def test_what_could_not_be_written_is_written_later_and_nobody_is_told_before(
    tmp_path: Path, kind: str, point: str
) -> None:
    log, told = await opened(tmp_path, **{point: (kind, 1)})
    over = asyncio.Event()
    log.watch_trouble(lambda trouble: None if trouble else over.set())
    event = log.append(note("precious"))
    await log.committed(event.seq)
    async with asyncio.timeout(5):
        if point == "sync_before":
            await log.close()
        else:
            await over.wait()
            await log.close()
    expected = {"full": "disk_full", "io": "io", "locked": "locked"}[kind]
    assert told == [expected, None]
    assert log.trouble is None
    with Reader(tmp_path / "session.db") as reader:
        assert reader.verify().seq == 1


async def test_an_event_appended_when_trouble_is_told_goes_into_the_file_with_the_rest(tmp_path: Path) -> None:
    log, _ = await opened(tmp_path, commit_before=("full", 1))
    log.watch_trouble(lambda trouble: log.append(SessionPaused("disk")) if trouble else None)
    await log.committed(log.append(note("precious")).seq)
    await log.committed(2)
    await log.close()
    with Reader(tmp_path / "session.db") as reader:
        assert [row.type for row in reader.rows()] == ["noted", "session_paused"]


async def test_a_file_that_somebody_else_keeps_locked_is_waited_for(tmp_path: Path) -> None:
    log, told = await opened(tmp_path)
    await log.flushed()
    trouble = asyncio.Event()
    log.watch_trouble(lambda found: trouble.set() if found else None)
    with closing(sqlite3.connect(tmp_path / "session.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        event = log.append(note("precious"))
        async with asyncio.timeout(10):
            await trouble.wait()
        assert log.committed_seq < event.seq
        assert isinstance(log.trouble, Trouble)
        assert log.trouble.kind is TroubleKind.LOCKED
        other.execute("ROLLBACK")
    async with asyncio.timeout(10):
        await log.committed(event.seq)
    await log.close()
    assert told == ["locked", None]


@pytest.mark.parametrize("busy", [True, False], ids=["with something to write", "idle"])
async def test_a_file_that_is_removed_or_moved_away_is_noticed_and_writing_goes_on_once_it_is_back(
    tmp_path: Path, busy: bool
) -> None:
    folder, elsewhere = tmp_path / "here", tmp_path / "elsewhere"
    folder.mkdir()
    log, told = await opened(folder, LogSettings(retry_s=0.02, close_s=0.3, look_s=0.02))
    changed = asyncio.Event()
    log.watch_trouble(lambda trouble: changed.set())
    await log.committed(log.append(note("kept")).seq)
    folder.rename(elsewhere)
    async with asyncio.timeout(5):
        while busy and not changed.is_set():
            log.append(note("more"))
            await asyncio.sleep(0)
        await changed.wait()
    assert told == ["gone"]
    assert log.trouble is not None
    assert str(folder) in log.trouble.message
    event = log.append(note("precious"))
    changed.clear()
    elsewhere.rename(folder)
    async with asyncio.timeout(5):
        await changed.wait()
        await log.committed(event.seq)
    await log.close()
    assert told == ["gone", None]
    with Reader(folder / "session.db") as reader:
        assert reader.verify().seq == event.seq


async def test_another_file_of_that_name_is_not_the_one_that_was_removed(tmp_path: Path) -> None:
    log, told = await opened(tmp_path, LogSettings(retry_s=0.02, close_s=0.0, look_s=0.02))
    gone = asyncio.Event()
    log.watch_trouble(lambda trouble: gone.set())
    (tmp_path / "session.db").rename(tmp_path / "kept.db")
    (tmp_path / "session.db").touch()
    async with asyncio.timeout(5):
        await gone.wait()
    log.append(note("lost"))
    with pytest.raises(LogError, match="were not written"):
        await log.close()
    assert told == ["gone"]


async def test_what_waits_in_memory_has_a_limit(tmp_path: Path) -> None:
    settings = LogSettings(retry_s=60, ram_bytes=10_000, close_s=0.0)
    log, told = await opened(tmp_path, settings, commit_before=("io", 1))
    log.append(note("first"))
    async with asyncio.timeout(5):
        while not told:
            await asyncio.sleep(0)
    for _ in range(9):
        log.append(note("x" * 1_000))
    with pytest.raises(LogError, match="no more can"):
        log.append(note("x" * 1_000))
    assert log.head.seq == 10
    with pytest.raises(LogError):
        log.put_blob(b"x" * 10_000)
    await log.close()
    with Reader(tmp_path / "session.db") as reader:
        assert reader.verify().seq == log.head.seq


async def test_closing_gives_up_on_a_disk_that_takes_nothing_and_says_what_was_not_written(tmp_path: Path) -> None:
    log, _ = await opened(tmp_path)
    await log.committed(log.append(note("kept")).seq)
    with closing(sqlite3.connect(tmp_path / "session.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(log.committed(log.append(note("lost")).seq))
        async with asyncio.timeout(10):
            with pytest.raises(LogError, match="events 2 to 2 were not written"):
                await log.close()
        with pytest.raises(LogError):
            await waiting
        other.execute("ROLLBACK")
    with Reader(tmp_path / "session.db") as reader:
        assert reader.verify().seq == 1


async def test_a_second_writer_ends_the_log_and_whoever_waits_or_appends_is_told(tmp_path: Path) -> None:
    log, _ = await opened(tmp_path)
    await log.committed(log.append(note("one")).seq)
    with closing(sqlite3.connect(tmp_path / "session.db")) as other:
        other.execute("INSERT INTO events SELECT 2, ts, mono, type, node, item, attempt, actor, data, hash FROM events")
        other.commit()
    event = log.append(note("two"))
    with pytest.raises(LogError, match="another process has written"):
        await log.committed(event.seq)
    with pytest.raises(LogError, match="another process has written"):
        log.append(note("three"))
    async with asyncio.timeout(5):
        await log.after(event.seq)
        with pytest.raises(LogError, match="another process"):
            await log.close()


async def test_reading_from_a_damaged_file_is_an_error_of_this_package(tmp_path: Path) -> None:
    log, _ = await opened(tmp_path)
    sha = log.put_blob(b"x" * 50_000)
    await log.committed(log.append(note("one")).seq)
    log._tail.clear()
    with closing(sqlite3.connect(tmp_path / "session.db")) as other:
        other.execute("UPDATE blobs SET data = zeroblob(10)")
        other.commit()
        with pytest.raises(Damaged, match="was changed; `swarmtui recover"):
            await log.blob(sha)
        other.execute("DROP TABLE events")
        other.execute("DROP TABLE blobs")
        other.commit()
    with pytest.raises(Damaged, match="`swarmtui recover"):
        await log.rows(1, 10)
    with pytest.raises(Damaged, match="`swarmtui recover"):
        await log.blob(sha, 0, 5)
    await log.close()
    with pytest.raises(LogClosed):
        await log.rows(1, 10)
    with pytest.raises(LogClosed):
        await log.blob(sha)


async def test_a_file_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="cannot make the session file"):
        await Log.create(tmp_path / "no/such/session.db", "test")
    with pytest.raises(LogError, match="disk is full"):
        await Log.create(tmp_path / "session.db", "test", faults=Faults({"create.made": ("full", 1)}))
    assert list(tmp_path.iterdir()) == []
    log = await Log.create(tmp_path / "session.db", "test")
    await log.close()


async def test_what_a_host_left_that_died_while_making_the_file_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "session.db.new").write_bytes(b"half")
    (tmp_path / "session.db-wal").write_bytes(b"of a file that is gone")
    log = await Log.create(tmp_path / "session.db", "test")
    log.append(note("one"))
    await log.close()
    with Reader(tmp_path / "session.db") as reader:
        assert reader.verify().seq == 1


def test_a_kind_is_told_from_the_code_else_the_words_else_the_room_left(tmp_path: Path) -> None:
    assert kind_of(OSError(28, "No space left on device"), tmp_path) is TroubleKind.DISK_FULL
    assert kind_of(OSError(5, "I/O error"), tmp_path) is TroubleKind.IO
    assert kind_of(sqlite3.OperationalError("database or disk is full"), tmp_path) is TroubleKind.DISK_FULL
    assert kind_of(sqlite3.OperationalError("disk I/O error"), tmp_path) is TroubleKind.IO
    assert kind_of(sqlite3.OperationalError("disk I/O error"), tmp_path / "gone") is TroubleKind.DISK_FULL
    assert kind_of(sqlite3.DatabaseError("database disk image is malformed"), tmp_path) is None
    assert kind_of(sqlite3.IntegrityError("UNIQUE constraint failed: events.seq"), tmp_path) is None


def test_a_reserve_takes_a_quarter_of_what_is_free_at_most_and_comes_back_with_its_size(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", 100_000)
    assert reserve.take()
    size = (tmp_path / "reserve").stat().st_size
    assert 0 < size <= min(100_000, free_bytes(tmp_path) // 4)
    assert reserve.free()
    assert not (tmp_path / "reserve").exists()
    assert not reserve.free()
    assert reserve.take()
    assert (tmp_path / "reserve").stat().st_size == size
    reserve.drop()
    assert os.listdir(tmp_path) == []


async def test_the_reserve_that_a_dead_host_left_is_the_next_ones(tmp_path: Path) -> None:
    path = tmp_path / "reserve"
    left = Reserve(path, 1 << 20)
    assert left.take()
    size = path.stat().st_size
    with (tmp_path / "db").open("wb"):
        after = Reserve(path, 1 << 20)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(trouble, "free_bytes", lambda folder: 0)  # nothing else is left on the disk
            assert after.take()
            assert path.stat().st_size == size
            assert after.free(), "and gives it up as its own"
    assert not path.exists()


async def test_a_closed_log_leaves_no_reserve_and_the_next_host_reads_what_the_last_one_wrote(tmp_path: Path) -> None:
    log, _ = await opened(tmp_path)
    assert (tmp_path / "reserve").stat().st_size == QUICK.reserve_bytes
    log.append(note("one"))
    await log.close()
    assert sorted(os.listdir(tmp_path)) == ["head", "session.db"]
    with Reader(tmp_path / "session.db") as reader:
        assert [row_to_event(row).body for row in reader.rows()] == [note("one")]


def test_a_disk_that_is_nearly_full_is_told_of_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trouble, "free_bytes", lambda folder: 5 << 20)
    assert "5 MiB are free" in str(trouble.little_room(tmp_path))
    monkeypatch.setattr(trouble, "free_bytes", lambda folder: 5 << 30)
    assert trouble.little_room(tmp_path) is None
