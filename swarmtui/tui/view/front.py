"""Where to look so that what runs is in view. Pure: a place in, a place out, and no more moved than is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

QUIET_S = 8.0
"""How long after somebody has moved about in the graph it stays where they left it."""


@dataclass(frozen=True, slots=True)
class View:
    """What of a drawing is visible, in cells."""

    x: int
    y: int
    width: int
    height: int


Place = tuple[int, int, int, int]
"""x, y, width and height."""


def look_at_front(view: View, running: Sequence[Place], size: tuple[int, int]) -> tuple[int, int]:
    """Where the upper left corner of `view` should be: all that runs is in it, or where not all of it fits, as much as
    can be. It stays where it is if it would show no more elsewhere."""
    if not running or view.width <= 0 or view.height <= 0:
        return view.x, view.y
    x = _along(view.x, view.width, [(place[0], place[0] + place[2]) for place in running], size[0])
    y = _along(view.y, view.height, [(place[1], place[1] + place[3]) for place in running], size[1])
    return x, y


def _along(at: int, room: int, spans: list[tuple[int, int]], size: int) -> int:
    """Of one dimension: where what is visible should begin."""
    furthest = max(0, size - room)
    first, last = min(start for start, _ in spans), max(end for _, end in spans)
    if last - first <= room:  # all of it fits
        wanted = min(max(at, last - room), first)
        return max(0, min(wanted, furthest))
    starts = sorted({max(0, min(start, furthest)) for start, _ in spans})
    best = max(starts, key=lambda start: (_seen(start, room, spans), -abs(start - at)))
    return best if _seen(best, room, spans) > _seen(at, room, spans) else at


def _seen(start: int, room: int, spans: list[tuple[int, int]]) -> int:
    return sum(start <= begin and end <= start + room for begin, end in spans)
