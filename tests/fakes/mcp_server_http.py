"""An MCP server at an address of this machine, over streamable HTTP, that can be told to misbehave."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

SCHEMA = {"type": "object", "properties": {"text": {"type": "string"}}}


@dataclass
class FakeHttp:
    """What it was asked, and how it is to answer calls of its one tool, ``echo``."""

    url: str = ""
    sse: bool = False
    needs_key: str | None = None
    failing: list[str] = field(default_factory=list)
    """What the next calls come to instead of an answer: drop, cut, 500, html, huge, gzip, redirect, gone."""
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    """(method, headers, message) of each request."""
    sessions: int = 0

    def methods(self) -> list[str]:
        """The messages that came, by method."""
        return [message["method"] for _, _, message in self.asked if message]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                method, path, headers = await _head(reader)
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                message = json.loads(body) if body else None
                self.asked.append((method, headers, message))
                if not await self._respond(writer, method, path, headers, message):
                    break
        writer.close()

    async def _respond(
        self, writer: asyncio.StreamWriter, method: str, path: str, headers: dict[str, str], message: Any
    ) -> bool:
        """Answers one request; false where the connection ends with it."""
        if path != "/mcp":
            return await _send(writer, 404, b"<h1>nothing here</h1>", "text/html")
        if method != "POST":
            return await _send(writer, 200 if method == "DELETE" else 405)
        if self.needs_key is not None and headers.get("authorization") != self.needs_key:
            return await _send(writer, 401, b"who are you?", "text/plain")
        if "id" not in message or "method" not in message:
            return await _send(writer, 202)
        if headers.get("mcp-session-id", str(self.sessions)) != str(self.sessions):
            return await _send(writer, 404, b"no such session", "text/plain")
        if message["method"] == "tools/call" and self.failing:
            return await self._fail(writer, self.failing.pop(0), message)
        return await self._answer(writer, message)

    async def _answer(self, writer: asyncio.StreamWriter, message: Any) -> bool:
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        more = {}
        match message["method"]:
            case "initialize":
                self.sessions += 1
                more = {"mcp-session-id": str(self.sessions)}
                about = {"name": "fake", "version": "1"}
                answer["result"] = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": about}
            case "tools/list":
                answer["result"] = {"tools": [{"name": "echo", "inputSchema": SCHEMA}]}
            case "tools/call":
                text = message["params"]["arguments"]["text"]
                answer["result"] = {"content": [{"type": "text", "text": text}]}
            case other:
                answer["error"] = {"code": -32601, "message": f"no {other}"}
        data = json.dumps(answer).encode()
        if self.sse:
            return await _send(writer, 200, b"event: message\ndata: " + data + b"\n\n", "text/event-stream", **more)
        return await _send(writer, 200, data, "application/json", **more)

    async def _fail(self, writer: asyncio.StreamWriter, how: str, message: Any) -> bool:
        match how:
            case "drop":
                return False
            case "cut":
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{")
                await writer.drain()
                return False
            case "html":
                return await _send(writer, 200, b"<h1>hello</h1>", "text/html")
            case "huge":
                return await _send(writer, 200, b'{"x": "' + b"x" * 11 * 1024 * 1024 + b'"}', "application/json")
            case "gzip":
                more = {"content-encoding": "gzip"}
                return await _send(writer, 200, gzip.compress(b"x" * 10_000), "application/json", **more)
            case "redirect":
                return await _send(writer, 307, location="http://169.254.169.254/latest/meta-data")
            case "gone":
                self.sessions += 1
                return await _send(writer, 404, b"no such session", "text/plain")
            case status:
                return await _send(writer, int(status), b"it hurts", "text/plain")


async def _head(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str]]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines if line)
    return method, path, {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _send(writer: asyncio.StreamWriter, status: int, body: bytes = b"", kind: str = "", **headers: str) -> bool:
    lines = [f"HTTP/1.1 {status} OK", f"content-length: {len(body)}"]
    lines += [f"content-type: {kind}"] if kind else []
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    await writer.drain()
    return True


@asynccontextmanager
async def fake_http(**settings: Any) -> AsyncIterator[FakeHttp]:
    """A running server."""
    fake = FakeHttp(**settings)
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/mcp"
    try:
        yield fake
    finally:
        server.close()
