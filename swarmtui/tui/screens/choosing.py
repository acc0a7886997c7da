"""Marking nodes, or items of a map, on the run screen, and asking one thing of all that are marked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from swarmtui.tui import content
from swarmtui.tui.actions.action import Action
from swarmtui.tui.actions.table import BY_ID
from swarmtui.tui.screens.seen import Seen
from swarmtui.tui.sending import ASKING
from swarmtui.tui.steering import STEERING, Steer, steer_items, steer_nodes
from swarmtui.tui.view import format as say
from swarmtui.tui.view.table import ITEM_COLUMNS, NODE_COLUMNS
from swarmtui.tui.widgets.looks import workbench

if TYPE_CHECKING:
    from swarmtui.session.state import NodeState
    from swarmtui.tui.commands import Request
    from swarmtui.tui.view.folding import Group

LOOKED_AT = 50
"""Nodes that are asked whether an action applies to any, while keys are offered; carrying it out asks all."""
TOGETHER = 16
"""Commands that are under way at once."""


class Choosing(Seen):
    """Part of the run screen."""

    # -- what a key is about ----------------------------------------------------------------------------------

    @property
    def _many(self) -> list[NodeState]:
        """The nodes that a key is about, where that is not the selected one alone: those that are marked, else those
        of the group under the cursor."""
        nodes, marked = workbench(self).state.nodes, self.table.marked
        if marked:
            return [node for name, node in nodes.items() if name in marked]
        group = self._group
        if group is not None and not group.head:
            return [nodes[name] for name in group.members if name in nodes]
        return []

    @property
    def holds(self) -> bool:
        """Of many: whether all to which pausing applies are held."""
        steer = self._steer(BY_ID["pause_node"], LOOKED_AT)
        return (
            super().holds
            if steer is None
            else bool(steer.requests) and all(one.method == "node.resume" for one in steer.requests)
        )

    @property
    def _about_items(self) -> bool:
        """Whether a key is about items of a map."""
        return bool(self.table.items_of) and (self.focused is self.table.widget or self.table.alone)

    def _steer(self, action: Action, limit: int | None = None) -> Steer | None:
        """What an action does to many; None where it is about the selected node alone."""
        if action.id not in STEERING:
            return None
        if self._about_items:
            node = workbench(self).state.nodes.get(self.table.items_of)
            return None if node is None else steer_items(action.id, node, self.table.items_meant(limit))
        many = self._many
        if not many:
            return None
        context = self.context

        def why_not(node: NodeState) -> str | None:
            return action.refusal(replace(context, node=node))

        return steer_nodes(action.id, many[:limit], why_not)

    def refusal(self, action: Action) -> str | None:
        """Of many: why it applies to none of those that are looked at first. Nothing is about what is not shown."""
        unseen = None if self.table.marked and action.id in STEERING else self.unseen(action)
        if unseen is not None:
            return self._may(action) or unseen
        many = self._many if action.id in STEERING and not self._about_items else []
        if not many:
            steer = self._steer(action, LOOKED_AT) if self._about_items else None
            return super().refusal(action) if steer is None else self._may(action) or steer.refusal
        context, why = self.context, self._may(action)
        if why is not None or action.why_not is None:
            return why
        for node in many[:LOOKED_AT]:
            why = action.why_not(replace(context, node=node))
            if why is None:
                return None
        return context.with_keys(f"none of {say.nodes(len(many))}: {why}")

    def _may(self, action: Action) -> str | None:
        """Why nothing at all can be asked of the session."""
        return replace(action, why_not=None).refusal(replace(self.context, node=None))

    def perform(self, action: Action) -> None:
        """Of many: after a question that says to how many it applies, and why not to the others."""
        steer = self._steer(action)
        why = None if steer is None else self._may(action) or steer.refusal
        if steer is None:
            super().perform(action)
        elif why is not None:
            content.notice(self.app, f"{self.label_of(action)}: {why}", "warning")
        elif steer.total == 1:
            self._carry_out(self.label_of(action), steer)
        else:
            workbench(self).confirm(
                steer.question(self.label_of(action)),
                steer.consequence(),
                f"{self.label_of(action)} {say.count(len(steer.applies))}",
                lambda: self._carry_out(self.label_of(action), steer),
            )

    def _carry_out(self, label: str, steer: Steer) -> None:
        self.run_worker(self._send_all(label, steer), group=ASKING)

    async def _send_all(self, label: str, steer: Steer) -> None:
        app, refused = workbench(self), list[str]()
        for at in range(0, len(steer.requests), TOGETHER):
            some: Sequence[Request] = steer.requests[at : at + TOGETHER]
            answers = await asyncio.gather(*(app.sending.refusal_of(request) for request in some))
            refused += [answer for answer in answers if answer is not None]
        number = len(steer.applies) if not refused else len(steer.requests) - len(refused)
        told = f"{label}: {say.count(max(0, number))} {steer.kind}"
        if refused:
            content.notice(self.app, f"{told}; {say.count(len(refused))} refused: {refused[0]}", "error")
        else:
            content.notice(self.app, told)
            self.table.unmark()
            self.draw_marks()

    # -- marks ------------------------------------------------------------------------------------------------

    def do_select(self) -> None:
        """space: of the table the row and on to the next, of the graph the node or the group."""
        table, group = self.table, self._group
        if table.items_of and self.focused is table.widget:
            table.turn_item()
        elif group is not None:
            table.turn(group.members)
        else:
            in_table = self.focused is table.widget
            node = self.node
            table.turn([table.widget.selected if in_table or node is None else node.id])
        if self.focused is table.widget:
            table.widget.go(0, 1)
            if not table.items_of:
                self.select(table.widget.selected, table.widget)  # a frame may come before the table's message does
        self.draw_marks()

    @property
    def _group(self) -> Group | None:
        """The group under the cursor, if that is in the graph and on one."""
        return self.graph.graph.group if self.focused is self.graph else None

    def do_select_all(self) -> None:
        """*: all that are shown, or none if they are."""
        self.table.turn_all()
        self.draw_marks()

    def draw_marks(self) -> None:
        """Show what is marked."""
        nodes = frozenset(self.table.marked)
        self.graph.mark(nodes)
        self.redraw()

    def clears(self) -> bool:
        """esc: take the marks away, then close the items; whether there was anything to do."""
        if self.table.unmark():
            self.draw_marks()
            return True
        if self.table.items_of:
            self.table.close_items()
            self.redraw()
            return True
        return False

    def opens_items(self) -> bool:
        """Show the items of a map in the table, if the cursor of the table is on one; whether it is."""
        node = self.node
        if self.focused is not self.table.widget or node is None or node.items is None or self.table.items_of:
            return False
        self.table.open_items(node.id)
        self.redraw()
        return True

    # -- columns ----------------------------------------------------------------------------------------------

    def do_columns(self) -> None:
        """backslash."""
        from swarmtui.tui.screens.columns import ColumnsScreen

        table = self.table
        known = ITEM_COLUMNS if table.items_of else NODE_COLUMNS

        def answered(names: tuple[str, ...] | None) -> None:
            if names is not None:
                table.choose_columns(names)
                self.redraw()

        title = "columns of items" if table.items_of else "columns of the table"
        self.app.push_screen(ColumnsScreen(title, known, table.columns), answered)
