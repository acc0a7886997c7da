"""Connections are kept and used again, closed when idle for long, and cost the same however many there are."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from swarmtui.models import connections
from swarmtui.models.chat import ModelError
from swarmtui.models.connections import Connections
from swarmtui.models.net import Net, Timeouts
from tests.fakes.llm import Answer, Cut, FakeLLM, Reset, Silence, Status


@asynccontextmanager
async def server() -> AsyncIterator[FakeLLM]:
    async with FakeLLM(Answer("yes")) as llm:
        yield llm


async def ask(net: Net, llm: FakeLLM, stop_after: int | None = None) -> int:
    """Events of one reply."""
    seen = 0
    events = net.stream_sse("POST", f"{llm.base_url}/chat/completions", {}, {"stream": True}, Timeouts())
    try:
        async for _ in events:
            seen += 1
            if seen == stop_after:
                break
    finally:
        await events.aclose()
    return seen


async def test_calls_one_after_another_share_a_connection() -> None:
    async with server() as llm, Net() as net:
        for _ in range(5):
            assert await ask(net, llm)
        assert llm.connections == 1


async def test_calls_at_once_have_one_each_and_those_are_used_again() -> None:
    async with server() as llm, Net() as net:
        llm.default = Answer("yes", latency_s=0.05)
        for _ in range(2):
            await asyncio.gather(*(ask(net, llm) for _ in range(20)))
        assert llm.connections == 20


async def test_a_reply_that_was_refused_gives_its_connection_back() -> None:
    async with server() as llm, Net() as net:
        llm.will(Status(429), Status(500))
        for _ in range(2):
            await asyncio.gather(ask(net, llm), return_exceptions=True)
        assert await ask(net, llm)
        assert llm.connections == 1


async def test_no_connection_is_left_of_calls_that_were_stopped_or_broke() -> None:
    async with server() as llm, Net() as net:
        llm.will(Reset(after=1), Cut(after=2))
        await asyncio.gather(ask(net, llm), ask(net, llm), return_exceptions=True)
        assert await ask(net, llm, stop_after=1) == 1
        llm.will(Silence(after=1))
        waits = asyncio.create_task(ask(net, llm))
        await llm.until_asked(4)
        waits.cancel()
        await asyncio.gather(waits, return_exceptions=True)
        await llm.until_closed()


async def test_what_is_idle_is_closed_with_the_net_and_what_is_idle_for_long_before(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    async with server() as llm:
        async with Net() as net:
            llm.default = Answer("yes", latency_s=0.05)
            await asyncio.gather(*(ask(net, llm) for _ in range(5)))
            assert llm.open == 5
            monkeypatch.setattr(connections, "KEEP_S", 0.0)
            await ask(net, llm)
            await llm._until(lambda: llm.open <= 1, 5.0)
        await llm.until_closed()


async def test_what_a_request_costs_does_not_grow_with_those_in_flight() -> None:
    """httpx's own pool would take seconds for this: each request looks at every pair of connections."""

    class Instant(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, stream=httpx.ByteStream(b"ok"))

    async def cost(in_flight: int) -> float:
        pool = Connections()
        request = httpx.Request("GET", "http://127.0.0.1:9/")
        key = ("http", "127.0.0.1", 9)
        pool._idle[key] = deque((asyncio.get_running_loop().time(), Instant()) for _ in range(in_flight))  # type: ignore[misc]
        began = time.process_time()
        held = [await pool.handle_async_request(request) for _ in range(in_flight)]
        for response in held:
            await response.aclose()
        return (time.process_time() - began) / in_flight

    few, many = min([await cost(100) for _ in range(3)]), min([await cost(3_000) for _ in range(3)])
    assert many < 5 * few


async def test_a_call_that_breaks_off_after_the_server_worked_on_it_is_not_made_again() -> None:
    taken: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                taken.append(await reader.readexactly(len(b'{"call": 1}')))
                if len(taken) == 2:
                    await asyncio.sleep(0.8)  # the model works on it
                    writer.transport.abort()
                    return
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening, Net() as net:
        url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        assert await net.request_json("POST", url, {}, {"call": 1}) == {}
        with pytest.raises(ModelError, match="broke the connection"):
            await net.request_json("POST", url, {}, {"call": 2})
    assert taken == [b'{"call": 1}', b'{"call": 2}']


async def test_certificates_are_checked_against_those_that_the_system_trusts() -> None:
    pool = Connections()
    trusted = pool._trust("https")
    assert trusted is pool._trust("https")
    assert trusted.verify_mode is ssl.CERT_REQUIRED
    assert trusted.check_hostname
    assert trusted.cert_store_stats()["x509_ca"] > 0
    assert pool._trust("http").verify_mode is ssl.CERT_REQUIRED
