"""The plan before it runs: look at it as a graph, as text or as differences, then approve, change or edit it."""

from __future__ import annotations

from typing import Literal

from textual.app import ComposeResult
from textual.containers import Grid
from textual.widgets import Input

from swarmtui.host.feed import Changes
from swarmtui.plan.render import plan_to_yaml
from swarmtui.session.events import PlanProposed
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import Status
from swarmtui.tui import commands, content
from swarmtui.tui.actions import Scope
from swarmtui.tui.screens.finding import Finding
from swarmtui.tui.screens.session import SessionScreen
from swarmtui.tui.view import document
from swarmtui.tui.view import format as say
from swarmtui.tui.view.forecast import forecast_lines
from swarmtui.tui.view.lines import Line
from swarmtui.tui.view.nodes import name_of
from swarmtui.tui.view.plan import check_lines, checks, differences, node_facts, planning_lines, revision_words
from swarmtui.tui.widgets.graph import GraphView
from swarmtui.tui.widgets.lines import TextView, entitle
from swarmtui.tui.widgets.looks import workbench

DEAD_S = 0.3
"""How long after a revision appears a key does not approve it: nobody can have read it."""
PLANNER_STREAM = "(planner)"
"""The name under which the planner's text streams."""

Form = Literal["graph", "text", "changes"]
FORMS: tuple[Form, ...] = ("graph", "text", "changes")


class PlanScreen(Finding, SessionScreen):
    """Approving is deliberate: a capital letter, after a moment, for exactly the revision that is shown."""

    SCOPE = Scope.PLAN
    CSS_PATH = "plan.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.form: Form = "graph"
        self._shown_rev = 0
        self._shown_at = 0.0
        self._drawn: object = None

    def compose_body(self) -> ComposeResult:
        """Graph or text, the selected node, what to check."""
        with Grid(id="plan-body"):
            yield GraphView(id="plan-graph")
            yield TextView(id="plan-text", classes="panel")
            yield TextView(id="plan-node", classes="panel")
            yield TextView(id="plan-checks", classes="panel")
            yield TextView(id="plan-forecast", classes="panel")
            yield TextView(id="planning", classes="panel", follow=True)
        yield Input(id="plan-find", placeholder="words that must occur; !word must not", compact=True)

    def on_mount(self) -> None:
        """Nothing that approves has the focus."""
        self.query_one("#plan-find").display = False
        entitle(self.query_one("#plan-checks"), "check before you approve")
        entitle(self.query_one("#plan-forecast"), "forecast")
        self.query_one(GraphView).focus()
        self._shown_at = workbench(self).clock()

    def absorb(self, changes: Changes) -> None:
        """A new revision starts the dead time again."""
        if changes.reset or any(isinstance(event.body, PlanProposed) for event in changes.events):
            self._shown_at = workbench(self).clock()
            self._drawn = None

    # -- drawing ----------------------------------------------------------------------------------------------

    def redraw(self) -> None:
        """Draw the plan, or the planner at work."""
        if not self.stands:
            return
        app = workbench(self)
        state = app.state
        planning = state.plan is None or state.status is Status.PLANNING
        self.set_class(planning, "-planning")
        self.set_class(not planning and self.form != "graph", "-text")
        if planning:
            super().redraw()
            self._draw_planning(state)
            return
        graph = self.query_one(GraphView)
        if graph.display:
            graph.show(state)
            app.selected = app.selected or graph.graph.selected
            graph.select(app.selected)
            entitle(graph, f"plan {app.looks.glyphs.dash} {revision_words(state)}")
        super().redraw()
        drawn = (state.plan_rev, app.selected, self.form, state.approved_rev, app.looks, state.forecast)
        if drawn != self._drawn:
            self._drawn = drawn
            self._draw_texts(state)

    def _draw_texts(self, state: SessionState) -> None:
        app = workbench(self)
        self._shown_rev = state.plan_rev
        node = state.plan_nodes.get(app.selected)
        view = self.query_one("#plan-node", TextView)
        entitle(view, f"node {app.looks.glyphs.dash} {name_of(app.selected, 60)}" if node else "node")
        facts = node_facts(state, node) if node else []
        view.show(lambda width: document.facts(facts, width, 9), top=True)
        view = self.query_one("#plan-checks", TextView)
        found, note = checks(state), state.revisions[-1].note if state.revisions else ""

        def check(width: int) -> list[Line]:
            lines = check_lines(found, width, ascii_only=app.looks.glyphs.ascii)
            return lines + (document.facts([("note", content.plain(note), "muted")], width, 4) if note else [])

        view.show(check)
        waits = "plan" in state.pending
        entitle(view, "check before you approve" if waits else f"revision {state.approved_rev} runs")
        self._draw_forecast(state)
        if self.form != "graph":
            self._draw_form(state)

    def _draw_forecast(self, state: SessionState) -> None:
        self.set_class(state.forecast is None and "plan" not in state.pending, "-unforeseen")
        view = self.query_one("#plan-forecast", TextView)
        dash = workbench(self).looks.glyphs.dash
        view.show(lambda width: forecast_lines(state, width, short=self.has_class("-narrow"), dash=dash), top=True)

    def _draw_form(self, state: SessionState) -> None:
        view = self.query_one("#plan-text", TextView)
        if self.form == "text" and state.plan is not None:
            text = plan_to_yaml(state.plan)
            entitle(view, f"plan as text, {revision_words(state)}")
            view.show(lambda width: document.yaml(text, width), top=True)
            return
        entitle(view, "what this revision changes")
        changed = differences(state)
        first: list[Line] = [(("this is the first revision: there is nothing to compare it with", "muted"),)]
        view.show(lambda width: first if changed is None else document.changes(changed, width), top=True)

    def _draw_planning(self, state: SessionState) -> None:
        app = workbench(self)
        view = self.query_one("#planning", TextView)
        title = "planner"
        if state.planning is not None:
            age = say.clock(app.moment.wall - state.planning.since_ts)
            title = f"planner {app.looks.glyphs.dash} {name_of(state.planning.model, 60)}, {age}"
        entitle(view, title)
        tail = app.tails.by_key.get((PLANNER_STREAM, None))
        view.show(lambda width: planning_lines(state, tail, width))

    # -- deciding ---------------------------------------------------------------------------------------------

    def do_approve(self) -> None:
        """A: the revision that is shown, once it could have been read."""
        app = workbench(self)
        if app.clock() - self._shown_at < DEAD_S:
            content.notice(app, "the plan has only just appeared: look at it, then press A", "warning")
            return
        if self._shown_rev != app.state.plan_rev:
            content.notice(app, "a newer revision has come: look at it, then press A", "warning")
            return
        self.send(commands.approve(self._shown_rev))

    def do_change(self) -> None:
        """c."""
        rev = self._shown_rev
        workbench(self).ask_text(
            "What should the planner change?",
            "It makes a new revision, which you see before anything runs. enter sends, esc keeps the plan.",
            lambda text: self.send(commands.reject(rev, text)),
        )

    def do_edit(self) -> None:
        """e."""
        workbench(self).edit_plan()

    def do_form(self) -> None:
        """v."""
        self.form = FORMS[(FORMS.index(self.form) + 1) % len(FORMS)]
        self._drawn = None
        self.redraw()
        self.query_one("#plan-graph" if self.form == "graph" else "#plan-text").focus()

    # -- looking ----------------------------------------------------------------------------------------------

    @property
    def node(self) -> NodeState | None:
        """The selected node."""
        app = workbench(self)
        return app.state.nodes.get(app.selected)

    def on_graph_view_node_selected(self, message: GraphView.NodeSelected) -> None:
        """Show what it says."""
        workbench(self).selected = message.node
        self.redraw()

    def on_graph_view_node_opened(self, message: GraphView.NodeOpened) -> None:
        """Double click."""
        workbench(self).open_node(message.node)

    def do_open(self) -> None:
        """enter."""
        app = workbench(self)
        app.open_node(app.selected)

    def do_copy(self) -> None:
        """y: the plan as YAML."""
        plan = workbench(self).state.plan
        if plan is None:
            content.notice(self.app, "there is no plan yet", "warning")
            return
        workbench(self).text_out.copy(plan_to_yaml(plan), "the plan")

    def do_pager(self) -> None:
        """o: the plan as YAML."""
        plan = workbench(self).state.plan
        if plan is None:
            content.notice(self.app, "there is no plan yet", "warning")
            return
        workbench(self).text_out.page(plan_to_yaml(plan))

    def do_focus_graph(self) -> None:
        """f."""
        self.query_one(GraphView).toggle_focus()

    def do_widen(self) -> None:
        """w: the plan alone."""
        self.toggle_class("-alone")

    def do_find(self) -> None:
        """/."""
        find = self.query_one("#plan-find", Input)
        find.display = True
        find.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search as it is typed."""
        self.query_one(GraphView).find(event.value.strip())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the search."""
        self.query_one("#plan-find").display = False
        self.query_one(GraphView).focus()

    def do_back(self) -> None:
        """esc: out of the search, then to the run."""
        find = self.query_one("#plan-find", Input)
        if find.display or find.value:
            find.value = ""
            find.display = False
            self.query_one(GraphView).focus()
        else:
            workbench(self).back()
