"""The main screen: the graph, the workers, the table, the log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from textual.app import ComposeResult
from textual.containers import Grid
from textual.widget import Widget
from textual.widgets import Input

from swarmtui.tui import content
from swarmtui.tui.actions.action import Mode, Scope
from swarmtui.tui.screens.instruments import PoolsPart, TimelinePart
from swarmtui.tui.screens.part import EVERYTHING, Part
from swarmtui.tui.screens.parts import PARTS, GraphPart, LogPart
from swarmtui.tui.screens.searching import Searching
from swarmtui.tui.screens.shaping import Shaping
from swarmtui.tui.view.table import DESCENDING
from swarmtui.tui.widgets.lines import entitle
from swarmtui.tui.widgets.looks import workbench
from swarmtui.tui.widgets.timeline import TimelineView

if TYPE_CHECKING:
    from swarmtui.host.feed import Changes
    from swarmtui.session.events import Event
    from swarmtui.tui.widgets.log import LogView
    from swarmtui.tui.widgets.table import RowTable

P = TypeVar("P", bound=Part)
_SHOWN = {"debug": "everything", "info": "what matters", "warning": "warnings and failures"}


class RunScreen(Shaping, Searching):
    """Everything at a glance; each part alone with 3, 4, 5 or w."""

    SCOPE = Scope.RUN
    CSS_PATH = "run.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.view = EVERYTHING
        self.parts = tuple(make(self) for make in (*PARTS, TimelinePart, PoolsPart))

    def part(self, kind: type[P]) -> P:
        """The part of a kind."""
        return next(part for part in self.parts if isinstance(part, kind))

    def compose_body(self) -> ComposeResult:
        """All parts, and where one searches."""
        with Grid(id="body"):
            for part in self.parts:
                yield part.widget
        yield Input(
            id="find", placeholder="words that must occur; !word must not; enter keeps, esc clears", compact=True
        )

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

    @property
    def stands(self) -> bool:
        """Whether its widgets are there."""
        return super().stands and all(part.widget.is_attached for part in self.parts)

    def absorb(self, changes: Changes) -> None:
        """Each part takes note."""
        for part in self.parts:
            part.absorb(changes)

    def put_history(self, events: Iterable[Event]) -> None:
        """What happened before we came."""
        self.part(LogPart).put_history(events)

    def redraw(self) -> None:
        """Draw what is visible."""
        if not self.stands:
            return
        memory = workbench(self).memory
        for part in self.parts:
            if part.widget.display:
                part.draw()
            part.keep(memory)
        super().redraw()

    # -- moving between panes ---------------------------------------------------------------------------------

    def set_view(self, view: str) -> None:
        """Show all parts, or the one of that name alone. How one looks at a session is remembered, but not of a replay:
        each begins with everything."""
        self.view = view
        if self.mode is not Mode.REPLAY:
            workbench(self).memory.put("run.view", view)
        alone = next((part for part in self.parts if view == part.VIEW), None)
        for part in self.parts:
            part.widget.set_class(part is alone, "-chosen")
        self.set_class(alone is not None, "-alone")
        (alone or self.part(GraphPart)).widget.focus()
        self.call_after_refresh(self.redraw)

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

    def select(self, node: str, source: Widget | None = None) -> None:
        """Put every cursor on `node`; that of `source` is there already."""
        if not self.stands:
            return
        workbench(self).selected = node
        for part in self.parts:
            if part.widget is not source and part.widget.display:
                part.select(node)
        super().redraw()

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

    def on_timeline_view_node_selected(self, message: TimelineView.NodeSelected) -> None:
        """Keep the other panes with it."""
        self.select(message.node, self.part(TimelinePart).widget)

    def on_timeline_view_node_opened(self, message: TimelineView.NodeOpened) -> None:
        """Double click."""
        workbench(self).open_node(message.node)

    def on_row_table_row_opened(self, message: RowTable.RowOpened) -> None:
        """Double click: of a map its items, else the node."""
        if not self.opens_items():
            workbench(self).open_node(self.table.items_of or message.key)

    def on_log_view_node_opened(self, message: LogView.NodeOpened) -> None:
        """Double click."""
        workbench(self).open_node(message.node)

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
        self.table.widget.go_to_end(last=False)  # whoever sorts looks for what comes first

    def do_zoom_in(self) -> None:
        """}."""
        self.part(TimelinePart).zoom(1)

    def do_zoom_out(self) -> None:
        """{."""
        self.part(TimelinePart).zoom(-1)
