"""The dialog in which the columns of a table are chosen and put in order."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from swarmtui.tui import content
from swarmtui.tui.screens.dialogs import Dialog
from swarmtui.tui.view.chosen_columns import Choice
from swarmtui.tui.view.column import Column
from swarmtui.tui.view.lines import Line, Role
from swarmtui.tui.widgets.lines import TextView
from swarmtui.tui.widgets.looks import looks


class ColumnsScreen(Dialog[tuple[str, ...] | None]):
    """The names of the columns to show, in order; an empty tuple for those of the beginning; None: as they are."""

    CSS_PATH = "dialogs.tcss"
    DIALOG = "columns"

    def __init__(self, title: str, columns: Sequence[Column], names: Sequence[str]) -> None:
        super().__init__()
        self._title, self._columns = title, {column.key: column for column in columns}
        self.choice = Choice.of(columns, names)

    def compose(self) -> ComposeResult:
        """The columns, and what can be done."""
        with Vertical(classes="dialog") as box:
            box.border_title = content.line(self._title)
            view = TextView(id="columns")
            view.styles.height = len(self._columns)
            yield view
            yield Static(content.line(self._hint()), classes="hint", markup=False)

    def _hint(self) -> str:
        ids = ("turn", "later", "earlier", "reset", "keep", "leave")
        turn, later, earlier, reset, keep, leave = map(self.key, ids)
        ways = f"{turn} shows or hides; {later} {earlier} move it; {reset} as in the beginning"
        return f"{ways}; {keep} keeps, {leave} leaves"

    def on_mount(self) -> None:
        """The first is looked at."""
        self.query_one(TextView).focus()
        self._draw()

    def _draw(self) -> None:
        self.query_one(TextView).show(self._lines)

    def _lines(self, width: int) -> list[Line]:
        glyphs, lines = looks(self).glyphs, list[Line]()
        for at, key in enumerate(self.choice.order):
            here, on = at == self.choice.at, key in self.choice.shown
            cursor = glyphs.cursor if here else " "
            role: Role = "strong" if here else "text" if on else "faint"
            lines.append(((cursor, "accent"), (" [x] " if on else " [ ] ", role), (self._columns[key].title, role)))
        return lines

    def action_go(self, by: int) -> None:
        """Look at the next one."""
        self.choice.go(by)
        self._draw()

    def action_move(self, by: int) -> None:
        """Put it elsewhere."""
        self.choice.move(by)
        self._draw()

    def action_turn(self) -> None:
        """Show it, or hide it."""
        self.choice.turn()
        self._draw()

    def action_reset(self) -> None:
        """As in the beginning."""
        self.dismiss(())

    def action_keep(self) -> None:
        """As they are shown."""
        self.dismiss(self.choice.names)

    def action_leave(self) -> None:
        """Nothing changes."""
        self.dismiss(None)
