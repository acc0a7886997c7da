"""What goes to one viewer without being asked for each time: the events from its cursor on, and streamed text.

A viewer is a cursor over the log: the next few events are read from the log, written and waited for until they are on
their way before more are read. No queue grows for a viewer that reads slowly, and it slows nobody. Streamed text is
the lossy class: it is taken from the board when the wire is free, newest first to survive.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from swarmtui.engine.streams import StreamItem
from swarmtui.host import jsonrpc as rpc
from swarmtui.host import protocol as wire
from swarmtui.host.bodies import Bodies
from swarmtui.host.conducted import Recording
from swarmtui.host.jsonrpc import Notice
from swarmtui.host.protocol import Topic
from swarmtui.session.errors import LogError
from swarmtui.session.rows import row_to_line

if TYPE_CHECKING:
    from swarmtui.host.server import Server

STREAM_EVERY_S = 0.05
STREAM_CHARS = 16_384
"""Characters of one piece of streamed text; as JSON they weigh at most twelve bytes each."""
LAG_EVERY_S = 1.0


class Pumps:
    """One viewer's cursor, and the tasks that follow it.

    `write` returns once the bytes are on their way, and raises when the viewer is to be given up. What is too heavy
    for a line is left in `bodies`.
    """

    def __init__(self, server: Server, bodies: Bodies, write: Callable[[bytes], Awaitable[None]]) -> None:
        self._server = server
        self._bodies = bodies
        self._write = write
        self._next_seq = 0
        self._following = False
        self._running: list[asyncio.Task[None]] = []
        self._caught_up = asyncio.Event()
        self._body_read = asyncio.Event()

    def start(self, tasks: asyncio.TaskGroup, asked: wire.Subscribe, *, tells_lag: bool) -> None:
        """Send what `asked` is for, in `tasks`, in place of what was sent before."""
        self.stop()
        self._next_seq = asked.from_seq
        self._following = True
        self._running.append(tasks.create_task(self._pump_events(asked.resync, tells_lag)))
        if asked.stream:
            self._running.append(tasks.create_task(self._pump_streams()))

    def stop(self) -> None:
        """Send nothing more."""
        for pump in self._running:
            pump.cancel()
        self._running.clear()
        self._following = False
        self._caught_up.set()

    async def seen_all(self) -> None:
        """Until the viewer has been sent all there is, or wants no more."""
        while self._following and self._next_seq <= self._server.conducted.log.head.seq:
            self._caught_up.clear()
            await self._caught_up.wait()

    def body_read(self) -> None:
        """The viewer has fetched something of what is too heavy for a line."""
        self._body_read.set()

    # -- events -------------------------------------------------------------------------------------------

    async def _pump_events(self, resync: bool, tells_lag: bool) -> None:
        log = self._server.conducted.log
        lag = Lag()
        while True:
            behind = log.committed_seq + 1 - self._next_seq
            lag.note(behind)
            if (told := lag.due()) is not None and tells_lag:
                await self._send(Notice(Topic.LAGGING, wire.to_json(told)))
            if behind <= 0:
                self._caught_up.set()
                if not log.closing:
                    await log.after(self._next_seq - 1)
                elif self._next_seq <= log.head.seq:
                    await log.committed(self._next_seq)
                else:
                    break
            elif resync and (behind >= self._server.resync_events or lag.seconds >= self._server.lag_s):
                await self._send(Notice(Topic.RESYNC, {"reason": "too far behind", "seq": log.committed_seq}))
                break
            else:
                await self._send_events(await self._read_lines(log))
        self._following = False
        self._caught_up.set()

    async def _send(self, notice: Notice) -> None:
        await self._write(rpc.encode(notice))

    async def _read_lines(self, log: Recording) -> list[str]:
        """The next few lines; from the file when the log, which must not outwait a slow viewer, is being closed."""
        try:
            return await log.lines(self._next_seq, wire.BATCH_EVENTS)
        except (ValueError, LogError):
            if not log.closing:
                raise
            last = min(log.committed_seq, self._next_seq + wire.BATCH_EVENTS - 1)
            rows = await asyncio.to_thread(self._server.answers.history.before, last + 1, last + 1 - self._next_seq)
            return [row_to_line(row) for row in rows]

    async def _send_events(self, lines: list[str]) -> None:
        for batch in wire.batches(lines):
            await self._write(wire.encode_events([await self._fitted(line) for line in batch]))
            self._next_seq += len(batch)

    async def _fitted(self, line: str) -> str:
        """`line`, or a reference to it when it is too heavy; the viewer must fetch one such before it gets the next."""
        if len(line) <= wire.MAX_BODY:
            return line
        while len(self._bodies) >= 4:
            self._body_read.clear()
            await self._body_read.wait()
        return rpc.dump(self._bodies.put(line).to_json())

    # -- streamed text ------------------------------------------------------------------------------------

    async def _pump_streams(self) -> None:
        streams = self._server.conducted.streams
        cursor, items = streams.cursor, streams.tails()
        while True:
            behind = self._next_seq <= self._server.conducted.log.committed_seq
            if items and not behind:  # events go first, and the text is lost to a viewer that cannot take both
                await self._send_streams(items)
                await asyncio.sleep(STREAM_EVERY_S)
            await streams.wait(cursor)
            cursor, items = streams.since(cursor)

    async def _send_streams(self, items: Sequence[StreamItem]) -> None:
        pieces = (
            rpc.dump(asdict(replace(item, offset=item.offset + at, text=item.text[at : at + STREAM_CHARS])))
            for item in items
            for at in range(0, len(item.text), STREAM_CHARS)
        )
        for batch in wire.batches(pieces):
            await self._write(
                f'{{"jsonrpc":"2.0","method":"{Topic.STREAM}","params":{{"pieces":[{",".join(batch)}]}}}}\n'.encode()
            )


class Lag:
    """How far behind a viewer is, and for how long."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = self._told_at = clock()
        self._behind = 0
        self._told = False

    def note(self, behind: int) -> None:
        """So many events are recorded that it has not been sent."""
        self._behind = behind
        if behind < wire.LAG_EVENTS:
            self._since = self._clock()

    @property
    def seconds(self) -> float:
        """For how long it has been behind by enough to matter."""
        return self._clock() - self._since

    def due(self) -> wire.Lagging | None:
        """What to tell the viewer now, if anything: once a second while it is behind, and when it no longer is."""
        if self._behind < wire.LAG_EVENTS:
            told, self._told = self._told, False
            return wire.Lagging(0) if told else None
        if self._clock() - max(self._told_at, self._since) < LAG_EVERY_S:
            return None
        self._told, self._told_at = True, self._clock()
        return wire.Lagging(self._behind, round(self.seconds, 1))
