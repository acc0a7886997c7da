"""A plan changed while it runs, folded: what is new waits, what ran and is changed is stale, nothing is lost."""

from __future__ import annotations

from dataclasses import replace

from swarmtui.plan.model import Author, Node, plan_to_json
from swarmtui.plan.model import Plan as PlanOf
from swarmtui.plan.patch import changes_items, changes_result, patched
from swarmtui.session.events import Event, PlanPatched
from swarmtui.session.fold_budgets import rebudget
from swarmtui.session.moves import (
    Handlers,
    begin_anew,
    derive,
    descendants,
    drop_questions,
    go_on,
    is_child,
    map_rest,
    needs_allow,
    outdate,
    passes_on,
    renumber,
    settle,
    take_end_back,
    undoable,
)
from swarmtui.session.pools import changes_world
from swarmtui.session.state import Dropped, NodeState, Revision, SessionState
from swarmtui.session.vocabulary import BY_CONDITION, ENDED, State


def _plan_patched(state: SessionState, body: PlanPatched, event: Event) -> None:
    plan = state.plan
    if plan is None:
        return
    before = dict(state.plan_nodes)
    _note_inverse(state, body, event)
    author = body.author if body.by is None else Author.USER  # what a node made is not trusted, whoever wrote the plan
    state.prior_plan, state.plan = plan, patched(plan, body.put, body.drop, author)
    state.plan_rev = state.approved_rev = body.plan_rev
    state.models = state.models | body.models
    state.revisions.append(Revision(body.plan_rev, body.author, event.ts, event.actor, body.note, body.by))
    for node_id in body.drop:
        gone = state.nodes.pop(node_id)
        base = gone.item_base if gone.items is None else gone.items.highest_number
        state.dropped[node_id] = Dropped(gone.attempts, base)
        state.touched.discard(node_id)
        drop_questions(state, gone)
    for node in body.put:
        if node.id not in state.nodes:
            state.nodes[node.id] = _newcomer(state, node)
            state.nodes[node.id].cohort = 0 if body.by is None else state.seq
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
    if body.by is not None:  # no change of the user's; what was one is as it was
        renumber(state.undoable, state.plan_rev, body.plan_rev)
        renumber(state.redoable, state.plan_rev, body.plan_rev)
        return
    old = [state.plan_nodes[node.id] for node in body.put if node.id in state.plan_nodes]
    gone = [state.plan_nodes[node_id] for node_id in body.drop]
    again = [node.id for node in gone if changes_world(state, node) and state.nodes[node.id].attempts]
    new = [node.id for node in body.put if node.id not in state.plan_nodes]
    put = plan_to_json(PlanOf("", (*old, *gone))).get("nodes", [])
    revs = {"rev": body.plan_rev, "base": state.plan_rev}
    undoable(state, event, f"revision {body.plan_rev}", "plan.restore", **revs, put=put, drop=new, again=again)


def _newcomer(state: SessionState, node: Node) -> NodeState:
    known = state.dropped.pop(node.id, Dropped())
    return NodeState(node.id, attempts=known.attempts, item_base=known.item_base, reset_seq=state.seq)


def _count_needs(state: SessionState, node: Node) -> None:
    known = state.nodes[node.id]
    known.unmet = sum(state.nodes[need].state not in ENDED for need in node.needs)
    needs = [need for need in node.needs if not is_child(state, need, node.id)]
    known.made = len(node.needs) - len(needs)
    known.bad = sum(state.nodes[need].state in (State.FAILED, State.SKIPPED, State.CANCELLED) for need in needs)


def _revise(state: SessionState, node: NodeState, old: Node, new: Node, *, restart: bool) -> None:
    """A node has a new version: see docs/design/0003-live-edits.md for what becomes of it."""
    own = set(state.children.get(node.id, ()))
    changed = changes_result(_without(old, own), _without(new, own))
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


def _without(node: Node, children: set[str]) -> Node:
    """The node as it was before it made others."""
    return replace(node, needs=tuple(need for need in node.needs if need not in children)) if children else node


def _let_skipped_wait(state: SessionState) -> None:
    """What was skipped for needs that it no longer has, or that are new, waits again."""
    for node in state.nodes.values():
        if node.state is not State.SKIPPED or node.cause == "user" or _by_its_condition(state, node):
            continue
        if node.unmet or needs_allow(state.plan_nodes[node.id], node):
            take_end_back(state, node)  # what went on without it rests on something else now
            settle(state, node)


def _by_its_condition(state: SessionState, node: NodeState) -> bool:
    """Whether the node was skipped for a condition of its own, which holds no better for a change elsewhere."""
    plan_node = state.plan_nodes[node.id]
    return node.cause == BY_CONDITION and bool(plan_node.only_if) and not node.unmet and needs_allow(plan_node, node)


HANDLERS: Handlers = {PlanPatched: _plan_patched}
