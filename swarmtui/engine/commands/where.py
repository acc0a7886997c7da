"""Filters over nodes and items: which of them a command is about.

A condition is ``NAME OP TEXT`` without spaces that matter: ``error~timeout``, ``state=failed``, ``kind!=check``,
``attempts>2``. Names are `state`, `kind` (of the last error), `error` (its message) and `attempts`; ``~`` says
"contains", ``!~`` "does not contain", and case makes no difference. Several conditions must all hold.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from swarmtui.engine.commands.refusal import INVALID_PARAMS, Params, Refused
from swarmtui.plan.problems import shown
from swarmtui.session.state import Items, NodeState
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, State

_CONDITION = re.compile(r"\s*([a-z]+)\s*(!~|~|!=|>=|<=|=|>|<)\s*(.*?)\s*", re.DOTALL)
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "~": operator.contains,
    "!~": lambda text, part: part not in text,
}
_NUMBER: dict[str, Callable[[int, int], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_WORDS = {"state": [str(state) for state in State], "kind": [str(kind) for kind in ErrorKind]}


@dataclass(frozen=True, slots=True)
class Subject:
    """What conditions are asked of."""

    state: State
    error: ErrorInfo | None
    attempts: int


Condition = Callable[[Subject], bool]


def of_node(node: NodeState) -> Subject:
    """A node as conditions see it."""
    return Subject(node.state, node.error, node.attempts)


def of_item(items: Items, item: int) -> Subject:
    """An item as conditions see it."""
    return Subject(items.state(item), items.errors.get(item), items.attempts[item])


def conditions(params: Params) -> list[Condition]:
    """The conditions of a command's `where`: a text, or a list of texts. Raises Refused."""
    written = params.get("where")
    texts = [written] if isinstance(written, str) else written
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise Refused("where is a condition or a list of them, such as error~timeout", INVALID_PARAMS)
    return [_condition(text) for text in texts]


def all_hold(rules: Iterable[Condition], subject: Subject) -> bool:
    """Whether the subject meets every condition."""
    return all(rule(subject) for rule in rules)


def _condition(text: str) -> Condition:
    found = _CONDITION.fullmatch(text)
    if found is None or found[1] not in ("state", "kind", "error", "attempts"):
        known = "state=failed, kind=timeout, error~words, attempts>2"
        raise Refused(f"{shown(text)!r} is no condition: write such as {known}", INVALID_PARAMS)
    name, op, value = found.groups()
    if name == "attempts":
        if op not in _NUMBER or not value.isdecimal() or len(value) > 9:
            raise Refused(f"{shown(text)!r}: attempts are compared with a number, as in attempts>2", INVALID_PARAMS)
        number, compare = int(value), _NUMBER[op]
        return lambda subject: compare(subject.attempts, number)
    if op not in _TEXT:
        raise Refused(f"{shown(text)!r}: {name} is compared with =, !=, ~ and !~", INVALID_PARAMS)
    if name in _WORDS and op in ("=", "!=") and value not in _WORDS[name]:
        raise Refused(f"there is no {name} {shown(value)!r}: {', '.join(_WORDS[name])}", INVALID_PARAMS)
    return _on_text(name, _TEXT[op], value.casefold())


def _on_text(name: str, compare: Callable[[Any, Any], bool], wanted: str) -> Condition:
    def holds(subject: Subject) -> bool:
        error = subject.error
        text = {"state": str(subject.state), "kind": str(error.kind) if error else ""}.get(name)
        if text is None:
            text = error.message if error else ""
        return compare(text.casefold(), wanted)

    return holds
