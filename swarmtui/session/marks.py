"""Moments of a session that are worth going to: what failed, was decided, asked, changed, or marked by a person."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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


@dataclass(frozen=True, slots=True)
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
