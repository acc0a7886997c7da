"""The page and the connection behind it. The terminal in the page is that of textual-serve.

A connection carries what the page speaks: JSON lists from it (``["stdin", text]``, ``["resize", {width, height}]``,
``["ping", text]``), bytes of the terminal to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from aiohttp import WSMsgType, web

from swarmtui.web.gate import Gate, refusal
from swarmtui.web.terminal import Terminal

MOST = 8
"""Terminals at once: each is a process of its own."""
MESSAGE_BYTES = 1_000_000
ALIVE_S = 15.0
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>swarmtui</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/css/xterm.css">
<style>
@font-face { font-family: "Roboto Mono"; src: url("/static/fonts/RobotoMono-VariableFont_wght.ttf"); }
html, body { margin: 0; height: 100%; background: #0f141b; overflow: hidden; }
#terminal { width: 100vw; height: 100vh; }
#left { display: none; position: absolute; inset: 0; background: #0f141bdd; color: #d7dee8; z-index: 9;
  font: 16px "Roboto Mono", monospace; align-items: center; justify-content: center; }
body.-closed #left { display: flex; }
#left a { color: #6cb6ff; }
</style>
<script src="/static/js/textual.js"></script>
</head>
<body>
<div id="left"><p>The workbench was left, or the link was not whole. Sessions that run go on.
<a href="/">Open it again</a></p></div>
<div id="terminal" class="textual-terminal" data-font-size="15"></div>
<script src="/page.js"></script>
</body>
</html>
"""

SCRIPT = """
"use strict";
const key = location.hash.slice(1) || sessionStorage.getItem("key") || "none";
sessionStorage.setItem("key", key);
history.replaceState(null, "", "/");
document.getElementById("terminal").dataset.sessionWebsocketUrl =
  `ws://${location.host}/ws/${encodeURIComponent(key)}`;
"""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Shows `argv` in a terminal on a page, one process for each page that is open."""

    def __init__(self, argv: Sequence[str], gate: Gate | None = None, environ: dict[str, str] | None = None) -> None:
        self.gate = gate or Gate()
        self._argv = list(argv)
        self._environ = _environment(dict(os.environ) if environ is None else environ)
        self._open = 0

    def application(self) -> web.Application:
        """What aiohttp runs."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._guarded(request, handler)

        app = web.Application(middlewares=[guard], client_max_size=MESSAGE_BYTES)
        static = Path(str(files("textual_serve"))) / "static"
        app.add_routes(
            [
                web.get("/", self._page),
                web.get("/page.js", self._script),
                web.get("/ws/{key}", self._connection),
                web.static("/static", static),
            ]
        )
        return app

    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        why = refusal(request.host)
        if why is not None:
            return web.Response(status=403, text=f"{why}\n", headers=HEADERS)
        try:
            response = await handler(request)
        except web.HTTPException as error:
            return web.Response(status=error.status, text=f"{error.reason}\n", headers=HEADERS)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    async def _page(self, request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def _script(self, request: web.Request) -> web.Response:
        """Takes the key out of the link."""
        return web.Response(text=SCRIPT, content_type="text/javascript")

    async def _connection(self, request: web.Request) -> web.StreamResponse:
        given = request.match_info["key"]
        why = self.gate.typing_refusal(request.host, request.headers.get("Origin"), given)
        if why is not None:
            return web.Response(status=403, text=f"{why}\n")
        if self._open >= MOST:
            return web.Response(status=503, text=f"{MOST} workbenches are open already: close one of them\n")
        page = web.WebSocketResponse(heartbeat=ALIVE_S, max_msg_size=MESSAGE_BYTES)
        self._open += 1  # before anything is awaited: as many may come at once
        try:
            await page.prepare(request)
            columns, rows = (
                _cells(request.query.get(name), or_else) for name, or_else in (("width", 80), ("height", 24))
            )
            terminal = await Terminal.start(self._argv, self._environ, columns, rows)
            try:
                await _carry(page, terminal)
            finally:
                await asyncio.shield(terminal.close())
        finally:
            self._open -= 1
            if page.prepared:
                await page.close()
        return page


async def _carry(page: web.WebSocketResponse, terminal: Terminal) -> None:
    """Both ways, until either end is gone."""

    async def shown() -> None:
        with contextlib.suppress(ConnectionError):
            while data := await terminal.read():
                await page.send_bytes(data)

    async def typed() -> None:
        async for message in page:
            if message.type is WSMsgType.TEXT:
                await _take(message.data, page, terminal)

    ways = [asyncio.create_task(shown()), asyncio.create_task(typed())]
    try:
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _take(text: str, page: web.WebSocketResponse, terminal: Terminal) -> None:
    """One message of the page; what is none is passed over."""
    try:
        kind, *rest = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return
    match kind, rest:
        case "stdin", [str(typed)]:
            await terminal.write(typed.encode("utf-8", "replace"))
        case "resize", [{"width": int(columns), "height": int(rows)}]:
            terminal.resize(columns, rows)
        case "ping", [str(moment)]:
            await page.send_json(["pong", moment[:64]])


def _cells(given: str | None, or_else: int) -> int:
    return int(given) if given and given.isdigit() and len(given) < 5 else or_else


def _environment(environ: dict[str, str]) -> dict[str, str]:
    """What the terminal in the page can show, whatever the one can in which the server runs."""
    kept = {name: value for name, value in environ.items() if not name.startswith(("TMUX", "TERM_", "STY", "TEXTUAL_"))}
    return {**kept, "TERM": "xterm-256color", "COLORTERM": "truecolor"}


@asynccontextmanager
async def serving(server: Server, port: int) -> AsyncIterator[str]:
    """Serve on loopback; the link to open. Port 0 is any that is free. Raises OSError if the port cannot be had."""
    listener = socket.create_server(("127.0.0.1", port), reuse_port=False)
    runner = web.AppRunner(server.application(), access_log=None, shutdown_timeout=1.0)
    try:
        await runner.setup()
        await web.SockSite(runner, listener).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/#{server.gate.key}"
    finally:
        await runner.cleanup()
        listener.close()


def workbench_argv(session: str | None, *, read_only: bool) -> list[str]:
    """The command of the workbench, or of the view of one session."""
    program = [sys.executable, "-m", "swarmtui"]
    if session is None:
        return program
    return [*program, "attach", session, *(["--read-only"] if read_only else [])]
