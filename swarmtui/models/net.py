"""All HTTP that swarmtui does: one client per event loop, streams with deadlines, no retries, no redirects.

With :mod:`swarmtui.models.connections` the only module that imports httpx, and only at the first request: a session on
the simulated model never pays for it. Nothing here waits longer than its deadlines or keeps more than its caps,
whatever the other side does; what goes wrong on the way is a :class:`~swarmtui.models.chat.ModelError`, and a reply
that is no success an :class:`HTTPFailure`, which the dialect reads.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit
from urllib.request import getproxies

from swarmtui.frozen import frozen
from swarmtui.models.chat import ModelError, model_error
from swarmtui.models.failures import one_line, read_json
from swarmtui.models.keys import FoundKeys
from swarmtui.models.sse import SSESplitter, SSEvent
from swarmtui.plan.model import JSON
from swarmtui.safety.redact import Secret
from swarmtui.session.vocabulary import ErrorKind

if TYPE_CHECKING:
    import httpx

MAX_BODY = 16 * 1024 * 1024
"""Bytes of one reply beyond which it counts as malformed."""
_MAX_ERROR_BODY = 64 * 1024
_ERROR_BODY_S = 5.0
_DRAIN_S = 1.0
_CLOSING_S = 0.5
"""A kept connection that the server had closed fails within this: a long round trip."""
_ADDRESS = re.compile(r"https?://([^\s/?#@]*@)?(\[[0-9A-Fa-f:.%]+\]|[^\s/?#\[\]@:]+)(:\d{1,5})?(/|\Z)")
_LOOPBACK = ("all://localhost", "all://127.0.0.1", "all://[::1]")


@frozen
class Timeouts:
    """How long a call may take, in seconds. Each counts from the request, but `idle_s` from the last sign of life."""

    connect_s: float = 10.0
    first_s: float = 120.0
    """Until the first whole line of the body: a local model may have to be loaded first."""
    idle_s: float = 60.0
    """Between whole lines; keep-alive comments count as life, single bytes do not."""
    total_s: float = 600.0


class HTTPFailure(Exception):
    """The reply is not a success. `headers` have lower-case names; `body` is text, cut at 64 KiB."""

    def __init__(self, status: int, headers: Mapping[str, str], body: str) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.headers = headers
        self.body = body


class NotAStream(Exception):
    """The reply is one JSON document where a stream was asked for; `body` is its text."""

    def __init__(self, body: str) -> None:
        super().__init__("one JSON document instead of a stream")
        self.body = body


def host_of(url: str) -> str:
    """``host`` or ``host:port`` of `url`, for messages: never its credentials, path or query."""
    try:
        parts = urlsplit(url)
        return f"{parts.hostname}:{parts.port}" if parts.port else (parts.hostname or "base_url")
    except ValueError:
        return "base_url"


def says_done(event: SSEvent) -> bool:
    """Whether an OpenAI-compatible stream is over."""
    return event.data == "[DONE]"


class Net:
    """Owner of the connections; use as ``async with Net() as net``.

    Proxies of the environment are honoured, but for loopback addresses. Requests are not logged: their URLs and
    headers may hold what nobody should read.
    """

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None
        self._closed = False
        self.found_keys = FoundKeys()
        """Keys that had to be asked for outside the environment, kept as long as the connections are."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection; streams still open fail."""
        self._closed = True
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _open(self) -> httpx.AsyncClient:
        if self._closed:
            raise RuntimeError("this Net is closed")
        if self._client is None:
            import httpx

            from swarmtui.models.connections import KEEP_S, KEPT, Connections

            for name in ("httpx", "httpcore"):
                logging.getLogger(name).setLevel(logging.WARNING)
            self._client = httpx.AsyncClient(
                transport=None if _proxied() else Connections(),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=KEPT, keepalive_expiry=KEEP_S),
                follow_redirects=False,
                mounts=dict.fromkeys(_LOOPBACK),
                headers={"user-agent": "swarmtui", "accept-encoding": "identity"},
            )
        return self._client

    @asynccontextmanager
    async def _send(
        self, method: str, url: str, headers: Mapping[str, str | Secret], body: JSON, timeouts: Timeouts, *, accept: str
    ) -> AsyncIterator[httpx.Response]:
        """The reply with its head read; closed at the end, whatever happens."""
        import httpx

        if not _ADDRESS.match(url):
            raise model_error(ErrorKind.REFUSED, f"base_url is no http or https address: {one_line(host_of(url), 80)}")
        client = self._open()
        try:
            request = client.build_request(
                method,
                url,
                headers={"accept": accept, **_reveal(headers)},
                content=None if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
                timeout=httpx.Timeout(None, connect=timeouts.connect_s),
            )
            if body is not None:
                request.headers["content-type"] = "application/json"
            async with asyncio.timeout(min(timeouts.first_s, timeouts.total_s)):
                response = await _head(client, request)
        except TimeoutError:
            raise _silence(url, timeouts.first_s) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise _transport_error(error, url, timeouts) from None
        try:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise model_error(ErrorKind.MALFORMED, f"{host_of(url)} compresses replies although asked not to")
            if not response.is_success:
                raise await _failure(response)
            yield response
        finally:
            await response.aclose()

    async def stream_sse(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str | Secret],
        body: JSON,
        timeouts: Timeouts,
        *,
        is_end: Callable[[SSEvent], bool] = says_done,
        cap: int = MAX_BODY,
        on_head: Callable[[Mapping[str, str]], None] | None = None,
    ) -> AsyncGenerator[SSEvent, None]:
        """The events of the reply, up to one that `is_end` or the end of the body; `on_head` gets its headers.

        Raises HTTPFailure, NotAStream, and ModelError for silence, a cut or reset connection, more than `cap` bytes,
        text that is not UTF-8, or a content type that is no stream's. Closing the generator closes the connection.
        """
        import httpx

        clock = asyncio.get_running_loop().time
        began = clock()
        async with self._send(method, url, headers, body, timeouts, accept="text/event-stream") as response:
            splitter = SSESplitter()
            size, lines, idle_s = 0, 0, timeouts.first_s
            total_at, alive_at = began + timeouts.total_s, began
            chunks = response.aiter_raw()
            if on_head is not None:
                on_head(response.headers)
            try:
                await _check_stream(response, url, cap)
                while True:
                    async with asyncio.timeout_at(min(alive_at + idle_s, total_at)):
                        chunk = await anext(chunks, b"")
                    size += len(chunk)
                    if size > cap:
                        raise model_error(ErrorKind.MALFORMED, f"{host_of(url)} sent more than {cap:,} bytes")
                    for event in splitter.feed(chunk) if chunk else splitter.finish():
                        yield event
                        if is_end(event):
                            await _drain(chunks)
                            return
                    if not chunk:
                        return
                    if splitter.lines != lines:
                        lines, alive_at, idle_s = splitter.lines, clock(), timeouts.idle_s
            except TimeoutError:
                if alive_at + idle_s >= total_at:
                    raise _too_slow(url, timeouts.total_s) from None
                raise _silence(url, idle_s) from None
            except httpx.HTTPError as error:
                raise _transport_error(error, url, timeouts) from None
            except UnicodeDecodeError:
                raise model_error(ErrorKind.MALFORMED, f"{host_of(url)} sent text that is not UTF-8") from None

    async def request_json(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str | Secret],
        body: JSON = None,
        timeouts: Timeouts = Timeouts(),
        *,
        cap: int = MAX_BODY,
    ) -> JSON:
        """The reply's JSON. Raises HTTPFailure and ModelError."""
        import httpx

        try:
            async with asyncio.timeout(timeouts.total_s):
                async with self._send(method, url, headers, body, timeouts, accept="application/json") as response:
                    text = await _read(response, cap, url)
        except TimeoutError:
            raise _too_slow(url, timeouts.total_s) from None
        except httpx.HTTPError as error:
            raise _transport_error(error, url, timeouts) from None
        try:
            return read_json(text)
        except ValueError:
            raise model_error(ErrorKind.MALFORMED, f"{host_of(url)} sent something that is not JSON") from None


async def _head(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """Send `request`, again if it went into a kept connection that the server was just closing.

    That is no retry: the server never took the request, and says so within a round trip. What breaks later may have
    been worked on, and is an attempt's end. Without this, a swarm would lose attempts by chance.
    """
    import httpx

    fresh, sent_at = False, asyncio.get_running_loop().time()

    async def notice(event: str, _: object) -> None:
        nonlocal fresh
        fresh = fresh or event.endswith("connect_tcp.started")

    request.extensions["trace"] = notice
    try:
        return await client.send(request, stream=True)
    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
        if fresh or asyncio.get_running_loop().time() - sent_at > _CLOSING_S:
            raise
        return await client.send(request, stream=True)


def _proxied() -> bool:
    """Whether the environment names a proxy, for any address."""
    return any(name != "no" for name in getproxies())


def _reveal(headers: Mapping[str, str | Secret]) -> dict[str, str]:
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in headers.items()}


async def _read(response: httpx.Response, cap: int, url: str) -> str:
    parts: list[bytes] = []
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > cap:
            raise model_error(ErrorKind.MALFORMED, f"{host_of(url)} sent more than {cap:,} bytes")
        parts.append(chunk)
    return b"".join(parts).decode("utf-8", "replace")


async def _failure(response: httpx.Response) -> HTTPFailure:
    """The failure with as much of its body as comes soon; a broken body does not hide the status."""
    import httpx

    parts: list[bytes] = []
    size = 0
    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(_ERROR_BODY_S):
            async for chunk in response.aiter_raw():
                parts.append(chunk)
                size += len(chunk)
                if size > _MAX_ERROR_BODY:
                    break
    body = b"".join(parts)[:_MAX_ERROR_BODY].decode("utf-8", "replace")
    return HTTPFailure(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)


async def _check_stream(response: httpx.Response, url: str, cap: int) -> None:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("text/event-stream", "text/plain", ""):
        return
    if kind == "application/json":
        async with asyncio.timeout(60):
            raise NotAStream(await _read(response, cap, url))
    message = f"{host_of(url)} sent {one_line(kind, 60)} instead of a stream: is base_url right? It often ends in /v1"
    raise model_error(ErrorKind.MALFORMED, message)


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read what follows the end marker, so that the connection can be used again; a moment at most."""
    import httpx

    with suppress(TimeoutError, httpx.HTTPError):
        async with asyncio.timeout(_DRAIN_S):
            size = 0
            async for chunk in chunks:
                size += len(chunk)
                if size > _MAX_ERROR_BODY:
                    return


def _silence(url: str, after_s: float) -> ModelError:
    return model_error(ErrorKind.OUTAGE, f"{host_of(url)} was silent for {after_s:g} s")


def _too_slow(url: str, after_s: float) -> ModelError:
    return model_error(ErrorKind.OUTAGE, f"{host_of(url)} had not finished its reply after {after_s:g} s")


def _transport_error(error: Exception, url: str, timeouts: Timeouts) -> ModelError:
    """What broke on the way. The error's own text is quoted only where it cannot hold a header or a URL."""
    import httpx

    host = host_of(url)
    match error:
        case httpx.ConnectTimeout():
            return model_error(ErrorKind.OUTAGE, f"{host} did not accept a connection within {timeouts.connect_s:g} s")
        case httpx.ProxyError():
            return model_error(ErrorKind.OUTAGE, f"the proxy of the environment did not let {host} through")
        case httpx.ConnectError():
            return model_error(ErrorKind.OUTAGE, f"{host} cannot be reached: {one_line(str(error), 120)}")
        case httpx.InvalidURL() | httpx.UnsupportedProtocol():
            return model_error(ErrorKind.REFUSED, "base_url is no http or https address")
        case UnicodeError() | httpx.LocalProtocolError():
            return model_error(ErrorKind.REFUSED, f"a header or address for {host} is not what HTTP allows")
        case _:
            return model_error(ErrorKind.OUTAGE, f"{host} broke the connection ({type(error).__name__})")
