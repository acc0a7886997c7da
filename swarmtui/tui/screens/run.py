"""The main screen: the graph, the workers, the table, the log."""

from __future__ import annotations

from typing import Literal, get_args

from textual import on
from textual.app import ComposeResult
from textual.containers import Grid
from textual.widget import Widget
from textual.widgets import Input

from swarmtui.host.feed import Changes
from swarmtui.session.vocabulary import FINAL
from swarmtui.tui import content
from swarmtui.tui.actions import Scope
from swarmtui.tui.screens.finding import Finding
from swarmtui.tui.screens.session import SessionScreen
from swarmtui.tui.view.logs import LogLine, log_line
from swarmtui.tui.view.panes import look_at
from swarmtui.tui.view.table import SORTS, NodeRows
from swarmtui.tui.view.tails import panes
from swarmtui.tui.view.watching import company
from swarmtui.tui.widgets.graph import GraphView
from swarmtui.tui.widgets.lines import entitle, undertitle
from swarmtui.tui.widgets.log import LogView
from swarmtui.tui.widgets.looks import workbench
from swarmtui.tui.widgets.panes import PaneGrid
from swarmtui.tui.widgets.table import RowTable

View = Literal["run", "graph", "workers", "table", "log"]
_PANES: dict[str, View] = {"graph": "graph", "panes": "workers", "table": "table", "log": "log"}
SLOW_SORT = 2_000
"""Above so many nodes a sorted table is put in order once a second, not with every frame."""


class RunScreen(Finding, SessionScreen):
    """Everything at a glance; each part alone with 3, 4, 5 or w."""

    SCOPE = Scope.RUN
    CSS_PATH = "run.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.view: View = "run"
        self._rows = NodeRows()
        self._sorted_at = -1.0
        self._sorted_plan: object = None

    def compose_body(self) -> ComposeResult:
        """The four panes."""
        with Grid(id="body"):
            yield GraphView(id="graph")
            yield PaneGrid(id="panes")
            yield RowTable(id="table")
            yield LogView(id="log")
        yield Input(
            id="find", placeholder="words that must occur; !word must not; enter keeps, esc clears", compact=True
        )

    def on_mount(self) -> None:
        """Titles, and where the keys go first."""
        for name in _PANES:
            entitle(self.query_one(f"#{name}"), {"panes": "workers"}.get(name, name))
        self.query_one("#find").display = False
        self.query_one(GraphView).focus()

    # -- drawing ----------------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        """Another width may want another form, also when nothing happens any more."""
        self.call_after_refresh(self.redraw)

    @property
    def stands(self) -> bool:
        """Whether its widgets are there."""
        return self.is_mounted and bool(self.query(LogView))

    def absorb(self, changes: Changes) -> None:
        """Lines for the log."""
        log = self.query_one(LogView)
        if changes.reset:
            log.clear()
        log.add(log_line(event) for event in changes.events)

    def put_history(self, lines: list[LogLine]) -> None:
        """Lines of before we came."""
        self.query_one(LogView).put_before(lines)

    def redraw(self) -> None:
        """Draw what is visible."""
        if not self.is_mounted:
            return
        app = workbench(self)
        graph = self.query_one(GraphView)
        if graph.display:
            graph.graph.listed = self.size.width < 100
            graph.show(app.state)
            app.selected = app.selected or graph.graph.selected
            graph.select(app.selected)
        super().redraw()
        undertitle(self.query_one(LogView), company(app.status))
        if self.query_one(RowTable).display:
            self._draw_table()
        if self.query_one(PaneGrid).display:
            self._draw_panes()

    def _draw_table(self) -> None:
        app = workbench(self)
        table = self.query_one(RowTable)
        rows = self._rows
        rows.state = app.state
        due = len(app.state.nodes) <= SLOW_SORT or app.moment.wall - self._sorted_at >= 1
        if due or self._sorted_plan is not app.state.plan:
            rows.choose(app.moment)
            self._sorted_at, self._sorted_plan = app.moment.wall, app.state.plan
        table.show(rows)
        table.select(app.selected)
        shown = f"{len(rows):,} of {len(app.state.nodes):,}" if rows.filter else f"{len(rows):,} nodes"
        key, descending = rows.sort
        order = f", by {key} {'down' if descending else 'up'}" if key else ""
        title = f"table {app.looks.glyphs.dash} {shown}{f', {rows.filter}' if rows.filter else ''}{order}"
        entitle(table, title)

    def _draw_panes(self) -> None:
        app = workbench(self)
        grid = self.query_one(PaneGrid)
        at_work = panes(app.state, app.tails, app.moment, grid.room)
        if self.view == "workers":
            chosen = next((pane for pane in at_work if pane.node == app.selected), None)
            grid.show(at_work, chosen.key if chosen else None, "no worker is at work now")
            return
        looked_at = look_at(app.state, app.selected, app.tails, app.moment)
        if looked_at is None:
            grid.show([], None, "what the selected node says will be shown here")
            return
        others = [pane for pane in at_work if pane.key != looked_at.key and pane.node != looked_at.node]
        small = others if self.size.width >= 160 and self.size.height >= 40 else []
        grid.show([looked_at, *small], looked_at.key, "")

    # -- moving between panes ---------------------------------------------------------------------------------

    def set_view(self, view: View) -> None:
        """Show all panes or one alone."""
        self.view = view
        for name in get_args(View):
            self.set_class(name == view and view != "run", f"-only-{name}")
        alone = {kind: name for name, kind in _PANES.items()}.get(view, "graph")
        self.query_one(f"#{alone}").focus()
        self.call_after_refresh(self.redraw)

    def do_widen(self) -> None:
        """w."""
        focused = self.focused.id if self.focused else None
        self.set_view("run" if self.view != "run" else _PANES.get(focused or "", "graph"))

    def do_toggle_log(self) -> None:
        """L."""
        self.toggle_class("-no-log")
        self.call_after_refresh(self.redraw)

    def do_log_level(self) -> None:
        """i."""
        log = self.query_one(LogView)
        log.set_level({"info": "warning", "warning": "debug"}.get(log.level, "info"))  # type: ignore[arg-type]
        entitle(log, {"info": "log", "warning": "log: warnings", "debug": "log: all"}[log.level])

    def go(self, dx: int, dy: int) -> None:
        """Move in the focused pane; among workers, from one to the next."""
        if isinstance(self.focused, PaneGrid):
            self._next_worker(dx + dy)
        else:
            super().go(dx, dy)

    def _next_worker(self, step: int) -> None:
        app = workbench(self)
        nodes = list(dict.fromkeys(pane.node for pane in panes(app.state, app.tails, app.moment, 200)))
        if nodes:
            at = nodes.index(app.selected) if app.selected in nodes else -step
            self._select(nodes[(at + step) % len(nodes)])

    def _select(self, node: str, source: Widget | None = None) -> None:
        app = workbench(self)
        app.selected = node
        if source is not self.query_one(GraphView):
            self.query_one(GraphView).select(node)
        if source is not self.query_one(RowTable):
            self.query_one(RowTable).select(node)
        self._draw_panes()
        super().redraw()

    def select(self, node: str) -> None:
        """Put every cursor on `node`."""
        self._select(node)

    def on_graph_view_node_selected(self, message: GraphView.NodeSelected) -> None:
        """Keep the other panes with it."""
        self._select(message.node, self.query_one(GraphView))

    def on_row_table_row_selected(self, message: RowTable.RowSelected) -> None:
        """Keep the other panes with it."""
        self._select(message.key, self.query_one(RowTable))

    def on_graph_view_node_opened(self, message: GraphView.NodeOpened) -> None:
        """Double click."""
        workbench(self).open_node(message.node)

    def on_row_table_row_opened(self, message: RowTable.RowOpened) -> None:
        """Double click."""
        workbench(self).open_node(message.key)

    # -- actions ----------------------------------------------------------------------------------------------

    def do_open(self) -> None:
        """enter: a question is answered, anything else is opened."""
        app = workbench(self)
        if not app.asking.about(app.selected):
            app.open_node(app.selected)

    def do_edit(self) -> None:
        """e."""
        workbench(self).edit_plan()

    def do_form(self) -> None:
        """v."""
        view = self.query_one(GraphView)
        view.set_form("list" if view.graph.form == "columns" else "columns")

    def do_focus_graph(self) -> None:
        """f."""
        on_now = self.query_one(GraphView).toggle_focus()
        content.notice(self.app, "only the neighbourhood is lit" if on_now else "the whole graph is lit")

    def do_sort(self) -> None:
        """S: next column."""
        key = self._rows.sort[0]
        following = SORTS[(SORTS.index(key) + 1) % len(SORTS)] if key in SORTS else ""
        self._sort_by(following, following in ("took", "tries", "tokens", "cost"))

    def do_reverse(self) -> None:
        """D."""
        key, descending = self._rows.sort
        self._sort_by(key or "state", not descending)

    def on_row_table_sort_asked(self, message: RowTable.SortAsked) -> None:
        """A click on a column's head."""
        key, descending = self._rows.sort
        self._sort_by(message.column, not descending if key == message.column else False)

    def _sort_by(self, key: str, descending: bool) -> None:
        self._rows.sort = (key, descending)
        self._sorted_at = -1.0
        self.redraw()

    def do_find(self) -> None:
        """/."""
        find = self.query_one("#find", Input)
        find.display = True
        find.focus()

    @on(Input.Changed, "#find")
    def _filter_changed(self, event: Input.Changed) -> None:
        self._rows.filter = event.value.strip()
        self._sorted_at = -1.0
        self.query_one(GraphView).find(self._rows.filter)
        self.redraw()

    @on(Input.Submitted, "#find")
    def _filter_kept(self, event: Input.Submitted) -> None:
        self.query_one("#find").display = False
        self.query_one(RowTable if self.query_one(RowTable).display else GraphView).focus()

    def do_back(self) -> None:
        """esc: out of the search, then out of the single pane."""
        find = self.query_one("#find", Input)
        if find.display or self._rows.filter:
            find.value = ""
            find.display = False
            self.query_one(GraphView if self.query_one(GraphView).display else RowTable).focus()
        elif self.view != "run":
            self.set_view("run")
        elif workbench(self).state.status in FINAL:
            content.notice(self.app, "q leaves")
