"""Reading a session file without writing to it: for listing, showing, replay, resume and verification.

Every row that is handed out has been checked against the one before it, so that a file that was changed is found by
whoever reads the changed part.
"""

from __future__ import annotations

import gc
import json
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from swarmtui.plan.model import JSON
from swarmtui.session import fold, migrate
from swarmtui.session.codec import decode_text, happened
from swarmtui.session.errors import Damaged, NewerVersion, first_line
from swarmtui.session.events import Event
from swarmtui.session.file import DB_ERRORS
from swarmtui.session.heads import read_noted
from swarmtui.session.rows import (
    GENESIS,
    SCHEMA,
    Head,
    Row,
    blob_sha,
    chained,
    row_to_event,
    unsealed,
)
from swarmtui.session.snapshots import taken_up
from swarmtui.session.state import SessionState
from swarmtui.session.state_json import PlanMemory

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""What decoding or folding an event raises that is not what was written."""

PAGE_ROWS = 512
"""Rows that are read and checked at a time."""
_LAST = 2**62
_Columns = tuple[Any, ...]
"""A row as the file gave it: none of its types is sure before it is checked."""


class Reader:
    """Read-only view of one session file; a context manager. Opening it never starts work and never changes it."""

    def __init__(self, path: Path) -> None:
        """Open `path`. Raises LogError if it is no session file, damaged beyond opening, or of a newer version."""
        self._path = path
        self._plans = PlanMemory()
        migrate.check_file(path)
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
        with closing(self._pages(from_seq, to_seq)) as pages:
            for page in pages:
                yield from map(Row._make, page)

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
        with without_collector():
            state = self.kept(at) if use_snapshots else fold.empty()
            with closing(self._pages(state.seq + 1, at)) as pages:
                for page in pages:
                    self._fold(state, page)
            return state

    def kept(self, at: int | None = None) -> SessionState:
        """The nearest state before event `at`, or at it, from which :meth:`state` begins to fold; at worst the first.

        It is the caller's own.
        """
        return self._snapshot(at if at is not None else _LAST) or fold.empty()

    def events(self, from_seq: int = 1, to_seq: int | None = None) -> Generator[Event]:
        """:meth:`rows`, decoded."""
        with closing(self._pages(from_seq, to_seq)) as pages:
            for page in pages:
                yield from map(self._event, page)

    def verify(self) -> Head:
        """Check every row against the chain, and the chain against the head file.

        Raises LogError naming the first event that does not fit. A file rewritten from one event on, hashes and all,
        fits itself; it does not fit the head that was noted when the session last paused or ended.
        """
        return self._verify(None)

    def resume(self) -> tuple[Head, SessionState]:
        """:meth:`verify` and :meth:`state` in one pass: only what no snapshot holds is decoded and folded."""
        with without_collector():
            state = self._snapshot(_LAST) or fold.empty()
            return self._verify(state), state

    def _verify(self, state: SessionState | None) -> Head:
        noted = {known.seq: known.hash for known in read_noted(self._path.with_name("head"))}
        head = Head(0, GENESIS, 0.0, 0.0)
        with closing(self._pages(1, None)) as pages:
            for page in pages:
                first = page[0][0]
                for seq, known in noted.items():
                    if 0 <= seq - first < len(page) and page[seq - first][9].hex() != known:
                        why = f"was rewritten: event {seq} is not the one that its head file names"
                        raise Damaged(self._path, why)
                if state is not None and page[-1][0] > state.seq:
                    self._fold(state, page[max(0, state.seq + 1 - first) :])
                last = Row._make(page[-1])
                head = Head(last.seq, last.hash, last.ts, last.mono)
        if (last_noted := max(noted, default=0)) > head.seq:
            raise Damaged(self._path, f"events {head.seq + 1} to {last_noted} are missing from its end")
        return head

    def _fold(self, state: SessionState, page: list[_Columns]) -> None:
        for row in page:
            seq, ts, mono, kind, node, item, attempt, actor, data, _ = row
            try:
                fold.apply(state, happened(seq, ts, mono, decode_text(kind, data, node, item, attempt), actor))
            except UNREADABLE as error:
                raise self._undecodable(row, error) from error

    def _event(self, row: _Columns) -> Event:
        try:
            return row_to_event(Row._make(row))
        except UNREADABLE as error:
            raise self._undecodable(row, error) from error

    def _undecodable(self, row: _Columns, error: Exception) -> Damaged:
        return Damaged(self._path, f"event {row[0]} cannot be read: {first_line(error)}")

    def check_pages(self) -> None:
        """Raises Damaged if the file's own structure is broken anywhere, be it where no event lies."""
        (found,) = self.query("PRAGMA quick_check(1)")[0]
        if found != "ok":
            raise Damaged(self._path, f"damaged: {str(found).splitlines()[-1]}")

    def query(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """All rows of any other question. Raises Damaged."""
        try:
            return self._db.execute(sql, values).fetchall()
        except DB_ERRORS as error:
            raise migrate.unreadable(self._path, error) from error

    def _pages(self, from_seq: int, to_seq: int | None) -> Generator[list[_Columns]]:
        """Rows in order, some hundred at a time, each checked against the one before it; what is intact comes first."""
        previous = GENESIS if from_seq == 1 else None
        for page in self._scan(from_seq, to_seq):
            if previous is None:
                previous = self._hash_at(from_seq - 1)
            fit = chained(page, previous, from_seq)
            from_seq += fit
            if fit:
                previous = page[fit - 1][9]
                yield page[:fit]
            if fit < len(page):
                why = f"event {from_seq} is missing or was changed: the events before it are intact"
                raise Damaged(self._path, why)

    def _scan(self, from_seq: int, to_seq: int | None) -> Generator[list[_Columns]]:
        """Each page is a question of its own: while who asked is slow, no read holds back the log's checkpoints."""
        last = _LAST if to_seq is None else to_seq
        while page := self.query(
            "SELECT * FROM events WHERE seq >= ? AND seq <= ? ORDER BY seq LIMIT ?", (from_seq, last, PAGE_ROWS)
        ):
            yield page
            from_seq = page[-1][0] + 1

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
                    return taken_up(data, self._plans)
            except (*DB_ERRORS, *UNREADABLE):
                continue
            if not found:
                break
        return None

    def _check_header(self) -> None:
        migrate.check_mark(self._path, self._db)
        header = migrate.header_of(self._path, self._db)
        if header.min_reader > SCHEMA:
            raise NewerVersion(self._path, header.app)
        if header.schema < SCHEMA:
            self._db, old = migrate.brought_up_view(self._path, self._db, header), self._db
            old.close()


@contextmanager
def without_collector() -> Iterator[None]:
    """What a state is made of is no garbage: looking for some meanwhile takes a fifth of the time of a resume."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


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
        raise migrate.unreadable(path, error) from error
    return db
