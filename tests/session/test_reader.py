"""Readers of files that are not what was written: found by whoever reads the changed part, in one line."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from swarmtui.session.errors import Damaged, LogError
from swarmtui.session.heads import read_noted
from swarmtui.session.reader import Reader
from swarmtui.session.state_json import state_hash
from tests.session.files import session_file


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(statement)
        db.commit()


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    await session_file(tmp_path / "s", crash=False)
    return tmp_path / "s" / "session.db"


def test_rows_from_the_middle_are_checked_against_the_one_before(path: Path) -> None:
    with Reader(path) as reader:
        assert [row.seq for row in reader.rows(40, 42)] == [40, 41, 42]
        assert list(reader.rows(1_000)) == []
    change(path, "UPDATE events SET hash = x'00' WHERE seq = 39")
    with Reader(path) as reader:
        with pytest.raises(Damaged, match=r"event 40 is missing or was changed.*`swarmtui recover s`"):
            list(reader.rows(40))
        assert len(list(reader.rows(1, 38))) == 38


def test_a_row_of_the_wrong_types_is_damage_and_no_defect(path: Path) -> None:
    for column in ("data", "type", "node", "ts"):
        change(path, f"UPDATE events SET {column} = x'c328' WHERE seq = 20")
    with Reader(path) as reader:
        with pytest.raises(Damaged, match="event 20"):
            reader.verify()
        with pytest.raises(Damaged, match="event 20"):
            reader.state(use_snapshots=False)


def test_a_snapshot_that_was_changed_costs_time_and_changes_nothing(path: Path) -> None:
    with Reader(path) as reader:
        true = state_hash(reader.state())
        assert reader.query("SELECT count(*) FROM snapshots") == [(1,)]
    change(path, "UPDATE snapshots SET data = CAST(replace(CAST(data AS TEXT), 'Counting', 'Forged!!') AS BLOB)")
    with Reader(path) as reader:
        assert state_hash(reader.state()) == true
    change(path, "DELETE FROM snapshots")
    with Reader(path) as reader:
        assert state_hash(reader.state()) == true


def test_a_blob_that_was_changed_is_found_when_it_is_read(path: Path) -> None:
    with Reader(path) as reader:
        key = reader.query("SELECT sha FROM blobs")[0][0]
        assert reader.blob(key)
        assert reader.blob("no such key") is None
    change(path, "UPDATE blobs SET data = x'00'")
    with Reader(path) as reader, pytest.raises(Damaged, match="was changed"):
        reader.blob(key)


async def test_the_end_of_a_crashed_file_is_missed_when_its_log_is_gone(tmp_path: Path) -> None:
    await session_file(tmp_path / "s", crash=True)
    path = tmp_path / "s" / "session.db"
    with Reader(path) as reader:
        assert reader.verify().seq == 125
    assert max(noted.seq for noted in read_noted(path.with_name("head"))) == 125
    for name in ("session.db-wal", "session.db-shm"):
        path.with_name(name).unlink(missing_ok=True)
    with Reader(path) as reader, pytest.raises(Damaged, match="to 125 are missing from its end"):
        reader.verify()


async def test_after_a_restart_of_the_machine_only_what_was_synced_is_demanded(tmp_path: Path) -> None:
    await session_file(tmp_path / "s", crash=True)
    head = tmp_path / "s" / "head"
    demanded = {noted.seq for noted in read_noted(head)}
    text = head.read_text()
    boot = text.partition('"boot": "')[2].partition('"')[0]
    head.write_text(text.replace(boot, "another-boot"))
    (synced,) = (noted.seq for noted in read_noted(head))
    assert synced == min(demanded)


@pytest.fixture
def read_only_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_file_on_a_disk_that_cannot_be_written_is_read(read_only_disk: Path) -> None:
    await session_file(read_only_disk / "s", crash=False)
    subprocess.run(["mount", "-o", "remount,ro", str(read_only_disk)], check=True)
    with Reader(read_only_disk / "s" / "session.db") as reader:
        assert reader.verify().seq == 125


def test_a_folder_or_nothing_at_all_is_no_session_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none", tmp_path / "none" / "deeper"):
        with pytest.raises(LogError) as refused:
            Reader(path)
        assert str(path) in str(refused.value)
