"""How a plan differs from another one, node by node, with the words that are gone and new marked. Pure.

Words carry signs besides their colour, ``[-gone-] {+new+}``, so that they are told apart without it.
"""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from swarmtui.plan.diff import PlanDiff, diff
from swarmtui.plan.model import JSON, Node, Plan
from swarmtui.plan.render import node_document
from swarmtui.safety.text import clean, one_line
from swarmtui.tui.view import document
from swarmtui.tui.view.lines import Line, Role, Span
from swarmtui.tui.view.wording import Kind, differ, flow_text

LABEL = 15


def places(found: PlanDiff) -> int:
    """In how many places plans differ: a node counts once, however much of it."""
    changed = {*found.changed, *found.rewired}
    return len(found.added) + len(found.removed) + len(changed) + len(found.header) + found.reordered


def comparison(old: Plan, new: Plan, width: int) -> list[Line]:
    """What it takes to get from `old` to `new`, node by node."""
    found = diff(old, new)
    before, after = ({node.id: node for node in plan.nodes} for plan in (old, new))
    lines: list[Line] = []
    for name in found.header:
        lines += [
            *_head("~", f"{name} of the plan", "warn"),
            *_field("", getattr(old, name), getattr(new, name), width),
        ]
    for name in after:
        if name in found.added:
            lines += _whole("+", after[name], width)
        elif name in found.changed or name in found.rewired:
            lines += [*_head("~", name, "warn"), *_changed(before[name], after[name], width)]
    for name in found.removed:
        lines += _whole("-", before[name], width)
    if found.reordered:
        lines += _head("~", "order of the nodes", "warn")
    return lines or [(("nothing is different", "muted"),)]


def _head(sign: str, words: str, role: Role) -> list[Line]:
    return [((f"{sign} ", role), (one_line(words, 80), "strong"))]


def _whole(sign: str, node: Node, width: int) -> list[Line]:
    role: Role = "ok" if sign == "+" else "bad"
    lines = _head(sign, node.id, role)
    facts = [(key[: LABEL - 3], clean(_text(value)), "text") for key, value in node_document(node).items()]
    return lines + [(("  ", "text"), *line) for line in document.facts(facts, max(8, width - 2), LABEL - 3)]  # type: ignore[arg-type]


def _changed(old: Node, new: Node, width: int) -> Iterator[Line]:
    before, after = node_document(old), node_document(new)
    for key in dict.fromkeys((*before, *after)):
        if before.get(key) != after.get(key):
            yield from _field(key, before.get(key), after.get(key), width)


def _text(value: JSON) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ", ".join(value)
    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=2**30)).removesuffix("...\n").strip()


def _field(key: str, old: JSON, new: JSON, width: int) -> list[Line]:
    room = max(8, width - LABEL - 1)
    lines = flow_text(marked(clean(_text(old)), clean(_text(new))), room)
    head: Span = (f"  {key[: LABEL - 3]:<{LABEL - 2}}", "muted")
    indent: Span = (" " * LABEL, "text")
    return [(head if not at else indent, *line) for at, line in enumerate(lines)]


_MARKED: dict[Kind, tuple[str, Role]] = {"same": ("{}", "text"), "gone": ("[-{}-]", "bad"), "new": ("{{+{}+}}", "ok")}


def marked(old: str, new: str) -> list[Span]:
    """`new` with what is gone of `old` and what is new between signs."""
    return [(sign.format(piece.text), role) for piece in differ(old, new) for sign, role in (_MARKED[piece.kind],)]
