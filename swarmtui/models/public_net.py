"""Pages of the public web for agents: fetched from public addresses only, within a time and a size.

The addresses come from models and from pages, so that anybody may have written them. None is asked that is not on the
public internet: that is judged of the very number that is dialled, anew for each redirect. No cookies, no credentials,
no proxy, nothing kept from one page to the next.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from swarmtui.frozen import frozen
from swarmtui.models.decoding import Undecodable, Unpacker, text_of
from swarmtui.models.public_address import Address, AddressRefused, is_public, parse
from swarmtui.safety.text import one_line

if TYPE_CHECKING:
    from ssl import SSLContext

    import httpcore

    from swarmtui.models.public_dial import Dialler, Resolve

WEB_PORTS = frozenset({80, 443})
_MOVED = frozenset({301, 302, 303, 307, 308})
_HEADERS = (
    ("User-Agent", "Mozilla/5.0 (compatible; swarmtui)"),
    ("Accept", "text/html,application/xhtml+xml,text/*;q=0.9,application/json;q=0.9,*/*;q=0.5"),
    ("Accept-Language", "en,*;q=0.5"),
    ("Accept-Encoding", "gzip, deflate"),
)


class FetchFailed(Exception):
    """A page cannot be had; the message says why, in one line, and may be shown to a model."""


@frozen
class Page:
    """What was found."""

    url: str
    """Where it was, after redirects."""
    status: int
    content_type: str
    """In lower case, without parameters; empty if there is none."""
    body: bytes
    """Out of its compression."""
    text: str
    """The body as text, whatever it is."""
    truncated: bool
    """Whether there was more."""


class PublicNet:
    """Fetches pages. Needs no closing: nothing is kept.

    `allow` opens addresses that are not public, or ports that are not the web's, given an IP address and a port: for a
    service that the user runs. `resolve` looks names up. A page takes at most `deadline_s` with all its redirects, and
    at most `cap` bytes of it are read, counted after decompression.
    """

    def __init__(
        self,
        *,
        allow: Callable[[str, int], bool] | None = None,
        ports: Collection[int] = WEB_PORTS,
        resolve: Resolve | None = None,
        deadline_s: float = 30.0,
        cap: int = 5_000_000,
    ) -> None:
        self._allow = allow
        self._ports = ports
        self._resolve = resolve
        self._deadline_s = deadline_s
        self._cap = cap
        self._dialler: Dialler | None = None
        self._tls: SSLContext | None = None

    async def fetch(self, url: str, *, redirects: int = 5) -> Page:
        """The page at `url`, whatever its status, after at most `redirects` of them. Raises FetchFailed."""
        import httpcore

        host = "it"
        try:
            async with asyncio.timeout(self._deadline_s):
                address = parse(url)
                for _ in range(redirects + 1):
                    host = address.host
                    found = await self._ask(address)
                    if isinstance(found, Page):
                        return found
                    address = found
        except TimeoutError:
            raise FetchFailed(f"{_named(host)} had not sent it all after {self._deadline_s:g} s") from None
        except (AddressRefused, Undecodable) as error:
            raise FetchFailed(str(error)) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise FetchFailed(_explain(error, _named(host))) from None
        raise FetchFailed(f"it redirects more than {redirects} times")

    def opened(self, port: int, *, private: bool) -> PublicNet:
        """The same, but that `port` may be asked too, of public machines, or with `private` of any: for a service whose
        address the user gave. Nothing that a model wrote may be fetched through it."""
        before = self._allow

        def allow(ip: str, at: int) -> bool:
            return (before is not None and before(ip, at)) or (private and at == port)

        ports = frozenset((*self._ports, port))
        return PublicNet(allow=allow, ports=ports, resolve=self._resolve, deadline_s=self._deadline_s, cap=self._cap)

    async def _ask(self, address: Address) -> Page | Address:
        """The page, or where it moved to. Raises FetchFailed, AddressRefused, Undecodable and httpcore's errors."""
        from swarmtui.models.public_dial import NotPublic, ask

        host = f"[{address.host}]" if ":" in address.host else address.host
        default = address.port == (443 if address.scheme == "https" else 80)
        headers = (("Host", host if default else f"{host}:{address.port}"), *_HEADERS)
        tls = self._certificates() if address.scheme == "https" else None
        try:
            async with ask(address, headers, self._dial(), tls) as response:
                told = _told(response)
                if response.status in _MOVED and told.get("location"):
                    return address.join(told["location"])
                return await self._page(address, response, told)
        except NotPublic as error:
            raise FetchFailed(str(error)) from None

    async def _page(self, address: Address, response: httpcore.Response, told: dict[str, str]) -> Page:
        unpacker = Unpacker(told.get("content-encoding", "").strip().lower(), self._cap)
        body = bytearray()
        async for chunk in response.aiter_stream():
            body += unpacker.feed(chunk)
            if unpacker.full:
                break
        kind = told.get("content-type", "")
        content = bytes(body)
        return Page(
            url=str(address),
            status=response.status,
            content_type=kind.partition(";")[0].strip().lower(),
            body=content,
            text=text_of(content, kind),
            truncated=unpacker.full,
        )

    def _dial(self) -> Dialler:
        if self._dialler is None:
            from swarmtui.models.public_dial import Dialler, look_up

            logging.getLogger("httpcore").setLevel(logging.WARNING)  # addresses may hold what nobody should read
            self._dialler = Dialler(self._objection, self._resolve or look_up)
        return self._dialler

    def _certificates(self) -> SSLContext:
        if self._tls is None:
            import httpx

            self._tls = httpx.create_ssl_context()
        return self._tls

    def _objection(self, ip: str, port: int) -> str | None:
        if self._allow is not None and self._allow(ip, port):
            return None
        if port not in self._ports:
            return f"port {port} is not one of the web's"
        return None if is_public(ip) else "this host is not on the public internet"


def _told(response: httpcore.Response) -> dict[str, str]:
    """The headers, with lower-case names; of several with one name the last."""
    return {name.decode("latin-1").lower(): value.decode("utf-8", "replace") for name, value in response.headers}


def _explain(error: Exception, host: str) -> str:
    """What broke on the way."""
    import httpcore

    match error:
        case httpcore.ConnectTimeout():
            return f"{host} did not accept a connection in time"
        case httpcore.TimeoutException():
            return f"{host} was silent for too long"
        case httpcore.ConnectError():
            return f"{host} cannot be reached: {one_line(str(error), 120) or 'no connection'}"
        case _:
            return f"{host} broke the connection or does not speak HTTP"


def _named(host: str) -> str:
    return one_line(host, 100)
