"""Commands that have something run again: a node, its descendants, an item, all that failed, all that is stale."""

from __future__ import annotations

from dataclasses import replace

from swarmtui.engine.commands.refusal import INVALID_PARAMS, Params, Refused, flag, item_of, node_of
from swarmtui.plan import graph
from swarmtui.session.events import Body, NodeRetried
from swarmtui.session.moves import descendants, left_out, passes_on
from swarmtui.session.pools import program_of
from swarmtui.session.selection import FilterError, ItemFilter, item_filter, meets, select_items
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import BY_CONDITION, ENDED, State

_BAD = (State.FAILED, State.CANCELLED)


def retry(state: SessionState, params: Params) -> list[Body]:
    """``node.retry {node, item?, failed?, where?, descendants?, fresh?}``.

    Without `fresh` it is the state that decides: what succeeded is run again because the user wants another result;
    what failed or is stale may take an earlier success over if nothing that it is made of has changed. An agent that
    was cut short in the middle of a write goes on, and makes that call once more.
    """
    node = node_of(state, params)
    _may_retry(state)
    item = item_of(node, params)
    if item is not None and node.items is not None:
        at = node.items.state(item)
        if at not in ENDED and at is not State.INTERRUPTED:
            raise Refused(f"item {item} of {node.id} is {at.value}: only what has ended is retried")
        fresh = _fresh(params, at)
        bodies = [NodeRetried(node.id, item=item, fresh=fresh, goes_on=not fresh and goes_on(state, node, item))]
    elif params.get("where") is not None:
        bodies = [_filtered(node, params)]
    elif flag(params, "failed"):
        bodies = [_failed_items(node)]
    else:
        bodies = [_whole(state, node, params)]
    return _with_descendants(state, node, bodies, params)


def retry_failed(state: SessionState, params: Params) -> list[Body]:
    """``nodes.retry_failed {where?}``: every node that failed or was cancelled; of maps the items that did."""
    _may_retry(state)
    chosen = None if params.get("where") is None else _filter(params)
    bodies: list[Body] = []
    for node in state.nodes.values():
        if node.running or node.state not in (State.FAILED, State.CANCELLED):
            continue
        if node.items is not None and chosen is not None:
            items = select_items(node.items, chosen)
            bodies += [NodeRetried(node.id, items=items)] if items else []
        elif chosen is None or meets(chosen, node.state, node.error):
            bodies.append(NodeRetried(node.id, failed_items=bool(node.items and node.items.count(*_BAD))))
    if not bodies:
        raise Refused("no node has failed" if chosen is None else "nothing that failed meets that")
    return bodies


def rerun_stale(state: SessionState, params: Params) -> list[Body]:
    """``nodes.rerun_stale``: every stale node, and what succeeded on the results of one, needs first."""
    _may_retry(state)
    if state.approved_rev != state.plan_rev:
        raise Refused("the plan is not approved yet")
    stale = {node.id for node in state.nodes.values() if node.state is State.STALE and not node.running}
    if not stale:
        raise Refused("no node is stale")
    stale |= {node.id for node in descendants(state, *stale, past=passes_on) if node.state is State.SUCCEEDED}
    return [NodeRetried(node_id) for node_id in graph.topological_order(_needs(state)) if node_id in stale]


def _needs(state: SessionState) -> dict[str, tuple[str, ...]]:
    return graph.needs_of(state.plan.nodes if state.plan else ())


def _may_retry(state: SessionState) -> None:
    if state.cancelling:
        raise Refused("the session is being cancelled: retry once that is over")


def _fresh(params: Params, was: State) -> bool:
    return was is State.SUCCEEDED if params.get("fresh") is None else flag(params, "fresh")


def goes_on(state: SessionState, node: NodeState, item: int | None) -> bool:
    """Whether it is an agent that was cut short in a call, and can go on once it is decided what becomes of that. A
    program that is an agent cannot: what its calls come to is its own affair."""
    at = node.state if item is None or node.items is None else node.items.state(item)
    program = program_of(state, state.plan_nodes[node.id])
    return at is State.INTERRUPTED and bool(node.open_calls_of(item)) and program is None


def _whole(state: SessionState, node: NodeState, params: Params) -> NodeRetried:
    if node.running:
        raise Refused(f"{node.id} is running: stop it first, or wait")
    if node.state is State.WAITING and not node.spawned:
        raise Refused(f"{node.id} has not run: it waits for its needs")
    if node.state is State.SKIPPED and node.cause not in (None, "user", BY_CONDITION):
        raise Refused(f"{node.id} was skipped because of {node.cause}: retry that")
    if node.items is not None and not node.ended and node.state is not State.INTERRUPTED:
        raise Refused(f"{node.id} has begun its items and goes on with them: retry single items, as in {node.id}/0")
    fresh = _fresh(params, node.state)
    return NodeRetried(node.id, fresh=fresh, goes_on=not fresh and node.items is None and goes_on(state, node, None))


def _failed_items(node: NodeState) -> NodeRetried:
    if node.items is None or not node.items.count(*_BAD):
        raise Refused(f"{node.id} has no failed items")
    return NodeRetried(node.id, failed_items=True)


def _filtered(node: NodeState, params: Params) -> NodeRetried:
    chosen = _filter(params)
    if node.items is None:
        raise Refused(f"{node.id} has no items to choose from: retry it without a filter")
    items = select_items(node.items, chosen)
    if not items:
        raise Refused(f"no item of {node.id} that has ended meets that")
    succeeded = any(node.items.state(item) is State.SUCCEEDED for item in items)
    return NodeRetried(node.id, items=items, fresh=_fresh(params, State.SUCCEEDED if succeeded else State.FAILED))


def _filter(params: Params) -> ItemFilter:
    where = params["where"]
    if not isinstance(where, dict):
        raise Refused("where is {state?, kind?, error?, items?}", INVALID_PARAMS)
    try:
        return item_filter(where)
    except FilterError as error:
        raise Refused(str(error), INVALID_PARAMS) from error


def _with_descendants(state: SessionState, node: NodeState, bodies: list[NodeRetried], params: Params) -> list[Body]:
    """With everything downstream that has begun: what of it is at work is stopped, and begins anew in its turn."""
    if not flag(params, "descendants"):
        return [*bodies]
    below = descendants(state, node.id, past=passes_on)
    at_work = tuple(one.id for one in below if one.running)
    retried = replace(bodies[0], descendants=True, restart=at_work)
    if not flag(params, "fresh"):
        return [retried]
    anew = {one.id for one in below if _began(one)}
    order = [node_id for node_id in graph.topological_order(_needs(state)) if node_id in anew]
    return [retried, *(NodeRetried(name, fresh=True, restart=(name,) if name in at_work else ()) for name in order)]


def _began(node: NodeState) -> bool:
    """Whether the node is run again with what it rests on: all but what waits still, and what the user left out."""
    at_work = node.running > 0 or node.items is not None or node.state is State.INTERRUPTED
    return not left_out(node) if node.ended else at_work
