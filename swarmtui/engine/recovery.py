"""What a crash left open, and what becomes of it when a new host takes the session over."""

from __future__ import annotations

from collections.abc import Iterator

from swarmtui.session.events import AttemptInterrupted
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import State


def caught_by_crash(state: SessionState) -> list[AttemptInterrupted]:
    """One event for each attempt that was open: repeated, or held for the user where it may have changed the world.

    A question that waits for the user is no such attempt: nothing of it ran in the host that died.
    """
    waiting = {(pending.node, pending.item) for pending in state.pending.values()}
    return [
        AttemptInterrupted(node.id, number, item, repeat=not state.plan_nodes[node.id].changes_world)
        for node in state.nodes.values()
        if node.running
        for item, number in _open(node)
        if (node.id, item) not in waiting
    ]


def _open(node: NodeState) -> Iterator[tuple[int | None, int]]:
    if node.items is None:
        yield None, node.attempts
        return
    for item in node.items.where(State.RUNNING):
        yield item, node.attempts_of(item)
