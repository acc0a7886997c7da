"""``swarmtui wait``: return when a session has ended or needs somebody; the exit code says how it stands."""

from __future__ import annotations

import asyncio
import math
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from swarmtui.cli.console import Console
from swarmtui.cli.following import AnyFeed, open_feed
from swarmtui.cli.headless import exit_code, finish, follow, standing
from swarmtui.host.exits import Exit
from swarmtui.host.locate import locate
from swarmtui.session.folder import SessionFolder


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("id", metavar="ID", help="the session, or the beginning of its ID")
    parser.add_argument("--timeout", type=seconds, metavar="SECONDS", help="give up after so long, with exit code 124")
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON line")


def seconds(text: str) -> float:
    """A number of seconds, not negative."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise ArgumentTypeError(f"{text!r} is no number of seconds")
    return number


def run(arguments: Namespace, console: Console) -> int:
    """Wait."""
    return asyncio.run(_wait(locate(arguments.id), arguments.timeout, console))


async def _wait(folder: SessionFolder, timeout_s: float | None, console: Console) -> int:
    feed: AnyFeed | None = None
    try:
        async with asyncio.timeout(timeout_s):
            feed = await open_feed(folder, name="wait", role="observe")
            await follow(feed, lambda event: None)
    except TimeoutError:
        stands = f"is {feed.state.status.value}" if feed else "has a host that does not answer"
        console.warn(f"session {folder.id} {stands} after {timeout_s:g} s")
        return Exit.TIMEOUT
    finally:
        if feed is not None:
            await feed.close()
    status = standing(folder, feed)
    code = exit_code(feed.state, status)
    finish(folder, feed.state, status, code, console)
    return code
