"""What viewers fetch of a session's past once somebody looks at it: pages of events, whole outputs, ends of logs.

It comes from the session's file or from its host. Whatever keeps it from coming is a ConnectionError.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable

from swarmtui.host.connection import CallFailed, Connection
from swarmtui.host.feed import CommandRefused, fetching
from swarmtui.host.history import History, OutputMissing
from swarmtui.host.jsonrpc import Code
from swarmtui.host.protocol import PAGE, Method
from swarmtui.host.shelf import BLOB_LIMIT, FILE_LIMIT, NodeFile
from swarmtui.plan.model import JSON
from swarmtui.session.codec import event_from_json
from swarmtui.session.events import Event
from swarmtui.session.folder import SessionFolder
from swarmtui.session.rows import row_to_event


class OfFile:
    """The past as the session's file has it."""

    def __init__(self, folder: SessionFolder) -> None:
        self._history = History(folder)

    async def events_before(self, seq: int, limit: int, node: str | None = None) -> list[Event]:
        """Up to `limit` events before `seq`, oldest first; of one node if given. Raises ConnectionError."""
        with fetching():
            return [row_to_event(row) for row in await asyncio.to_thread(self._history.before, seq, limit, node)]

    async def output(self, node: str, item: int | None = None) -> str:
        """The whole recorded output of a node or item, not cleaned; empty if there is none. Raises ConnectionError."""
        with fetching():
            try:
                return await asyncio.to_thread(self._history.output, node, item)
            except OutputMissing:
                return ""

    async def log_tail(self, node: str, limit: int) -> str:
        """The last `limit` bytes of the node's log, not cleaned; empty if there is none. Raises ConnectionError."""
        with fetching():
            return await asyncio.to_thread(self._history.log_tail, node, limit)


class OfHost:
    """The past as the host at the other end of `connection` tells it; methods as of :class:`OfFile`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def events_before(self, seq: int, limit: int, node: str | None = None) -> list[Event]:
        """Up to `limit` events before `seq`, oldest first."""
        with fetching():
            asked: dict[str, JSON] = {"before": seq, "limit": limit, "node": node}
            page = await self._connection.call(Method.EVENTS_PAGE, asked)
            return [event_from_json(line) for line in page["events"]]

    async def output(self, node: str, item: int | None = None) -> str:
        """The whole recorded output."""
        with fetching():
            try:
                found = await self._connection.call(Method.OUTPUT_READ, {"node": node, "item": item})
            except CallFailed as error:
                if error.code == Code.MISSING:
                    return ""
                raise
            return str(found["text"])

    async def log_tail(self, node: str, limit: int) -> str:
        """The end of the node's log."""
        with fetching():
            found = await self._connection.call(Method.LOG_TAIL, {"node": node, "limit": limit})
            return str(found["text"])


class ShelfOfFile:
    """A :class:`~swarmtui.host.shelf.Shelf` in the session's folder."""

    def __init__(self, folder: SessionFolder) -> None:
        self._history = History(folder)

    async def blob(self, sha: str, limit: int = BLOB_LIMIT) -> bytes | None:
        """The first `limit` bytes of a recorded text."""
        with fetching():
            return await asyncio.to_thread(self._history.blob, sha, 0, limit)

    async def files(self, node: str) -> list[NodeFile]:
        """The files of a node."""
        with fetching():
            return await asyncio.to_thread(self._history.files, node)

    async def file(self, node: str, name: str, limit: int = FILE_LIMIT) -> bytes:
        """The first `limit` bytes of one of them."""
        with fetching():
            return await asyncio.to_thread(self._history.file, node, name, 0, limit)


Ask = Callable[[str, dict[str, JSON]], Awaitable[JSON]]
"""Asks the host: a method and its parameters."""


class ShelfOfHost:
    """A :class:`~swarmtui.host.shelf.Shelf` behind the wire, asked by pages."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def blob(self, sha: str, limit: int = BLOB_LIMIT) -> bytes | None:
        """The first `limit` bytes of a recorded text."""
        with fetching():
            try:
                return await self._pages(Method.BLOB_READ, {"sha": sha}, limit)
            except CommandRefused as error:
                if error.code == Code.MISSING:
                    return None
                raise

    async def files(self, node: str) -> list[NodeFile]:
        """The files of a node."""
        with fetching():
            found = await self._ask(Method.FILES_LIST, {"node": node})
            return [NodeFile(str(file["name"]), int(file["size"]), float(file["ts"])) for file in found["files"]]

    async def file(self, node: str, name: str, limit: int = FILE_LIMIT) -> bytes:
        """The first `limit` bytes of one of them."""
        with fetching():
            return await self._pages(Method.FILE_READ, {"node": node, "name": name}, limit)

    async def _pages(self, method: str, asked: dict[str, JSON], limit: int) -> bytes:
        read = bytearray()
        while len(read) < limit:
            wanted = min(PAGE, limit - len(read))
            page = await self._ask(method, {**asked, "offset": len(read), "len": wanted})
            data = base64.b64decode(str(page["data"]))
            read += data
            if len(data) < wanted:
                break
        return bytes(read)
