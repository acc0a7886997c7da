"""What an agent may do next, and what it is given to work with: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from swarmtui.agents.control_tools import Powers
from swarmtui.agents.thread import Call
from swarmtui.agents.tools import AgentTool
from swarmtui.engine.ports import Assignment, Inquiry
from swarmtui.frozen import frozen
from swarmtui.models.chat import Message, Tool
from swarmtui.plan.model import JSON
from swarmtui.plan.team import AgentLimits
from swarmtui.session.vocabulary import ErrorInfo


@frozen
class Ready:
    """A tool call that may be made."""

    call: Call
    agent: str
    tool: AgentTool
    arguments: Mapping[str, JSON]
    why: str
    """By whose leave."""


@frozen
class Record:
    """Entries to record; nothing else is to be done for them."""

    entries: tuple[JSON, ...]


@frozen
class CallTools:
    """Calls to be made, at the same time."""

    calls: tuple[Ready, ...]


@frozen
class CallModel:
    """A call of the active agent's model."""

    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    schema: JSON = None
    final: bool = False
    """No calls are wanted in the answer: it ends the work, or sums it up."""
    closing: str | None = None
    """What keeps the agent from going on by itself."""
    summary_before: int | None = None
    """It sums up what came before this entry, instead of going on."""


@frozen
class Suspend:
    """There is something to wait for."""

    assignments: tuple[Assignment, ...] = ()
    inquiries: tuple[Inquiry, ...] = ()


@frozen
class Finish:
    """The agent has answered. `stopped` says what kept it from going on by itself, `cut` that its text is not whole,
    `lacks` which tools it should have called."""

    text: str
    stopped: str | None = None
    cut: bool = False
    lacks: tuple[str, ...] = ()


@frozen
class Fail:
    """It cannot go on."""

    error: ErrorInfo


Action = Record | CallTools | CallModel | Suspend | Finish | Fail


@frozen
class Work:
    """What an agent is given beside its thread: the task, what it can do, and the window of its model in tokens."""

    prompt: str
    powers: Powers
    tools: Mapping[str, AgentTool] = field(default_factory=dict)
    """By the name that the model calls them by; those of :attr:`Thread.caller`."""
    window: int | None = None
    limits: AgentLimits = AgentLimits()
    """Those of the agent that the node began with."""
    must_call: frozenset[str] = frozenset()
    """Tools of which the agent has to call one before it answers."""

    @property
    def own_tools(self) -> frozenset[str]:
        """Names of the agent's own tools."""
        return frozenset(tool.name for tool in self.powers.offers)

    @property
    def offered(self) -> tuple[Tool, ...]:
        """All tools that the model is told of. Where names clash, the agent's own come first."""
        if self.limits.tool_calls == 0:
            return ()
        own = self.own_tools
        return (*(tool.spec for name, tool in self.tools.items() if name not in own), *self.powers.offers)

    @property
    def offers_tools(self) -> bool:
        """Whether there is anything to call."""
        return bool(self.offered)
