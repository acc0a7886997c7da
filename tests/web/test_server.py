"""The page over real HTTP, with a real program in a real terminal behind it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from swarmtui.web.gate import Gate
from swarmtui.web.server import MOST, Server, serving

SHELL = ["sh", "-c", 'stty -echo; echo ready; while read line; do echo "<$line>"; stty size; done']


@asynccontextmanager
async def served(*argv: str) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """A server over `argv`, and somebody who can ask it."""
    async with serving(Server(argv or SHELL, Gate("k")), 0) as link, aiohttp.ClientSession() as session:
        yield session, f"http://{urlsplit(link).netloc}"


def connection(session: aiohttp.ClientSession, url: str, key: str = "k", **headers: str) -> Any:
    """A page's connection, as a browser makes it."""
    return session.ws_connect(f"{url}/ws/{key}?width=90&height=30", headers={"Origin": url, **headers})


async def heard(page: aiohttp.ClientWebSocketResponse, text: bytes) -> bytes:
    """What comes, until `text` has come."""
    so_far = b""
    while text not in so_far:
        message = await page.receive()
        assert message.type is aiohttp.WSMsgType.BINARY, message
        so_far += message.data
    return so_far


async def test_what_is_typed_reaches_the_program_and_what_it_writes_the_page() -> None:
    async with served() as (session, url), connection(session, url) as page:
        await heard(page, b"ready")
        await page.send_json(["stdin", "grüße\n"])
        assert b"30 90" in await heard(page, "<grüße>\r\n30 90".encode())
        await page.send_json(["resize", {"width": 120, "height": 40}])
        await page.send_json(["stdin", "again\n"])
        await heard(page, b"40 120")


async def test_nothing_that_is_no_message_ends_the_connection() -> None:
    async with served() as (session, url), connection(session, url) as page:
        await heard(page, b"ready")
        for junk in (
            "",
            "{",
            "[]",
            "[1]",
            '["stdin"]',
            '["stdin", 3]',
            '["resize", {"width": -5, "height": 1e9}]',
            "[" * 9999,
        ):
            await page.send_str(junk)
        await page.send_json(["stdin", "still here\n"])
        said = await heard(page, b"30 90")
        assert said.split() == [b"<still", b"here>", b"30", b"90"], "nothing was typed, and no size changed"
        assert not page.closed


async def test_the_page_and_its_parts_come_from_here_alone() -> None:
    async with served() as (session, url):
        async with session.get(url + "/") as answer:
            page = await answer.text()
            assert answer.status == 200
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "https://" not in page
        for part in ("/page.js", "/static/js/textual.js", "/static/css/xterm.css"):
            async with session.get(url + part) as answer:
                assert answer.status == 200, part


@pytest.mark.parametrize("path", ["/static/", "/static/../server.py", "/static/%2e%2e/server.py", "/nothing", "/ws"])
async def test_what_is_no_part_of_the_page_is_not_given_out(path: str) -> None:
    async with served() as (session, url), session.get(url + path) as answer:
        assert answer.status in (403, 404)


async def test_a_page_of_another_name_gets_nothing_and_no_key_no_terminal() -> None:
    async with served("sh", "-c", "echo started > /proc/self/fd/2; cat") as (session, url):
        async with session.get(url + "/", headers={"Host": "evil.example"}) as answer:
            assert (answer.status, "only this machine" in await answer.text()) == (403, True)
        for wrong in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with connection(session, url, **wrong):
                    pass
            assert refused.value.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError):
            async with connection(session, url, "wrong"):
                pass


async def test_closing_the_page_hangs_up_and_the_program_can_leave_in_good_order(tmp_path: Path) -> None:
    left = tmp_path / "left"
    script = f"trap 'echo left > {left}; exit' HUP; echo ready; while :; do read x; done"
    async with served("sh", "-c", script) as (session, url), connection(session, url) as page:
        await heard(page, b"ready")
    assert left.read_text() == "left\n"


async def test_a_program_with_much_to_say_as_it_leaves_waits_for_nobody_to_read_it(tmp_path: Path) -> None:
    left = tmp_path / "left"
    script = f"trap 'yes | head -c 1000000; echo left > {left}; exit' HUP; echo ready; while :; do read x; done"
    async with served("sh", "-c", script) as (session, url), connection(session, url) as page:
        await heard(page, b"ready")
    assert left.read_text() == "left\n"


async def test_a_program_that_ends_closes_the_page() -> None:
    async with served("sh", "-c", "echo bye") as (session, url), connection(session, url) as page:
        await heard(page, b"bye")
        async with asyncio.timeout(20):
            while (message := await page.receive()).type is aiohttp.WSMsgType.BINARY:
                pass
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING)


async def test_of_pages_that_come_all_at_once_no_more_are_let_in() -> None:
    async with served() as (session, url):
        asked = (connection(session, url) for _ in range(MOST + 3))
        pages = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(isinstance(page, aiohttp.WSServerHandshakeError) for page in pages) == 3


async def test_more_pages_than_there_is_room_for_are_refused_and_room_comes_back() -> None:
    async with served() as (session, url):
        pages = [await connection(session, url) for _ in range(MOST)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await connection(session, url)
        assert refused.value.status == 503
        for page in pages:
            await page.close()
        async with asyncio.timeout(20):
            while True:
                try:
                    again = await connection(session, url)
                    break
                except aiohttp.WSServerHandshakeError:
                    await asyncio.sleep(0)
        await again.close()


@pytest.mark.chaos
async def test_a_page_that_does_not_read_slows_the_program_not_the_server(tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = f"""
import sys
line = "x" * 1000 + "\\n"
for at in range(10**9):
    sys.stdout.write(line); sys.stdout.flush()
    if at % 100 == 0: open({str(count)!r}, "w").write(str(at))
"""
    async with served(sys.executable, "-c", script) as (session, url), connection(session, url) as page:
        await heard(page, b"x")
        before = -1
        async with asyncio.timeout(60):
            while (now := int(count.read_text() or 0) if count.exists() else 0) != before:
                before = now
                await asyncio.sleep(1)  # it stands still once every buffer on the way is full
        assert now < 100_000
        async with session.get(url + "/") as answer:
            assert answer.status == 200


async def test_the_program_is_told_of_the_page_s_terminal_and_not_of_the_one_that_the_server_runs_in() -> None:
    around = {"TERM": "dumb", "TMUX": "/tmp/s,1,0", "TERM_PROGRAM": "tmux", "COLORTERM": "", "PATH": os.environ["PATH"]}
    server = Server(["sh", "-c", 'echo "<$TERM $COLORTERM $TMUX$TERM_PROGRAM>"; read line'], Gate("k"), around)
    async with (
        serving(server, 0) as link,
        aiohttp.ClientSession() as session,
        connection(session, f"http://{urlsplit(link).netloc}") as page,
    ):
        assert b"<xterm-256color truecolor >" in await heard(page, b">")
