"""What table and timeline have in common: one line per row, and a cursor on one of the rows."""

from __future__ import annotations

from swarmtui.tui.widgets.lines import LineView


class RowView(LineView):
    """Rows with a cursor. Subclasses say how many there are, and what follows when the cursor has moved."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.cursor = 0

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return 0

    @property
    def searched(self) -> str:
        """What is searched for: rows that do not match are not there. Empty if nothing is."""
        return ""

    def go(self, dx: int, dy: int) -> None:
        """Move the cursor."""
        self.go_to(self.cursor + dy)

    def go_to_end(self, last: bool) -> None:
        """First or last row."""
        self.go_to(self.row_count - 1 if last else 0)

    def go_to(self, at: int) -> None:
        """Put the cursor on row `at`, or the nearest there is."""
        self.cursor = max(0, min(at, self.row_count - 1))
        self._moved()

    def next_match(self, step: int) -> bool:
        """Go to the next row of what is searched for, or with -1 to the one before, from the last on to the first.
        False if nothing is searched for, or nothing matches."""
        if not self.row_count or not self.searched:
            return False
        self.go_to((self.cursor + step) % self.row_count)
        return True

    def _moved(self) -> None:
        self.show_row(self.cursor)
        self.changed()
