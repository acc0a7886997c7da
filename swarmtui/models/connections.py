"""Connections to providers, each with a pool of its own: what a request costs does not grow with those in flight.

httpx looks at every connection of a pool whenever a request comes or goes, and for each of these at every other, and
asks the system whether each idle one is still readable. With a few hundred calls in flight that is most of a
program's time. Here a request takes the connection that was used last out of a stack, or makes a new one, and puts it
back; nothing else is looked at. Proxies of the environment are left to httpx's own pools.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections import deque
from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import cast

import httpx

KEEP_S = 4.0
"""Idle connections are dropped before the usual 5 s of servers: one that the server has just closed would cost the
attempt."""
KEPT = 100
"""Idle connections to one server at most."""
_ONE = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=KEEP_S)

_Origin = tuple[str, str, int | None]
_Idle = deque[tuple[float, httpx.AsyncHTTPTransport]]


class Connections(httpx.AsyncBaseTransport):
    """Any number of connections at once; a limit on them is the scheduler's."""

    def __init__(self) -> None:
        _spare_the_search()
        self._tls: ssl.SSLContext | None = None
        self._no_tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        """For plain HTTP, which needs none; it trusts nobody."""
        self._idle: dict[_Origin, _Idle] = {}
        self._closed = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The response with its head read. Its connection is free again once it is closed."""
        url = request.url
        idle = self._idle.setdefault((url.scheme, url.host, url.port), deque())
        if not idle:
            one = httpx.AsyncHTTPTransport(verify=self._trust(url.scheme), limits=_ONE)
        else:
            one = idle.pop()[1]
            await self._drop_old(idle)
        try:
            response = await one.handle_async_request(request)
        except BaseException:
            await one.aclose()
            raise
        return httpx.Response(
            response.status_code,
            headers=response.headers,
            stream=_Body(cast("httpx.AsyncByteStream", response.stream), one, self, idle),
            extensions=response.extensions,
        )

    def _trust(self, scheme: str) -> ssl.SSLContext:
        """Whose certificates are believed. To read them takes some 30 ms: done when the first one is to be checked."""
        if scheme != "https":
            return self._no_tls
        if self._tls is None:
            self._tls = httpx.create_ssl_context()
        return self._tls

    async def put_back(self, one: httpx.AsyncHTTPTransport, idle: _Idle) -> None:
        """The response that came over `one` is closed."""
        if self._closed or len(idle) >= KEPT:
            await one.aclose()
            return
        idle.append((asyncio.get_running_loop().time(), one))
        await self._drop_old(idle)

    async def _drop_old(self, idle: _Idle) -> None:
        """Close those that nobody has used for a while; they are at the bottom."""
        limit = asyncio.get_running_loop().time() - KEEP_S
        while idle and idle[0][0] < limit:
            await idle.popleft()[1].aclose()

    async def aclose(self) -> None:
        """Close what is idle; what is in use is closed with its response."""
        self._closed = True
        for idle in self._idle.values():
            while idle:
                await idle.popleft()[1].aclose()


class _Body(httpx.AsyncByteStream):
    """A response's body, which gives its connection back."""

    def __init__(
        self, body: httpx.AsyncByteStream, one: httpx.AsyncHTTPTransport, owner: Connections, idle: _Idle
    ) -> None:
        self._body = body
        self._one = one
        self._owner = owner
        self._idle = idle
        self._over = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._body:
            yield chunk

    async def aclose(self) -> None:
        if self._over:
            return
        self._over = True
        try:
            await self._body.aclose()
        except BaseException:
            await self._one.aclose()
            raise
        await self._owner.put_back(self._one, self._idle)


def _spare_the_search() -> None:
    """Where sniffio is not installed, say so once: httpcore else looks for it on disk some fifteen times per request.

    ``None`` in ``sys.modules`` is how Python is told that there is no such module (language reference, 5.3.1).
    """
    if "sniffio" not in sys.modules and find_spec("sniffio") is None:
        sys.modules["sniffio"] = None  # type: ignore[assignment]
