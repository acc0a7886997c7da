"""How a command is refused, and what all commands read of their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from swarmtui.plan.model import JSON
from swarmtui.plan.problems import Nearest, listed, shown
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import FINAL, how_ended

INVALID_PARAMS = -32602
UNKNOWN_METHOD = -32601
REFUSED = -32000
STALE_PLAN = -32021

Params = Mapping[str, Any]


class Refused(Exception):
    """The session does not take a command; the text is for the user. `code` is the wire's error code."""

    def __init__(self, message: str, code: int = REFUSED, data: dict[str, JSON] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


def need(params: Params, name: str, kind: type) -> Any:
    """The parameter `name`, which must be there and a `kind`."""
    value = params.get(name)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Refused(f"{name} is missing or not {kind.__name__}", INVALID_PARAMS)
    return value


def flag(params: Params, name: str) -> bool:
    """A parameter that is true or false, and false when it is left out."""
    value = params.get(name)
    if value is not None and not isinstance(value, bool):
        raise Refused(f"{name} is true or false", INVALID_PARAMS)
    return bool(value)


def node_of(state: SessionState, params: Params) -> NodeState:
    """The node that a command is about, in a plan that runs."""
    name = need(params, "node", str)
    node = state.nodes.get(name)
    if node is None:
        raise Refused(f"no node {shown(name)!r} in this session: {_meant(state, name)}")
    if state.approved_rev != state.plan_rev:
        raise Refused("the plan is not approved yet")
    return node


def _meant(state: SessionState, name: str) -> str:
    """What somebody may have meant who named a node that there is none of."""
    head, slash, _ = name.rpartition("/")
    if slash and head in state.nodes:
        return f"an item is named by its number from 0, as in {shown(head)}/0"
    return Nearest().hint(name, state.nodes, f"there are {listed(state.nodes)}")


def whole_node_of(state: SessionState, params: Params, what: str) -> NodeState:
    """The node of a command that is about nodes alone. Refuses an item: `what` cannot be done to it."""
    node = node_of(state, params)
    if params.get("item") is not None:
        raise Refused(f"a single item cannot be {what}: name the node, {node.id}", INVALID_PARAMS)
    return node


def item_of(node: NodeState, params: Params) -> int | None:
    """The item that a command is about; None if it is about the node."""
    if params.get("item") is None:
        return None
    item = need(params, "item", int)
    if node.items is None:
        raise Refused(f"{node.id} has no items")
    if not 0 <= item < node.items.total:
        which = f"items 0 to {node.items.total - 1}" if node.items.total else "no items at all"
        raise Refused(f"{node.id} has {which}")
    return int(item)


def not_over(state: SessionState, what: str) -> None:
    """Refuse `what` in a session that has ended."""
    if state.status in FINAL:
        raise Refused(f"cannot {what}: the session {how_ended(state.status)}")
