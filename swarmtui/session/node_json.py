"""A node's state as JSON, made by hand: a snapshot holds a hundred thousand of them, and a resume reads them back.

What equals its default is left out. What is read is what this program wrote under a hash of its own; a node with
anything unusual in it goes the long way, through pydantic.
"""

from __future__ import annotations

import sys
from array import array
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from swarmtui.plan.model import JSON
from swarmtui.session.state import COST_TYPE, COUNT_TYPE, Items, NodeState, Numbers, Spent
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, Output, State

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

_ARRAYS = {"attempts": COUNT_TYPE, "seqs": COUNT_TYPE, "costs": COST_TYPE}
_STATES: Mapping[str, State] = {state.value: state for state in State}
_INNER = frozenset({"state", "error", "output", "spent", "waived", "budget", "items"})
"""Fields of a node that are not JSON as they are."""
_RARE = frozenset({"budget", "waived"})


class _Plain(Generic[T]):
    """The fields of a dataclass that are JSON as they are."""

    def __init__(self, kind: type[T], without: frozenset[str] = frozenset()) -> None:
        chosen = [each for each in fields(kind) if each.name not in without]  # type: ignore[arg-type]
        self._names = tuple(each.name for each in chosen)
        self._defaults = tuple(each.default for each in chosen)
        self._values = attrgetter(*self._names)

    def dump(self, value: T) -> dict[str, JSON]:
        """Those that do not equal their default."""
        values = self._values(value)
        if values == self._defaults:
            return {}
        return {
            name: found
            for name, found, default in zip(self._names, values, self._defaults, strict=True)
            if found != default or default is MISSING
        }


_NODE = _Plain(NodeState, without=_INNER)
_OUTPUT = _Plain(Output)
_ERROR = _Plain(ErrorInfo, without=frozenset({"kind"}))
_SPENT = _Plain(Spent)


@cache
def _adapters() -> tuple[TypeAdapter[NodeState], TypeAdapter[Items]]:
    from pydantic import TypeAdapter

    return TypeAdapter(NodeState), TypeAdapter(Items)


def node_to_json(node: NodeState) -> JSON:
    """A node as JSON values; equal nodes give equal values."""
    data = _NODE.dump(node)
    if node.state is not State.WAITING:
        data["state"] = node.state.value
    if node.output is not None:
        data["output"] = _OUTPUT.dump(node.output)
    if node.error is not None:
        data["error"] = {"kind": node.error.kind.value, **_ERROR.dump(node.error)}
    if spent := _SPENT.dump(node.spent):
        data["spent"] = spent
    if node.budget is not None or node.waived:
        data |= _adapters()[0].dump_python(node, mode="json", exclude_defaults=True, include=set(_RARE))
    if node.items is not None:
        data["items"] = _items_to_json(node.items)
    return data


def node_from_json(data: dict[str, Any]) -> NodeState:
    """The inverse of :func:`node_to_json`. Raises ValueError and the like if `data` is no node's."""
    made = dict(data)
    items = made.pop("items", None)
    try:
        node = _made(made)
    except TypeError:  # a field that this version does not know, or one of the rare ones
        node = _adapters()[0].validate_python({key: value for key, value in data.items() if key != "items"})
    if items is not None:
        node.items = _items_from_json(items)
    return node


def _made(data: dict[str, Any]) -> NodeState:
    """Raises TypeError for what only pydantic can read."""
    if not _RARE.isdisjoint(data):
        raise TypeError
    if "state" in data:
        data["state"] = _STATES[data["state"]]
    if "output" in data:
        data["output"] = Output(**data["output"])
    if "error" in data:
        error = data["error"]
        data["error"] = ErrorInfo(**{**error, "kind": ErrorKind(error["kind"])})
    if "spent" in data:
        data["spent"] = Spent(**data["spent"])
    return NodeState(**data)


# -- the items of a map ---------------------------------------------------------------------------------------


def _packed(numbers: Numbers) -> str:
    """An array as base64 of little-endian numbers, so that it is the same text on every machine."""
    if sys.byteorder == "big":
        numbers = array(numbers.typecode, numbers)
        numbers.byteswap()
    return b64encode(numbers.tobytes()).decode("ascii")


def _unpacked(text: str, kind: str) -> Numbers:
    numbers = array(kind, b64decode(text, validate=True))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _items_to_json(items: Items) -> JSON:
    adapter = _adapters()[1]
    data = adapter.dump_python(items, mode="json", exclude={"codes", *_ARRAYS}, exclude_defaults=True)
    data["codes"] = items.codes.hex()
    return data | {name: _packed(getattr(items, name)) for name in _ARRAYS if getattr(items, name)}


def _items_from_json(data: dict[str, Any]) -> Items:
    empty = {"codes": bytearray(), **{name: array(kind) for name, kind in _ARRAYS.items()}}
    items = _adapters()[1].validate_python({**data, **empty})
    items.codes = bytearray.fromhex(data["codes"])
    for name, kind in _ARRAYS.items():
        setattr(items, name, _unpacked(data.get(name, ""), kind))
    if not len(items.codes) == len(items.attempts) == len(items.seqs) == items.total:
        raise ValueError("the items of a map are not as many as it says")
    return items
