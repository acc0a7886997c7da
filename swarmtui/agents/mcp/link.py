"""One connection to a server, from its start to its end. Importing this imports the ``mcp`` package (0.8 s of CPU).

The client of the package lives in one task, its *owner*: what it opens has to be closed by the task that opened it.
Calls are made from the tasks of those who call, and cancelling one of them cancels its request alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack, suppress
from typing import Any, TypeVar

from mcp import MCPError
from mcp.client import Client
from mcp.client.subscriptions import ListenNotSupportedError, SubscriptionLost
from mcp.shared.dispatcher import ProgressFnT
from mcp_types import (
    CallToolRequest,
    CallToolRequestParams,
    Implementation,
    ListToolsResult,
    ToolListChangedNotification,
)
from pydantic import TypeAdapter, ValidationError

from swarmtui.agents.mcp.offers import MOST, Offers, read_offers
from swarmtui.agents.mcp.wire import BROKEN, Wire, WireFailed
from swarmtui.plan.model import JSON
from swarmtui.safety.text import one_line

_PAGES = 64
_Answer = TypeVar("_Answer")
_ANYTHING: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])

logger = logging.getLogger(__name__)


class Gone(Exception):
    """No answer came, and none will: the server has ended or the connection broke. The message says how."""


class Slow(Exception):
    """No answer came in time."""


class Refused(Exception):
    """The server answered with an error, or with something that the protocol does not know; the message is its own."""


class Link:
    """A connection. It begins to open when made; :meth:`opened` waits for that, :meth:`end` begins to close it."""

    def __init__(self, server: str, wire: Wire, *, start_s: float) -> None:
        self.offers = Offers()
        self.stale = False
        """Whether the server has said that it offers something else by now."""
        self._server = server
        self._wire = wire
        self._start_s = start_s
        self._client: Client | None = None
        self._ready = asyncio.Event()
        self._stop = asyncio.Event()
        self._listing = asyncio.Lock()
        self.owner = asyncio.create_task(self._own(), name=f"mcp {server}")

    @property
    def lost(self) -> str | None:
        """Why it cannot be used any more; None while it can, or is being opened."""
        return self._wire.lost

    async def opened(self) -> None:
        """Returns once calls can be made. Raises Gone."""
        await self._ready.wait()
        self._session()

    def end(self, why: str = "it was closed", *, kill: bool = False) -> None:
        """Begins to close it; `owner` is done when it is. With `kill` the server gets no time to end by itself."""
        self._wire.lost = self._wire.lost or why
        if kill:
            self._wire.patient = False
            self._wire.kill()
        self._stop.set()
        if not self._ready.is_set():
            self.owner.cancel()

    async def call(self, tool: str, arguments: Mapping[str, JSON], progress: ProgressFnT, timeout_s: float) -> JSON:
        """The result of ``tools/call`` as JSON. Raises Gone, Slow, Refused."""
        request = CallToolRequest(params=CallToolRequestParams(name=tool, arguments=dict(arguments)))
        session = self._session().session  # whose own call_tool would check the result by the server's schema
        return await self._answer(session.send_request(request, _ANYTHING, progress_callback=progress), timeout_s)

    async def refresh(self, timeout_s: float) -> None:
        """Asks anew what the server offers. Raises Gone, Slow, Refused."""
        async with self._listing:
            self.stale = False
            self.offers = await self._list(timeout_s)

    async def answers(self, within_s: float) -> bool:
        """Whether the server answers anything at all."""
        with suppress(Gone, Slow):
            try:
                await self._page(None, within_s)
            except Refused:
                return True
            return True
        return False

    def _session(self) -> Client:
        if self._wire.lost is not None or self._client is None:
            raise Gone(self._wire.lost or "it was closed")
        return self._client

    async def _answer(self, request: Coroutine[Any, Any, _Answer], timeout_s: float) -> _Answer:
        """The answer to a request. The package's own time limit starts once it is written, which may be never."""
        try:
            async with asyncio.timeout(timeout_s):
                return await request
        except TimeoutError:
            raise Slow(f"no answer within {timeout_s:g} s") from None
        except MCPError as error:
            if self._wire.lost is not None:
                raise Gone(self._wire.lost) from None
            told = one_line(error.message, 500) or f"error {error.code}"
            raise (Gone(told) if error.code == BROKEN else Refused(told)) from None
        except ValidationError as error:
            raise Refused(f"its answer is not what the protocol says ({error.error_count()} errors)") from None

    async def _own(self) -> None:
        """Opens the client, keeps it until it is to end, closes it: all in this task."""
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(self._start_s):
                    await self._open(stack)
                self._wire.patient = True
                self._ready.set()
                await self._keep()
        except asyncio.CancelledError:
            self._wire.lost = self._wire.lost or "it was closed"
            self._wire.kill()
            if not self._stop.is_set():
                raise
        except TimeoutError:
            self._wire.lost = self._wire.lost or f"it was not ready within {self._start_s:g} s"
        except Exception as error:  # whatever the package raises is the end of the connection
            self._wire.lost = self._wire.lost or _reason(error)
            logger.debug("the connection to the MCP server %s failed", self._server, exc_info=error)
        finally:
            self._wire.lost = self._wire.lost or "it was closed"
            self._client = None
            self._ready.set()

    async def _open(self, stack: AsyncExitStack) -> None:
        client = Client(
            self._wire.open(),
            cache=None,
            message_handler=self._notice,
            client_info=Implementation(name="swarmtui", version="0"),
        )
        await stack.enter_async_context(client)
        self._client = client
        self.offers = await self._list(self._start_s)

    async def _keep(self) -> None:
        """Stays until it is told to end or the connection is lost, which the wire says by closing its stream."""
        watching = asyncio.create_task(self._watch())
        try:
            await self._stop.wait()
        finally:
            self._wire.lost = self._wire.lost or "the connection broke"
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self) -> None:
        """Learns of changes from a server of the newer protocol, which tells only those who ask to be told."""
        with suppress(ListenNotSupportedError, SubscriptionLost, MCPError, TimeoutError, Gone):
            client = self._session()
            tools = client.server_capabilities.tools
            if tools is not None and tools.list_changed:
                async with client.listen(tools_list_changed=True) as changes:
                    async for _ in changes:
                        self.stale = True

    async def _notice(self, message: object) -> None:
        if isinstance(message, ToolListChangedNotification):
            self.stale = True

    async def _list(self, timeout_s: float) -> Offers:
        entries: list[JSON] = []
        cursor: str | None = None
        for _ in range(_PAGES):
            page = await self._page(cursor, timeout_s)
            entries += [tool.model_dump(by_alias=True, mode="json", exclude_unset=True) for tool in page.tools]
            cursor = page.next_cursor
            if cursor is None or len(entries) > MOST:
                break
        return read_offers(self._server, entries)

    async def _page(self, cursor: str | None, timeout_s: float) -> ListToolsResult:
        return await self._answer(self._session().list_tools(cursor=cursor), timeout_s)


def _reason(error: BaseException) -> str:
    """Why a connection could not be opened or ended, on one line."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    match error:
        case WireFailed() | Refused() | Gone() | Slow():
            return str(error)
        case MCPError():
            return one_line(error.message, 300)
        case ValidationError():
            return "what it says of itself is not what the protocol says"
        case _:
            return one_line(str(error), 300) or type(error).__name__
