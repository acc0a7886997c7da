"""Whether a plan of which something failed is to be planned anew, and what of it may be run again unasked."""

from __future__ import annotations

from swarmtui.session.events import ChangeProposed
from swarmtui.session.pools import changes_world
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import BY_PLANNER, State


def is_root(state: SessionState, node_id: str) -> bool:
    """Whether a node is the session's own, not made by another node while it ran."""
    return state.plan_nodes[node_id].parent in (None, BY_PLANNER)


def may_have_changed(state: SessionState, node_id: str) -> bool:
    """Whether a node that was begun, or one that it made, may have changed the world, so that running it again may do
    harm: unless the user said that it does none. O(nodes that it made)."""
    node, plan_node = state.nodes[node_id], state.plan_nodes[node_id]
    if plan_node.retry_safe:
        return False
    if node.writes or (node.attempts and changes_world(state, plan_node)):
        return True
    return any(may_have_changed(state, child) for child in state.children.get(node_id, ()))


def run_again(state: SessionState, change: ChangeProposed) -> list[tuple[str, bool]]:
    """The nodes that a change runs again, each with whether that may do harm: see :func:`may_have_changed`."""
    return [(name, may_have_changed(state, name)) for name in change.again if name in state.nodes]


def may_replan(state: SessionState) -> bool:
    """Whether the planner is to be asked before the session ends: something failed that nobody stopped."""
    if state.replans >= state.limits.replan:
        return False
    return any(node.state is State.FAILED and is_root(state, node.id) for node in state.nodes.values())
