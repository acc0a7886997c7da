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
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import swarmtui
from swarmtui.host import protocol as wire
from swarmtui.host.history import History
from swarmtui.host.viewer import Conducted, ViewerLink
from swarmtui.safety.paths import PathRefused
from swarmtui.safety.text import one_line
from swarmtui.session.folder import SessionFolder
from swarmtui.session.trouble import Trouble

LOCAL_PEERCRED = 1
BYE_PATIENCE_S = 2.0


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
        listener.listen(64)
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
        uid_of: Callable[[socket.socket], int | None] = peer_uid,
    ) -> None:
        self.conducted = conducted
        self.session = folder.id
        self.history = History(folder)
        self.handshake_s = handshake_s
        self.heartbeat_s = heartbeat_s
        self.stalled_s = stalled_s
        self.resync_events = resync_events
        self.info = wire.ServerInfo(
            swarmtui.__version__, os.getpid(), sys.argv[0], time.time(), one_line(socket.gethostname(), 64)
        )
        self._uid_of = uid_of
        self._log_id = ""
        self._links: dict[int, ViewerLink] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_id = 0
        self._changed = asyncio.Event()
        self.ever_seen = False
        """Whether any viewer has come."""
        conducted.log.watch_trouble(self._trouble_changed)

    @property
    def viewers(self) -> tuple[wire.ViewerInfo, ...]:
        """Who watches now."""
        return tuple(wire.ViewerInfo(link.id, link.name, link.role) for link in self._links.values() if link.welcomed)

    async def viewers_changed(self) -> None:
        """Until a viewer comes or goes."""
        self._changed.clear()
        await self._changed.wait()

    async def log_id(self) -> str:
        """What tells this log from every other: the hash of its first event."""
        if not self._log_id:
            await self.conducted.log.committed(1)
            self._log_id = (await self.conducted.log.rows(1, 1))[0].hash.hex()
        return self._log_id

    @contextlib.asynccontextmanager
    async def listening(self, listener: socket.socket) -> AsyncIterator[None]:
        """Accept viewers on `listener` within the block; afterwards nobody is connected."""
        server = await asyncio.start_unix_server(self._accept, sock=listener, limit=wire.MAX_BODY)
        try:
            yield
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

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

    def note(self, text: str) -> None:
        """A line for the host's own log."""
        logging.getLogger(__name__).warning("%s", text)

    # -- connections --------------------------------------------------------------------------------------

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._last_id += 1
        peer: socket.socket = writer.get_extra_info("socket")
        uid = self._uid_of(peer)
        user = _user_name(uid) if uid is not None and uid == os.geteuid() else ""
        link = self._links[self._last_id] = ViewerLink(self, self._last_id, reader, writer, user)
        try:
            await link.serve()
        finally:
            del self._links[link.id]
            if link.welcomed:
                self._company_changed()

    def _trouble_changed(self, trouble: Trouble | None) -> None:
        for link in self._links.values():
            if link.welcomed:
                link.trouble_changed()

    def _company_changed(self) -> None:
        self._changed.set()
        for link in self._links.values():
            if link.welcomed:
                link.company_changed()


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid{uid}"
