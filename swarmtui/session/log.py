"""The log: one SQLite file, one connection that writes, commits in groups.

``append`` numbers and chains an event at once and returns; a flusher task commits whatever has gathered, so that a
thousand events share a commit when the disk is the slow part and one event waits for nobody when it is not. Whoever
must not act before an event is safe awaits ``committed(seq)``. How safe each commit is, is told
in :mod:`swarmtui.session.commits`.

A disk that takes nothing delays commits and is told as :class:`~swarmtui.session.trouble.Trouble`; what was appended
waits in memory, and nothing that waits for a commit goes on. What trying again cannot mend (damage, a second writer)
ends the writer: whoever waits or appends is told.

States of the writer: open -> (trouble <-> open)* -> closed | broken.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import aiosqlite

from swarmtui.plan.model import JSON
from swarmtui.session import file
from swarmtui.session.clock import SessionClock
from swarmtui.session.commits import SYNC_EVERY_S, Batch, Commits
from swarmtui.session.errors import Damaged, LogClosed, LogError, first_line
from swarmtui.session.events import Body, Event
from swarmtui.session.faults import Faults
from swarmtui.session.outage import USUAL, LogSettings, Outage
from swarmtui.session.rows import GENESIS, Head, Row, blob_sha, make_row, row_to_line, sealed
from swarmtui.session.trouble import Trouble
from swarmtui.session.waiting import Waiting

__all__ = ["Log", "LogError", "LogSettings", "SessionClock"]

TAIL_ROWS = 4_096


class Log:
    """Writer of one session file. Made by :meth:`create` or :meth:`open`; every other process only reads."""

    def __init__(
        self,
        db: aiosqlite.Connection,
        path: Path,
        head: Head,
        on_trouble: Callable[[str | None], None],
        settings: LogSettings,
        faults: Faults,
    ) -> None:
        self._db = db
        self._path = path
        self._last: Head | Row = head
        self._commits = Commits(db, path, on_trouble, faults)
        self._outage = Outage(path, settings, on_trouble)
        self._on_trouble = on_trouble
        self._settings = settings
        self._gathered = Batch()
        self._wake = asyncio.Event()
        self._blobs_out = asyncio.Event()
        self._blobs_out.set()
        self._committed = head.seq
        self._waiting = Waiting()
        self._tail: list[Row] = []
        self._close_by = 0.0
        self._closing = False
        self._closed = False
        self._broken: LogError | None = None
        self._flusher = asyncio.create_task(self._flush_forever(), name="log flusher")
        self._flusher.add_done_callback(self._flusher_ended)
        self.clock = SessionClock(head.mono)
        self.faults = faults
        self.data_weight = 0
        """Bytes of event data appended since the last snapshot."""

    @classmethod
    async def create(
        cls,
        path: Path,
        app: str,
        on_trouble: Callable[[str | None], None] = lambda _: None,
        *,
        settings: LogSettings = USUAL,
        faults: Faults | None = None,
    ) -> Log:
        """A new file at `path`, mode 0600. Raises LogError if there is one already or it cannot be made."""
        faults = faults or Faults()
        await asyncio.to_thread(file.make, path, app, faults)
        return await cls.open(path, Head(0, GENESIS, 0.0, 0.0), on_trouble, settings=settings, faults=faults)

    @classmethod
    async def open(
        cls,
        path: Path,
        head: Head,
        on_trouble: Callable[[str | None], None] = lambda _: None,
        *,
        settings: LogSettings = USUAL,
        faults: Faults | None = None,
    ) -> Log:
        """Go on with the file at `path`, which a reader has verified up to `head`. Raises LogError."""
        db = await file.connect(path, settings.busy_s)
        log = cls(db, path, head, on_trouble, settings, faults or Faults())
        try:
            await asyncio.to_thread(log._outage.prepare)
            log.faults.at("log.opened")
        except BaseException:
            await log.close()
            raise
        return log

    # -- writing ------------------------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        """The session file."""
        return self._path

    @property
    def head(self) -> Head:
        """The end of the chain, committed or not."""
        last = self._last
        return Head(last.seq, last.hash, last.ts, last.mono)

    @property
    def committed_seq(self) -> int:
        """Everything up to this seq is in the file."""
        return self._committed

    def append(self, body: Body, actor: str | None = None, *, durable: bool = False) -> Event:
        """Number, chain and buffer one event. With `durable` its commit is synced to the disk.

        Raises LogError if the writer is broken, or has no room left to wait in while there is trouble.
        """
        event = Event(self._last.seq + 1, self.clock.wall(), self.clock.now(), body, actor)
        row = make_row(event, self._last.hash)
        weight = len(row.data)
        self._take_in(weight)
        self._last = row
        self._gathered.rows.append(row)
        self.data_weight += weight
        self._gathered.durable |= durable
        self._wake.set()
        return event

    def put_blob(self, data: bytes) -> str:
        """Buffer a blob, to be committed no later than the events appended after it; its key. Raises as append does."""
        self._take_in(len(data))
        sha = blob_sha(data)
        self._gathered.blobs.append((sha, len(data), data))
        self._blobs_out.clear()
        self._wake.set()
        return sha

    async def blobs_flushed(self) -> None:
        """Wait until every blob put so far is in the file, for who puts many; at once if the log closes or breaks."""
        await self._blobs_out.wait()

    def put_snapshot(self, seq: int, data: bytes) -> None:
        """Buffer a snapshot of the state at `seq`, which must be the last event appended."""
        self.faults.at("snapshot.taken")
        self._gathered.snapshots.append((seq, len(data), sealed(self._last.hash, data)))
        self.data_weight = 0

    def set_summary(self, summary: Callable[[], JSON]) -> None:
        """What ``meta.summary`` is kept at, for listings that must not fold a whole file."""
        self._commits.summary = summary

    async def committed(self, seq: int) -> None:
        """Wait until the event `seq` is in the file. Raises LogError if the log closed or broke before it was."""
        while self._committed < seq:
            if self._broken is not None:
                raise self._broken
            if self._closed:
                raise LogClosed(f"{self._path}: closed before event {seq} was written")
            await self._waiting.until(seq)

    async def flushed(self) -> None:
        """Wait until everything appended so far is in the file."""
        await self.committed(self._last.seq)

    async def close(self) -> None:
        """Commit and sync what is left, note the head, let go of the file.

        With a disk that takes nothing it goes on trying for a while. Raises LogError if something was not written,
        naming it; everything that was told as committed is in the file.
        """
        self._closing = True
        self._close_by = time.monotonic() + self._settings.close_s
        self._wake.set()
        try:
            await self._flusher
        finally:
            self._closed = True
            self._release(None)
            self._outage.close()
            await self._db.close()

    # -- trouble ------------------------------------------------------------------------------------------

    @property
    def trouble(self) -> Trouble | None:
        """Why nothing can be written for now; None if it can."""
        return self._outage.trouble

    def watch_trouble(self, tell: Callable[[Trouble | None], None]) -> None:
        """Have `tell` called, in the event loop, when trouble begins or changes kind, and with None once it is over.

        It may append events: on a full disk the reserve is given up right after it, so that they fit.
        """
        self._outage.watch(tell)

    def _take_in(self, weight: int) -> None:
        """Make room for `weight` bytes. Raises LogError if there is none."""
        if self._broken is not None:
            raise self._broken
        if self.trouble is not None and self._gathered.weight + weight > self._settings.ram_bytes:
            held = self._settings.ram_bytes // 1024**2
            raise LogError(f"{self.trouble.message}; {held} MiB wait to be written and no more can")
        self._gathered.weight += weight

    # -- reading, through the same connection ---------------------------------------------------------------

    async def after(self, seq: int) -> None:
        """Wait until an event later than `seq` is in the file, or the log closes or breaks."""
        while self._committed <= seq and not self._closing and self._broken is None:
            await self._waiting.until(seq + 1)

    @property
    def closing(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._closing

    async def rows(self, from_seq: int, limit: int) -> Sequence[Row]:
        """Up to `limit` committed rows from `from_seq` on; the latest thousands come from memory. Raises LogError."""
        tail = self._tail
        if tail and from_seq >= tail[0].seq:
            at = from_seq - tail[0].seq
            return tail[at : at + limit]
        until = min(from_seq + limit, self._committed + 1)
        sql = "SELECT * FROM events WHERE seq >= ? AND seq < ? ORDER BY seq"
        return [Row(*row) for row in await self._query(sql, (from_seq, until))]

    async def of_node(self, node: str, after: int, types: Sequence[str]) -> Sequence[Row]:
        """Committed rows of `node` after seq `after`, of these types alone. O(rows since then). Raises LogError."""
        marks = ", ".join("?" * len(types))
        sql = f"SELECT * FROM events WHERE seq > ? AND node = ? AND type IN ({marks}) ORDER BY seq"  # noqa: S608
        return [Row(*row) for row in await self._query(sql, (after, node, *types))]

    async def lines(self, from_seq: int, limit: int) -> list[str]:
        """Like :meth:`rows`, as lines of the wire."""
        return [row_to_line(row) for row in await self.rows(from_seq, limit)]

    async def blob(self, sha: str, offset: int = 0, length: int | None = None) -> bytes | None:
        """`length` bytes of a blob from `offset` (bytes); None if there is no such blob. Raises LogError.

        A blob that is read as a whole is checked against its key.
        """
        for known, _, data in self._gathered.blobs:
            if known == sha:
                return data[offset:] if length is None else data[offset : offset + length]
        if length is not None:
            part = await self._query("SELECT substr(data, ?, ?) FROM blobs WHERE sha = ?", (offset + 1, length, sha))
            return bytes(part[0][0]) if part else None
        whole = await self._query("SELECT data FROM blobs WHERE sha = ?", (sha,))
        if not whole:
            return None
        if blob_sha(whole[0][0]) != sha:
            raise Damaged(self._path, f"blob {sha} was changed")
        return bytes(whole[0][0])[offset:]

    async def _query(self, sql: str, values: tuple[object, ...]) -> list[sqlite3.Row]:
        try:
            async with self._db.execute(sql, values) as cursor:
                return list(await cursor.fetchall())
        except (sqlite3.Error, ValueError) as error:
            if self._closed or self._closing:
                raise LogClosed(f"{self._path}: closed") from error
            raise Damaged(self._path, f"cannot be read: {first_line(error)}") from error

    # -- the flusher ----------------------------------------------------------------------------------------

    async def _flush_forever(self) -> None:
        while True:
            due = await self._woken()
            try:
                self._outage.look()
                if self._gathered:
                    await self._flush_once()
                if self._closing or (self._commits.behind and (due or self.trouble is not None)):
                    await self._commits.sync(self._committed)
            except (sqlite3.Error, OSError) as error:
                await self._wait_out(error)
                continue
            await self._outage.over()
            if self._closing and not self._gathered:
                self._commits.end(self.head)
                return

    async def _woken(self) -> bool:
        """Wait for something to write, or until a sync, a look or another try is due; whether that is so."""
        if self._before_retry() > 0:
            while (left := self._before_retry()) > 0:
                self._wake.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await self._wake.wait()
            return True
        sync_s = SYNC_EVERY_S if self._commits.behind else self._settings.look_s
        timeout = sync_s if self.trouble is None else self._settings.retry_s
        if not self._wake.is_set():  # as a rule it is: what came during a commit is the next batch
            try:
                async with asyncio.timeout(timeout):
                    await self._wake.wait()
            except TimeoutError:
                return True
        self._wake.clear()
        return False

    def _before_retry(self) -> float:
        """Seconds until the next try after one that failed."""
        return self._outage.before_retry(closing=self._closing)

    async def _flush_once(self) -> None:
        """Commit what has gathered. Raises sqlite3.Error, and everything is where it was then."""
        batch, self._gathered.durable = self._gathered.so_far(), False
        try:
            await self._commits.commit(batch, last=self._closing)
        except BaseException:
            self._gathered.durable |= batch.durable
            raise
        self._gathered.drop(batch)
        if not self._gathered.blobs:
            self._blobs_out.set()
        if batch.rows:
            self._tail.extend(batch.rows)
            if len(self._tail) > 2 * TAIL_ROWS:
                del self._tail[:-TAIL_ROWS]
            self._committed = batch.rows[-1].seq
            self._release(self._committed)

    async def _wait_out(self, error: sqlite3.Error | OSError) -> None:
        """Nothing was written: keep all that matters for the next try. Raises LogError if there can be none."""
        await self._commits.undo()
        if not self._outage.met(error):
            raise _write_error(self._path, error) from error
        self._gathered.snapshots.clear()  # they only save time
        if self._before_retry() <= 0:
            self._wake.set()  # at once: there is room now
        if self._closing and time.monotonic() >= self._close_by:
            lost = f"events {self._committed + 1} to {self._last.seq} were not written"
            raise LogError(f"{self._path}: {error}: {lost}") from error

    def _release(self, seq: int | None) -> None:
        """Let go on whoever waits for `seq` or an earlier event; with None, everybody."""
        if seq is None:
            self._blobs_out.set()
        self._waiting.release(seq)

    def _flusher_ended(self, flusher: asyncio.Task[None]) -> None:
        """Whoever waits must learn of it when nothing will be written any more."""
        error = None if flusher.cancelled() else flusher.exception()
        if flusher.cancelled():
            self._broken = LogClosed(f"{self._path}: the writer was stopped")
        elif error is not None:
            self._broken = error if isinstance(error, LogError) else _write_error(self._path, error)
            self._on_trouble(str(self._broken))
        if self._broken is not None:
            self._release(None)


def _write_error(path: Path, error: BaseException) -> LogError:
    match error:
        case sqlite3.IntegrityError():
            return LogError(f"{path}: another process has written to it ({error}): end that one, then resume")
        case sqlite3.DatabaseError():
            return Damaged(path, f"cannot be written any more: {error}")
        case _:
            return LogError(f"{path}: the writer broke: {type(error).__name__}: {first_line(error)}")
