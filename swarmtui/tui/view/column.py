"""What every table has: columns, as many as fit, and rows that say what stands in them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from swarmtui.frozen import frozen
from swarmtui.safety.text import one_line

if TYPE_CHECKING:
    from swarmtui.tui.view.glyphs import Glyphs
    from swarmtui.tui.view.lines import Span
    from swarmtui.tui.view.moment import Moment

FLEXIBLE = 28
"""Cells that the column which takes the rest should at least have; others go before it has less."""


@frozen
class Column:
    """A column: `width` in cells; 0 takes what is left. Columns of low `weight` go first where room is short."""

    key: str
    title: str
    width: int
    weight: int
    right: bool = False
    shown: bool = True
    """Whether it is there before anybody has chosen."""


class Rows(Protocol):
    """What a table widget draws."""

    @property
    def columns(self) -> Sequence[Column]:
        """All columns, left to right."""

    @property
    def sort(self) -> tuple[str, bool]:
        """Key of the column the rows are sorted by (empty: their own order) and whether descending."""

    def __len__(self) -> int: ...

    def key(self, at: int) -> str:
        """What identifies row `at`."""

    def cells(self, at: int, moment: Moment, glyphs: Glyphs) -> dict[str, Span]:
        """The cells of row `at`, by column."""


class NoRows:
    """What a table draws before it was given anything."""

    columns: Sequence[Column] = ()
    sort = "", False
    filter = ""

    def __len__(self) -> int:
        return 0

    def key(self, at: int) -> str:
        """There is none."""
        raise IndexError(at)

    def cells(self, at: int, moment: Moment, glyphs: Glyphs) -> dict[str, Span]:
        """There are none."""
        raise IndexError(at)


def gone_cells(name: str) -> dict[str, Span]:
    """The cells of a node that went since the rows were put in order; until that is done anew, which is a moment."""
    return defaultdict[str, "Span"](lambda: ("", "faint"), node=(one_line(name, 60), "faint"))


def chosen(known: Sequence[Column], names: Sequence[str]) -> tuple[Column, ...]:
    """The columns of those names, in their order; those that are shown by themselves where no name is known."""
    by_key = {column.key: column for column in known}
    found = tuple(by_key[name] for name in dict.fromkeys(names) if name in by_key)
    return found or tuple(column for column in known if column.shown)


def fit_columns(columns: Sequence[Column], size: int, gap: int = 2) -> list[tuple[Column, int]]:
    """The columns that have room in `size` cells, with their widths; what is left goes to the one of width 0."""
    chosen = list(columns)

    def taken() -> int:
        return sum((column.width or FLEXIBLE) + gap for column in chosen) - gap

    while len(chosen) > 2 and taken() > size:
        chosen.remove(min(chosen, key=lambda column: column.weight))
    fixed = sum(column.width + gap for column in chosen) - gap
    widths = [(column, column.width or max(1, size - fixed)) for column in chosen]
    if all(column.width for column in chosen) and chosen:
        spare = size - fixed
        widths = [(column, width + spare if column.key == "node" and spare < 0 else width) for column, width in widths]
    return [(column, max(1, width)) for column, width in widths]
