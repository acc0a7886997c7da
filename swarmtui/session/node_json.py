"""The state of nodes as JSON, made by hand: a snapshot holds a hundred thousand of them, and a resume reads them back.

There are two forms: node by node, for viewers and scripts, with what equals its default left out; and for snapshots
column by column, which is written and read in a quarter of the time, since most columns are one value throughout. What
is read is what this program wrote under a hash of its own; what is unusual goes the long way, through pydantic.
"""

from __future__ import annotations

import sys
from array import array
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import MISSING, fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from swarmtui.plan.model import JSON
from swarmtui.session.events import BudgetReached
from swarmtui.session.items import COST_TYPE, COUNT_TYPE, Items, Numbers
from swarmtui.session.spent import Spent
from swarmtui.session.state import NodeState
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, Output, State

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

_ARRAYS = {"attempts": COUNT_TYPE, "seqs": COUNT_TYPE, "costs": COST_TYPE}
_STATES: Mapping[str, State] = {state.value: state for state in State}
_INNER = frozenset({"state", "error", "output", "spent", "waived", "budget", "items", "open_calls"})
"""Fields of a node that are not JSON as they are."""
_RARE = frozenset({"budget", "waived", "open_calls"})


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
_BUDGET = _Plain(BudgetReached)


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
        data["error"] = _error_to_json(node.error)
    if spent := _SPENT.dump(node.spent):
        data["spent"] = spent
    if node.budget is not None or node.waived or node.open_calls:
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
        data["error"] = _error_from_json(data["error"])
    if "spent" in data:
        data["spent"] = Spent(**data["spent"])
    return NodeState(**data)


# -- by columns -----------------------------------------------------------------------------------------------


def nodes_to_columns(nodes: Collection[NodeState]) -> JSON:
    """All nodes as ``{"n": count, "columns": {field: [value of each], field: value of all}}``."""
    columns: dict[str, JSON] = {}
    for each in fields(NodeState):
        values: list[Any] = list(map(attrgetter(each.name), nodes))
        dump = _DUMPED.get(each.name)
        if dump is not None:
            values = [dump(value) for value in values]
        first = values[0] if values else None
        # A value that is a list itself cannot stand for all.
        alike = not isinstance(first, list) and values.count(first) == len(values)
        columns[each.name] = first if alike else values
    return {"n": len(nodes), "columns": columns}


def nodes_from_columns(data: dict[str, Any]) -> Iterator[NodeState]:
    """The inverse of :func:`nodes_to_columns`. Raises ValueError and the like if `data` is something else."""
    count, columns = data["n"], dict(data["columns"])
    ordered: list[Iterable[Any]] = []
    for each in fields(NodeState):
        column = columns.pop(each.name)
        values = column if isinstance(column, list) else [column] * count
        if len(values) != count:
            raise ValueError(f"there is not a {each.name} for every node")
        load = _LOADED.get(each.name)
        ordered.append(values if load is None else map(load, values))
    if columns:
        raise ValueError(f"nodes have no {', '.join(columns)}")
    return map(NodeState, *ordered)


def _error_to_json(error: ErrorInfo) -> JSON:
    return {"kind": error.kind.value, **_ERROR.dump(error)}


def _error_from_json(data: dict[str, Any]) -> ErrorInfo:
    return ErrorInfo(**{**data, "kind": ErrorKind(data["kind"])})


_DUMPED: Mapping[str, Callable[[Any], JSON]] = {
    "state": lambda state: state.value,
    "output": lambda output: None if output is None else _OUTPUT.dump(output),
    "error": lambda error: None if error is None else _error_to_json(error),
    "spent": lambda spent: _SPENT.dump(spent) or None,
    "waived": ",".join,
    "open_calls": lambda calls: list(calls) or None,
    "budget": lambda budget: None if budget is None else _BUDGET.dump(budget),
    "items": lambda items: None if items is None else _items_to_json(items),
}
_LOADED: Mapping[str, Callable[[Any], Any]] = {
    "state": _STATES.__getitem__,
    "output": lambda data: None if data is None else Output(**data),
    "error": lambda data: None if data is None else _error_from_json(data),
    "spent": lambda data: Spent() if data is None else Spent(**data),
    "waived": lambda text: tuple(text.split(",")) if text else (),
    "open_calls": lambda calls: tuple(calls or ()),
    "budget": lambda data: None if data is None else BudgetReached(**data),
    "items": lambda data: None if data is None else _items_from_json(data),
}


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
