"""A web on this machine: pages, well-behaved or not, and a search engine that answers as SearXNG does.

In a test::

    async with FakeWeb() as web:
        web.pages["/a"] = Html("<title>A</title><p>text")
        web.pages["/b"] = Moved(web.url("/a"))
        web.found = [Hit("Title", web.url("/a"), "What it says")]
        ...
        assert web.asked == ["/a"]

On its own, for end-to-end tests (prints ``{"port": …, "url": …}`` as its first line, stops on EOF of stdin)::

    python -m tests.fakes.search --port 0 --pages folder

Files of ``folder`` are its pages; ``folder/search.json``, a list of ``{"title", "url", "content"}``, is what every
search finds, with ``{web}`` in it standing for the server's own address.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Reply:
    """A whole reply."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def html(text: str, status: int = 200, **headers: str) -> Reply:
    """A page."""
    return Reply(text.encode(), status, {"Content-Type": "text/html; charset=utf-8", **headers})


def moved(location: str, status: int = 302) -> Reply:
    """A redirect."""
    return Reply(b"", status, {"Location": location})


@dataclass(frozen=True)
class Drip:
    """A head, and then a byte now and again, without end."""

    every_s: float = 0.02


@dataclass(frozen=True)
class Raw:
    """These very bytes, and then the end."""

    data: bytes


@dataclass(frozen=True)
class Hit:
    """Something that a search finds."""

    title: str
    url: str
    content: str


Behaviour = Reply | Drip | Raw


class FakeWeb:
    """Serves `pages` by path at ``http://host:port``; ``/search`` is the search engine unless there is such a page."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        self.port = port
        self.pages: dict[str, Behaviour] = {}
        self.found: list[Hit] = []
        self.asked: list[str] = []
        """Path and query of each request."""
        self.heads: list[str] = []
        """Head of each request."""
        self.greeting = b""
        """Said before a request is read."""
        self.accepted = 0
        """Connections."""
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    def url(self, path: str = "", host: str | None = None) -> str:
        """Where `path` is."""
        return f"http://{host or self.host}:{self.port}{path}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            for writer in self._open:
                writer.close()
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._open.add(writer)
        writer.write(self.greeting)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            target = head.split(" ")[1] if head.count(" ") > 1 else ""
            self.asked.append(target)
            self.heads.append(head)
            await self._answer(target, writer)
        writer.close()
        self._open.discard(writer)

    async def _answer(self, target: str, writer: asyncio.StreamWriter) -> None:
        path = urlsplit(target).path
        match self.pages.get(path):
            case Raw(data):
                writer.write(data)
            case Drip(every_s):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
                while not writer.is_closing():
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(every_s)
            case Reply() as reply:
                writer.write(_bytes(reply))
            case None:
                writer.write(_bytes(self._search(target) if path == "/search" else html("<p>Nothing here", 404)))
        await writer.drain()

    def _search(self, target: str) -> Reply:
        asked = parse_qs(urlsplit(target).query)
        if asked.get("format") != ["json"]:
            return html("<title>SearXNG</title>")
        hits = [{"title": hit.title, "url": hit.url, "content": hit.content} for hit in self.found]
        answer = {"query": asked.get("q", [""])[0], "number_of_results": len(hits), "results": hits}
        return Reply(json.dumps(answer).encode(), 200, {"Content-Type": "application/json"})


def _bytes(reply: Reply) -> bytes:
    headers = {"Content-Length": str(len(reply.body)), "Connection": "close", **reply.headers}
    lines = [f"HTTP/1.1 {reply.status} Status", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("utf-8") + reply.body


_TYPES = {".html": "text/html", ".md": "text/markdown", ".txt": "text/plain", ".json": "application/json"}


def _load(web: FakeWeb, folder: Path) -> None:
    for file in folder.iterdir():
        if file.name == "search.json":
            hits = json.loads(file.read_text().replace("{web}", web.url()))
            web.found = [Hit(hit["title"], hit["url"], hit["content"]) for hit in hits]
        elif file.is_file():
            kind = _TYPES.get(file.suffix, "application/octet-stream")
            web.pages[f"/{file.name}"] = Reply(file.read_bytes(), 200, {"Content-Type": f"{kind}; charset=utf-8"})


async def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--pages", type=Path)
    options = parser.parse_args()
    async with FakeWeb(port=options.port) as web:
        if options.pages:
            _load(web, options.pages)
        print(json.dumps({"port": web.port, "url": web.url()}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main())
