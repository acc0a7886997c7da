"""A fake provider over real sockets, well-behaved or not, with a ledger of all it was asked.

It speaks OpenAI chat, OpenAI responses, Anthropic messages and Gemini, each to whoever asks at its path. In a test::

    async with FakeLLM() as llm:
        llm.will(Answer("hello"), Status(429, headers={"retry-after": "2"}), Silence())   # one per request, in order
        llm.when("translate", Answer("bonjour"))                                        # by text in the request
        llm.will(Answer(calls=(Call("search", {"query": "x"}), Call("now"))))             # tool calls, in any dialect
        ...
        assert llm.ledger[0].prompt == "..."

``llm.base_url`` (with ``/v1``) is where OpenAI's dialects are, ``llm.root_url`` (without) where those of Anthropic and
Gemini.

On its own, for end-to-end tests (prints ``{"port": …, "base_url": …, "root_url": …}`` as its first line, stops on EOF
of stdin)::

    python -m tests.fakes.llm --port 0 --rules rules.json --ledger ledger.jsonl

``rules.json`` is a list of ``{"when": "regex", "times": 1, "do": {"kind": "Status", "status": 429}}``: `when` and
`times` may be left out, `do` is the name of a behaviour of :mod:`tests.fakes.llm_behaviours` with its fields
(``"calls": [{"name": "shell", "arguments": {…}}]``). The first rule that fits is taken; `when` sees all messages, so
that "You are the planner of swarmtui" tells the planner's calls from the workers'.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.fakes.llm_behaviours import (
    BEHAVIOURS,
    EVENT_STREAM,
    Answer,
    Behaviour,
    Call,
    Cut,
    Drip,
    Huge,
    Raw,
    Reset,
    Rule,
    Silence,
    SlowHeaders,
    Status,
    rule_from_json,
)
from tests.fakes.llm_dialects import Dialect, dialect_of, only_counts
from tests.fakes.llm_openai import END


@dataclass
class Asked:
    """One request as the provider saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    at: float
    status: int = 0
    sent: int = 0
    """Bytes of body that went out."""
    ended: str = "open"
    """``whole``, ``faulty`` (as told), or ``gone`` when the client left first."""

    @property
    def prompt(self) -> str:
        """The last user message."""
        return next((text for role, text in reversed(self.said) if role == "user"), "")

    @property
    def text(self) -> str:
        """All messages, for rules."""
        return "\n".join(text for _, text in self.said)

    @property
    def dialect(self) -> Dialect:
        """What is spoken at its path."""
        return dialect_of(self.path)

    @property
    def said(self) -> list[tuple[str, str]]:
        """(role, text) of all messages."""
        return self.dialect.said(self.body) if isinstance(self.body, dict) else []


class FakeLLM:
    """The server. `default` answers when neither script nor rule says anything else."""

    def __init__(self, default: Behaviour | None = None, models: tuple[str, ...] = ("fake-small", "fake-big")) -> None:
        self.default: Behaviour = default or Answer("This is an answer.")
        self.models = models
        self.cap: int | None = None
        """How many requests it answers at once; more are refused with 429."""
        self.down = False
        """Whether every request gets a 503."""
        self.ledger: list[Asked] = []
        self.open = 0
        """Connections that are open."""
        self.connections = 0
        """Connections that were ever opened."""
        self.most_open = 0
        """Requests being answered at once, at the most."""
        self._answering = 0
        self._script: deque[Behaviour] = deque()
        self._rules: list[Rule] = []
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self.port = 0

    @property
    def base_url(self) -> str:
        """What to configure as the provider's address."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def root_url(self) -> str:
        """The same for providers whose paths have their own version."""
        return f"http://127.0.0.1:{self.port}"

    def will(self, *behaviours: Behaviour) -> None:
        """Behave so for the next requests, one each."""
        self._script.extend(behaviours)

    def when(self, pattern: str, do: Behaviour, times: int | None = None) -> None:
        """Behave so for requests whose messages match `pattern`."""
        self._rules.append(Rule(pattern, do, times))

    async def start(self, port: int = 0) -> None:
        """Listen on loopback; `port` 0 takes a free one."""
        self._server = await asyncio.start_server(self._client, "127.0.0.1", port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and drop all connections."""
        if self._server is not None:
            self._server.close()
        for task in list(self._clients):
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def until_closed(self, timeout_s: float = 5.0) -> None:
        """Wait until no connection is open."""
        await self._until(lambda: self.open == 0, timeout_s)

    async def until_asked(self, count: int = 1, timeout_s: float = 5.0) -> None:
        """Wait until `count` requests have come."""
        await self._until(lambda: len(self.ledger) >= count, timeout_s)

    async def _until(self, holds: Callable[[], bool], timeout_s: float) -> None:
        async with asyncio.timeout(timeout_s):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    # -- one connection ---------------------------------------------------------------------------------------

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        self.connections += 1
        self._count(1)
        try:
            early: bytes | None = b""
            while early is not None:
                early = await self._exchange(early, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # cancelled by stop(), which waits for the end of this task
        finally:
            self._clients.discard(task)
            writer.close()
            self._count(-1)

    def _count(self, by: int) -> None:
        self.open += by
        self._changed.set()

    async def _exchange(self, early: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        """Take a request, which begins with `early`, and answer it; what came of the next one, or None at the end."""
        head = early + await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ", 2)
        headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:]) if k}
        raw = await _body(reader, headers)
        asked = Asked(method, path, headers, json.loads(raw) if raw else None, time.monotonic())
        self.ledger.append(asked)
        self._changed.set()
        more = asyncio.create_task(reader.read(1))  # nothing: the client left; a byte: its next request
        behave = asyncio.create_task(self._answered(asked, writer))
        try:
            await asyncio.wait({more, behave}, return_when=asyncio.FIRST_COMPLETED)
            if not behave.done() and more.result():
                await asyncio.wait({behave})
            if not behave.done():
                asked.ended = "gone"
                return None
            if not behave.result():
                return None
            return await more or None
        except ConnectionError:
            asked.ended = "gone"
            return None
        finally:
            for task in (more, behave):
                task.cancel()
                with suppress(asyncio.CancelledError, ConnectionError):
                    await task

    async def _answered(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        """Behave; an idle connection that is kept for the next request counts as nothing that is being answered."""
        self._answering += 1
        self.most_open = max(self.most_open, self._answering)
        try:
            return await self._behave(self._choose(asked), asked, writer)
        finally:
            self._answering -= 1

    def _choose(self, asked: Asked) -> Behaviour:
        path = asked.path.partition("?")[0]
        if path.endswith("/models"):
            listing = {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]}
            ours = {"models": [{"name": f"models/{name}", "displayName": name} for name in self.models]}
            return Status(200, body=ours if path.startswith("/v1beta") else listing)
        if asked.method != "POST":
            return Status(404)
        if only_counts(path):
            return Status(200, body=asked.dialect.count(asked.body or {}))
        if self.down:
            return Status(503)
        if self.cap is not None and self._answering > self.cap:
            return Status(429)
        if self._script:
            return self._script.popleft()
        for rule in self._rules:
            if rule.times != 0 and re.search(rule.when, asked.text, re.DOTALL):
                if rule.times is not None:
                    rule.times -= 1
                return rule.do
        return self.default

    async def _behave(self, how: Behaviour, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        reply = _Reply(asked, writer)
        match how:
            case Answer():
                await _answer(how, reply)
                asked.ended = "whole"
                return True
            case Status():
                told = how.body or asked.dialect.error(how.status)
                body = told if isinstance(told, str) else json.dumps(told)
                await reply.head(how.status, how.content_type, length=len(body.encode()), headers=how.headers)
                await reply.plain(body.encode())
                asked.ended = "whole"
                return True
        asked.ended = "faulty"
        await _misbehave(how, reply)
        return False


class _Reply:
    """Writes one reply, chunked unless a length is given."""

    def __init__(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        self.asked = asked
        self.writer = writer
        named = asked.path.rpartition("/models/")[2].partition(":")[0] if "/models/" in asked.path else "fake"
        self.model = asked.body.get("model", named) if isinstance(asked.body, dict) else named

    async def head(
        self,
        status: int = 200,
        content_type: str = EVENT_STREAM,
        length: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.asked.status = status
        framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
        more = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        head = f"HTTP/1.1 {status} Told\r\ncontent-type: {content_type}\r\n{framing}\r\n{more}\r\n"
        await self.plain(head.encode(), count=False)

    async def plain(self, data: bytes, *, count: bool = True) -> None:
        self.writer.write(data)
        self.asked.sent += len(data) if count else 0
        await self.writer.drain()

    async def chunk(self, data: bytes) -> None:
        if data:  # an empty chunk would be the end
            await self.plain(b"%x\r\n%s\r\n" % (len(data), data))

    async def end(self) -> None:
        await self.plain(b"0\r\n\r\n", count=False)

    def words(self, count: int) -> bytes:
        return self.asked.dialect.words(count, self.model)


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    """The body of a request, of a length told or in chunks."""
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return await reader.readexactly(int(headers.get("content-length", "0")))
    parts: list[bytes] = []
    while size := int((await reader.readline()).partition(b";")[0], 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
    await reader.readline()
    return b"".join(parts)


async def _answer(how: Answer, reply: _Reply) -> None:
    await asyncio.sleep(how.latency_s)
    dialect, body = reply.asked.dialect, reply.asked.body or {}
    if not dialect.wants_stream(reply.asked.path, body):
        whole = json.dumps(dialect.whole(how, body, reply.model)).encode()
        await reply.head(content_type="application/json", length=len(whole))
        await reply.plain(whole)
        return
    await reply.head()
    for _ in range(how.keep_alives):
        await reply.chunk(b": keep-alive\n\n")
        await asyncio.sleep(how.keep_alive_s)
    events = dialect.stream(how, body, reply.model)
    for at in range(0, len(events), how.batch):
        if how.tokens_per_s:
            await asyncio.sleep(how.batch / how.tokens_per_s)
        await reply.chunk(b"".join(events[at : at + how.batch]))
    await reply.end()


async def _misbehave(how: Behaviour, reply: _Reply) -> None:
    match how:
        case SlowHeaders():
            await reply.plain(b"HTTP/1.1 200 Told\r\ncontent-type: text/", count=False)
            await asyncio.sleep(how.wait_s)
        case Silence():
            if how.after:
                await reply.head()
                await reply.chunk(reply.words(how.after))
            await asyncio.sleep(3600)
        case Drip():
            await reply.head()
            while True:
                await reply.chunk(b": still here\n" if how.comments else b"x")
                await asyncio.sleep(how.every_s)
        case Reset():
            await reply.head()
            await reply.chunk(reply.words(how.after))
            await asyncio.sleep(0.02)  # an RST overtakes what the other side has not read yet
            sock = reply.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            reply.writer.transport.abort()
        case Cut():
            await reply.head()
            await reply.chunk(reply.words(how.after))
            await (reply.end() if how.clean else reply.plain(b"400\r\ndata: {"))
        case Raw():
            await reply.head(how.status, how.content_type, headers=how.headers)
            step = max(1, -(-len(how.body) // how.pieces))
            for at in range(0, len(how.body), step):
                await reply.chunk(how.body[at : at + step])
            await reply.end()
        case Huge():
            await reply.head()
            block = reply.words(500) if how.events else b"data: " + b"x" * 65536
            while reply.asked.sent < how.size:
                await reply.chunk(block)


# -- on its own -----------------------------------------------------------------------------------------------


async def _serve(arguments: argparse.Namespace) -> None:
    default = Answer(arguments.text, latency_s=arguments.latency, tokens_per_s=arguments.rate, tokens=arguments.tokens)
    llm = FakeLLM(default)
    if arguments.rules:
        llm._rules += [rule_from_json(rule) for rule in json.loads(Path(arguments.rules).read_text("utf-8"))]
    await llm.start(arguments.port)
    print(json.dumps({"port": llm.port, "base_url": llm.base_url, "root_url": llm.root_url}), flush=True)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    written = 0
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                if not await reader.read(4096):
                    break
        if arguments.ledger:
            with Path(arguments.ledger).open("a", encoding="utf-8") as out:
                for asked in llm.ledger[written:]:
                    out.write(json.dumps({"path": asked.path, "at": asked.at, "body": asked.body}) + "\n")
            written = len(llm.ledger)
    await llm.stop()


def main() -> None:
    """Serve until stdin ends."""
    parser = argparse.ArgumentParser(description="a fake LLM provider on loopback")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--text", default="This is an answer from the fake provider.")
    parser.add_argument("--tokens", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--rate", type=float, default=0.0, help="tokens per second; 0: as fast as it goes")
    parser.add_argument("--rules", help="JSON file of rules")
    parser.add_argument("--ledger", help="JSONL file to append each request to")
    asyncio.run(_serve(parser.parse_args()))


__all__ = [
    "BEHAVIOURS",
    "END",
    "EVENT_STREAM",
    "Answer",
    "Asked",
    "Behaviour",
    "Call",
    "Cut",
    "Drip",
    "FakeLLM",
    "Huge",
    "Raw",
    "Reset",
    "Rule",
    "Silence",
    "SlowHeaders",
    "Status",
    "rule_from_json",
]

if __name__ == "__main__":
    main()
