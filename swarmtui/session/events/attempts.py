"""Attempts at nodes and at items of maps: the intent, and every way in which one may end."""

from __future__ import annotations

from typing import ClassVar

from swarmtui.frozen import frozen
from swarmtui.session.vocabulary import NO_USAGE, ErrorInfo, Output, Usage


@frozen
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


@frozen
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


@frozen
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


@frozen
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


@frozen
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


@frozen
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


@frozen
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


AttemptBody = (
    AttemptStarted
    | AttemptSucceeded
    | AttemptFailed
    | AttemptThrottled
    | AttemptCancelled
    | AttemptInterrupted
    | AttemptSuspended
)
