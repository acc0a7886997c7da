"""Needs of nodes, as they are looked at and changed: why there is one, what would go with a node. Pure."""

from __future__ import annotations

from swarmtui.plan.advice import lookups
from swarmtui.plan.model import Node, Plan
from swarmtui.tui.view.node_fields import Operation


def implied(node: Node) -> frozenset[str]:
    """Needs that the node's own texts imply: they stay as long as these do."""
    return lookups(node) & frozenset(node.needs)


def users_of(plan: Plan, name: str) -> tuple[list[str], list[str]]:
    """Nodes that need `name`: those that merely wait for it, and those whose texts look it up."""
    waiting: list[str] = []
    reading: list[str] = []
    for node in plan.nodes:
        if name in node.needs:
            (reading if name in implied(node) else waiting).append(node.id)
    return waiting, reading


def removal(plan: Plan, name: str) -> list[Operation]:
    """What removes a node: whoever merely waits for it no longer does."""
    waiting, _ = users_of(plan, name)
    cut: list[Operation] = [{"op": "disconnect", "node": user, "need": name} for user in waiting]
    return [*cut, {"op": "remove", "node": name}]


def connection(node: Node, need: str) -> Operation:
    """What makes `node` need `need`, or no longer."""
    return {"op": "disconnect" if need in node.needs else "connect", "node": node.id, "need": need}
