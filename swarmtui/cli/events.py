"""``swarmtui events``: what happened in a session, one JSON line per event."""

from __future__ import annotations

import asyncio
from argparse import ArgumentParser, Namespace

from swarmtui.cli.console import Console
from swarmtui.cli.failures import UsageError
from swarmtui.cli.following import Place, open_feed, reached
from swarmtui.cli.headless import follow
from swarmtui.host.exits import Exit
from swarmtui.host.locate import locate
from swarmtui.session.codec import event_to_json
from swarmtui.session.events import Event
from swarmtui.session.reader import Reader
from swarmtui.session.rows import row_to_line


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("id", metavar="ID", help="the session, or the beginning of its ID; elsewhere HOST/ID")
    parser.add_argument("--from", type=int, default=1, dest="from_seq", metavar="N", help="begin with event N")
    parser.add_argument("--follow", action="store_true", help="go on until the session rests")
    parser.add_argument("--json", action="store_true", help="JSON lines, which is what is printed anyway")


def run(arguments: Namespace, console: Console) -> int:
    """Print the events."""
    from_seq = max(1, arguments.from_seq)
    if arguments.follow:
        with reached(arguments.id) as place:
            asyncio.run(_follow(place, from_seq, console))
        return Exit.OK
    with Reader(locate(arguments.id).db) as reader:
        if from_seq > 1 and from_seq > (last := reader.last_seq()):
            raise UsageError(
                f"there is no event {from_seq}: this session has events 1 to {last}; --follow waits for it"
            )
        for row in reader.rows(from_seq):
            console.line(row_to_line(row))
    return Exit.OK


async def _follow(place: Place, from_seq: int, console: Console) -> None:
    feed = await open_feed(place, name="events", role="observe", whole=True, from_seq=from_seq)

    def take(event: Event) -> None:
        if event.seq >= from_seq:
            console.emit(event_to_json(event))

    try:
        await follow(feed, take, warn=console.warn)
    finally:
        await feed.close()
