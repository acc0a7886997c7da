"""The workbench in a real browser: opened by its link, steered by keys and mouse, left, and opened again."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from swarmtui.web.server import Server, serving, workbench_argv
from tests.web.chromium import PROGRAM, browser

pytestmark = [pytest.mark.chaos, pytest.mark.skipif(PROGRAM is None, reason="there is no chromium here")]

TASK = """\
goal: Two steps and a question
nodes:
  first: {run: [echo, one]}
  wait: {needs: first, ask: "Shall it go on?"}
  last: {needs: wait, run: [echo, two]}
"""


async def swarmtui(environ: dict[str, str], *words: str) -> Any:
    """What a command prints as JSON."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "swarmtui", *words, "--json", stdout=asyncio.subprocess.PIPE, env=environ
    )
    out, _ = await process.communicate()
    return json.loads(out.splitlines()[-1])


async def test_a_session_is_opened_and_steered_from_a_page(tmp_path: Path) -> None:
    environ = {**os.environ, "SWARMTUI_HOME": str(tmp_path / "home"), "SWARMTUI_TOUR": "0"}
    (tmp_path / "task.yaml").write_text(TASK)
    session = (await swarmtui(environ, "run", str(tmp_path / "task.yaml"), "--detach", "--approve"))["id"]
    server = Server(workbench_argv(None, read_only=False), environ=environ)
    async with serving(server, 0) as link, browser(tmp_path / "chromium") as page:
        async with asyncio.timeout(90):
            await page.go(link)
            await page.heard(session)
            assert "#" not in await page.value("location.href")
            await page.value("document.querySelector('textarea').focus()")
            await page.forget()
            await page.press("Enter")
            await page.heard("graph")
            assert _colours(await page.picture()) > 20
            await page.press("P")
            await page.heard("paused")
        assert (await swarmtui(environ, "show", session))["status"] == "paused"
        async with asyncio.timeout(60):
            await page.forget()
            await page.press("q")
            await page.heard("sessions")
            await page.press("q")
            await page.until("document.body.classList.contains('-closed')")
            await page.value("document.querySelector('#left a').click()")
            await page.heard(session)
    assert (await swarmtui(environ, "show", session))["status"] == "paused"
    await swarmtui(environ, "ctl", session, "cancel")


def _colours(png: bytes) -> int:
    """How many different bytes a row of the picture's data has, roughly: a blank page has next to none."""
    import zlib

    data, found, at = io.BytesIO(png[8:]), b"", 0
    while head := data.read(8):
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        body = data.read(size)
        data.read(4)
        found += body if kind == b"IDAT" else b""
        at += 1
    return len(set(zlib.decompress(found)))
