"""A live session as a feed: connects to its host, follows it, and comes back when the link breaks.

States of the link: connecting -> live <-> reconnecting -> ended | crashed. What has been folded is kept over a break:
the viewer goes on at the next event if the log is the same one, and takes a snapshot if it is not. Where a host is
gone, with a goodbye (`ended`) or without one (`crashed`), the viewer keeps looking: a resumed session is followed
again. It ends for good when it is refused and nobody attends it, or has been without a connection for longer than it
may.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypedDict, Unpack

from swarmtui.host import protocol as wire
from swarmtui.host.backoff import Backoff
from swarmtui.host.connection import CallFailed, Connection
from swarmtui.host.dialling import (
    Dial,
    Dialled,
    Unreachable,
    dial_session,
    dial_unix,
    introduction,
    lacking,
    refusal,
    refused,
)
from swarmtui.host.feed import FILES_GONE, Changes, CommandRefused, FeedStatus, Link
from swarmtui.host.fetching import OfFile, OfHost, ShelfOfFile, ShelfOfHost
from swarmtui.host.gathering import Gathering
from swarmtui.host.intake import Intake
from swarmtui.host.jsonrpc import Code, ProtocolError
from swarmtui.host.protocol import Method, Role
from swarmtui.host.shelf import Shelf
from swarmtui.plan.model import JSON
from swarmtui.safety.text import one_line
from swarmtui.session.errors import first_line
from swarmtui.session.events import Event
from swarmtui.session.folder import SessionFolder, is_session_id
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import FINAL, STOPPING, Status

__all__ = ["Dial", "Dialled", "Following", "Unreachable", "WireFeed", "dial_unix"]

BACKOFF_S = 0.5
CRASH_POLL_S = 1.0
COMMAND_PATIENCE_S = 30.0
COMES_BACK = ("signal", "disk", "idle")
"""Why a host left whose session is not over: another one may take it up."""
NOTHING_LEFT = "the session's files are gone, and so is its host: nothing is left to go on with"
OVER = (Link.ENDED, Link.CRASHED, Link.ARCHIVE)
"""Links without a host: nothing comes until another one takes the session up."""
NONSENSE = (ProtocolError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError)
"""What comes of taking in what is not what a host says."""
LOST = (OSError, TimeoutError, CallFailed, *NONSENSE)
"""What a broken link, or a host that says what makes no sense, raises."""


class Following(TypedDict, total=False):
    """How a viewer follows a session; what is not said is as :class:`WireFeed` has it."""

    name: str
    role: Role
    stream: bool
    """Whether the text of running attempts comes too."""
    whole: bool
    """Whether every event from `from_seq` on is handed out, and none dropped."""
    from_seq: int
    max_wait_s: float | None
    """How long it may be without a connection before it ends; None: as long as it takes."""
    attended: bool
    """Whether somebody is there who may mend what a link is refused for, and then have it tried again."""
    silence_s: float
    backoff_s: float


class WireFeed:
    """A feed over the wire. Made by :meth:`connect` or :meth:`over`; :meth:`close` leaves, and the session goes on."""

    def __init__(
        self,
        dial: Dial,
        folder: SessionFolder | None,
        destination: str,
        *,
        name: str = "viewer",
        role: Role = "control",
        stream: bool = True,
        whole: bool = False,
        from_seq: int = 1,
        max_wait_s: float | None = None,
        attended: bool = False,
        silence_s: float = wire.SILENCE_S,
        backoff_s: float = BACKOFF_S,
    ) -> None:
        self._dial = dial
        self._folder = folder
        self._name = name
        self._destination = destination
        self._attended = attended
        self._silence_s = silence_s
        self._backoff = Backoff(backoff_s, max_wait_s)
        self._gathered = Gathering(whole=whole, from_seq=from_seq)
        self._gathered.status.role = role
        self._intake = Intake(self._gathered, whole=whole, from_seq=from_seq, stream=stream)
        self._role: Role = role
        self._session = "" if folder is None else folder.id
        self._bye: wire.Bye | None = None
        self._welcome: wire.Welcome | None = None
        self._was_live = False
        self._connection: Connection | None = None
        self._turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.exit_code: int | None = None
        """What the host said its exit code is, once it has said goodbye."""
        self.given_up: Unreachable | None = None
        """Why it does not try any more, unless :meth:`retry_now` is called."""
        self._task = asyncio.create_task(self._run(), name="feed")
        self._task.add_done_callback(self._feed_ended)

    @classmethod
    async def connect(cls, path: Path, *, folder: SessionFolder | None = None, **how: Unpack[Following]) -> WireFeed:
        """:meth:`over` the socket at `path`; with a `folder` over that of whatever host runs the session later on."""
        dial = dial_unix(path) if folder is None else dial_session(folder, path)
        return await cls.over(dial, folder=folder, **how)

    @classmethod
    async def over(
        cls, dial: Dial, *, folder: SessionFolder | None = None, destination: str = "", **how: Unpack[Following]
    ) -> WireFeed:
        """A feed that is connected. Raises Unreachable if the first try fails.

        `folder` (of a session on this machine) lets it tell a crash from a broken link, and read the past without a
        host. `destination` is what ssh calls the host's machine, for what the user is told to type.
        """
        feed = cls(dial, folder, destination, **how)
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

    @property
    def session(self) -> str:
        """ID of the session, as its host says."""
        return self._session

    @property
    def recorded(self) -> bool:
        """Whether what is connected to is no host, but the file."""
        return self._welcome is not None and self._welcome.recorded

    @property
    def at_end(self) -> bool:
        """Whether all has arrived that had happened when the link came up; where no host lives, that is everything."""
        return self._welcome is not None and self.state.seq >= self._welcome.head_seq

    def clock(self) -> float:
        """The present while somebody works; once nobody does, when the last event happened."""
        return self.state.ts if self.status.link in OVER else time.time()

    def drain(self) -> Changes:
        """What arrived since the last call."""
        return self._gathered.drain()

    async def wait(self) -> None:
        """Until there is something to drain."""
        await self._gathered.wait()

    def retry_now(self) -> None:
        """Try to connect at once instead of when it is due."""
        self._backoff.hurry()

    async def command(self, method: str, params: dict[str, JSON]) -> int:
        """Ask the session to do something; the seq at which it took effect. Asked again over a broken link.

        Raises CommandRefused; ConnectionError when the link stayed broken and whether it took effect is not known.
        """
        removed = self._folder is not None and self._folder.removed()
        if removed and method not in STOPPING:  # its host may not have seen it yet, and would do it
            raise CommandRefused(f"not sent: {FILES_GONE}")
        reply = await self.ask(method, {**params, "client_cmd_id": uuid.uuid4().hex})
        try:
            return int(reply["seq"])
        except NONSENSE as error:
            raise ConnectionError(f"the host's answer to {method} makes no sense") from error

    async def ask(self, method: str, params: dict[str, JSON], cap: str = "") -> JSON:
        """What the host answers, asked again over a broken link: for requests that may be repeated.

        `cap` is what of :data:`protocol.CAPS` it takes. Raises CommandRefused, which names what an older host lacks;
        ConnectionError when the link stayed broken.
        """
        async with _patience(COMMAND_PATIENCE_S):
            while True:
                connection = await self._live()
                if cap and cap not in self.status.caps:
                    raise CommandRefused(lacking(self.status.host_version, wire.CAPS[cap]), Code.METHOD)
                try:
                    return await connection.call(method, params)
                except CallFailed as error:
                    told = refused(self.status.host_version, method, error)
                    raise CommandRefused(told, error.code, error.data) from error
                except ConnectionError:
                    await self._lost(connection)

    async def events_before(self, seq: int, limit: int, node: str | None = None) -> list[Event]:
        """Up to `limit` events before `seq`, oldest first; of one node if given. Raises ConnectionError."""
        return await self._past().events_before(seq, limit, node)

    async def output(self, node: str, item: int | None = None) -> str:
        """The whole recorded output of a node or item, not cleaned; empty if there is none. Raises ConnectionError."""
        return await self._past().output(node, item)

    async def log_tail(self, node: str, limit: int = 65_536) -> str:
        """The last `limit` bytes of the node's log file, not cleaned. Raises ConnectionError."""
        return await self._past().log_tail(node, limit)

    @property
    def shelf(self) -> Shelf:
        """Recorded texts and files: the host's, or those of the folder where no host lives."""
        here = self._folder if self._connection is None else None
        return ShelfOfHost(self.ask) if here is None else ShelfOfFile(here)

    async def close(self) -> None:
        """Leave; the session goes on."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if not self._first.done():
            self._first.cancel()

    # -- the link -----------------------------------------------------------------------------------------

    async def _run(self) -> None:
        trying = True
        while trying:
            try:
                while await self._followed():
                    await self._wait_for_retry()
                return
            except Unreachable as error:
                self.given_up = error
                self._lose(error)
                trying = self._attended and error.final and bool(self._session)
                if not trying:
                    self._set_link(Link.ENDED, str(error))
            if trying:
                await self._until_asked_to()

    def _feed_ended(self, task: asyncio.Task[None]) -> None:
        """Whoever waits must learn of it when nothing will come any more, whatever the reason."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            what = f"this viewer cannot go on: {type(error).__name__}: {first_line(error)}"
            self.given_up = Unreachable(what)
            if not self._first.done():
                self._first.set_exception(self.given_up)
            self._set_link(Link.ENDED, what)

    async def _until_asked_to(self) -> None:
        """Until somebody wants a link tried that was refused. Nothing is tried before: accounts are locked for that."""
        self._set_link(Link.RECONNECTING, self._backoff.why, retry_at=math.inf)
        await self._backoff.pause(None)
        self.given_up = None
        self._backoff.begin_anew()
        self._set_link(Link.RECONNECTING, f"{self._backoff.why}: trying again")

    async def _followed(self) -> bool:
        """Follow one connection to its end; whether there may be another. Raises Unreachable where that is in vain."""
        patience_s = self._backoff.left()
        try:
            self._bye = await self._follow(patience_s)
        except LOST as error:
            if isinstance(error, Unreachable) and error.final:
                raise
            self._lose(error)
            if isinstance(error, NONSENSE):
                self._intake.doubt()
            return True
        self.exit_code = self._bye.exit_code
        self._set_over(self._bye)
        return self._folder is not None or self._bye.reason in COMES_BACK

    def _lose(self, error: BaseException) -> None:
        what = str(error) or ("it does not answer" if isinstance(error, TimeoutError) else type(error).__name__)
        if isinstance(error, NONSENSE):
            what = f"the host said what makes no sense ({one_line(what, 80)})"
        self._backoff.lost(what)
        if not self._first.done():
            first = error if isinstance(error, Unreachable) else Unreachable(f"the host cannot be reached: {what}")
            self._first.set_exception(first)

    def _set_link(
        self, link: Link, note: str = "", *, seen: Status | None = None, retry_at: float | None = None
    ) -> None:
        self._gathered.set_link(link, note, seen=seen, retry_at=retry_at)
        turned, self._turn = self._turn, asyncio.get_running_loop().create_future()
        turned.set_result(None)

    async def _wait_for_retry(self) -> None:
        """Back-off with jitter; a session without a host is looked at every second until it is resumed.

        Raises Unreachable when it has been waited for as long as was asked for.
        """
        if self._bye is not None or self._host_is_gone():
            await self._until_taken_up()
            return
        delay, why = self._backoff.delay(), self._backoff.why
        self._set_link(Link.RECONNECTING, why, retry_at=time.monotonic() + delay)
        await self._backoff.pause(delay)
        self._set_link(Link.RECONNECTING, f"{why}: trying again")

    async def _until_taken_up(self) -> None:
        """Until another host may have taken up what this one has left."""
        bye = self._bye
        self._backoff.begin_anew()
        if self._folder is None:
            self._bye = None  # whether it is reached at all, the next try tells
        while True:
            self._set_over(bye)
            await self._backoff.pause(CRASH_POLL_S if bye is not None else min(CRASH_POLL_S, self._backoff.left()))
            if not self._host_is_gone():
                return

    def _set_over(self, bye: wire.Bye | None) -> None:
        """No host lives, and how that came; whether the session's files are gone, too."""
        gone = self.status.gone if self._folder is None else self._folder.removed()
        if bye is not None:
            self._set_link(Link.ENDED, _left(bye))
        elif self.state.status in FINAL:
            self._set_link(Link.ENDED, "the session is over, and its host is gone")
        else:
            note = "the host is gone without a goodbye: resume the session to go on"
            self._set_link(Link.CRASHED, note, seen=Status.CRASHED)
        self._gathered.set_trouble(NOTHING_LEFT if gone else "", gone=gone)

    def _host_is_gone(self) -> bool:
        return self._folder is not None and not self._folder.owned()

    async def _follow(self, patience_s: float) -> wire.Bye:
        """One connection, from dialling, for which there is so long, to the host's goodbye. Raises LOST."""
        async with asyncio.timeout(None if patience_s == float("inf") else patience_s):
            dialled = await self._dial()
        try:
            async with Connection(dialled.reader, dialled.writer, self._silence_s) as connection:
                return await self._heed(connection)
        except LOST as error:
            lost = error
        finally:
            await dialled.end()
        told = None if isinstance(lost, Unreachable) else dialled.why()
        raise lost if told is None else told from lost

    async def _heed(self, connection: Connection) -> wire.Bye:
        """From the handshake to the host's goodbye."""
        async with asyncio.timeout(wire.HANDSHAKE_S):
            welcome = await self._shake_hands(connection)
        await self._intake.catch_up(connection, welcome)
        self._connected(connection, welcome)
        try:
            async for notice in connection.notices():
                bye = await self._intake.take(connection, notice)
                if bye is not None:
                    return bye
                await self._gathered.room()
        finally:
            self._connection = None
        raise ConnectionError("the connection was closed")

    def _connected(self, connection: Connection, welcome: wire.Welcome) -> None:
        self._connection, self._welcome = connection, welcome
        self._backoff.mended()
        self._bye = None
        if not welcome.recorded:
            self._was_live, self.exit_code = True, None
            self._set_link(Link.LIVE)
        else:
            seen = Status.CRASHED if welcome.status == Status.CRASHED else None
            known = Link.CRASHED if seen else Link.ENDED
            note = "no host lives: read from the file"
            self._set_link(known if self._was_live else Link.ARCHIVE, note, seen=seen)
        if not self._first.done():
            self._first.set_result(None)

    async def _shake_hands(self, connection: Connection) -> wire.Welcome:
        hello = wire.Initialize(wire.Span(), introduction(self._name), self._role)
        try:
            welcome = wire.parse(wire.Welcome, await connection.call(Method.INITIALIZE, wire.to_json(hello)))
        except CallFailed as error:
            raise refusal(error, self._session, self._destination) from error
        if not is_session_id(welcome.session):  # it becomes a word of commands that the user is told
            raise ConnectionError("the host names a session that is none")
        if self._session and welcome.session != self._session:
            raise ConnectionError(f"the host that was reached runs session {welcome.session}, not {self._session}")
        self._session = welcome.session
        status = self.status
        status.host_version, status.program = welcome.server.version, welcome.server.program
        status.caps, status.role = frozenset(welcome.caps), welcome.role
        return welcome

    # -- for the calls ------------------------------------------------------------------------------------

    async def _live(self) -> Connection:
        while self._connection is None:
            if self.status.link in OVER:
                raise ConnectionError(self.status.note or "no host lives")
            await self._lost(None)
        return self._connection

    async def _lost(self, connection: Connection | None) -> None:
        """Until the link is another than `connection`."""
        while self._connection is connection and not (connection is None and self.status.link in OVER):
            await asyncio.shield(self._turn)

    def _past(self) -> OfHost | OfFile:
        if self._connection is not None:
            return OfHost(self._connection)
        if self._folder is None:
            raise ConnectionError(self.status.note or "not connected")
        return OfFile(self._folder)


def _left(bye: wire.Bye) -> str:
    return f"the host has left: {bye.reason}"


@contextlib.asynccontextmanager
async def _patience(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise ConnectionError(f"no answer within {seconds:g} s: whether it took effect is not known") from error
