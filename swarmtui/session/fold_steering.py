"""What the user did to single nodes, and what was asked of the user, folded."""

from __future__ import annotations

from dataclasses import replace

from swarmtui.plan.model import OWN_AGENT
from swarmtui.session.events import (
    Event,
    NodeCancelled,
    NodeHeld,
    NodePrioritised,
    NodeReleased,
    NodeRetried,
    NodeSkipped,
    QuestionAnswered,
    QuestionAsked,
    Undone,
)
from swarmtui.session.fold_agents import answered
from swarmtui.session.fold_budgets import waive
from swarmtui.session.items import Items
from swarmtui.session.moves import (
    UNDOABLE_KEPT,
    Handlers,
    begin_anew,
    cancel_waiting_items,
    descendants,
    end,
    forget_calls,
    go_on_with_thread,
    item_ended,
    left_out,
    map_rest,
    move,
    passes_on,
    renumber,
    reopen,
    settle,
    take_end_back,
    undoable,
)
from swarmtui.session.state import Grant, NodeState, Pending, SessionState
from swarmtui.session.vocabulary import ALLOW_ALWAYS, ENDED, FINAL, State, Status, place_of


def _node_skipped(state: SessionState, body: NodeSkipped, event: Event) -> None:
    node = state.nodes[body.node]
    if body.cause == "user":
        where = {} if body.item is None else {"item": body.item}
        what = f"the skip of {place_of(body.node, body.item)}"
        at = node.state if body.item is None or node.items is None else node.items.state(body.item)
        cut = {"cut_short": True} if at is State.INTERRUPTED else {}
        undoable(state, event, what, "node.unskip", node=body.node, **where, **cut)
    forget_calls(node, body.item)
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
    undoable(state, event, f"the hold of {body.node}", "node.resume", node=body.node)


def _node_released(state: SessionState, body: NodeReleased, event: Event) -> None:
    node = state.nodes[body.node]
    waive(state, node)
    node.held = False
    state.touched.add(node.id)
    undoable(state, event, f"the release of {body.node}", "node.pause", node=body.node)
    if node.state is not State.HELD:
        return
    if node.items is not None:
        map_rest(state, node)
    elif node.retry_at is not None:
        move(state, node, State.RETRYING)
    else:
        settle(state, node)


def _node_prioritised(state: SessionState, body: NodePrioritised, event: Event) -> None:
    node = state.nodes[body.node]
    before = state.plan_nodes[body.node].priority if node.priority is None else node.priority
    undoable(state, event, f"the priority of {body.node}", "node.priority", node=body.node, priority=before)
    node.priority = body.priority
    state.touched.add(node.id)


def _node_retried(state: SessionState, body: NodeRetried, event: Event) -> None:
    node = state.nodes[body.node]
    was_stale = node.state is State.STALE
    node.cancelled = False
    if state.status in FINAL:
        state.status, state.reason, state.ended_ts = Status.RUNNING, "", None
    if node.ended:
        take_end_back(state, node)
    if body.fresh:
        node.fresh_since = state.seq
    if body.descendants:
        for descendant in descendants(state, node.id, past=passes_on):
            _again(state, descendant, restart=descendant.id in body.restart)
    if node.running and node.id in body.restart:
        node.restart = True
        return
    if body.goes_on:
        go_on_with_thread(state, node, body.item)
        if body.item is None:
            return
    items = node.items
    if items is not None and (body.item is not None or body.failed_items or body.items):
        _retry_items(items, body)
        node.retry_at = node.error = None
        node.outdated = node.outdated or was_stale  # the other items are as old as they were
        map_rest(state, node)
        return
    begin_anew(state, node)


def _retry_items(items: Items, body: NodeRetried) -> None:
    chosen = _retryable_items(items) if body.failed_items else body.items if body.item is None else (body.item,)
    for item in chosen:
        items.move(item, State.READY)
        items.retry_at.pop(item, None)
        items.tries.pop(item, None)


def _again(state: SessionState, node: NodeState, *, restart: bool) -> None:
    """What began downstream of a node that is run again runs again too, but for what the user left out."""
    if node.ended:
        if not left_out(node):
            reopen(state, node)
            begin_anew(state, node)
    elif node.running:
        node.restart = node.restart or restart
        state.touched.add(node.id)
    elif node.items is not None or node.state is State.INTERRUPTED:
        begin_anew(state, node)


def _retryable_items(items: Items) -> list[int]:
    """Not what the user left out, nor what a crash caught in the middle: each of these is asked for by name."""
    return [item for to in (State.FAILED, State.CANCELLED) for item in items.where(to)]


def _node_cancelled(state: SessionState, body: NodeCancelled, event: Event) -> None:
    node = state.nodes[body.node]
    state.touched.add(node.id)
    if body.item is not None:
        if node.items is not None and node.items.state(body.item) is State.RUNNING:
            node.items.cancelled.append(body.item)  # it ends once it has stopped
        elif node.items is not None and node.items.state(body.item) not in ENDED:
            item_ended(state, node, body.item, State.CANCELLED)
        return
    node.cancelled, node.restart = True, False
    if node.items is not None:
        cancel_waiting_items(node)
        map_rest(state, node)
    elif not node.running and node.state not in ENDED:
        end(state, node, State.CANCELLED)


def _undone(state: SessionState, body: Undone, event: Event) -> None:
    own = event.seq - body.events
    base = next((note.params.get("base") for note in (*state.undoable, *state.redoable) if note.seq == body.seq), None)
    made = [replace(note, what=body.what) for note in state.undoable if note.seq >= own]
    before = [note for note in state.undoable if note.seq != body.seq and note.seq < own]
    if body.redo:
        state.undoable = [*before, *(replace(note, again=True) for note in made)]
        state.redoable = [note for note in state.redoable if note.seq != body.seq]
    else:
        state.undoable = before
        # What cannot be made once more, such as a skip, bars the way to what was taken back before it.
        state.redoable = [*state.redoable, *made][-UNDOABLE_KEPT:] if made else []
    if base is not None:  # the plan is again what it was then, under another number
        renumber(state.undoable, base, state.plan_rev)
        renumber(state.redoable, base, state.plan_rev)


def _question_asked(state: SessionState, body: QuestionAsked, event: Event) -> None:
    key = pending_key(body)
    state.pending[key] = Pending(
        key,
        body.kind,
        event.ts,
        body.node,
        body.item,
        body.question,
        body.choices,
        call=body.call,
        detail=body.detail,
        agent=body.agent,
        tool=body.tool,
    )
    if body.call:
        state.nodes[body.node].asks += 1
    state.touched.add(body.node)


def _question_answered(state: SessionState, body: QuestionAnswered, event: Event) -> None:
    asked = state.pending.pop(pending_key(body), None)
    state.touched.add(body.node)
    if asked is None or not asked.call:
        return
    grant = Grant(asked.agent, asked.tool, body.node if asked.agent == OWN_AGENT else "")
    if asked.kind == "permission" and body.answer == ALLOW_ALWAYS and asked.tool and grant not in state.granted:
        state.granted.append(grant)
    answered(state, state.nodes[body.node])


def pending_key(body: QuestionAsked | QuestionAnswered) -> str:
    """:attr:`Pending.id` of what is asked or answered."""
    if body.call:
        return f"{body.node}:{body.call}"
    return place_of(body.node, body.item)


HANDLERS: Handlers = {
    NodeSkipped: _node_skipped,
    NodeHeld: _node_held,
    NodeReleased: _node_released,
    NodePrioritised: _node_prioritised,
    NodeRetried: _node_retried,
    NodeCancelled: _node_cancelled,
    Undone: _undone,
    QuestionAsked: _question_asked,
    QuestionAnswered: _question_answered,
}
