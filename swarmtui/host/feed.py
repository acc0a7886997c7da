"""What a viewer sees of a session, wherever it comes from: a live host, or a file when no host lives.

A feed keeps a :class:`SessionState` folded up to what has arrived, and gathers what changed until the viewer's own
timer calls :meth:`Feed.drain`. So a viewer draws at its own pace however fast events come.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from swarmtui.plan.model import JSON
from swarmtui.session.events import Event
from swarmtui.session.state import SessionState


class Link(StrEnum):
    """How the feed stands with its source."""

    CONNECTING = "connecting"
    LIVE = "live"
    RECONNECTING = "reconnecting"
    ENDED = "ended"
    """The host said goodbye in good order."""
    CRASHED = "crashed"
    """The host is gone without a goodbye."""
    ARCHIVE = "archive"
    """Read from the file: nobody can act."""


class CommandRefused(Exception):
    """The session did not take a command; the text says why and what would work. `code` is the wire's error code."""

    def __init__(self, message: str, code: int = -32000) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class StreamText:
    """New text of a running attempt, as it came (not cleaned)."""

    node: str
    item: int | None
    attempt: int
    channel: str
    """``output``, ``reasoning`` or ``stderr``."""
    offset: int
    """Characters of this channel before `text`; a gap means that some were dropped because the viewer was slow."""
    text: str


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who watches the session."""

    id: int
    name: str
    role: str
    """``observe`` or ``control``."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What arrived since the last drain."""

    nodes: frozenset[str] = frozenset()
    """Nodes whose state changed."""
    events: tuple[Event, ...] = ()
    streams: tuple[StreamText, ...] = ()
    reset: bool = False
    """The state was replaced by a snapshot: redraw all."""
    link: bool = False
    """`link`, `note`, `trouble` or `viewers` changed."""

    def __bool__(self) -> bool:
        return bool(self.nodes or self.events or self.streams or self.reset or self.link)


@dataclass(slots=True)
class FeedStatus:
    """The feed's own condition."""

    link: Link = Link.CONNECTING
    note: str = ""
    """One line for the banner: why it is not live and what happens next."""
    trouble: str = ""
    """One line for the banner while the host cannot write the session file: nothing starts, and no event can tell."""
    role: str = "control"
    viewers: tuple[Viewer, ...] = field(default_factory=tuple)
    host_version: str = ""


class Feed(Protocol):
    """A source of one session. All calls belong to one event loop."""

    @property
    def state(self) -> SessionState:
        """The state folded so far; to be read, never changed."""

    @property
    def status(self) -> FeedStatus:
        """Link, role and the other viewers."""

    def drain(self) -> Changes:
        """What arrived since the last call."""

    async def wait(self) -> None:
        """Until there is something to drain."""

    async def command(self, method: str, params: dict[str, JSON]) -> int:
        """Ask the session to do something (methods: ``engine/commands``); the seq at which it took effect.

        Raises CommandRefused; ConnectionError when the link broke and whether it took effect is not known.
        """

    async def events_before(self, seq: int, limit: int, node: str | None = None) -> list[Event]:
        """Up to `limit` events before `seq`, oldest first; of one node if given."""

    async def output(self, node: str, item: int | None = None) -> str:
        """The whole recorded output of a node or item, not cleaned."""

    async def log_tail(self, node: str, limit: int = 65_536) -> str:
        """The last `limit` bytes of the node's log file, not cleaned; empty if there is none."""

    async def close(self) -> None:
        """Leave; the session goes on."""
