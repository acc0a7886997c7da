"""What a fork of a session would keep, and what would run again, as far as its state tells. Pure."""

from __future__ import annotations

from swarmtui.session.pools import QUESTIONS
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import State
from swarmtui.tui.view.nodes import listed

NAMED = 4
"""So many nodes are named."""


def fork_words(state: SessionState) -> str:
    """A line each for what is kept, what begins again, what failed and what is still to come."""
    kept = [node for node in state.nodes.values() if node.state in (State.SUCCEEDED, State.SKIPPED, State.CANCELLED)]
    caught = [node for node in state.nodes.values() if node.running and node.pool != QUESTIONS]
    asks = [node for node in state.nodes.values() if node.running and node.pool == QUESTIONS]
    failed = [node for node in state.nodes.values() if node.state is State.FAILED]
    rest = len(state.nodes) - len(kept) - len(caught) - len(asks) - len(failed)
    told = [
        _line("kept, and not paid again", kept),
        _line("under way here: begins again, or waits for you where it may have changed something", caught),
        _line("asks you again", asks),
        _line("failed, and stays so until you retry it", failed),
        f"still to run: {rest:,}" if rest else "",
    ]
    return "\n".join(line for line in told if line) or "Nothing was planned by then: it begins with the planner."


def _line(what: str, nodes: list[NodeState]) -> str:
    return f"{what}: {listed((node.id for node in nodes), NAMED)}" if nodes else ""
