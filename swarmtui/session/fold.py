"""The fold: events in, state out. No clock, randomness, environment or file system in here.

    state = empty()
    for event in events:
        apply(state, event)

`apply` changes the state in place (a fresh copy per event would cost a hundred thousand nodes their speed), is a
function of (state, event) alone, and records only what the event says. What should happen next is decided by the
scheduler; the fold derives just one thing itself, whether a node's needs let it start, so that host and viewers agree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace

from swarmtui.plan.patch import inverse
from swarmtui.session import fold_agents, fold_attempts, fold_budgets, fold_patches, fold_steering
from swarmtui.session.caught import caught
from swarmtui.session.events import (
    CommandApplied,
    Event,
    Forecasted,
    HostStarted,
    HostStopped,
    LimitsSet,
    PlanApproved,
    PlanningFailed,
    PlanningStarted,
    PlanProposed,
    PlanRejected,
    PoolPaced,
    ReportWritten,
    SessionCancelRequested,
    SessionCreated,
    SessionFinished,
    SessionForked,
    SessionPaused,
    SessionResumed,
)
from swarmtui.session.moves import (
    REVERT,
    Handlers,
    cancel_waiting_items,
    derive,
    end,
    settle,
    undoable,
)
from swarmtui.session.pools import name_pools
from swarmtui.session.state import Foretold, NodeState, Parent, Pending, Planning, Revision, SessionState
from swarmtui.session.vocabulary import FORKED, State, Status

COMMANDS_KEPT = 1_000


def empty() -> SessionState:
    """The state before the first event."""
    return SessionState()


def fold(events: Iterable[Event]) -> SessionState:
    """The state after `events`, which must begin with the first."""
    state = empty()
    for event in events:
        apply(state, event)
    return state


def apply(state: SessionState, event: Event) -> None:
    """Fold one event in. Raises ValueError if it is not the next one."""
    if event.seq != state.seq + 1:
        raise ValueError(f"event {event.seq} does not follow {state.seq}")
    if state.working:
        state.active_s += event.mono - state.mono
    state.seq, state.ts, state.mono = event.seq, event.ts, event.mono
    handler = _HANDLERS.get(type(event.body))
    if handler is not None:
        handler(state, event.body, event)


# -- session --------------------------------------------------------------------------------------------------


def _session_created(state: SessionState, body: SessionCreated, event: Event) -> None:
    state.id, state.goal, state.title, state.cwd, state.app = body.id, body.goal, body.title, body.cwd, body.app
    state.task_path, state.inputs, state.models, state.limits = body.task_path, body.inputs, body.models, body.limits
    state.declared, state.created_ts, state.team = body.declared, event.ts, body.team
    state.model_pools = name_pools(body.models)


def _host_started(state: SessionState, body: HostStarted, event: Event) -> None:
    state.host_pid, state.cpus, state.id = body.pid, body.cpus, body.session or state.id
    state.hosts += 1


def _host_stopped(state: SessionState, body: HostStopped, event: Event) -> None:
    state.host_pid = None


def _session_paused(state: SessionState, body: SessionPaused, event: Event) -> None:
    state.status, state.reason = Status.PAUSED, body.reason
    if body.reason == "user":
        undoable(state, event, "the pause", "session.resume")


def _session_resumed(state: SessionState, body: SessionResumed, event: Event) -> None:
    if event.actor is not None and state.budget is None:
        undoable(state, event, "going on", "session.pause")
    state.status, state.reason, state.budget = Status.RUNNING, "", None


def _session_cancel_requested(state: SessionState, body: SessionCancelRequested, event: Event) -> None:
    state.cancelling = True
    state.planning = None
    for node_id in dict.fromkeys(asked.node for asked in state.pending.values()):
        node = state.nodes.get(node_id or "")
        if node is not None and node.asks:
            node.asks = 0
            if not (node.running or node.ended):
                settle(state, node)
    state.pending.clear()
    state.proposed.clear()


def _session_finished(state: SessionState, body: SessionFinished, event: Event) -> None:
    state.status, state.reason, state.ended_ts = Status(body.status), body.reason, event.ts
    state.cancelling = False
    state.pending.clear()
    state.proposed.clear()
    if state.status is Status.CANCELLED:
        for node in state.nodes.values():
            if not node.ended:
                cancel_waiting_items(node)
                end(state, node, State.CANCELLED)


def _session_forked(state: SessionState, body: SessionForked, event: Event) -> None:
    state.id, state.parent, state.host_pid = body.id, Parent(body.parent, body.parent_seq), None
    state.ended_ts, state.cancelling, state.report_path, state.report_copy = None, False, None, None
    state.created_ts = event.ts - event.mono  # its own time, without what passed between: perhaps a week
    if state.status not in (Status.PLANNING, Status.AWAITING_APPROVAL):
        state.status, state.reason = Status.PAUSED, FORKED
    state.undoable, state.redoable = [], []
    state.granted = []  # the word was given for the rest of that session
    for key, asked in state.pending.items():
        state.pending[key] = replace(asked, since_ts=event.ts)  # here nobody was asked before
    for node in caught(state):
        node.cut_ts = event.ts
    state.commands.clear()


def _limits_set(state: SessionState, body: LimitsSet, event: Event) -> None:
    before, after = asdict(state.limits), asdict(body.limits)
    changed = [name for name in after if before[name] != after[name]]
    undoable(
        state,
        event,
        f"the limits ({', '.join(changed)})",
        "limits.restore",
        before={name: before[name] for name in changed},
        after={name: after[name] for name in changed},
    )
    state.limits = body.limits


def _forecasted(state: SessionState, body: Forecasted, event: Event) -> None:
    state.forecast = Foretold(body, state.active_s, state.spent.tokens, state.spent.cost_usd)
    if state.first_forecast is None or state.first_forecast.forecast.plan_rev != body.plan_rev:
        state.first_forecast = replace(state.forecast, forecast=replace(body, nodes={}))


def _pool_paced(state: SessionState, body: PoolPaced, event: Event) -> None:
    state.paced[body.pool] = body


def _command_applied(state: SessionState, body: CommandApplied, event: Event) -> None:
    state.commands[body.command] = event.seq
    while len(state.commands) > COMMANDS_KEPT:
        del state.commands[next(iter(state.commands))]


# -- plan -----------------------------------------------------------------------------------------------------


def _planning_started(state: SessionState, body: PlanningStarted, event: Event) -> None:
    state.status, state.reason = Status.PLANNING, ""
    state.planning = Planning(body.plan_rev, body.model, event.ts, body.simulated, body.feedback)
    state.planning_error = None
    state.pending.pop("plan", None)


def _planning_failed(state: SessionState, body: PlanningFailed, event: Event) -> None:
    state.planning, state.planning_error = None, body.error
    state.spent.add(body.usage)
    if state.plan is not None:  # the revision before still waits for the user
        state.status = Status.AWAITING_APPROVAL
        state.pending["plan"] = Pending("plan", "plan", event.ts, plan_rev=state.plan_rev)


def _plan_proposed(state: SessionState, body: PlanProposed, event: Event) -> None:
    state.planning = state.planning_error = None
    _note_revision(state, body, event)
    state.prior_plan, state.plan, state.plan_rev = state.plan, body.plan, body.plan_rev
    state.models = state.models | body.models  # never in place: it may be the event's own
    state.revisions.append(Revision(body.plan_rev, body.plan.author, event.ts, event.actor, body.note))
    state.title = body.plan.title or state.title
    state.spent.add(body.usage)
    state.nodes = {
        node.id: NodeState(node.id, unmet=len(node.needs), state=State.HELD if not node.needs else State.WAITING)
        for node in body.plan.nodes
    }
    derive(state)
    state.forecast = state.first_forecast = None
    state.touched.update(state.nodes)
    state.status, state.reason = Status.AWAITING_APPROVAL, ""
    state.pending["plan"] = Pending("plan", "plan", event.ts, plan_rev=body.plan_rev)


def _note_revision(state: SessionState, body: PlanProposed, event: Event) -> None:
    """How the revision before is proposed once more; the word of who may be trusted is no matter of taste."""
    before = state.plan
    if before is None or replace(before, author=body.plan.author) == body.plan:
        return
    undoable(state, event, f"revision {body.plan_rev}", REVERT, rev=body.plan_rev, base=state.plan_rev,
             **inverse(before, body.plan))  # fmt: skip


def _plan_approved(state: SessionState, body: PlanApproved, event: Event) -> None:
    state.approved_rev = body.plan_rev
    state.undoable = [note for note in state.undoable if note.method != REVERT]
    state.redoable = [note for note in state.redoable if note.method != REVERT]
    state.pending.pop("plan", None)
    state.status, state.reason, state.running_mono = Status.RUNNING, "", event.mono
    for node in state.nodes.values():
        settle(state, node)


def _plan_rejected(state: SessionState, body: PlanRejected, event: Event) -> None:
    state.pending.pop("plan", None)
    if body.feedback:  # from here on the planner is asked, whether or not a host lives to do so
        ref = state.models.get("planner")
        name, simulated = (ref.name, ref.simulated) if ref else ("", False)
        state.status, state.reason, state.planning_error = Status.PLANNING, "", None
        state.planning = Planning(body.plan_rev + 1, name, event.ts, simulated, body.feedback)


def _report_written(state: SessionState, body: ReportWritten, event: Event) -> None:
    state.report_path, state.report_copy = body.path, body.copied_to


_HANDLERS: Handlers = {
    **fold_agents.HANDLERS,
    **fold_attempts.HANDLERS,
    **fold_budgets.HANDLERS,
    **fold_patches.HANDLERS,
    **fold_steering.HANDLERS,
    SessionCreated: _session_created,
    HostStarted: _host_started,
    HostStopped: _host_stopped,
    SessionForked: _session_forked,
    SessionPaused: _session_paused,
    SessionResumed: _session_resumed,
    SessionCancelRequested: _session_cancel_requested,
    SessionFinished: _session_finished,
    LimitsSet: _limits_set,
    Forecasted: _forecasted,
    CommandApplied: _command_applied,
    PoolPaced: _pool_paced,
    PlanningStarted: _planning_started,
    PlanningFailed: _planning_failed,
    PlanProposed: _plan_proposed,
    PlanApproved: _plan_approved,
    PlanRejected: _plan_rejected,
    ReportWritten: _report_written,
}
