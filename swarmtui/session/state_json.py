"""The state of a session as JSON, and the hash by which states are compared."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import blake2b
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from swarmtui.plan.model import JSON, ModelRef, Plan, plan_from_json, plan_to_json
from swarmtui.session.codec import decode_body, encode_body
from swarmtui.session.events import ChangeProposed
from swarmtui.session.measures import Measures
from swarmtui.session.moves import count_nodes, index_plan
from swarmtui.session.node_json import node_from_json, node_to_json, nodes_from_columns, nodes_to_columns
from swarmtui.session.state import SessionState

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

_DERIVED = frozenset(
    {
        "counts",
        "touched",
        "plan_nodes",
        "dependents",
        "children",
        "maps",
        "pools_used",
        "in_flight",
        "model_pools",
        "programs",
    }
)
_INDEX = ("plan_nodes", "dependents", "children", "maps", "pools_used", "model_pools", "programs")
_BY_HAND = frozenset({"plan", "prior_plan", "nodes", "measures", "proposed"})


@cache
def _adapter() -> TypeAdapter[SessionState]:
    from pydantic import TypeAdapter

    return TypeAdapter(SessionState)


def state_to_json(state: SessionState, *, columns: bool = False) -> dict[str, JSON]:
    """The whole state as JSON values; equal states give equal values.

    With `columns` its nodes are in the form of a snapshot, in which the plans are apart.
    """
    data: dict[str, JSON] = _adapter().dump_python(
        state, mode="json", exclude_defaults=True, exclude=set(_DERIVED | _BY_HAND)
    )
    if state.plan is not None and not columns:
        data["plan"] = plan_to_json(state.plan)
    if state.prior_plan is not None and not columns:
        data["prior_plan"] = plan_to_json(state.prior_plan)
    nodes = state.nodes.values()
    data["nodes"] = nodes_to_columns(nodes) if columns else [node_to_json(node) for node in nodes]
    data["measures"] = state.measures.to_json()
    if state.proposed:
        data["proposed"] = [
            {**encode_body(change), **({} if change.node is None else {"node": change.node})}
            for change in state.proposed.values()
        ]
    return data


class PlanMemory:
    """The last plans that were decoded, for who decodes many states of one session, one after the other.

    States share what has not changed: the plan, which is half of the work, and what follows from it.
    """

    def __init__(self) -> None:
        self._plans: dict[str, tuple[object, Plan]] = {}
        self._indexed: tuple[Plan | None, dict[str, ModelRef]] | None = None
        self._index: dict[str, Any] = {}

    def plan(self, name: str, kept: T, unpacked: Callable[[T], JSON]) -> Plan:
        """The plan that `kept` is, once it is `unpacked`."""
        known = self._plans.get(name)
        if known is None or known[0] != kept:
            known = self._plans[name] = kept, plan_from_json(unpacked(kept))
        return known[1]

    def index(self, state: SessionState) -> None:
        """:func:`moves.index_plan`, which this does where plan or models are others than the last time."""
        if self._indexed is None or self._indexed[0] is not state.plan or self._indexed[1] != state.models:
            index_plan(state)
            self._indexed = state.plan, dict(state.models)
            self._index = {name: getattr(state, name) for name in _INDEX}
        for name, value in self._index.items():
            setattr(state, name, value)


def state_from_json(
    data: dict[str, JSON], memory: PlanMemory | None = None, plans: Mapping[str, Plan] = MappingProxyType({})
) -> SessionState:
    """The inverse of :func:`state_to_json`; `plans` are those that were kept apart, by their names.

    Raises ValueError and the like if `data` is no state's.
    """
    memory = memory or PlanMemory()
    plain = {key: value for key, value in data.items() if key not in _BY_HAND}
    state = _adapter().validate_python(plain)
    for name in ("plan", "prior_plan"):
        if name in plans:
            setattr(state, name, plans[name])
        elif name in data:
            setattr(state, name, memory.plan(name, data[name], _as_it_is))
    nodes = data["nodes"]
    made = nodes_from_columns(nodes) if isinstance(nodes, dict) else map(node_from_json, nodes)
    state.nodes = {node.id: node for node in made}
    if "measures" in data:
        state.measures = Measures.from_json(data["measures"])
    for one in data.get("proposed", ()):
        change = decode_body(ChangeProposed.TYPE, one)
        if isinstance(change, ChangeProposed):
            state.proposed[change.id] = change
    memory.index(state)
    count_nodes(state)
    return state


def _as_it_is(data: JSON) -> JSON:
    return data


def state_hash(state: SessionState) -> str:
    """BLAKE2b-16 (hex) of the state: equal wherever the same events were folded."""
    text = json.dumps(state_to_json(state), sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16).hexdigest()
