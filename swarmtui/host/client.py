"""A live session as a feed: connects to its host, follows it, and comes back when the link breaks.

States of the link: connecting -> live <-> reconnecting -> ended | crashed. What has been folded is kept over a break:
the viewer goes on at the next event if the log is the same one, and takes a snapshot if it is not. A host that is gone
without a goodbye is `crashed`, but the viewer keeps looking: a resumed session is followed again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import swarmtui
from swarmtui.host import protocol as wire
from swarmtui.host.connection import CallFailed, Connection
from swarmtui.host.feed import Changes, CommandRefused, FeedStatus, Link, StreamText, Viewer
from swarmtui.host.gathering import Gathering
from swarmtui.host.history import History, OutputMissing
from swarmtui.host.jsonrpc import Code, Notice
from swarmtui.host.protocol import Method, Role, Topic
from swarmtui.plan.model import JSON
from swarmtui.session.codec import event_from_json
from swarmtui.session.events import Event
from swarmtui.session.folder import SessionFolder
from swarmtui.session.rows import row_to_event
from swarmtui.session.state import SessionState
from swarmtui.session.state_json import state_from_json

Dial = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]

BACKOFF_S = 0.5
BACKOFF_CAP_S = 30.0
CRASH_POLL_S = 1.0
COMMAND_PATIENCE_S = 30.0


class Unreachable(ConnectionError):
    """The host could not be reached, or will not talk to this viewer; the text says what to do.

    `code` is VERSION or FORBIDDEN where trying again is in vain, else None.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


def dial_unix(path: Path) -> Dial:
    """Connections to the socket at `path`."""

    async def dial() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(str(path))

    return dial


class WireFeed:
    """A feed over the wire. Made by :meth:`connect`; :meth:`close` leaves, and the session goes on."""

    def __init__(
        self,
        dial: Dial,
        folder: SessionFolder | None,
        *,
        name: str = "viewer",
        role: Role = "control",
        stream: bool = True,
        whole: bool = False,
        silence_s: float = wire.SILENCE_S,
        backoff_s: float = BACKOFF_S,
    ) -> None:
        self._dial = dial
        self._folder = folder
        self._name = name
        self._stream = stream
        self._whole = whole
        self._silence_s = silence_s
        self._backoff_s = backoff_s
        self._gathered = Gathering(whole=whole)
        self._gathered.status.role = role
        self._role: Role = role
        self._log_id = ""
        self._started = whole
        self._failures = 0
        self._connection: Connection | None = None
        self._turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(), name="feed")
        self.exit_code: int | None = None
        """What the host said its exit code is, once it has said goodbye."""

    @classmethod
    async def connect(
        cls,
        path: Path,
        *,
        folder: SessionFolder | None = None,
        name: str = "viewer",
        role: Role = "control",
        stream: bool = True,
        whole: bool = False,
        silence_s: float = wire.SILENCE_S,
        backoff_s: float = BACKOFF_S,
    ) -> WireFeed:
        """A feed that is live. With `whole` it begins with the first event instead of a snapshot and drops none.

        `folder` (of a session on this machine) lets it tell a crash from a broken link, and read the past without a
        host. Raises Unreachable if the first try fails.
        """
        feed = cls(
            dial_unix(path),
            folder,
            name=name,
            role=role,
            stream=stream,
            whole=whole,
            silence_s=silence_s,
            backoff_s=backoff_s,
        )
        try:
            await feed._first
        except BaseException:
            await feed.close()
            raise
        return feed

    # -- Feed ---------------------------------------------------------------------------------------------

    @property
    def state(self) -> SessionState:
        """The state folded so far; to be read, never changed."""
        return self._gathered.state

    @property
    def status(self) -> FeedStatus:
        """Link, role and the other viewers."""
        return self._gathered.status

    def clock(self) -> float:
        """The present while somebody works; once nobody does, when the last event happened."""
        return self.state.ts if self.status.link in (Link.ENDED, Link.CRASHED) else time.time()

    def drain(self) -> Changes:
        """What arrived since the last call."""
        return self._gathered.drain()

    async def wait(self) -> None:
        """Until there is something to drain."""
        await self._gathered.wait()

    async def command(self, method: str, params: dict[str, JSON]) -> int:
        """Ask the session to do something; the seq at which it took effect. Asked again over a broken link.

        Raises CommandRefused; ConnectionError when the link stayed broken and whether it took effect is not known.
        """
        marked = {**params, "client_cmd_id": uuid.uuid4().hex}
        async with _patience(COMMAND_PATIENCE_S):
            while True:
                connection = await self._live()
                try:
                    reply = await connection.call(method, marked)
                    return int(reply["seq"])
                except CallFailed as error:
                    raise CommandRefused(str(error), error.code) from error
                except ConnectionError:
                    await self._lost(connection)

    async def events_before(self, seq: int, limit: int, node: str | None = None) -> list[Event]:
        """Up to `limit` events before `seq`, oldest first; of one node if given. Raises ConnectionError."""
        if self._connection is not None:
            page = await self._connection.call(Method.EVENTS_PAGE, {"before": seq, "limit": limit, "node": node})
            return [event_from_json(line) for line in page["events"]]
        rows = await asyncio.to_thread(self._past().before, seq, limit, node)
        return [row_to_event(row) for row in rows]

    async def output(self, node: str, item: int | None = None) -> str:
        """The whole recorded output of a node or item, not cleaned; empty if there is none. Raises ConnectionError."""
        try:
            if self._connection is not None:
                found = await self._connection.call(Method.OUTPUT_READ, {"node": node, "item": item})
                return str(found["text"])
            return await asyncio.to_thread(self._past().output, node, item)
        except OutputMissing:
            return ""
        except CallFailed as error:
            if error.code == Code.MISSING:
                return ""
            raise ConnectionError(str(error)) from error

    async def log_tail(self, node: str, limit: int = 65_536) -> str:
        """The last `limit` bytes of the node's log file, not cleaned. Raises ConnectionError."""
        if self._connection is not None:
            found = await self._connection.call(Method.LOG_TAIL, {"node": node, "limit": limit})
            return str(found["text"])
        return await asyncio.to_thread(self._past().log_tail, node, limit)

    async def close(self) -> None:
        """Leave; the session goes on."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if not self._first.done():
            self._first.cancel()

    # -- the link -----------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            try:
                bye = await self._follow()
            except Unreachable as error:
                self._lose(Link.ENDED, error)
                return
            except (OSError, TimeoutError, CallFailed, ValueError, KeyError, TypeError) as error:
                self._lose(Link.CRASHED if self._host_is_gone() else Link.RECONNECTING, error)
            else:
                self.exit_code = bye.exit_code
                self._set_link(Link.ENDED, f"the host has left: {bye.reason}")
                return
            await self._wait_for_retry()

    def _lose(self, link: Link, error: BaseException) -> None:
        if not self._first.done():
            first = error if isinstance(error, Unreachable) else Unreachable(f"the host cannot be reached: {error}")
            self._first.set_exception(first)
        self._set_link(link, str(error))

    def _set_link(self, link: Link, note: str) -> None:
        self._gathered.set_link(link, note)
        turned, self._turn = self._turn, asyncio.get_running_loop().create_future()
        turned.set_result(None)

    async def _wait_for_retry(self) -> None:
        """Back-off with jitter; a crashed session is looked at every second until it is resumed."""
        if self._host_is_gone():
            note = "the host is gone without a goodbye: resume the session to go on"
            self._set_link(Link.CRASHED, note)
            while self._host_is_gone():  # noqa: ASYNC110 - nobody tells when another host takes over
                await asyncio.sleep(CRASH_POLL_S)
            self._failures = 0
        delay = min(BACKOFF_CAP_S, self._backoff_s * 2**self._failures) * random.uniform(0.75, 1.25)  # noqa: S311
        self._failures = min(self._failures + 1, 16)
        self._set_link(Link.RECONNECTING, f"{self.status.note}: trying again in {delay:.0f} s")
        await asyncio.sleep(delay)

    def _host_is_gone(self) -> bool:
        return self._folder is not None and not self._folder.owned()

    async def _follow(self) -> wire.Bye:
        """One connection, from dialling to the host's goodbye. Raises OSError and its like when it breaks."""
        reader, writer = await self._dial()
        async with Connection(reader, writer, self._silence_s) as connection:
            async with asyncio.timeout(wire.HANDSHAKE_S):
                welcome = await self._shake_hands(connection)
            await self._catch_up(connection, welcome)
            self._connection = connection
            self._failures = 0
            self._set_link(Link.LIVE, "")
            if not self._first.done():
                self._first.set_result(None)
            try:
                async for notice in connection.notices():
                    bye = await self._take(connection, notice)
                    if bye is not None:
                        return bye
                    await self._gathered.room()
            finally:
                self._connection = None
                self._gathered.set_trouble("")
        raise ConnectionError("the connection was closed")

    async def _shake_hands(self, connection: Connection) -> wire.Welcome:
        hello = wire.Initialize(
            wire.Span(),
            wire.ClientInfo(self._name, swarmtui.__version__, os.getpid(), socket.gethostname()),
            self._role,
        )
        try:
            welcome = wire.parse(wire.Welcome, await connection.call(Method.INITIALIZE, wire.to_json(hello)))
        except CallFailed as error:
            raise _refusal(error) from error
        self.status.host_version = welcome.server.version
        return welcome

    async def _catch_up(self, connection: Connection, welcome: wire.Welcome) -> None:
        same_log = not self._log_id or self._log_id == welcome.log_id
        if not self._started or not same_log or self.state.seq > welcome.head_seq:
            await self._take_snapshot(connection)
        self._started = True
        self._log_id = welcome.log_id
        await self._subscribe(connection)

    async def _take_snapshot(self, connection: Connection) -> None:
        snapshot = await connection.call(Method.SNAPSHOT, {})
        self._log_id = str(snapshot["log_id"])
        self._gathered.reset(state_from_json(snapshot["state"]))

    async def _subscribe(self, connection: Connection) -> None:
        asked = wire.Subscribe(self.state.seq + 1, self._log_id, self._stream, resync=not self._whole)
        await connection.call(Method.SUBSCRIBE, wire.to_json(asked))

    async def _take(self, connection: Connection, notice: Notice) -> wire.Bye | None:
        match notice.method:
            case Topic.EVENT:
                await self._apply(connection, notice.params)
            case Topic.EVENTS:
                for line in notice.params["batch"]:
                    await self._apply(connection, line)
            case Topic.STREAM:
                for piece in wire.parse(wire.Stream, notice.params).pieces:
                    text = StreamText(piece.node, piece.item, piece.attempt, piece.channel, piece.offset, piece.text)
                    self._gathered.stream(text)
            case Topic.VIEWERS:
                known = wire.parse(wire.Viewers, notice.params).viewers
                self._gathered.set_viewers(tuple(Viewer(viewer.id, viewer.name, viewer.role) for viewer in known))
            case Topic.TROUBLE:
                self._gathered.set_trouble(wire.parse(wire.TroubleTold, notice.params).message)
            case Topic.RESYNC:
                await self._take_snapshot(connection)
                await self._subscribe(connection)
            case Topic.BYE:
                return wire.parse(wire.Bye, notice.params)
            case _:
                pass  # heartbeats need no answer, and a newer host may say more than this version knows
        return None

    async def _apply(self, connection: Connection, line: JSON) -> None:
        self._gathered.apply(event_from_json(await connection.resolve(line)))

    # -- for the calls ------------------------------------------------------------------------------------

    async def _live(self) -> Connection:
        while self._connection is None:
            if self.status.link in (Link.ENDED, Link.CRASHED):
                raise ConnectionError(self.status.note or "no host lives")
            await self._lost(None)
        return self._connection

    async def _lost(self, connection: Connection | None) -> None:
        """Until the link is another than `connection`."""
        while self._connection is connection and self.status.link not in (Link.ENDED, Link.CRASHED):
            await asyncio.shield(self._turn)

    def _past(self) -> History:
        if self._folder is None:
            raise ConnectionError(self.status.note or "not connected")
        return History(self._folder)


def _refusal(error: CallFailed) -> Unreachable:
    if error.code == Code.VERSION:
        text = f"{error}; the host runs swarmtui {error.data.get('server_version')} ({error.data.get('argv0')})"
        return Unreachable(f"{text}: use that program to attach", error.code)
    return Unreachable(str(error), error.code)


@contextlib.asynccontextmanager
async def _patience(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise ConnectionError(f"no answer within {seconds:g} s: whether it took effect is not known") from error
