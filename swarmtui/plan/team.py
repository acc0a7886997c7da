"""Who may work in a plan beside plain calls: agents, the servers and rules of their tools. Plain frozen values.

A team is the user's own word, written in the task file, and part of what an approval is bound to: neither a planner
nor an agent can add to it. An agent that another one makes while it runs has a share of its maker's tools.
"""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import field
from typing import Literal

from swarmtui.frozen import frozen
from swarmtui.safety.permissions import Rule

PROGRAMS: tuple[str, ...] = ("claude", "codex", "gemini", "opencode", "copilot", "goose", "aider")
"""Programs that an agent node may name without the team defining them; how each is run: ``workers/cli_agents``."""

BUILT_IN_TOOLS: tuple[str, ...] = (
    "web_search",
    "crawl",
    "python",
    "shell",
    "list_files",
    "read_file",
    "search_files",
    "write_file",
    "now",
    "ask_user",
    "create_subagent",
    "assign_task",
)
"""Tools that are there without a server. The last three are the agent's own: see :mod:`swarmtui.agents.thread`."""


@frozen
class AgentLimits:
    """What one carrying out of an agent node may use. Its money is the node's ``budget``."""

    steps: int = 25
    """Calls of its model."""
    tool_calls: int = 100
    subagents: int = 16
    """Subagents that it may make, as :func:`subagents_for` counts them, those of its subagents not counted; 0: none."""
    depth: int = 1
    """Generations below it: 1 lets it make subagents that make none."""


def subagents_for(items: Sized | None) -> int:
    """How many subagents a task counts for: one, or one for each item of a batch."""
    return len(items) if items else 1


@frozen
class AgentDef:
    """An agent, as an entry of ``agents`` or a node defines it."""

    instructions: str = ""
    """The system prompt. May hold lookups of the context variables of the node."""
    model: str = "worker"
    """Tier, profile (``small``, ``medium``, ``large``), a name of ``models``, or ``provider/model``."""
    tools: tuple[str, ...] = ()
    """Names of built-in tools, ``server`` or ``server/tool`` of an MCP server, or ``file.py:function``."""
    must_call: tuple[str, ...] = ()
    """Of its tools, those of which it has to call one before it answers: it is told so once, and else it is noted."""
    handoffs: tuple[str, ...] = ()
    """Agents of the team to which it may hand over."""
    description: str = ""
    """What others that may hand over to it, and the planner, are told of it."""
    limits: AgentLimits = AgentLimits()
    max_tokens: int | None = None
    temperature: float | None = None
    command: tuple[str, ...] = ()
    """A program that is the agent (``{prompt}`` stands for the task's text, which else goes to its standard input)."""
    program: str | None = None
    """A program known by name (``claude``, ``codex``, …) that is the agent."""
    worktree: bool = True
    """Of a program: whether it works in a copy of its own where the folder is a git repository."""
    network: bool = False
    """Of a `command`: whether it may use the network in the sandbox."""


@frozen
class Server:
    """An MCP server: a command to start, or the address of one that runs."""

    command: tuple[str, ...] = ()
    url: str | None = None
    env: dict[str, str] = field(default_factory=dict)
    """Variables for the command; ``$NAME`` as a whole value takes the host's variable of that name."""
    headers: dict[str, str] = field(default_factory=dict)
    """For `url`; ``$NAME`` as a whole value takes the host's variable of that name."""
    tools: tuple[str, ...] = ()
    """Tools that may be used; empty: all."""
    agents: tuple[str, ...] = ()
    """Agents that may use it; empty: all that name it."""
    read_only: tuple[str, ...] = ()
    """Tools that change nothing, by the user's word; ``*`` for all."""
    timeout_s: float = 60.0


@frozen
class Search:
    """How the ``web_search`` tool searches."""

    engine: Literal["ddgs", "searxng", "mcp"] = "ddgs"
    url: str | None = None
    """Address of a SearXNG instance."""
    tool: str | None = None
    """``server/tool`` of an MCP server that searches."""
    results: int = 5
    local: bool = False
    """Whether `url` may be on this machine or its network: the user's word for an instance of their own."""


@frozen
class Team:
    """All of it."""

    agents: dict[str, AgentDef] = field(default_factory=dict)
    servers: dict[str, Server] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    search: Search = Search()

    def __bool__(self) -> bool:
        return self != Team()
