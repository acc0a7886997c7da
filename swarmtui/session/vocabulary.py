"""The words of a session: states, statuses, kinds of error, and the small values that events and state share."""

from __future__ import annotations

from enum import StrEnum

from swarmtui.frozen import frozen


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


DONE: frozenset[State] = frozenset({State.SUCCEEDED, State.FAILED, State.SKIPPED, State.STALE})
"""What was gone through, with whatever result."""
ENDED: frozenset[State] = DONE | {State.CANCELLED}
"""States from which a node moves only when somebody asks for it."""


def how_ended(state: State | Status) -> str:
    """How something ended, to follow its name in a sentence: ``has failed``, ``was cancelled``."""
    if state.value in (State.SKIPPED, State.CANCELLED):
        return f"was {state.value}"
    return "has succeeded, on what was changed since" if state.value == State.STALE else f"has {state.value}"


def why_skipped(cause: str | None) -> str | None:
    """Why a node was skipped, to stand alone; None for one that was not."""
    if cause == BY_CONDITION:
        return "skipped: its condition does not hold, or that of what it needs"
    return f"skipped because of {cause}" if cause else None


def why_paused(reason: str) -> str:
    """Why a session is paused, by what is recorded of it: words for what swarmtui records, nothing where the user did
    it; what a recording of another program says itself stays as it is."""
    return _WHY_PAUSED.get(reason, reason)


def why_so(status: Status | str | None, reason: str) -> str:
    """Why a session stands as it does: of one that is paused in words, of any other what was recorded."""
    return why_paused(reason) if status == Status.PAUSED else reason


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


ALLOW_ONCE, ALLOW_ALWAYS, DENY = "allow once", "allow always", "deny"
"""Answers to an agent that asks for permission to call a tool."""

BY_PLANNER = "(planner)"
"""Parent of nodes that a planner put while the plan ran, and no node."""
BY_CONDITION = "if"
"""Cause of a skip for what a node's condition says, and of skips that follow from it: no failure."""

STUCK = "stuck"
"""Reason of a pause in which nothing can start until somebody acts: any command about a node or a limit ends it."""

FORKED = "forked"
"""Reason of the pause that a fork begins with."""

_WHY_PAUSED = {
    "user": "",
    "resumed": "what was cut short waits for you",
    "signal": "its host was stopped",
    "disk": "the disk takes nothing more",
    STUCK: "nothing goes on until you act",
    FORKED: "nothing has been started since the fork",
}

STOPPING = frozenset({"session.cancel", "node.cancel"})
"""What can be asked of a session that can record nothing any more: it ends what goes on, and begins nothing."""
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
    SCHEMA = "schema"  # the output has not the shape that the node's check asks for
    CHECK = "check"  # the output has the shape, and is not what the node's check asks for
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
        ErrorKind.SCHEMA,
        ErrorKind.CHECK,
        ErrorKind.LOST,
    }
)
PROVIDER_TRIES = 4
"""Retries after a provider's fault, when the plan grants fewer: the fault is not the node's."""


def retries_after(limit: int, kind: ErrorKind) -> int:
    """How many retries there are after an error of `kind` where a plan grants `limit`."""
    return max(limit, PROVIDER_TRIES) if kind in (ErrorKind.OUTAGE, ErrorKind.MALFORMED) else limit


@frozen
class ErrorInfo:
    """A failure as the user is told it."""

    kind: ErrorKind
    message: str
    """One line: what, and how to mend it where that is known."""
    exit_code: int | None = None
    retry_after_s: float | None = None
    """The provider's own word on when to come back."""


@frozen
class Usage:
    """What an attempt consumed. None is unknown; it is never taken for zero."""

    tokens_in: int | None = None
    tokens_out: int | None = None
    tokens_cached: int | None = None
    cost_usd: float | None = None
    model: str | None = None
    first_token_s: float | None = None
    simulated: bool = False
    calls: int | None = None
    """Model calls that it adds up; None: one, if it names a model."""
    untold: int = 0
    """Of several calls, those of which neither tokens nor cost are known: the figures lack them."""
    tokens_reasoning: int | None = None
    """How many of `tokens_out` were reasoning, as far as the provider told it."""

    @property
    def requests(self) -> int:
        """Model calls that it stands for."""
        return (0 if self.model is None else 1) if self.calls is None else self.calls


NO_USAGE = Usage()
"""Of an attempt that called no model."""


@frozen
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


def place_of(node: str, item: int | None) -> str:
    """How a node, or an item of its map, is called where one word is wanted: ``node`` or ``node/item``."""
    return node if item is None else f"{node}/{item}"


@frozen
class Chunk:
    """A run of items of a map: `count` JSON lines in the blob `sha`."""

    sha: str
    count: int
    line: int = 0
    """The place of the first of them in the source (see :mod:`swarmtui.engine.sources`); 0: not known."""
    lines: str | None = None
    """Blob with the place of each as JSON, where they do not follow each other without gaps."""
