"""The state of a session as JSON, and the hash by which states are compared."""

from __future__ import annotations

import json
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from swarmtui.plan.model import JSON, plan_from_json, plan_to_json
from swarmtui.session.codec import decode_body, encode_body
from swarmtui.session.events import ChangeProposed
from swarmtui.session.measures import Measures
from swarmtui.session.moves import derive
from swarmtui.session.node_json import node_from_json, node_to_json, nodes_from_columns, nodes_to_columns
from swarmtui.session.state import SessionState

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_DERIVED = frozenset(
    {"counts", "touched", "plan_nodes", "dependents", "children", "pools_used", "in_flight", "model_pools", "programs"}
)
_BY_HAND = frozenset({"plan", "prior_plan", "nodes", "measures", "proposed"})


@cache
def _adapter() -> TypeAdapter[SessionState]:
    from pydantic import TypeAdapter

    return TypeAdapter(SessionState)


def state_to_json(state: SessionState, *, columns: bool = False) -> dict[str, JSON]:
    """The whole state as JSON values; equal states give equal values.

    With `columns` its nodes are in the form of a snapshot, to which the plan is added by who makes that.
    """
    data: dict[str, JSON] = _adapter().dump_python(
        state, mode="json", exclude_defaults=True, exclude=set(_DERIVED | _BY_HAND)
    )
    if state.plan is not None and not columns:
        data["plan"] = plan_to_json(state.plan)
    if state.prior_plan is not None:
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


def state_from_json(data: dict[str, JSON]) -> SessionState:
    """The inverse of :func:`state_to_json`. Raises ValueError and the like if `data` is no state's."""
    plain = {key: value for key, value in data.items() if key not in _BY_HAND}
    state = _adapter().validate_python(plain)
    for name in ("plan", "prior_plan"):
        if name in data:
            setattr(state, name, plan_from_json(data[name]))
    nodes = data["nodes"]
    made = nodes_from_columns(nodes) if isinstance(nodes, dict) else map(node_from_json, nodes)
    state.nodes = {node.id: node for node in made}
    if "measures" in data:
        state.measures = Measures.from_json(data["measures"])
    for one in data.get("proposed", ()):
        change = decode_body(ChangeProposed.TYPE, one)
        if isinstance(change, ChangeProposed):
            state.proposed[change.id] = change
    derive(state)
    return state


def state_hash(state: SessionState) -> str:
    """BLAKE2b-16 (hex) of the state: equal wherever the same events were folded."""
    text = json.dumps(state_to_json(state), sort_keys=True, separators=(",", ":"))
    return blake2b(text.encode(), digest_size=16).hexdigest()
