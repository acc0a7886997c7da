"""Opens the workbench over a scripted feed, and reads what is on its screen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from swarmtui.tui.app import Workbench
from swarmtui.tui.view.glyphs import UNICODE, Glyphs
from tests.tui.scripted_feed import ScriptedFeed

SIZE = (120, 40)


def workbench(
    feed: ScriptedFeed, *, theme: str = "swarm-dark", glyphs: Glyphs = UNICODE, review: bool = False
) -> Workbench:
    """The workbench over `feed`."""

    async def connect() -> ScriptedFeed:
        return feed

    return Workbench(connect, theme=theme, glyphs=glyphs, review=review)


@asynccontextmanager
async def opened(
    feed: ScriptedFeed, size: tuple[int, int] = SIZE, *, glyphs: Glyphs = UNICODE, review: bool = False
) -> AsyncIterator[Pilot[int]]:
    """The workbench, running, its first session frame drawn."""
    app = workbench(feed, glyphs=glyphs, review=review)
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
    app._frame(force=True)
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
    """The messages that are shown."""
    return [notification.message for notification in pilot.app._notifications]
