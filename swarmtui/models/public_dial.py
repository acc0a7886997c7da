"""Connects to public addresses only: a name is looked up once, all its addresses are judged, and one is dialled.

What is judged and what is dialled are the same numbers, so that a name which changes between two look-ups (DNS
rebinding) gains nothing. There is no proxy: it would do the look-up itself.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address

import httpcore

from swarmtui.models.public_address import Address

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The IP addresses of a host's name, as text. Raises OSError."""
Objection = Callable[[str, int], str | None]
"""Why this IP address may not be connected to at this port; None: it may."""

_DIALLED = 4
_CONNECT_S = 8.0
_UNREAD_S = 15.0


class NotPublic(Exception):
    """A host has an address that may not be connected to."""


async def look_up(host: str, port: int) -> Sequence[str]:
    """The addresses of `host`, by the system's resolver. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class Dialler(httpcore.AsyncNetworkBackend):
    """Makes connections, to addresses without an `objection` only."""

    def __init__(self, objection: Objection, resolve: Resolve) -> None:
        self._objection = objection
        self._resolve = resolve
        self._dial = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to one of the addresses of `host`. Raises NotPublic, ConnectError and ConnectTimeout."""
        addresses = [host] if _is_ip(host) else await self._addresses(host, port)
        for address in addresses:
            objection = self._objection(address, port)
            if objection is not None:
                raise NotPublic(f"{host}: {objection}")
        *first, last = addresses[:_DIALLED]
        for address in first:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return await self._dial.connect_tcp(address, port, timeout, local_address, socket_options)
        return await self._dial.connect_tcp(last, port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Never."""
        raise NotPublic("a socket of this machine is no public host")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("no such host") from error
        if not found:
            raise httpcore.ConnectError("no such host")
        return found


@asynccontextmanager
async def ask(
    address: Address, headers: Iterable[tuple[str, str]], dialler: Dialler, tls: ssl.SSLContext | None
) -> AsyncIterator[httpcore.Response]:
    """The response to a GET, its head read, on a connection of its own; `tls` is for https. Raises NotPublic and what
    httpcore raises."""
    pool = httpcore.AsyncConnectionPool(
        ssl_context=tls,
        max_connections=1,
        max_keepalive_connections=0,
        network_backend=dialler,
    )
    url = httpcore.URL(
        scheme=address.scheme.encode(),
        host=address.host.encode(),
        port=address.port,
        target=address.target.encode(),
    )
    timeouts = {"connect": _CONNECT_S, "read": _UNREAD_S, "write": _UNREAD_S}
    async with pool, pool.stream("GET", url, headers=[*headers], extensions={"timeout": timeouts}) as response:
        yield response


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
