"""What version 2 of the wire adds: the past, marks, pages of items, lag, and sessions without a host."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from swarmtui.host.client import Dial, Dialled, WireFeed
from swarmtui.host.feed import CommandRefused, Link
from swarmtui.host.recorded import serve_recorded
from swarmtui.session.folder import SessionFolder
from swarmtui.session.vocabulary import Status
from tests.host.sessions import chain, live_session, until


def dial_recorded(folder: SessionFolder) -> tuple[Dial, list[asyncio.Task[None]]]:
    """Connections to the file of a session, and the tasks that serve them."""
    serving: list[asyncio.Task[None]] = []

    async def dial() -> Dialled:
        ours, theirs = socket.socketpair()
        there = await asyncio.open_unix_connection(sock=theirs)
        serving.append(asyncio.create_task(serve_recorded(*there, folder)))
        return Dialled(*await asyncio.open_unix_connection(sock=ours))

    return dial, serving


@contextlib.asynccontextmanager
async def recorded(folder: SessionFolder, **options: Any) -> AsyncIterator[WireFeed]:
    """A feed over a file without a host."""
    dial, serving = dial_recorded(folder)
    feed = await WireFeed.over(dial, **options)
    try:
        yield feed
    finally:
        await feed.close()
        await asyncio.gather(*serving)


async def ended(tmp_path: Path, *nodes: str) -> SessionFolder:
    """A session that has run to its end, and whose host has left."""
    async with live_session(tmp_path, chain(*nodes), at_once=True) as session:
        feed = await session.attach()
        await until(feed, lambda feed: feed.state.status is Status.SUCCEEDED)
        await feed.close()
        return session.folder


async def test_15_an_ended_session_is_served_from_its_file_and_takes_no_commands(tmp_path: Path) -> None:
    folder = await ended(tmp_path, "a", "b")
    async with recorded(folder) as feed:
        assert feed.status.link is Link.ARCHIVE
        assert feed.status.seen is None
        assert feed.status.role == "observe"
        assert feed.state.status is Status.SUCCEEDED
        assert await feed.output("b") == "done"
        with pytest.raises(CommandRefused, match=f"swarmtui resume {folder.id}"):
            await feed.command("session.pause", {})
        assert feed.clock() == feed.state.ts
