"""What a viewer sees of a session, wherever it comes from: a live host, or a file when no host lives.

A feed keeps a :class:`SessionState` folded up to what has arrived, and gathers what changed until the viewer's own
timer calls :meth:`Feed.drain`. So a viewer draws at its own pace however fast events come.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from swarmtui.frozen import frozen, mutable
from swarmtui.safety.paths import PathRefused
from swarmtui.session.errors import LogError, first_line

if TYPE_CHECKING:
    from swarmtui.host.shelf import Shelf
    from swarmtui.plan.model import JSON
    from swarmtui.session.events import Event
    from swarmtui.session.marks import Mark
    from swarmtui.session.state import SessionState
    from swarmtui.session.vocabulary import Status


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
    REPLAY = "replay"
    """The past is played: nobody can act, and time is that of the session."""


FILES_GONE = "the session's files are gone: until they are back nothing can be done but to cancel"
"""Why nothing else is asked of a session whose files somebody removed."""


class CommandRefused(Exception):
    """The session did not take a command; the text says why and what would work. `code` is the wire's error code.

    `data` has the particulars: of a decision that somebody else took first ``current_rev`` and ``decided_by``.
    """

    def __init__(self, message: str, code: int = -32000, data: dict[str, JSON] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data or {}


class NotFetched(ConnectionError):
    """What was asked of the past cannot be told, though the link may well be there; the text says why."""


@contextlib.contextmanager
def fetching() -> Iterator[None]:
    """Within the block whatever keeps the past from being read is a ConnectionError, or the kind of it that says so."""
    from swarmtui.host.connection import CallFailed  # the wire, which nobody needs who only looks at a state

    try:
        yield
    except ConnectionError:
        raise
    except (CallFailed, CommandRefused, LogError, PathRefused, OSError, *_UNREADABLE) as error:
        raise NotFetched(first_line(error)) from error


_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
"""What events raise that are not what was written."""


@frozen
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


@frozen
class Viewer:
    """Somebody who watches the session."""

    id: int
    name: str
    role: str
    """``observe`` or ``control``."""


@frozen
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


@mutable
class FeedStatus:
    """The feed's own condition."""

    link: Link = Link.CONNECTING
    note: str = ""
    """One line for the banner: why it is not live and what happens next."""
    trouble: str = ""
    """One line for the banner while the host cannot write the session file: nothing starts, and no event can tell."""
    gone: bool = False
    """Whether the session's files were removed, as `trouble` says: nothing that is asked for can be recorded."""
    role: str = "control"
    viewers: tuple[Viewer, ...] = field(default_factory=tuple)
    host_version: str = ""
    program: str = ""
    """The swarmtui command that the host was started with, on its machine."""
    seen: Status | None = None
    """The status where it is not the recorded one: a crash is seen, never recorded."""
    retry_at: float | None = None
    """While the link is broken: when it is tried again, in seconds of ``time.monotonic``; None while it is tried, and
    ``inf`` where that waits for the user."""
    caps: frozenset[str] = frozenset()
    """What the host can do beyond the oldest version of the wire (:data:`swarmtui.host.protocol.CAPS`)."""
    skipped: int = 0
    """Events that a snapshot has stood in for, since this viewer was too far behind."""
    play: Play | None = None
    """Where a replay is; None where nothing is played."""


@frozen
class Gap:
    """A long time without events."""

    seq: int
    """The event that ended it."""
    seconds: float
    """Of the session."""


@frozen
class Play:
    """Where a replay is, and what of the session there is to go to."""

    seq: int
    head_seq: int
    ts: float
    """Epoch seconds at the play head."""
    mono: float
    first_mono: float
    last_mono: float
    """Seconds on the session's own clock at the play head, the first and the last event."""
    speed: float
    """Seconds of the session per second."""
    playing: bool
    idle_limit: float | None
    """Seconds that a time without events lasts at most, before the speed applies; None: as long as it lasted."""
    gap_s: float | None = None
    """How long the time without events is that is being passed over, in seconds of the session."""
    live: bool = False
    """Whether the session goes on meanwhile: :meth:`Player.go_live` leads back to it."""
    marks: tuple[Mark, ...] = ()
    gaps: tuple[Gap, ...] = ()
    """The long ones, as far as they are known."""
    over_mono: float | None = None
    """When the session was over, where only its host left after that; None: with the last event, if at all."""
    over: bool = False
    """Whether the session is over though its host is there: what leads back leads to its end."""


class Feed(Protocol):
    """A source of one session. All calls belong to one event loop."""

    def clock(self) -> float:
        """Epoch seconds to draw with: now, the last moment of a session that is over, or that of the play head."""

    @property
    def state(self) -> SessionState:
        """The state folded so far; to be read, never changed."""

    @property
    def status(self) -> FeedStatus:
        """Link, role and the other viewers."""

    @property
    def shelf(self) -> Shelf:
        """Recorded texts and files."""

    def drain(self) -> Changes:
        """What arrived since the last call."""

    async def wait(self) -> None:
        """Until there is something to drain."""

    async def command(self, method: str, params: dict[str, JSON]) -> int:
        """Ask the session to do something (methods: ``engine/commands``); the seq at which it took effect.

        Raises CommandRefused; ConnectionError when the link broke and whether it took effect is not known.
        """

    async def events_before(self, seq: int, limit: int, node: str | None = None) -> list[Event]:
        """Up to `limit` events before `seq`, oldest first; of one node if given. Raises as :func:`fetching` does."""

    async def output(self, node: str, item: int | None = None) -> str:
        """The whole recorded output of a node or item, not cleaned. Raises as :func:`fetching` does."""

    async def log_tail(self, node: str, limit: int = 65_536) -> str:
        """The last `limit` bytes of the node's log file, not cleaned; empty if there is none. Raises as
        :func:`fetching` does."""

    async def close(self) -> None:
        """Leave; the session goes on."""


class Player(Feed, Protocol):
    """A feed whose past can be moved about in. None of these waits: what they change comes with the next drain."""

    def play(self) -> None:
        """Go on; from the beginning where the play head is at the end, unless the session goes on: then it stays."""

    def pause(self) -> None:
        """Stand still."""

    def set_speed(self, speed: float) -> None:
        """Between :data:`SLOWEST` and :data:`FASTEST`; what is beyond is the nearest of them."""

    def set_idle_limit(self, seconds: float | None) -> None:
        """See :attr:`Play.idle_limit`."""

    def step(self, events: int) -> None:
        """Pause, and go by so many events, backwards if negative."""

    def seek(self, seq: int) -> None:
        """Go to just after event `seq`, or the nearest there is."""

    def seek_time(self, mono: float) -> None:
        """Go to the last event at or before `mono`, on the session's own clock."""

    def seek_mark(self, direction: int) -> Mark | None:
        """Go to the next mark (1) or the previous one (-1), which is returned; None, and nothing moves, without one."""

    def go_live(self) -> None:
        """Follow the session as it goes on; to the end, where it does not."""


SLOWEST, FASTEST = 0.25, 64.0
