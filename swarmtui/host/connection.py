"""The viewer's end of one connection: calls that await their replies, notices in order, bodies fetched unseen."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from swarmtui.host import jsonrpc as rpc
from swarmtui.host import protocol as wire
from swarmtui.host.bodies import Blob, blob_in
from swarmtui.host.jsonrpc import Code, Fault, LineBuffer, Notice, ProtocolError, Reply, Request
from swarmtui.host.protocol import Method
from swarmtui.plan.model import JSON
from swarmtui.session.rows import blob_sha

NOTICES_HELD = 64
UNANSWERED = 64 * 1024 * 1024
"""Bytes that a host may say, while it is asked something, before it has to answer: they are held meanwhile."""
CLOSE_S = 1.0
BODY_CAP = 1024 * 1024 * 1024


class CallFailed(Exception):
    """The host answered with an error; `code` is one of ``protocol.Code`` or a command's own."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.code = fault.code
        self.data = fault.data


class Connection:
    """One connection to a host; an async context manager within which :meth:`call` and :meth:`notices` work."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, silence_s: float = wire.SILENCE_S):
        self._reader = reader
        self._writer = writer
        self._silence_s = silence_s
        self._last_id = 0
        self._calls: dict[int | str, asyncio.Future[JSON]] = {}
        self._notices: deque[Notice] = deque()
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._broken: ConnectionError | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._read_all(), name="connection reader")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._task is not None:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
            self._break(ConnectionError("the connection was closed"))
            self._writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await self._writer.wait_closed()
        finally:  # a link that is frozen takes nothing any more, and whoever leaves may be in a hurry
            self._writer.transport.abort()

    async def call(self, method: str, params: dict[str, JSON]) -> JSON:
        """The host's result. Raises CallFailed, or ConnectionError when the link broke before the reply."""
        return await self.resolve(await self._ask(method, params))

    async def _ask(self, method: str, params: dict[str, JSON]) -> JSON:
        if self._broken is not None:
            raise self._broken
        self._last_id += 1
        id = self._last_id
        future: asyncio.Future[JSON] = asyncio.get_running_loop().create_future()
        self._calls[id] = future
        self._room.set()
        try:
            self._writer.write(rpc.encode(Request(id, method, params)))
            await self._writer.drain()
            return await future
        finally:
            self._calls.pop(id, None)

    async def resolve(self, value: JSON) -> JSON:
        """`value`, or the body that it refers to. Raises as :meth:`call` does."""
        try:
            blob = blob_in(value)
            return value if blob is None else json.loads(await self._fetch(blob))
        except (ProtocolError, ValueError, RecursionError) as error:
            raise ConnectionError("the host sent a body that cannot be read") from error

    async def notices(self) -> AsyncIterator[Notice]:
        """Notices in order, until the link breaks: then ConnectionError says how."""
        while True:
            while self._notices:
                notice = self._notices.popleft()
                self._room.set()
                yield notice
            if self._broken is not None:
                raise self._broken
            self._news.clear()
            await self._news.wait()

    async def _fetch(self, blob: Blob) -> bytes:
        if blob.size > BODY_CAP:
            raise ConnectionError(f"the host offers a body of {blob.size} bytes, which is more than makes sense")
        pages: list[bytes] = []
        held = 0
        while held < blob.size:
            page = await self._ask(Method.BLOB_READ, {"sha": blob.sha, "offset": held, "len": wire.PAGE})
            try:
                pages.append(base64.b64decode(page["data"], validate=True))
            except (KeyError, TypeError, binascii.Error) as error:
                raise ConnectionError("the host sent a page that cannot be read") from error
            if not pages[-1]:
                break
            held += len(pages[-1])
        whole = b"".join(pages)
        if len(whole) != blob.size or blob_sha(whole) != blob.sha:
            raise ConnectionError("a body arrived damaged")
        return whole

    async def _read_all(self) -> None:
        try:
            lines, unanswered = LineBuffer(), 0
            while True:
                async with asyncio.timeout(self._silence_s):
                    data = await self._reader.read(65_536)
                if not data:
                    raise ConnectionError("the host closed the connection")
                unanswered = unanswered + len(data) if self._calls else 0
                for line in lines.feed(data):
                    message = rpc.decode(line)
                    if isinstance(message, Reply | Fault):
                        unanswered = 0
                    self._take(message)
                if unanswered > UNANSWERED:
                    raise ConnectionError("the host says ever more and does not answer")
                while len(self._notices) > NOTICES_HELD and not self._calls:
                    self._room.clear()
                    await self._room.wait()
        except TimeoutError:
            self._break(ConnectionError(f"nothing was heard for {self._silence_s:g} s"))
        except ProtocolError as error:
            self._break(ConnectionError(f"the host sent what cannot be read: {error}"))
        except OSError as error:
            self._break(error if isinstance(error, ConnectionError) else ConnectionError(str(error)))

    def _take(self, message: rpc.Message) -> None:
        match message:
            case Notice():
                self._notices.append(message)
                self._news.set()
            case Reply():
                self._settle(message.id, message.result)
            case Fault(id=None):
                raise ProtocolError(Code.INVALID, message.message)
            case Fault():
                self._settle(message.id, CallFailed(message))
            case Request():
                pass  # this version's viewers answer nothing

    def _settle(self, id: int | str | None, result: JSON) -> None:
        future = self._calls.get(id) if id is not None else None
        if future is None or future.done():
            return
        if isinstance(result, CallFailed):
            future.set_exception(result)
        else:
            future.set_result(result)

    def _break(self, error: ConnectionError) -> None:
        if self._broken is None:
            self._broken = error
        for future in self._calls.values():
            if not future.done():
                future.set_exception(self._broken)
        self._news.set()
