"""Saving what is intact of a damaged session file into a new one; the file itself is only read.

Work is done on a copy, with its write-ahead log and, should that be what is damaged, without it. Of each, events are
read in order, row by row where a scan fails, for as long as each is chained to the one before it and folds; the longer
of the two prefixes goes into the new file, with the blobs that its events name and whose content fits their key.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import field
from itertools import islice
from pathlib import Path

from swarmtui.frozen import frozen, mutable
from swarmtui.session import fold, migrate
from swarmtui.session.build import FileBuilder
from swarmtui.session.errors import LogError, NewerVersion, first_line
from swarmtui.session.file import DB_ERRORS
from swarmtui.session.heads import read_noted
from swarmtui.session.reader import UNREADABLE
from swarmtui.session.rows import APPLICATION_ID, GENESIS, SCHEMA, Head, Row, blob_sha, blobs_named, fits, row_to_event
from swarmtui.session.state import SessionState


class Unusable(LogError):
    """Not one event of the file is intact."""


@frozen
class Kept:
    """What was kept of a file, and what was not."""

    head: Head
    """The last event that was kept."""
    state: SessionState
    """After that event."""
    last_known: int
    """Seq of the last event of which there is a trace."""
    last_known_ts: float | None
    """Epoch seconds of that event, if it says so."""
    wrong: tuple[str, ...]
    """What is wrong with the file, each in a few words; empty if it is intact."""
    blobs: int
    blobs_lost: int
    """Blobs that kept events name and of which the content is gone."""

    @property
    def lost(self) -> tuple[int, int] | None:
        """First and last seq of the events that were lost; None if there is no trace of any."""
        return (self.head.seq + 1, self.last_known) if self.last_known > self.head.seq else None


@mutable
class _Found:
    """What one reading of the file gives."""

    source: Path
    copy: Path
    head: Head = field(default_factory=lambda: Head(0, GENESIS, 0.0, 0.0))
    state: SessionState | None = field(default_factory=fold.empty)
    """After `head`; None if it must be folded again."""
    last_seen: int = 0
    last_seen_ts: float | None = None
    wrong: list[str] = field(default_factory=list)


def recover(source: Path, target: Path, app: str, scratch: Path) -> Kept:
    """Write what is intact of the file at `source` to a new one at `target`, working in the empty folder `scratch`.

    Raises Unusable, NewerVersion, and LogError or OSError when the new file cannot be written. Blocks.
    """
    found = examine(source, scratch)
    if not found.head.seq:
        why = "; ".join(found.wrong) or "it has no events"
        raise Unusable(f"{source}: nothing of it can be saved: {why}")
    state, blobs, blobs_lost = _write(found, target, app)
    noted = max((known.seq for known in read_noted(source.with_name("head"))), default=0)
    last_known = max(found.head.seq, found.last_seen, noted)
    if noted > max(found.head.seq, found.last_seen):
        found.wrong.append(f"its end is missing: its head file names event {noted}")
    if blobs_lost:
        found.wrong.append(f"{blobs_lost} recorded texts are missing or were changed")
    last_known_ts = found.last_seen_ts if found.last_seen == last_known else None
    return Kept(found.head, state, last_known, last_known_ts, tuple(dict.fromkeys(found.wrong)), blobs, blobs_lost)


def examine(source: Path, scratch: Path) -> _Found:
    """The longest prefix that can be read of `source`. Raises NewerVersion, LogError, OSError."""
    log = source.with_name(f"{source.name}-wal")
    whole, bare = scratch / "whole", scratch / "bare"
    whole.mkdir()
    size = _copy(source, whole / "copy.db")
    if not size:
        return _Found(source, source, wrong=["it is empty"])
    if not log.exists() or not _copy(log, whole / "copy.db-wal"):
        return _read(source, whole / "copy.db")
    # SQLite passes over a log from its first damaged frame on and folds the rest into the file: each way its own copy.
    bare.mkdir()
    _copy(source, bare / "copy.db")
    with_log, without = _read(source, whole / "copy.db"), _read(source, bare / "copy.db")
    best, other = (with_log, without) if with_log.head.seq >= without.head.seq else (without, with_log)
    if other.last_seen > best.last_seen:
        best.last_seen, best.last_seen_ts = other.last_seen, other.last_seen_ts
    return best


def _copy(source: Path, target: Path) -> int:
    """Copy the bytes of `source`, which must be a file; how many there are. Raises OSError."""
    fd = os.open(source, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe would be waited for
    with os.fdopen(fd, "rb") as read, target.open("xb") as write:
        shutil.copyfileobj(read, write, 1024 * 1024)
        return write.tell()


def _read(source: Path, copy: Path) -> _Found:
    found = _Found(source, copy)
    try:
        with closing(sqlite3.connect(copy, timeout=5.0)) as db:
            db.execute("PRAGMA trusted_schema=OFF")
            db.execute("PRAGMA cell_size_check=ON")
            _read_header(found, db)
            for row in _rows(found, db):
                if not _take(found, row):
                    break
            found.last_seen, found.last_seen_ts = max((found.head.seq, found.head.ts), _last_seen(db))
    except DB_ERRORS as error:
        found.wrong.append(first_line(error))
    return found


def _read_header(found: _Found, db: sqlite3.Connection) -> None:
    application = db.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION_ID:
        found.wrong.append("it is not marked as a session file")
    try:
        header = migrate.header_of(found.source, db)
        if header.min_reader > SCHEMA:
            raise NewerVersion(found.source, header.app)
        if header.schema < SCHEMA:
            migrate.bring_up(found.copy, header.app)
    except NewerVersion:
        raise
    except LogError:
        found.wrong.append("its header cannot be read")


def _rows(found: _Found, db: sqlite3.Connection) -> Iterator[Row]:
    """Rows from the first event on, scanned, and one by one from where the scan fails."""
    expected = 1
    try:
        with closing(db.execute("SELECT * FROM events ORDER BY seq")) as cursor:
            for values in cursor:
                yield Row(*values)
                expected += 1
    except DB_ERRORS as error:
        found.wrong.append(f"event {expected}: {first_line(error)}")
        while (row := _row(db, expected)) is not None:
            yield row
            expected += 1


def _row(db: sqlite3.Connection, seq: int) -> Row | None:
    with suppress(*DB_ERRORS):
        values = db.execute("SELECT * FROM events WHERE seq = ?", (seq,)).fetchone()
        return None if values is None else Row(*values)
    return None


def _take(found: _Found, row: Row) -> bool:
    """Add `row` to what was found, if it is the next one."""
    seq = found.head.seq + 1
    if row.seq != seq or not fits(found.head.hash, row):
        found.wrong.append(f"event {seq} is missing or was changed")
        return False
    try:
        if found.state is not None:
            fold.apply(found.state, row_to_event(row))
    except UNREADABLE as error:
        found.wrong.append(f"event {seq} cannot be read: {first_line(error)}")
        found.state = None  # the fold may have gone half the way
        return False
    found.head = Head(seq, row.hash, row.ts, row.mono)
    return True


def _last_seen(db: sqlite3.Connection) -> tuple[int, float]:
    """The highest seq of any row that can be read, whatever is in it, and when that was; zeros if there is none."""
    with suppress(*DB_ERRORS, *UNREADABLE):
        found = db.execute("SELECT seq, ts FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        if found is not None:
            return int(found[0]), float(found[1])
    return 0, 0.0


def _write(found: _Found, target: Path, app: str) -> tuple[SessionState, int, int]:
    """Copy the kept events and the blobs that they name; the state, the blobs kept and those lost."""
    wanted: set[str] = set()
    needed: set[str] = set()
    with closing(sqlite3.connect(found.copy)) as old, FileBuilder(target, app) as new:
        for row in islice(_rows(_Found(found.source, found.copy), old), found.head.seq):
            new.copy(row)
            for key, sure in blobs_named(row.data):
                wanted.add(key)
                if sure:
                    needed.add(key)
        kept = {key for key in sorted(wanted) if _copy_blob(old, new, key)}
        new.meta("recovered", {"from": str(found.source), "kept": found.head.seq})
        new.done()
    return new.state, len(kept), len(needed - kept)


def _copy_blob(old: sqlite3.Connection, new: FileBuilder, key: str) -> bool:
    try:
        found = old.execute("SELECT data FROM blobs WHERE sha = ?", (key,)).fetchone()
    except DB_ERRORS:
        return False
    if found is None or not isinstance(found[0], bytes) or blob_sha(found[0]) != key:
        return False
    new.blob(found[0])
    return True
