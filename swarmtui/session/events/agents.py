"""What agents do within an attempt: steps, calls of tools, tasks that they give away."""

from __future__ import annotations

from typing import ClassVar

from swarmtui.frozen import frozen
from swarmtui.safety.permissions import Effect
from swarmtui.session.vocabulary import NO_USAGE, Usage


@frozen
class CallHead:
    """A tool call as an agent's model asked for it, cut for display."""

    id: str
    tool: str
    arguments: str = ""


@frozen
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


@frozen
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


@frozen
class TaskAssigned:
    """An agent gave a task away: the nodes `children`, which the event before this one made, carry it out."""

    TYPE: ClassVar[str] = "task_assigned"
    node: str
    attempt: int
    call: str
    children: tuple[str, ...]


AgentBody = AgentStepped | ToolCalled | TaskAssigned
