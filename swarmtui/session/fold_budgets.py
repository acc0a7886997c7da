"""Budgets, folded: a session that reached its hard line pauses, a node is held, and a soft line is told of once."""

from __future__ import annotations

from swarmtui.plan.model import Node
from swarmtui.session import budgets
from swarmtui.session.events import BudgetReached, BudgetWarned, Event
from swarmtui.session.moves import Handlers, map_rest, move, settle
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import State, Status


def _budget_reached(state: SessionState, body: BudgetReached, event: Event) -> None:
    if body.node is None:
        state.budget = body
        state.status, state.reason = Status.PAUSED, "budget"
        return
    node = state.nodes[body.node]
    node.budget, node.held = body, True
    if not node.running:
        move(state, node, State.HELD)
    state.touched.add(node.id)


def _budget_warned(state: SessionState, body: BudgetWarned, event: Event) -> None:
    state.warned[budgets.warning_key(body.kind, body.node)] = body.limit


def waive(state: SessionState, node: NodeState) -> None:
    """The user lets a node go on: a budget of its own that is still exceeded holds it no more."""
    if node.budget is not None:
        if _reached(state, node, state.plan_nodes[node.id]) is not None:
            node.waived = (*node.waived, node.budget.kind)
        node.budget = None


def rebudget(state: SessionState, node: NodeState, old: Node, new: Node) -> None:
    """The node has another budget: what was waived of the old one is not of this one, and what it no longer forbids
    goes on."""
    if old.budget == new.budget:
        return
    node.waived = ()
    if node.budget is not None and _reached(state, node, new) is None:
        node.budget, node.held = None, False
        if node.state is State.HELD and node.items is not None:
            map_rest(state, node)
        elif node.state is State.HELD:
            settle(state, node)


def _reached(state: SessionState, node: NodeState, plan_node: Node) -> budgets.Line | None:
    if plan_node.budget is None:
        return None
    return budgets.reached(plan_node.budget, budgets.used_by_node(node, state.mono), node.waived)


HANDLERS: Handlers = {
    BudgetReached: _budget_reached,
    BudgetWarned: _budget_warned,
}
