"""The host's socket, kept reachable for as long as the host lives, whatever becomes of the folder that it lies in.

A host outlives the login that started it, and with that login logind empties the runtime directory; somebody may tidy
it up as well. So the host looks after its own socket: where that is gone, it makes another one, at the place that is
right by then, and says so in host.json, which is where viewers look.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

from swarmtui.host.server import bind
from swarmtui.safety.paths import PathRefused, places, socket_path
from swarmtui.session.folder import SessionFolder

WATCH_S = 1.0
"""Less than for how long a viewer tries to come in before it gives up."""

logger = logging.getLogger(__name__)


class Door:
    """The socket of one session. The caller holds the session's lock from before it is made until it is closed."""

    def __init__(
        self, folder: SessionFolder, environ: Mapping[str, str] = os.environ, *, watch_s: float = WATCH_S
    ) -> None:
        """Listens from here on, in place of a stale socket. Raises PathRefused, OSError."""
        self._folder = folder
        self._environ = environ
        self._watch_s = watch_s
        self.path, self.listener, self._file = self._opened()

    def _opened(self) -> tuple[Path, socket.socket, tuple[int, int]]:
        path = socket_path(self._folder.id, places(self._environ))
        listener = bind(path)
        found = path.lstat()
        return path, listener, (found.st_dev, found.st_ino)

    @contextlib.asynccontextmanager
    async def kept_open(
        self, listen: Callable[[socket.socket], Awaitable[None]], tell: Callable[[Path], None]
    ) -> AsyncIterator[None]:
        """Within the block a socket that is gone is replaced: `listen` accepts at the new one, `tell` says where."""
        watch = asyncio.create_task(self._watch(listen, tell), name="socket watch")
        try:
            yield
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    def close(self) -> None:
        """Listen no more, and leave no socket behind. One that another process has put in its place stays."""
        mine = self._is_mine()
        self.listener.close()
        if mine:
            self.path.unlink(missing_ok=True)

    async def _watch(self, listen: Callable[[socket.socket], Awaitable[None]], tell: Callable[[Path], None]) -> None:
        told = ""
        while True:
            await asyncio.sleep(self._watch_s)
            if not self._folder.path.exists():
                continue  # there is no session any more that could be reached
            try:
                await self._mend(listen, tell)
                told = ""
            except (OSError, PathRefused) as error:
                if str(error) != told:
                    logger.warning("the session cannot be attached to for now: %s", error)
                told = str(error)

    async def _mend(self, listen: Callable[[socket.socket], Awaitable[None]], tell: Callable[[Path], None]) -> None:
        """Make good what is missing. Raises OSError, PathRefused."""
        if self._is_mine():
            if not self._folder.host_json.exists():
                tell(self.path)
            return
        if _answers(self.path):
            raise PathRefused(f"{self.path}: another process listens there in place of this host")
        self.path, self.listener, self._file = self._opened()
        await listen(self.listener)
        tell(self.path)
        logger.warning("the session's socket was gone: a new one is at %s", self.path)

    def _is_mine(self) -> bool:
        """Whether the file is still the one that was made. While it is listened at no other gets its number."""
        try:
            found = self.path.lstat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._file


def _answers(path: Path) -> bool:
    """Whether a process listens at `path`."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return False
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
            knock.setblocking(False)
            knock.connect(str(path))
    except BlockingIOError:
        return True  # so many wait to come in that there is no room
    except OSError:
        return False
    return True
