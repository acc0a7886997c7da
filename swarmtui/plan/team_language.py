"""The part of the task-file language that is about a team: agents, servers, permissions, search, planned parts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, Tag

from swarmtui.plan.shapes import (
    Argument,
    Bounded,
    Name,
    Outside,
    PositiveSeconds,
    Text,
    all_of,
    env_names,
    one_of,
    optional,
)


class AgentLimitsModel(Outside):
    """What one carrying out of an agent node may use."""

    steps: int = Field(default=25, ge=1, le=10_000, description="Calls of its model.")
    tool_calls: int = Field(default=100, ge=0, le=100_000, description="Calls of tools.")
    subagents: int = Field(default=16, ge=0, le=1000, description="Subagents that it may make; 0: none.")
    depth: int = Field(default=1, ge=0, le=4, description="Generations of subagents below it.")


Names = Annotated[
    Annotated[str, Tag("one")] | Annotated[list[str], Tag("several")],
    one_of("a name or a list of names", "write one name, or [a, b]", one=str, several=list),
    AfterValidator(all_of),
]


class AgentModel(Outside):
    """An agent: instructions, a model and tools; or a program that is one."""

    instructions: Bounded = Field(default="", description="The system prompt, or a .md file beside the task file.")
    model: Name = Field(default="worker", description="A tier, a profile, a name from models, or provider/model.")
    tools: Names = optional("Built-in tools, servers, server/tool, or file.py:function.")
    must_call: Names = optional("Tools of which it has to call one before it answers.")
    handoffs: Names = optional("Agents to which it may hand over.")
    description: Bounded = Field(default="", description="What others are told of it.")
    limits: AgentLimitsModel = optional("What one carrying out may use.")
    max_tokens: int = optional("The most tokens that its model may answer at once.", ge=1)
    temperature: float = optional("Sampling temperature.", ge=0, le=2)
    command: Annotated[list[Argument], Field(min_length=1)] = optional(
        "A program that is the agent; {prompt} stands for the task, which else goes to its standard input."
    )
    program: Name = optional("A program known by name that is the agent: claude, codex, gemini, opencode, copilot.")
    worktree: bool = Field(default=True, description="Of a program: work in a copy of its own of a git repository.")
    network: bool = Field(default=False, description="Of a command: may use the network in the sandbox.")


class ServerModel(Outside):
    """An MCP server: a command to start, or the address of one that runs."""

    command: Annotated[list[Argument], Field(min_length=1)] = optional("The program that speaks MCP over stdio.")
    url: str = optional("Where one speaks MCP over streamable HTTP.", pattern=r"^https?://\S+$")
    env: Annotated[dict[str, Argument], AfterValidator(env_names)] = optional(
        "Variables for the command; $NAME takes your variable of that name."
    )
    headers: dict[str, str] = optional("Headers for the address; $NAME takes your variable of that name.")
    tools: Names = optional("Tools that may be used; all when left out.")
    agents: Names = optional("Agents that may use it; all that name it when left out.")
    read_only: Names = optional("Tools that change nothing, by your word; `*` for all.")
    timeout: PositiveSeconds = Field(default=60.0, description="The most time for one call.")


class RuleModel(Outside):
    """A permission: one of allow, ask and deny, with the tool that it is about. The first that matches decides."""

    allow: Name = optional("A tool that may be called without asking.")
    ask: Name = optional("A tool of which each call is asked about.")
    deny: Name = optional("A tool that may not be called.")
    where: dict[str, Argument] = optional("Argument -> what it has to be; * stands for any text.")
    untrusted: bool = Field(default=False, description="Whether allow holds after the agent has read the web.")


class SearchModel(Outside):
    """How web_search searches."""

    engine: Literal["ddgs", "searxng", "mcp"] = Field(default="ddgs", description="What searches.")
    url: str = optional("Address of a SearXNG instance.", pattern=r"^https?://\S+$")
    tool: Name = optional("server/tool of an MCP server that searches.")
    results: int = Field(default=5, ge=1, le=50, description="Results at most.")
    local: bool = Field(default=False, description="Whether url may be on this machine or its network.")


class PlanModel(Outside):
    """A part of the plan that is planned while it runs."""

    goal: Text = Field(description="What its nodes are to achieve; may hold lookups.")
    model: Name = Field(default="planner", description="Who plans.")
    instructions: Bounded = optional("What the planner is told besides; or a .md file beside the task file.")
    approve: Literal["ask", "auto"] = Field(default="ask", description="Whether you approve the nodes first.")
    agents: Names = optional("Agents that its nodes may name; all when left out.")
    must_have: Names = optional("Agents of which each has to have a node in the first proposal.")
    nodes: int = Field(default=12, ge=1, le=200, description="Nodes of one proposal at most.")
    iterations: int = Field(default=1, ge=1, le=20, description="Proposals at most, each with the results so far.")
