"""The main screen: the graph, the workers, the table, the log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Grid
from textual.widgets import Input

from swarmtui.tui import content
from swarmtui.tui.actions.action import Scope
from swarmtui.tui.screens.instruments import TimelinePart
from swarmtui.tui.screens.part import EVERYTHING
from swarmtui.tui.screens.parts import LogPart
from swarmtui.tui.screens.searching import Searching
from swarmtui.tui.screens.shaping import Shaping
from swarmtui.tui.view.table import DESCENDING
from swarmtui.tui.widgets.lines import entitle
from swarmtui.tui.widgets.looks import workbench
from swarmtui.tui.widgets.timeline import TimelineView

if TYPE_CHECKING:
    from swarmtui.session.events import Event
    from swarmtui.tui.widgets.nodes import NodeOpened, NodeSelected
    from swarmtui.tui.widgets.table import RowTable

_SHOWN = {"debug": "everything", "info": "what matters", "warning": "warnings and failures"}


class RunScreen(Shaping, Searching):
    """Everything at a glance; each part alone with 3, 4, 5 or w."""

    SCOPE = Scope.RUN
    CSS_PATH = "run.tcss"

    def compose_body(self) -> ComposeResult:
        """All parts, and where one searches."""
        with Grid(id="body"):
            for part in self.parts:
                yield part.widget
        yield Input(id="find", compact=True)

    def on_mount(self) -> None:
        """Titles, and where the keys go first."""
        for part in self.parts:
            entitle(part.widget, part.title)
        self.query_one("#find").display = False
        memory = workbench(self).memory
        for part in self.parts:
            part.recall(memory)
        self.set_class(not memory.get("run.log", True), "-no-log")
        self.set_view(memory.get("run.view", EVERYTHING))

    # -- drawing ----------------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Another width may want another form, also when nothing happens any more."""
        self.call_after_refresh(self.redraw)

    def put_history(self, events: Iterable[Event]) -> None:
        """What happened before we came."""
        self.part(LogPart).put_history(events)

    # -- panes ---------------------------------------------------------------------------------

    def do_toggle_log(self) -> None:
        """L."""
        self.toggle_class("-no-log")
        hidden = self.has_class("-no-log")
        workbench(self).memory.put("run.log", not hidden)
        self.call_after_refresh(self.redraw)
        if self.view != EVERYTHING:
            content.notice(self.app, f"the log is {'left out' if hidden else 'shown'} where all parts are seen")

    def do_log_level(self) -> None:
        """i."""
        log = self.part(LogPart).widget
        log.set_level({"info": "warning", "warning": "debug"}.get(log.level, "info"))  # type: ignore[arg-type]
        self.redraw()
        if not log.is_on_screen:
            content.notice(self.app, f"the log, once it is seen, shows {_SHOWN[log.level]}")

    def go(self, dx: int, dy: int) -> None:
        """Move in the focused pane; in the table the other panes go with it in the same step."""
        super().go(dx, dy)
        if self.focused is self.table.widget:
            self._keep_with_table(self.table.widget.selected)

    def on_row_table_row_selected(self, message: RowTable.RowSelected) -> None:
        """Keep the other panes with it."""
        self._keep_with_table(message.key)

    def _keep_with_table(self, node: str) -> None:
        if node and node != workbench(self).selected and not self.table.items_of:
            self.select(node, self.table.widget)

    def on_node_selected(self, message: NodeSelected) -> None:
        """Keep the other panes with it."""
        self.select(message.node, message.view)

    def on_node_opened(self, message: NodeOpened) -> None:
        """Double click: a group of the graph is unfolded, a node is opened."""
        if message.view is self.graph and self.graph.graph.group is not None:
            self.do_fold_group()
        else:
            workbench(self).open_node(message.node)

    def on_row_table_row_opened(self, message: RowTable.RowOpened) -> None:
        """Double click: of a map its items, else the node."""
        if not self.opens_items():
            workbench(self).open_node(self.table.items_of or message.key)

    # -- actions ----------------------------------------------------------------------------------------------

    def do_open(self) -> None:
        """enter: a question is answered, anything else is opened."""
        app, node = workbench(self), self.node
        if self.unfolds() or self.opens_items() or self.enlarges() or node is None:
            return
        if not app.asking.about(node.id):
            app.open_node(node.id)

    def do_form(self) -> None:
        """v: of the graph, or among workers of their text."""
        if not self.turns_text():
            super().do_form()

    def do_edit(self) -> None:
        """e."""
        workbench(self).edit_plan()

    def do_sort(self) -> None:
        """S: next column; of the timeline, what its rows are sorted by."""
        if isinstance(self.focused, TimelineView):
            self.focused.sort()
            return
        key, sorts = self.table.sort[0], self.table.sorts
        following = sorts[(sorts.index(key) + 1) % len(sorts)] if key in sorts else sorts[0]
        self._sort_by(following, following in DESCENDING)

    def do_reverse(self) -> None:
        """D."""
        if isinstance(self.focused, TimelineView):
            self.focused.reverse()
            return
        key, descending = self.table.sort
        self._sort_by(key or "state", not descending)

    def on_row_table_sort_asked(self, message: RowTable.SortAsked) -> None:
        """A click on a column's head."""
        key, descending = self.table.sort
        self._sort_by(message.column, not descending if key == message.column else message.column in DESCENDING)

    def _sort_by(self, key: str, descending: bool) -> None:
        self.table.sort_by(key, descending=descending)
        self.redraw()
        self.table.widget.reveal()

    def do_zoom_in(self) -> None:
        """}."""
        self.part(TimelinePart).zoom(1)

    def do_zoom_out(self) -> None:
        """{."""
        self.part(TimelinePart).zoom(-1)
