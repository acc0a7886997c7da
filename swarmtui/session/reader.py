"""Reading a session file without writing to it: for listing, showing, replay, resume and verification.

Every row that is handed out has been checked against the one before it, so that a file that was changed is found by
whoever reads the changed part.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

from swarmtui.plan.model import JSON
from swarmtui.session import fold, migrate
from swarmtui.session.errors import DB_ERRORS, Damaged, LogError, NewerVersion, first_line
from swarmtui.session.heads import read_noted
from swarmtui.session.rows import (
    APPLICATION_ID,
    GENESIS,
    SCHEMA,
    Head,
    Row,
    blob_sha,
    fits,
    row_to_event,
    unsealed,
)
from swarmtui.session.state import SessionState, state_from_json

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""What decoding or folding an event raises that is not what was written."""

_LAST = 2**62


class Reader:
    """Read-only view of one session file; a context manager. Opening it never starts work and never changes it."""

    def __init__(self, path: Path) -> None:
        """Open `path`. Raises LogError if it is no session file, damaged beyond opening, or of a newer version."""
        self._path = path
        try:
            if path.stat().st_size == 0:
                raise Damaged(path, "is empty")
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            raise LogError(f"{path}: {'no such session file' if missing else error.strerror}") from error
        self._db = _connect(path)
        try:
            self._check_header()
        except BaseException:
            self._db.close()
            raise

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def meta(self, key: str) -> JSON:
        """A value of the meta table; None if it is not there."""
        found = self.query("SELECT value FROM meta WHERE key = ?", (key,))
        try:
            return json.loads(found[0][0]) if found else None
        except (ValueError, TypeError) as error:
            raise Damaged(self._path, f"its {key} cannot be read") from error

    def rows(self, from_seq: int = 1, to_seq: int | None = None) -> Generator[Row]:
        """Rows in order, streamed; `to_seq` is included. Raises Damaged at the first one that is not what was written.

        Rows before `from_seq` are not looked at, so that the first one is checked against the hash before it alone.
        """
        previous, expected = GENESIS, from_seq
        for row in self._scan(from_seq, to_seq):
            if row.seq == from_seq > 1:
                previous = self._hash_at(from_seq - 1)
            if row.seq != expected or not fits(previous, row):
                raise Damaged(
                    self._path, f"event {expected} is missing or was changed: the events before it are intact"
                )
            previous, expected = row.hash, expected + 1
            yield row

    def last_seq(self) -> int:
        """Seq of the last event; 0 if there is none."""
        return int(self.query("SELECT coalesce(max(seq), 0) FROM events")[0][0])

    def blob(self, sha: str, offset: int = 0, length: int | None = None) -> bytes | None:
        """`length` bytes of a blob from `offset`; None if there is no such blob."""
        found = self.query("SELECT data FROM blobs WHERE sha = ?", (sha,))
        if not found:
            return None
        if not isinstance(found[0][0], bytes) or blob_sha(found[0][0]) != sha:
            raise Damaged(self._path, f"blob {sha} was changed")
        return found[0][0][offset:] if length is None else found[0][0][offset : offset + length]

    def state(self, at: int | None = None, *, use_snapshots: bool = True) -> SessionState:
        """The state after event `at` (None: the last), from the nearest snapshot before it."""
        limit = at if at is not None else _LAST
        state = (self._snapshot(limit) if use_snapshots else None) or fold.empty()
        with closing(self.rows(state.seq + 1, at)) as rows:
            for row in rows:
                try:
                    fold.apply(state, row_to_event(row))
                except UNREADABLE as error:
                    raise Damaged(self._path, f"event {row.seq} cannot be read: {first_line(error)}") from error
        return state

    def verify(self) -> Head:
        """Check every row against the chain, and the chain against the head file.

        Raises LogError naming the first event that does not fit. A file rewritten from one event on, hashes and all,
        fits itself; it does not fit the head that was noted when the session last paused or ended.
        """
        noted = {known.seq: known.hash for known in read_noted(self._path.with_name("head"))}
        head = Head(0, GENESIS, 0.0, 0.0)
        with closing(self.rows()) as rows:
            for row in rows:
                if row.seq in noted and noted[row.seq] != row.hash.hex():
                    raise Damaged(self._path, f"was rewritten: event {row.seq} is not the one that its head file names")
                head = Head(row.seq, row.hash, row.ts, row.mono)
        last = max(noted, default=0)
        if last > head.seq:
            raise Damaged(self._path, f"events {head.seq + 1} to {last} are missing from its end")
        return head

    def query(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """All rows of any other question. Raises Damaged."""
        try:
            return self._db.execute(sql, values).fetchall()
        except DB_ERRORS as error:
            raise _unreadable(self._path, error) from error

    def _scan(self, from_seq: int, to_seq: int | None) -> Generator[Row]:
        sql = "SELECT * FROM events WHERE seq >= ? AND seq <= ? ORDER BY seq"
        values = (from_seq, to_seq if to_seq is not None else _LAST)
        try:
            with closing(self._db.execute(sql, values)) as cursor:
                for row in cursor:
                    yield Row(*row)
        except DB_ERRORS as error:
            raise _unreadable(self._path, error) from error

    def _hash_at(self, seq: int) -> bytes:
        found = self.query("SELECT hash FROM events WHERE seq = ?", (seq,))
        if not found or not isinstance(found[0][0], bytes):
            raise Damaged(self._path, f"event {seq} is missing or was changed")
        return found[0][0]

    def _snapshot(self, limit: int) -> SessionState | None:
        """The latest state kept up to event `limit` that is what was written: one that is not only costs time."""
        sql = (
            "SELECT snapshots.data, events.hash FROM snapshots JOIN events USING (seq) "
            "WHERE seq <= ? ORDER BY seq DESC LIMIT 1 OFFSET ?"
        )
        for skipped in range(3):
            try:
                found = self._db.execute(sql, (limit, skipped)).fetchall()
                data = unsealed(found[0][1], found[0][0]) if found else None
                if data is not None:
                    return state_from_json(json.loads(data))
            except (*DB_ERRORS, *UNREADABLE):
                continue
            if not found:
                break
        return None

    def _check_header(self) -> None:
        application = self.query("PRAGMA application_id")[0][0]
        if application != APPLICATION_ID:
            raise Damaged(self._path, "not a swarmtui session file")
        header = migrate.header_of(self._path, self._db)
        if header.min_reader > SCHEMA:
            raise NewerVersion(self._path, header.app)
        if header.schema < SCHEMA:
            self._db, old = migrate.brought_up_view(self._path, self._db, header), self._db
            old.close()


def _connect(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. Where not even the index of a log may be made beside the file, without that."""
    uri = path.absolute().as_uri()
    log = path.with_name(f"{path.name}-wal")
    try:
        db = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=5.0)
        try:
            db.execute("PRAGMA trusted_schema=OFF")
            db.execute("PRAGMA schema_version").fetchone()
        except sqlite3.OperationalError as error:
            db.close()
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            if log.exists() and log.stat().st_size:
                raise
            db = sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True, timeout=5.0)
            db.execute("PRAGMA trusted_schema=OFF")
    except (*DB_ERRORS, OSError) as error:
        raise _unreadable(path, error) from error
    return db


def _unreadable(path: Path, error: BaseException) -> LogError:
    """A file that somebody keeps locked or a disk that fails is not damaged."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if isinstance(error, OSError) or code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN):
        return LogError(f"{path}: cannot be read: {first_line(error)}")
    return Damaged(path, f"damaged: {first_line(error)}")
