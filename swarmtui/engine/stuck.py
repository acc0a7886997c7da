"""Why nothing goes on: what waits for what, told in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from swarmtui.engine.lanes import Lane
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import State

TOLD = 3


def cause(state: SessionState, waiting: Sequence[Lane]) -> str | None:
    """What keeps a session from going on in which nothing runs and nothing is due; None if it is somebody's decision
    about an attempt that a crash caught, which is asked for elsewhere.

    `waiting` are the lanes in which something is ready.
    """
    if state.counts.get(State.INTERRUPTED):
        return None
    reasons = [_closed(state, lane) for lane in waiting]
    held = [node for node in state.nodes.values() if node.held and not node.ended]
    spent = [f"{node.id} ({node.budget.kind})" for node in held if node.budget is not None]
    by_user = [node.id for node in held if node.budget is None]
    if spent:
        reasons.append(f"{_listed(spent)} used up a budget: raise it, or resume the node")
    if by_user:
        reasons.append(f"{_listed(by_user)} held: resume, skip or cancel")
    if not reasons:
        reasons.append(
            "a defect: " + _listed([f"{n.id} is {n.state.value}" for n in state.nodes.values() if not n.ended])
        )
    return "nothing can start: " + "; ".join(dict.fromkeys(reasons))


def _closed(state: SessionState, lane: Lane) -> str:
    names = _listed(list(lane.entries))
    if state.limits.concurrency is not None and state.limits.concurrency < 1:
        return f"{names} for a place: concurrency is {state.limits.concurrency}"
    for limited in (lane.pool, *lane.tags):
        if limited.full:
            return f"{names} for {limited.name}, whose limit is {limited.limit}"
    return f"{names} for {lane.provider.name}, whose pacer lets nothing through and names no time"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    return ", ".join(names[:TOLD]) + more + (" wait" if len(names) > 1 else " waits")
