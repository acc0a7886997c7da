"""``swarmtui serve``: the link it prints, how it ends, and what it says when it cannot."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path

import aiohttp
import pytest

from swarmtui.cli.main import main


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--read-only"], 2, "swarmtui serve ID --read-only"),
        (["--port", "70000"], 2, "from 0 to 65535"),
        (["nothing-like-it"], 3, "no session"),
    ],
)
def test_what_cannot_be_served_is_told_in_a_line(
    words: list[str], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *words]) == code
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


def test_a_port_that_is_taken_is_told_with_a_way_out(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve", "--port", str(taken.getsockname()[1])]) == 2
    assert "--port 0 takes a free one" in capsys.readouterr().err


def test_without_the_extra_the_way_to_get_it_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "textual_serve", None)
    assert main(["serve"]) == 2
    assert "pip install 'swarmtui[serve]'" in capsys.readouterr().err


@pytest.mark.chaos
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_it_serves_until_it_is_told_to_end(number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "swarmtui", "serve", "--port", "0", "--json",
        stdout=asyncio.subprocess.PIPE, env=dict(os.environ),
    )  # fmt: skip
    assert process.stdout is not None
    link = json.loads(await process.stdout.readline())["url"]
    async with aiohttp.ClientSession() as session, session.get(link) as answer:
        assert answer.status == 200
    process.send_signal(number)
    assert await process.wait() == 0
