"""Watching a session without a workbench: one line per change of a state, or one JSON line per event."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

from swarmtui.cli.closing import finish, standing
from swarmtui.cli.console import Console
from swarmtui.cli.following import AnyFeed, Place, name_of, open_feed
from swarmtui.cli.lines import Printer
from swarmtui.host.client import WireFeed
from swarmtui.host.exits import Exit
from swarmtui.host.feed import Link
from swarmtui.host.rest import at_rest
from swarmtui.session.events import Event
from swarmtui.session.vocabulary import Status


def watch(place: Place, console: Console, *, from_seq: int = 1, max_wait_s: float | None = None) -> int:
    """Print what happens from event `from_seq` on until the session rests; the exit code that says how it stands.

    With `max_wait_s` it gives up after so long without a connection. Raises Unreachable, LogError.
    """
    try:
        return asyncio.run(_watch(place, console, from_seq, max_wait_s))
    except KeyboardInterrupt:
        return _left(place, console, "interrupted", Exit.INTERRUPTED)
    except _Told as told:
        return _left(place, console, *_LEAVE_ON[told.signal])


def _left(place: Place, console: Console, how: str, code: Exit) -> Exit:
    """Whoever watched was told to leave: the session is not theirs to end."""
    called = name_of(place)
    with contextlib.suppress(OSError):  # the terminal may be gone
        console.warn(
            f"{how}; session {called} goes on: `swarmtui attach {called}` watches it, "
            f"`swarmtui ctl {called} cancel` ends it"
        )
    return code


_LEAVE_ON = {signal.SIGTERM: ("terminated", Exit.SIGNALLED), signal.SIGHUP: ("hung up on", Exit.HUNG_UP)}
"""Signal -> what it does to whoever watches, and the exit code."""


class _Told(Exception):
    """A signal said to leave."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.signal = number


@contextlib.contextmanager
def _leaving_on_signals() -> Iterator[None]:
    """Within the block a signal of :data:`_LEAVE_ON`, unless it was ignored, ends the task with :class:`_Told`."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    heard: list[signal.Signals] = []

    def hear(number: signal.Signals) -> None:
        heard.append(number)
        if task is not None:
            task.cancel()

    obeyed = [number for number in _LEAVE_ON if signal.getsignal(number) is not signal.SIG_IGN]
    for number in obeyed:
        loop.add_signal_handler(number, hear, number)
    try:
        yield
    except asyncio.CancelledError:
        if not heard:
            raise
        raise _Told(heard[0]) from None
    finally:
        for number in obeyed:
            loop.remove_signal_handler(number)


async def _watch(place: Place, console: Console, from_seq: int, max_wait_s: float | None) -> int:
    with _leaving_on_signals():
        return await _watched(place, console, from_seq, max_wait_s)


async def _watched(place: Place, console: Console, from_seq: int, max_wait_s: float | None) -> int:
    feed = await open_feed(place, name="headless", whole=True, from_seq=from_seq, max_wait_s=max_wait_s)
    try:
        printer = Printer(console)
        await follow(feed, lambda event: printer.print(event) if event.seq >= from_seq else None, warn=console.warn)
        stands = standing(place, feed)
        finish(place, stands, console)
        return stands.code
    finally:
        await feed.close()


async def follow(
    feed: AnyFeed,
    take: Callable[[Event], None],
    *,
    through_pauses: bool = True,
    warn: Callable[[str], None] = lambda text: None,
) -> None:
    """Hand every event to `take` until the session rests, or its host has gone.

    A rest on the way to how it stands now is none. A pause by a person is waited through, since a person can end it; so
    is one by the disk, which ends by itself.
    `warn` is told of what the host cannot do for now, and of a link that is broken. Raises Unreachable where that link
    is given up.
    """
    told, broken = "", False
    while True:
        await feed.wait()
        if feed.status.trouble != told and (feed.status.trouble or feed.status.link is Link.LIVE):
            told = feed.status.trouble
            warn(told or "the session file can be written again")
        for event in feed.drain().events:
            take(event)
        link = feed.status.link
        if (link is Link.RECONNECTING) != broken:
            broken = not broken
            warn(f"connection lost: {feed.status.note}; trying again" if broken else "connected again")
        if link is Link.ARCHIVE:
            if feed.at_end:
                return
        elif link in (Link.ENDED, Link.CRASHED):
            if isinstance(feed, WireFeed) and feed.given_up is not None:
                raise feed.given_up
            if not (isinstance(feed, WireFeed) and feed.recorded) or feed.at_end:
                return
        elif feed.at_end and feed.state.host_pid is not None and at_rest(feed.state):
            paused_by_hand = feed.state.status is Status.PAUSED and feed.state.reason in ("user", "signal")
            if not (paused_by_hand and through_pauses):
                return
