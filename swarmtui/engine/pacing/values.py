"""What goes into the pacer and comes out of it."""

from __future__ import annotations

from collections import deque
from typing import Literal

from swarmtui.engine.pacing.mirror import Mark
from swarmtui.frozen import frozen, mutable

Binding = Literal["wall", "rpm", "tpm", "latency", "outage", "user", "none"]

HISTORY = 200


@frozen
class Admission:
    """May a call go now? If not: when to ask again; `retry_at` None means after the next event of a call."""

    go: bool
    retry_at: float | None


@frozen
class Verdict:
    """What becomes of the job whose call ended.

    `retry_at` None: it succeeded. Otherwise the earliest time at which to send it again; `charged` says that the
    failure counts against the job's own attempts. A refusal and an outage are never the job's fault.
    """

    retry_at: float | None
    charged: bool


@frozen
class Change:
    """One change of what the pacer allows, and its cause."""

    at: float
    window: int
    cause: str


@frozen
class PacerView:
    """What the user is shown."""

    window: int
    """Calls that may be in flight now."""
    rate_per_minute: float | None
    """Calls per minute that the provider is known to allow; None where no such limit is known."""
    in_flight: int
    binding: Binding
    refused_per_100: float
    """Refusals per 100 calls that were not refused, of about the last thousand."""
    per_minute: float
    """Calls per minute that ended well, over about the last minute."""
    log: tuple[Change, ...]
    """The last changes, oldest first."""


@mutable
class Call:
    """A call in flight."""

    seq: int
    sent_at: float
    before: int
    """Calls in flight when it was sent, itself not counted."""
    tokens: int
    request_mark: Mark
    token_mark: Mark
    first_at: float | None = None
    beyond: bool = False
    """Whether it went beyond what was accepted, to see whether more is."""
    probe: bool = False
    """Sent to see whether an outage is over."""
    clouded: bool = False
    """Whether this machine was too busy, at some time since, for the call's times to tell of the provider."""
    refused_after: int | None = None
    """The newest call that had been sent when it was known that this one was refused, nobody saying why."""
    void: bool = False
    """Whether its end says nothing of what the provider lets in."""


class Journal:
    """The last changes, with time and cause. One cause in a row is told once, with its newest numbers."""

    def __init__(self) -> None:
        self._changes: deque[Change] = deque(maxlen=HISTORY)

    def note(self, now: float, window: float, cause: str) -> None:
        """Keep it."""
        change = Change(now, int(window), cause)
        if self._changes and self._changes[-1].cause == cause and cause.startswith("growing"):
            self._changes[-1] = change
        else:
            self._changes.append(change)

    @property
    def changes(self) -> tuple[Change, ...]:
        """Oldest first."""
        return tuple(self._changes)
