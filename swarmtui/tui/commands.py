"""What the user asks of the session: the request each action makes, and why it cannot be made now. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmtui.frozen import frozen
from swarmtui.safety.text import one_line
from swarmtui.session.caught import caught
from swarmtui.session.vocabulary import BY_CONDITION, FINAL, State, Status, how_ended
from swarmtui.tui.actions.names import verbatim

if TYPE_CHECKING:
    from swarmtui.plan.model import JSON
    from swarmtui.session.state import NodeState, SessionState


@frozen
class Request:
    """A command for ``Feed.command``, and what to tell the user once it has taken effect."""

    method: str
    params: dict[str, JSON]
    done: str


def pause_session(*, paused: bool) -> Request:
    """Pause, or go on if the screen shows that it is `paused`."""
    if paused:
        return Request("session.resume", {}, "the session goes on")
    return Request("session.pause", {}, "paused: what runs goes on, nothing new starts")


def cancel_session() -> Request:
    """End the session."""
    return Request("session.cancel", {}, "the session is being cancelled")


def pause_node(node: NodeState, *, held: bool | None = None) -> Request:
    """Hold a node, or let it go on: by what the screen shows of it, if that is given, else by how it is."""
    if node.held if held is None else held:
        return Request("node.resume", {"node": node.id}, f"{_name(node)} goes on")
    return Request("node.pause", {"node": node.id}, f"{_name(node)} is held")


def retry_node(node: NodeState) -> Request:
    """Run a node again; of a map that ended, the items that failed or were cut short."""
    if node.items is not None and node.items.count(State.INTERRUPTED):
        where: dict[str, JSON] = {"state": [State.FAILED.value, State.CANCELLED.value, State.INTERRUPTED.value]}
        return Request("node.retry", {"node": node.id, "where": where}, f"unfinished items of {_name(node)} run again")
    if node.items is not None and node.items.count(State.FAILED, State.CANCELLED, State.SKIPPED):
        return Request("node.retry", {"node": node.id, "failed": True}, f"failed items of {_name(node)} run again")
    return Request("node.retry", {"node": node.id}, f"{_name(node)} is to run again")


def retry_failed() -> Request:
    """Run all failed nodes again."""
    return Request("nodes.retry_failed", {}, "all failed nodes are to run again")


def retry_below(node: NodeState) -> Request:
    """Run a node and everything that rests on it again."""
    params: dict[str, JSON] = {"node": node.id, "descendants": True}
    return Request("node.retry", params, f"{_name(node)} and what rests on it are to run again")


def rerun_stale() -> Request:
    """Run again what rests on something that was changed."""
    return Request("nodes.rerun_stale", {}, "all that is stale is to run again")


def prioritise(node: NodeState, step: int) -> Request:
    """Let a node go sooner or later among those that are ready."""
    words = "sooner" if step > 0 else "later"
    return Request("node.priority", {"node": node.id, "priority": f"{step:+d}"}, f"{_name(node)} goes {words}")


def undo(state: SessionState) -> Request:
    """Take the last change back."""
    last = state.undoable[-1] if state.undoable else None
    params: dict[str, JSON] = {} if last is None else {"seq": last.seq}
    return Request("undo", params, f"undid: {_what(state, last.what)}" if last else "undone")


def _what(state: SessionState, change: str) -> str:
    """A change in words: of a revision, what it was made for."""
    made = next((one.note for one in state.revisions if one.note and change == f"revision {one.rev}"), change)
    return one_line(made, 60)


def skip_node(node: NodeState) -> Request:
    """Do without a node."""
    return Request("node.skip", {"node": node.id}, f"{_name(node)} is skipped")


def mark_done(node: NodeState) -> Request:
    """Say that what was cut short had been done."""
    return Request("node.mark_done", {"node": node.id}, f"{_name(node)} counts as done")


def retry_caught(node: NodeState) -> list[Request]:
    """Run again what was cut short of a node: the node, or its items that were, and no others."""
    if not _caught_items(node):
        return [retry_node(node)]
    where: dict[str, JSON] = {"state": [State.INTERRUPTED.value]}
    return [Request("node.retry", {"node": node.id, "where": where}, f"what was cut short of {_name(node)} runs again")]


def skip_caught(node: NodeState) -> list[Request]:
    """Do without what was cut short of a node: the node, or its items that were, one by one."""
    items = _caught_items(node)
    done = f"{_name(node)} does without what was cut short"
    return [Request("node.skip", {"node": node.id, "item": item}, done) for item in items] or [skip_node(node)]


def _caught_items(node: NodeState) -> list[int]:
    return [] if node.items is None else list(node.items.where(State.INTERRUPTED))


def forecast() -> Request:
    """Have what remains forecast anew."""
    return Request("forecast", {}, "the forecast is made anew")


def cancel_node(node: NodeState) -> Request:
    """Stop a node."""
    return Request("node.cancel", {"node": node.id}, f"{_name(node)} is being cancelled; retrying it runs it again")


def change_concurrency(now: int, step: int) -> Request:
    """One more or one fewer at once than `now`."""
    return Request("limits.set", {"concurrency": f"{step:+d}"}, f"concurrency: {now} → {max(1, now + step)}")


def automatic_concurrency() -> Request:
    """As many at once as the providers take."""
    return Request("limits.set", {"concurrency": "auto"}, "concurrency is auto: it follows what the providers take")


def approve(rev: int) -> Request:
    """Let exactly revision `rev` run."""
    return Request("plan.approve", {"plan_rev": rev}, f"revision {rev} approved: it runs")


def reject(rev: int, feedback: str) -> Request:
    """Ask the planner for another plan."""
    return Request("plan.reject", {"plan_rev": rev, "feedback": feedback}, "the planner was asked for changes")


def edit(rev: int, text: str, *, runs: bool = False) -> Request:
    """Propose an edited plan, as YAML; of a plan that `runs`, change it at once."""
    done = "the plan was changed" if runs else "your revision was taken: look at it, then approve"
    return Request("plan.edit", {"plan_rev": rev, "text": text}, done)


def patch(rev: int, ops: list[dict[str, JSON]], what: str, *, runs: bool = False) -> Request:
    """Change single nodes; of a plan that waits that is a new revision."""
    told = "" if runs else ": look at it, then approve; undo takes it back"
    params: dict[str, JSON] = {"base_rev": rev, "ops": list(ops), "note": what[:200]}
    return Request("plan.patch", params, one_line(what, 80) + told)


def redo(state: SessionState) -> Request:
    """Make the change once more that was taken back last."""
    last = state.redoable[-1] if state.redoable else None
    params: dict[str, JSON] = {} if last is None else {"seq": last.seq}
    return Request("redo", params, f"redid: {_what(state, last.what)}" if last else "redone")


def mark(label: str) -> Request:
    """Mark the moment."""
    return Request("marker.add", {"label": label[:200]}, f"marked: {one_line(label, 60)}")


def answer(pending: str, text: str) -> Request:
    """Answer a question."""
    return Request("answer", {"pending": pending, "text": text}, f"answered: {one_line(text, 60)}")


def accept_change(change: str, rev: int) -> Request:
    """Accept a change as it was proposed for revision `rev`."""
    return Request("change.accept", {"id": change, "base_rev": rev}, "the change was taken")


def reject_change(change: str, feedback: str) -> Request:
    """Send a change back, with what should be different."""
    return Request("change.reject", {"id": change, "feedback": feedback}, "the planner is asked again")


def edit_change(change: str, text: str) -> Request:
    """Accept a change with other nodes, as YAML."""
    return Request("change.edit", {"id": change, "text": text}, "your version waits: read it, then accept it")


def _name(node: NodeState) -> str:
    return one_line(node.id, 40)


def _named(node: NodeState) -> str:
    """In a sentence that names actions."""
    return verbatim(_name(node))


# -- why not --------------------------------------------------------------------------------------------------


def why_not_pause_session(state: SessionState) -> str | None:
    """Why the session can be neither paused nor resumed."""
    if state.budget is not None:
        from swarmtui.session.budgets import spent  # which needs plans: not before the first frame

        line = spent(state)
        if line is not None:
            return f"its budget of {line.limit:,.15g} {line.kind} is used up: {{budget}} raises it, and it goes on"
    if state.status in (Status.RUNNING, Status.PAUSED):
        return None
    return f"{_how(state.status)}: only a running session can be paused"


def why_not_cancel_session(state: SessionState) -> str | None:
    """Why the session cannot be cancelled."""
    if state.status in FINAL:
        return f"the session {how_ended(state.status)} already"
    return "it is being cancelled already" if state.cancelling else None


def _why_not_steer(state: SessionState, node: NodeState | None) -> str | None:
    if node is None:
        return "no node is selected"
    if state.approved_rev != state.plan_rev or not state.plan_rev:
        return "the plan is not approved yet"
    return None


def why_not_pause_node(state: SessionState, node: NodeState | None) -> str | None:
    """Why the node can be neither held nor released."""
    why = _why_not_steer(state, node)
    if why or node is None:
        return why
    return f"{_named(node)} {how_ended(node.state)}: nothing is left to pause" if node.ended else None


def why_not_retry_node(state: SessionState, node: NodeState | None) -> str | None:
    """Why the node cannot be run again."""
    why = _why_not_steer(state, node)
    if why or node is None:
        return why
    if node.running:
        return f"{_named(node)} is running: cancel it first ({{cancel_node}}), or wait"
    if node.state in (State.WAITING, State.READY):
        return f"{_named(node)} has not run yet"
    if node.state is State.SKIPPED and node.cause not in (None, "user", BY_CONDITION):
        return f"{_named(node)} was skipped because of {verbatim(one_line(node.cause or '', 40))}: retry that"
    return None


def why_not_retry_failed(state: SessionState) -> str | None:
    """Why there is nothing to run again."""
    bad = state.counts.get(State.FAILED, 0) + state.counts.get(State.CANCELLED, 0)
    return None if bad else "no node has failed"


def why_not_rerun_stale(state: SessionState) -> str | None:
    """Why there is nothing stale to run again."""
    return None if state.counts.get(State.STALE) else "no node is stale"


def why_not_prioritise(state: SessionState, node: NodeState | None) -> str | None:
    """Why the node cannot go sooner or later."""
    why = _why_not_steer(state, node)
    if why or node is None:
        return why
    return f"{_named(node)} {how_ended(node.state)}: nothing of it is left to start" if node.ended else None


def why_not_mark_done(state: SessionState, node: NodeState | None) -> str | None:
    """Why nothing of the node can be said to have been done."""
    why = _why_not_steer(state, node)
    if why or node is None:
        return why
    if node.state is State.INTERRUPTED or (node.items is not None and node.items.count(State.INTERRUPTED)):
        return None
    is_so = how_ended(node.state) if node.ended else f"is {node.state.value}"
    return f"{_named(node)} {is_so}: only what was cut short can be marked as done"


def why_not_forecast(state: SessionState) -> str | None:
    """Why there is nothing to forecast."""
    if state.plan is None:
        return "there is no plan yet"
    return f"the session {how_ended(state.status)}: nothing is left to forecast" if state.status in FINAL else None


def why_not_undo(state: SessionState) -> str | None:
    """Why nothing can be taken back."""
    return None if state.undoable else "nothing to undo"


def why_not_redo(state: SessionState) -> str | None:
    """Why nothing can be made once more."""
    return None if state.redoable else "nothing to redo"


def why_not_edit(state: SessionState) -> str | None:
    """Why the plan cannot be edited."""
    if state.plan is None or state.status is Status.PLANNING:
        return "the planner is still at work"
    return "the session is being cancelled" if state.cancelling else None


def why_not_skip_node(state: SessionState, node: NodeState | None) -> str | None:
    """Why the node cannot be skipped."""
    why = _why_not_steer(state, node)
    if why or node is None:
        return why
    if node.running:
        return f"{_named(node)} is running: cancel it instead ({{cancel_node}})"
    return f"{_named(node)} {how_ended(node.state)} already" if node.ended else None


def why_not_cancel_node(state: SessionState, node: NodeState | None) -> str | None:
    """Why the node cannot be cancelled."""
    why = _why_not_steer(state, node)
    if why or node is None:
        return why
    if node.ended:
        return f"{_named(node)} {how_ended(node.state)} already"
    return f"{_named(node)} is being cancelled already" if node.cancelled else None


def set_budget(params: dict[str, JSON], done: str) -> Request:
    """Change what the session may use up."""
    return Request("limits.set", params, done)


def why_not_limits(state: SessionState) -> str | None:
    """Why concurrency cannot be changed."""
    return f"the session {how_ended(state.status)} already" if state.status in FINAL else None


def why_not_auto(state: SessionState) -> str | None:
    """Why concurrency cannot be left to the pacers."""
    return why_not_limits(state) or ("it is auto already" if state.limits.concurrency is None else None)


def why_not_decide(state: SessionState) -> str | None:
    """Why no plan can be approved, rejected or edited."""
    if "plan" in state.pending:
        return None
    if state.status is Status.PLANNING:
        return "the planner is still at work"
    return f"no plan waits for a decision: {_how(state.status)}"


def why_not_attend(state: SessionState) -> str | None:
    """Why there is nothing to attend to."""
    return None if state.pending or any(caught(state)) else "nothing waits for you"


def _how(status: Status) -> str:
    if status in FINAL:
        return f"the session {how_ended(status)}"
    return "the plan is not approved yet" if status is Status.AWAITING_APPROVAL else f"the session is {status.value}"
