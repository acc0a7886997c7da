"""A replay as film: the workbench played without a terminal, as what a terminal would be sent. Time passes as fast as
pictures can be made, not as fast as it is shown."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from rich.console import Console
from textual.strip import Strip

from swarmtui.host.feed import Feed, Player
from swarmtui.tui.app import Workbench
from swarmtui.tui.view.glyphs import UNICODE

HOME, RESET = "\x1b[2J\x1b[H", "\x1b[0m"


class FilmClock:
    """The clock of a replay that is filmed: seconds of the film. Give it to the player as its clock."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """Seconds since the film began."""
        return self.now


class Filmed(Player, Protocol):
    """A player that says when it has read what it needs, so that no picture is made too early."""

    async def settled(self) -> None:
        """Until everything that was asked for is read."""


async def frames(
    player: Filmed, size: tuple[int, int], fps: float = 5.0, *, clock: FilmClock, theme: str | None = None
) -> AsyncGenerator[tuple[float, str], None]:
    """Play `player`, whose time is `clock`'s, from where it is to where it stops, in a terminal of `size`.

    Yields the second of the film and what to send a terminal at that moment: the first picture whole, of others the
    lines that differ. At most `fps` pictures a second; where nothing changes there are none. The player is closed.
    """

    async def connect() -> Feed:
        return player

    app = Workbench(connect, glyphs=UNICODE, theme=theme)
    ansi = Console(width=size[0], height=size[1], force_terminal=True, color_system="truecolor", legacy_windows=False)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await app.workers.wait_for_complete()
        player.play()
        shown: list[Strip] = []
        drawn = -1
        while True:
            await player.settled()
            app.draw_if_due()
            if app.frames_drawn != drawn:
                drawn = app.frames_drawn
                await app.workers.wait_for_complete()
                await pilot.pause()
                strips = app.screen._compositor.render_strips()
                if picture := _changed(shown, strips, ansi):
                    yield clock.now, picture
                shown = strips
            play = player.status.play
            if play is None or not play.playing:
                return
            clock.now += 1 / fps


def _changed(before: Sequence[Strip], after: Sequence[Strip], console: Console) -> str:
    """What makes the picture `after` of the picture `before`; all of it where there was none of that size."""
    whole = len(before) != len(after)
    lines = [
        f"\x1b[{y};1H{strip.render(console)}" for y, strip in enumerate(after, 1) if whole or strip != before[y - 1]
    ]
    return (HOME if whole else "") + "".join(lines) + RESET if lines else ""
