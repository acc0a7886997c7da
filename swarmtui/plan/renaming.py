"""Nodes under other ids: every need, lookup and condition that names one follows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from swarmtui.plan.lookup import Lookup, TemplateError, literal, parse
from swarmtui.plan.model import (
    JSON,
    AgentSpec,
    AskSpec,
    Condition,
    MergeSpec,
    Node,
    PlanSpec,
    PromptSpec,
    PythonSpec,
    RunSpec,
    Spec,
)

_TEMPLATES: Mapping[type[Any], tuple[str, ...]] = {
    PromptSpec: ("prompt", "system"),
    RunSpec: ("argv", "cwd", "env", "stdin"),
    PythonSpec: ("values",),
    AskSpec: ("question", "choices"),
    MergeSpec: ("title",),
    AgentSpec: ("prompt", "context"),
    PlanSpec: ("goal", "instructions"),
}
"""Fields of each kind that may hold lookups: as :func:`swarmtui.plan.lookup.render_spec` has them."""

Names = Mapping[str, str]
"""Old id -> new id."""


def renamed(nodes: Iterable[Node], names: Names) -> tuple[Node, ...]:
    """`nodes` with those in `names` under their new ids, wherever they are named."""
    return tuple(_node(node, names) for node in nodes) if names else tuple(nodes)


def _node(node: Node, names: Names) -> Node:
    mapped = node.map
    if mapped is not None and mapped.node is not None and mapped.node in names:
        mapped = replace(mapped, node=names[mapped.node])
    own = {key: name for key, name in names.items() if mapped is None or key != mapped.name}  # the item hides a node
    return replace(
        node,
        id=names.get(node.id, node.id),
        needs=tuple(names.get(need, need) for need in node.needs),
        spec=_spec(node.spec, own),
        map=mapped,
        only_if=tuple(_condition(condition, names) for condition in node.only_if),
    )


def _spec(spec: Spec, names: Names) -> Spec:
    fields = _TEMPLATES[type(spec)]
    changed: dict[str, Any] = {field: _value(getattr(spec, field), names) for field in fields}
    return replace(spec, **changed)


def _condition(condition: Condition, names: Names) -> Condition:
    return replace(condition, lookup=_text(f"{{{{ {condition.lookup} }}}}", names)[3:-3])


def _value(value: Any, names: Names) -> Any:
    if isinstance(value, str):
        return _text(value, names)
    if isinstance(value, Mapping):
        return {key: _value(part, names) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_value(part, names) for part in value)
    return value


def _text(text: str, names: Names) -> str:
    if "{{" not in text:
        return text
    try:
        segments = parse(text)
    except TemplateError:
        return text
    if not any(isinstance(segment, Lookup) and segment.name in names for segment in segments):
        return text
    return "".join(_segment(segment, names) for segment in segments)


def _segment(segment: str | Lookup, names: Names) -> str:
    if isinstance(segment, Lookup):
        return f"{{{{ {replace(segment, name=names.get(segment.name, segment.name))} }}}}"
    return literal(segment)


_PLAIN = frozenset({"title", "check", "tags", "pool", "parent", "agent", "python", "model", "retries", "budget"})
"""Keys of a node in a task file that hold no lookups of nodes."""


def renamed_document(document: Mapping[str, JSON], names: Names) -> dict[str, JSON]:
    """A node as the task file says it, with what it says of the nodes in `names` under their new ids."""
    mapped = document.get("map")
    item = (mapped.get("as") or "item") if isinstance(mapped, Mapping) else None
    own = {key: name for key, name in names.items() if key != item}
    return {key: _part(key, part, names, own) for key, part in document.items()}


def _part(key: str, part: JSON, names: Names, own: Names) -> JSON:
    if key in _PLAIN:
        return part
    if key == "needs":
        return names.get(part, part) if isinstance(part, str) else [_named(need, names) for need in part or ()]
    if key == "if" and isinstance(part, Mapping):
        return {_text(f"{{{{ {lookup} }}}}", names)[3:-3]: value for lookup, value in part.items()}
    if key == "map" and isinstance(part, Mapping):
        return {name: _named(value, names) if name == "items" else value for name, value in part.items()}
    return _value(part, own)


def _named(name: JSON, names: Names) -> JSON:
    return names.get(name, name) if isinstance(name, str) else name
