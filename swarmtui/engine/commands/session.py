"""Commands about the session as a whole, the plan that waits for a decision, and questions."""

from __future__ import annotations

from swarmtui.engine.commands.refusal import INVALID_PARAMS, STALE_PLAN, Params, Refused, need, not_over
from swarmtui.plan.model import Plan, plan_hash
from swarmtui.plan.problems import listed, shown
from swarmtui.session import budgets
from swarmtui.session.events import (
    Body,
    MarkerSet,
    PlanApproved,
    PlanRejected,
    QuestionAnswered,
    SessionCancelRequested,
    SessionPaused,
    SessionResumed,
)
from swarmtui.session.state import Pending, SessionState
from swarmtui.session.vocabulary import DENY, FINAL, Status, how_ended

MARK_CHARS = 200
"""The longest label of a mark, in characters: one line of a log."""


def pause(state: SessionState, params: Params) -> list[Body]:
    """``session.pause {mode?: drain|now}``: ``now`` also stops what still runs of a session that is paused already."""
    mode = params.get("mode", "drain")
    if mode not in ("drain", "now"):
        raise Refused("mode is drain (what runs ends by itself) or now (it is stopped)", INVALID_PARAMS)
    if state.status is Status.PAUSED:
        if not state.in_flight:
            raise Refused("the session is paused already, and nothing of it runs")
        if mode == "drain":
            raise Refused(
                f"the session is paused already: {state.in_flight} still run to their ends, unless paused now"
            )
        return [SessionPaused(state.reason, now=True)]
    if state.status is not Status.RUNNING:
        raise Refused(f"only a running session can be paused; this one {_is(state)}")
    if state.cancelling:
        raise Refused("the session is being cancelled: nothing is left to pause")
    return [SessionPaused("user", now=mode == "now")]


def resume(state: SessionState, params: Params) -> list[Body]:
    """``session.resume``."""
    if state.status is not Status.PAUSED:
        raise Refused(f"only a paused session can be resumed; this one {_is(state)}")
    line = budgets.spent(state)
    if line is not None:
        raise Refused(
            f"its budget is used up ({line.spent:g} of {line.limit:g} {line.kind}): raise it, or take it away"
        )
    return [SessionResumed()]


def _is(state: SessionState) -> str:
    return how_ended(state.status) if state.status in FINAL else f"is {state.status.value}"


def cancel(state: SessionState, params: Params) -> list[Body]:
    """``session.cancel``."""
    not_over(state, "cancel")
    if state.cancelling:
        raise Refused("the session is being cancelled already")
    return [SessionCancelRequested()]


def stale(state: SessionState, rev: int) -> Refused:
    """Somebody else was faster: the revision that a command rests on is not the one that stands."""
    last = state.revisions[-1]
    by = last.actor or last.author.value
    return Refused(
        f"revision {rev} is no longer the one that stands: {by} made revision {state.plan_rev}",
        STALE_PLAN,
        {"current_rev": state.plan_rev, "decided_by": by},
    )


def waiting_plan(state: SessionState, params: Params) -> Plan:
    """The plan that waits for a decision, if it is the one that the command is about."""
    rev = need(params, "plan_rev", int)
    if state.plan is None or state.status is not Status.AWAITING_APPROVAL:
        by = f" (revision {state.approved_rev} is approved)" if state.approved_rev else ""
        raise Refused(f"no plan waits for a decision: the session {_is(state)}{by}", STALE_PLAN)
    if rev != state.plan_rev:
        raise stale(state, rev)
    return state.plan


def approve(state: SessionState, params: Params) -> list[Body]:
    """``plan.approve {plan_rev}``."""
    plan = waiting_plan(state, params)
    return [PlanApproved(state.plan_rev, plan_hash(plan))]


def reject(state: SessionState, params: Params) -> list[Body]:
    """``plan.reject {plan_rev, feedback?}``."""
    waiting_plan(state, params)
    feedback = params.get("feedback") or ""
    if not isinstance(feedback, str):
        raise Refused("feedback is not text", INVALID_PARAMS)
    rejected: list[Body] = [PlanRejected(state.plan_rev, feedback.strip())]
    return rejected if feedback.strip() else [*rejected, SessionCancelRequested()]


def mark(state: SessionState, params: Params) -> list[Body]:
    """``marker.add {label}``: a moment that somebody wants to find again, up to MARK_CHARS long."""
    label = " ".join(need(params, "label", str).split())
    if not label:
        raise Refused("a mark needs a label: a few words", INVALID_PARAMS)
    if len(label) > MARK_CHARS:
        raise Refused(f"the label has {len(label)} characters: {MARK_CHARS} is the most", INVALID_PARAMS)
    return [MarkerSet(label)]


def answer(state: SessionState, params: Params) -> list[Body]:
    """``answer {pending, text}``; of an agent that asks one thing alone `pending` may be its node. Permission may be
    refused with a reason for the agent: ``deny: use the other file``."""
    key = need(params, "pending", str)
    text = need(params, "text", str)
    pending = state.pending.get(key) or _asked_by(state, key)
    if pending is None or pending.kind not in ("question", "permission") or pending.node is None:
        raise Refused(f"no question {shown(key)!r} waits for an answer")
    told_why = pending.kind == "permission" and text.startswith(f"{DENY}: ")
    if pending.choices and text not in pending.choices and not told_why:
        raise Refused(f"answer with one of: {', '.join(pending.choices)}")
    return [QuestionAnswered(pending.node, text, pending.item, pending.call)]


def _asked_by(state: SessionState, node: str) -> Pending | None:
    """What the agent of a node asks. Raises Refused if that is more than one thing."""
    asked = [pending for pending in state.pending.values() if pending.node == node and pending.call]
    if len(asked) > 1:
        raise Refused(f"{node} asks {len(asked)} things: name one of {listed([pending.id for pending in asked])}")
    return asked[0] if asked else None
