"""A table whose cost does not depend on how many rows it has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial

from textual import events
from textual.geometry import Size
from textual.message import Message

from swarmtui.tui.view.column import Column, NoRows, Rows, fit_columns
from swarmtui.tui.view.lines import Line, Span, fit
from swarmtui.tui.widgets.lines import Shown
from swarmtui.tui.widgets.looks import looks, moment
from swarmtui.tui.widgets.rows import RowView

GAP = 2


class RowTable(RowView):
    """Header, rows, a cursor. The header is drawn on the first visible line, whatever is scrolled to."""

    class RowSelected(Message):
        """The cursor is on another row."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    class RowOpened(Message):
        """The user wants to see a row."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    class SortAsked(Message):
        """The user clicked the head of a column."""

        def __init__(self, column: str) -> None:
            super().__init__()
            self.column = column

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.rows: Rows = NoRows()
        self._key = ""
        self._empty = ""
        """What is said where there are no rows; nothing before it is known whether there are."""
        self._marked: Collection[str] = frozenset()
        self._columns: list[tuple[Column, int]] = []
        self._fitted: tuple[int, object] = (0, None)

    def show(self, rows: Rows) -> None:
        """Draw `rows`; the cursor stays on the row it was on, if that is still there."""
        self.rows = rows
        none = " nothing matches" if getattr(rows, "filter", "?") else " nothing yet: what comes is listed here"
        self._empty = getattr(rows, "none", none)
        if self._key and not (self.cursor < len(rows) and rows.key(self.cursor) == self._key):
            self.cursor = next((at for at in range(len(rows)) if rows.key(at) == self._key), self.cursor)
        self.cursor = max(0, min(self.cursor, len(rows) - 1))
        self._measure()
        self.changed()

    def mark(self, keys: Collection[str]) -> None:
        """Show that the user has marked the rows with these keys, and no others."""
        if keys != self._marked:
            self._marked = frozenset(keys)
            self.changed()

    def _measure(self) -> None:
        self.extend(Size(self.size.width, len(self.rows) + 1))
        self._fitted = (0, None)

    def on_resize(self, event: events.Resize) -> None:
        """Columns follow the width."""
        self._measure()
        self.show_row(self.cursor)

    @property
    def selected(self) -> str:
        """Key of the row under the cursor; empty if there are no rows."""
        return self.rows.key(self.cursor) if self.cursor < len(self.rows) else ""

    def select(self, key: str) -> None:
        """Put the cursor on the row `key`, without a message."""
        if key == self.selected:
            self._key = key
            return
        for at in range(len(self.rows)):
            if self.rows.key(at) == key:
                self.cursor, self._key = at, key
                self.show_row(self.cursor)
                self.changed()
                return

    def reveal(self) -> None:
        """Scroll to the row under the cursor, wherever another order has put it."""
        self.show_row(self.cursor)
        self.changed()

    def visible_line(self, y: int, width: int) -> Shown:
        """The header on top, then rows."""
        if self._fitted[0] != width or self._fitted[1] is not self.rows:
            self._columns, self._fitted = fit_columns(self.rows.columns, width - 1, GAP), (width, self.rows)
        return (self._header(width), None) if y == 0 else self.line_at(y - 1 + self.scroll_offset.y, width)

    def has_room_for(self, key: str) -> bool:
        """Whether the column `key` is seen."""
        return any(column.key == key for column, _ in fit_columns(self.rows.columns, self.size.width - 1, GAP))

    def line_at(self, y: int, width: int) -> Shown:
        """Row `y`."""
        if not 0 <= y < len(self.rows):
            return ((self._empty if not len(self.rows) and y == 0 else "", "faint"),), None
        glyphs = looks(self).glyphs
        cells = self.rows.cells(y, moment(self), glyphs)
        on_cursor = y == self.cursor
        is_marked = bool(self._marked) and self.rows.key(y) in self._marked
        spans: list[Span] = [(glyphs.chosen if is_marked else glyphs.cursor if on_cursor else " ", "accent")]
        for number, (column, wide) in enumerate(self._columns):
            text, role = cells[column.key]
            gap = " " * GAP if number else ""
            spans.append((gap + fit(text, wide, right=column.right, ellipsis=glyphs.cut), role))
        return tuple(spans), (0, width) if on_cursor else None

    def _header(self, width: int) -> Line:
        glyphs = looks(self).glyphs
        key, descending = self.rows.sort
        spans: list[Span] = [(" ", "text")]
        for number, (column, wide) in enumerate(self._columns):
            sign = (glyphs.down if descending else glyphs.up) if column.key == key else ""
            title = fit(sign + column.title if column.right else column.title + sign, wide, right=column.right)
            spans.append(((" " * GAP if number else "") + title, "accent" if sign else "muted"))
        return tuple(spans)

    @property
    def row_count(self) -> int:
        """Those that match."""
        return len(self.rows)

    @property
    def searched(self) -> str:
        """Not all rows can be searched."""
        return getattr(self.rows, "filter", "")

    def _moved(self) -> None:
        self._key = self.selected
        super()._moved()
        if self._key:
            self.post_message(self.RowSelected(self._key))

    @property
    def rows_seen(self) -> int:
        """The header takes the first line."""
        return max(1, self.size.height - 1)

    def jumps(self) -> Iterator[tuple[int, int, Callable[[], object]]]:
        """The rows that are visible."""
        top = self.scroll_offset.y
        for at in range(top, min(len(self.rows), top + self.size.height - 1)):
            yield 0, at - top + 1, partial(self._jump, at)

    def _jump(self, at: int) -> None:
        self.focus()
        self.go_to(at)

    def on_click(self, event: events.Click) -> None:
        """Select a row, twice: open it; on the header: sort."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0:
            self._sort_at(offset.x)
            return
        at = offset.y - 1 + self.scroll_offset.y
        if at < len(self.rows):
            self.go_to(at)
            if event.chain == 2:
                self.post_message(self.RowOpened(self.selected))

    def _sort_at(self, x: int) -> None:
        at = 1
        for column, wide in self._columns:
            if at <= x < at + wide + GAP:
                self.post_message(self.SortAsked(column.key))
                return
            at += wide + GAP
