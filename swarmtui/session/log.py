"""The log: one SQLite file, one connection that writes, commits in groups.

``append`` numbers and chains an event at once and returns; a flusher task commits whatever has gathered, so that a
thousand events share a commit when the disk is the slow part and one event waits for nobody when it is not. Whoever
must not act before an event is safe awaits ``committed(seq)``. Commits are WAL/NORMAL; a batch with a durable event in
it, and one at least every second, is synced (FULL). A failing disk delays commits and is told through `on_trouble`;
nothing appended is dropped, and nothing that waits for a commit goes on.

States of the writer: open -> (trouble <-> open)* -> closed.
"""

from __future__ import annotations

import asyncio
import heapq
import json
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import aiosqlite

from swarmtui.plan.model import JSON
from swarmtui.session.events import Body, Event
from swarmtui.session.rows import (
    APPLICATION_ID,
    GENESIS,
    SCHEMA,
    TABLES,
    Head,
    Row,
    blob_sha,
    make_row,
    row_to_line,
)

SYNC_EVERY_S = 1.0
TROUBLE_RETRY_S = 5.0
TAIL_ROWS = 4_096
SUMMARY_EVERY_S = 0.5


class LogError(Exception):
    """The session file cannot be used; the text says why and what to do."""


class SessionClock:
    """Wall time for display, and the session's own clock, which goes on where the last host left it."""

    def __init__(self, mono: float = 0.0) -> None:
        self._offset = mono - time.monotonic()

    def now(self) -> float:
        """Session seconds."""
        return time.monotonic() + self._offset

    def wall(self) -> float:
        """Epoch seconds."""
        return time.time()


class Log:
    """Writer of one session file. Made by :meth:`create` or :meth:`open`; every other process only reads."""

    def __init__(self, db: aiosqlite.Connection, path: Path, head: Head, on_trouble: Callable[[str | None], None]):
        self._db = db
        self._path = path
        self._head = head
        self._on_trouble = on_trouble
        self._rows: list[Row] = []
        self._blobs: list[tuple[str, int, bytes]] = []
        self._snapshots: list[tuple[int, int, bytes]] = []
        self._durable = False
        self._wake = asyncio.Event()
        self._committed = head.seq
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._waits = 0
        self._tail: list[Row] = []
        self._full = False
        self._synced_at = time.monotonic()
        self._unsynced = False
        self._summary: Callable[[], JSON] | None = None
        self._summary_at = 0.0
        self._summary_text = ""
        self._closing = False
        self._closed = False
        self._flusher = asyncio.create_task(self._flush_forever(), name="log flusher")
        self.clock = SessionClock(head.mono)
        self.data_weight = 0
        """Bytes of event data appended since the last snapshot."""

    @classmethod
    async def create(cls, path: Path, app: str, on_trouble: Callable[[str | None], None] = lambda _: None) -> Log:
        """A new file at `path`, mode 0600. Raises LogError if there is one already or it cannot be made."""
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except OSError as error:
            raise LogError(f"{path}: cannot make the session file: {error.strerror}") from error
        db = await _connect(path)
        await db.executescript(f"PRAGMA application_id={APPLICATION_ID}; {TABLES}")
        meta = {"schema": SCHEMA, "min_reader": SCHEMA, "app": app}
        await db.executemany("INSERT INTO meta VALUES(?, ?)", [(key, json.dumps(value)) for key, value in meta.items()])
        await db.commit()
        return cls(db, path, Head(0, GENESIS, 0.0, 0.0), on_trouble)

    @classmethod
    async def open(cls, path: Path, head: Head, on_trouble: Callable[[str | None], None] = lambda _: None) -> Log:
        """Go on with the file at `path`, which a reader has verified up to `head`."""
        return cls(await _connect(path), path, head, on_trouble)

    # -- writing ------------------------------------------------------------------------------------------

    @property
    def head(self) -> Head:
        """The end of the chain, committed or not."""
        return self._head

    @property
    def committed_seq(self) -> int:
        """Everything up to this seq is in the file."""
        return self._committed

    def append(self, body: Body, actor: str | None = None, *, durable: bool = False) -> Event:
        """Number, chain and buffer one event. With `durable` its commit is synced to the disk."""
        event = Event(self._head.seq + 1, self.clock.wall(), self.clock.now(), body, actor)
        row = make_row(event, self._head.hash)
        self._head = Head(event.seq, row.hash, event.ts, event.mono)
        self._rows.append(row)
        self.data_weight += len(row.data)
        self._durable |= durable
        self._wake.set()
        return event

    def put_blob(self, data: bytes) -> str:
        """Buffer a blob, to be committed no later than the events appended after it; returns its key."""
        sha = blob_sha(data)
        self._blobs.append((sha, len(data), data))
        return sha

    def put_snapshot(self, seq: int, data: bytes) -> None:
        """Buffer a snapshot of the state at `seq`, which must be the last event appended."""
        self._snapshots.append((seq, len(data), data))
        self.data_weight = 0

    def set_summary(self, summary: Callable[[], JSON]) -> None:
        """What ``meta.summary`` is kept at, for listings that must not fold a whole file."""
        self._summary = summary

    async def committed(self, seq: int) -> None:
        """Wait until the event `seq` is in the file. Raises LogError if the log closed before it was."""
        while self._committed < seq:
            if self._closed:
                raise LogError(f"{self._path}: closed before event {seq} was written")
            await self._wait_for(seq)

    async def flushed(self) -> None:
        """Wait until everything appended so far is in the file."""
        await self.committed(self._head.seq)

    async def close(self) -> None:
        """Commit and sync what is left, write the head file, let go of the file.

        With a disk that takes nothing it goes on trying, until it is cancelled.
        """
        self._closing = True
        self._wake.set()
        await self._flusher
        self._closed = True
        self._release(None)
        await self._db.close()

    # -- reading, through the same connection ---------------------------------------------------------------

    async def after(self, seq: int) -> None:
        """Wait until an event later than `seq` is in the file, or the log closes."""
        while self._committed <= seq and not self._closing:
            await self._wait_for(seq + 1)

    @property
    def closing(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closing

    async def rows(self, from_seq: int, limit: int) -> Sequence[Row]:
        """Up to `limit` committed rows from `from_seq` on; the latest few thousand come from memory."""
        tail = self._tail
        if tail and from_seq >= tail[0].seq:
            at = from_seq - tail[0].seq
            return tail[at : at + limit]
        until = min(from_seq + limit, self._committed + 1)
        sql = "SELECT * FROM events WHERE seq >= ? AND seq < ? ORDER BY seq"
        async with self._db.execute(sql, (from_seq, until)) as cursor:
            return [Row(*row) for row in await cursor.fetchall()]

    async def lines(self, from_seq: int, limit: int) -> list[str]:
        """Like :meth:`rows`, as lines of the wire."""
        return [row_to_line(row) for row in await self.rows(from_seq, limit)]

    async def blob(self, sha: str, offset: int = 0, length: int | None = None) -> bytes | None:
        """`length` bytes of a blob from `offset` (bytes); None if there is no such blob."""
        for known, _, data in self._blobs:
            if known == sha:
                return data[offset:] if length is None else data[offset : offset + length]
        sql = "SELECT substr(data, ?, ?) FROM blobs WHERE sha = ?"
        async with self._db.execute(sql, (offset + 1, -1 if length is None else length, sha)) as cursor:
            row = await cursor.fetchone()
        if row is None:
            return None
        if length is None:
            async with self._db.execute("SELECT data FROM blobs WHERE sha = ?", (sha,)) as cursor:
                row = await cursor.fetchone()
            return None if row is None else bytes(row[0])[offset:]
        return bytes(row[0])

    # -- the flusher ----------------------------------------------------------------------------------------

    async def _flush_forever(self) -> None:
        while True:
            timeout = None if not self._unsynced else SYNC_EVERY_S
            try:
                async with asyncio.timeout(timeout):
                    await self._wake.wait()
            except TimeoutError:
                await self._sync()
                continue
            self._wake.clear()
            await self._flush_once()
            if self._closing and not (self._rows or self._blobs or self._snapshots):
                await self._sync()
                self._note_head()
                return

    async def _flush_once(self) -> None:
        rows, self._rows = self._rows, []
        blobs, snapshots = self._blobs[:], self._snapshots
        self._snapshots = []
        full = self._durable or time.monotonic() - self._synced_at >= SYNC_EVERY_S
        self._durable = False
        while rows or blobs or snapshots:
            try:
                await self._commit(rows, blobs, snapshots, full=full)
                break
            except sqlite3.OperationalError as error:
                await self._trouble(error)
        del self._blobs[: len(blobs)]
        if not rows:
            return
        self._tail.extend(rows)
        if len(self._tail) > 2 * TAIL_ROWS:
            del self._tail[:-TAIL_ROWS]
        self._committed = rows[-1].seq
        self._release(self._committed)

    def _wait_for(self, seq: int) -> asyncio.Future[None]:
        """Resolved once `seq` is committed or the log has closed."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waits += 1
        heapq.heappush(self._waiting, (seq, self._waits, future))
        return future

    def _release(self, seq: int | None) -> None:
        """Let go on whoever waits for `seq` or an earlier event; with None, everybody."""
        while self._waiting and (seq is None or self._waiting[0][0] <= seq):
            future = heapq.heappop(self._waiting)[2]
            if not future.done():
                future.set_result(None)

    async def _commit(
        self,
        rows: list[Row],
        blobs: list[tuple[str, int, bytes]],
        snapshots: list[tuple[int, int, bytes]],
        *,
        full: bool,
    ) -> None:
        db = self._db
        if full is not self._full:
            await db.execute(f"PRAGMA synchronous={'FULL' if full else 'NORMAL'}")
            self._full = full
        if blobs:
            await db.executemany("INSERT OR IGNORE INTO blobs VALUES(?, ?, ?)", blobs)
        if rows:
            await db.executemany("INSERT INTO events VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        if snapshots:
            await db.executemany("INSERT OR REPLACE INTO snapshots VALUES(?, ?, ?)", snapshots)
        await self._write_summary()
        await db.commit()
        self._unsynced = not full
        if full:
            self._synced_at = time.monotonic()

    async def _write_summary(self) -> None:
        now = time.monotonic()
        if self._summary is None or (now - self._summary_at < SUMMARY_EVERY_S and not self._closing):
            return
        self._summary_at = now
        text = json.dumps(self._summary(), separators=(",", ":"))
        if text != self._summary_text:
            self._summary_text = text
            await self._db.execute("INSERT OR REPLACE INTO meta VALUES('summary', ?)", (text,))

    async def _sync(self) -> None:
        """Sync what NORMAL commits left to the system, and bring the summary up to date."""
        try:
            await self._db.execute("PRAGMA synchronous=FULL")
            self._full = True
            self._summary_at = 0.0
            await self._db.execute("INSERT OR REPLACE INTO meta VALUES('synced', ?)", (str(self._committed),))
            await self._write_summary()
            await self._db.commit()
            self._unsynced = False
            self._synced_at = time.monotonic()
        except sqlite3.OperationalError as error:
            await self._trouble(error)

    def _note_head(self) -> None:
        try:
            write_head(self._path.with_name("head"), self._head)
        except OSError as error:  # every event is in its file: only the loss of its end would go unseen
            self._on_trouble(f"{self._path.with_name('head')}: cannot be written: {error.strerror}")

    async def _trouble(self, error: sqlite3.OperationalError) -> None:
        await self._db.rollback()
        self._summary_text, self._summary_at = "", 0.0  # it went with the rest
        self._on_trouble(
            f"{self._path}: {error}: nothing is lost, writing is tried again every {TROUBLE_RETRY_S:.0f} s"
        )
        await asyncio.sleep(TROUBLE_RETRY_S)
        self._on_trouble(None)


async def _connect(path: Path) -> aiosqlite.Connection:
    try:
        db = await aiosqlite.connect(path)
        await db.execute("PRAGMA journal_mode=WAL")
        await db.execute("PRAGMA synchronous=NORMAL")
        await db.execute("PRAGMA busy_timeout=5000")
        await db.execute("PRAGMA trusted_schema=OFF")
    except sqlite3.Error as error:
        raise LogError(f"{path}: cannot be written: {error}") from error
    return db


def write_head(path: Path, head: Head) -> None:
    """Record where the chain ends in a file of its own, synced."""
    temporary = path.with_suffix(".tmp")
    fd = os.open(temporary, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    try:
        os.write(fd, json.dumps({"seq": head.seq, "hash": head.hash.hex()}).encode())
        os.fsync(fd)
    finally:
        os.close(fd)
    temporary.replace(path)
