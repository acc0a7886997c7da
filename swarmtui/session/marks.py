"""Moments of a session that are worth going to: what failed, was decided, asked, changed, or marked by a person."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from swarmtui.frozen import frozen
from swarmtui.session.events import (
    AttemptFailed,
    Body,
    BudgetReached,
    BudgetWarned,
    ChangeDecided,
    ChangeProposed,
    Event,
    LimitsSet,
    MapFinished,
    MarkerSet,
    NodeCancelled,
    NodeRetried,
    NodeSkipped,
    PlanApproved,
    PlanningFailed,
    PlanPatched,
    PlanProposed,
    PlanRejected,
    QuestionAnswered,
    QuestionAsked,
    SessionCancelRequested,
    SessionFinished,
    SessionForked,
    SessionPaused,
    SessionResumed,
    SessionTakenOver,
    Undone,
)
from swarmtui.session.vocabulary import Status, place_of

LABEL_CHARS = 200
"""Of a label; what is longer is cut."""


class MarkKind(StrEnum):
    """What happened there."""

    FAILURE = "failure"
    RETRY = "retry"
    APPROVAL = "approval"
    EDIT = "edit"
    QUESTION = "question"
    BUDGET = "budget"
    PAUSE = "pause"
    CRASH = "crash"
    """A host took the session over from one that had gone without a word."""
    FORK = "fork"
    USER = "user"


@frozen
class Mark:
    """One such moment."""

    seq: int
    ts: float
    """Epoch seconds."""
    mono: float
    """Seconds on the session's own clock."""
    kind: MarkKind
    label: str
    """A few words, not cleaned."""
    node: str | None = None


def mark_of(event: Event) -> Mark | None:
    """The mark that `event` is, by itself alone; None for most."""
    label_of = _LABELS.get(type(event.body))
    found = None if label_of is None else label_of(event.body)
    if found is None:
        return None
    kind, label = found
    node = getattr(event.body, "node", None)
    return Mark(event.seq, event.ts, event.mono, kind, label[:LABEL_CHARS], node)


_Labelled = tuple[MarkKind, str] | None


def _attempt_failed(body: AttemptFailed) -> _Labelled:
    kind = MarkKind.FAILURE if body.retry_in_s is None else MarkKind.RETRY
    again = "" if body.retry_in_s is None else ", tried again"
    return kind, f"{place_of(body.node, body.item)} failed{again}: {body.error.message}"


def _map_finished(body: MapFinished) -> _Labelled:
    return None if body.ok else (MarkKind.FAILURE, f"{body.node} failed: {body.failed} of its items did")


def _planning_failed(body: PlanningFailed) -> _Labelled:
    return MarkKind.FAILURE, f"planning failed: {body.error.message}"


def _finished(body: SessionFinished) -> _Labelled:
    return (MarkKind.FAILURE, f"the session failed: {body.reason}") if body.status == Status.FAILED else None


def _node_retried(body: NodeRetried) -> _Labelled:
    return MarkKind.RETRY, f"{place_of(body.node, body.item)} retried by hand"


def _plan_proposed(body: PlanProposed) -> _Labelled:
    return MarkKind.APPROVAL, f"plan {body.plan_rev} waits for approval"


def _plan_approved(body: PlanApproved) -> _Labelled:
    return MarkKind.APPROVAL, f"plan {body.plan_rev} approved"


def _plan_rejected(body: PlanRejected) -> _Labelled:
    return MarkKind.APPROVAL, f"plan {body.plan_rev} rejected" + (f": {body.feedback}" if body.feedback else "")


def _change_proposed(body: ChangeProposed) -> _Labelled:
    return MarkKind.APPROVAL, f"{body.id} waits for approval" + (f": {body.note}" if body.note else "")


def _change_decided(body: ChangeDecided) -> _Labelled:
    return MarkKind.APPROVAL, f"{body.id} {'accepted' if body.accepted else 'rejected'}"


def _plan_patched(body: PlanPatched) -> _Labelled:
    """What a node makes while it runs is its work, and no edit."""
    if body.by is not None:
        return None
    return MarkKind.EDIT, f"plan changed to {body.plan_rev}" + (f": {body.note}" if body.note else "")


def _undone(body: Undone) -> _Labelled:
    return MarkKind.EDIT, f"{'done again' if body.redo else 'taken back'}: {body.what}"


def _limits_set(body: LimitsSet) -> _Labelled:
    return MarkKind.EDIT, "limits changed"


def _node_skipped(body: NodeSkipped) -> _Labelled:
    return (MarkKind.EDIT, f"{place_of(body.node, body.item)} skipped by hand") if body.cause == "user" else None


def _node_cancelled(body: NodeCancelled) -> _Labelled:
    return MarkKind.EDIT, f"{place_of(body.node, body.item)} cancelled"


def _question_asked(body: QuestionAsked) -> _Labelled:
    return MarkKind.QUESTION, f"{place_of(body.node, body.item)} asks: {body.question}"


def _question_answered(body: QuestionAnswered) -> _Labelled:
    return MarkKind.QUESTION, f"{place_of(body.node, body.item)} answered: {body.answer}"


def _budget_reached(body: BudgetReached) -> _Labelled:
    return MarkKind.BUDGET, f"{_whose(body.node)} of {body.limit:g} {body.kind} is spent"


def _budget_warned(body: BudgetWarned) -> _Labelled:
    return MarkKind.BUDGET, f"{_whose(body.node)}: {body.spent:g} of {body.limit:g} {body.kind}"


def _whose(node: str | None) -> str:
    return "the budget" if node is None else f"the budget of {node}"


def _paused(body: SessionPaused) -> _Labelled:
    return MarkKind.PAUSE, f"paused ({body.reason})"


def _resumed(body: SessionResumed) -> _Labelled:
    return MarkKind.PAUSE, "goes on"


def _cancel_requested(body: SessionCancelRequested) -> _Labelled:
    return MarkKind.PAUSE, "cancelled"


def _taken_over(body: SessionTakenOver) -> _Labelled:
    if body.crashed:
        return MarkKind.CRASH, "process restarted after a crash"
    return MarkKind.PAUSE, "process restarted"


def _forked(body: SessionForked) -> _Labelled:
    return MarkKind.FORK, f"forked from {body.parent} at {body.parent_seq}"


def _marker_set(body: MarkerSet) -> _Labelled:
    return MarkKind.USER, body.label


_LABELS: dict[type[Body], Callable[[Any], _Labelled]] = {
    AttemptFailed: _attempt_failed,
    MapFinished: _map_finished,
    PlanningFailed: _planning_failed,
    SessionFinished: _finished,
    NodeRetried: _node_retried,
    PlanProposed: _plan_proposed,
    PlanApproved: _plan_approved,
    PlanRejected: _plan_rejected,
    ChangeProposed: _change_proposed,
    ChangeDecided: _change_decided,
    PlanPatched: _plan_patched,
    Undone: _undone,
    LimitsSet: _limits_set,
    NodeSkipped: _node_skipped,
    NodeCancelled: _node_cancelled,
    QuestionAsked: _question_asked,
    QuestionAnswered: _question_answered,
    BudgetReached: _budget_reached,
    BudgetWarned: _budget_warned,
    SessionPaused: _paused,
    SessionResumed: _resumed,
    SessionCancelRequested: _cancel_requested,
    SessionTakenOver: _taken_over,
    SessionForked: _forked,
    MarkerSet: _marker_set,
}

MARK_TYPES: frozenset[str] = frozenset(kind.TYPE for kind in _LABELS)
"""Types of the events that may be marks: what a file is asked for, so that the others need not be decoded."""
