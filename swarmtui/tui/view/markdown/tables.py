"""Tables in a width: columns as wide as what is in them, cells that wrap, and where even that fails row by row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from swarmtui.frozen import mutable
from swarmtui.tui.view.glyphs import E, Glyphs, N, S, W
from swarmtui.tui.view.lines import Line, Span, pad
from swarmtui.tui.view.lines import width as cells_of
from swarmtui.tui.view.markdown.folding import fold

Align = Literal["left", "center", "right"]
Cell = list[Span]
LEAST = 6
"""Cells that a column has at least, before the table is told row by row instead."""


@mutable
class Table:
    """A table whose cells are spans. Each row has as many cells as `head`."""

    head: list[Cell]
    rows: list[list[Cell]]
    aligns: list[Align]

    def lines(self, width: int, glyphs: Glyphs) -> list[Line]:
        """It in at most `width` cells."""
        wanted = [
            max(1, *(cells_of(tuple(row[at])) for row in (self.head, *self.rows))) for at in range(len(self.head))
        ]
        room = width - 3 * (len(wanted) - 1)
        if sum(wanted) > room and room < LEAST * len(wanted):
            return self._one_below_another(width, glyphs)
        return self._columns(_shared(wanted, room), glyphs)

    def _columns(self, widths: Sequence[int], glyphs: Glyphs) -> list[Line]:
        across, cross = glyphs.wire(E | W), glyphs.wire(N | E | S | W)
        rule: Line = ((f"{across}{cross}{across}".join(across * size for size in widths), "edge"),)
        lines = [*self._row(self.head, widths, glyphs), rule]
        drawn = [self._row(row, widths, glyphs) for row in self.rows]
        apart = any(len(row) > 1 for row in drawn)
        for number, row in enumerate(drawn):
            lines += [rule, *row] if apart and number else row
        return lines

    def _row(self, row: Sequence[Cell], widths: Sequence[int], glyphs: Glyphs) -> list[Line]:
        wrapped = [fold(cell, size) for cell, size in zip(row, widths, strict=True)]
        between: Span = (f" {glyphs.wire(N | S)} ", "edge")
        lines: list[Line] = []
        for at in range(max(map(len, wrapped))):
            spans: list[Span] = []
            for column, (cell, size) in enumerate(zip(wrapped, widths, strict=True)):
                spans += [between] if column else []
                spans += _aligned(cell[at] if at < len(cell) else (), size, self.aligns[column])
            lines.append(tuple(spans))
        return lines

    def _one_below_another(self, width: int, glyphs: Glyphs) -> list[Line]:
        rule: Line = ((glyphs.wire(E | W) * width, "edge"),)
        lines = [] if self.rows else [line for cell in self.head for line in fold(cell, width)]
        for number, row in enumerate(self.rows):
            lines += [rule] if number else []
            for name, cell in zip(self.head, row, strict=True):
                lines += fold([*name, (": ", "strong"), *cell], width)
        return lines


def _aligned(line: Line, size: int, align: Align) -> Iterable[Span]:
    left = size - cells_of(line)
    if align == "left" or left <= 0:
        return pad(line, size)
    before = left if align == "right" else left // 2
    return pad(((" " * before, "text"), *line), size)


def _shared(wanted: Sequence[int], room: int) -> list[int]:
    """The room of each column: what it wants, or the same for all that want more than there is."""
    if sum(wanted) <= room:
        return list(wanted)
    most, left, open_ = 0, room, sorted(wanted)
    while open_ and open_[0] <= left // len(open_):
        left -= open_.pop(0)
    most = left // len(open_) if open_ else room
    spare = left - most * len(open_)
    widths: list[int] = []
    for size in wanted:
        extra = 1 if size > most and spare > 0 else 0
        widths.append(min(size, most + extra))
        spare -= extra
    return widths
