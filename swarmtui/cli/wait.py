"""``swarmtui wait``: return when a session has ended or needs somebody; the exit code says how it stands."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace

from swarmtui.cli.console import Console, seconds
from swarmtui.cli.following import AnyFeed, Place, name_of, open_feed, reached
from swarmtui.cli.headless import exit_code, finish, follow, standing
from swarmtui.host.exits import Exit


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("id", metavar="ID", help="the session, or the beginning of its ID; elsewhere HOST/ID")
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help="give up after so long, with exit code 124")
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON line")


def run(arguments: Namespace, console: Console) -> int:
    """Wait."""
    with reached(arguments.id) as place:
        return asyncio.run(_wait(place, arguments.timeout, console))


async def _wait(place: Place, timeout_s: float | None, console: Console) -> int:
    feed: AnyFeed | None = None
    try:
        async with asyncio.timeout(timeout_s):
            feed = await open_feed(place, name="wait", role="observe")
            await follow(feed, lambda event: None)
    except TimeoutError:
        stands = f"is {feed.state.status.value}" if feed else "has a host that does not answer"
        console.warn(f"session {name_of(place)} {stands} after {timeout_s:g} s")
        return Exit.TIMEOUT
    finally:
        if feed is not None:
            await feed.close()
    status = standing(place, feed)
    code = exit_code(feed.state, status)
    finish(place, feed.state, status, code, console)
    return code
