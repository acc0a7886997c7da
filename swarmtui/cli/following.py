"""Getting at a session: its feed, live or from the file, and the workbench or plain lines to watch it with."""

from __future__ import annotations

import asyncio
import os
import sys

from swarmtui.cli.console import Console
from swarmtui.cli.failures import UsageError
from swarmtui.host.archive import FileFeed
from swarmtui.host.client import Unreachable, WireFeed
from swarmtui.host.exits import Exit
from swarmtui.host.history import History
from swarmtui.host.locate import seen_status, socket_of
from swarmtui.host.protocol import Role
from swarmtui.session.folder import SessionFolder
from swarmtui.session.vocabulary import Status

AnyFeed = WireFeed | FileFeed

_TRIES = 20
PATIENCE_S = 20.0
"""How long a host may take to say hello before it counts as stopped or stuck."""


async def open_feed(
    folder: SessionFolder, *, name: str, role: Role = "control", stream: bool = False, whole: bool = False
) -> AnyFeed:
    """A feed of the session: live where a host lives, else from the file. Raises Unreachable, LogError."""
    try:
        async with asyncio.timeout(PATIENCE_S) as patience:
            return await _open_feed(folder, name, role, stream=stream, whole=whole)
    except TimeoutError:
        if not patience.expired():
            raise
        pid = folder.lock.read_text().strip() or "?"
        raise Unreachable(
            f"the host of {folder.id} (process {pid}) does not answer: if its disk is full, make room; if it is "
            f"stopped, `kill -CONT {pid}` lets it go on; else `kill -9 {pid}` and `swarmtui resume {folder.id}`"
        ) from None


async def _open_feed(folder: SessionFolder, name: str, role: Role, *, stream: bool, whole: bool) -> AnyFeed:
    for remaining in reversed(range(_TRIES)):
        if not folder.owned():
            return await FileFeed.open(folder, whole=whole)
        try:
            return await WireFeed.connect(
                socket_of(folder), folder=folder, name=name, role=role, stream=stream, whole=whole
            )
        except Unreachable as error:
            if error.code is not None or not remaining:
                raise
        await asyncio.sleep(0.1)  # the host begins or leaves just now: one of the two ways works in a moment
    raise AssertionError("unreachable")


async def open_live(folder: SessionFolder, *, name: str, role: Role = "control") -> WireFeed:
    """A feed that can take commands. Raises UsageError when no host lives."""
    feed = await open_feed(folder, name=name, role=role)
    if isinstance(feed, WireFeed):
        return feed
    raise UsageError(f"no host runs {folder.id}: `swarmtui resume {folder.id}` starts one", Exit.LOST)


def watch_in_workbench(folder: SessionFolder, console: Console, role: Role = "control") -> int:
    """Open the workbench on the session; leaving it leaves the session as it is."""
    from swarmtui.tui.app import run_workbench

    code = run_workbench(lambda: open_feed(folder, name=f"tui on {_tty()}", role=role, stream=True))
    _say_how_it_stands(folder, console)
    return code


def _say_how_it_stands(folder: SessionFolder, console: Console) -> None:
    """What a user who has left the workbench wants to read in its place."""
    from swarmtui.cli.headless import finish
    from swarmtui.host.exits import of_status

    state = History(folder).state()
    status = seen_status(folder, state.status)
    finish(folder, state, status, of_status(status), console)
    if status in (Status.RUNNING, Status.PLANNING):
        console.say(f"session {folder.id} goes on: `swarmtui attach {folder.id}` watches it")


def _tty() -> str:
    try:
        return os.ttyname(sys.stdin.fileno()).removeprefix("/dev/")
    except OSError:
        return "a terminal"
