"""The plan as it is drawn on its screen: graph, table, text or differences, a node, what it takes, what to check.

What is costly to work out is worked out once per revision; of large plans checks and text in a thread.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Literal

from textual.widget import Widget

from swarmtui.host.feed import Changes
from swarmtui.plan.model import Plan
from swarmtui.plan.render import plan_to_yaml
from swarmtui.session.events import Event, PlanProposed
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import Status
from swarmtui.tui import content
from swarmtui.tui.screens.plan_edits import PlanEdits
from swarmtui.tui.screens.worked_out import WorkedOut
from swarmtui.tui.view import document
from swarmtui.tui.view import format as say
from swarmtui.tui.view.forecast import forecast_lines
from swarmtui.tui.view.lines import Line
from swarmtui.tui.view.nodes import name_of
from swarmtui.tui.view.plan import GIVEN_UP, node_facts, planning_lines
from swarmtui.tui.view.plan_checks import Check, checks, grave
from swarmtui.tui.view.plan_diff import comparison
from swarmtui.tui.view.plan_table import PlanRows
from swarmtui.tui.view.revisions import Revision, origin_rev, origin_words, planner_line, revision_of
from swarmtui.tui.widgets.bars import Words
from swarmtui.tui.widgets.checks import CheckList
from swarmtui.tui.widgets.graph import GraphView
from swarmtui.tui.widgets.lines import TextView, entitle
from swarmtui.tui.widgets.looks import workbench
from swarmtui.tui.widgets.table import RowTable

PLANNER_STREAM = "(planner)"
"""The name under which the planner's text streams."""
LARGE = 300
"""Nodes from which on checks and text are made in a thread."""
LOOKED_BACK = 500
"""Events among which the planner's revision is looked for, if it came before we did."""
EDGES = 6
"""Cells of a pane's upper border that its title leaves free."""

Form = Literal["graph", "table", "text", "changes"]


class PlanDrawing(PlanEdits):
    """Part of the plan screen."""

    def __init__(self) -> None:
        super().__init__()
        kept = workbench(self).memory.get("plan.form", "graph")
        self.form: Form = "table" if kept == "table" else "graph"
        self.rows = PlanRows()
        self._drawn: object = None
        self._checks = WorkedOut(self, "checks", self._anew, [Check("look", "the plan is being checked")])
        writing: list[Line] = [(("the plan is being written out", "muted"),)]
        self._lines = WorkedOut(self, "text", self._anew, writing)
        self._origin: tuple[int, Plan] | None = None
        """The planner's revision, once it is known."""
        self._sought = 0
        self._title: tuple[object, Revision | None] = (None, None)
        self._tabled: object = None

    def absorb(self, changes: Changes) -> None:
        """A new revision starts the dead time again; what the planner was asked to change is shown first."""
        proposed = [event for event in changes.events if isinstance(event.body, PlanProposed)]
        if changes.reset or proposed:
            self._shown_at = workbench(self).keyboard.clock()
            self._drawn = None
        for event in proposed:
            self._note_origin(event)
            if event.actor is None and self._shown_rev and isinstance(event.body, PlanProposed):
                self.form = "changes"

    def _note_origin(self, event: Event) -> None:
        if event.actor is None and isinstance(event.body, PlanProposed):
            self._origin = event.body.plan_rev, event.body.plan

    # -- what is worked out of it -----------------------------------------------------------------------------

    def origin(self, state: SessionState) -> Plan | None:
        """The planner's revision, if it is known and not the one that stands."""
        rev = origin_rev(state)
        if not rev or state.plan is None:
            return None
        if rev == state.plan_rev:
            self._origin = rev, state.plan
            return None
        if self._origin is None or self._origin[0] != rev:
            before = state.revisions[-2].rev if len(state.revisions) > 1 else 0
            if before == rev and state.prior_plan is not None:
                self._origin = rev, state.prior_plan
            else:
                self._seek(rev)
                return None
        return self._origin[1]

    def _seek(self, rev: int) -> None:
        """Look for the planner's revision among what happened before we came."""
        if self._sought != rev:
            self._sought = rev
            self.run_worker(self._fetch(rev), group="origin", exclusive=True)

    async def _fetch(self, rev: int) -> None:
        app = workbench(self)
        if app.feed is None:
            return
        try:
            events = await app.feed.events_before(app.state.seq + 1, LOOKED_BACK)
        except ConnectionError:
            self._sought = 0  # looked for again with the next drawing: the link may be back by then
            return
        for event in events:
            if isinstance(event.body, PlanProposed) and event.body.plan_rev == rev:
                self._note_origin(event)
                self._title = None, None
                self._anew()

    def found(self, state: SessionState) -> list[Check]:
        """What to check, as far as it has been worked out for this revision."""
        key = (state.plan_rev, id(state.plan), id(state.limits), len(state.models))
        return self._checks.of(key, partial(checks, state), costly=self._is_large(state.plan))

    def _written(self, state: SessionState, old: Plan | None, width: int) -> list[Line]:
        """The plan as YAML, or what differs from an `old` one, as far as it has been written."""
        plan = state.plan
        if plan is None:
            return []
        write = partial(_as_text, plan, width) if old is None else partial(comparison, old, plan, width)
        costly = self._is_large(plan) or self._is_large(old)
        return self._lines.of((state.plan_rev, id(plan), id(old), width), write, costly=costly)

    @staticmethod
    def _is_large(plan: Plan | None) -> bool:
        return plan is not None and len(plan.nodes) > LARGE

    def _anew(self) -> None:
        self._drawn = None
        self.redraw()

    def title_words(self, state: SessionState, pane: Widget, lead: str = "") -> str:
        """Revision, by whom, how far from the planner's, and the key that shows that: in the upper border of `pane`."""
        origin, app = self.origin(state), workbench(self)
        key = (state.plan_rev, id(state.plan), id(origin))
        if self._title[0] != key:
            self._title = key, revision_of(state, origin)
        revision, glyphs = self._title[1], app.looks.glyphs
        if revision is None:
            return lead
        shows = app.key_of("form") if self.form != "changes" else ""
        room = (pane.outer_size.width or app.size.width) - EDGES - len(lead)
        return lead + revision.within(room, shows, glyphs.cut)

    # -- drawing ----------------------------------------------------------------------------------------------

    def redraw(self) -> None:
        """Draw the plan; while the planner is at work, what it says, beside the plan that there is."""
        if not self.stands:
            return
        app = workbench(self)
        state = app.state
        works = state.plan is None or state.status is Status.PLANNING
        self.set_class(works and state.plan is None, "-planning")
        self.set_class(works and state.plan is not None, "-replanning")
        super().redraw()
        line = self.query_one("#planner-line", Words)
        line.say(planner_line(state, app.moment.wall) if works and state.plan is not None else ())
        if works:
            self._draw_planning(state)
        if state.plan is None:
            return
        self.set_class(self.form == "table", "-table")
        self.set_class(self.form in ("text", "changes"), "-text")
        self._draw_form(state)
        shown = self.form, self.query_one("#plan-text").outer_size.width, works
        drawn = (state.plan_rev, app.selected, state.approved_rev, app.looks, id(state.forecast), shown)
        if drawn != self._drawn:
            self._drawn = drawn
            self._draw_texts(state)

    def _draw_form(self, state: SessionState) -> None:
        app = workbench(self)
        graph = self.query_one(GraphView)
        if graph.size.width:
            graph.show(state)
        elif self.form == "graph":  # it is being put back: what is drawn before it has its place is of this plan, too
            graph.prepare(state, self.size.width // 2, self.size.height // 2)
        if self.form == "graph":
            app.selected = app.selected or graph.graph.selected
            graph.select(app.selected)
            entitle(graph, self.title_words(state, graph))
        elif self.form == "table":
            table = self.query_one(RowTable)
            rows = self.rows
            tabled = (id(state.plan), id(state.forecast), rows.filter, rows.sort, app.looks)
            if tabled != self._tabled:
                self._tabled, rows.state = tabled, state
                rows.choose()
                table.show(rows)
            table.select(app.selected)
            entitle(table, self.title_words(state, table, self._sorted_by(table)))

    def _sorted_by(self, table: RowTable) -> str:
        """What the rows are sorted by, where there is no room for the column that would show it."""
        key, descending = self.rows.sort
        return f"by {key} {'down' if descending else 'up'}, " if key and not table.has_room_for(key) else ""

    def _draw_texts(self, state: SessionState) -> None:
        app = workbench(self)
        if self._shown_rev != state.plan_rev:  # also one that was made while something else was on the screen
            self._shown_rev, self._shown_at = state.plan_rev, app.keyboard.clock() if self.is_active else math.inf
        node = state.plan_nodes.get(app.selected)
        view = self.query_one("#plan-node", TextView)
        entitle(view, f"node {app.looks.glyphs.dash} {name_of(app.selected, 60)}" if node else "node")
        facts = node_facts(state, node) if node else []
        view.show(lambda width: document.facts(facts, width, 9), top=True)
        found, note = self.found(state), state.revisions[-1].note if state.revisions else ""

        def said(width: int) -> list[Line]:
            return document.facts([("note", content.plain(note), "muted")], width, 4) if note else []

        listed = self.query_one(CheckList)
        listed.show(found, said)
        entitle(listed, self._checks_title(state, found))
        self._draw_forecast(state)
        if self.form in ("text", "changes"):
            self._draw_text(state)

    def _checks_title(self, state: SessionState, found: list[Check]) -> str:
        if "plan" not in state.pending:
            return f"revision {state.approved_rev} runs" if state.approved_rev else "what to check"
        stop, look = grave(found)
        told = [f"{stop} to mend"] if stop else []
        told += [f"{look} to look at"] if look else []
        return "check before you approve" + (f": {', '.join(told)}" if told else "")

    def _draw_forecast(self, state: SessionState) -> None:
        self.set_class(state.forecast is None and "plan" not in state.pending, "-unforeseen")
        view = self.query_one("#plan-forecast", TextView)
        dash = workbench(self).looks.glyphs.dash
        view.show(lambda width: forecast_lines(state, width, short=self.has_class("-narrow"), dash=dash), top=True)

    def _draw_text(self, state: SessionState) -> None:
        view = self.query_one("#plan-text", TextView)
        if self.form == "text" and state.plan is not None:
            entitle(view, self.title_words(state, view, "plan as text, "))
            view.show(partial(self._written, state, None), top=True)
            return
        plan, origin = state.plan, self.origin(state)
        old, against = (state.prior_plan, "the one before") if origin is None else (origin, origin_words(state))
        if old is None or plan is None:
            entitle(view, "what this revision changes")
            first: list[Line] = [(("this is the first revision: there is nothing to compare it with", "muted"),)]
            view.show(lambda width: first, top=True)
            return
        entitle(view, f"what differs from {against}: revision {state.plan_rev}")
        view.show(partial(self._written, state, old), top=True)

    def _draw_planning(self, state: SessionState) -> None:
        app = workbench(self)
        view = self.query_one("#planning", TextView)
        title = "planner"
        if state.planning is not None:
            age = say.clock(app.moment.wall - state.planning.since_ts)
            title = f"planner {app.looks.glyphs.dash} {name_of(state.planning.model, 60)}, {age}"
        entitle(view, title)
        tail = app.tails.by_key.get((PLANNER_STREAM, None))
        given_up = app.with_keys(GIVEN_UP)
        view.show(lambda width: planning_lines(state, tail, width, given_up))


def _as_text(plan: Plan, width: int) -> list[Line]:
    return document.yaml(plan_to_yaml(plan), width)
