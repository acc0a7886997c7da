"""Whether a session goes on by itself: one answer for hosts without viewers and for commands that wait."""

from __future__ import annotations

from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import FINAL, State, Status

GOES_ON = "disk"
"""Reason of a pause that the host itself ends, once its disk takes something again."""
GOING = (State.READY, State.RUNNING, State.RETRYING, State.THROTTLED)


def at_rest(state: SessionState) -> bool:
    """Whether nothing goes on until somebody acts: it has ended, is paused, or has nothing left but questions."""
    if state.status in FINAL:
        return True
    if state.status is Status.PAUSED and state.reason == GOES_ON and state.host_pid is not None:
        return False
    asking = {pending.node for pending in state.pending.values() if pending.node is not None}
    if state.status in (Status.AWAITING_APPROVAL, Status.PAUSED):
        return not any(node.running and node.id not in asking for node in state.nodes.values())
    needs_somebody = state.pending or state.counts.get(State.INTERRUPTED)
    if state.status is not Status.RUNNING or state.cancelling or not needs_somebody:
        return False
    return not any(node.state in GOING and node.id not in asking for node in state.nodes.values())
