"""Everything that waits for the user, in one place over whatever was on the screen, which is found as it was left."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from swarmtui.tui import content
from swarmtui.tui.screens.dialogs import Dialog
from swarmtui.tui.view import format as say
from swarmtui.tui.view.queue import QueueRows, Waiting, asked_lines, matching, same_tool
from swarmtui.tui.widgets.lines import TextView
from swarmtui.tui.widgets.looks import workbench
from swarmtui.tui.widgets.table import RowTable

LOOK_S = 0.3
"""How often it is looked whether something else waits."""


class QueueScreen(Dialog[None]):
    """What waits, the oldest first; `put` puts one thing to the user, `several` all permissions for one tool.

    `found` tells what waits: what was answered does not, though the session may not know of it yet.
    """

    DIALOG, SCROLLED = "queue", "#asked"

    def __init__(
        self,
        put: Callable[[Waiting], None],
        several: Callable[[list[Waiting]], None],
        found: Callable[[], list[Waiting]],
    ) -> None:
        super().__init__()
        self._put, self._several, self._found = put, several, found
        self._filter = ""
        self._shown: object = None
        self.rows: list[Waiting] = []

    def compose(self) -> ComposeResult:
        """A filter, the list, and the marked one in full."""
        with Vertical(classes="dialog queue"):
            yield Input(placeholder="filter", compact=True, id="filter")
            yield RowTable(id="waiting")
            yield TextView(id="asked")
            yield Static(content.line(self._hint(), 200), classes="hint", markup=False)

    def _hint(self) -> str:
        enter, all_, find, esc = self.key("open"), self.key("several"), self.key("find"), self.key("leave")
        return f"{enter} answers, {all_} all that ask for the same tool, {find} filters, {esc} leaves them waiting"

    def on_mount(self) -> None:
        """The list has the focus, which answers nothing."""
        self.query_one("#filter").display = False
        self.query_one(RowTable).focus()
        self.set_interval(LOOK_S, self.look)
        self.look()

    def on_screen_resume(self) -> None:
        """After an answer."""
        self.call_after_refresh(self.look)

    def look(self) -> None:
        """Draw what waits now; close once nothing does."""
        if not self.is_mounted:
            return
        app = workbench(self)
        everything = self._found()
        if not everything and self.is_current:
            self.dismiss(None)
            return
        self.rows = matching(everything, self._filter)
        shown = (tuple(one.asked for one in self.rows), int(app.moment.wall), self._filter)
        if shown == self._shown:
            return
        self._shown = shown
        box = self.query_one(".dialog")
        left = f", {len(self.rows)} match" if self._filter else ""
        box.border_title = content.line(f"{say.need_you(len(everything))}{left}")
        table = self.query_one(RowTable)
        table.styles.height = min(len(self.rows) + 1, max(4, self.size.height // 3))
        table.show(QueueRows(self.rows))
        self._tell()

    @property
    def chosen(self) -> Waiting | None:
        """The one under the cursor."""
        key = self.query_one(RowTable).selected
        return next((one for one in self.rows if one.key == key), None)

    def select(self, key: str) -> None:
        """Put the cursor on one."""
        self.look()
        self.query_one(RowTable).select(key)
        self._tell()

    def _tell(self) -> None:
        one, state = self.chosen, workbench(self).state
        view = self.query_one("#asked", TextView)
        view.show(lambda width: asked_lines(state, one, width) if one is not None else [], top=True)

    def on_row_table_row_selected(self, message: RowTable.RowSelected) -> None:
        """Tell of another one."""
        self._tell()

    def on_row_table_row_opened(self, message: RowTable.RowOpened) -> None:
        """Two clicks are enter."""
        self.action_open()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Those that match."""
        self._filter = event.value
        self.look()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Back to the list."""
        self.query_one(RowTable).focus()

    # -- keys -------------------------------------------------------------------------------------------------

    def action_open(self) -> None:
        """enter."""
        if isinstance(self.focused, Input):
            self.query_one(RowTable).focus()
        elif self.chosen is not None:
            self._put(self.chosen)

    def action_several(self) -> None:
        """All permissions for the same tool."""
        one = self.chosen
        found = same_tool(self.rows, one) if one is not None else []
        if len(found) > 1:
            self._several(found)
        else:
            told = f"no other permission is asked for this tool: {self.key('open')} answers this one"
            content.notice(self.app, told, "warning")

    def action_move(self, lines: int) -> None:
        """In the list."""
        self.query_one(RowTable).go(0, lines)

    def action_find(self) -> None:
        """Filter."""
        box = self.query_one("#filter", Input)
        box.display = True
        box.focus()

    def action_go(self) -> None:
        """To the node that asks."""
        one = self.chosen
        if one is None or not one.node:
            content.notice(self.app, f"this is about no node: {self.key('open')} answers it", "warning")
            return
        self.dismiss(None)
        self.app.call_after_refresh(workbench(self).open_node, one.node)

    def action_leave(self) -> None:
        """esc: out of the filter first."""
        if isinstance(self.focused, Input) or self._filter:
            box = self.query_one("#filter", Input)
            box.value, box.display = "", False
            self.query_one(RowTable).focus()
            return
        self.dismiss(None)
