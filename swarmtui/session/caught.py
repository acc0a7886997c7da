"""What was cut short in the middle of what may have changed the world, and waits for a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from swarmtui.session.vocabulary import State

if TYPE_CHECKING:
    from swarmtui.session.state import NodeState, SessionState


def caught(state: SessionState) -> Iterator[NodeState]:
    """The nodes that were cut short where that may have changed the world, or items of them: somebody has to say what
    now. A map goes on with its other items meanwhile."""
    if state.counts.get(State.INTERRUPTED):
        looked_at = list(state.nodes.values())
    else:  # it is asked for with every frame, of sessions with very many nodes
        looked_at = [state.nodes[id] for id in state.maps if id in state.nodes]
    for node in looked_at:
        items = node.items
        if node.state is State.INTERRUPTED or (items is not None and not node.ended and items.count(State.INTERRUPTED)):
            yield node
