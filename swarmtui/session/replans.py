"""Whether a plan of which something failed is to be planned anew."""

from __future__ import annotations

from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import BY_PLANNER, State


def is_root(state: SessionState, node_id: str) -> bool:
    """Whether a node is the session's own, not made by another node while it ran."""
    return state.plan_nodes[node_id].parent in (None, BY_PLANNER)


def may_replan(state: SessionState) -> bool:
    """Whether the planner is to be asked before the session ends: something failed that nobody stopped."""
    if state.replans >= state.limits.replan:
        return False
    return any(node.state is State.FAILED and is_root(state, node.id) for node in state.nodes.values())
