"""The first events that a fork has of its own: it leaves its parent, settles what was in flight, is changed. Pure.

What ended before stays as it was. What is changed is carried out anew, with what rests on it; a session that goes its
own way is forked for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from swarmtui.engine import recovery
from swarmtui.engine.commands import ParsePlan, Refused, ResolveModel, plan_events
from swarmtui.engine.commands.refusal import INVALID_PARAMS
from swarmtui.frozen import frozen
from swarmtui.plan import graph
from swarmtui.plan.model import JSON, Author
from swarmtui.session.events import Body, PlanPatched, PlanProposed, SessionForked
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import State, Status, place_of

Edit = Mapping[str, JSON]
"""A change of the plan: ``{ops: […]}`` or ``{text: …}`` as ``plan.patch`` and ``plan.edit`` have it, with `note`."""
FOREIGN = "recorded elsewhere: not trusted"
_BAD = (State.FAILED, State.CANCELLED)
Record = Callable[[Body], None]
"""Appends an event and folds it in."""


@frozen
class Begun:
    """What a fork begins with."""

    kept: tuple[str, ...]
    """Nodes that ended before, and stay as they are."""
    again: tuple[str, ...]
    """Nodes that had ended, and are carried out anew."""
    repeated: tuple[str, ...]
    """Nodes and items that were in flight, and are begun once more."""
    held: tuple[str, ...]
    """Those that may have changed the world, and wait for the user."""


def begin(
    state: SessionState,
    forked: SessionForked,
    record: Record,
    edits: Iterable[Edit] = (),
    *,
    retry_failed: bool = False,
    foreign: bool = False,
    parse: ParsePlan,
    resolve: ResolveModel,
) -> Begun:
    """Record the first events of a fork of which `state` is what was copied. `record` folds them into it.

    `retry_failed`: what had failed is run again, too. `foreign`: the past was recorded elsewhere, so that its plan is
    not the user's own whatever it says. Raises Refused where an edit cannot be made.
    """
    ended = {node.id for node in state.nodes.values() if node.ended}
    record(forked)
    cut = recovery.cut_by_fork(state)
    for caught in cut:
        record(caught)
    if foreign:
        _distrust(state, record)
    for edit in edits:
        _edit(state, edit, record, parse, resolve)
    if retry_failed:
        for body in plan_events(state, "nodes.retry_failed", {}, parse, resolve):
            record(body)
    stayed = [node for node in state.nodes.values() if node.id in ended]
    return Begun(
        kept=tuple(node.id for node in stayed if node.ended),
        again=tuple(node.id for node in stayed if not node.ended),
        repeated=tuple(place_of(body.node, body.item) for body in cut if body.repeat),
        held=tuple(recovery.waiting_for_user(state)),
    )


def _distrust(state: SessionState, record: Record) -> None:
    """What runs of the plan from here on runs in the sandbox, as what a planner wrote."""
    plan = state.plan
    if plan is None or plan.author is not Author.USER:
        return
    if state.status is Status.AWAITING_APPROVAL:
        record(PlanProposed(state.plan_rev + 1, replace(plan, author=Author.PLANNER), note=FOREIGN))
    else:
        record(PlanPatched(state.plan_rev + 1, note=FOREIGN, author=Author.PLANNER))


def _edit(state: SessionState, edit: Edit, record: Record, parse: ParsePlan, resolve: ResolveModel) -> None:
    """Make one change, and have run again what ended and is no longer what it would be."""
    unknown = set(edit) - {"ops", "text", "note"}
    if unknown or ("ops" in edit) is ("text" in edit):
        raise Refused("an edit of a fork is {ops: […], note?} or {text: …, note?}", INVALID_PARAMS)
    was_stale = {node.id for node in state.nodes.values() if node.state is State.STALE}
    method, rev = ("plan.patch", "base_rev") if "ops" in edit else ("plan.edit", "plan_rev")
    for body in plan_events(state, method, {**edit, rev: state.plan_rev}, parse, resolve):
        record(body)
        if isinstance(body, PlanPatched):
            _rerun(state, {node.id for node in body.put}, was_stale, record, parse, resolve)


def _rerun(
    state: SessionState, changed: set[str], was_stale: set[str], record: Record, parse: ParsePlan, resolve: ResolveModel
) -> None:
    """Have run again what a change made stale, and of what is changed, what had ended badly: needs first."""
    for node_id in graph.topological_order(graph.needs_of(state.plan.nodes if state.plan else ())):
        node = state.nodes[node_id]
        bad = node.state in _BAD and node_id in changed
        stale = node.state is State.STALE and node_id not in was_stale
        if bad or stale:  # which it may be only since what it needs is run again
            some = bad and node.items is not None and bool(node.items.count(*_BAD))
            for body in plan_events(state, "node.retry", {"node": node_id, "failed": some}, parse, resolve):
                record(body)
