"""Event types: everything that can ever have happened to a session, each defined once.

An event body is a frozen dataclass with a past-tense name; its ``TYPE`` is what the log and the wire call it. A body
that concerns a node has `node`, and where it applies `item` (index within the node's map) and `attempt` (from 1).
:class:`Event` is a body together with what the log knows of it. Bodies cross boundaries as JSON through
:func:`encode_body` and :func:`decode_body`; unknown fields are ignored and unknown types kept as :class:`Unknown`, so
that a newer file still folds as far as this version understands it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from swarmtui.plan.model import JSON, Limits, ModelRef, Plan, plan_from_json, plan_to_json

if TYPE_CHECKING:
    from pydantic import TypeAdapter


class State(StrEnum):
    """State of a node or an item (design section 6)."""

    WAITING = "waiting"
    READY = "ready"
    RUNNING = "running"
    RETRYING = "retrying"
    THROTTLED = "throttled"
    HELD = "held"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    STALE = "stale"


ENDED: frozenset[State] = frozenset({State.SUCCEEDED, State.FAILED, State.SKIPPED, State.CANCELLED, State.STALE})
"""States from which a node moves only when somebody asks for it."""


class Status(StrEnum):
    """Status of a session (design section 6)."""

    PLANNING = "planning"
    AWAITING_APPROVAL = "awaiting_approval"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    CRASHED = "crashed"  # never recorded: no host lives and the session had not ended


FINAL: frozenset[Status] = frozenset({Status.SUCCEEDED, Status.FAILED, Status.CANCELLED})


class ErrorKind(StrEnum):
    """Why an attempt failed; decides whether it may be tried again."""

    THROTTLED = "throttled"  # the provider said "too much": requeued, never counted as a failure
    OUTAGE = "outage"  # the provider could not be reached or broke
    REFUSED = "refused"  # it answered, and the answer is no: key, permission, content
    MALFORMED = "malformed"  # its reply could not be read
    TOO_LONG = "too_long"  # the request does not fit the model's window
    TIMEOUT = "timeout"  # the attempt's own deadline
    EXIT = "exit"  # a command ended with a code that is not success
    CHECK = "check"  # the output is not what the node's check asks for
    INPUT = "input"  # a lookup could not be resolved, an item could not be read
    BLOCKED = "blocked"  # safety: no sandbox, no permission
    LOST = "lost"  # the worker died
    INTERNAL = "internal"  # a defect of swarmtui


RETRYABLE: frozenset[ErrorKind] = frozenset(
    {
        ErrorKind.OUTAGE,
        ErrorKind.MALFORMED,
        ErrorKind.TIMEOUT,
        ErrorKind.EXIT,
        ErrorKind.CHECK,
        ErrorKind.LOST,
    }
)


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """A failure as the user is told it."""

    kind: ErrorKind
    message: str
    """One line: what, and how to mend it where that is known."""
    exit_code: int | None = None
    retry_after_s: float | None = None
    """The provider's own word on when to come back."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What an attempt consumed. None is unknown; it is never taken for zero."""

    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    cost_usd: float | None = None
    model: str | None = None
    first_token_s: float | None = None
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """An attempt's result: `text` is the whole of it, or its first part when :attr:`whole` is false."""

    text: str
    size: int
    """Bytes of the whole in UTF-8."""
    sha: str | None = None
    """BLAKE2b-16 (hex) of the whole, the key of the blob that holds it."""
    path: str | None = None
    """File that holds the whole, relative to the session's folder."""
    truncated: bool = False
    """Whether even `sha` and `path` lack a part, since it passed the cap of what is kept."""
    exit_code: int | None = None

    @property
    def whole(self) -> bool:
        """Whether `text` is all there is."""
        return self.sha is None and not self.truncated and len(self.text.encode("utf-8", "replace")) >= self.size


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of items of a map: `count` JSON lines in the blob `sha`."""

    sha: str
    count: int


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


@dataclass(frozen=True, slots=True)
class HostStarted:
    """A host took the session over; attempts still open at this point were caught by a crash."""

    TYPE: ClassVar[str] = "host_started"
    pid: int
    boot_id: str
    app: str
    cpus: int = 2
    """Processors that commands may use; sets how many run at once unless the user says."""


@dataclass(frozen=True, slots=True)
class HostStopped:
    """The host let go in good order. `reason` is ``finished``, ``signal`` or ``idle``."""

    TYPE: ClassVar[str] = "host_stopped"
    reason: str


@dataclass(frozen=True, slots=True)
class SessionPaused:
    """No new starts. `reason` is ``user``, ``budget``, ``signal``, ``disk`` or ``resumed``."""

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
    """New starts stop. `kind` is ``usd``, ``tokens`` or ``minutes``; the figures are in that unit."""

    TYPE: ClassVar[str] = "budget_reached"
    kind: str
    spent: float
    limit: float


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
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class PlanProposed:
    """A plan revision exists, valid, and waits for approval. `note` says what changed, or the planner's thought."""

    TYPE: ClassVar[str] = "plan_proposed"
    plan_rev: int
    plan: Plan
    note: str = ""
    usage: Usage = Usage()


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
    """Hash of what the attempt is made of: equal keys are equal work."""


@dataclass(frozen=True, slots=True)
class AttemptSucceeded:
    """Result: dependents unlock once it is committed."""

    TYPE: ClassVar[str] = "attempt_succeeded"
    node: str
    attempt: int
    output: Output
    item: int | None = None
    took_s: float = 0.0
    usage: Usage = Usage()


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
    usage: Usage = Usage()
    output: Output | None = None


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
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class AttemptInterrupted:
    """A crash caught the attempt. With `repeat` it is run again at once, else the user decides."""

    TYPE: ClassVar[str] = "attempt_interrupted"
    node: str
    attempt: int
    item: int | None = None
    repeat: bool = False


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
    """The node will not run; `cause` is the node whose end is the reason, or ``user``."""

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


@dataclass(frozen=True, slots=True)
class NodeCancelled:
    """The user cancelled a node that had not ended; with nothing of it running it is over at once."""

    TYPE: ClassVar[str] = "node_cancelled"
    node: str
    item: int | None = None


@dataclass(frozen=True, slots=True)
class QuestionAsked:
    """An ``ask`` node waits for the user; lookups in the question are resolved."""

    TYPE: ClassVar[str] = "question_asked"
    node: str
    question: str
    choices: tuple[str, ...] = ()
    item: int | None = None


@dataclass(frozen=True, slots=True)
class QuestionAnswered:
    """The user answered an ``ask`` node; its attempt succeeds with the answer."""

    TYPE: ClassVar[str] = "question_answered"
    node: str
    answer: str
    item: int | None = None


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
    | HostStopped
    | SessionPaused
    | SessionResumed
    | SessionCancelRequested
    | SessionFinished
    | LimitsSet
    | BudgetReached
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
    | MapFinished
    | NodeSkipped
    | NodeHeld
    | NodeReleased
    | NodeRetried
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


_COLUMNS = {"node", "item", "attempt"}
BODIES: dict[str, type[Body]] = {kind.TYPE: kind for kind in Body.__args__ if kind is not Unknown}
"""Event type -> its class: the only list of event types there is."""


@cache
def _adapters() -> dict[str, TypeAdapter[Any]]:
    """Codecs by event type, each built when it is first needed: building all of them costs a visible delay."""
    return {}


def _adapter(kind: type[Body]) -> TypeAdapter[Any]:
    adapters = _adapters()
    adapter = adapters.get(kind.TYPE)
    if adapter is None:
        from pydantic import TypeAdapter

        adapter = adapters[kind.TYPE] = TypeAdapter(kind)
    return adapter


def encode_body(body: Body) -> dict[str, JSON]:
    """The body's ``data``: its fields but for node, item and attempt; what equals its default is left out."""
    if isinstance(body, Unknown):
        return body.data
    if isinstance(body, PlanProposed):  # keeps each node's kind, which a default would drop
        data = _adapter(PlanProposed).dump_python(body, mode="json", exclude_defaults=True, exclude={"plan"})
        return {**data, "plan": plan_to_json(body.plan)}
    encoded: dict[str, JSON] = _adapter(type(body)).dump_python(
        body, mode="json", exclude_defaults=True, exclude=_COLUMNS
    )
    return encoded


def encode_text(body: Body) -> str:
    """:func:`encode_body` as ASCII JSON text, made in one pass: the log encodes every event."""
    if not isinstance(body, Unknown | PlanProposed):
        try:
            encoded = _adapter(type(body)).dump_json(body, exclude_defaults=True, exclude=_COLUMNS, ensure_ascii=True)
            return encoded.decode("ascii")
        except ValueError:  # lone surrogates, which json writes as escapes
            pass
    return json.dumps(encode_body(body), separators=(",", ":"))


def decode_text(kind: str, text: str, node: str | None, item: int | None, attempt: int | None) -> Body:
    """:func:`decode_body` from JSON text, in one pass. Raises ValueError if `text` is no such body's."""
    body_type = BODIES.get(kind)
    if body_type is None or body_type is PlanProposed:
        return decode_body(kind, json.loads(text), node, item, attempt)
    columns = "" if node is None else f'"node":{json.dumps(node)},'
    if item is not None:
        columns += f'"item":{item},'
    if attempt is not None:
        columns += f'"attempt":{attempt},'
    whole = text if not columns else "{" + columns + text[1:] if text != "{}" else "{" + columns[:-1] + "}"
    try:
        body: Body = _adapter(body_type).validate_json(whole)
    except ValueError:  # lone surrogates; what is really wrong fails again, and is told
        return decode_body(kind, json.loads(text), node, item, attempt)
    return body


def decode_body(
    kind: str,
    data: dict[str, JSON],
    node: str | None = None,
    item: int | None = None,
    attempt: int | None = None,
) -> Body:
    """The body of type `kind`. Raises ``pydantic.ValidationError`` if `data` is not one's; unknown kinds are kept."""
    body_type = BODIES.get(kind)
    if body_type is None:
        return Unknown(kind, data, node, item, attempt)
    if body_type is PlanProposed:
        data = {**data, "plan": plan_from_json(data["plan"])}
    whole = dict(data)
    if node is not None:
        whole["node"] = node
    if item is not None:
        whole["item"] = item
    if attempt is not None:
        whole["attempt"] = attempt
    body: Body = _adapter(body_type).validate_python(whole)
    return body


def type_of(body: Body) -> str:
    """What the log and the wire call this body."""
    return body.type if isinstance(body, Unknown) else body.TYPE


def event_to_json(event: Event) -> dict[str, JSON]:
    """The event as scripts and viewers see it: ``{seq, ts, mono, type, node?, item?, attempt?, actor?, data}``."""
    body = event.body
    line: dict[str, JSON] = {"seq": event.seq, "ts": event.ts, "mono": event.mono, "type": type_of(body)}
    for column in ("node", "item", "attempt"):
        value = getattr(body, column, None)
        if value is not None:
            line[column] = value
    if event.actor is not None:
        line["actor"] = event.actor
    line["data"] = encode_body(body)
    return line


def event_from_json(line: dict[str, JSON]) -> Event:
    """The inverse of :func:`event_to_json`."""
    body = decode_body(line["type"], line["data"], line.get("node"), line.get("item"), line.get("attempt"))
    return Event(line["seq"], line["ts"], line["mono"], body, line.get("actor"))
