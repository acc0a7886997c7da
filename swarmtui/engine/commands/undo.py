"""Taking changes back. What can be, and how, the fold notes in ``state.undoable``; whether it still can is asked here.

An undo is the events that make the change good, then Undone. These are checked like any command, so that a node that
has since run is not pulled from under its dependents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from swarmtui.engine.commands import limits, nodes, plans, session
from swarmtui.engine.commands.refusal import Params, Refused, need
from swarmtui.plan.model import Node, plan_from_json
from swarmtui.plan.patch import Patch, inverted
from swarmtui.session.events import Body, NodeRetried, PlanProposed, Undone
from swarmtui.session.moves import REVERT, is_child
from swarmtui.session.state import SessionState, Undoable
from swarmtui.session.vocabulary import FINAL, State, Status, how_ended, place_of


def undo(state: SessionState, params: Params) -> list[Body]:
    """``undo {seq?}``: the last change that can be taken back, or the one made at event `seq`."""
    note = _note(state, params)
    inverse = _INVERSES[note.method]
    try:
        bodies = inverse(state, note.params)
    except Refused as error:
        told = f"{note.what} (event {note.seq}) cannot be taken back: {error}"
        raise Refused(told + _before(state, note, params), error.code) from error
    return [*bodies, Undone(note.seq, note.what, len(bodies))]


def redo(state: SessionState, params: Params) -> list[Body]:
    """``redo {seq?}``: make the change once more that was taken back last, if it is the one of event `seq`.

    Nothing else may have been changed since.
    """
    if not state.redoable:
        raise Refused("nothing was taken back that could be made once more")
    note = state.redoable[-1]
    if params.get("seq") is not None and need(params, "seq", int) != note.seq:
        raise Refused(f"what was taken back last is another change by now: {note.what} (event {note.seq})")
    since = next((one for one in state.undoable if one.seq > note.seq and not one.again), None)
    if since is not None:
        raise Refused(f"{note.what} cannot be made once more: {since.what} (event {since.seq}) was changed since")
    try:
        bodies = _INVERSES[note.method](state, note.params)
    except Refused as error:
        raise Refused(f"{note.what} cannot be made once more: {error}", error.code) from error
    return [*bodies, Undone(note.seq, note.what, len(bodies), redo=True)]


def _before(state: SessionState, note: Undoable, params: Params) -> str:
    """Which change could be named instead, if the last one was meant only because none was."""
    at = state.undoable.index(note)
    if params.get("seq") is not None or not at:
        return ""
    return f"; before it there is event {state.undoable[at - 1].seq} ({state.undoable[at - 1].what})"


def _note(state: SessionState, params: Params) -> Undoable:
    if not state.undoable:
        raise Refused("nothing can be taken back")
    if params.get("seq") is None:
        return state.undoable[-1]
    seq = need(params, "seq", int)
    for note in state.undoable:
        if note.seq == seq:
            return note
    known = ", ".join(f"{note.seq} ({note.what})" for note in state.undoable[-5:])
    raise Refused(f"event {seq} cannot be taken back; of late there are {known}")


def _restore_limits(state: SessionState, params: Params) -> list[Body]:
    """Each limit goes back to what it was unless it was changed again since."""
    mine = {name: params["before"][name] for name, value in params["after"].items() if _limit(state, name) == value}
    if not mine:
        raise Refused("they were changed again since")
    return limits.in_force(state, replace(state.limits, **mine))


def _limit(state: SessionState, name: str) -> Any:
    return getattr(state.limits, name)


def _restore_plan(state: SessionState, params: Params) -> list[Body]:
    if state.plan_rev != params["rev"]:
        raise Refused(f"revision {state.plan_rev} was made since: take that back first")
    if state.cancelling:
        raise Refused("the session is being cancelled")
    if params["again"]:
        raise Refused(f"{', '.join(params['again'])} did run, and would once more: add it anew if you mean that")
    put = plan_from_json({"goal": "", "nodes": params["put"]}).nodes
    return [plans.restored(state, Patch(tuple(_with_children(state, node) for node in put), tuple(params["drop"])))]


def _propose_again(state: SessionState, params: Params) -> list[Body]:
    """Before the plan is approved: the revision before, as a new one."""
    plan = state.plan
    if plan is None or state.status is Status.PLANNING:
        raise Refused("the planner is still at work")
    if state.plan_rev != params["rev"]:
        raise Refused(f"revision {state.plan_rev} was made since: take that back first")
    return [PlanProposed(state.plan_rev + 1, inverted(plan, dict(params)), note=f"back to revision {params['base']}")]


def _with_children(state: SessionState, node: Node) -> Node:
    """The node as it was, but for what it has made since: that is no change of the user's, and it waits for it."""
    now = state.plan_nodes.get(node.id)
    made = [need for need in now.needs if is_child(state, need, node.id)] if now is not None else []
    return replace(node, needs=(*node.needs, *(need for need in made if need not in node.needs)))


def _unskip(state: SessionState, params: Params) -> list[Body]:
    node = state.nodes.get(params["node"])
    if node is None:
        raise Refused("the node is no longer in the plan")
    item = params.get("item")
    if params.get("cut_short"):
        raise Refused(f"{place_of(node.id, item)} was cut short, and would run once more: retry it if you mean that")
    if item is not None:
        if node.items is None or item >= node.items.total or node.items.state(item) is not State.SKIPPED:
            raise Refused("it is no longer skipped")
        if node.ended:
            raise Refused(f"{node.id} {how_ended(node.state)} without it: retry the item")
        return [NodeRetried(node.id, item=item)]
    if node.state is not State.SKIPPED or node.cause != "user":
        raise Refused("it is no longer skipped")
    for child_id in state.dependents[node.id]:
        child = state.nodes[child_id]
        if child.running or child.attempts or child.items is not None:
            raise Refused(f"{child.id} has gone on without it: retry {node.id}")
    return [NodeRetried(node.id)]


def _of_node(command: Callable[[SessionState, Params], list[Body]]) -> Callable[[SessionState, Params], list[Body]]:
    def checked(state: SessionState, params: Params) -> list[Body]:
        if params["node"] not in state.nodes:
            raise Refused("the node is no longer in the plan")
        if state.status in FINAL:
            raise Refused(f"the session {how_ended(state.status)}")
        return command(state, params)

    return checked


_INVERSES: Mapping[str, Callable[[SessionState, Params], list[Body]]] = {
    "session.resume": session.resume,
    "session.pause": session.pause,
    "node.resume": _of_node(nodes.release),
    "node.pause": _of_node(nodes.hold),
    "node.priority": _of_node(nodes.prioritise),
    "node.unskip": _unskip,
    "limits.restore": _restore_limits,
    "plan.restore": _restore_plan,
    REVERT: _propose_again,
}
