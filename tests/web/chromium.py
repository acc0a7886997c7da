"""A headless Chromium of the tests' own, spoken to in its debugging protocol."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--enable-unsafe-swiftshader", "--window-size=1280,800",
    "--remote-debugging-port=0",
)  # fmt: skip
KEYS = {"Enter": ("\r", 13), "Escape": ("", 27), "ArrowDown": ("", 40), "ArrowUp": ("", 38)}
LISTEN = """
window.heard = "";
const Native = window.WebSocket;
window.WebSocket = class extends Native {
  constructor(...given) {
    super(...given);
    const decoder = new TextDecoder();
    this.addEventListener("message", event => {
      if (typeof event.data !== "string") window.heard += decoder.decode(event.data, {stream: true});
    });
  }
};
"""
"""Keeps what the terminal in the page is sent: what it draws is pixels."""


class Page:
    """One page of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._numbers = socket, itertools.count(1)

    async def do(self, method: str, **params: Any) -> Any:
        """Call a method of the protocol."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async for message in self._socket:
            answer = message.json()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]
        raise ConnectionError("the browser is gone")

    async def go(self, url: str) -> None:
        """Open a page."""
        await self.do("Page.enable")
        await self.do("Page.addScriptToEvaluateOnNewDocument", source=LISTEN)
        await self.do("Page.navigate", url=url)

    async def value(self, expression: str) -> Any:
        """What an expression gives in the page."""
        found = await self.do("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    async def until(self, expression: str) -> Any:
        """Wait until an expression is true; the test's own limit ends it."""
        while not (found := await self.value(expression)):
            await asyncio.sleep(0.05)  # the page has no other way to tell
        return found

    async def heard(self, text: str) -> None:
        """Wait until the terminal has been sent `text`."""
        await self.until(f"window.heard.includes({text!r})")

    async def forget(self) -> None:
        """Forget what was heard."""
        await self.value("window.heard = ''")

    async def press(self, *keys: str) -> None:
        """Press keys: characters, and those of `KEYS` by name."""
        for key in keys:
            text, code = KEYS.get(key, (key, ord(key.upper()[0])))
            named = {"key": key, "windowsVirtualKeyCode": code}
            await self.do("Input.dispatchKeyEvent", type="keyDown", text=text, **named)
            await self.do("Input.dispatchKeyEvent", type="keyUp", **named)

    async def click(self, x: int, y: int) -> None:
        """Click with the mouse, at pixels."""
        for kind in ("mousePressed", "mouseReleased"):
            await self.do("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def picture(self) -> bytes:
        """A PNG of the page."""
        return base64.b64decode((await self.do("Page.captureScreenshot"))["data"])


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Page]:
    """A browser with one page."""
    assert PROGRAM is not None
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *ARGUMENTS,
        f"--user-data-dir={folder}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        port = await _port(folder / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                pages = [one for one in await answer.json() if one["type"] == "page"]
            async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _port(file: Path) -> int:
    while True:
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int(file.read_text().splitlines()[0])
        await asyncio.sleep(0.05)  # it is a file that the browser writes once it listens
