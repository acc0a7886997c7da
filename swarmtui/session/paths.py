"""How long the nodes of a session take, as far as is known: what its longest path is made of, wherever that is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmtui.session.pools import QUESTIONS

if TYPE_CHECKING:
    from swarmtui.session.state import NodeState, SessionState


def at_work_s(node: NodeState, now: float) -> float:
    """Seconds up to session second `now` in which an attempt of the node, or of any item of it, was in flight: what it
    took, wherever that is told. Waiting for a place, for the next try or for a person is none of it."""
    if node.active_since is None:
        return node.active_s
    end = now if node.ended_mono is None else min(now, node.ended_mono)
    return node.active_s + max(0.0, end - node.active_since)


def took_s(state: SessionState, mono: float | None = None) -> dict[str, float]:
    """Seconds that each node which began took at least, however many places there had been, up to session second `mono`
    (None: the last event): what its attempts took with those in flight, of a map the longest one. Waiting for people is
    no work."""
    now = state.mono if mono is None else max(mono, state.mono)
    found = {node.id: node.busy_s for node in state.nodes.values() if node.attempts and node.items is None}
    found |= {node.id: 0.0 for node in state.nodes.values() if node.attempts and node.items is not None}
    for tally in state.measures.tallies.values():
        if tally.node in found:
            found[tally.node] = max(found[tally.node], tally.service.max_s)
    for (name, item), (_, since) in state.measures.running.items():
        if name in found:
            flies_s = max(0.0, now - since)
            found[name] = found[name] + flies_s if item is None else max(found[name], flies_s)
    return {name: 0.0 if state.nodes[name].pool == QUESTIONS else seconds for name, seconds in found.items()}


def expected_s(state: SessionState, mono: float | None = None) -> dict[str, float]:
    """Seconds for every node of the plan: of those that ended what they took, of the others what was estimated, or what
    they have taken by now if that is more. Without an estimate a node counts as the mean of what is known (or 1)."""
    took = took_s(state, mono)
    estimated = {
        name: 0.0 if node.kind == "ask" else node.estimate_s
        for name, node in state.plan_nodes.items()
        if not state.nodes[name].ended
    }
    told = [seconds for seconds in estimated.values() if seconds]
    told += [seconds for name, seconds in took.items() if seconds and state.nodes[name].ended]
    usual = sum(told) / len(told) if told else 1.0
    found = dict.fromkeys(state.plan_nodes, 0.0) | took
    for name, seconds in estimated.items():
        found[name] = max(found[name], usual if seconds is None else seconds)
    return found
