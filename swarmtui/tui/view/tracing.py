"""The cells of a drawing that a wire from one box to another runs through. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from swarmtui.tui.view.glyphs import E, N, S, W

if TYPE_CHECKING:
    from swarmtui.tui.view.layout import Layout

At = tuple[int, int, int]
"""x, y, and the side that one came to the cell by going to: E, N or S."""


def lit(layout: Layout, path: tuple[str, ...]) -> frozenset[tuple[int, int]]:
    """(x, y) of all cells between the boxes of `path`, one after the other; of wires that are not drawn, since others
    imply them, none."""
    found: set[tuple[int, int]] = set()
    for source, target in pairwise(path):
        if source in layout.boxes and target in layout.boxes:
            found |= trace(layout, source, target)
    return frozenset(found)


def trace(layout: Layout, source: str, target: str) -> set[tuple[int, int]]:
    """(x, y) of the cells of the shortest wire from `source` to `target`, rightwards; empty if there is none."""
    begin, end = layout.boxes[source], layout.boxes[target]
    goals = {(end.x - 1, end.row), (end.x - 2, end.row)}
    came: dict[At, At | None] = {}
    queue: deque[At] = deque()
    for x in (begin.x + begin.width, begin.x + begin.width + 1):
        came[x, begin.row, E] = None
        queue.append((x, begin.row, E))
    while queue:
        here = queue.popleft()
        x, y, heading = here
        cell = layout.wires.get(y, {}).get(x)
        if cell is None or x >= end.x:
            continue
        if (x, y) in goals and cell.arrow:
            return _back(came, here)
        for onward in _ways(x, y, cell.ports, heading):
            if onward not in came:
                came[onward] = here
                queue.append(onward)
    return set()


def _ways(x: int, y: int, ports: int, heading: int) -> Iterator[At]:
    if heading == E and not ports & W:
        yield x + 1, y, E  # it passes under a trunk that it does not join
        return
    if ports & E:
        yield x + 1, y, E
    if ports & S and heading != N:
        yield x, y + 1, S
    if ports & N and heading != S:
        yield x, y - 1, N


def _back(came: dict[At, At | None], end: At) -> set[tuple[int, int]]:
    cells: set[tuple[int, int]] = set()
    at: At | None = end
    while at is not None:
        cells.add(at[:2])
        at = came[at]
    return cells
