"""Opens the workbench over a scripted feed, and reads what is on its screen."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from swarmtui.host.feed import Feed
from swarmtui.host.replay import ReplayFeed
from swarmtui.tui.app import Workbench
from swarmtui.tui.dressed import Dressed
from swarmtui.tui.replaying import ToPast
from swarmtui.tui.view.glyphs import UNICODE, Glyphs

Source = Feed | Callable[[], Feed]
"""A feed, or what makes one once there is an event loop."""
SIZE = (120, 40)


def workbench(
    feed: Source,
    *,
    theme: str = "swarm-dark",
    glyphs: Glyphs = UNICODE,
    review: bool = False,
    past: ToPast | None = None,
) -> Workbench:
    """The workbench over `feed`."""

    async def connect() -> Feed:
        found = feed() if callable(feed) else feed
        if isinstance(found, ReplayFeed):  # as whoever opens one does
            await found.settled()
        return found

    steady = getattr(feed, "steady", time.monotonic)
    return Workbench(connect, past=past, theme=theme, glyphs=glyphs, review=review, steady=steady)


@asynccontextmanager
async def opened(
    feed: Source,
    size: tuple[int, int] = SIZE,
    *,
    glyphs: Glyphs = UNICODE,
    review: bool = False,
    past: ToPast | None = None,
) -> AsyncIterator[Pilot[int]]:
    """The workbench, running, its first session frame drawn."""
    app = workbench(feed, glyphs=glyphs, review=review, past=past)
    async with app.run_test(size=size) as pilot:
        await settled(pilot)
        yield pilot


async def settled(pilot: Pilot[int]) -> None:
    """Until nothing is under way: the feed drained, workers done, the screen drawn."""
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()
    app = pilot.app
    assert isinstance(app, Workbench)
    if isinstance(app.feed, ReplayFeed):
        await app.feed.settled()
    app._frame(force=True)
    await pilot.pause()
    if app.workers:
        await app.workers.wait_for_complete()
        await pilot.pause()


async def press(pilot: Pilot[int], *keys: str) -> None:
    """Press keys, one after the other, and let each take effect."""
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


def lines(pilot: Pilot[int]) -> list[str]:
    """The screen as text, line by line."""
    strips = pilot.app.screen._compositor.render_strips()
    return [strip.text for strip in strips]


def text(pilot: Pilot[int]) -> str:
    """The screen as text."""
    return "\n".join(lines(pilot))


def notices(pilot: Pilot[int]) -> list[str]:
    """All that was said, the last one last."""
    assert isinstance(pilot.app, Dressed)
    return [one.text for one in pilot.app.said]
