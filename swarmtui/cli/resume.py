"""``swarmtui resume``: a new host over a session that crashed, was paused, or failed."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from swarmtui.cli.run import add_watch_arguments, watch

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.session.folder import SessionFolder


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("id", metavar="ID", help="the session, or the beginning of its ID")
    parser.add_argument("--retry-failed", action="store_true", help="run what failed again")
    add_watch_arguments(parser)


def run(arguments: Namespace, console: Console) -> int:
    """Start a host over the session's file and watch it go on."""
    from swarmtui.host.exits import Exit
    from swarmtui.host.history import History
    from swarmtui.host.launch import start_host
    from swarmtui.host.locate import locate

    folder = locate(arguments.id)
    state = History(folder).state()
    if arguments.retry_failed and folder.owned() and asyncio.run(_retry(folder)):
        return watch(folder, arguments, console, state.seq + 1)
    _check(folder, state.status.value, ended=state.ended_ts is not None, retry=arguments.retry_failed)
    launched = start_host(folder)
    if arguments.retry_failed:
        asyncio.run(_retry(folder))
    if arguments.detach:
        console.emit({"type": "launch", "id": launched.id, "pid": launched.pid, "socket": launched.socket})
        return Exit.OK
    return watch(folder, arguments, console, state.seq + 1)


def _check(folder: SessionFolder, status: str, *, ended: bool, retry: bool) -> None:
    from swarmtui.cli.failures import UsageError

    if folder.owned():
        raise UsageError(f"session {folder.id} is running: `swarmtui attach {folder.id}` watches it")
    if ended and not retry:
        how = "; --retry-failed runs again what failed" if status == "failed" else ""
        raise UsageError(f"session {folder.id} has {status}: there is nothing to go on with{how}")


async def _retry(folder: SessionFolder) -> bool:
    """Have the host run again what failed; False if it left before it could be asked."""
    from swarmtui.cli.following import open_feed
    from swarmtui.host.client import WireFeed

    feed = await open_feed(folder, name="resume")
    try:
        if not isinstance(feed, WireFeed):
            return False
        await feed.command("nodes.retry_failed", {})
        return True
    except ConnectionError:
        return False
    finally:
        await feed.close()
