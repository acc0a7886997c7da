"""Getting at a session, here or on another machine: its feed, live or from the file, and what to watch it with."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias, Unpack, cast

from swarmtui.cli.failures import UsageError
from swarmtui.host.address import parse_address
from swarmtui.host.dialling import Unreachable
from swarmtui.host.exits import Exit
from swarmtui.host.locate import locate, seen_status, socket_of
from swarmtui.session.folder import SessionFolder
from swarmtui.session.vocabulary import Status

if TYPE_CHECKING:  # and at run time when there is a session to open: what a first frame waits for is counted
    from swarmtui.cli.console import Console
    from swarmtui.host.archive import FileFeed
    from swarmtui.host.client import Following, WireFeed
    from swarmtui.host.feed import Feed
    from swarmtui.host.past import Past
    from swarmtui.host.protocol import Role
    from swarmtui.host.ssh_dial import SshDial

AnyFeed: TypeAlias = "WireFeed | FileFeed"
Place: TypeAlias = "SessionFolder | SshDial"
"""Where a session is: in a folder of this machine, or behind a connection to another one."""

_TRIES = 50
"""So many tenths of a second a host may have its lock and not listen."""
_FAR_TRIES = 3
"""There, whoever dials waits for that; but a host may leave between being reached and being greeted."""
PATIENCE_S = 20.0
"""How long a host may take to say hello before it counts as stopped or stuck."""


@contextlib.contextmanager
def reached(word: str) -> Iterator[Place]:
    """The session that `word` means: an ID here, or ``HOST/ID``, which is connected to before the block begins.

    Raises SessionMissing, BadAddress, Unreachable.
    """
    address = parse_address(word)
    if address is None:
        yield locate(word)
        return
    from swarmtui.host.ssh_dial import predial

    with predial(address) as dial:
        yield dial


def name_of(place: Place) -> str:
    """What commands call the session, here."""
    return place.id if isinstance(place, SessionFolder) else place.address.name


async def open_feed(place: Place, **how: Unpack[Following]) -> AnyFeed:
    """A feed of the session: live where a host lives, else from the file. Raises Unreachable, LogError.

    Text of running attempts comes only if it is asked for.
    """
    how.setdefault("stream", False)
    try:
        async with asyncio.timeout(PATIENCE_S) as patience:
            return await _opened(place, **how)
    except TimeoutError:
        if not patience.expired():
            raise
        if not isinstance(place, SessionFolder):
            raise Unreachable(f"the host of {name_of(place)} does not answer", Exit.LOST) from None
        folder = place
        pid = folder.lock.read_text().strip() or "?"
        raise Unreachable(
            f"the host of {folder.id} (process {pid}) does not answer: if its disk is full, make room; if it is "
            f"stopped, `kill -CONT {pid}` lets it go on; else `kill -9 {pid}` and `swarmtui resume {folder.id}`"
        ) from None


async def _opened(place: Place, **how: Unpack[Following]) -> AnyFeed:
    for remaining in reversed(range(_TRIES if isinstance(place, SessionFolder) else _FAR_TRIES)):
        try:
            return await _open_once(place, **how)
        except Unreachable as error:
            if error.code is not None or not remaining:
                raise
        await asyncio.sleep(0.1)  # the host begins or leaves just now: one of the two ways works in a moment
    raise AssertionError("unreachable")


async def _open_once(place: Place, **how: Unpack[Following]) -> AnyFeed:
    from swarmtui.host.archive import FileFeed
    from swarmtui.host.client import WireFeed

    if not isinstance(place, SessionFolder):
        return await WireFeed.over(place, destination=place.address.ssh_words, **how)
    if place.owned():
        return await WireFeed.connect(socket_of(place), folder=place, **how)
    return await FileFeed.open(place, whole=how.get("whole", False), from_seq=how.get("from_seq", 1))


async def open_live(place: Place, *, name: str, role: Role = "control") -> WireFeed:
    """A feed that can take commands. Raises UsageError when no host lives."""
    from swarmtui.host.client import WireFeed
    from swarmtui.host.feed import Link

    feed = await open_feed(place, name=name, role=role)
    if isinstance(feed, WireFeed) and feed.status.link is not Link.ARCHIVE:
        return feed
    await feed.close()
    called = name_of(place)
    raise UsageError(f"no host runs {called}: `swarmtui resume {called}` starts one", Exit.LOST)


def watch_in_workbench(
    place: Place, console: Console, role: Role = "control", *, max_wait_s: float | None = None
) -> int:
    """Open the workbench on the session; leaving it leaves the session as it is."""
    from swarmtui.cli.beside import beside
    from swarmtui.cli.origin import origin_of
    from swarmtui.tui.app import run_workbench

    opened: list[AnyFeed] = []

    async def connect() -> AnyFeed:
        await asyncio.to_thread(_load_feeds)
        feed = await open_feed(
            place, name=f"tui on {_tty()}", role=role, stream=True, max_wait_s=max_wait_s, attended=True
        )
        opened.append(feed)
        return feed

    async def past(feed: Feed) -> Past:
        from swarmtui.host.file_past import FilePast
        from swarmtui.host.wire_past import WirePast

        if isinstance(place, SessionFolder):
            return FilePast(place)
        return WirePast(cast("WireFeed", feed))  # of what is elsewhere there is no file here

    chosen: list[list[str]] = []
    ways = beside(place)
    code = run_workbench(connect, past=past, origin=lambda: origin_of(place), onward=chosen.append, beside=ways)
    if chosen:
        from swarmtui.cli.main import main

        return main(chosen[-1])
    if opened or isinstance(place, SessionFolder):
        _say_how_it_stands(place, opened, console)
    return code


def _load_feeds() -> None:
    """Load what a session is opened with, while the first frame is on the screen and the loop goes on."""
    import swarmtui.host.archive
    import swarmtui.host.client  # noqa: F401


def _say_how_it_stands(place: Place, opened: list[AnyFeed], console: Console) -> None:
    """What a user who has left the workbench wants to read in its place."""
    from swarmtui.cli.closing import Standing, finish, standing
    from swarmtui.host.history import History

    if isinstance(place, SessionFolder) and (not opened or not place.removed()):  # its file knows more than was shown
        state = History(place).state()
        stands = Standing(state, seen_status(place, state.status))
    else:
        stands = standing(place, opened[-1])
    finish(place, stands, console)
    if stands.status in (Status.RUNNING, Status.PLANNING):
        called = name_of(place)
        console.say(f"session {called} goes on: `swarmtui attach {called}` watches it")


def _tty() -> str:
    try:
        return os.ttyname(sys.stdin.fileno()).removeprefix("/dev/")
    except OSError:
        return "a terminal"
