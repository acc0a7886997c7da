"""Event types: everything that can ever have happened to a session, each defined once.

An event body is a frozen dataclass with a past-tense name; its ``TYPE`` is what the log and the wire call it. A body
that concerns a node has `node`, and where it applies `item` (index within the node's map) and `attempt` (from 1).
:class:`Event` is a body together with what the log knows of it. How bodies cross boundaries is told in
:mod:`swarmtui.session.codec`.

The modules of this package define them by what they concern, and this one is the catalogue: whoever uses events imports
them from here. A new one is a class and a member of the union of its module, and a name in the lists below.
"""

from __future__ import annotations

from typing import ClassVar

from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON
from swarmtui.session.events.agents import AgentBody, AgentStepped, CallHead, TaskAssigned, ToolCalled
from swarmtui.session.events.attempts import (
    AttemptBody,
    AttemptCancelled,
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    AttemptSucceeded,
    AttemptSuspended,
    AttemptThrottled,
)
from swarmtui.session.events.limits import (
    BudgetReached,
    BudgetWarned,
    Forecasted,
    ForecastRow,
    LimitsBody,
    LimitsSet,
    NodeForecast,
    PoolPaced,
)
from swarmtui.session.events.nodes import (
    MapExpanded,
    MapFinished,
    NodeBody,
    NodeCancelled,
    NodeHeld,
    NodePrioritised,
    NodeReleased,
    NodeRetried,
    NodeSkipped,
    QuestionAnswered,
    QuestionAsked,
)
from swarmtui.session.events.plan import (
    ChangeDecided,
    ChangeProposed,
    PlanApproved,
    PlanBody,
    PlanningFailed,
    PlanningStarted,
    PlanPatched,
    PlanProposed,
    PlanRejected,
    Undone,
)
from swarmtui.session.events.session import (
    CommandApplied,
    HostStarted,
    HostStopped,
    MarkerSet,
    Noted,
    ReportWritten,
    SessionBody,
    SessionCancelRequested,
    SessionCreated,
    SessionFinished,
    SessionForked,
    SessionPaused,
    SessionResumed,
    SessionTakenOver,
)

__all__ = [
    "BODIES",
    "AgentStepped",
    "AttemptCancelled",
    "AttemptFailed",
    "AttemptInterrupted",
    "AttemptStarted",
    "AttemptSucceeded",
    "AttemptSuspended",
    "AttemptThrottled",
    "Body",
    "BudgetReached",
    "BudgetWarned",
    "CallHead",
    "ChangeDecided",
    "ChangeProposed",
    "CommandApplied",
    "Event",
    "ForecastRow",
    "Forecasted",
    "HostStarted",
    "HostStopped",
    "LimitsSet",
    "MapExpanded",
    "MapFinished",
    "MarkerSet",
    "NodeCancelled",
    "NodeForecast",
    "NodeHeld",
    "NodePrioritised",
    "NodeReleased",
    "NodeRetried",
    "NodeSkipped",
    "Noted",
    "PlanApproved",
    "PlanPatched",
    "PlanProposed",
    "PlanRejected",
    "PlanningFailed",
    "PlanningStarted",
    "PoolPaced",
    "QuestionAnswered",
    "QuestionAsked",
    "ReportWritten",
    "SessionCancelRequested",
    "SessionCreated",
    "SessionFinished",
    "SessionForked",
    "SessionPaused",
    "SessionResumed",
    "SessionTakenOver",
    "TaskAssigned",
    "ToolCalled",
    "Undone",
    "Unknown",
    "type_of",
]


@frozen
class Unknown:
    """An event of a type that this version does not know; kept as it is."""

    TYPE: ClassVar[str] = "unknown"
    type: str
    data: dict[str, JSON]
    node: str | None = None
    item: int | None = None
    attempt: int | None = None


Body = SessionBody | LimitsBody | PlanBody | AttemptBody | AgentBody | NodeBody | Unknown


@frozen
class Event:
    """One fact about a session, as recorded."""

    seq: int
    """From 1, without gaps."""
    ts: float
    """Seconds since the epoch; for display only."""
    mono: float
    """Seconds of the session's own clock, which never goes back, over all its hosts."""
    body: Body
    actor: str | None = None
    """Who caused it where a person or a script did: ``user@host`` with the viewer's name; else None."""


BODIES: dict[str, type[Body]] = {kind.TYPE: kind for kind in Body.__args__ if kind is not Unknown}
"""Event type -> its class: the only list of event types there is."""


def type_of(body: Body) -> str:
    """What the log and the wire call this body."""
    return body.type if isinstance(body, Unknown) else body.TYPE
