"""What ends come to: those of its needs for a node that cannot run, and those of all nodes for the session. Pure."""

from __future__ import annotations

from swarmtui.engine.decisions import Finish, Replan
from swarmtui.plan.model import Node
from swarmtui.session.moves import is_child
from swarmtui.session.replans import may_replan
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import BY_CONDITION, ENDED, State, Status

_BAD = (State.FAILED, State.CANCELLED, State.SKIPPED)


def skipped_for(state: SessionState, plan_node: Node) -> str:
    """The node where the trouble began: of a skipped need its own cause, else the need itself."""
    for need in plan_node.needs:
        node = state.nodes[need]
        if is_child(state, need, plan_node.id):
            continue
        if node.state is State.SKIPPED:
            return node.cause if node.cause and node.cause != "user" else need
        if node.state not in (State.SUCCEEDED, State.STALE):
            return need
    return "user"


def all_ended(state: SessionState) -> bool:
    """Whether no node has anything left to do by itself."""
    return sum(state.counts.get(ended, 0) for ended in ENDED) >= len(state.nodes)


def ending(state: SessionState) -> Finish | Replan | None:
    """What becomes of a session whose nodes have all ended; None while a change that may mend it waits for a yes."""
    went_wrong = any(_went_wrong(state, node) for node in state.nodes.values())
    if went_wrong and state.proposed:
        return None
    if went_wrong and may_replan(state):
        return Replan()
    reasons = [f"{state.counts[bad]} {bad.value}" for bad in _BAD if state.counts.get(bad)]
    return Finish(Status.FAILED if went_wrong else Status.SUCCEEDED, ", ".join(reasons))


def _went_wrong(state: SessionState, node: NodeState) -> bool:
    """Whether the node's end is a failure; what was left out because the user skipped something is none, and what
    another node made while it ran is that one's affair."""
    if state.plan_nodes[node.id].parent in state.nodes:
        return False
    if node.state is State.SKIPPED:
        cause = None if node.cause == BY_CONDITION else state.nodes.get(node.cause or "")
        return cause is not None and cause.state is not State.SKIPPED
    return node.state in (State.FAILED, State.CANCELLED)
