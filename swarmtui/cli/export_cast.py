"""A session as film: the workbench in which it is replayed, as a recording for asciinema and its players."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from swarmtui.session.exports.asciicast import Cast
    from swarmtui.session.folder import SessionFolder

IDLE_LIMIT_S = 2.0
"""Longer times without events pass in so many seconds."""
LAST_S = 2.0
"""How long the last picture stays."""


def film(
    folder: SessionFolder,
    write: Callable[[str], object],
    *,
    version: Literal[2, 3] = 3,
    size: tuple[int, int],
    fps: float,
    speed: float,
) -> None:
    """Hand the lines of the recording to `write`, each as soon as it is made. Raises LogError, what `write` raises, and
    UsageError where nothing was recorded. Blocks."""
    from swarmtui.session.exports.asciicast import Cast

    asyncio.run(_film(folder, write, Cast(*size, version), size, fps, speed))


async def _film(
    folder: SessionFolder,
    write: Callable[[str], object],
    cast: Cast,
    size: tuple[int, int],
    fps: float,
    speed: float,
) -> None:
    from swarmtui.cli.failures import UsageError
    from swarmtui.host.file_past import FilePast
    from swarmtui.host.replay import ReplayFeed
    from swarmtui.tui.cast import FilmClock, frames

    past, clock = FilePast(folder), FilmClock()
    try:
        head = await past.head()
        if not head:
            raise UsageError(f"nothing was recorded of session {folder.id} yet")
        marks = await past.marks()
        first = await past.state_at(head)
        write(
            cast.header(
                title=first.title or first.goal or folder.id, timestamp=first.created_ts, idle_limit_s=IDLE_LIMIT_S
            )
        )
        player = ReplayFeed(past, head=head, clock=clock, speed=speed, idle_limit=IDLE_LIMIT_S, until=head)
        at, told = 0.0, 0
        async with aclosing(frames(player, size, fps, clock=clock)) as pictures:
            async for at, ansi in pictures:
                while told < len(marks) and marks[told].seq <= player.state.seq:
                    write(cast.marker(at, f"{marks[told].kind.value}: {marks[told].label}"))
                    told += 1
                write(cast.output(at, ansi))
        for mark in marks[told:]:
            write(cast.marker(at, f"{mark.kind.value}: {mark.label}"))
        write(cast.exit(at + LAST_S, 0))
    finally:
        await past.close()
