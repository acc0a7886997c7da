"""What a viewer can ask of a session: each command checked against the state before anything is recorded.

``plan_events(state, method, params)`` gives the events of which the command's effect consists, or refuses with a
sentence that says why and what would work. It is pure: what must be done besides (stopping a worker, calling the
planner) the conductor derives from the events it records.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from swarmtui.plan.model import JSON, Limits, Plan, plan_hash
from swarmtui.session.events import (
    AttemptStarted,
    AttemptSucceeded,
    Body,
    LimitsSet,
    NodeCancelled,
    NodeHeld,
    NodeReleased,
    NodeRetried,
    NodeSkipped,
    PlanApproved,
    PlanProposed,
    PlanRejected,
    QuestionAnswered,
    SessionCancelRequested,
    SessionPaused,
    SessionResumed,
)
from swarmtui.session.pools import total_limit
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import ENDED, FINAL, Output, State, Status

INVALID_PARAMS = -32602
UNKNOWN_METHOD = -32601
REFUSED = -32000
STALE_PLAN = -32021

SAID_BYTES = 4_096
"""Bytes of an output that a user can say by hand."""


class Refused(Exception):
    """The session does not take a command; the text is for the user. `code` is the wire's error code."""

    def __init__(self, message: str, code: int = REFUSED, data: dict[str, JSON] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


Params = Mapping[str, Any]
ParsePlan = Callable[[str, Plan], Plan]


def _need(params: Params, name: str, kind: type) -> Any:
    value = params.get(name)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Refused(f"{name} is missing or not {kind.__name__}", INVALID_PARAMS)
    return value


def _node(state: SessionState, params: Params) -> NodeState:
    name = _need(params, "node", str)
    node = state.nodes.get(name)
    if node is None:
        raise Refused(f"no node {name!r} in this session")
    if state.approved_rev != state.plan_rev:
        raise Refused("the plan is not approved yet")
    return node


def _item(node: NodeState, params: Params) -> int | None:
    if params.get("item") is None:
        return None
    item = _need(params, "item", int)
    if node.items is None:
        raise Refused(f"{node.id} has no items")
    if not 0 <= item < node.items.total:
        raise Refused(f"{node.id} has items 0 to {node.items.total - 1}")
    return int(item)


def _running_only(state: SessionState, what: str) -> None:
    if state.status in FINAL:
        raise Refused(f"cannot {what}: the session has {state.status.value}")


# -- session --------------------------------------------------------------------------------------------------


def _session_pause(state: SessionState, params: Params) -> list[Body]:
    if state.status is not Status.RUNNING:
        raise Refused(f"only a running session can be paused; this one is {state.status.value}")
    mode = params.get("mode", "drain")
    if mode not in ("drain", "now"):
        raise Refused("mode is drain (what runs ends by itself) or now (it is stopped)", INVALID_PARAMS)
    return [SessionPaused("user", now=mode == "now")]


def _session_resume(state: SessionState, params: Params) -> list[Body]:
    if state.status is not Status.PAUSED:
        raise Refused(f"only a paused session can be resumed; this one is {state.status.value}")
    return [SessionResumed()]


def _session_cancel(state: SessionState, params: Params) -> list[Body]:
    _running_only(state, "cancel")
    if state.cancelling:
        raise Refused("the session is being cancelled already")
    return [SessionCancelRequested()]


# -- plan -----------------------------------------------------------------------------------------------------


def _current_plan(state: SessionState, params: Params) -> Plan:
    rev = _need(params, "plan_rev", int)
    if state.plan is None or state.status is not Status.AWAITING_APPROVAL:
        by = f" (revision {state.approved_rev} is approved)" if state.approved_rev else ""
        raise Refused(f"no plan waits for a decision: the session is {state.status.value}{by}", STALE_PLAN)
    if rev != state.plan_rev:
        last = state.revisions[-1]
        by = last.actor or last.author.value
        raise Refused(
            f"revision {rev} is no longer the one that waits: {by} made revision {state.plan_rev}",
            STALE_PLAN,
            {"current_rev": state.plan_rev, "decided_by": by},
        )
    return state.plan


def _plan_approve(state: SessionState, params: Params) -> list[Body]:
    plan = _current_plan(state, params)
    return [PlanApproved(state.plan_rev, plan_hash(plan))]


def _plan_reject(state: SessionState, params: Params) -> list[Body]:
    _current_plan(state, params)
    feedback = params.get("feedback") or ""
    if not isinstance(feedback, str):
        raise Refused("feedback is not text", INVALID_PARAMS)
    rejected: list[Body] = [PlanRejected(state.plan_rev, feedback.strip())]
    return rejected if feedback.strip() else [*rejected, SessionCancelRequested()]


def _plan_edit(state: SessionState, params: Params, parse: ParsePlan) -> list[Body]:
    plan = _current_plan(state, params)
    edited = parse(_need(params, "text", str), plan)
    if edited == plan:
        raise Refused("nothing was changed")
    return [PlanProposed(state.plan_rev + 1, edited, note="edited")]


# -- nodes ----------------------------------------------------------------------------------------------------


def _node_pause(state: SessionState, params: Params) -> list[Body]:
    node = _node(state, params)
    if node.held:
        raise Refused(f"{node.id} is held already: resume it")
    if node.ended:
        raise Refused(f"{node.id} has {node.state.value}: nothing is left to pause")
    if node.state is State.INTERRUPTED:
        raise Refused(f"{node.id} waits for you already: a crash caught it; retry it, skip it or mark it as done")
    return [NodeHeld(node.id)]


def _node_resume(state: SessionState, params: Params) -> list[Body]:
    node = _node(state, params)
    if not node.held:
        raise Refused(f"{node.id} is not held")
    return [NodeReleased(node.id)]


def _node_retry(state: SessionState, params: Params) -> list[Body]:
    node = _node(state, params)
    if state.cancelling:
        raise Refused("the session is being cancelled")
    item = _item(node, params)
    if item is not None and node.items is not None:
        at = node.items.state(item)
        if at not in ENDED and at is not State.INTERRUPTED:
            raise Refused(f"item {item} of {node.id} is {at.value}: only what has ended is retried")
        return [NodeRetried(node.id, item=item)]
    if node.running:
        raise Refused(f"{node.id} is running: cancel it first, or wait")
    if params.get("failed"):
        return _failed_items(node)
    if node.state is State.WAITING:
        raise Refused(f"{node.id} has not run: it waits for its needs")
    if node.state is State.SKIPPED and node.cause not in (None, "user"):
        raise Refused(f"{node.id} was skipped because of {node.cause}: retry that")
    if node.items is not None and not node.ended and node.state is not State.INTERRUPTED:
        raise Refused(f"{node.id} has begun its items and goes on with them: retry single items")
    return [NodeRetried(node.id)]


def _failed_items(node: NodeState) -> list[Body]:
    bad = (State.FAILED, State.CANCELLED, State.SKIPPED, State.INTERRUPTED)
    if node.items is None or not node.items.count(*bad):
        raise Refused(f"{node.id} has no failed items")
    return [NodeRetried(node.id, failed_items=True)]


def _retry_failed(state: SessionState, params: Params) -> list[Body]:
    bodies: list[Body] = []
    for node in state.nodes.values():
        if node.running or node.state not in (State.FAILED, State.CANCELLED):
            continue
        bodies.append(NodeRetried(node.id, failed_items=bool(node.items and node.items.count(State.SUCCEEDED))))
    if not bodies:
        raise Refused("no node has failed")
    return bodies


def _node_skip(state: SessionState, params: Params) -> list[Body]:
    node = _node(state, params)
    item = _item(node, params)
    if item is not None and node.items is not None:
        at = node.items.state(item)
        if at in ENDED or at is State.RUNNING:
            raise Refused(f"item {item} of {node.id} is {at.value} and cannot be skipped")
        return [NodeSkipped(node.id, "user", item=item)]
    if node.running:
        raise Refused(f"{node.id} is running: cancel it instead")
    if node.items is not None and not node.ended:
        raise Refused(f"{node.id} has begun its items: cancel it, or skip single items")
    if node.ended:
        raise Refused(f"{node.id} has {node.state.value} already")
    return [NodeSkipped(node.id, "user")]


def _node_mark_done(state: SessionState, params: Params) -> list[Body]:
    """What a crash caught has been done, the user says: an attempt by the user's hand that succeeds."""
    node = _node(state, params)
    item = _item(node, params)
    if item is None and node.items is not None:
        raise Refused(f"{node.id} is a map: name the item, as in {node.id}/0", INVALID_PARAMS)
    at = node.state if item is None or node.items is None else node.items.state(item)
    if at is not State.INTERRUPTED:
        name = node.id if item is None else f"{node.id}/{item}"
        raise Refused(f"{name} is {at.value}: only what a crash caught can be marked as done")
    output = params.get("output") or ""
    if not isinstance(output, str):
        raise Refused("output is not text", INVALID_PARAMS)
    size = len(output.encode("utf-8", "replace"))
    if size > SAID_BYTES:
        raise Refused(f"the output has {size} bytes; {SAID_BYTES} are the most that can be said so", INVALID_PARAMS)
    number = 1 + node.attempts_of(item)
    return [AttemptStarted(node.id, number, item), AttemptSucceeded(node.id, number, Output(output, size), item)]


def _node_cancel(state: SessionState, params: Params) -> list[Body]:
    node = _node(state, params)
    if node.ended:
        raise Refused(f"{node.id} has {node.state.value} already")
    if node.cancelled:
        raise Refused(f"{node.id} is being cancelled already")
    return [NodeCancelled(node.id)]


def _answer(state: SessionState, params: Params) -> list[Body]:
    key = _need(params, "pending", str)
    text = _need(params, "text", str)
    pending = state.pending.get(key)
    if pending is None or pending.kind != "question" or pending.node is None:
        raise Refused(f"no question {key!r} waits for an answer")
    if pending.choices and text not in pending.choices:
        raise Refused(f"answer with one of: {', '.join(pending.choices)}")
    return [QuestionAnswered(pending.node, text, pending.item)]


# -- limits ---------------------------------------------------------------------------------------------------


def _limits_set(state: SessionState, params: Params) -> list[Body]:
    limits = state.limits
    if "concurrency" in params:
        limits = replace(limits, concurrency=_concurrency(state, params["concurrency"]))
    if "pools" in params:
        pools = {str(name): _whole(value, f"pool {name}") for name, value in _need(params, "pools", dict).items()}
        limits = replace(limits, pools={**limits.pools, **pools})
    if "usd" in params:
        limits = replace(limits, usd=_amount(params["usd"], "usd"))
    if "tokens" in params:
        tokens = _amount(params["tokens"], "tokens")
        limits = replace(limits, tokens=None if tokens is None else int(tokens))
    if "minutes" in params:
        limits = replace(limits, minutes=_amount(params["minutes"], "minutes"))
    if limits == state.limits:
        raise Refused("nothing was changed")
    bodies: list[Body] = [LimitsSet(limits)]
    if state.status is Status.PAUSED and state.budget is not None and not _still_over(state, limits):
        bodies.append(SessionResumed())
    return bodies


def _concurrency(state: SessionState, value: JSON) -> int | None:
    if value in ("auto", None):
        return None
    if isinstance(value, str) and value[:1] in "+-" and value[1:].isdecimal():
        return _whole(max(1, total_limit(state) + int(value[:8])), "concurrency")
    return _whole(value, "concurrency")


def _whole(value: JSON, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 100_000:
        raise Refused(f"{name} is a whole number from 1 to 100000", INVALID_PARAMS)
    return value


def _amount(value: JSON, name: str) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise Refused(f"{name} is a number from 0 on, or nothing for no limit", INVALID_PARAMS)
    return float(value)


def _still_over(state: SessionState, limits: Limits) -> bool:
    budget = state.budget
    if budget is None:
        return False
    limit = {"usd": limits.usd, "tokens": limits.tokens, "minutes": limits.minutes}[budget.kind]
    return limit is not None and budget.spent >= limit


_METHODS: Mapping[str, Callable[[SessionState, Params], list[Body]]] = {
    "session.pause": _session_pause,
    "session.resume": _session_resume,
    "session.cancel": _session_cancel,
    "plan.approve": _plan_approve,
    "plan.reject": _plan_reject,
    "node.pause": _node_pause,
    "node.resume": _node_resume,
    "node.retry": _node_retry,
    "node.skip": _node_skip,
    "node.cancel": _node_cancel,
    "node.mark_done": _node_mark_done,
    "nodes.retry_failed": _retry_failed,
    "answer": _answer,
    "limits.set": _limits_set,
}

METHODS: tuple[str, ...] = (*_METHODS, "plan.edit")
"""Every command there is."""


def plan_events(state: SessionState, method: str, params: Params, parse: ParsePlan) -> list[Body]:
    """The events that carry the command out. Raises Refused. `parse` reads an edited plan (and raises Refused)."""
    if method == "plan.edit":
        return _plan_edit(state, params, parse)
    handler = _METHODS.get(method)
    if handler is None:
        raise Refused(f"this version has no command {method!r}", UNKNOWN_METHOD)
    return handler(state, params)
