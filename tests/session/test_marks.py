"""Which events are worth going to, and what they are called."""

from __future__ import annotations

import pytest

from swarmtui.plan.model import Author, Limits, Plan
from swarmtui.session.events import (
    AttemptFailed,
    AttemptSucceeded,
    Body,
    BudgetReached,
    BudgetWarned,
    ChangeDecided,
    ChangeProposed,
    Event,
    HostStarted,
    LimitsSet,
    MapFinished,
    MarkerSet,
    NodeCancelled,
    NodeRetried,
    NodeSkipped,
    Noted,
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
    Unknown,
    type_of,
)
from swarmtui.session.marks import LABEL_CHARS, MARK_TYPES, Mark, MarkKind, mark_of
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, Output

ERROR = ErrorInfo(ErrorKind.EXIT, "exit code 1", 1)
MARKED: list[tuple[Body, MarkKind, str]] = [
    (AttemptFailed("a", 1, ERROR), MarkKind.FAILURE, "a failed: exit code 1"),
    (AttemptFailed("a", 1, ERROR, item=3, retry_in_s=2.0), MarkKind.RETRY, "a/3 failed, tried again: exit code 1"),
    (MapFinished("m", 3, 2, False, Output("", 0)), MarkKind.FAILURE, "m failed: 2 of its items did"),
    (PlanningFailed(1, ERROR), MarkKind.FAILURE, "planning failed: exit code 1"),
    (SessionFinished("failed", "1 failed"), MarkKind.FAILURE, "the session failed: 1 failed"),
    (NodeRetried("a"), MarkKind.RETRY, "a retried by hand"),
    (PlanProposed(2, Plan("g")), MarkKind.APPROVAL, "plan 2 waits for approval"),
    (PlanApproved(2, "hash"), MarkKind.APPROVAL, "plan 2 approved"),
    (PlanRejected(2, "shorter"), MarkKind.APPROVAL, "plan 2 rejected: shorter"),
    (ChangeProposed("change-1", 2), MarkKind.APPROVAL, "change-1 waits for approval"),
    (ChangeDecided("change-1", accepted=False), MarkKind.APPROVAL, "change-1 rejected"),
    (PlanPatched(3, note="b reworded"), MarkKind.EDIT, "plan changed to 3: b reworded"),
    (Undone(7, "the pause"), MarkKind.EDIT, "taken back: the pause"),
    (LimitsSet(Limits()), MarkKind.EDIT, "limits changed"),
    (NodeSkipped("a", "user"), MarkKind.EDIT, "a skipped by hand"),
    (NodeCancelled("a", 2), MarkKind.EDIT, "a/2 cancelled"),
    (QuestionAsked("q", "which?"), MarkKind.QUESTION, "q asks: which?"),
    (QuestionAnswered("q", "that"), MarkKind.QUESTION, "q answered: that"),
    (BudgetReached("usd", 2.0, 2.0), MarkKind.BUDGET, "the budget of 2 usd is spent"),
    (BudgetWarned("tokens", 80, 100, node="a"), MarkKind.BUDGET, "the budget of a: 80 of 100 tokens"),
    (SessionPaused("disk"), MarkKind.PAUSE, "paused (disk)"),
    (SessionResumed(), MarkKind.PAUSE, "goes on"),
    (SessionCancelRequested(), MarkKind.PAUSE, "cancelled"),
    (SessionTakenOver(crashed=True), MarkKind.CRASH, "process restarted after a crash"),
    (SessionTakenOver(crashed=False), MarkKind.PAUSE, "process restarted"),
    (SessionForked("new", "old", 12), MarkKind.FORK, "forked from old at 12"),
    (MarkerSet("look here"), MarkKind.USER, "look here"),
]
UNMARKED: list[Body] = [
    AttemptSucceeded("a", 1, Output("x", 1)),
    MapFinished("m", 5, 0, True, Output("", 0)),
    SessionFinished("succeeded"),
    NodeSkipped("a", "b"),
    PlanPatched(3, by="a", author=Author.PLANNER),
    HostStarted(1, "boot", "test"),
    Noted("error", "something"),
    Unknown("from_later", {}),
]


@pytest.mark.parametrize(("body", "kind", "label"), MARKED, ids=[f"{type_of(body)}-{kind}" for body, kind, _ in MARKED])
def test_what_was_decided_asked_changed_or_went_wrong_is_a_mark(body: Body, kind: MarkKind, label: str) -> None:
    assert mark_of(Event(7, 100.0, 5.0, body)) == Mark(7, 100.0, 5.0, kind, label, getattr(body, "node", None))
    assert type_of(body) in MARK_TYPES


@pytest.mark.parametrize("body", UNMARKED, ids=type_of)
def test_what_went_as_it_should_is_none(body: Body) -> None:
    assert mark_of(Event(7, 100.0, 5.0, body)) is None


def test_every_kind_and_every_type_of_mark_is_known_here() -> None:
    assert {kind for _, kind, _ in MARKED} == set(MarkKind)
    assert {type_of(body) for body, _, _ in MARKED} == MARK_TYPES


def test_a_label_is_a_few_words_however_much_was_said() -> None:
    mark = mark_of(Event(1, 0.0, 0.0, QuestionAsked("q", "why " * 1_000)))
    assert mark is not None
    assert len(mark.label) == LABEL_CHARS
