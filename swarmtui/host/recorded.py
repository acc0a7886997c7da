"""A session without a host, served over the wire: everything from its file, and nobody can act.

To a viewer it is a host of version 2 that says so in its welcome (`recorded`), and to which nothing happens.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import field

from swarmtui.engine.commands import Refused
from swarmtui.engine.streams import StreamBoard
from swarmtui.frozen import mutable
from swarmtui.host.history import History
from swarmtui.host.locate import seen_status
from swarmtui.host.server import Server
from swarmtui.host.viewer import NOBODY
from swarmtui.plan.model import JSON
from swarmtui.safety.redact import Redactor
from swarmtui.session.errors import LogError
from swarmtui.session.folder import SessionFolder
from swarmtui.session.rows import Head, Row, row_to_line
from swarmtui.session.state import SessionState
from swarmtui.session.trouble import Trouble

PAGE_ROWS = 2_000
PAGE_WEIGHT = 4 * 1024 * 1024


async def serve_recorded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, folder: SessionFolder) -> None:
    """Serve the file of `folder` to one viewer until it leaves. Raises LogError if the file cannot be read."""
    history = History(folder)
    state = await asyncio.to_thread(history.state)
    if state.seq == 0:
        raise LogError(f"{folder.db}: nothing was recorded yet")
    seen = await asyncio.to_thread(seen_status, folder, state.status)
    last = (await asyncio.to_thread(history.rows, state.seq, 1))[0]
    log = RecordedLog(history, Head(last.seq, last.hash, last.ts, last.mono))
    server = Server(Recorded(state, log), folder, recorded=seen)
    await server.serve_own(reader, writer)


@mutable
class RecordedLog:
    """What a file that nobody writes holds, up to the end it had when it was opened."""

    history: History
    head: Head
    trouble: Trouble | None = None
    closing: bool = False
    page: list[Row] = field(default_factory=list)
    """Rows that were read last: opening the file for a few at a time would cost more than reading them."""

    @property
    def committed_seq(self) -> int:
        """Everything there is."""
        return self.head.seq

    def watch_trouble(self, tell: Callable[[Trouble | None], None]) -> None:
        """Nothing is written, so there is none."""

    async def committed(self, seq: int) -> None:
        """At once, for what is there. Raises LogError for what never will be."""
        if seq > self.head.seq:
            raise LogError(f"{self.history.folder.db}: ends with event {self.head.seq}")

    async def after(self, seq: int) -> None:
        """Until an event later than `seq` is there: for ever, at the end."""
        if seq >= self.head.seq:
            await asyncio.Event().wait()

    async def rows(self, from_seq: int, limit: int) -> Sequence[Row]:
        """Up to `limit` rows from `from_seq` on. Raises LogError."""
        limit = min(limit, self.head.seq + 1 - from_seq)
        if limit <= 0:
            return []
        if not self.page or not self.page[0].seq <= from_seq <= self.page[-1].seq:
            self.page = await asyncio.to_thread(self.history.rows, from_seq, PAGE_ROWS, None, PAGE_WEIGHT)
        at = from_seq - self.page[0].seq
        return self.page[at : at + limit]

    async def lines(self, from_seq: int, limit: int) -> list[str]:
        """Like :meth:`rows`, as lines of the wire."""
        return [row_to_line(row) for row in await self.rows(from_seq, limit)]


@mutable
class Recorded:
    """A session that only remains to be looked at."""

    state: SessionState
    log: RecordedLog
    streams: StreamBoard = field(default_factory=lambda: StreamBoard(Redactor(())))

    async def command(self, method: str, params: dict[str, JSON], *, actor: str | None, command_id: str | None) -> int:
        """Raises Refused: nobody is there to do it."""
        raise Refused(NOBODY.format(self.state.id))
