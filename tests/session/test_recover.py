"""``swarmtui recover`` over files that are damaged in one known way; chance is tried in tests/chaos."""

from __future__ import annotations

import argparse
import fcntl
import os
import re
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from swarmtui.cli import recover as command
from swarmtui.cli.console import Console
from swarmtui.cli.failures import UsageError, explain
from swarmtui.host.archive import FileFeed
from swarmtui.host.history import History
from swarmtui.host.lock import locked
from swarmtui.host.spec import LaunchSpec
from swarmtui.session.errors import Damaged
from swarmtui.session.folder import SessionFolder
from swarmtui.session.placing import NameRefused
from swarmtui.session.reader import Reader
from swarmtui.session.rows import SCHEMA
from tests.session.files import fingerprint, session_file

Damage = Callable[[Path], None]


def sql(statement: str) -> Damage:
    def damage(path: Path) -> None:
        with closing(sqlite3.connect(path)) as db:
            db.execute(statement)
            db.commit()

    return damage


def cut(name: str, share: float) -> Damage:
    def damage(path: Path) -> None:
        file = path.with_name(name)
        with file.open("rb+") as opened:
            opened.truncate(int(file.stat().st_size * share))

    return damage


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    sessions = tmp_path / "home" / "state" / "sessions"
    sessions.mkdir(parents=True, mode=0o700)
    sessions.parent.chmod(0o700)
    return sessions


def recover(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.arguments(parser)
    return command.run(parser.parse_args(words), Console())


async def test_what_is_kept_and_lost_is_told_and_the_new_session_can_be_resumed(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await session_file(home / "original", crash=False)
    folder = SessionFolder(home / "original")
    LaunchSpec(cwd="/", goal="count").write(folder)
    (folder.artefacts / "m").mkdir(parents=True)
    (folder.artefacts / "m" / "out.txt").write_text("kept too")
    with Reader(folder.db) as reader:
        rows = list(reader.rows())
    sql("UPDATE events SET data = '{}' WHERE seq = 41")(folder.db)
    before = fingerprint(folder.path)
    assert recover("orig", "-o", "saved") == 0
    said = capsys.readouterr().out
    assert "event 41 is missing or was changed" in said
    assert "kept: events 1 to 40 and 3 recorded texts, until 20" in said
    lost = re.search(rf"lost: events 41 to {len(rows)}, from after (20[-0-9: ]+)( to (20[-0-9: ]+))?$", said, re.M)
    assert lost is not None, said
    assert lost[3] >= lost[1]
    assert "go on with: swarmtui resume saved" in said
    assert fingerprint(folder.path) == before
    saved = SessionFolder(home / "saved")
    with Reader(saved.db) as reader:
        assert reader.verify().seq == 40
        assert list(reader.rows()) == rows[:40]
        assert reader.state().goal == "count"
    assert LaunchSpec.read(saved).goal == "count"
    assert (saved.artefacts / "m" / "out.txt").read_text() == "kept too"
    assert sorted(path.name for path in home.iterdir()) == ["original", "saved"]


@pytest.mark.parametrize(
    ("damage", "least", "told"),
    [
        (sql("PRAGMA application_id = 7"), 125, "not marked as a session file"),
        (sql("DELETE FROM meta"), 125, "header cannot be read"),
        (sql("DELETE FROM events WHERE seq > 100"), 100, "its head file names event 125"),
        (sql("DELETE FROM events WHERE seq = 9"), 8, "event 9 is missing"),
        (sql("DELETE FROM blobs"), 125, "recorded texts are missing"),
        (sql("UPDATE blobs SET data = x'00'"), 125, "recorded texts are missing or were changed"),
        (sql("UPDATE snapshots SET data = x'00'"), 125, "intact"),
        (cut("session.db", 0.7), 0, ""),
        (lambda path: path.with_name("head").write_text("nonsense") and None, 125, "intact"),
    ],
)
async def test_damage_costs_what_it_hit_and_no_more(
    home: Path, capsys: pytest.CaptureFixture[str], damage: Damage, least: int, told: str
) -> None:
    await session_file(home / "original", crash=False)
    damage(home / "original" / "session.db")
    if told:
        assert recover("original", "-o", "saved") == 0
        assert told in capsys.readouterr().out
        with Reader(home / "saved" / "session.db") as reader:
            assert reader.verify().seq == least
    else:
        with pytest.raises(UsageError, match="nothing of it can be saved"):
            recover("original", "-o", "saved")


@pytest.mark.parametrize(
    ("damage", "least"),
    [
        (lambda path: path.with_name("session.db-wal").unlink(), 0),
        (cut("session.db-wal", 0.5), 5),
        (cut("session.db-wal", 0.999), 100),
    ],
)
async def test_a_log_that_is_cut_or_gone_costs_the_end_and_that_is_seen(
    home: Path, capsys: pytest.CaptureFixture[str], damage: Damage, least: int
) -> None:
    await session_file(home / "original", crash=True)
    shutil.rmtree(home / "original.live")
    damage(home / "original" / "session.db")
    with Reader(home / "original" / "session.db") as reader, pytest.raises(Exception, match="to 125 are missing"):
        reader.verify()
    if not least:
        with pytest.raises(UsageError, match="nothing of it can be saved: it has no events"):
            recover("original")
        return
    assert recover("original", "-o", "saved") == 0
    assert "to 125, from after" in capsys.readouterr().out
    with Reader(home / "saved" / "session.db") as reader:
        assert least <= reader.verify().seq < 125


@pytest.mark.parametrize("content", [b"", b"garbage" * 999, b"SQLite format 3\0" + b"\xff" * 9_000])
def test_what_holds_nothing_ends_with_2_and_leaves_nothing(home: Path, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x.db"
    file.write_bytes(content)
    with pytest.raises(UsageError) as refused:
        recover(str(file))
    told = explain(refused.value)
    assert told is not None
    assert told.code == 2
    assert "\n" not in told.message
    assert str(file) in told.message
    assert list(home.iterdir()) == []
    assert file.read_bytes() == content


async def test_a_newer_version_ends_with_5_a_running_session_and_a_wrong_name_with_2(home: Path) -> None:
    await session_file(home / "original", crash=False)
    sql(f"UPDATE meta SET value = '{SCHEMA + 1}' WHERE key = 'min_reader'")(home / "original" / "session.db")
    for words, code in (
        (("original",), 5),
        (("original", "-o", "../x"), 2),
        (("original", "-o", "original"), 2),
        (("./no/such.db",), 2),
    ):
        with pytest.raises((UsageError, NameRefused)) as refused:
            recover(*words)
        told = explain(refused.value)
        assert told is not None
        assert told.code == code
    assert [path.name for path in home.iterdir()] == ["original"]


async def test_a_lone_file_becomes_a_session_that_knows_its_goal(home: Path, tmp_path: Path) -> None:
    await session_file(tmp_path / "elsewhere", crash=False)
    file = tmp_path / "copy of it.db"
    shutil.copyfile(tmp_path / "elsewhere" / "session.db", file)
    assert recover(str(file), "-o", "saved") == 0
    assert LaunchSpec.read(SessionFolder(home / "saved")).goal == "count"


async def test_a_recovery_that_died_leaves_nothing_that_is_in_the_way(home: Path) -> None:
    await session_file(home / "original", crash=False)
    left = home / ".new-left"
    (left / "new").mkdir(parents=True)
    (left / "new" / "session.db").write_bytes(b"half of it")
    busy = home / ".new-busy"
    busy.mkdir()
    (home / "saved").mkdir()  # a name that was taken and never filled
    with pytest.raises(NameRefused, match="there is a session saved already"):
        recover("original", "-o", "saved")
    fd = os.open(busy, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        assert recover("original", "-o", "other") == 0
    finally:
        os.close(fd)
    assert sorted(path.name for path in home.iterdir()) == [".new-busy", "original", "other", "saved"]


async def test_a_recovered_session_is_known_by_its_own_id(home: Path) -> None:
    await session_file(home / "original", crash=False)
    with Reader(home / "original" / "session.db") as reader:
        recorded = reader.state().id
    assert recover("original", "-o", "saved") == 0
    with Reader(home / "saved" / "session.db") as reader:
        assert reader.state().id == recorded, "the events are what they were"
    assert History(SessionFolder(home / "saved")).state().id == "saved"
    feed = await FileFeed.open(SessionFolder(home / "saved"), whole=True)
    try:
        while not feed.at_end:
            await feed.wait()
            feed.drain()
        assert feed.state.id == "saved"
    finally:
        await feed.close()


async def test_a_file_whose_pages_are_broken_where_no_event_lies_is_found_before_a_host_goes_on(home: Path) -> None:
    await session_file(home / "original", crash=False)
    path = home / "original" / "session.db"
    with closing(sqlite3.connect(path)) as db:
        (root,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'snapshots'").fetchone()
    with path.open("rb+") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 64)
    with Reader(path) as reader:
        reader.verify()
        with pytest.raises(Damaged, match=r"damaged: .*`swarmtui recover original`"):
            reader.check_pages()
    assert recover("original", "-o", "saved") == 0
    with Reader(home / "saved" / "session.db") as reader:
        reader.check_pages()
        assert reader.verify().seq == 125


async def test_the_times_of_what_was_lost_are_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await session_file(home / "original", crash=False)
    path = home / "original" / "session.db"
    sql("UPDATE events SET data = '{}' WHERE seq = 41")(path)
    sql("UPDATE events SET ts = 1e9 WHERE seq = 40")(path)
    assert recover("original", "-o", "saved") == 0
    with Reader(home / "saved" / "session.db") as reader:
        assert reader.verify().seq == 39
    when = r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.search(rf"lost: events 40 to 125, from after {when} to {when}$", capsys.readouterr().out, re.M)


def test_what_is_no_file_is_told_as_such(home: Path) -> None:
    (home / "original" / "session.db").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"session\.db: is no file"):
        recover("original")


async def test_a_session_that_a_host_runs_is_not_recovered(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swarmtui.cli.recover.LEAVES_S", 0.1)
    await session_file(home / "original", crash=False)
    with (
        locked(SessionFolder(home / "original")),
        pytest.raises(UsageError, match="a host runs this session") as refused,
    ):
        recover("original")
    assert refused.value.code == 2
    assert [path.name for path in home.iterdir()] == ["original"]


async def test_a_host_that_is_just_leaving_is_waited_for(home: Path) -> None:
    await session_file(home / "original", crash=False)
    with ExitStack() as held:
        held.enter_context(locked(SessionFolder(home / "original")))
        leaving = threading.Timer(0.2, held.close)
        leaving.start()
        assert recover("original", "-o", "saved") == 0
        leaving.join()
    assert (home / "saved" / "session.db").is_file()
