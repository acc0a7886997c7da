"""A node as a form, checked as the session will check it before it is asked. Nothing that was written is lost.

F2 proposes what differs as one revision of the plan. What is refused stays in the form, each error at its field.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.suggester import SuggestFromList
from textual.widget import Widget
from textual.widgets import Button, Input, Static, TextArea

from swarmtui.plan.model import JSON
from swarmtui.tui import commands, content
from swarmtui.tui.screens.dialogs import Dialog
from swarmtui.tui.view import document
from swarmtui.tui.view.node_fields import (
    BODY_LABELS,
    FIELDS,
    GENERAL,
    Field,
    Ground,
    Operation,
    Unreadable,
    Values,
    base_of,
    errors_of,
    merged,
    new_name,
    operations,
    values_of,
)
from swarmtui.tui.view.nodes import name_of
from swarmtui.tui.view.revisions import maker_of
from swarmtui.tui.view.wiring import implied
from swarmtui.tui.widgets.lines import TextView, undertitle
from swarmtui.tui.widgets.looks import workbench
from swarmtui.tui.widgets.one_line import OneLine
from swarmtui.tui.widgets.picking import ChoiceLine, Entry, PickList


class NodeForm(Dialog[None]):
    """A node of the plan that stands, or with None one that is to come."""

    DIALOG = "node"
    CSS_PATH = "node_form.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-normal"), (54, "-tall")]  # noqa: RUF012 - as Textual declares it

    def __init__(self, node: str | None, needs: tuple[str, ...] = ()) -> None:
        super().__init__()
        state = workbench(self).state
        self._node = node
        self._rev = state.plan_rev
        self._base: Mapping[str, JSON] = base_of(state.plan_nodes.get(node or ""))
        self._first: Values = values_of(node or new_name(state.plan_nodes), self._base)
        if node is None:
            self._first["needs"] = needs
        draft = workbench(self).editing.form(node or "")
        self._start: Values = self._first if draft is None else merged(*draft, self._first)
        self._drafted = draft is not None

    # -- what it is made of -----------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Labels, fields, under each its error; what keys do below."""
        with Vertical(classes="dialog node-form") as box:
            box.border_title = content.line(f"node {name_of(self._node, 60)}" if self._node else "a new node")
            with VerticalScroll(id="fields", can_focus=False):
                for field in FIELDS:
                    with Horizontal(id=f"row-{field.name}", classes=f"row {field.shape}"):
                        yield Static(content.line(field.label), id=f"label-{field.name}", classes="label", markup=False)
                        yield self._widget(field)
                    yield Static("", id=f"error-{field.name}", classes="error", markup=False)
            yield TextView(id="general")
            with Horizontal(id="buttons"):
                yield Button(content.line(f"{self.key('propose')} propose"), id="propose", compact=True)
                yield Button(content.line(f"{self.key('leave')} leave"), id="leave", compact=True)

    def _widget(self, field: Field) -> Widget:
        name, value = f"field-{field.name}", self._start[field.name]
        match field.shape:
            case "choice":
                return ChoiceLine(field.options, str(value), id=name)
            case "text":
                area = TextArea(content.plain(str(value)), id=name, tab_behavior="focus", compact=True)
                area.cursor_blink = False
                return area
            case "needs":
                return PickList(list(self._entries()), tuple(value), id=name)
            case _:
                known = self._suggested(field)
                suggester = SuggestFromList(known, case_sensitive=False) if known else None
                line = OneLine(
                    content.plain(str(value)),
                    placeholder=field.hint,
                    id=name,
                    compact=True,
                    select_on_focus=False,
                    suggester=suggester,
                )
                line.cursor_blink = False
                return line

    def _entries(self) -> Iterator[Entry]:
        state = workbench(self).state
        node = state.plan_nodes.get(self._node or "")
        read = implied(node) if node is not None else frozenset[str]()
        for other in state.plan_nodes.values():
            if other.id != self._node:
                told = "its text is looked up" if other.id in read else other.title or other.kind
                yield Entry(other.id, told, other.id in read)

    def _suggested(self, field: Field) -> list[str]:
        state = workbench(self).state
        if field.name == "model":
            return list(dict.fromkeys((*state.models, *state.declared)))
        if field.name == "agent" and state.plan is not None:
            return list(state.plan.team.agents)
        return list(state.plan_nodes) if field.name == "items" else []

    def on_mount(self) -> None:
        """The text has the focus where there is some to be changed, the name of a new node."""
        self.query_one("#general").display = False
        for field in FIELDS:
            self.query_one(f"#error-{field.name}").display = False
        self._fit_kind()
        first = "#field-name" if self._node is None or not self._has_body else "#field-body"
        self.query_one(first).focus()
        if self._node is None and not self._drafted:
            self.query_one("#field-name", Input).select_all()  # it is made up: what is typed takes its place
        if self._drafted:
            content.notice(self.app, "what you wrote before is here again, not yet proposed")
        self._tell()

    @property
    def _kind(self) -> str:
        return self.query_one("#field-kind", ChoiceLine).value

    @property
    def _has_body(self) -> bool:
        return bool(self.query_one("#row-body").display)

    def _fit_kind(self) -> None:
        """Fields that the kind has, and the name of its text."""
        kind = self._kind
        for field in FIELDS:
            self.query_one(f"#row-{field.name}").display = kind in field.kinds
        label = BODY_LABELS.get(kind, "prompt")
        self.query_one("#label-body", Static).update(content.line(label))

    def on_choice_line_changed(self, message: ChoiceLine.Changed) -> None:
        """Another kind has other fields."""
        if message.choice.id == "field-kind":
            self._fit_kind()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """What the field takes."""
        self._tell()

    def _tell(self) -> None:
        name = (self.focused.id or "").removeprefix("field-") if self.focused is not None else ""
        hint = next((field.hint for field in FIELDS if field.name == name), "")
        keys = f"tab: next field, {self.key('editor')}: text in $EDITOR"
        for box in self.query(".dialog"):
            undertitle(box, f"{hint}; {keys}" if hint else keys)

    # -- what was written -------------------------------------------------------------------------------------

    def values(self) -> Values:
        """The form as it stands."""
        found: Values = {}
        for field in FIELDS:
            widget = self.query_one(f"#field-{field.name}")
            match widget:
                case ChoiceLine():
                    found[field.name] = widget.value
                case TextArea():
                    found[field.name] = widget.text
                case PickList():
                    found[field.name] = tuple(widget.chosen)
                case Input():
                    found[field.name] = widget.value
        return found

    def action_submit(self) -> None:
        """Propose it, unless something is wrong with it."""
        app = workbench(self)
        values = self.values()
        self._keep(values)
        try:
            ops = operations(self._node, self._base, values)
        except Unreadable as error:
            self.show_errors({error.field: str(error)})
            return
        if not ops:
            self._forget()
            content.notice(app, "nothing was changed")
            self.dismiss(None)
            return
        app.editing.propose(lambda: self._propose(ops, values))

    async def _propose(self, ops: list[Operation], values: Values) -> None:
        app, name = workbench(self), str(values["name"]).strip()
        state = app.state
        if state.plan is None:
            return
        if state.plan_rev != self._rev:
            self._overtaken(state.plan_rev)
            return
        ground = Ground(state.plan, dict(state.inputs), {**state.declared, **state.models})
        errors = await asyncio.to_thread(errors_of, ground, ops, self._node or name, name)
        if not errors:
            runs = state.approved_rev == state.plan_rev
            what = f"{self._node or name} edited" if self._node else f"{name} added"
            request = commands.patch(self._rev, ops, what, runs=runs)
            refused = await app.sending.refusal_of(request)
            if refused is None:
                _, kept = app.editing.form(self._node or "") or ({}, values)
                written = self.values() if self.is_attached else kept
                self._forget()
                app.selected = name
                self.dismiss(None)
                content.notice(app, request.done)
                if written != values:
                    app.editing.keep_form(name, values, written)
                    content.notice(app, f"what you wrote after that is kept for when you open {name} again")
                return
            if app.state.plan_rev != self._rev:
                self._overtaken(app.state.plan_rev)
                return
            errors = {GENERAL: refused}
        self.show_errors(errors)

    def _overtaken(self, rev: int) -> None:
        """Somebody else changed the plan: what was written here is proposed on top of it, if it is asked for again."""
        app = workbench(self)
        who = maker_of(app.state, rev)
        self._rev = rev
        if self._node is not None and self._node not in app.state.plan_nodes:
            gone = f"{who} made revision {rev}, in which there is no {self._node}"
            told = f"{gone}: {self.key('leave')} keeps what you wrote"
        else:
            told = f"{who} made revision {rev} while you wrote: {self.key('propose')} puts yours on top of it"
        self.show_errors({GENERAL: told})

    def show_errors(self, errors: Mapping[str, str]) -> None:
        """Say at each field what is wrong there, and go to the first; where the form was left meanwhile, below."""
        if not self.is_attached:
            told = "; ".join(errors.values())
            content.notice(workbench(self), f"not proposed, what you wrote is kept: {told}", "error")
            return
        for field in FIELDS:
            told = errors.get(field.name, "")
            error = self.query_one(f"#error-{field.name}", Static)
            error.update(content.text(told))
            error.display = bool(told)
        general = self.query_one("#general", TextView)
        general.display = GENERAL in errors
        general.show(lambda width: document.verbatim(errors.get(GENERAL, ""), width, "bad"), top=True)
        first = next((field.name for field in FIELDS if field.name in errors), None)
        if first is not None:
            widget = self.query_one(f"#field-{first}")
            widget.focus()
            widget.scroll_visible(animate=False)

    # -- ways out ---------------------------------------------------------------------------------------------

    def action_editor(self) -> None:
        """Go on with the text in $EDITOR."""
        if not self._has_body:
            return
        before = self.values()

        def written(text: str) -> None:
            if self.is_attached:
                self.query_one("#field-body", TextArea).load_text(content.plain(text))
            elif text != before["body"]:  # what was proposed before was taken meanwhile
                name = str(before["name"]).strip()
                workbench(self).editing.keep_body(name, before, text)
                content.notice(self.app, f"the text from your editor is kept for when you open {name} again")

        workbench(self).editing.edit_text(str(before["body"]), written)

    def action_leave(self) -> None:
        """Leave; what was written is there the next time."""
        values = self.values()
        if values == self._first:
            self._forget()
        else:
            self._keep(values)
            content.notice(self.app, "not proposed; what you wrote is kept for when you open it again")
        self.dismiss(None)

    def _keep(self, values: Values) -> None:
        workbench(self).editing.keep_form(self._node or "", self._first, values)

    def _forget(self) -> None:
        workbench(self).editing.forget_form(self._node or "")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """enter in a line goes to the next field: a form is not sent by accident."""
        self.focus_next()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """With the mouse."""
        if event.button.id == "propose":
            self.action_submit()
        else:
            self.action_leave()
