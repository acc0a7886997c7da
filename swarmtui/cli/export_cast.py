"""A session as film: the workbench in which it is replayed, as a recording for asciinema and its players."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmtui.session.folder import SessionFolder

IDLE_LIMIT_S = 2.0
"""Longer times without events pass in so many seconds."""
LAST_S = 2.0
"""How long the last picture stays."""


def cast_lines(folder: SessionFolder, size: tuple[int, int], fps: float, speed: float) -> list[str]:
    """The lines of the recording. Raises LogError, and UsageError where nothing was recorded. Blocks."""
    return asyncio.run(_film(folder, size, fps, speed))


async def _film(folder: SessionFolder, size: tuple[int, int], fps: float, speed: float) -> list[str]:
    from swarmtui.cli.failures import UsageError
    from swarmtui.host.file_past import FilePast
    from swarmtui.host.replay import ReplayFeed
    from swarmtui.session.exports.asciicast import Cast
    from swarmtui.tui.cast import FilmClock, frames

    past, clock, cast = FilePast(folder), FilmClock(), Cast(*size)
    head = await past.head()
    if not head:
        await past.close()
        raise UsageError(f"nothing was recorded of session {folder.id} yet")
    marks = await past.marks()
    first = await past.state_at(head)
    title = first.title or first.goal or folder.id
    lines = [cast.header(title=title, timestamp=first.created_ts, idle_limit_s=IDLE_LIMIT_S)]
    player = ReplayFeed(past, head=head, clock=clock, speed=speed, idle_limit=IDLE_LIMIT_S, until=head)
    at, told = 0.0, 0
    async for at, ansi in frames(player, size, fps, clock=clock):
        while told < len(marks) and marks[told].seq <= player.state.seq:
            lines.append(cast.marker(at, f"{marks[told].kind.value}: {marks[told].label}"))
            told += 1
        lines.append(cast.output(at, ansi))
    lines += [cast.marker(at, f"{mark.kind.value}: {mark.label}") for mark in marks[told:]]
    return [*lines, cast.exit(at + LAST_S, 0)]
