"""What changed between two revisions of a plan."""

from __future__ import annotations

from dataclasses import field, fields

from swarmtui.frozen import frozen
from swarmtui.plan.model import Node, Plan

_WORDS = {"timeout_s": "timeout", "estimate_s": "estimate", "retry": "retries", "only_if": "if"}
"""Fields that the task file calls otherwise."""


@frozen
class Rewiring:
    """Needs that a node gained and lost; both empty where only their order changed."""

    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@frozen
class PlanDiff:
    """How the new plan differs from the old one; ids in the order of the plan they are from."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Id -> what is different, in the words of the task file, but for needs."""
    rewired: dict[str, Rewiring] = field(default_factory=dict)
    """Id -> how its needs changed."""
    header: tuple[str, ...] = ()
    """Which of goal and title changed."""
    reordered: bool = False
    """Whether the nodes that both have stand in another order."""

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.rewired or self.header or self.reordered)

    def describe(self) -> list[str]:
        """One line per change: ``+ id``, ``- id``, ``~ id: prompt, timeout; needs +a -b``."""
        lines = [f"~ {what} of the plan" for what in self.header]
        lines += [f"+ {node_id}" for node_id in self.added]
        lines += [f"- {node_id}" for node_id in self.removed]
        for node_id in dict.fromkeys((*self.changed, *self.rewired)):
            parts = [", ".join(self.changed[node_id])] if node_id in self.changed else []
            if node_id in self.rewired:
                wiring = self.rewired[node_id]
                words = [*(f"+{need}" for need in wiring.gained), *(f"-{need}" for need in wiring.lost)]
                parts.append(f"needs {' '.join(words) or 'in another order'}")
            lines.append(f"~ {node_id}: {'; '.join(parts)}")
        return [*lines, "~ order of the nodes"] if self.reordered else lines


def diff(old: Plan, new: Plan) -> PlanDiff:
    """What it takes to get from `old` to `new`. Who wrote them makes no difference."""
    before = {node.id: node for node in old.nodes}
    after = {node.id: node for node in new.nodes}
    kept = [node_id for node_id in before if node_id in after]
    changed = {node_id: _changed(before[node_id], after[node_id]) for node_id in kept}
    return PlanDiff(
        added=tuple(node_id for node_id in after if node_id not in before),
        removed=tuple(node_id for node_id in before if node_id not in after),
        changed={node_id: words for node_id, words in changed.items() if words},
        rewired={n: _rewired(before[n], after[n]) for n in kept if before[n].needs != after[n].needs},
        header=tuple(name for name in ("goal", "title") if getattr(old, name) != getattr(new, name)),
        reordered=kept != [node_id for node_id in after if node_id in before],
    )


def _changed(old: Node, new: Node) -> tuple[str, ...]:
    names = (f.name for f in fields(Node) if f.name not in ("id", "needs", "spec"))
    words = [_WORDS.get(name, name) for name in names if getattr(old, name) != getattr(new, name)]
    if old.kind != new.kind:
        return (f"{old.kind} became {new.kind}", *words)
    inside = [f.name for f in fields(old.spec) if getattr(old.spec, f.name) != getattr(new.spec, f.name)]
    return (*(name if name == old.kind else _spec_word(old.kind, name) for name in inside), *words)


def _spec_word(kind: str, name: str) -> str:
    if kind == "prompt" or (kind == "agent" and name != "own"):
        return name
    return "with" if name == "values" else f"{kind}.{name}"


def _rewired(old: Node, new: Node) -> Rewiring:
    return Rewiring(
        gained=tuple(need for need in new.needs if need not in old.needs),
        lost=tuple(need for need in old.needs if need not in new.needs),
    )
