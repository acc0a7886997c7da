"""``swarmtui resume``: a new host over a session that crashed, was paused, or failed."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from swarmtui.cli.run import UNSAFE_BANNER, add_unsafe_argument, add_watch_arguments, tell_launched, watch

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.session.folder import SessionFolder
    from swarmtui.session.state import SessionState


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("id", metavar="ID", help="the session, or the beginning of its ID")
    parser.add_argument("--retry-failed", action="store_true", help="run what failed again")
    parser.add_argument(
        "--yes", action="store_true", help="go on at once, although a crash caught what may have changed something"
    )
    parser.add_argument("--steal", action="store_true", help="take the lock of a host that is dead")
    add_unsafe_argument(parser)
    add_watch_arguments(parser)


def run(arguments: Namespace, console: Console) -> int:
    """Start a host over the session's file and watch it go on."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.host.exits import Exit
    from swarmtui.host.history import History
    from swarmtui.host.launch import start_host
    from swarmtui.host.locate import locate, socket_of

    folder = locate(arguments.id)
    if arguments.unsafe_no_sandbox and folder.owned() and not arguments.steal:
        why = "was started with a sandbox or without; end it first: "
        raise UsageError(f"the host of {folder.id} {why}`swarmtui ctl {folder.id} pause`, then wait until it has left")
    state = History(folder).state()
    act = _retry if arguments.retry_failed else _resume_paused
    if arguments.steal or not (folder.owned() and asyncio.run(act(folder))):
        _check(folder, state.status.value, ended=state.ended_ts is not None, arguments=arguments)
        _note_who_watches(folder, unattended=(arguments.headless or arguments.json) and not arguments.detach)
        start_host(
            folder,
            wait_if_interrupted=_decides(arguments, console),
            steal=arguments.steal,
            unsandboxed=arguments.unsafe_no_sandbox,
        )
        if arguments.unsafe_no_sandbox:
            console.alarm(UNSAFE_BANNER)
        if arguments.retry_failed:
            asyncio.run(_retry(folder))
    if arguments.detach:
        pid = int(folder.lock.read_text())
        tell_launched(console, folder.id, pid, str(socket_of(folder)))
        return Exit.OK
    return watch(folder, arguments, console, state.seq + 1)


def _note_who_watches(folder: SessionFolder, *, unattended: bool) -> None:
    """Whether agents can ask anybody is another matter with each host."""
    from dataclasses import replace

    from swarmtui.host.spec import LaunchSpec

    try:
        spec = LaunchSpec.read(folder)
    except (OSError, ValueError):
        return  # the host says what is wrong with it
    if spec.unattended != unattended:
        replace(spec, unattended=unattended).write(folder)


async def _resume_paused(folder: SessionFolder) -> bool:
    """Let a paused session whose host lives go on; False if it is not paused, or the host has left."""
    from swarmtui.session.vocabulary import Status

    return await _have_done(
        folder, "session.resume", lambda state: state.status is Status.PAUSED and state.budget is None
    )


def _decides(arguments: Namespace, console: Console) -> bool:
    """Whether somebody sits there who can decide about what a crash caught, before the session goes on."""
    return console.interactive and not (arguments.yes or arguments.headless or arguments.json or arguments.detach)


def _check(folder: SessionFolder, status: str, *, ended: bool, arguments: Namespace) -> None:
    from swarmtui.cli.failures import UsageError
    from swarmtui.host.launch import refuse_recording

    refuse_recording(folder)
    if ended and not arguments.retry_failed:
        how = "; --retry-failed runs again what failed" if status == "failed" else ""
        has = "was" if status == "cancelled" else "has"
        raise UsageError(f"session {folder.id} {has} {status}: there is nothing to go on with{how}")
    if folder.owned() and not arguments.steal:
        raise UsageError(f"session {folder.id} has a host already: `swarmtui attach {folder.id}` watches it")


async def _retry(folder: SessionFolder) -> bool:
    """Have the host run again what failed; False if it left before it could be asked."""
    return await _have_done(folder, "nodes.retry_failed", lambda state: True)


async def _have_done(folder: SessionFolder, command: str, fits: Callable[[SessionState], bool]) -> bool:
    """Have the host carry `command` out; False if that does not fit the session's state, or the host has left."""
    from swarmtui.cli.following import open_feed
    from swarmtui.host.client import WireFeed

    feed = await open_feed(folder, name="resume")
    try:
        if not isinstance(feed, WireFeed) or not fits(feed.state):
            return False
        await feed.command(command, {})
        return True
    except ConnectionError:
        return False
    finally:
        await feed.close()
