"""The host's socket: who may come in, who is there, and how they are told that the host leaves."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pwd
import socket
import stat
import struct
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import swarmtui
from swarmtui.host import protocol as wire
from swarmtui.host.answers import Answers
from swarmtui.host.conducted import Conducted
from swarmtui.host.dialling import own_program
from swarmtui.host.live_forks import fork_live
from swarmtui.host.viewer import ViewerLink
from swarmtui.plan.model import JSON
from swarmtui.safety.paths import PathRefused
from swarmtui.safety.text import one_line
from swarmtui.session.folder import SessionFolder
from swarmtui.session.rows import log_id
from swarmtui.session.trouble import Trouble
from swarmtui.session.vocabulary import Status

LOCAL_PEERCRED = 1
IDS_PER_HOST = 1_000_000
"""How far the ids of viewers of two hosts of one session lie apart, so that none is ever used again."""
BYE_PATIENCE_S = 2.0
BACKLOG = 1_024
"""So many may knock at once: whoever finds no room is turned away, as if no host lived."""


def peer_uid(peer: socket.socket) -> int | None:
    """The user at the other end of a unix socket; None where the system does not tell."""
    peercred = getattr(socket, "SO_PEERCRED", None)
    try:
        if peercred is not None:
            _, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, peercred, struct.calcsize("3i")))
            return int(uid)
        if sys.platform == "darwin":  # struct xucred: version, uid, ...
            _, uid = struct.unpack("II", peer.getsockopt(0, LOCAL_PEERCRED, 76)[:8])
            return int(uid)
    except (OSError, struct.error):
        return None
    return None


def bind(path: Path) -> socket.socket:
    """A listening socket at `path`, mode 0600, in place of a stale one. The caller holds the session's lock.

    Raises PathRefused if something else than a socket is in the way, OSError if it cannot be bound.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        pass
    else:
        if not stat.S_ISSOCK(found.st_mode):
            raise PathRefused(f"{path}: is in the way of the session's socket; move it away")
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener


class Server:
    """Serves one session to its viewers until it is closed."""

    def __init__(
        self,
        conducted: Conducted,
        folder: SessionFolder,
        *,
        handshake_s: float = wire.HANDSHAKE_S,
        heartbeat_s: float = wire.HEARTBEAT_S,
        stalled_s: float = wire.STALLED_S,
        resync_events: int = wire.RESYNC_EVENTS,
        lag_s: float = wire.LAG_S,
        uid_of: Callable[[socket.socket], int | None] = peer_uid,
        recorded: Status | None = None,
    ) -> None:
        """`recorded`: no host lives; the session's status as it is seen."""
        self.conducted = conducted
        self.folder = folder
        self.session = folder.id
        self.recorded = recorded is not None
        self.answers = Answers(self)
        self.handshake_s = handshake_s
        self.heartbeat_s = heartbeat_s
        self.stalled_s = stalled_s
        self.resync_events = resync_events
        self.lag_s = lag_s
        self.info = wire.ServerInfo(
            swarmtui.__version__,
            os.getpid(),
            sys.argv[0],
            time.time(),
            one_line(socket.gethostname(), 64),
            own_program(),
        )
        self._seen = recorded
        self._uid_of = uid_of
        self._log_id = ""
        self._links: dict[int, ViewerLink] = {}
        self._accepting: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._forks: dict[str, asyncio.Task[dict[str, JSON]]] = {}
        self._last_id = conducted.state.hosts * IDS_PER_HOST
        self._changed = asyncio.Event()
        self.ever_seen = False
        """Whether any viewer has come."""
        conducted.log.watch_trouble(self._trouble_changed)

    @property
    def status(self) -> Status:
        """The session's status as it is seen: that of a file whose host went without a word is crashed."""
        return self._seen or self.conducted.state.status

    @property
    def viewers(self) -> tuple[wire.ViewerInfo, ...]:
        """Who watches now."""
        return tuple(wire.ViewerInfo(link.id, link.name, link.role) for link in self._links.values() if link.welcomed)

    def viewers_changed(self) -> Awaitable[object]:
        """Until a viewer comes or goes after this call, whenever it is awaited: look at :attr:`viewers` in between."""
        return self._changed.wait()

    async def log_id(self) -> str:
        """What tells this log from every other, also from one that has a beginning in common with it."""
        if not self._log_id:
            await self.conducted.log.committed(1)
            self._log_id = log_id((await self.conducted.log.rows(1, 1))[0].hash, self.session)
        return self._log_id

    @contextlib.asynccontextmanager
    async def listening(self, listener: socket.socket) -> AsyncIterator[None]:
        """Accept viewers on `listener` within the block; afterwards nobody is connected."""
        await self.listen(listener)
        try:
            yield
        finally:
            if self._accepting is not None:
                self._accepting.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, *self._forks.values(), return_exceptions=True)
            await self.answers.close()

    async def listen(self, listener: socket.socket) -> None:
        """Accept viewers on `listener` from now on, and no longer where they came in before; who is in stays."""
        before = self._accepting
        self._accepting = await asyncio.start_unix_server(
            self._accept, sock=listener, limit=wire.MAX_BODY, backlog=BACKLOG
        )
        if before is not None:
            before.close()

    async def say_bye(self, reason: str, exit_code: int, patience_s: float = BYE_PATIENCE_S) -> None:
        """Let every viewer see the end of the log and tell it that the host leaves."""
        bye = wire.Bye(reason, exit_code)
        await asyncio.gather(*(link.leave(bye, patience_s) for link in list(self._links.values())))

    # -- for the links ------------------------------------------------------------------------------------

    def introduce(self, user: str, client: wire.ClientInfo) -> tuple[str, str]:
        """A viewer's name, and the actor as whom its commands are recorded."""
        name = one_line(client.name, 40) or "viewer"
        host = one_line(client.host, 64) or self.info.host
        return name, f"{user}@{host} {name}"

    def arrived(self) -> None:
        """A viewer has introduced itself."""
        self.ever_seen = True
        self._company_changed()

    def left(self, link: ViewerLink) -> None:
        """A viewer listens no more, and does not count as one; its commands are carried out all the same."""
        if link.welcomed:
            link.welcomed = False
            self._company_changed()

    async def fork(self, params: dict[str, JSON], actor: str | None, command_id: str | None) -> dict[str, JSON]:
        """Make another session of this one's past, once for each `command_id`. Raises Refused."""
        if command_id is None:
            return await fork_live(self.folder, params, actor=actor)
        making = self._forks.get(command_id)
        if making is None:
            making = self._forks[command_id] = asyncio.create_task(fork_live(self.folder, params, actor=actor))
        return await asyncio.shield(making)

    def note(self, text: str) -> None:
        """A line for the host's own log."""
        logging.getLogger(__name__).warning("%s", text)

    # -- connections --------------------------------------------------------------------------------------

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer: socket.socket = writer.get_extra_info("socket")
        uid = self._uid_of(peer)
        user = _user_name(uid) if uid is not None and uid == os.geteuid() else ""
        task = asyncio.create_task(self._serve(reader, writer, user))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def serve_own(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one viewer over what this user's own process has opened, until it leaves."""
        try:
            await self._serve(reader, writer, _user_name(os.geteuid()))
        finally:
            await self.answers.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, user: str) -> None:
        self._last_id += 1
        link = self._links[self._last_id] = ViewerLink(self, self._last_id, reader, writer, user)
        try:
            await link.serve()
        finally:
            self.left(link)
            del self._links[link.id]

    def _trouble_changed(self, trouble: Trouble | None) -> None:
        for link in self._links.values():
            if link.welcomed:
                link.trouble_changed()

    def _company_changed(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
        for link in self._links.values():
            if link.welcomed:
                link.company_changed()


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid{uid}"
