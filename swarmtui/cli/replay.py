"""``swarmtui replay``: live through a session again, from its file; nothing is carried out and nobody is asked."""

from __future__ import annotations

import asyncio
import math
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.host.feed import Feed
    from swarmtui.host.file_past import FilePast
    from swarmtui.host.replay import ReplayFeed
    from swarmtui.session.folder import SessionFolder

MAX = math.inf
"""The speed at which nothing is waited for."""
PAGE = 500


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("id", metavar="ID|FILE", help="the session, the beginning of its ID, or a session file")
    parser.add_argument(
        "--speed", type=speed, default=1.0, metavar="N", help="from 0.25 to 64 times as fast as it was, or max (1)"
    )
    parser.add_argument(
        "--at", metavar="MOMENT", help="begin there: an event's number, a time (90s, 5m, 1:02:03), or a mark (failure)"
    )
    parser.add_argument("--until", metavar="MOMENT", help="stop there")
    parser.add_argument(
        "--idle-limit",
        type=idle_limit,
        default=2.0,
        metavar="S",
        help="pass over times without events in so many seconds at most, before the speed applies; none: do not (2)",
    )
    parser.add_argument(
        "--pause-on-marks", action="store_true", help="stop at each failure, retry, decision and the like"
    )
    parser.add_argument("--no-tty", action="store_true", help="print the events as they are played, one JSON line each")
    parser.add_argument("--json", action="store_true", help="the same")


def speed(text: str) -> float:
    """A speed within the limits, or ``max``."""
    from swarmtui.host.feed import FASTEST, SLOWEST

    try:
        number = MAX if text == "max" else float(text.removesuffix("x"))
    except ValueError:
        number = math.nan
    if number != MAX and not SLOWEST <= number <= FASTEST:
        raise ArgumentTypeError(f"{text!r} is no speed: a number from {SLOWEST:g} to {FASTEST:g}, or max")
    return number


def idle_limit(text: str) -> float | None:
    """Seconds, or ``none``."""
    if text == "none":
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise ArgumentTypeError(f"{text!r} is no number of seconds, nor none")
    return number


def run(arguments: Namespace, console: Console) -> int:
    """Play the session."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.host.exits import Exit

    folder = _located(arguments.id)
    if arguments.no_tty or arguments.json:
        if arguments.pause_on_marks:
            raise UsageError("--pause-on-marks needs the workbench, where somebody can go on: leave out --no-tty")
        asyncio.run(_print(folder, arguments, console))
        return Exit.OK
    if not console.interactive:
        raise UsageError("replay needs a terminal; without one: --no-tty")
    from swarmtui.tui.app import run_workbench
    from swarmtui.tui.leaving import CRASHED

    code = run_workbench(lambda: _feed(folder, arguments))
    return code if code == CRASHED else Exit.OK


def _located(word: str) -> SessionFolder:
    """The session that `word` names: a file or folder where it is a path, else an ID. Raises SessionMissing."""
    from swarmtui.host.file_past import LooseFile
    from swarmtui.host.locate import locate
    from swarmtui.session.folder import SessionFolder

    path = Path(word).expanduser()
    if "/" not in word and not path.suffix:
        return locate(word)
    folder = SessionFolder(path if path.is_dir() else path.parent)
    return folder if path in (folder.path, folder.db) else LooseFile(path.parent, path)


async def _feed(folder: SessionFolder, arguments: Namespace) -> ReplayFeed:
    """A replay for the workbench, which plays at once; while a host lives, with the way back to it."""
    from swarmtui.cli.following import open_feed
    from swarmtui.host.client import Unreachable, WireFeed
    from swarmtui.host.file_past import FilePast
    from swarmtui.host.replay import ReplayFeed

    past = FilePast(folder)
    live: Feed | None = None
    if folder.owned():
        with suppress(Unreachable):
            found = await open_feed(folder, name="replay", stream=True)
            live = found if isinstance(found, WireFeed) else None
    try:
        at, until = await _span(past, arguments)
        feed = await ReplayFeed.open(
            past,
            at=at,
            speed=arguments.speed,
            idle_limit=arguments.idle_limit,
            until=until,
            pause_on_marks=arguments.pause_on_marks,
            live=live,
        )
    except BaseException:
        await past.close()
        if live is not None:
            await live.close()
        raise
    feed.play()
    return feed


async def _print(folder: SessionFolder, arguments: Namespace, console: Console) -> None:
    from swarmtui.host.file_past import FilePast

    past = FilePast(folder)
    try:
        first, until = await _span(past, arguments)
        last = await past.head() if until is None else until
        if arguments.speed == MAX:
            await _print_lines(past, first, last, console)
        else:
            await _print_as_played(past, first, last, arguments, console)
    finally:
        await past.close()


async def _print_as_played(past: FilePast, first: int, last: int, arguments: Namespace, console: Console) -> None:
    from swarmtui.host.replay import ReplayFeed

    feed = await ReplayFeed.open(past, at=first, speed=arguments.speed, idle_limit=arguments.idle_limit, until=last)
    try:
        await _print_lines(past, first, first, console)
        if first < last:
            feed.play()
        printed = first
        while printed < last:
            await feed.wait()
            feed.drain()
            await _print_lines(past, printed + 1, feed.state.seq, console)
            printed = feed.state.seq
    finally:
        await feed.close()


async def _print_lines(past: FilePast, first: int, last: int, console: Console) -> None:
    for page in range(first, last + 1, PAGE):
        for line in await past.lines(page, min(PAGE, last + 1 - page)):
            console.line(line)


async def _span(past: FilePast, arguments: Namespace) -> tuple[int, int | None]:
    """Where to begin, and where to stop if somewhere. Raises UsageError."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.host.moments import MomentMissing, find_moment, parse_moment

    if not await past.head():
        raise UsageError("nothing was recorded of this session yet")
    try:
        at = 1 if arguments.at is None else await find_moment(past, parse_moment(arguments.at))
        until = None if arguments.until is None else await find_moment(past, parse_moment(arguments.until))
    except MomentMissing as error:
        raise UsageError(str(error)) from None
    if until is not None and until < at:
        raise UsageError(f"--until is before the beginning: event {until}, and --at is event {at}")
    return at, until
