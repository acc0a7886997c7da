"""Changes of a plan that runs, as values: nodes put and nodes dropped. Pure, and no heavier than the fold that uses it.

What a person writes is read by :mod:`swarmtui.plan.operations`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field, replace

from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON, Author, Node, Plan, plan_from_json, plan_to_json


@frozen
class Patch:
    """What changes: nodes that are new or take the place of those with their ids, and ids that go."""

    put: tuple[Node, ...] = ()
    drop: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    """Old id -> new id, of nodes that go under one and come back under the other."""

    def __bool__(self) -> bool:
        return bool(self.put or self.drop)


def patched(plan: Plan, put: Sequence[Node], drop: Collection[str], author: Author = Author.USER) -> Plan:
    """`plan` with the patch applied: nodes keep their places, new ones come last.

    The plan is its least trusted author's: what anybody but the user put in keeps all of it in the sandbox.
    """
    new = {node.id: node for node in put}
    gone = frozenset(drop)
    kept = tuple(new.pop(node.id, node) for node in plan.nodes if node.id not in gone)
    trusted = plan.author is Author.USER and author is Author.USER
    return replace(plan, nodes=(*kept, *new.values()), author=Author.USER if trusted else Author.PLANNER)


def in_place(plan: Plan, before: Plan, names: Mapping[str, str]) -> Plan:
    """`plan`, a patched `before`, with renamed nodes where they were under their old names."""
    if not names:
        return plan
    nodes = {node.id: node for node in plan.nodes}
    order = dict.fromkeys(names.get(node.id, node.id) for node in before.nodes)
    kept = [nodes.pop(node_id) for node_id in order if node_id in nodes]
    return replace(plan, nodes=(*kept, *nodes.values()))


def difference(old: Plan, new: Plan) -> Patch:
    """The patch that makes the nodes of `old` those of `new`; their order is left out of account."""
    before = {node.id: node for node in old.nodes}
    after = {node.id for node in new.nodes}
    return Patch(
        tuple(node for node in new.nodes if before.get(node.id) != node),
        tuple(node_id for node_id in before if node_id not in after),
    )


def changes_result(old: Node, new: Node) -> bool:
    """Whether `new` may come to another result than `old` did: not by its title, its retries, its place in a queue."""
    return (old.spec, old.needs, old.check) != (new.spec, new.needs, new.check) or changes_items(old, new)


def changes_items(old: Node, new: Node) -> bool:
    """Whether the items that `old` was expanded to are not those of `new`."""
    if old.map is None or new.map is None:
        return old.map is not new.map
    return replace(old.map, tolerate=0.0) != replace(new.map, tolerate=0.0)


def inverse(before: Plan, after: Plan) -> dict[str, JSON]:
    """What makes `before` of `after` again, as JSON for :func:`inverted`: no larger than what differs."""
    back = difference(after, before)
    kept = [node.id for node in patched(after, back.put, back.drop).nodes]
    order = [node.id for node in before.nodes]
    data: dict[str, JSON] = {"plan": plan_to_json(replace(before, nodes=back.put)), "drop": list(back.drop)}
    return data if kept == order else {**data, "order": order}


def inverted(after: Plan, data: dict[str, JSON]) -> Plan:
    """The plan before, but that it is as little trusted as `after`. Raises ValueError if `data` is no :func:`inverse`
    of `after`."""
    told = plan_from_json(data["plan"])
    plan = patched(after, told.nodes, data["drop"], told.author)
    if "order" in data:
        nodes = {node.id: node for node in plan.nodes}
        if sorted(nodes) != sorted(data["order"]):
            raise ValueError("the order is that of other nodes")
        plan = replace(plan, nodes=tuple(nodes[node_id] for node_id in data["order"]))
    return replace(plan, goal=told.goal, title=told.title, team=told.team)
