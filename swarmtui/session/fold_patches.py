"""A plan changed while it runs, folded: what is new waits, what ran and is changed is stale, nothing is lost."""

from __future__ import annotations

from collections import deque

from swarmtui.plan.model import Node, plan_to_json
from swarmtui.plan.model import Plan as PlanOf
from swarmtui.plan.patch import changes_items, changes_result, patched
from swarmtui.session.events import Event, PlanPatched
from swarmtui.session.fold_budgets import rebudget
from swarmtui.session.moves import (
    Handlers,
    begin_anew,
    derive,
    descendants,
    go_on,
    map_rest,
    needs_allow,
    outdate,
    passes_on,
    reopen,
    settle,
    undoable,
)
from swarmtui.session.state import Dropped, NodeState, Revision, SessionState
from swarmtui.session.vocabulary import ENDED, State


def _plan_patched(state: SessionState, body: PlanPatched, event: Event) -> None:
    plan = state.plan
    if plan is None:
        return
    before = dict(state.plan_nodes)
    _note_inverse(state, body, event)
    state.prior_plan, state.plan = plan, patched(plan, body.put, body.drop, body.author)
    state.plan_rev = state.approved_rev = body.plan_rev
    state.models |= body.models
    state.revisions.append(Revision(body.plan_rev, body.author, event.ts, event.actor, body.note))
    for node_id in body.drop:
        gone = state.nodes.pop(node_id)
        base = gone.item_base if gone.items is None else gone.items.highest_number
        state.dropped[node_id] = Dropped(gone.attempts, base)
        state.touched.discard(node_id)
    for node in body.put:
        if node.id not in state.nodes:
            state.nodes[node.id] = _newcomer(state, node)
    state.nodes = {node.id: state.nodes[node.id] for node in state.plan.nodes}
    derive(state)
    for node in body.put:
        _count_needs(state, node)
    for node in body.put:
        known = state.nodes[node.id]
        if node.id in before:
            _revise(state, known, before[node.id], node, restart=node.id in body.restart)
        else:
            settle(state, known)
    _let_skipped_wait(state)
    state.touched.update(state.nodes)
    go_on(state)


def _note_inverse(state: SessionState, body: PlanPatched, event: Event) -> None:
    """How the patch is taken back; `again`: removed nodes that have changed the world and would do so once more."""
    old = [state.plan_nodes[node.id] for node in body.put if node.id in state.plan_nodes]
    gone = [state.plan_nodes[node_id] for node_id in body.drop]
    again = [node.id for node in gone if node.changes_world and state.nodes[node.id].attempts]
    new = [node.id for node in body.put if node.id not in state.plan_nodes]
    put = plan_to_json(PlanOf("", (*old, *gone))).get("nodes", [])
    undoable(
        state, event, f"revision {body.plan_rev}", "plan.restore", rev=body.plan_rev, put=put, drop=new, again=again
    )


def _newcomer(state: SessionState, node: Node) -> NodeState:
    known = state.dropped.pop(node.id, Dropped())
    return NodeState(node.id, attempts=known.attempts, item_base=known.item_base, reset_seq=state.seq)


def _count_needs(state: SessionState, node: Node) -> None:
    known = state.nodes[node.id]
    ends = [state.nodes[need].state for need in node.needs]
    known.unmet = sum(end not in ENDED for end in ends)
    known.bad = sum(end in (State.FAILED, State.SKIPPED, State.CANCELLED) for end in ends)


def _revise(state: SessionState, node: NodeState, old: Node, new: Node, *, restart: bool) -> None:
    """A node has a new version: see docs/design/0003-live-edits.md for what becomes of it."""
    changed = changes_result(old, new)
    if old.priority != new.priority:
        node.priority = None
    rebudget(state, node, old, new)
    if node.state is State.SUCCEEDED and changed:
        outdate(state, node)
        for descendant in descendants(state, node.id, past=passes_on):
            outdate(state, descendant)
    if node.ended or node.state is State.INTERRUPTED:
        return
    if node.items is not None and not (changes_items(old, new) or node.unmet):
        map_rest(state, node)  # what its items came to stays; those that have not begun begin as the new version
    elif node.running:
        node.restart = restart
    elif changed or node.items is not None:
        begin_anew(state, node)
    elif node.retry_at is None or node.unmet:
        node.retry_at = None
        settle(state, node)


def _let_skipped_wait(state: SessionState) -> None:
    """What was skipped for needs that it no longer has, or that are new, waits again."""
    todo = deque(node for node in state.nodes.values() if node.state is State.SKIPPED and node.cause != "user")
    while todo:
        node = todo.popleft()
        if node.state is not State.SKIPPED or node.cause == "user":
            continue
        if node.unmet or needs_allow(state.plan_nodes[node.id], node):
            reopen(state, node)
            settle(state, node)
            todo.extend(state.nodes[child] for child in state.dependents[node.id])


HANDLERS: Handlers = {PlanPatched: _plan_patched}
