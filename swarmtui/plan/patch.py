"""Changes of a plan that runs, as values: nodes put and nodes dropped. Pure, and no heavier than the fold that uses it.

What a person writes is read by :mod:`swarmtui.plan.operations`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from swarmtui.plan.model import Author, Node, Plan


@dataclass(frozen=True, slots=True)
class Patch:
    """What changes: nodes that are new or take the place of those with their ids, and ids that go."""

    put: tuple[Node, ...] = ()
    drop: tuple[str, ...] = ()

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
