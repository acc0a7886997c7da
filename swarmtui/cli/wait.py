"""``swarmtui wait``: return when a session has ended or needs somebody; the exit code says how it stands."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace

from swarmtui.cli.closing import finish, standing
from swarmtui.cli.console import Console, seconds
from swarmtui.cli.following import PATIENCE_S, AnyFeed, Place, name_of, open_feed, reached
from swarmtui.cli.headless import follow
from swarmtui.host.exits import Exit
from swarmtui.host.history import History
from swarmtui.host.locate import seen_status
from swarmtui.host.rest import GOES_ON
from swarmtui.session.folder import SessionFolder
from swarmtui.session.vocabulary import Status


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
        console.warn(f"session {name_of(place)} {_stands(place, feed, timeout_s or 0.0)} after {timeout_s:g} s")
        return Exit.TIMEOUT
    finally:
        if feed is not None:
            await feed.close()
    stands = standing(place, feed)
    finish(place, stands, console)
    return stands.code


def _stands(place: Place, feed: AnyFeed | None, timeout_s: float) -> str:
    """How the session stands that has not ended in time."""
    if feed is not None:
        disk = " for its disk" if feed.state.reason == GOES_ON and feed.state.status is Status.PAUSED else ""
        return f"is {feed.state.status.value}{disk}"
    if isinstance(place, SessionFolder) and timeout_s < PATIENCE_S:  # too short a time to tell anything else
        return f"is {seen_status(place, History(place).state().status).value}"
    return "has a host that does not answer"
