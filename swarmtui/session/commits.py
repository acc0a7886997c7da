"""The transactions of a session file: what one holds, when one is synced, and what is noted of it beside the file.

Commits are WAL/NORMAL: whole after a crash of the process, and perhaps undone by one of the machine. A batch with a
durable event in it, and one at least every second, is synced (FULL).
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import field
from pathlib import Path

import aiosqlite

from swarmtui.frozen import mutable
from swarmtui.plan.model import JSON
from swarmtui.session.faults import Faults
from swarmtui.session.heads import HeadFile
from swarmtui.session.rows import GENESIS, Head, Row

SYNC_EVERY_S = 1.0
SUMMARY_EVERY_S = 0.5


@mutable
class Batch:
    """What waits to be committed together."""

    rows: list[Row] = field(default_factory=list)
    blobs: list[tuple[str, int, bytes]] = field(default_factory=list)
    """Key, size, data; in the file no later than the rows that were gathered after them."""
    snapshots: list[tuple[int, int, bytes]] = field(default_factory=list)
    """Seq, size, data."""
    weight: int = 0
    """Bytes of rows and blobs."""
    durable: bool = False
    """Whether the commit is to be synced to the disk."""

    def __bool__(self) -> bool:
        return bool(self.rows or self.blobs or self.snapshots)

    def so_far(self) -> Batch:
        """The same; what is gathered from now on is not in it."""
        return Batch(self.rows[:], self.blobs[:], self.snapshots[:], self.weight, self.durable)

    def drop(self, done: Batch) -> None:
        """What an earlier :meth:`so_far` gave is committed."""
        del self.rows[: len(done.rows)], self.blobs[: len(done.blobs)], self.snapshots[: len(done.snapshots)]
        self.weight -= done.weight


class Commits:
    """Commits to one session file. When :meth:`commit` or :meth:`sync` raises sqlite3.Error, :meth:`undo` is due."""

    def __init__(self, db: aiosqlite.Connection, path: Path, on_trouble: Callable[[str], None], faults: Faults) -> None:
        self._db = db
        self._head_path = path.with_name("head")
        self._head_file = HeadFile(self._head_path, Head(0, GENESIS, 0.0, 0.0))
        self._head_told = False
        self._on_trouble = on_trouble
        self._faults = faults
        self._full = False
        self._synced_at = float("-inf")
        self._unsynced = False
        self._summary_at = 0.0
        self._summary_text = ""
        self._summary_behind = False
        self.summary: Callable[[], JSON] | None = None
        """What ``meta.summary`` is kept at."""

    @property
    def behind(self) -> bool:
        """Whether something is committed that :meth:`sync` is due for: it was not synced, or the summary lacks it."""
        return self._unsynced or self._summary_behind

    async def commit(self, batch: Batch, *, last: bool) -> None:
        """Commit `batch` and note the new end of the chain. The `last` ones of a host bring the summary up to date.

        So do durable ones, among which is whatever changes how the session stands: who was told of it finds it listed.
        """
        db = self._db
        full = batch.durable or time.monotonic() - self._synced_at >= SYNC_EVERY_S
        self._faults.at("commit.before")
        if full is not self._full:
            await db.execute(f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}")
            self._full = full
        if batch.blobs:
            await db.executemany("INSERT OR IGNORE INTO blobs VALUES(?, ?, ?)", batch.blobs)
        if batch.rows:
            await db.executemany("INSERT INTO events VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", batch.rows)
        if batch.snapshots:
            await db.executemany("INSERT OR REPLACE INTO snapshots VALUES(?, ?, ?)", batch.snapshots)
        await self._write_summary(at_once=last or batch.durable)
        self._faults.at("commit.written")
        await db.commit()
        self._faults.at("commit.after")
        self._unsynced = not full
        if full:
            self._synced_at = time.monotonic()
        if batch.rows:
            end = batch.rows[-1]
            self._note_head(Head(end.seq, end.hash, end.ts, end.mono), synced=full)

    async def sync(self, seq: int) -> None:
        """Sync what NORMAL commits left to the system, which is up to `seq`, and bring the summary up to date."""
        self._faults.at("sync.before")
        await self._db.execute("PRAGMA synchronous=FULL")
        self._full = True
        await self._db.execute("INSERT OR REPLACE INTO meta VALUES('synced', ?)", (str(seq),))
        await self._write_summary(at_once=True)
        await self._db.commit()
        self._unsynced = False
        self._synced_at = time.monotonic()

    async def undo(self) -> None:
        """Take back what was begun and failed."""
        with suppress(sqlite3.Error):
            await self._db.rollback()
        self._summary_text, self._summary_at = "", 0.0  # it went with the rest

    def end(self, head: Head) -> None:
        """Note where the chain ends, for good: all of it is in the file and synced."""
        self._faults.at("head.before")
        self._note_head(head, synced=True, last=True)
        self._faults.at("head.after")

    async def _write_summary(self, *, at_once: bool) -> None:
        now = time.monotonic()
        if self.summary is None:
            return
        if now - self._summary_at < SUMMARY_EVERY_S and not at_once:
            self._summary_behind = True
            return
        self._summary_at, self._summary_behind = now, False
        text = json.dumps(self.summary(), separators=(",", ":"))
        if text != self._summary_text:
            self._summary_text = text
            await self._db.execute("INSERT OR REPLACE INTO meta VALUES('summary', ?)", (text,))

    def _note_head(self, head: Head, *, synced: bool, last: bool = False) -> None:
        try:
            self._head_file.note(head, synced=synced)
            if last:
                self._head_file.close(sync=True)
        except OSError as error:  # every event is in its file: only the loss of its end would go unseen
            if not self._head_told:
                self._on_trouble(f"{self._head_path}: cannot be written: {error.strerror}")
            self._head_told = True
