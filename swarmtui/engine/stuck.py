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
    spent = [node.id for node in held if node.budget is not None]
    by_user = [node.id for node in held if node.budget is None]
    if spent:
        reasons.append(f"{_listed(spent, 'has', 'have')} used up a budget of its own: raise it, or release the node")
    if by_user:
        reasons.append(
            f"{_listed(by_user, 'is', 'are')} held: release, skip or stop {'it' if len(by_user) == 1 else 'them'}"
        )
    if not reasons:
        left = [f"{node.id} ({node.state.value})" for node in state.nodes.values() if not node.ended]
        reasons.append(f"{_listed(left, 'is', 'are')} left without a reason, which is a defect of swarmtui")
    return "nothing can start: " + "; ".join(dict.fromkeys(reasons))


def _closed(state: SessionState, lane: Lane) -> str:
    who = _listed(list(lane.entries) or ["what crash after crash caught"], "waits", "wait")
    if state.limits.concurrency is not None and state.limits.concurrency < 1:
        return f"{who} for a place: concurrency is {state.limits.concurrency}"
    for limited in (lane.pool, *lane.tags):
        if limited.full:
            return f"{who} for {limited.name}, whose limit is {limited.limit}"
    return f"{who} for {lane.provider.name}, whose pacer lets nothing through and names no time"


def _listed(names: list[str], one: str, many: str) -> str:
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    return f"{', '.join(names[:TOLD])}{more} {one if len(names) == 1 else many}"
