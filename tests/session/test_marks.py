"""Which events are worth going to, and what they are called."""

from __future__ import annotations

import pytest

from swarmtui.plan.model import Author, Limits, Plan
from swarmtui.session.events import (
    BODIES,
    AttemptFailed,
    AttemptSucceeded,
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
    Unknown,
    type_of,
)
from swarmtui.session.marks import LABEL_CHARS, MARK_TYPES, MarkKind, mark_of
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, Output

ERROR = ErrorInfo(ErrorKind.EXIT, "exit code 1", 1)
WORTH: dict[MarkKind, list[tuple[Body, tuple[str, ...]]]] = {
    MarkKind.FAILURE: [
        (AttemptFailed("a", 1, ERROR), ("a", "exit code 1")),
        (MapFinished("m", 3, 2, False, Output("", 0)), ("m", "2")),
        (PlanningFailed(1, ERROR), ("planning", "exit code 1")),
        (SessionFinished("failed", "1 failed"), ("session", "1 failed")),
    ],
    MarkKind.RETRY: [
        (AttemptFailed("a", 1, ERROR, item=3, retry_in_s=2.0), ("a/3", "exit code 1", "again")),
        (NodeRetried("a"), ("a", "by hand")),
    ],
    MarkKind.APPROVAL: [
        (PlanProposed(2, Plan("g")), ("plan 2", "waits")),
        (PlanApproved(2, "hash"), ("plan 2", "approved")),
        (PlanRejected(2, "shorter"), ("plan 2", "rejected", "shorter")),
        (ChangeProposed("change-1", 2, note="split it"), ("change-1", "waits", "split it")),
        (ChangeDecided("change-1", accepted=False), ("change-1", "rejected")),
        (ChangeDecided("change-1", accepted=True), ("change-1", "accepted")),
    ],
    MarkKind.EDIT: [
        (PlanPatched(3, note="b reworded"), ("plan", "3", "b reworded")),
        (Undone(7, "the pause"), ("taken back", "the pause")),
        (Undone(7, "the pause", redo=True), ("again", "the pause")),
        (LimitsSet(Limits()), ("limits",)),
        (NodeSkipped("a", "user"), ("a", "skipped")),
        (NodeCancelled("a", 2), ("a/2", "cancelled")),
    ],
    MarkKind.QUESTION: [
        (QuestionAsked("q", "which?"), ("q", "which?")),
        (QuestionAnswered("q", "that"), ("q", "that")),
    ],
    MarkKind.BUDGET: [
        (BudgetReached("usd", 2.5, 2.0), ("2 usd",)),
        (BudgetWarned("tokens", 80, 100, node="a"), ("budget of a", "80", "100 tokens")),
    ],
    MarkKind.PAUSE: [
        (SessionPaused("disk"), ("paused", "disk")),
        (SessionResumed(), ("on",)),
        (SessionCancelRequested(), ("cancelled",)),
        (SessionTakenOver(crashed=False), ("restarted",)),
    ],
    MarkKind.CRASH: [(SessionTakenOver(crashed=True), ("restarted", "crash"))],
    MarkKind.FORK: [(SessionForked("new", "old", 12), ("old", "12"))],
    MarkKind.USER: [(MarkerSet("look here"), ("look here",))],
}
"""Kind -> what happens, and the words without which nobody would know it again."""
WORKINGS = {
    *("session_created", "host_started", "host_stopped", "command_applied", "report_written", "noted"),
    *("planning_started", "forecasted", "pool_paced", "node_held", "node_released", "node_prioritised"),
    *("attempt_started", "attempt_succeeded", "attempt_throttled", "attempt_cancelled", "attempt_interrupted"),
    *("attempt_suspended", "map_expanded", "agent_stepped", "tool_called", "task_assigned"),
}
AS_IT_SHOULD: list[Body] = [
    AttemptSucceeded("a", 1, Output("x", 1)),
    MapFinished("m", 5, 0, True, Output("", 0)),
    SessionFinished("succeeded"),
    NodeSkipped("a", "b"),
    PlanPatched(3, by="a", author=Author.PLANNER),
    Unknown("from_later", {}),
]


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [(kind, body, words) for kind, told in WORTH.items() for body, words in told],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_what_was_decided_asked_changed_or_went_wrong_is_a_mark_that_says_so(
    kind: MarkKind, body: Body, words: tuple[str, ...]
) -> None:
    mark = mark_of(Event(7, 100.0, 5.0, body))
    assert mark is not None
    assert (mark.seq, mark.ts, mark.mono, mark.kind) == (7, 100.0, 5.0, kind)
    assert mark.node == getattr(body, "node", None)
    assert all(word in mark.label for word in words), mark.label


@pytest.mark.parametrize("body", AS_IT_SHOULD, ids=type_of)
def test_what_went_as_it_should_or_was_a_nodes_own_doing_is_none(body: Body) -> None:
    assert mark_of(Event(7, 100.0, 5.0, body)) is None


def test_every_kind_of_mark_can_come_about() -> None:
    assert WORTH.keys() == set(MarkKind)


def test_each_event_there_is_may_be_a_mark_or_belongs_to_the_workings() -> None:
    assert MARK_TYPES.isdisjoint(WORKINGS)
    assert BODIES.keys() == MARK_TYPES | WORKINGS


def test_a_label_is_a_few_words_however_much_was_said() -> None:
    mark = mark_of(Event(1, 0.0, 0.0, QuestionAsked("q", "why " * 1_000)))
    assert mark is not None
    assert mark.label.startswith("q asks: why why")
    assert len(mark.label) == LABEL_CHARS
