"""How nodes and items go from state to state: the moves of which the fold's handlers are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from swarmtui.plan import graph
from swarmtui.plan.model import Node, When
from swarmtui.session.events import (
    Body,
    Event,
)
from swarmtui.session.items import Items
from swarmtui.session.pools import QUESTIONS, name_pools, pools_of, program_of
from swarmtui.session.state import NodeState, SessionState, Undoable
from swarmtui.session.vocabulary import BY_PLANNER, FINAL, State, Status

UNDOABLE_KEPT = 20
REVERT = "plan.revert"
"""How a revision that waits for approval is taken back."""

Handlers = Mapping[type[Body], Callable[[SessionState, Any, Event], None]]
"""Body type -> what folds it in."""


def derive(state: SessionState) -> None:
    """Rebuild what JSON leaves out: counts, indices of the plan."""
    index_plan(state)
    count_nodes(state)


def index_plan(state: SessionState) -> None:
    """Rebuild what follows from the plan and the models alone. Each is made anew, and is never changed in place."""
    nodes = state.plan.nodes if state.plan else ()
    state.plan_nodes = {node.id: node for node in nodes}
    state.dependents = graph.dependents(graph.needs_of(nodes))
    state.model_pools = name_pools(state.models)
    state.maps = tuple(node.id for node in nodes if node.map is not None)
    state.children = {}
    for node in nodes:
        if node.parent is not None and node.parent != BY_PLANNER:
            state.children.setdefault(node.parent, []).append(node.id)
    state.pools_used = frozenset(pool for node in nodes for pool in pools_of(state, node))
    state.programs = frozenset(filter(None, (program_of(state, node) for node in nodes)))


def count_nodes(state: SessionState) -> None:
    """Rebuild what is counted of the nodes."""
    state.in_flight = sum(node.running for node in state.nodes.values() if node.running and node.pool != QUESTIONS)
    state.counts = {}
    for known in state.nodes.values():
        state.counts[known.state] = state.counts.get(known.state, 0) + 1


def undoable(state: SessionState, event: Event, what: str, method: str, **params: Any) -> None:
    """Note that a change can be taken back, and how; the oldest such note is given up for it."""
    state.undoable.append(Undoable(event.seq, what, method, params, event.actor))
    del state.undoable[:-UNDOABLE_KEPT]


def renumber(notes: list[Undoable], old: int, new: int) -> None:
    """The plan that revision `old` was is now revision `new`: what led to it can be taken back, or made, from there."""
    for at, note in enumerate(notes):
        if note.params.get("rev") == old:
            notes[at] = replace(note, params={**note.params, "rev": new})


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
    """Whether the ends of its needs, once all have ended, let the node start; those that it made itself always do."""
    if plan_node.when is When.ALL_SUCCEEDED:
        return node.bad == 0
    if plan_node.when is When.ANY_SUCCEEDED:
        needs = len(plan_node.needs) - node.made
        return not needs or node.bad < needs
    return True


def is_child(state: SessionState, node_id: str, parent_id: str) -> bool:
    """Whether a node was made by another one while that ran."""
    return state.plan_nodes[node_id].parent == parent_id


def _rest(state: SessionState, node: NodeState) -> State:
    """Where a node that neither runs nor has ended belongs."""
    if node.held:
        return State.HELD
    if node.unmet or not needs_allow(state.plan_nodes[node.id], node):
        return State.WAITING
    return State.RUNNING if node.asks else State.READY


def begin_thread(state: SessionState, node: NodeState) -> None:
    """The next attempt of an agent begins at the beginning: what it did, asked and gave away is history."""
    began = node.thread_seq or node.steps or node.tool_calls or node.asks or node.spawned or node.proposals
    drop_questions(state, node)
    if began:
        node.thread_seq = state.seq
        node.steps = node.tool_calls = node.spawned = node.proposals = 0
        node.agent, node.open_calls = "", ()


def go_on_with_thread(state: SessionState, node: NodeState, item: int | None) -> None:
    """An agent that was cut short goes on: it is decided what becomes of the calls that were open."""
    forget_calls(node, item)
    if item is None:
        node.retry_at = node.error = node.ready_mono = None
        node.tries = 0
        settle(state, node)


def forget_calls(node: NodeState, item: int | None) -> None:
    """Nobody waits any more for what the calls of an attempt come to."""
    if node.open_calls:
        gone = node.open_calls_of(item)
        node.open_calls = tuple(call for call in node.open_calls if call not in gone)


def drop_questions(state: SessionState, node: NodeState) -> None:
    """Nobody waits any more for what the node asked while nothing of it ran."""
    if node.asks:
        node.asks = 0
        for key in [key for key, pending in state.pending.items() if pending.node == node.id]:
            del state.pending[key]
            state.proposed.pop(key, None)


def settle(state: SessionState, node: NodeState) -> None:
    to = _rest(state, node)
    if to is State.READY and node.ready_mono is None:
        node.ready_mono = state.mono
    move(state, node, to)


def end(state: SessionState, node: NodeState, to: State) -> None:
    node.ended_ts, node.ended_mono, node.retry_at = state.ts, state.mono, None
    state.pending.pop(node.id, None)
    drop_questions(state, node)
    if to is State.SUCCEEDED and node.outdated:
        to = State.STALE
    node.outdated = False
    move(state, node, to)
    bad = to not in (State.SUCCEEDED, State.STALE)
    for child_id in state.dependents[node.id]:
        child = state.nodes[child_id]
        child.unmet -= 1
        child.bad += bad and not is_child(state, node.id, child_id)
        if child.unmet == 0 and child.state in (State.WAITING, State.HELD):
            settle(state, child)
        state.touched.add(child_id)


def take_end_back(state: SessionState, node: NodeState) -> None:
    """Take a node's end back: dependents wait for it again, what was skipped waits too, what ran is stale."""
    reopen(state, node)
    for descendant in descendants(state, node.id, past=_is_news):
        if descendant.state is not State.SKIPPED:
            outdate(state, descendant)
        elif not left_out(descendant):  # whatever its cause was: the ends of what it needs are open again
            reopen(state, descendant)
            settle(state, descendant)


def _is_news(node: NodeState) -> bool:
    """Whether it matters below a node that its needs are out of date; what rests on stale results is stale already."""
    return passes_on(node) and node.state is not State.STALE


def outdate(state: SessionState, node: NodeState) -> None:
    """Something that the node rests on is no longer what it was: what it came to, or will come to, is stale."""
    if node.state is State.SUCCEEDED:
        move(state, node, State.STALE)
    elif node.running or (node.items is not None and not node.ended):
        node.outdated = True
        state.touched.add(node.id)


def rests_on_stale(state: SessionState, node: NodeState) -> bool:
    """Whether what the node starts with now is itself stale."""
    needs = state.plan_nodes[node.id].needs
    return bool(needs) and any(state.nodes[need].state is State.STALE for need in needs)


def tainted_at_start(state: SessionState, node: NodeState) -> bool:
    """Whether what the node begins with may hold what anybody wrote. What a model made has read who knows what, and
    so has a program that is an agent; else it is as its needs are. O(needs)."""
    plan_node = state.plan_nodes[node.id]
    if plan_node.parent is not None or program_of(state, plan_node) is not None:
        return True
    return any(state.nodes[need].tainted for need in plan_node.needs)


def begin_anew(state: SessionState, node: NodeState) -> None:
    """Forget how far a node that has not ended (or whose end was taken back) has come; it starts again."""
    node.forget_items()
    node.retry_at = node.error = node.ready_mono = node.cause = None
    node.tries = node.reused = 0
    node.outdated = node.restart = node.cancelled = False
    node.reset_seq = state.seq
    begin_thread(state, node)
    settle(state, node)


def replaced(state: SessionState, node: NodeState, item: int | None) -> bool:
    """Whether the attempt that is over was of a version that was replaced; if so the node goes on as it should."""
    if not node.restart:
        return False
    if item is not None and node.items is not None:
        node.items.move(item, State.READY)
        node.items.tries.pop(item, None)
    state.touched.add(node.id)
    if not node.running:
        begin_anew(state, node)
    return True


def go_on(state: SessionState) -> None:
    """A session that had finished has work again."""
    if state.status in FINAL and any(not node.ended for node in state.nodes.values()):
        state.status, state.reason, state.ended_ts = Status.RUNNING, "", None


def reopen(state: SessionState, node: NodeState) -> None:
    """Take a node's end back as far as its own dependents are concerned; the caller moves the node."""
    was_bad = node.state not in (State.SUCCEEDED, State.STALE)
    node.ended_ts = node.ended_mono = node.error = node.cause = None
    for child_id in state.dependents[node.id]:
        child = state.nodes[child_id]
        child.unmet += 1
        state.touched.add(child_id)
        if not is_child(state, node.id, child_id):
            child.bad -= was_bad
            if not (child.running or child.ended):  # what it did rests on what is made anew
                begin_thread(state, child)
        if child.state in (State.READY, State.RETRYING, State.THROTTLED, State.RUNNING) and not (
            child.running or child.items is not None
        ):
            child.retry_at = child.ready_mono = None
            settle(state, child)
        elif child.state is State.HELD and child.items is None:
            child.retry_at = None


def left_out(node: NodeState) -> bool:
    """Whether the user skipped the node: that stays so, whatever becomes of what it needs."""
    return node.state is State.SKIPPED and node.cause == "user"


def descendants(
    state: SessionState, *node_ids: str, past: Callable[[NodeState], bool] = lambda _: True
) -> list[NodeState]:
    """Everything that needs one of the nodes, directly or through others that `past` lets one look past."""
    seen: dict[str, None] = {}
    stack = [child for node_id in node_ids for child in state.dependents[node_id]]
    while stack:
        at = stack.pop()
        if at not in seen:
            seen[at] = None
            if past(state.nodes[at]):
                stack.extend(state.dependents[at])
    return [state.nodes[at] for at in seen]


def passes_on(node: NodeState) -> bool:
    """Whether what becomes of its needs matters to those that need it: not if the user skipped it."""
    return not left_out(node)


def item_ended(state: SessionState, node: NodeState, item: int, to: State) -> None:
    if node.items is not None:
        _landed(node.items, item, to)
        node.items.retry_at.pop(item, None)
        node.items.tries.pop(item, None)
        node.items.mark(state.mono)
        if to is State.SUCCEEDED:
            node.items.errors.pop(item, None)
    map_rest(state, node)


def _landed(items: Items, item: int, to: State) -> None:
    items.move(item, to)
    if item in items.cancelled:
        items.cancelled.remove(item)


def item_waits(state: SessionState, node: NodeState, item: int, to: State, until: float | None) -> None:
    if node.items is not None:
        _landed(node.items, item, to)
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
