"""Where to look so that what runs is in view. Pure: a place in, a place out, and no more moved than is needed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from swarmtui.frozen import frozen

QUIET_S = 8.0
"""How long after somebody has moved about in the graph it stays where they left it."""


@frozen
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
    whole = [(start, end) for start, end in spans if end - start <= room]  # others are never all in view
    begins, ends = sorted(start for start, _ in whole), sorted(end for _, end in whole)

    def seen(start: int) -> int:
        """How many lie between `start` and `start` + `room`: those that end in time, less those that begin before."""
        return bisect_right(ends, start + room) - bisect_left(begins, start)

    places = {max(0, min(start, furthest)) for start in begins}
    best = max(places, key=lambda start: (seen(start), -abs(start - at), -start), default=at)
    return best if seen(best) > seen(at) else at
