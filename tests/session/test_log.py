"""The log over real SQLite files."""

from __future__ import annotations

import asyncio
import json
import math
import sqlite3
import stat
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.session.codec import event_from_json
from swarmtui.session.events import Noted
from swarmtui.session.faults import Faults
from swarmtui.session.folder import SessionFolder, SessionMissing, find_session, new_session_folder
from swarmtui.session.log import Log, LogError, LogSettings
from swarmtui.session.reader import Reader
from swarmtui.session.rows import APPLICATION_ID, Row, chain, row_to_event, row_to_line


def note(text: str) -> Noted:
    return Noted("info", text)


async def written(path: Path, count: int) -> Path:
    """A closed session file with `count` notes."""
    log = await Log.create(path, "test")
    for index in range(count):
        log.append(note(f"event {index + 1}"))
    await log.close()
    return path


async def test_what_is_appended_is_read_back_in_order_with_its_numbers(tmp_path: Path) -> None:
    await written(tmp_path / "session.db", 50)
    with Reader(tmp_path / "session.db") as reader:
        events = [row_to_event(row) for row in reader.rows()]
    assert [event.seq for event in events] == list(range(1, 51))
    assert [event.body for event in events] == [note(f"event {index + 1}") for index in range(50)]
    assert all(later.mono >= earlier.mono for earlier, later in pairwise(events))


async def test_events_appended_together_share_a_commit(tmp_path: Path) -> None:
    log = await Log.create(tmp_path / "session.db", "test")
    commits = 0
    real = log._db.commit

    async def counted() -> None:
        nonlocal commits
        commits += 1
        await real()

    log._db.commit = counted  # type: ignore[method-assign]
    for index in range(1_000):
        log.append(note(str(index)))
    await log.flushed()
    assert commits <= 2
    await log.close()


async def test_nobody_is_told_of_an_event_before_it_is_in_the_file(tmp_path: Path) -> None:
    log = await Log.create(tmp_path / "session.db", "test")
    event = log.append(note("x"))
    assert log.committed_seq < event.seq
    await log.committed(event.seq)
    with Reader(tmp_path / "session.db") as reader:
        assert reader.last_seq() == event.seq
    await log.close()


async def test_a_reader_waits_for_the_next_event_and_gets_it_from_memory_or_file(tmp_path: Path) -> None:
    log = await Log.create(tmp_path / "session.db", "test")
    waiting = asyncio.create_task(log.after(0))
    log.append(note("first"))
    await waiting
    assert [row.seq for row in await log.rows(1, 10)] == [1]
    log._tail.clear()
    assert [row.seq for row in await log.rows(1, 10)] == [1]
    await log.close()


async def test_a_line_of_the_wire_is_the_event(tmp_path: Path) -> None:
    await written(tmp_path / "session.db", 3)
    with Reader(tmp_path / "session.db") as reader:
        for row in reader.rows():
            assert event_from_json(json.loads(row_to_line(row))) == row_to_event(row)


async def test_blobs_are_kept_once_and_read_in_parts(tmp_path: Path) -> None:
    log = await Log.create(tmp_path / "session.db", "test")
    sha = log.put_blob(b"0123456789")
    assert log.put_blob(b"0123456789") == sha
    assert await log.blob(sha, 2, 3) == b"234"
    log.append(note("x"))
    await log.flushed()
    assert await log.blob(sha) == b"0123456789"
    assert await log.blob(sha, 8, 10) == b"89"
    assert await log.blob("none") is None
    await log.close()


async def test_the_file_is_private_and_marked_as_ours(tmp_path: Path) -> None:
    path = await written(tmp_path / "session.db", 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID


async def test_a_second_file_in_the_same_place_is_refused(tmp_path: Path) -> None:
    path = await written(tmp_path / "session.db", 1)
    with pytest.raises(LogError, match="cannot make"):
        await Log.create(path, "test")


async def test_another_host_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    path = await written(tmp_path / "session.db", 5)
    with Reader(path) as reader:
        head = reader.verify()
    log = await Log.open(path, head)
    event = log.append(note("six"))
    await log.close()
    assert event.seq == 6
    assert event.mono >= head.mono
    with Reader(path) as reader:
        assert reader.verify().seq == 6


@pytest.mark.parametrize(
    "damage",
    [
        'UPDATE events SET data = \'{"level":"info","message":"forged"}\' WHERE seq = 7',
        "UPDATE events SET ts = ts + 1 WHERE seq = 7",
        "UPDATE events SET actor = 'somebody' WHERE seq = 7",
        "DELETE FROM events WHERE seq = 7",
        "UPDATE events SET hash = x'00' WHERE seq = 7",
    ],
)
async def test_a_changed_event_is_found_and_named(tmp_path: Path, damage: str) -> None:
    path = await written(tmp_path / "session.db", 10)
    with closing(sqlite3.connect(path)) as db:
        db.execute(damage)
        db.commit()
    with Reader(path) as reader, pytest.raises(LogError, match="event 7"):
        reader.verify()


@pytest.mark.parametrize("forgery", [{"data": "[]"}, {"ts": math.inf}, {"mono": -math.inf}])
async def test_an_event_that_makes_no_sense_is_told_with_its_number(tmp_path: Path, forgery: dict[str, object]) -> None:
    path = await written(tmp_path / "session.db", 3)
    with closing(sqlite3.connect(path)) as db:
        rows = [Row(*row) for row in db.execute("SELECT * FROM events ORDER BY seq")]
        forged = rows[1]._replace(**forgery)  # type: ignore[arg-type]
        ((column, value),) = forgery.items()
        found = f"UPDATE events SET {column} = ?, hash = ? WHERE seq = 2"
        db.execute(found, (value, chain(rows[0].hash, forged)))
        db.commit()
    with Reader(path) as reader, pytest.raises(LogError, match="event 2 cannot be read"):
        reader.state()
    with Reader(path) as reader, pytest.raises(LogError, match="event 2 cannot be read"):
        list(reader.events())


async def test_a_file_that_was_rewritten_with_its_hashes_does_not_fit_its_head(tmp_path: Path) -> None:
    path = await written(tmp_path / "session.db", 4)
    (tmp_path / "forged").mkdir()
    forged = await written(tmp_path / "forged" / "session.db", 4)
    (tmp_path / "forged" / "head").write_text((tmp_path / "head").read_text())
    with Reader(path) as reader:
        assert reader.verify().seq == 4
    with Reader(forged) as reader, pytest.raises(LogError, match="was rewritten: event 4"):
        reader.verify()


async def test_a_lost_tail_is_found(tmp_path: Path) -> None:
    path = await written(tmp_path / "session.db", 10)
    with closing(sqlite3.connect(path)) as db:
        db.execute("DELETE FROM events WHERE seq > 8")
        db.commit()
    with Reader(path) as reader, pytest.raises(LogError, match="9 to 10 are missing"):
        reader.verify()


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 50, b"SQLite format 3\x00" + b"\xff" * 4_000])
def test_what_is_no_session_file_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "session.db"
    path.write_bytes(content)
    with pytest.raises(LogError) as refused:
        Reader(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert path.read_bytes() == content


async def test_a_file_of_a_newer_version_is_refused_with_the_version_that_wrote_it(tmp_path: Path) -> None:
    path = await written(tmp_path / "session.db", 1)
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'min_reader'")
        db.execute("UPDATE meta SET value = '\"9.9\"' WHERE key = 'app'")
        db.commit()
    with pytest.raises(LogError, match=r"swarmtui 9\.9, needs a newer version"):
        Reader(path)


async def test_a_head_that_cannot_be_noted_keeps_no_log_from_closing(tmp_path: Path) -> None:
    (tmp_path / "head").mkdir()
    log = await Log.create(tmp_path / "session.db", "test")
    log.append(note("precious"))
    await log.close()
    with Reader(tmp_path / "session.db") as reader:
        assert reader.last_seq() == 1


async def test_a_summary_that_was_not_committed_is_written_again(tmp_path: Path) -> None:
    faults = Faults({"commit.written": ("full", 1)})
    log = await Log.create(tmp_path / "session.db", "test", settings=LogSettings(retry_s=0.01), faults=faults)
    log.set_summary(lambda: {"status": "running"})
    await log.committed(log.append(note("precious")).seq)
    await log.close()
    with Reader(tmp_path / "session.db") as reader:
        assert reader.meta("summary") == {"status": "running"}


@given(text=st.text(alphabet=st.characters(codec=None, exclude_categories=())))
@settings(max_examples=30, deadline=None)
def test_any_text_survives_the_file_even_what_is_no_unicode(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("log")

    async def round_trip() -> str:
        log = await Log.create(folder / "session.db", "test")
        log.append(note(text))
        await log.close()
        with Reader(folder / "session.db") as reader:
            reader.verify()
            body = row_to_event(next(reader.rows())).body
        assert isinstance(body, Noted)
        return body.message

    assert asyncio.run(round_trip()) == text


def test_a_session_is_found_by_any_beginning_that_fits_it_alone(tmp_path: Path) -> None:
    made = [new_session_folder(tmp_path) for _ in range(3)]
    for folder in made:
        folder.db.touch()
    (tmp_path / "aaaa1111").mkdir()
    (tmp_path / "aaaa2222").mkdir()
    SessionFolder(tmp_path / "aaaa1111").db.touch()
    SessionFolder(tmp_path / "aaaa2222").db.touch()
    assert find_session(tmp_path, made[0].id) == made[0]
    assert find_session(tmp_path, "aaaa1").id == "aaaa1111"
    with pytest.raises(SessionMissing, match="give more of the ID"):
        find_session(tmp_path, "aaaa")
    for hostile in ("../x", "", "a/b", "-rf", "\n"):
        with pytest.raises(SessionMissing):
            find_session(tmp_path, hostile)


async def test_the_summary_has_what_was_recorded_at_the_latest_a_moment_after(tmp_path: Path) -> None:
    """A listing folds no long file: what its host kept last is what is shown, for as long as viewers keep the host."""
    log = await Log.create(tmp_path / "session.db", "test")
    log.set_summary(lambda: {"seq": log.head.seq})

    def kept() -> object:
        with Reader(tmp_path / "session.db") as reader:
            return reader.meta("summary")

    await log.committed(log.append(note("begins")).seq)
    ended = log.append(note("over"), durable=True)
    await log.committed(ended.seq)
    assert kept() == {"seq": ended.seq}, "who was told of the end finds it listed"

    late = log.append(note("late"))  # and whatever else is recorded needs no further event to be in it
    await log.committed(late.seq)
    async with asyncio.timeout(20):
        while kept() != {"seq": late.seq}:
            await asyncio.sleep(0.02)
    await log.close()
