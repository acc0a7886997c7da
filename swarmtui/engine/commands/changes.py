"""Commands about changes of the running plan that wait for a decision."""

from __future__ import annotations

from swarmtui.engine import changes, new_plan
from swarmtui.engine.commands.refusal import INVALID_PARAMS, STALE_PLAN, Params, Refused, need
from swarmtui.engine.subagents import NotAllowed
from swarmtui.plan.model import Author, Input, Node
from swarmtui.plan.problems import TaskError, listed, shown
from swarmtui.session.events import Body, ChangeDecided, ChangeProposed, NodeCancelled
from swarmtui.session.state import SessionState


def accept(state: SessionState, params: Params) -> list[Body]:
    """``change.accept {id, base_rev?}``."""
    change = _waiting(state, params)
    try:
        return (new_plan.accepted if change.node is None else changes.accepted)(state, change)
    except NotAllowed as error:
        raise Refused(f"{change.id} does not fit any more: {error}: reject it with a word on that") from error


def reject(state: SessionState, params: Params) -> list[Body]:
    """``change.reject {id, base_rev?, feedback?}``: without feedback the node that wants it is stopped; of a change of
    the whole plan nothing more is proposed then."""
    change = _waiting(state, params)
    feedback = params.get("feedback") or ""
    if not isinstance(feedback, str):
        raise Refused("feedback is not text", INVALID_PARAMS)
    decided = ChangeDecided(change.id, accepted=False, feedback=feedback.strip(), node=change.node)
    if feedback.strip() or change.node is None:
        return [decided]
    return [decided, NodeCancelled(change.node)]


def edit(state: SessionState, params: Params) -> list[Body]:
    """``change.edit {id, text, base_rev?}``: other nodes, as the YAML of ``nodes``; what comes of it waits in turn."""
    change = _waiting(state, params)
    try:
        nodes = _read(state, change, need(params, "text", str))
        return [(new_plan.edited if change.node is None else changes.edited)(state, change, nodes)]
    except NotAllowed as error:
        raise Refused(str(error), INVALID_PARAMS) from error
    except TaskError as error:
        raise Refused(str(error), INVALID_PARAMS) from error


def _waiting(state: SessionState, params: Params) -> ChangeProposed:
    name = need(params, "id", str)
    change = state.proposed.get(name)
    if change is None:
        there = f"there are {listed(state.proposed)}" if state.proposed else "none waits"
        raise Refused(f"no change {shown(name)!r} waits for a decision: {there}", STALE_PLAN)
    base = params.get("base_rev")
    if base is not None and base != change.base_rev:
        raise Refused(f"{name} changes revision {change.base_rev}, not {base}", STALE_PLAN)
    return change


def _read(state: SessionState, change: ChangeProposed, text: str) -> dict[str, Node]:
    """The nodes that the user wrote, read as nodes added to the plan are. Raises TaskError, Refused."""
    from dataclasses import replace

    from swarmtui.plan.operations import read_ops  # the task-file language: few hosts ever read any
    from swarmtui.plan.yaml_source import read_yaml

    source, problems = read_yaml(text, "change")
    if problems:
        raise TaskError(problems)
    data = source.data
    written = data.get("nodes", data) if isinstance(data, dict) else None
    if not isinstance(written, dict) or not written:
        raise Refused("the change has no nodes: write them under `nodes`", INVALID_PARAMS)
    if state.plan is None:
        raise Refused("there is no plan to change")
    ops = [{"op": "remove", "node": str(name)} for name in written if name in state.nodes and change.node is None]
    ops += [{"op": "add", "node": str(name), "value": value} for name, value in written.items()]
    plan = replace(state.plan, author=Author.PLANNER)
    inputs = [Input(name, value) for name, value in state.inputs.items()]
    patch = read_ops(plan, ops, inputs=inputs, models={**state.declared, **state.models})
    return {node.id: node for node in patch.put}
