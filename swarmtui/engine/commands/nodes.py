"""Commands about single nodes and items, but for running them again."""

from __future__ import annotations

from swarmtui.engine.commands.refusal import (
    INVALID_PARAMS,
    Params,
    Refused,
    item_of,
    need,
    node_of,
    whole_node_of,
)
from swarmtui.engine.commands.retries import goes_on
from swarmtui.session.events import (
    AttemptStarted,
    AttemptSucceeded,
    Body,
    NodeCancelled,
    NodeHeld,
    NodePrioritised,
    NodeReleased,
    NodeRetried,
    NodeSkipped,
)
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import ENDED, Output, State, how_ended, place_of

SAID_BYTES = 4_096
"""Bytes of an output that a user can say by hand."""
MOST_PRIORITY = 1_000


def hold(state: SessionState, params: Params) -> list[Body]:
    """``node.pause {node}``."""
    node = whole_node_of(state, params, "held")
    if node.held and not node.ended:
        raise Refused(f"{node.id} is held already: release it to let it go on")
    if node.ended:
        raise Refused(f"{node.id} {how_ended(node.state)}: nothing is left to hold")
    if node.cancelled:
        raise Refused(f"{node.id} is being stopped: nothing is left to hold")
    if node.state is State.INTERRUPTED:
        raise Refused(f"{node.id} waits for you already: a crash caught it; retry it, skip it or mark it as done")
    return [NodeHeld(node.id)]


def release(state: SessionState, params: Params) -> list[Body]:
    """``node.resume {node}``."""
    node = whole_node_of(state, params, "released")
    if not node.held:
        raise Refused(f"{node.id} is not held")
    return [NodeReleased(node.id)]


def skip(state: SessionState, params: Params) -> list[Body]:
    """``node.skip {node, item?}``."""
    node = node_of(state, params)
    item = item_of(node, params)
    if item is not None and node.items is not None:
        at = node.items.state(item)
        if at in ENDED:
            raise Refused(f"item {item} of {node.id} {how_ended(at)} already")
        if at is State.RUNNING:
            raise Refused(f"item {item} of {node.id} is running: stop it instead")
        return [NodeSkipped(node.id, "user", item=item)]
    if node.id in state.pending or node.asks:
        raise Refused(f"{node.id} has asked its question: answer it, or stop it instead")
    if node.items is not None and not node.ended:
        raise Refused(f"{node.id} has begun its items: stop it, or skip single items, as in {node.id}/0")
    if node.running:
        raise Refused(f"{node.id} is running: stop it instead")
    if node.ended:
        raise Refused(f"{node.id} {how_ended(node.state)} already")
    return [NodeSkipped(node.id, "user")]


def mark_done(state: SessionState, params: Params) -> list[Body]:
    """``node.mark_done {node, item?, output?}``: what was cut short has been done, the user says. It is an attempt by
    the user's hand that succeeds; of an agent it is the call in which it was cut short, and the agent goes on with
    `output` as what came of that. Of a map without `item`: all items that were cut short."""
    node = node_of(state, params)
    item = item_of(node, params)
    chosen: list[int | None] = [item]
    if node.items is not None and item is None:
        chosen = [*node.items.where(State.INTERRUPTED)]
    at = node.state if item is None or node.items is None else node.items.state(item)
    if not chosen or (at is not State.INTERRUPTED and chosen == [item]):
        is_so = "has no such items" if not chosen else how_ended(at) if at in ENDED else f"is {at.value}"
        raise Refused(
            f"{place_of(node.id, item)} {is_so}: only what was cut short, by a crash or a pause, can be marked as done"
        )
    if node.unmet:
        waits = next(need for need in state.plan_nodes[node.id].needs if not state.nodes[need].ended)
        raise Refused(f"{node.id} rests on {waits}, which is run again: decide once that has ended")
    said = _said(params)
    return [body for one in chosen for body in _done(state, node, one, said)]


def _done(state: SessionState, node: NodeState, item: int | None, said: Output) -> tuple[Body, ...]:
    if goes_on(state, node, item):
        return (NodeRetried(node.id, item=item, goes_on=True, result=said.text),)
    return _by_hand(node, item, said)


def _said(params: Params) -> Output:
    output = params.get("output") or ""
    if not isinstance(output, str):
        raise Refused("output is not text", INVALID_PARAMS)
    size = len(output.encode("utf-8", "replace"))
    if size > SAID_BYTES:
        raise Refused(f"the output has {size} bytes; {SAID_BYTES} are the most that can be said so", INVALID_PARAMS)
    return Output(output, size)


def _by_hand(node: NodeState, item: int | None, said: Output) -> tuple[Body, Body]:
    number = 1 + node.attempts_of(item)
    return AttemptStarted(node.id, number, item), AttemptSucceeded(node.id, number, said, item)


def stop(state: SessionState, params: Params) -> list[Body]:
    """``node.cancel {node, item?}``."""
    node = node_of(state, params)
    item = item_of(node, params)
    if item is not None and node.items is not None:
        at = node.items.state(item)
        if at in ENDED:
            raise Refused(f"item {item} of {node.id} {how_ended(at)} already")
        return [NodeCancelled(node.id, item)]
    if node.ended:
        raise Refused(f"{node.id} {how_ended(node.state)} already")
    if node.cancelled:
        raise Refused(f"{node.id} is being stopped already")
    return [NodeCancelled(node.id)]


def prioritise(state: SessionState, params: Params) -> list[Body]:
    """``node.priority {node, priority}``: a number, or as text ``+N`` and ``-N`` on what it is now."""
    node = whole_node_of(state, params, "moved up or down")
    now = state.plan_nodes[node.id].priority if node.priority is None else node.priority
    wanted = params.get("priority")
    if isinstance(wanted, str) and wanted[:1] in ("+", "-") and wanted[1:].isdecimal() and len(wanted) < 8:
        wanted = min(MOST_PRIORITY, max(-MOST_PRIORITY, now + int(wanted)))
    else:
        wanted = need(params, "priority", int)
    if not -MOST_PRIORITY <= wanted <= MOST_PRIORITY:
        raise Refused(f"a priority is a whole number from -{MOST_PRIORITY} to {MOST_PRIORITY}", INVALID_PARAMS)
    if node.ended:
        raise Refused(f"{node.id} {how_ended(node.state)}: nothing of it is left to start")
    if wanted == now:
        raise Refused(f"{node.id} has priority {now} already")
    return [NodePrioritised(node.id, wanted)]
