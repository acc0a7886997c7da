"""Tools of agents: what a tool is, what calls it, what it gives back.

A tool never decides whether it may be called: :mod:`swarmtui.safety.permissions` does, before, from the rules of the
plan. What a tool gives back is text from outside: it is passed on as it is, and cleaned by whoever shows it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from typing import Protocol

from swarmtui.frozen import frozen
from swarmtui.models.chat import Tool
from swarmtui.plan.model import JSON
from swarmtui.safety.permissions import Effect

RESULT_CHARS = 50_000
"""What a model is told of one result at most; the rest is cut, and said to be."""


@frozen
class ToolResult:
    """What a call came to. With `ok` false the text says what went wrong, for the model to act on."""

    text: str
    ok: bool = True
    agent: str | None = None
    """The agent of the team that goes on from here: a function may hand over."""
    context: Mapping[str, JSON] = field(default_factory=dict)
    """Context variables that it sets."""


@frozen
class ToolContext:
    """Who calls, and from where."""

    session: str
    node: str
    agent: str
    call: str
    """Id of the call; unique in a session."""
    cwd: str
    """Folder in which the user started the session, absolute."""
    folder: str
    """The attempt's own folder, absolute: what a tool writes by itself goes there."""
    task_folder: str
    trusted: bool
    """Whether the plan is the user's own."""
    variables: Mapping[str, JSON] = field(default_factory=dict)
    """Context variables of the agent, for functions that take them."""
    say: Callable[[str], None] = field(default=lambda text: None)
    """Takes progress, shown in the agent's pane and not recorded."""


@frozen
class AgentTool:
    """One tool that an agent has. `run` never raises but for cancellation: what goes wrong is a ToolResult."""

    spec: Tool
    effect: Effect
    run: Callable[[Mapping[str, JSON], ToolContext], Awaitable[ToolResult]]
    untrusted: bool = False
    """Whether anybody may have written what it gives back: the agent is tainted from then on."""
    timeout_s: float = 120.0
    rule_name: str = ""
    """What permission rules call it where that is not ``spec.name``: ``server/tool`` of an MCP server's."""


class ToolSource(Protocol):
    """Where tools come from: the built-in ones, an MCP server, the user's Python functions."""

    async def tools(self, name: str, agent: str) -> tuple[AgentTool, ...]:
        """The tools that `name` (an entry of an agent's ``tools``) means for `agent`; none where it is not of this
        source. Raises ToolUnavailable."""

    async def close(self) -> None:
        """Let go of all resources; what takes long is done in the background."""


class ToolUnavailable(Exception):
    """A tool that an agent names cannot be had; the message says why and how to mend it, in one line."""
