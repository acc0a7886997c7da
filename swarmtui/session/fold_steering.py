"""What the user did to single nodes, and what was asked of the user, folded."""

from __future__ import annotations

from swarmtui.session.events import (
    Event,
    NodeCancelled,
    NodeHeld,
    NodeReleased,
    NodeRetried,
    NodeSkipped,
    QuestionAnswered,
    QuestionAsked,
)
from swarmtui.session.moves import (
    Handlers,
    cancel_waiting_items,
    end,
    item_ended,
    map_rest,
    move,
    settle,
    take_end_back,
)
from swarmtui.session.state import Items, Pending, SessionState
from swarmtui.session.vocabulary import ENDED, FINAL, State, Status


def _node_skipped(state: SessionState, body: NodeSkipped, event: Event) -> None:
    node = state.nodes[body.node]
    if body.item is not None:
        item_ended(state, node, body.item, State.SKIPPED)
        return
    node.cause = body.cause
    end(state, node, State.SKIPPED)


def _node_held(state: SessionState, body: NodeHeld, event: Event) -> None:
    node = state.nodes[body.node]
    node.held = True
    if not node.running:
        move(state, node, State.HELD)
    state.touched.add(node.id)


def _node_released(state: SessionState, body: NodeReleased, event: Event) -> None:
    node = state.nodes[body.node]
    node.held = False
    state.touched.add(node.id)
    if node.state is not State.HELD:
        return
    if node.items is not None:
        map_rest(state, node)
    elif node.retry_at is not None:
        move(state, node, State.RETRYING)
    else:
        settle(state, node)


def _node_retried(state: SessionState, body: NodeRetried, event: Event) -> None:
    node = state.nodes[body.node]
    node.cancelled = False
    if state.status in FINAL:
        state.status, state.reason, state.ended_ts = Status.RUNNING, "", None
    if node.ended:
        take_end_back(state, node)
    node.retry_at = node.error = None
    items = node.items
    if items is not None and (body.item is not None or body.failed_items):
        chosen = [body.item] if body.item is not None else _retryable_items(items)
        for item in chosen:
            items.move(item, State.READY)
            items.retry_at.pop(item, None)
            items.tries.pop(item, None)
        map_rest(state, node)
        return
    node.forget_items()
    node.tries, node.ready_mono = 0, None
    settle(state, node)


def _retryable_items(items: Items) -> list[int]:
    ended_badly = (State.FAILED, State.CANCELLED, State.SKIPPED, State.INTERRUPTED)
    return [item for to in ended_badly for item in items.where(to)]


def _node_cancelled(state: SessionState, body: NodeCancelled, event: Event) -> None:
    node = state.nodes[body.node]
    node.cancelled = True
    state.touched.add(node.id)
    if node.items is not None:
        cancel_waiting_items(node)
        map_rest(state, node)
    elif not node.running and node.state not in ENDED:
        end(state, node, State.CANCELLED)


def _question_asked(state: SessionState, body: QuestionAsked, event: Event) -> None:
    key = body.node if body.item is None else f"{body.node}/{body.item}"
    state.pending[key] = Pending(key, "question", event.ts, body.node, body.item, body.question, body.choices)
    state.touched.add(body.node)


def _question_answered(state: SessionState, body: QuestionAnswered, event: Event) -> None:
    state.pending.pop(body.node if body.item is None else f"{body.node}/{body.item}", None)
    state.touched.add(body.node)


HANDLERS: Handlers = {
    NodeSkipped: _node_skipped,
    NodeHeld: _node_held,
    NodeReleased: _node_released,
    NodeRetried: _node_retried,
    NodeCancelled: _node_cancelled,
    QuestionAsked: _question_asked,
    QuestionAnswered: _question_answered,
}
