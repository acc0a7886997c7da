"""What a theme looks like, in a few lines: every state with its sign and word, every role with its name."""

from __future__ import annotations

from swarmtui.tui.view.glyphs import ASK, MARKS, Glyphs
from swarmtui.tui.view.lines import Line, Role, fit, pad

PER_ROW = 3


def swatch(name: str, glyphs: Glyphs, size: int) -> list[tuple[Line, bool]]:
    """Lines of `size` cells, and whether the cursor is on each."""
    marks = [*MARKS.values(), ASK]
    rows: list[tuple[Line, bool]] = [(((f" {name}", "strong"), ("  1 needs you", "ask"), ("  badge ", "badge")), False)]
    for at in range(0, len(marks), PER_ROW):
        row: Line = tuple(
            (f" {glyphs.icon(mark)} {fit(mark.word, 16)}", mark.role) for mark in marks[at : at + PER_ROW]
        )
        rows.append((row, False))
    done, rest = glyphs.bar(61, 100, 20)
    rows.append((((f" {glyphs.cursor}", "accent"), ("the row of the cursor  ", "text"), ("muted", "muted")), True))
    roles: tuple[Role, ...] = ("text", "strong", "muted", "faint", "accent", "ok", "warn", "bad")
    rows.append((tuple((f" {role}", role) for role in roles), False))
    wires: Line = ((f" {glyphs.wire(10)}{glyphs.wire(10)}{glyphs.arrow} edge  ", "edge"), ("critical  ", "critical"))
    rows.append(((*wires, (done, "bar"), (rest, "rest"), (" 61%", "text")), False))
    return [(pad(row, size), on_cursor) for row, on_cursor in rows]
