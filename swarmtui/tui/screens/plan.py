"""The plan before it runs: look at it as a graph, a table, text or differences, then approve, change or edit it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Grid
from textual.widgets import Input

from swarmtui.plan.render import plan_to_yaml
from swarmtui.tui import content
from swarmtui.tui.actions.action import Action, Scope
from swarmtui.tui.screens.finding import Finding
from swarmtui.tui.screens.plan_drawing import Form, PlanDrawing
from swarmtui.tui.view.plan_table import SORTS
from swarmtui.tui.widgets.bars import Words
from swarmtui.tui.widgets.checks import CheckList
from swarmtui.tui.widgets.graph import GraphView
from swarmtui.tui.widgets.lines import TextView, entitle
from swarmtui.tui.widgets.looks import workbench
from swarmtui.tui.widgets.nodes import NodeOpened, NodeSelected
from swarmtui.tui.widgets.table import RowTable

FORMS: tuple[Form, ...] = ("graph", "table", "text", "changes")
PANES: dict[Form, str] = {
    "graph": "#plan-graph", "table": "#plan-table", "text": "#plan-text", "changes": "#plan-text"
}  # fmt: skip
ONLY_TABLE = "only the table is sorted: {form} leads to it"


class PlanScreen(Finding, PlanDrawing):
    """Approving is deliberate: a capital letter, after a moment, for exactly the revision that is shown."""

    SCOPE = Scope.PLAN
    CSS_PATH = "plan.tcss"

    def compose_body(self) -> ComposeResult:
        """Graph, table or text, the selected node, what it takes and costs, what to check."""
        yield Words(id="planner-line")
        with Grid(id="plan-body"):
            yield GraphView(id="plan-graph")
            table = RowTable(id="plan-table")
            table.add_class("panel")
            yield table
            yield TextView(id="plan-text", classes="panel")
            yield TextView(id="plan-node", classes="panel")
            yield TextView(id="plan-forecast", classes="panel")
            yield CheckList(id="plan-checks", classes="panel")
            yield TextView(id="planning", classes="panel", follow=True)
        yield Input(id="plan-find", placeholder="words that must occur; !word must not", compact=True)

    def on_mount(self) -> None:
        """Nothing that approves has the focus."""
        self.query_one("#plan-find").display = False
        entitle(self.query_one("#plan-forecast"), "forecast")
        self.query_one(PANES[self.form]).focus()
        self._shown_at = workbench(self).keyboard.clock()

    def on_screen_resume(self) -> None:
        """What was drawn beneath a dialog can be read from now on."""
        if self._shown_at == math.inf:
            self._shown_at = workbench(self).keyboard.clock()

    # -- looking ----------------------------------------------------------------------------------------------

    def perform(self, action: Action) -> None:
        """What was moved to is selected at once: the next key may come before any message does."""
        before = self._pointed
        super().perform(action)
        after = self._pointed
        if after and after != before:
            workbench(self).selected = after

    @property
    def _pointed(self) -> str:
        """The node under the cursor of the focused pane."""
        match self.focused:
            case GraphView() as graph:
                return graph.graph.selected
            case RowTable() as table:
                return table.selected
            case _:
                return ""

    def _select(self, node: str) -> None:
        workbench(self).selected = node
        self.redraw()

    def on_node_selected(self, message: NodeSelected) -> None:
        """Show what it says."""
        self._select(message.node)

    def on_node_opened(self, message: NodeOpened) -> None:
        """Double click."""
        self._select(message.node)
        self.open_selected()

    def on_row_table_row_selected(self, message: RowTable.RowSelected) -> None:
        """Show what it says."""
        self._select(message.key)

    def on_row_table_row_opened(self, message: RowTable.RowOpened) -> None:
        """Double click."""
        self._select(message.key)
        self.open_selected()

    def on_check_list_picked(self, message: CheckList.Picked) -> None:
        """The node that a check is about."""
        self._select(message.node)

    def do_open(self) -> None:
        """enter: on a check, its node; else the selected node."""
        if isinstance(self.focused, CheckList):
            if not self.focused.pick():
                content.notice(self.app, "this is about the plan as a whole", "warning")
            return
        self.open_selected()

    def do_form(self) -> None:
        """v."""
        self.form = FORMS[(FORMS.index(self.form) + 1) % len(FORMS)]
        if self.form in ("graph", "table"):
            workbench(self).memory.put("plan.form", self.form)
        self._drawn = None
        self.redraw()
        self.call_after_refresh(self.redraw)
        self.query_one(PANES[self.form]).focus()

    def refusal(self, action: Action) -> str | None:
        """Only what is shown as rows is sorted."""
        if action.id in ("sort", "reverse") and self.form != "table":
            return workbench(self).with_keys(ONLY_TABLE)
        return super().refusal(action)

    def do_sort(self) -> None:
        """S: by the next column."""
        key = SORTS[(SORTS.index(self.rows.sort[0]) + 1) % len(SORTS)]
        self._sort(key, key in ("calls", "tokens", "time", "cost"))

    def do_reverse(self) -> None:
        """D."""
        self._sort(self.rows.sort[0], not self.rows.sort[1])

    def _sort(self, key: str, descending: bool) -> None:
        self.rows.sort = key, descending
        self.redraw()

    def on_row_table_sort_asked(self, message: RowTable.SortAsked) -> None:
        """A click on the head of a column; once more turns the order round."""
        key, descending = self.rows.sort
        self._sort(message.column, not descending if key == message.column else False)

    def do_copy(self) -> None:
        """y: the plan as YAML."""
        self._with_text(lambda text: workbench(self).text_out.copy(text, "the plan"))

    def do_pager(self) -> None:
        """o: the plan as YAML."""
        self._with_text(workbench(self).text_out.page)

    def _with_text(self, then: Callable[[str], None]) -> None:
        """Do `then` with the plan as YAML, which is written on a thread: of thousands of nodes it takes a second."""
        plan = workbench(self).state.plan
        if plan is None:
            content.notice(self.app, "there is no plan yet", "warning")
            return

        async def written() -> None:
            then(await asyncio.to_thread(plan_to_yaml, plan))

        self.run_worker(written(), group="text", exclusive=True)

    def do_focus_graph(self) -> None:
        """f."""
        self.query_one(GraphView).toggle_focus()

    def do_widen(self) -> None:
        """w: where there is no room for what the node says, that below the plan; the plan alone; all again."""
        ways = ("", "-told", "-alone") if self.has_class("-narrow") else ("", "-alone")
        now = next((at for at, way in enumerate(ways) if way and self.has_class(way)), 0)
        self.remove_class("-told", "-alone")
        for way in ways[now + 1 : now + 2]:
            self.add_class(way)

    def do_find(self) -> None:
        """/."""
        find = self.query_one("#plan-find", Input)
        find.display = True
        find.focus()

    def next_match(self, step: int) -> bool:
        """In the table from row to row, elsewhere from node to node of the graph."""
        if self.form == "table":
            return self.query_one(RowTable).next_match(step)
        return self.query_one(GraphView).next_match(step)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search as it is typed; the table shows what matches."""
        self.query_one(GraphView).find(event.value.strip())
        self.rows.filter = event.value.strip()
        self.redraw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the search."""
        self.query_one("#plan-find").display = False
        self.query_one(PANES[self.form]).focus()

    def do_back(self) -> None:
        """esc: out of the search, then to the run."""
        find = self.query_one("#plan-find", Input)
        if find.display or find.value:
            find.value = ""
            find.display = False
            self.query_one(PANES[self.form]).focus()
        else:
            workbench(self).back()
