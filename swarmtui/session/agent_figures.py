"""Figures of agents: their steps, what they gave away, and the critical steps of their stages.

Critical steps as Kimi's agent swarm counts them (Kimi K2.5, 2026): over the stages of an orchestrator, each its own
step and the longest of the subagents that it started with that step. What a subagent gives away counts the same way;
among the nodes that a plan node proposes at once the longest path counts. Of a batch the items are taken for equally
long, since only their sum is kept.
"""

from __future__ import annotations

from math import ceil

from swarmtui.plan import graph
from swarmtui.plan.model import JSON
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import State


def agent_figures(state: SessionState) -> dict[str, JSON]:
    """Figures of each node that took a step as an agent, or made other nodes."""
    critical: dict[str, int] = {}
    return {
        node.id: _of(state, node, critical) for node in state.nodes.values() if node.steps or node.id in state.children
    }


def critical_steps(state: SessionState, node_id: str, known: dict[str, int]) -> int:
    """Critical steps of a node with all that it made; `known` keeps what was found. Generations are few."""
    if node_id not in known:
        cohorts = _cohorts(state, node_id).values()
        known[node_id] = _own(state.nodes[node_id]) + sum(_longest(state, cohort, known) for cohort in cohorts)
    return known[node_id]


def _of(state: SessionState, node: NodeState, critical: dict[str, int]) -> JSON:
    children = [state.nodes[name] for name in state.children.get(node.id, ())]
    good = [child for child in children if child.state in (State.SUCCEEDED, State.STALE)]
    checked = [child for child in good if state.plan_nodes[child.id].check is not None]
    return {
        "steps": node.steps,
        "tool_calls": node.tool_calls,
        "spawn_count": len(children),
        "stages": len(_cohorts(state, node.id)),
        "critical_steps": critical_steps(state, node.id, critical),
        "subtasks_succeeded": len(good),
        "subtask_finish_rate": len(checked) / len(children) if children and checked else None,
    }


def _cohorts(state: SessionState, node_id: str) -> dict[int, list[str]]:
    """Nodes that it made, by when: those of one stage together."""
    found: dict[int, list[str]] = {}
    for name in state.children.get(node_id, ()):
        found.setdefault(state.nodes[name].cohort, []).append(name)
    return found


def _longest(state: SessionState, cohort: list[str], known: dict[str, int]) -> int:
    took = {name: float(critical_steps(state, name, known)) for name in cohort}
    needs = {name: tuple(need for need in state.plan_nodes[name].needs if need in took) for name in cohort}
    return round(max(graph.upward_rank(needs, took, 0.0).values(), default=0.0))


def _own(node: NodeState) -> int:
    if node.items is not None and node.items.total:
        return ceil(max(node.steps, node.attempts) / node.items.total)
    return node.steps or min(node.attempts, 1)
