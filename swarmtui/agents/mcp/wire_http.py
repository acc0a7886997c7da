"""A server at an address: MCP's streamable HTTP, by the ``mcp`` package, with caps and errors that say what happened.

A request that breaks on the way is answered with an error of its own; in the package it would end the connection, and
with it all other calls.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx2
from mcp.client._transport import TransportStreams
from mcp.client.streamable_http import streamable_http_client

from swarmtui.agents.mcp.lines import LONGEST
from swarmtui.agents.mcp.wire import BROKEN
from swarmtui.safety.mcp_rules import is_loopback
from swarmtui.safety.text import one_line

CONNECT_S = 10.0
_WRITE_S = 30.0
_WANTS_KEY = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


class HttpWire:
    """The messages of one session with an address; see :class:`swarmtui.agents.mcp.wire.Wire`."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self.lost: str | None = None
        self.patient = False
        self._url = url
        self._headers = dict(headers)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[TransportStreams, None]:
        """A session with the address. An address that cannot be reached is told by the first request's error."""
        client = _Client(
            self,
            headers={**self._headers, "accept-encoding": "identity"},
            timeout=httpx2.Timeout(None, connect=CONNECT_S, write=_WRITE_S),
            trust_env=not is_loopback(urlsplit(self._url)),
        )
        session = streamable_http_client(self._url, http_client=client, max_sse_event_size=LONGEST)
        async with client, session as streams:
            yield streams

    def kill(self) -> None:
        """Nothing of the server's runs here."""


class _Client(httpx2.AsyncClient):
    """Turns what breaks on the way, and refusals without a word, into answers that say so."""

    def __init__(self, wire: HttpWire, **settings: Any) -> None:
        super().__init__(**settings)
        self._wire = wire

    async def send(self, request: httpx2.Request, **settings: Any) -> httpx2.Response:
        """As the package's, for the requests that carry a message; others are none of ours."""
        if request.method != "POST":
            return await super().send(request, **settings)
        try:
            response = await super().send(request, **settings)
        except httpx2.TransportError as error:
            return _answer(request, HTTPStatus.BAD_GATEWAY, _broken(request, error), BROKEN)
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        told = self._refusal(request, response, kind)
        if told:
            await response.aclose()
            gone = self._wire.lost is not None
            return _answer(request, response.status_code, told, BROKEN if gone else -32000)
        if kind != "text/event-stream":  # whose events are capped one by one
            response.stream = _Capped(response.stream)
        return response

    def _refusal(self, request: httpx2.Request, response: httpx2.Response, kind: str) -> str:
        """What to say of an answer that is none of the protocol's."""
        status = response.status_code
        if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            return "its answer is compressed, which it was not asked for"
        if status < HTTPStatus.BAD_REQUEST:
            return ""
        if status == HTTPStatus.NOT_FOUND and "mcp-session-id" in request.headers:
            self._wire.lost = "it has ended the session"
            return self._wire.lost
        if kind == "application/json":
            return ""
        if status in _WANTS_KEY:
            return f"HTTP {status}: it wants to know who asks; set `headers: {{Authorization: $NAME}}`"
        if status == HTTPStatus.NOT_FOUND:
            return "HTTP 404: there is no MCP server at this address; check the url's path, often /mcp"
        return f"HTTP {status}"


class _Capped(httpx2.AsyncByteStream):
    """A body of which not more than the cap is read."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for chunk in self._stream:
                size += len(chunk)
                if size > LONGEST:
                    raise httpx2.StreamError(f"its answer is larger than {LONGEST:,} bytes")
                yield chunk
        except httpx2.TransportError as error:
            raise httpx2.StreamError(f"its answer broke off ({type(error).__name__})") from error

    async def aclose(self) -> None:
        await self._stream.aclose()


def _answer(request: httpx2.Request, status: int, message: str, code: int) -> httpx2.Response:
    """A refusal in the protocol's own form, which reaches the caller of the one request."""
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}
    return httpx2.Response(max(status, HTTPStatus.BAD_REQUEST), json=body, request=request)


def _broken(request: httpx2.Request, error: httpx2.TransportError) -> str:
    host = one_line(request.url.host, 100)
    match error:
        case httpx2.ConnectTimeout():
            return f"{host} did not accept a connection within {CONNECT_S:g} s"
        case httpx2.ConnectError():
            return f"{host} cannot be reached: {one_line(str(error), 120)}"
        case httpx2.ProxyError():
            return f"the proxy of the environment did not let {host} through"
        case _:
            return f"{host} broke the connection ({type(error).__name__})"
