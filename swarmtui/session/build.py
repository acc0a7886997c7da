"""Making a session file of events that are there already: of another session's, or of another program's.

A host appends what happens, as it happens, through :class:`~swarmtui.session.log.Log`; here everything is known at
once, so that one transaction holds it all.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from swarmtui.plan.model import JSON
from swarmtui.session import fold
from swarmtui.session.errors import LogError, first_line
from swarmtui.session.events import Body, Event
from swarmtui.session.faults import Faults
from swarmtui.session.file import DB_ERRORS, make
from swarmtui.session.heads import write_head
from swarmtui.session.reader import Reader
from swarmtui.session.rows import GENESIS, Head, Row, blob_sha, blobs_named, fits, make_row, row_to_event, sealed
from swarmtui.session.snapshots import Snapshots
from swarmtui.session.state import SessionState
from swarmtui.session.summary import summary


class FileBuilder:
    """A new session file at `path`, which must not exist; a context manager, and what it makes blocks.

        with FileBuilder(folder.db, app) as builder:
            for row in reader.rows(1, at):
                builder.copy(row)
            builder.event(body, ts, mono)
            builder.done()

    A block that is left before :meth:`done`, or with an error, leaves nothing. Raises LogError when the file cannot be
    written.
    """

    def __init__(self, path: Path, app: str) -> None:
        self._path = path
        self._app = app
        self._db: sqlite3.Connection | None = None
        self._snapshots = Snapshots(0)
        self._weight = 0
        self._whole = False
        self.head = Head(0, GENESIS, 0.0, 0.0)
        """The last event so far."""
        self.state: SessionState = fold.empty()
        """After that event."""

    def __enter__(self) -> FileBuilder:
        make(self._path, self._app, Faults())
        try:
            self._db = sqlite3.connect(self._path)
            self._db.execute("PRAGMA synchronous=FULL")
        except sqlite3.Error as error:
            self._remove()
            raise self._unwritable(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._whole and error is None:
            return
        self._remove()
        if isinstance(error, DB_ERRORS):
            raise self._unwritable(error) from error

    def copy(self, row: Row) -> None:
        """Take `row` over as it is, hash and all. Raises ValueError if it is not what comes after the last one."""
        if row.seq != self.head.seq + 1 or not fits(self.head.hash, row):
            raise ValueError(f"event {row.seq} does not follow event {self.head.seq}")
        self._open.execute("INSERT INTO events VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        fold.apply(self.state, row_to_event(row))
        self.head = Head(row.seq, row.hash, row.ts, row.mono)
        self._weight += len(row.data)
        if self._snapshots.due(self.state, self._weight):
            self._take_snapshot()

    def copy_until(self, reader: Reader, at: int) -> None:
        """Take over all events up to `at`, the blobs that they name, and the snapshots among them: only what comes
        after those is folded.

        It must be the first thing done. Raises LogError if the file that is read is not what was written.
        """
        if self.head.seq:
            raise ValueError("a file begins once")
        last: Row | None = None
        keys: set[str] = set()

        def rows() -> Iterator[Row]:
            nonlocal last
            for last in reader.rows(1, at):
                keys.update(key for key, _ in blobs_named(last.data))
                yield last

        self._open.executemany("INSERT INTO events VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows())
        if last is None:
            return
        for key in sorted(keys):
            data = reader.blob(key)
            if data is not None:
                self.blob(data)
        self.state = reader.state(at)
        self.head = Head(last.seq, last.hash, last.ts, last.mono)
        kept = 0
        for seq, size, data in reader.query("SELECT seq, size, data FROM snapshots WHERE seq <= ?", (at,)):
            self._open.execute("INSERT INTO snapshots VALUES(?, ?, ?)", (seq, size, data))
            kept = max(kept, seq)
        self._snapshots = Snapshots(kept)

    def event(self, body: Body, ts: float, mono: float, actor: str | None = None) -> int:
        """Append an event of `ts` epoch seconds and `mono` seconds on the session's clock; its seq.

        Raises ValueError if a time is no number, or the session's clock would go back.
        """
        if not (math.isfinite(ts) and math.isfinite(mono)):
            raise ValueError("an event's times must be numbers")
        if mono < self.head.mono:
            raise ValueError(f"event {self.head.seq + 1} is earlier on the session's clock than the one before it")
        event = Event(
            self.head.seq + 1, float(ts), float(mono), body, actor
        )  # the file gives back floats, and is hashed
        self.copy(make_row(event, self.head.hash))
        return self.head.seq

    def blob(self, data: bytes) -> str:
        """Keep `data`; the key by which an event names it."""
        sha = blob_sha(data)
        self._open.execute("INSERT OR IGNORE INTO blobs VALUES(?, ?, ?)", (sha, len(data), data))
        return sha

    def meta(self, key: str, value: JSON) -> None:
        """Note something about the file itself."""
        self._open.execute("INSERT OR REPLACE INTO meta VALUES(?, ?)", (key, json.dumps(value)))

    def done(self) -> Head:
        """Make the file whole, on the disk, with its head file and summary; where it ends."""
        self.meta("summary", summary(self.state))
        self._open.commit()
        self._open.close()
        self._db = None
        write_head(self._path.with_name("head"), self.head)
        self._whole = True
        return self.head

    @property
    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            raise ValueError("the file is done, or was never begun")
        return self._db

    def _take_snapshot(self) -> None:
        data = self._snapshots.take(self.state)
        row = (self.head.seq, len(data), sealed(self.head.hash, data))
        self._open.execute("INSERT OR REPLACE INTO snapshots VALUES(?, ?, ?)", row)
        self._weight = 0

    def _remove(self) -> None:
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
            self._db = None
        for path in (self._path, self._path.with_name(f"{self._path.name}-journal"), self._path.with_name("head")):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _unwritable(self, error: BaseException) -> LogError:
        return LogError(f"{self._path}: cannot be written: {first_line(error)}")
