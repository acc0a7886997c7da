"""The fold: events in, state out. No clock, randomness, environment or file system in here.

    state = empty()
    for event in events:
        apply(state, event)

`apply` changes the state in place (a fresh copy per event would cost a hundred thousand nodes their speed), is a
function of (state, event) alone, and records only what the event says. What should happen next is decided by the
scheduler; the fold derives just one thing itself, whether a node's needs let it start, so that host and viewers agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from swarmtui.plan import graph
from swarmtui.plan.model import Node, When
from swarmtui.session.events import (
    ENDED,
    FINAL,
    AttemptCancelled,
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    AttemptSucceeded,
    AttemptThrottled,
    Body,
    BudgetReached,
    CommandApplied,
    ErrorInfo,
    ErrorKind,
    Event,
    HostStarted,
    HostStopped,
    LimitsSet,
    MapExpanded,
    MapFinished,
    NodeCancelled,
    NodeHeld,
    NodeReleased,
    NodeRetried,
    NodeSkipped,
    PlanApproved,
    PlanningFailed,
    PlanningStarted,
    PlanProposed,
    PlanRejected,
    QuestionAnswered,
    QuestionAsked,
    ReportWritten,
    SessionCancelRequested,
    SessionCreated,
    SessionFinished,
    SessionPaused,
    SessionResumed,
    State,
    Status,
)
from swarmtui.session.pools import pool_of
from swarmtui.session.state import Items, NodeState, Pending, Planning, Revision, SessionState

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
    state.seq, state.ts, state.mono = event.seq, event.ts, event.mono
    handler = _HANDLERS.get(type(event.body))
    if handler is not None:
        handler(state, event.body, event)


def derive(state: SessionState) -> None:
    """Rebuild what JSON leaves out: counts, indices of the plan."""
    nodes = state.plan.nodes if state.plan else ()
    state.plan_nodes = {node.id: node for node in nodes}
    state.dependents = graph.dependents(graph.needs_of(nodes))
    state.pools_used = frozenset(pool_of(state, node) for node in nodes)
    state.counts = {}
    for known in state.nodes.values():
        state.counts[known.state] = state.counts.get(known.state, 0) + 1


# -- moving nodes ---------------------------------------------------------------------------------------------


def _move(state: SessionState, node: NodeState, to: State) -> None:
    state.touched.add(node.id)
    old = node.state
    if old is to:
        return
    node.state = to
    left = state.counts[old] - 1
    if left:
        state.counts[old] = left
    else:
        del state.counts[old]
    state.counts[to] = state.counts.get(to, 0) + 1


def needs_allow(plan_node: Node, node: NodeState) -> bool:
    """Whether the ends of its needs, once all have ended, let the node start."""
    if plan_node.when is When.ALL_SUCCEEDED:
        return node.bad == 0
    if plan_node.when is When.ANY_SUCCEEDED:
        return not plan_node.needs or node.bad < len(plan_node.needs)
    return True


def _rest(state: SessionState, node: NodeState) -> State:
    """Where a node that neither runs nor has ended belongs."""
    if node.unmet or not needs_allow(state.plan_nodes[node.id], node):
        return State.HELD if node.held else State.WAITING
    return State.HELD if node.held else State.READY


def _settle(state: SessionState, node: NodeState) -> None:
    to = _rest(state, node)
    if to is State.READY and node.ready_mono is None:
        node.ready_mono = state.mono
    _move(state, node, to)


def _end(state: SessionState, node: NodeState, to: State) -> None:
    node.ended_ts, node.ended_mono, node.retry_at = state.ts, state.mono, None
    state.pending.pop(node.id, None)
    _move(state, node, to)
    bad = to is not State.SUCCEEDED
    for child_id in state.dependents[node.id]:
        child = state.nodes[child_id]
        child.unmet -= 1
        child.bad += bad
        if child.unmet == 0 and child.state in (State.WAITING, State.HELD):
            _settle(state, child)
        state.touched.add(child_id)


def _unend(state: SessionState, node: NodeState) -> None:
    """Take a node's end back: dependents wait for it again, what was skipped for it waits, what ran is stale."""
    _reopen(state, node)
    for descendant in _descendants(state, node.id):
        if descendant.state is State.SKIPPED and descendant.cause == node.id:
            _reopen(state, descendant)
            _settle(state, descendant)
        elif descendant.state is State.SUCCEEDED:
            _move(state, descendant, State.STALE)


def _reopen(state: SessionState, node: NodeState) -> None:
    """Take a node's end back as far as its own dependents are concerned; the caller moves the node."""
    was_bad = node.state not in (State.SUCCEEDED, State.STALE)
    node.ended_ts = node.ended_mono = node.error = node.cause = None
    for child_id in state.dependents[node.id]:
        child = state.nodes[child_id]
        child.unmet += 1
        child.bad -= was_bad
        state.touched.add(child_id)
        if child.state in (State.READY, State.RETRYING, State.THROTTLED) and not child.running:
            child.retry_at = child.ready_mono = None
            _settle(state, child)


def _descendants(state: SessionState, node_id: str) -> list[NodeState]:
    seen: dict[str, None] = {}
    stack = list(state.dependents[node_id])
    while stack:
        at = stack.pop()
        if at not in seen:
            seen[at] = None
            stack.extend(state.dependents[at])
    return [state.nodes[at] for at in seen]


# -- session --------------------------------------------------------------------------------------------------


def _session_created(state: SessionState, body: SessionCreated, event: Event) -> None:
    state.id, state.goal, state.title, state.cwd, state.app = body.id, body.goal, body.title, body.cwd, body.app
    state.task_path, state.inputs, state.models, state.limits = body.task_path, body.inputs, body.models, body.limits
    state.created_ts = event.ts


def _host_started(state: SessionState, body: HostStarted, event: Event) -> None:
    state.host_pid, state.cpus = body.pid, body.cpus
    state.hosts += 1


def _host_stopped(state: SessionState, body: HostStopped, event: Event) -> None:
    state.host_pid = None


def _session_paused(state: SessionState, body: SessionPaused, event: Event) -> None:
    state.status, state.reason = Status.PAUSED, body.reason


def _session_resumed(state: SessionState, body: SessionResumed, event: Event) -> None:
    state.status, state.reason, state.budget = Status.RUNNING, "", None


def _session_cancel_requested(state: SessionState, body: SessionCancelRequested, event: Event) -> None:
    state.cancelling = True
    state.planning = None
    state.pending.clear()


def _session_finished(state: SessionState, body: SessionFinished, event: Event) -> None:
    state.status, state.reason, state.ended_ts = Status(body.status), body.reason, event.ts
    state.cancelling = False
    state.pending.clear()
    if state.status is Status.CANCELLED:
        for node in state.nodes.values():
            if not node.ended:
                _cancel_waiting_items(node)
                _end(state, node, State.CANCELLED)


def _limits_set(state: SessionState, body: LimitsSet, event: Event) -> None:
    state.limits = body.limits


def _budget_reached(state: SessionState, body: BudgetReached, event: Event) -> None:
    state.budget = body
    state.status, state.reason = Status.PAUSED, "budget"


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
    state.prior_plan, state.plan, state.plan_rev = state.plan, body.plan, body.plan_rev
    state.revisions.append(Revision(body.plan_rev, body.plan.author, event.ts, event.actor, body.note))
    state.title = body.plan.title or state.title
    state.spent.add(body.usage)
    state.nodes = {
        node.id: NodeState(node.id, unmet=len(node.needs), state=State.HELD if not node.needs else State.WAITING)
        for node in body.plan.nodes
    }
    derive(state)
    state.touched.update(state.nodes)
    state.status, state.reason = Status.AWAITING_APPROVAL, ""
    state.pending["plan"] = Pending("plan", "plan", event.ts, plan_rev=body.plan_rev)


def _plan_approved(state: SessionState, body: PlanApproved, event: Event) -> None:
    state.approved_rev = body.plan_rev
    state.pending.pop("plan", None)
    state.status, state.reason, state.running_mono = Status.RUNNING, "", event.mono
    for node in state.nodes.values():
        _settle(state, node)


def _plan_rejected(state: SessionState, body: PlanRejected, event: Event) -> None:
    state.pending.pop("plan", None)
    if body.feedback:  # from here on the planner is asked, whether or not a host lives to do so
        ref = state.models.get("planner")
        name, simulated = (ref.name, ref.simulated) if ref else ("", False)
        state.status, state.reason, state.planning_error = Status.PLANNING, "", None
        state.planning = Planning(body.plan_rev + 1, name, event.ts, simulated, body.feedback)


# -- attempts -------------------------------------------------------------------------------------------------


def _attempt_started(state: SessionState, body: AttemptStarted, event: Event) -> None:
    node = state.nodes[body.node]
    node.attempts += 1
    node.running += 1
    node.pool, node.model, node.retry_at = body.pool, body.model, None
    if node.started_ts is None or node.items is None:
        node.started_ts, node.started_mono = event.ts, event.mono
    if body.item is None:
        node.tries += 1
    elif node.items is not None:
        items = node.items
        items.attempts[body.item] = min(255, items.attempts[body.item] + 1)
        items.tries[body.item] = items.tries.get(body.item, 0) + 1
        items.retry_at.pop(body.item, None)
        items.move(body.item, State.RUNNING)
    _move(state, node, State.RUNNING)


def _attempt_succeeded(state: SessionState, body: AttemptSucceeded, event: Event) -> None:
    node = state.nodes[body.node]
    node.running -= 1
    _spend(state, node, body)
    if body.item is None:
        node.output, node.error = body.output, None
        _end(state, node, State.SUCCEEDED)
    else:
        _item_ended(state, node, body.item, State.SUCCEEDED)


def _attempt_failed(state: SessionState, body: AttemptFailed, event: Event) -> None:
    node = state.nodes[body.node]
    node.running -= 1
    _spend(state, node, body)
    retry_at = None if body.retry_in_s is None else event.mono + body.retry_in_s
    if body.item is not None and node.items is not None:
        node.items.errors[body.item] = body.error
    if body.item is None:
        node.error, node.output = body.error, body.output or node.output
        if retry_at is None:
            _end(state, node, State.FAILED)
        else:
            _wait(state, node, State.RETRYING, retry_at)
    elif retry_at is None:
        node.error = body.error
        _item_ended(state, node, body.item, State.FAILED)
    else:
        _item_waits(state, node, body.item, State.RETRYING, retry_at)


def _attempt_throttled(state: SessionState, body: AttemptThrottled, event: Event) -> None:
    node = state.nodes[body.node]
    node.running -= 1
    _uncount(node, body.item)
    retry_at = event.mono + body.retry_in_s
    if body.item is None:
        _wait(state, node, State.THROTTLED, retry_at)
    else:
        _item_waits(state, node, body.item, State.THROTTLED, retry_at)


def _attempt_cancelled(state: SessionState, body: AttemptCancelled, event: Event) -> None:
    node = state.nodes[body.node]
    node.running -= 1
    _spend(state, node, body)
    if body.hold:
        _uncount(node, body.item)
    if body.item is not None:
        if body.hold:
            _item_waits(state, node, body.item, State.READY, None)
        else:
            _item_ended(state, node, body.item, State.CANCELLED)
    elif body.hold:
        _settle(state, node)
    else:
        _end(state, node, State.CANCELLED)


def _attempt_interrupted(state: SessionState, body: AttemptInterrupted, event: Event) -> None:
    node = state.nodes[body.node]
    node.running -= 1
    if body.repeat:
        _uncount(node, body.item)
    to = State.READY if body.repeat else State.INTERRUPTED
    if node.cancelled:  # the crash did what was asked for
        if body.item is not None:
            _item_ended(state, node, body.item, State.CANCELLED)
        else:
            _end(state, node, State.CANCELLED)
    elif body.item is not None:
        _item_waits(state, node, body.item, to, None)
    elif body.repeat:
        _settle(state, node)
    else:
        _move(state, node, State.INTERRUPTED)


def _uncount(node: NodeState, item: int | None) -> None:
    """The try that has just ended was nobody's failure: it does not count against the retry limit."""
    if item is None:
        node.tries -= 1
    elif node.items is not None:
        node.items.tries[item] = node.items.tries.get(item, 1) - 1


def _spend(state: SessionState, node: NodeState, body: AttemptSucceeded | AttemptFailed | AttemptCancelled) -> None:
    node.spent.add(body.usage)
    state.spent.add(body.usage)
    if not isinstance(body, AttemptCancelled):
        node.busy_s += body.took_s


def _wait(state: SessionState, node: NodeState, to: State, until: float) -> None:
    node.retry_at = until
    _move(state, node, State.HELD if node.held else to)


# -- maps -----------------------------------------------------------------------------------------------------


def _map_expanded(state: SessionState, body: MapExpanded, event: Event) -> None:
    node = state.nodes[body.node]
    node.items = Items.fresh(body.total, body.chunks, len(body.malformed))
    node.started_ts, node.started_mono = event.ts, event.mono
    _move(state, node, State.HELD if node.held else State.RUNNING)


def _item_ended(state: SessionState, node: NodeState, item: int, to: State) -> None:
    if node.items is not None:
        node.items.move(item, to)
        node.items.retry_at.pop(item, None)
        node.items.tries.pop(item, None)
        if to is State.SUCCEEDED:
            node.items.errors.pop(item, None)
    _map_rest(state, node)


def _item_waits(state: SessionState, node: NodeState, item: int, to: State, until: float | None) -> None:
    if node.items is not None:
        node.items.move(item, to)
        if until is not None:
            node.items.retry_at[item] = until
    _map_rest(state, node)


def _map_rest(state: SessionState, node: NodeState) -> None:
    """A map runs until it has finished; it shows as held or interrupted when nothing of it is in flight."""
    items = node.items
    if node.running or items is None:
        to = State.RUNNING
    elif node.held:
        to = State.HELD
    elif items.count(State.INTERRUPTED) and items.ended + items.count(State.INTERRUPTED) == items.total:
        to = State.INTERRUPTED
    else:
        to = State.RUNNING
    _move(state, node, to)


def _map_finished(state: SessionState, body: MapFinished, event: Event) -> None:
    node = state.nodes[body.node]
    node.output = body.output
    if body.ok:
        node.error = None
    elif node.error is None and node.items is not None and node.items.malformed:
        node.error = ErrorInfo(ErrorKind.INPUT, f"{node.items.malformed} lines of its items could not be read")
    _end(state, node, State.SUCCEEDED if body.ok else State.CANCELLED if node.cancelled else State.FAILED)


# -- steering -------------------------------------------------------------------------------------------------


def _node_skipped(state: SessionState, body: NodeSkipped, event: Event) -> None:
    node = state.nodes[body.node]
    if body.item is not None:
        _item_ended(state, node, body.item, State.SKIPPED)
        return
    node.cause = body.cause
    _end(state, node, State.SKIPPED)


def _node_held(state: SessionState, body: NodeHeld, event: Event) -> None:
    node = state.nodes[body.node]
    node.held = True
    if not node.running:
        _move(state, node, State.HELD)
    state.touched.add(node.id)


def _node_released(state: SessionState, body: NodeReleased, event: Event) -> None:
    node = state.nodes[body.node]
    node.held = False
    state.touched.add(node.id)
    if node.state is not State.HELD:
        return
    if node.items is not None:
        _map_rest(state, node)
    elif node.retry_at is not None:
        _move(state, node, State.RETRYING)
    else:
        _settle(state, node)


def _node_retried(state: SessionState, body: NodeRetried, event: Event) -> None:
    node = state.nodes[body.node]
    node.cancelled = False
    if state.status in FINAL:
        state.status, state.reason, state.ended_ts = Status.RUNNING, "", None
    if node.ended:
        _unend(state, node)
    node.retry_at = node.error = None
    items = node.items
    if items is not None and (body.item is not None or body.failed_items):
        chosen = [body.item] if body.item is not None else _retryable_items(items)
        for item in chosen:
            items.move(item, State.READY)
            items.retry_at.pop(item, None)
            items.tries.pop(item, None)
        _map_rest(state, node)
        return
    node.items, node.tries, node.ready_mono = None, 0, None
    _settle(state, node)


def _retryable_items(items: Items) -> list[int]:
    ended_badly = (State.FAILED, State.CANCELLED, State.SKIPPED, State.INTERRUPTED)
    return [item for to in ended_badly for item in items.where(to)]


def _node_cancelled(state: SessionState, body: NodeCancelled, event: Event) -> None:
    node = state.nodes[body.node]
    node.cancelled = True
    state.touched.add(node.id)
    if node.items is not None:
        _cancel_waiting_items(node)
        _map_rest(state, node)
    elif not node.running and node.state not in ENDED:
        _end(state, node, State.CANCELLED)


def _cancel_waiting_items(node: NodeState) -> None:
    if node.items is not None:
        for waiting in (State.READY, State.RETRYING, State.THROTTLED, State.INTERRUPTED):
            for item in list(node.items.where(waiting)):
                node.items.move(item, State.CANCELLED)
        node.items.retry_at.clear()


def _question_asked(state: SessionState, body: QuestionAsked, event: Event) -> None:
    key = body.node if body.item is None else f"{body.node}/{body.item}"
    state.pending[key] = Pending(key, "question", event.ts, body.node, body.item, body.question, body.choices)
    state.touched.add(body.node)


def _question_answered(state: SessionState, body: QuestionAnswered, event: Event) -> None:
    state.pending.pop(body.node if body.item is None else f"{body.node}/{body.item}", None)
    state.touched.add(body.node)


def _report_written(state: SessionState, body: ReportWritten, event: Event) -> None:
    state.report_path, state.report_copy = body.path, body.copied_to


Handler = Callable[[SessionState, Any, Event], None]
_HANDLERS: dict[type[Body], Handler] = {
    SessionCreated: _session_created,
    HostStarted: _host_started,
    HostStopped: _host_stopped,
    SessionPaused: _session_paused,
    SessionResumed: _session_resumed,
    SessionCancelRequested: _session_cancel_requested,
    SessionFinished: _session_finished,
    LimitsSet: _limits_set,
    BudgetReached: _budget_reached,
    CommandApplied: _command_applied,
    PlanningStarted: _planning_started,
    PlanningFailed: _planning_failed,
    PlanProposed: _plan_proposed,
    PlanApproved: _plan_approved,
    PlanRejected: _plan_rejected,
    AttemptStarted: _attempt_started,
    AttemptSucceeded: _attempt_succeeded,
    AttemptFailed: _attempt_failed,
    AttemptThrottled: _attempt_throttled,
    AttemptCancelled: _attempt_cancelled,
    AttemptInterrupted: _attempt_interrupted,
    MapExpanded: _map_expanded,
    MapFinished: _map_finished,
    NodeSkipped: _node_skipped,
    NodeHeld: _node_held,
    NodeReleased: _node_released,
    NodeRetried: _node_retried,
    NodeCancelled: _node_cancelled,
    QuestionAsked: _question_asked,
    QuestionAnswered: _question_answered,
    ReportWritten: _report_written,
}
