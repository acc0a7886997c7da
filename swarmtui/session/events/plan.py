"""How the plan comes about, and how it changes while it runs."""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

from swarmtui.frozen import frozen
from swarmtui.plan.model import Author, ModelRef, Node, Plan
from swarmtui.session.vocabulary import NO_USAGE, ErrorInfo, Usage


@frozen
class PlanningStarted:
    """The planner was asked for revision `plan_rev`."""

    TYPE: ClassVar[str] = "planning_started"
    plan_rev: int
    model: str
    feedback: str | None = None
    simulated: bool = False


@frozen
class PlanningFailed:
    """The planner gave no usable plan."""

    TYPE: ClassVar[str] = "planning_failed"
    plan_rev: int
    error: ErrorInfo
    usage: Usage = NO_USAGE


@frozen
class PlanProposed:
    """A plan revision exists, valid, and waits for approval. `note` says what changed, or the planner's thought."""

    TYPE: ClassVar[str] = "plan_proposed"
    plan_rev: int
    plan: Plan
    note: str = ""
    usage: Usage = NO_USAGE
    models: dict[str, ModelRef] = field(default_factory=dict)
    """Where models answer that the session did not know before."""
    why: dict[str, str] = field(default_factory=dict)
    """Node -> why it is there, in the planner's words."""


@frozen
class PlanApproved:
    """Exactly the plan with this hash may run."""

    TYPE: ClassVar[str] = "plan_approved"
    plan_rev: int
    plan_hash: str


@frozen
class PlanRejected:
    """The user wants another plan; `feedback` goes to the planner. Without feedback the session is cancelled."""

    TYPE: ClassVar[str] = "plan_rejected"
    plan_rev: int
    feedback: str = ""


@frozen
class PlanPatched:
    """The running plan was changed: revision `plan_rev` has the nodes `put` (new or in place of those with their ids)
    and lacks those in `drop`. What ran and is changed, or rests on what is changed, becomes stale.
    """

    TYPE: ClassVar[str] = "plan_patched"
    plan_rev: int
    put: tuple[Node, ...] = ()
    drop: tuple[str, ...] = ()
    note: str = ""
    restart: tuple[str, ...] = ()
    """Nodes whose running attempts are of a version that is replaced: they are stopped, and begin as the new one."""
    author: Author = Author.USER
    """Who wrote what is put: a planner's part takes the user's trust from the whole plan."""
    models: dict[str, ModelRef] = field(default_factory=dict)
    """Where models answer that the session did not know before."""
    by: str | None = None
    """The node that made what is put while it ran. The plan's author stays who it was: trust goes by node then."""


@frozen
class ChangeProposed:
    """A planner wants the running plan changed: to be accepted, edited or rejected."""

    TYPE: ClassVar[str] = "change_proposed"
    id: str
    base_rev: int
    """The revision that it changes."""
    put: tuple[Node, ...] = ()
    drop: tuple[str, ...] = ()
    node: str | None = None
    """The plan node that wants it; None: the session as a whole is planned anew, since something failed."""
    note: str = ""
    why: dict[str, str] = field(default_factory=dict)
    """Node -> why it is there, in the planner's words."""
    usage: Usage = NO_USAGE
    models: dict[str, ModelRef] = field(default_factory=dict)
    """Where models answer that the session did not know before."""
    replaces: str | None = None
    """The proposal of which it is an edit."""
    again: tuple[str, ...] = ()
    """Nodes that failed and are to be run again, as they are or as what is put in their place."""


@frozen
class ChangeDecided:
    """What becomes of a proposed change. An accepted one is the revision before this event, in the same commit."""

    TYPE: ClassVar[str] = "change_decided"
    id: str
    accepted: bool
    feedback: str = ""
    node: str | None = None
    nodes: tuple[str, ...] = ()
    """Of an accepted one: the nodes that it put."""


@frozen
class Undone:
    """The user took the change at event `seq` back; the `events` events before this one do so."""

    TYPE: ClassVar[str] = "undone"
    seq: int
    what: str = ""
    """The change, in a few words."""
    events: int = 1
    redo: bool = False
    """The change at `seq` was itself an undo: what that had taken back is there again."""


PlanBody = (
    PlanningStarted
    | PlanningFailed
    | PlanProposed
    | PlanApproved
    | PlanRejected
    | PlanPatched
    | ChangeProposed
    | ChangeDecided
    | Undone
)
