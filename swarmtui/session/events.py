"""Event types: everything that can ever have happened to a session, each defined once.

An event body is a frozen dataclass with a past-tense name; its ``TYPE`` is what the log and the wire call it. A body
that concerns a node has `node`, and where it applies `item` (index within the node's map) and `attempt` (from 1).
:class:`Event` is a body together with what the log knows of it. How bodies cross boundaries is told in
:mod:`swarmtui.session.codec`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from swarmtui.plan.model import JSON, Author, Limits, ModelRef, Node, Plan
from swarmtui.plan.team import Team
from swarmtui.safety.permissions import Effect
from swarmtui.session.vocabulary import NO_USAGE, Chunk, ErrorInfo, Output, Usage

# -- session ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SessionCreated:
    """The first event of every session."""

    TYPE: ClassVar[str] = "session_created"
    id: str
    goal: str
    title: str
    cwd: str
    app: str
    task_path: str | None = None
    inputs: dict[str, JSON] = field(default_factory=dict)
    limits: Limits = Limits()
    models: dict[str, ModelRef] = field(default_factory=dict)
    """Tier or local name -> where it answers, as resolved when the session began."""
    declared: dict[str, ModelRef] = field(default_factory=dict)
    """The same of what the task or its surroundings name and nothing uses yet: a change of the plan may."""
    team: Team = Team()
    """Agents, with their servers and permissions, that a planner's plan may name."""


@dataclass(frozen=True, slots=True)
class HostStarted:
    """A host took the session over; attempts still open at this point were caught by a crash."""

    TYPE: ClassVar[str] = "host_started"
    pid: int
    boot_id: str
    app: str
    cpus: int = 2
    """Processors that commands may use; sets how many run at once unless the user says."""
    session: str = ""
    """The session's ID from here on: one that was recovered has another than it was created with."""


@dataclass(frozen=True, slots=True)
class SessionTakenOver:
    """A host went on with a session that another had begun: what it found, and what becomes of it."""

    TYPE: ClassVar[str] = "session_taken_over"
    crashed: bool
    """Whether the host before went without a word."""
    kept: int = 0
    """Results that are recorded and are not paid again."""
    repeated: int = 0
    """Attempts that the crash caught and that run again by themselves; they may have cost something, unknown what."""
    held: int = 0
    """Attempts that the crash caught and that may have changed something: the user decides."""
    given_up: int = 0
    """Attempts that crash after crash caught: they have failed, so that they cannot end a host for ever."""
    leftovers: int = 0
    """Processes of the host before that were still at work, and were ended."""
    waiting: tuple[str, ...] = ()
    """The first few nodes and items that wait for the user, as ``node`` or ``node/item``."""
    suspects: int = 0
    """Of those repeated: caught by crash after crash, so that they run few at a time or alone."""


@dataclass(frozen=True, slots=True)
class HostStopped:
    """The host let go in good order. `reason` is ``finished``, ``signal`` or ``idle``."""

    TYPE: ClassVar[str] = "host_stopped"
    reason: str


@dataclass(frozen=True, slots=True)
class SessionPaused:
    """No new starts. `reason` is ``user``, ``budget``, ``signal``, ``disk``, ``stuck`` or ``resumed``."""

    TYPE: ClassVar[str] = "session_paused"
    reason: str = "user"
    now: bool = False
    """Whether what runs is stopped and held, instead of running to its end."""


@dataclass(frozen=True, slots=True)
class SessionResumed:
    """Starts go on."""

    TYPE: ClassVar[str] = "session_resumed"


@dataclass(frozen=True, slots=True)
class SessionCancelRequested:
    """The user ended the session: nothing starts, what runs is stopped."""

    TYPE: ClassVar[str] = "session_cancel_requested"


@dataclass(frozen=True, slots=True)
class SessionFinished:
    """Every node has ended. `status` is ``succeeded``, ``failed`` or ``cancelled``."""

    TYPE: ClassVar[str] = "session_finished"
    status: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LimitsSet:
    """The user changed what is allowed; the whole of it as it now stands."""

    TYPE: ClassVar[str] = "limits_set"
    limits: Limits


@dataclass(frozen=True, slots=True)
class BudgetReached:
    """A budget is used up: new starts stop. `kind` is ``usd``, ``tokens``, ``minutes`` or ``attempts``.

    The figures are in that unit. With `node` it is that node's own budget, and only the node is held.
    """

    TYPE: ClassVar[str] = "budget_reached"
    kind: str
    spent: float
    limit: float
    node: str | None = None
    in_flight: int = 0
    """Model calls that go on to their end, and are paid for."""
    expected: float = 0.0
    """What these will presumably use, of a budget of money or tokens."""


@dataclass(frozen=True, slots=True)
class BudgetWarned:
    """The soft line of a budget was passed; work goes on. Fields as in :class:`BudgetReached`."""

    TYPE: ClassVar[str] = "budget_warned"
    kind: str
    spent: float
    limit: float
    node: str | None = None


@dataclass(frozen=True, slots=True)
class PoolPaced:
    """What the pacer of a pool allows now, and why: recorded when it changed by enough to be told."""

    TYPE: ClassVar[str] = "pool_paced"
    pool: str
    window: float
    """Attempts that may be in flight."""
    rate_per_min: float | None = None
    """Starts per minute; None: only the window binds."""
    binding: str = "none"
    """``wall``, ``rpm``, ``tpm``, ``latency``, ``outage``, ``user`` or ``none``."""
    refused: int = 0
    """Refusals since the session began."""
    why: str = ""
    others: int = 0
    """Other sessions of this machine that use the same account now, each with a pacer of its own."""


@dataclass(frozen=True, slots=True)
class ForecastRow:
    """What the remaining work would take at one concurrency: quantiles over simulated runs."""

    concurrency: int | None
    """None: what the limits and pacers now allow."""
    seconds: tuple[float, float, float]
    """p10, p50, p90."""
    usd: tuple[float, float, float] | None
    """p10, p50, p90; None where a price is unknown: never zero."""
    tokens: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Forecasted:
    """A forecast of plan revision `plan_rev`, kept so that it can be held against what came of it."""

    TYPE: ClassVar[str] = "forecasted"
    plan_rev: int
    rows: tuple[ForecastRow, ...]
    basis: str = ""
    """What durations and prices it rests on, in a sentence."""
    floor_s: tuple[float, float, float] | None = None
    """p10, p50, p90 of the longest path: what no concurrency can beat."""
    enough: int | None = None
    """The least concurrency of the rows from which on more saves less than a tenth of the time."""


@dataclass(frozen=True, slots=True)
class Noted:
    """A line for the log that changes no state: a warning, a hint, something the user should know."""

    TYPE: ClassVar[str] = "noted"
    level: str
    """``info``, ``warning`` or ``error``."""
    message: str
    node: str | None = None


@dataclass(frozen=True, slots=True)
class CommandApplied:
    """A viewer's command took effect; `command` is its id, so that repeating it does nothing again."""

    TYPE: ClassVar[str] = "command_applied"
    command: str
    method: str
    params: dict[str, JSON] = field(default_factory=dict)


# -- plan ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PlanningStarted:
    """The planner was asked for revision `plan_rev`."""

    TYPE: ClassVar[str] = "planning_started"
    plan_rev: int
    model: str
    feedback: str | None = None
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class PlanningFailed:
    """The planner gave no usable plan."""

    TYPE: ClassVar[str] = "planning_failed"
    plan_rev: int
    error: ErrorInfo
    usage: Usage = NO_USAGE


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class PlanApproved:
    """Exactly the plan with this hash may run."""

    TYPE: ClassVar[str] = "plan_approved"
    plan_rev: int
    plan_hash: str


@dataclass(frozen=True, slots=True)
class PlanRejected:
    """The user wants another plan; `feedback` goes to the planner. Without feedback the session is cancelled."""

    TYPE: ClassVar[str] = "plan_rejected"
    plan_rev: int
    feedback: str = ""


# -- nodes, items, attempts -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MapExpanded:
    """The items of a map are known and recorded; `malformed` lists (line, message) of what could not be read."""

    TYPE: ClassVar[str] = "map_expanded"
    node: str
    total: int
    chunks: tuple[Chunk, ...] = ()
    malformed: tuple[tuple[int, str], ...] = ()
    duplicates: tuple[tuple[int, int], ...] = ()
    """(line, line of the equal item before it) of the first of them that were found."""
    malformed_total: int = 0
    """All that could not be read, those listed included."""
    duplicates_total: int = 0
    skipped: tuple[int, ...] = ()
    """Items that are skipped as duplicates."""


@dataclass(frozen=True, slots=True)
class AttemptStarted:
    """Intent: committed before the attempt has any effect."""

    TYPE: ClassVar[str] = "attempt_started"
    node: str
    attempt: int
    item: int | None = None
    pool: str = ""
    model: str | None = None
    key: str = ""
    """Not set by this version: lookups are resolved after the intent; see :attr:`AttemptSucceeded.key`."""
    queue_s: float = 0.0
    """Seconds it was ready and waited for a place that the user's limits left free."""
    throttle_s: float = 0.0
    """Seconds it was ready and waited for the provider: its refusals, the pacer's window and rate."""


@dataclass(frozen=True, slots=True)
class AttemptSucceeded:
    """Result: dependents unlock once it is committed."""

    TYPE: ClassVar[str] = "attempt_succeeded"
    node: str
    attempt: int
    output: Output
    item: int | None = None
    took_s: float = 0.0
    usage: Usage = NO_USAGE
    reused_from: str | None = None
    """``SESSION/node/item/number`` of the earlier success that was taken over instead of paid again."""
    key: str = ""
    """Hash of what the attempt was made of: equal keys are equal work. Empty where a result is never taken over."""


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """The attempt failed; with `retry_in_s` the node or item is tried again after that time."""

    TYPE: ClassVar[str] = "attempt_failed"
    node: str
    attempt: int
    error: ErrorInfo
    item: int | None = None
    took_s: float = 0.0
    retry_in_s: float | None = None
    usage: Usage = NO_USAGE
    output: Output | None = None
    charged: bool = True
    """Whether it counts against the retry limit; an outage of a provider that had answered before does not."""


@dataclass(frozen=True, slots=True)
class AttemptThrottled:
    """The provider said 429: the attempt is taken back as if it had not been, and tried again after `retry_in_s`."""

    TYPE: ClassVar[str] = "attempt_throttled"
    node: str
    attempt: int
    retry_in_s: float
    pool: str = ""
    item: int | None = None
    message: str = ""
    by: str = "provider"
    """``provider``; or ``machine``: it had no open file or no room left for the attempt."""
    usage: Usage = NO_USAGE
    """What calls of the attempt before the one that was refused consumed; that one itself is in it as untold."""


@dataclass(frozen=True, slots=True)
class AttemptCancelled:
    """The attempt was stopped on request and its process group is gone.

    `hold` tells what the node is next: held for the user (pause now), or cancelled for good.
    """

    TYPE: ClassVar[str] = "attempt_cancelled"
    node: str
    attempt: int
    item: int | None = None
    hold: bool = False
    usage: Usage = NO_USAGE


@dataclass(frozen=True, slots=True)
class AttemptInterrupted:
    """The attempt was cut short by a crash, or with `stopped` by a host that left, a pause, or a failure in the middle
    of what may have changed something. With `repeat` it is run again, with `cancelled` the crash did what the user had
    asked for, else the user decides."""

    TYPE: ClassVar[str] = "attempt_interrupted"
    node: str
    attempt: int
    item: int | None = None
    repeat: bool = False
    cancelled: bool = False
    stopped: bool = False
    usage: Usage = NO_USAGE
    """What is known of it, of an attempt that did not end with its host."""


@dataclass(frozen=True, slots=True)
class CallHead:
    """A tool call as an agent's model asked for it, cut for display."""

    id: str
    tool: str
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class AgentStepped:
    """An agent took a step, which is part of the node's thread: attempts that follow go on from it."""

    TYPE: ClassVar[str] = "agent_stepped"
    node: str
    attempt: int
    role: str
    """``assistant``, ``tool`` or ``user``: see :class:`swarmtui.engine.ports.Stepped`."""
    sha: str
    """Blob with the whole entry as JSON."""
    item: int | None = None
    agent: str = ""
    """Who speaks, or handed over to whom."""
    said: str = ""
    """The first part of its text."""
    calls: tuple[CallHead, ...] = ()
    """Of an assistant: the tool calls that it asks for."""
    call: str = ""
    """Of a tool's result: the call that it answers."""
    ok: bool = True
    usage: Usage = NO_USAGE
    tainted: bool = False
    """Of a tool's result: whether anybody may have written it."""


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """Intent: committed before the tool does anything."""

    TYPE: ClassVar[str] = "tool_called"
    node: str
    attempt: int
    agent: str
    call: str
    tool: str
    item: int | None = None
    arguments: str = ""
    """As JSON text, cut for display."""
    effect: Effect = Effect.NONE
    why: str = ""
    """By whose leave."""


@dataclass(frozen=True, slots=True)
class TaskAssigned:
    """An agent gave a task away: the nodes `children`, which the event before this one made, carry it out."""

    TYPE: ClassVar[str] = "task_assigned"
    node: str
    attempt: int
    call: str
    children: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AttemptSuspended:
    """The attempt let go of its place until what it waits for is there; it was no try, and no failure."""

    TYPE: ClassVar[str] = "attempt_suspended"
    node: str
    attempt: int
    waits_for: str
    """``subagents``, ``question``, ``permission`` or ``proposal``: the first of them that applies."""
    item: int | None = None
    took_s: float = 0.0
    usage: Usage = NO_USAGE
    """What no step of it told of."""


@dataclass(frozen=True, slots=True)
class MapFinished:
    """All items of a map have ended. The node succeeds unless more failed than its map tolerates.

    `failed` counts malformed lines too: what could not be read was not done.
    """

    TYPE: ClassVar[str] = "map_finished"
    node: str
    succeeded: int
    failed: int
    ok: bool
    output: Output


@dataclass(frozen=True, slots=True)
class NodeSkipped:
    """The node will not run; `cause` is the node whose end is the reason, ``user``, or ``if``: its condition."""

    TYPE: ClassVar[str] = "node_skipped"
    node: str
    cause: str
    item: int | None = None


@dataclass(frozen=True, slots=True)
class NodeHeld:
    """The user paused the node: it does not start; what runs of it goes on."""

    TYPE: ClassVar[str] = "node_held"
    node: str


@dataclass(frozen=True, slots=True)
class NodeReleased:
    """The user let a held node go on."""

    TYPE: ClassVar[str] = "node_released"
    node: str


@dataclass(frozen=True, slots=True)
class NodeRetried:
    """The user had a node or item that ended run again.

    Dependents that were skipped for it wait again; those that ran become stale. `failed_items` limits a map to the
    items that failed.
    """

    TYPE: ClassVar[str] = "node_retried"
    node: str
    item: int | None = None
    failed_items: bool = False
    items: tuple[int, ...] = ()
    """These items of a map, chosen by a filter."""
    descendants: bool = False
    """Whether everything downstream that ran is run again too."""
    fresh: bool = False
    """Whether earlier successes may not be taken over for it."""
    restart: tuple[str, ...] = ()
    """Of what is run again with it, nodes that are at work: they are stopped, and begin anew."""
    goes_on: bool = False
    """An agent that was cut short in the middle of what may have changed something goes on where it was."""
    result: str | None = None
    """Of one that goes on: what came of the calls that were cut short, the user says; None: they are repeated."""


@dataclass(frozen=True, slots=True)
class NodePrioritised:
    """The user moved the node up or down among those that are ready."""

    TYPE: ClassVar[str] = "node_prioritised"
    node: str
    priority: int


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class ChangeDecided:
    """What becomes of a proposed change. An accepted one is the revision before this event, in the same commit."""

    TYPE: ClassVar[str] = "change_decided"
    id: str
    accepted: bool
    feedback: str = ""
    node: str | None = None
    nodes: tuple[str, ...] = ()
    """Of an accepted one: the nodes that it put."""


@dataclass(frozen=True, slots=True)
class Undone:
    """The user took the change at event `seq` back; the `events` events before this one do so."""

    TYPE: ClassVar[str] = "undone"
    seq: int
    what: str = ""
    """The change, in a few words."""
    events: int = 1
    redo: bool = False
    """The change at `seq` was itself an undo: what that had taken back is there again."""


@dataclass(frozen=True, slots=True)
class NodeCancelled:
    """The user cancelled a node, or its `item` alone, that had not ended; with nothing running it is over at once."""

    TYPE: ClassVar[str] = "node_cancelled"
    node: str
    item: int | None = None


@dataclass(frozen=True, slots=True)
class QuestionAsked:
    """An ``ask`` node, or with `call` an agent, waits for the user; lookups in the question are resolved."""

    TYPE: ClassVar[str] = "question_asked"
    node: str
    question: str
    choices: tuple[str, ...] = ()
    item: int | None = None
    kind: str = "question"
    """``question``, or ``permission`` to call a tool."""
    call: str = ""
    """Of an agent: the tool call that waits for the answer."""
    detail: str = ""
    """Of a permission: the call, whole, as escaped text."""
    agent: str = ""
    tool: str = ""


@dataclass(frozen=True, slots=True)
class QuestionAnswered:
    """The user answered: an ``ask`` node, whose attempt succeeds with it, or with `call` an agent, which goes on once
    nothing else of its questions is open."""

    TYPE: ClassVar[str] = "question_answered"
    node: str
    answer: str
    item: int | None = None
    call: str = ""


@dataclass(frozen=True, slots=True)
class ReportWritten:
    """A report exists at `path`, relative to the session's folder, and is copied to `copied_to` if set."""

    TYPE: ClassVar[str] = "report_written"
    path: str
    node: str
    copied_to: str | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """An event of a type that this version does not know; kept as it is."""

    TYPE: ClassVar[str] = "unknown"
    type: str
    data: dict[str, JSON]
    node: str | None = None
    item: int | None = None
    attempt: int | None = None


Body = (
    SessionCreated
    | HostStarted
    | SessionTakenOver
    | HostStopped
    | SessionPaused
    | SessionResumed
    | SessionCancelRequested
    | SessionFinished
    | LimitsSet
    | BudgetReached
    | BudgetWarned
    | PoolPaced
    | Forecasted
    | Noted
    | CommandApplied
    | PlanningStarted
    | PlanningFailed
    | PlanProposed
    | PlanApproved
    | PlanRejected
    | MapExpanded
    | AttemptStarted
    | AttemptSucceeded
    | AttemptFailed
    | AttemptThrottled
    | AttemptCancelled
    | AttemptInterrupted
    | AgentStepped
    | ToolCalled
    | TaskAssigned
    | AttemptSuspended
    | MapFinished
    | NodeSkipped
    | NodeHeld
    | NodeReleased
    | NodeRetried
    | NodePrioritised
    | PlanPatched
    | ChangeProposed
    | ChangeDecided
    | Undone
    | NodeCancelled
    | QuestionAsked
    | QuestionAnswered
    | ReportWritten
    | Unknown
)


@dataclass(frozen=True, slots=True)
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
