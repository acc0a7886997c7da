"""A program in a terminal of its own: whoever reads from it or writes to it goes on when it is closed."""

from __future__ import annotations

import asyncio
import os

import pytest

from swarmtui.web.terminal import Terminal


async def started(*argv: str) -> Terminal:
    return await Terminal.start(argv, os.environ, 80, 24)


@pytest.mark.parametrize("doing", ["read", "write"])
async def test_who_waits_for_it_when_it_is_closed_goes_on(doing: str) -> None:
    terminal = await started("sleep", "100")
    more = b"x\n" * 1_000_000  # than a terminal holds that nobody reads
    waits = asyncio.create_task(terminal.read() if doing == "read" else terminal.write(more))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not waits.done()
    async with asyncio.timeout(10):
        await terminal.close()
        assert not await waits
    assert await terminal.read() == b""


async def test_once_closed_nothing_is_taken_from_what_has_its_number_by_now() -> None:
    terminal = await started("true")
    number = terminal._master
    await terminal.close()
    reading, writing = os.pipe()
    os.dup2(reading, number)
    try:
        os.write(writing, b"somebody else's")
        assert await terminal.read() == b""
        await terminal.write(b"lost")
        terminal.resize(10, 10)
        await terminal.close()
        assert os.read(number, 100) == b"somebody else's"
    finally:
        for one in {reading, writing, number}:
            os.close(one)


async def test_a_program_is_told_that_its_terminal_is_gone() -> None:
    terminal = await started("sh", "-c", "echo ready; exec sleep 100")
    read = b""
    while b"ready" not in read:
        read += await terminal.read()
    async with asyncio.timeout(5):
        await terminal.close()
    assert terminal._process.returncode == -1, "by SIGHUP"


async def test_what_cannot_be_started_is_said() -> None:
    with pytest.raises(OSError, match="no-such-program"):
        await started("no-such-program")
