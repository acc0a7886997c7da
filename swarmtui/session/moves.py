"""How nodes and items go from state to state: the moves of which the fold's handlers are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from swarmtui.plan.model import Node, When
from swarmtui.session.events import (
    Body,
    Event,
)
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import State

Handlers = Mapping[type[Body], Callable[[SessionState, Any, Event], None]]
"""Body type -> what folds it in."""


def move(state: SessionState, node: NodeState, to: State) -> None:
    state.touched.add(node.id)
    old = node.state
    if old is to:
        return
    node.state = to
    left = state.counts[old] - 1
    if left:
        state.counts[old] = left
    else:
        del state.counts[old]
    state.counts[to] = state.counts.get(to, 0) + 1


def needs_allow(plan_node: Node, node: NodeState) -> bool:
    """Whether the ends of its needs, once all have ended, let the node start."""
    if plan_node.when is When.ALL_SUCCEEDED:
        return node.bad == 0
    if plan_node.when is When.ANY_SUCCEEDED:
        return not plan_node.needs or node.bad < len(plan_node.needs)
    return True


def _rest(state: SessionState, node: NodeState) -> State:
    """Where a node that neither runs nor has ended belongs."""
    if node.unmet or not needs_allow(state.plan_nodes[node.id], node):
        return State.HELD if node.held else State.WAITING
    return State.HELD if node.held else State.READY


def settle(state: SessionState, node: NodeState) -> None:
    to = _rest(state, node)
    if to is State.READY and node.ready_mono is None:
        node.ready_mono = state.mono
    move(state, node, to)


def end(state: SessionState, node: NodeState, to: State) -> None:
    node.ended_ts, node.ended_mono, node.retry_at = state.ts, state.mono, None
    state.pending.pop(node.id, None)
    move(state, node, to)
    bad = to is not State.SUCCEEDED
    for child_id in state.dependents[node.id]:
        child = state.nodes[child_id]
        child.unmet -= 1
        child.bad += bad
        if child.unmet == 0 and child.state in (State.WAITING, State.HELD):
            settle(state, child)
        state.touched.add(child_id)


def take_end_back(state: SessionState, node: NodeState) -> None:
    """Take a node's end back: dependents wait for it again, what was skipped for it waits, what ran is stale."""
    _reopen(state, node)
    for descendant in _descendants(state, node.id):
        if descendant.state is State.SKIPPED and descendant.cause == node.id:
            _reopen(state, descendant)
            settle(state, descendant)
        elif descendant.state is State.SUCCEEDED:
            move(state, descendant, State.STALE)


def _reopen(state: SessionState, node: NodeState) -> None:
    """Take a node's end back as far as its own dependents are concerned; the caller moves the node."""
    was_bad = node.state not in (State.SUCCEEDED, State.STALE)
    node.ended_ts = node.ended_mono = node.error = node.cause = None
    for child_id in state.dependents[node.id]:
        child = state.nodes[child_id]
        child.unmet += 1
        child.bad -= was_bad
        state.touched.add(child_id)
        if child.state in (State.READY, State.RETRYING, State.THROTTLED) and not child.running:
            child.retry_at = child.ready_mono = None
            settle(state, child)


def _descendants(state: SessionState, node_id: str) -> list[NodeState]:
    seen: dict[str, None] = {}
    stack = list(state.dependents[node_id])
    while stack:
        at = stack.pop()
        if at not in seen:
            seen[at] = None
            stack.extend(state.dependents[at])
    return [state.nodes[at] for at in seen]


def item_ended(state: SessionState, node: NodeState, item: int, to: State) -> None:
    if node.items is not None:
        node.items.move(item, to)
        node.items.retry_at.pop(item, None)
        node.items.tries.pop(item, None)
        node.items.mark(state.mono)
        if to is State.SUCCEEDED:
            node.items.errors.pop(item, None)
    map_rest(state, node)


def item_waits(state: SessionState, node: NodeState, item: int, to: State, until: float | None) -> None:
    if node.items is not None:
        node.items.move(item, to)
        if until is not None:
            node.items.retry_at[item] = until
    map_rest(state, node)


def map_rest(state: SessionState, node: NodeState) -> None:
    """A map runs until it has finished; it shows as held or interrupted when nothing of it is in flight."""
    items = node.items
    if node.running or items is None:
        to = State.RUNNING
    elif node.held:
        to = State.HELD
    elif items.count(State.INTERRUPTED) and items.ended + items.count(State.INTERRUPTED) == items.total:
        to = State.INTERRUPTED
    else:
        to = State.RUNNING
    move(state, node, to)


def cancel_waiting_items(node: NodeState) -> None:
    if node.items is not None:
        for waiting in (State.READY, State.RETRYING, State.THROTTLED, State.INTERRUPTED):
            for item in list(node.items.where(waiting)):
                node.items.move(item, State.CANCELLED)
        node.items.retry_at.clear()
