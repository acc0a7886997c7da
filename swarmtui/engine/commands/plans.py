"""Commands that change the plan: before its approval another revision, while it runs a patch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, replace

from swarmtui.engine.commands.refusal import INVALID_PARAMS, Params, Refused, flag, need
from swarmtui.engine.commands.session import stale
from swarmtui.plan.model import Author, Input, MergeSpec, ModelRef, Node, Plan
from swarmtui.plan.patch import Patch, changes_items, changes_result, difference, in_place, patched
from swarmtui.plan.problems import TaskError
from swarmtui.session.events import Body, PlanPatched, PlanProposed
from swarmtui.session.pools import model_name, team_of
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import ENDED, Status

ParsePlan = Callable[[str, Plan], Plan]
"""Reads a plan that was edited as YAML; raises Refused."""
ResolveModel = Callable[[str, dict[str, ModelRef]], ModelRef]
"""Where a model answers, given those that the session knows; raises Refused."""

NOTE_CHARS = 200
_OF_THE_NEXT = frozenset({"id", "title", "when", "retry", "priority", "budget", "estimate_s"})
"""Fields that say nothing to an attempt that runs already."""


def edit(state: SessionState, params: Params, parse: ParsePlan, resolve: ResolveModel) -> list[Body]:
    """``plan.edit {plan_rev, text, restart?, note?}``: the whole plan, as YAML."""
    plan = _editable(state, need(params, "plan_rev", int))
    edited = _with_parents(parse(need(params, "text", str), plan), plan)
    if edited == plan:
        raise Refused("nothing was changed")
    models = _models(state, edited.nodes, resolve)
    if state.status is Status.AWAITING_APPROVAL:
        return [PlanProposed(state.plan_rev + 1, edited, note=_note(params) or "edited", models=models)]
    if (edited.goal, edited.title) != (plan.goal, plan.title):
        raise Refused("goal and title of a plan that runs stay what they are: change the nodes alone")
    change = difference(plan, edited)
    if not change:
        raise Refused("only the order of the nodes was changed, which means nothing to a plan that runs")
    return [_patch(state, change, params, models)]


def patch(state: SessionState, params: Params, resolve: ResolveModel) -> list[Body]:
    """``plan.patch {base_rev, ops, restart?, note?, author?}``; for `ops` see :mod:`swarmtui.plan.operations`."""
    from swarmtui.plan.operations import read_ops  # the task-file language: few hosts ever read any

    plan = _editable(state, _past_what_nodes_made(state, need(params, "base_rev", int)))
    inputs = [Input(name, value) for name, value in state.inputs.items()]
    try:
        known = {**state.declared, **state.models}
        change = read_ops(plan, params.get("ops"), inputs=inputs, models=known)
    except TaskError as error:
        raise Refused(str(error), INVALID_PARAMS) from error
    if not change:
        raise Refused("nothing was changed")
    change = replace(change, put=_with_parents(replace(plan, nodes=change.put), plan).nodes)
    models = _models(state, change.put, resolve)
    if state.status is Status.AWAITING_APPROVAL:
        edited = in_place(patched(plan, change.put, change.drop, _author(params)), plan, change.names)
        return [PlanProposed(state.plan_rev + 1, edited, note=_note(params) or "edited", models=models)]
    return [_patch(state, change, params, models)]


def restored(state: SessionState, change: Patch) -> PlanPatched:
    """The patch that takes another one back, checked like any other."""
    return _patch(state, change, {}, {})


def _with_parents(edited: Plan, plan: Plan) -> Plan:
    """Who made a node is no matter of opinion: it decides whether the node is trusted."""
    made = {node.id: node.parent for node in plan.nodes if node.parent is not None}
    if not made:
        return edited
    kept = (replace(node, parent=made[node.id]) if node.id in made else node for node in edited.nodes)
    return replace(edited, nodes=tuple(kept))


def _past_what_nodes_made(state: SessionState, rev: int) -> int:
    """The last revision since `rev` but for those that nodes made: they are no decisions that anybody could overlook,
    and operations on single nodes hold beside them."""
    since = [revision for revision in state.revisions if revision.rev > rev]
    return rev if not since or any(revision.by is None for revision in since) else state.plan_rev


def _editable(state: SessionState, rev: int) -> Plan:
    plan = state.plan
    if plan is None or state.status is Status.PLANNING:
        raise Refused("there is no plan to change: the planner is still at work")
    if rev != state.plan_rev:
        raise stale(state, rev)
    if state.cancelling:
        raise Refused("the session is being cancelled: its plan can be changed once that is over")
    return plan


def _note(params: Params) -> str:
    note = params.get("note") or ""
    if not isinstance(note, str):
        raise Refused("note is not text", INVALID_PARAMS)
    return note.strip()[:NOTE_CHARS]


def _author(params: Params) -> Author:
    """Who wrote it. What says nothing is a person's; nobody can claim more than that."""
    try:
        return Author(params.get("author") or Author.USER)
    except ValueError:
        raise Refused("author is user or planner", INVALID_PARAMS) from None


def _models(state: SessionState, nodes: Iterable[Node], resolve: ResolveModel) -> dict[str, ModelRef]:
    """Models that the session does not know yet, by the names that `nodes` use."""
    found: dict[str, ModelRef] = {}

    def ref_of(name: str) -> ModelRef:
        return state.declared[name] if name in state.declared else resolve(name, {**state.declared, **state.models})

    for node in nodes:
        name_of = None if isinstance(node.spec, MergeSpec) else model_name(node, 0, team_of(state))
        names = [] if name_of is None else [name_of]
        for name in (*names, *node.retry.models):
            if name not in state.models and name not in found:
                found[name] = ref_of(name)
        summary = node.spec.summary if isinstance(node.spec, MergeSpec) else None
        if summary is not None and summary not in state.models and summary not in found:
            ref = ref_of(summary)
            if not ref.simulated:  # a summary that is made up is left out instead
                found[summary] = ref
    return found


def _patch(state: SessionState, change: Patch, params: Params, models: dict[str, ModelRef]) -> PlanPatched:
    restart = flag(params, "restart")
    for node_id in change.drop:
        _may_drop(state, state.nodes[node_id])
    restarted = [node.id for node in change.put if _restarts(state, node, restart=restart)]
    return PlanPatched(
        state.plan_rev + 1, change.put, change.drop, _note(params), tuple(restarted), _author(params), models
    )


def _may_drop(state: SessionState, node: NodeState) -> None:
    busy = [child for child in state.children.get(node.id, ()) if not state.nodes[child].ended]
    if busy:
        raise Refused(f"{node.id} waits for {busy[0]}, which it made: stop it before you remove it, or wait")
    if node.running:
        raise Refused(f"{node.id} is running: stop it before you remove it, or wait")
    if node.items is not None and not node.ended:
        raise Refused(f"{node.id} has begun its items: stop it before you remove it, or wait")


def _restarts(state: SessionState, new: Node, *, restart: bool) -> bool:
    """Whether what runs of a node is to be stopped for its new version. Raises Refused where nobody asked for that."""
    node = state.nodes.get(new.id)
    if node is None or node.ended:
        return False
    if node.cancelled or node.restart:
        what = "stopped" if node.cancelled else "restarted"
        raise Refused(f"{node.id} is being {what}: change it once that is over")
    old = state.plan_nodes[new.id]
    why = _why_restart(state, node, old, new)
    if not node.running:
        return False
    if why and not restart:
        raise Refused(f"{node.id} {why}: stop it first, or patch with restart to have it begin anew")
    return bool(why) or (restart and node.items is not None and changes_result(old, new))


def _why_restart(state: SessionState, node: NodeState, old: Node, new: Node) -> str:
    """What keeps a change from taking effect while attempts of the node run; empty if nothing does."""
    if node.items is None:
        names = (one.name for one in fields(Node) if one.name not in _OF_THE_NEXT)
        return "is running" if any(getattr(old, name) != getattr(new, name) for name in names) else ""
    if changes_items(old, new):
        return "has begun its items, which would be others"
    if any(state.nodes[need].state not in ENDED for need in new.needs if need in state.nodes):
        return "has begun its items, and would wait for more"
    if any(need not in state.nodes for need in new.needs):
        return "has begun its items, and would wait for what is new"
    return ""
