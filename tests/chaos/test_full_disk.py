"""A real disk that is really full: nothing that was told as recorded is lost, and all goes on once there is room."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from swarmtui.session.events import (
    AttemptCancelled,
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    AttemptThrottled,
    Noted,
    SessionPaused,
)
from swarmtui.session.folder import SessionFolder
from swarmtui.session.log import Log, LogError, LogSettings
from swarmtui.session.reader import Reader
from swarmtui.session.recover import recover
from swarmtui.session.rows import row_to_event
from swarmtui.session.trouble import TroubleKind
from swarmtui.session.vocabulary import Status
from tests.host.hosts import hosted, made

pytestmark = pytest.mark.chaos

SIZES_KIB = [320 + 197 * step for step in range(20)]
SETTINGS = LogSettings(retry_s=0.05, close_s=0.5)


@pytest.fixture
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={request.param}k", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> None:
    """Take all the room there is left."""
    with (disk / "ballast").open("ab", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue


def text(number: int) -> Noted:
    return Noted("info", f"{number} " + "x" * 700)


@pytest.mark.parametrize("disk", SIZES_KIB, indirect=True, ids=lambda size: f"{size} KiB")
async def test_a_full_disk_loses_nothing_acknowledged_and_work_goes_on_when_there_is_room(disk: Path) -> None:
    log = await Log.create(disk / "session.db", "test", settings=SETTINGS)
    told: list[TroubleKind | None] = []
    paused: list[int] = []

    def watch(trouble: object) -> None:
        told.append(log.trouble.kind if log.trouble else None)
        if trouble is not None:
            paused.append(log.append(SessionPaused("disk"), durable=True).seq)

    log.watch_trouble(watch)
    acked = 0
    while log.trouble is None:
        event = log.append(text(log.head.seq), durable=log.head.seq % 3 == 0)
        with_room = asyncio.create_task(log.committed(event.seq))
        while not with_room.done() and log.trouble is None:
            await asyncio.sleep(0)
        if with_room.done():
            acked = event.seq
        else:
            with_room.cancel()
    async with asyncio.timeout(10):
        await log.committed(paused[0])  # what the reserve is for
    fill(disk)
    late = [log.append(text(log.head.seq)).seq for _ in range(2_000)]
    assert told[0] is TroubleKind.DISK_FULL
    assert log.committed_seq >= acked
    with Reader(disk / "session.db") as reader:
        assert reader.verify().seq >= log.committed_seq

    (disk / "ballast").unlink()
    waiting = asyncio.create_task(log.committed(late[-1]))
    done, _ = await asyncio.wait({waiting}, timeout=1)
    if not done:  # the disk is smaller than what waits: give it what a user would
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
    async with asyncio.timeout(10):
        await waiting
        while log.trouble is not None:
            await asyncio.sleep(0.01)
    assert told[-1] is None
    await log.close()
    with Reader(disk / "session.db") as reader:
        assert reader.verify().seq == log.head.seq


@pytest.mark.parametrize("disk", [600], indirect=True)
async def test_a_host_that_has_to_leave_a_full_disk_says_what_was_not_written(disk: Path) -> None:
    log = await Log.create(disk / "session.db", "test", settings=SETTINGS)
    await log.committed(log.append(text(0)).seq)
    log.watch_trouble(lambda trouble: fill(disk))
    fill(disk)
    for number in range(1_000):
        log.append(text(number))
    with pytest.raises(LogError, match="were not written"):
        await log.close()
    (disk / "ballast").unlink()
    with Reader(disk / "session.db") as reader:
        assert reader.verify().seq == log.committed_seq


@pytest.mark.parametrize("disk", [600], indirect=True)
async def test_recover_and_a_new_file_on_a_full_disk_leave_nothing_half_made(disk: Path, tmp_path: Path) -> None:
    log = await Log.create(tmp_path / "session.db", "test")
    for number in range(1_000):
        log.append(text(number))
    await log.close()
    (disk / "new").mkdir()
    (tmp_path / "scratch").mkdir()
    with pytest.raises(LogError, match="full"):
        recover(tmp_path / "session.db", disk / "new" / "session.db", "test", tmp_path / "scratch")
    assert list((disk / "new").iterdir()) == []
    shutil.rmtree(disk / "new")
    fill(disk)
    with pytest.raises(LogError, match=r"full|No space"):
        await Log.create(disk / "session.db", "test")
    assert [path.name for path in disk.iterdir()] == ["ballast"]


@pytest.mark.parametrize("disk", [9_000], indirect=True)
def test_a_host_on_a_full_disk_pauses_loses_nothing_and_goes_on_when_there_is_room(disk: Path) -> None:
    """Everything that the session has is on this disk: its file, its artefacts, its host's log."""
    nodes = {
        "m": {"run": ["sh", "-c", "sleep 0.05; echo $0", "{{ n }}"], "map": {"items": list(range(300)), "as": "n"}}
    }
    session = made(disk, {"goal": "many", "limits": {"concurrency": {"commands": 4}}, "nodes": nodes})
    with hosted(disk, session) as host:
        state = host.until(lambda state: state.nodes["m"].items and state.nodes["m"].items.ended > 20)
        assert any("free on its disk" in text for text in noted(session))
        fill(disk)
        state = host.until(lambda state: state.status is Status.PAUSED)
        assert state.reason == "disk", "the reserve has room for what is to be said"
        fill(disk)
        known = Reader(session.db)
        with known:
            rows = list(known.rows())
        (disk / "ballast").unlink()
        assert host.ends(90) == 0, host.log()
        assert host.longest_stall_s() < 1.0
    with Reader(session.db) as reader:
        assert list(reader.rows(1, rows[-1].seq)) == rows
        reader.verify()
        bodies = [row_to_event(row).body for row in reader.rows()]
        final = reader.state()
    assert final.status is Status.SUCCEEDED
    started = Counter(body.item for body in bodies if isinstance(body, AttemptStarted))
    assert started.total() == 300 + sum(isinstance(body, AttemptCancelled | AttemptThrottled) for body in bodies)
    assert [body for body in bodies if isinstance(body, AttemptFailed | AttemptInterrupted)] == []


def noted(session: SessionFolder) -> list[str]:
    with Reader(session.db) as reader:
        bodies = [row_to_event(row).body for row in reader.rows()]
    return [body.message for body in bodies if isinstance(body, Noted)]


def test_a_host_whose_session_is_removed_starts_nothing_more_and_leaves(tmp_path: Path) -> None:
    nodes = {"first": {"run": ["sleep", "4"]}, "second": {"needs": "first", "run": ["touch", "begun"]}}
    session = made(tmp_path, {"goal": "removed meanwhile", "nodes": nodes})
    with hosted(tmp_path, session) as host:
        host.until(lambda state: state.nodes["first"].running)
        shutil.rmtree(session.path.rename(tmp_path / "gone"))  # at once: its host may be writing a file there
        assert host.ends(60) == 74
        assert not (host.work / "begun").exists()
    assert not session.db.exists()
