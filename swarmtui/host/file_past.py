"""The past of a session as its file holds it, whether or not a host goes on writing to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from swarmtui.frozen import frozen
from swarmtui.host.feed import Gap
from swarmtui.host.fetching import ShelfOfFile
from swarmtui.host.history import History, OutputMissing
from swarmtui.host.past import GAP_S
from swarmtui.host.shelf import Shelf
from swarmtui.session import fold
from swarmtui.session.errors import Damaged, LogError, first_line
from swarmtui.session.events import Event, HostStarted, SessionForked
from swarmtui.session.folder import SessionFolder
from swarmtui.session.marks import MARK_TYPES, Mark, mark_of
from swarmtui.session.reader import UNREADABLE, Reader, without_collector
from swarmtui.session.rows import Row, row_to_event, row_to_line
from swarmtui.session.state import SessionState

_T = TypeVar("_T")

BLOCK = 128
"""Events that are decoded together: the fewer, the less is decoded that nobody asked for."""
BLOCKS = 48
"""Decoded ones that are kept: those used last."""


@frozen
class LooseFile(SessionFolder):
    """A session file by itself, wherever it lies: what is beside it need not be a session's."""

    file: Path

    @property
    def db(self) -> Path:
        """The session file."""
        return self.file

    def owned(self) -> bool:
        """No host writes to it."""
        return False


class FilePast:
    """A :class:`~swarmtui.host.past.Past` over a session file. Raises LogError where the file is not what was written.

    One thread of its own reads, through one connection, which is opened by the first question.
    """

    def __init__(self, folder: SessionFolder) -> None:
        self._folder = folder
        self._history = History(folder)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="past")
        self._reader: Reader | None = None
        self._closed = False
        self._blocks: dict[int, list[Event]] = {}

    @property
    def shelf(self) -> Shelf:
        """What the folder holds."""
        return ShelfOfFile(self._folder)

    async def head(self) -> int:
        """Seq of the last event that is recorded by now; 0 if there is none."""
        return await self._ask(Reader.last_seq)

    async def state_at(self, seq: int) -> SessionState:
        """The state after event `seq`; the caller's own, to fold more into. Raises IndexError beyond the head."""
        return await self._ask(lambda reader: self._state_at(reader, seq))

    async def events(self, from_seq: int, limit: int) -> list[Event]:
        """Up to `limit` events from `from_seq` on, in order; fewer only at the head."""
        first = max(1, from_seq)
        return await self._ask(lambda reader: list(self._events(reader, first, first + limit - 1)))

    async def lines(self, from_seq: int, limit: int) -> list[str]:
        """Like :meth:`events`, as lines of JSON as the file has them: nothing is decoded."""
        first = max(1, from_seq)
        return await self._ask(lambda reader: [row_to_line(row) for row in reader.rows(first, first + limit - 1)])

    async def marks(self, from_seq: int = 1) -> list[Mark]:
        """All marks from `from_seq` on, in order."""
        return (await self.marks_page(from_seq, -1))[0]

    async def marks_page(self, from_seq: int, limit: int) -> tuple[list[Mark], int | None]:
        """Marks among the first `limit` events from `from_seq` on that may be some, and where the rest begins; with a
        negative `limit` all."""
        return await self._ask(lambda reader: _marks(reader, from_seq, limit))

    async def gaps(self, from_seq: int = 1) -> list[Gap]:
        """Times without events of :data:`GAP_S` and more that end at `from_seq` or later, in order."""
        return await self._ask(lambda reader: _gaps(reader, from_seq))

    async def seq_at(self, mono: float) -> int:
        """Seq of the last event at or before `mono` on the session's own clock; 1 before the first."""
        return await self._ask(lambda reader: _seq_at(reader, mono))

    async def output(self, node: str, item: int | None = None) -> str:
        """The whole recorded output of a node or item as it is at the head, not cleaned; empty if there is none."""
        try:
            return await self._ask(lambda reader: self._history.output(node, item))
        except OutputMissing:
            return ""

    async def log_tail(self, node: str, limit: int = 65_536) -> str:
        """The last `limit` bytes of the node's log file, not cleaned; empty if there is none."""
        return await self._ask(lambda reader: self._history.log_tail(node, limit))

    async def close(self) -> None:
        """Let go of the file, once what was asked before is answered; what is asked later raises LogError."""
        if self._closed:
            return
        self._closed = True
        last = asyncio.get_running_loop().run_in_executor(self._thread, self._let_go)
        self._thread.shutdown(wait=False)
        await last

    def _let_go(self) -> None:
        """In the thread, after whatever opened the file there."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    async def _ask(self, question: Callable[[Reader], _T]) -> _T:
        if self._closed:
            raise LogError(f"{self._folder.db}: is not read any more: who read it has left")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._answer, question)

    def _answer(self, question: Callable[[Reader], _T]) -> _T:
        """In the thread: connections of sqlite belong to the one that made them."""
        if self._reader is None:
            self._reader = Reader(self._folder.db)
        return question(self._reader)

    def _state_at(self, reader: Reader, seq: int) -> SessionState:
        if not 1 <= seq <= reader.last_seq():
            raise IndexError(f"there is no event {seq}")
        with without_collector():
            state = reader.kept(seq)
            for event in self._events(reader, state.seq + 1, seq):
                self._fold(state, event)
        if not isinstance(self._folder, LooseFile):
            state.id = self._folder.id  # of one that was recovered or forked, its first events name another
        return state

    def _fold(self, state: SessionState, event: Event) -> None:
        try:
            fold.apply(state, event)
        except UNREADABLE as error:
            raise Damaged(self._folder.db, f"event {event.seq} cannot be read: {first_line(error)}") from error

    def _events(self, reader: Reader, first: int, last: int) -> Iterator[Event]:
        """Events `first` to `last`, block by block: who goes to and fro decodes each of them once."""
        for block in range((first - 1) // BLOCK, (last - 1) // BLOCK + 1):
            begins = block * BLOCK + 1
            events = self._blocks.pop(block, None)
            if events is None:
                events = list(reader.events(begins, begins + BLOCK - 1))
            if len(events) == BLOCK:  # what is not full yet may grow
                self._blocks[block] = events
            yield from events[max(0, first - begins) : max(0, last + 1 - begins)]
            if len(events) < BLOCK:
                break
        while len(self._blocks) > BLOCKS:
            del self._blocks[next(iter(self._blocks))]


def _marks(reader: Reader, from_seq: int, limit: int) -> tuple[list[Mark], int | None]:
    holes = ", ".join("?" * len(MARK_TYPES))
    sql = f"SELECT * FROM events WHERE seq >= ? AND type IN ({holes}) ORDER BY seq LIMIT ?"  # noqa: S608
    rows = [Row(*row) for row in reader.query(sql, (from_seq, *sorted(MARK_TYPES), limit + 1 if limit >= 0 else -1))]
    more = rows.pop().seq if 0 <= limit < len(rows) else None
    found = (mark_of(row_to_event(row)) for row in rows)
    return [mark for mark in found if mark is not None], more


def _gaps(reader: Reader, from_seq: int) -> list[Gap]:
    """As :func:`swarmtui.host.tempo.gap_between` has them, of all events, none of which is decoded."""
    found = reader.query(
        "SELECT seq, gap FROM (SELECT seq, CASE WHEN type IN (?, ?)"
        " THEN max(mono - lag(mono) OVER w, ts - lag(ts) OVER w) ELSE mono - lag(mono) OVER w END AS gap"
        " FROM events WHERE seq >= ? WINDOW w AS (ORDER BY seq)) WHERE gap >= ? ORDER BY seq",
        (HostStarted.TYPE, SessionForked.TYPE, from_seq - 1, GAP_S),
    )
    return [Gap(seq, seconds) for seq, seconds in found]


def _seq_at(reader: Reader, mono: float) -> int:
    """By halves: the clock never goes back, and no index is kept of it."""
    low, high = 1, max(1, reader.last_seq())
    while low < high:
        middle = (low + high + 1) // 2
        (found,) = reader.query("SELECT mono FROM events WHERE seq = ?", (middle,))[0]
        low, high = (middle, high) if found <= mono else (low, middle - 1)
    return low
