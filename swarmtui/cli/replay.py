"""``swarmtui replay``: live through a session again, from its file; nothing is carried out and nobody is asked."""

from __future__ import annotations

import asyncio
import math
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.cli.following import Place
    from swarmtui.host.client import WireFeed
    from swarmtui.host.file_past import FilePast
    from swarmtui.host.replay import ReplayFeed
    from swarmtui.host.wire_past import WirePast

    AnyPast = FilePast | WirePast

MAX = math.inf
"""The speed at which nothing is waited for."""
NORMAL = 1.0


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("id", metavar="ID|FILE", help="the session as everywhere (ID, HOST/ID), or a session file")
    parser.add_argument("--speed", type=speed, metavar="N", help="from 0.25 to 64 times as fast as it was, or max (1)")
    parser.add_argument(
        "--at",
        metavar="MOMENT",
        help="begin there: an event's number, a time since the beginning (90s, 1:02:03) or by the wall "
        "(2026-11-22T14:05), or a mark (failure); without --speed or --until the workbench stays there until you play",
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

    lines = arguments.no_tty or arguments.json
    if lines and arguments.pause_on_marks:
        raise UsageError("--pause-on-marks needs the workbench, where somebody can go on: leave out --no-tty")
    if not (lines or console.can_draw):
        raise UsageError("replay needs a terminal that can be drawn on; without one: --no-tty")
    with _reached(arguments.id) as place:
        if lines:
            asyncio.run(_print(place, arguments, console))
            return Exit.OK
        from swarmtui.cli.beside import beside
        from swarmtui.cli.origin import origin_of
        from swarmtui.tui.app import run_workbench
        from swarmtui.tui.leaving import CRASHED

        chosen: list[list[str]] = []
        code = run_workbench(
            lambda: _feed(place, arguments),
            origin=lambda: origin_of(place),
            onward=chosen.append,
            beside=beside(place),
        )
        if chosen:
            from swarmtui.cli.main import main

            return main(chosen[-1])
        return code if code == CRASHED else Exit.OK


@contextmanager
def _reached(word: str) -> Iterator[Place]:
    """The session that `word` means: a file or a session's folder where there is one, else as everywhere."""
    from swarmtui.cli.following import reached
    from swarmtui.host.file_past import LooseFile
    from swarmtui.session.folder import SessionFolder

    path = Path(word).expanduser()
    folder = SessionFolder(path)
    if folder.db.is_file():
        yield folder
    elif path.is_file() or word.startswith(("/", "./", "../", "~")):
        beside = SessionFolder(path.parent)
        yield beside if path == beside.db else LooseFile(path.parent, path)
    else:
        with reached(word) as place:
            yield place


async def _past_of(place: Place, *, live: bool) -> tuple[FilePast | WirePast, WireFeed | None]:
    """The session's past, and its feed where it is elsewhere, or `live` and a host lives. Raises Unreachable."""
    from swarmtui.cli.following import open_feed
    from swarmtui.host.client import Unreachable, WireFeed
    from swarmtui.host.file_past import FilePast
    from swarmtui.host.wire_past import WirePast
    from swarmtui.session.folder import SessionFolder

    if not isinstance(place, SessionFolder):
        far = cast("WireFeed", await open_feed(place, name="replay", stream=live))  # which nobody drains otherwise
        return WirePast(far), far
    feed: WireFeed | None = None
    if live and place.owned():
        with suppress(Unreachable):  # what is recorded can be seen, whatever the host does
            found = await open_feed(place, name="replay", stream=True)
            feed = found if isinstance(found, WireFeed) else None
    return FilePast(place), feed


async def _feed(place: Place, arguments: Namespace) -> ReplayFeed:
    """A replay for the workbench, playing unless a moment was asked for; with the way back to a host that lives."""
    from swarmtui.host.replay import ReplayFeed

    past, live = await _past_of(place, live=True)
    try:
        at, until = await _span(past, arguments)
        feed = await ReplayFeed.open(
            past,
            at=at,
            speed=arguments.speed or NORMAL,
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
    if arguments.at is None or arguments.speed or arguments.until or arguments.pause_on_marks:
        feed.play()
    return feed


async def _print(place: Place, arguments: Namespace, console: Console) -> None:
    past, live = await _past_of(place, live=False)
    try:
        first, until = await _span(past, arguments)
        last = await past.head() if until is None else until
        if arguments.speed == MAX:
            await _print_lines(past, first, last, console)
        else:
            await _print_as_played(past, first, last, arguments, console)
    finally:
        await past.close()
        if live is not None:
            await live.close()


async def _print_as_played(past: AnyPast, first: int, last: int, arguments: Namespace, console: Console) -> None:
    from swarmtui.host.replay import ReplayFeed

    speed = arguments.speed or NORMAL
    feed = await ReplayFeed.open(past, at=first, speed=speed, idle_limit=arguments.idle_limit, until=last)
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


async def _print_lines(past: AnyPast, first: int, last: int, console: Console) -> None:
    """As ``events`` prints them; from a file without decoding them."""
    from swarmtui.host.file_past import FilePast
    from swarmtui.host.past import PAGE
    from swarmtui.session.codec import event_to_json

    for page in range(first, last + 1, PAGE):
        count = min(PAGE, last + 1 - page)
        if isinstance(past, FilePast):
            for line in await past.lines(page, count):
                console.line(line)
        else:
            for event in await past.events(page, count):
                console.emit(event_to_json(event))


async def _span(past: AnyPast, arguments: Namespace) -> tuple[int, int | None]:
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
