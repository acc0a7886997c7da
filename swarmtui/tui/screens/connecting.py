"""Which node needs which: another one is picked by typing, and the edge is drawn, or taken away where there is one."""

from __future__ import annotations

import asyncio

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from swarmtui.tui import commands, content
from swarmtui.tui.screens.dialogs import Dialog
from swarmtui.tui.view.node_fields import Ground, Operation, errors_of
from swarmtui.tui.view.nodes import name_of
from swarmtui.tui.view.wiring import connection, implied
from swarmtui.tui.widgets.lines import entitle, undertitle
from swarmtui.tui.widgets.looks import workbench
from swarmtui.tui.widgets.picking import Entry, PickList


class ConnectScreen(Dialog[None]):
    """The node and all others. tab turns the direction round: what it needs, or what needs it."""

    DIALOG = "connect"
    CSS_PATH = "node_form.tcss"

    def __init__(self, node: str) -> None:
        super().__init__()
        self._node = node
        self._onward = False
        """Whether others are to need this node, rather than this one them."""
        self._rev = workbench(self).state.plan_rev

    def compose(self) -> ComposeResult:
        """A list that typing filters."""
        with Vertical(classes="dialog connect"):
            yield Static("", classes="error", markup=False)  # where one looks: over what one types and what is marked
            yield PickList(single=True)

    def on_mount(self) -> None:
        """Ready to type."""
        self._tell("")
        self._fill()
        self.query_one(PickList).focus()

    def _fill(self) -> None:
        state, name = workbench(self).state, self._node
        own = state.plan_nodes.get(name)
        if own is None:
            return
        entries, chosen = [], []
        for other in state.plan_nodes.values():
            if other.id == name:
                continue
            user, need = (other, name) if self._onward else (own, other.id)
            told = other.title or other.kind
            if need in user.needs:
                chosen.append(other.id)
                told = "needed for what its text looks up" if need in implied(user) else "enter takes the need away"
            entries.append(Entry(other.id, told))
        self.query_one(PickList).show(entries, chosen)
        for box in self.query(".dialog"):
            entitle(box, f"… needs {name_of(name)}" if self._onward else f"{name_of(name)} needs …")
            undertitle(box, f"{self.key('turn')} turns it round, {self.key('leave')} leaves")

    def _tell(self, refused: str) -> None:
        told = self.query_one(".error", Static)
        told.update(content.text(refused))
        told.display = bool(refused)

    def action_turn(self) -> None:
        """The other direction."""
        self._onward = not self._onward
        self._tell("")
        self._fill()

    def action_leave(self) -> None:
        """Leave it."""
        self.dismiss(None)

    def on_pick_list_picked(self, message: PickList.Picked) -> None:
        """Connect, or disconnect."""
        nodes = workbench(self).state.plan_nodes
        user, need = (message.key, self._node) if self._onward else (self._node, message.key)
        if user in nodes:
            op = connection(nodes[user], need)
            workbench(self).editing.propose(lambda: self._propose(op))

    async def _propose(self, op: Operation) -> None:
        app = workbench(self)
        state = app.state
        if state.plan is None:
            return
        ground = Ground(state.plan, dict(state.inputs), {**state.declared, **state.models})
        errors = await asyncio.to_thread(errors_of, ground, [op], str(op["node"]))
        refused = "\n".join(errors.values())
        if not refused:
            joins = op["op"] == "connect"
            words = f"{op['node']} {'needs' if joins else 'no longer needs'} {op['need']}"
            request = commands.patch(self._rev, [op], words, runs=state.approved_rev == state.plan_rev)
            refused = await app.sending.refusal_of(request) or ""
            if not refused:
                content.notice(app, request.done)
                self.dismiss(None)
                return
        self._rev = app.state.plan_rev
        if self.is_attached:
            self._tell(refused)
        else:  # it was left before the answer came
            content.notice(app, refused, "error")
