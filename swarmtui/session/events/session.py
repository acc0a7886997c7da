"""What happens to a session as a whole, and to the hosts that run it."""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON, Limits, ModelRef
from swarmtui.plan.team import Team


@frozen
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


@frozen
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


@frozen
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


@frozen
class HostStopped:
    """The host let go in good order. `reason` is ``finished``, ``signal`` or ``idle``."""

    TYPE: ClassVar[str] = "host_stopped"
    reason: str


@frozen
class SessionPaused:
    """No new starts. `reason` is ``user``, ``budget``, ``signal``, ``disk``, ``stuck`` or ``resumed``."""

    TYPE: ClassVar[str] = "session_paused"
    reason: str = "user"
    now: bool = False
    """Whether what runs is stopped and held, instead of running to its end."""


@frozen
class SessionResumed:
    """Starts go on."""

    TYPE: ClassVar[str] = "session_resumed"


@frozen
class SessionCancelRequested:
    """The user ended the session: nothing starts, what runs is stopped."""

    TYPE: ClassVar[str] = "session_cancel_requested"


@frozen
class SessionFinished:
    """Every node has ended. `status` is ``succeeded``, ``failed`` or ``cancelled``."""

    TYPE: ClassVar[str] = "session_finished"
    status: str
    reason: str = ""


@frozen
class MarkerSet:
    """Somebody marked this moment, to find it again in a replay; it changes no state."""

    TYPE: ClassVar[str] = "marker_set"
    label: str


@frozen
class SessionForked:
    """What comes before this event was copied from another session, which goes its own way; this one is `id`.

    The first event of its own that a fork has. Attempts that were in flight at that point are none of its own: its
    first host treats them as it does after a crash, except that nothing of them can still be alive.
    """

    TYPE: ClassVar[str] = "session_forked"
    id: str
    parent: str
    parent_seq: int
    """The last event that was copied."""
    log: str = ""
    """Hash of that event, in hex: that it is the parent's own can be seen by it."""


@frozen
class Noted:
    """A line for the log that changes no state: a warning, a hint, something the user should know."""

    TYPE: ClassVar[str] = "noted"
    level: str
    """``info``, ``warning`` or ``error``."""
    message: str
    node: str | None = None


@frozen
class CommandApplied:
    """A viewer's command took effect; `command` is its id, so that repeating it does nothing again."""

    TYPE: ClassVar[str] = "command_applied"
    command: str
    method: str
    params: dict[str, JSON] = field(default_factory=dict)


@frozen
class ReportWritten:
    """A report exists at `path`, relative to the session's folder, and is copied to `copied_to` if set."""

    TYPE: ClassVar[str] = "report_written"
    path: str
    node: str
    copied_to: str | None = None


SessionBody = (
    SessionCreated
    | HostStarted
    | SessionTakenOver
    | HostStopped
    | SessionPaused
    | SessionResumed
    | SessionCancelRequested
    | SessionFinished
    | SessionForked
    | MarkerSet
    | Noted
    | CommandApplied
    | ReportWritten
)
