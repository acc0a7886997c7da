"""From the language's models to the values of a team, and what is wrong with them beyond their shape."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import get_args

from swarmtui.plan import checks
from swarmtui.plan.checks import Scope
from swarmtui.plan.function_files import check_function
from swarmtui.plan.named_files import read_named
from swarmtui.plan.problems import Path, listed, shown
from swarmtui.plan.shapes import TEXT_LIMIT
from swarmtui.plan.team import BUILT_IN_TOOLS, PROGRAMS, AgentDef, AgentLimits, Search, Server, Team
from swarmtui.plan.team_language import AgentModel, RuleModel, SearchModel, ServerModel
from swarmtui.safety.mcp_rules import server_faults
from swarmtui.safety.permissions import Action, Rule

_FUNCTION = re.compile(r"[\w./-]+\.py:[A-Za-z_]\w*")
_FILE = re.compile(r"[\w./-]+\.(md|txt)")
_ACTIONS: tuple[Action, ...] = get_args(Action)


def build_team(
    scope: Scope,
    agents: Mapping[str, AgentModel],
    servers: Mapping[str, ServerModel],
    rules: Iterable[RuleModel],
    search: SearchModel | None,
    folder: FilePath | None,
) -> Team:
    """The team; what is wrong with it goes to `scope`. Instructions that name a file are read from `folder`."""
    known = Team(dict.fromkeys(agents, AgentDef()), dict.fromkeys(servers, Server()))
    return Team(
        {name: build_agent(scope, ("agents", name), agent, known, folder) for name, agent in agents.items()},
        {name: _server(scope, ("servers", name), server, agents) for name, server in servers.items()},
        tuple(rule for index, one in enumerate(rules) if (rule := _rule(scope, ("permissions", index), one))),
        _search(scope, search, servers),
    )


def build_agent(scope: Scope, at: Path, agent: AgentModel, team: Team, folder: FilePath | None) -> AgentDef:
    """One agent, an entry of ``agents`` or a node's own."""
    checks.check_model(scope, (*at, "model"), agent.model)
    for index, name in enumerate(agent.tools or ()):
        _check_tool(scope, (*at, "tools", index), name, team)
    for index, name in enumerate(agent.must_call or ()):
        if name not in (agent.tools or ()):
            scope.report((*at, "must_call", index), f"`{shown(name)}` is not among its tools", "add it to `tools`")
    for index, name in enumerate(agent.handoffs or ()):
        if name not in team.agents:
            fix = scope.nearest.hint(name, team.agents, f"the agents are {listed(team.agents)}")
            scope.report((*at, "handoffs", index), f"there is no agent `{shown(name)}`", fix)
    written = agent.model_fields_set
    if "program" in written and "command" in written:
        scope.report((*at, "command"), "an agent has both program and command", "keep one of them", at_key=True)
    if "program" in written:
        check_program(scope, (*at, "program"), agent.program)
    if written & {"program", "command"}:
        for key in ("tools", "must_call", "handoffs"):
            if key in written:
                fix = "remove it, or let a model be the agent"
                scope.report((*at, key), f"a program has its own tools: `{key}` means nothing here", fix, at_key=True)
    limits = agent.limits
    return AgentDef(
        instructions=text_of(scope, (*at, "instructions"), agent.instructions, folder),
        model=agent.model,
        tools=tuple(dict.fromkeys(agent.tools or ())),
        must_call=tuple(dict.fromkeys(agent.must_call or ())),
        handoffs=tuple(dict.fromkeys(agent.handoffs or ())),
        description=agent.description,
        limits=AgentLimits(limits.steps, limits.tool_calls, limits.subagents, limits.depth)
        if limits
        else AgentLimits(),
        max_tokens=agent.max_tokens,
        temperature=agent.temperature,
        command=tuple(agent.command or ()),
        program=agent.program,
        worktree=agent.worktree,
        network=agent.network,
    )


def check_program(scope: Scope, at: Path, name: str) -> None:
    """A program that is known by name, perhaps spoken to in another way (``opencode-acp``)."""
    if name.removesuffix("-acp") not in PROGRAMS:
        fix = scope.nearest.hint(name, PROGRAMS, f"known are {listed(PROGRAMS)}; for another write `command: [...]`")
        scope.report(at, f"there is no program `{shown(name)}`", fix)


def text_of(scope: Scope, at: Path, text: str, folder: FilePath | None) -> str:
    """`text`, or what is in the .md or .txt file that it names, relative to `folder`."""
    if not _FILE.fullmatch(text):
        return text
    data = read_named(scope, at, text, folder, TEXT_LIMIT, itself="write the text itself", smaller="say less")
    if data is None:
        return text
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        scope.report(at, f"{shown(text)} is not UTF-8", "save it as UTF-8")
    return text


def _check_tool(scope: Scope, at: Path, name: str, team: Team) -> None:
    server, _, tool = name.partition("/")
    if name in BUILT_IN_TOOLS or (server in team.servers and (tool or name == server)):
        return
    if _FUNCTION.fullmatch(name):
        check_function(scope, at, name)
        return
    known = [*BUILT_IN_TOOLS, *team.servers]
    fix = scope.nearest.hint(
        name, known, "write a built-in tool, a name of `servers`, server/tool, or file.py:function"
    )
    scope.report(at, f"there is no tool `{shown(name)}`", fix)


def _server(scope: Scope, at: Path, server: ServerModel, agents: Collection[str]) -> Server:
    faults = server_faults(
        command=server.command or (),
        url=server.url,
        env=server.env or {},
        headers=server.headers or {},
        timeout_s=server.timeout,
    )
    for fault in faults:
        scope.report((*at, *_steps(fault.where)), fault.message, fault.fix)
    for index, name in enumerate(server.agents or ()):
        if name not in agents:
            fix = scope.nearest.hint(name, agents, f"the agents are {listed(agents)}")
            scope.report((*at, "agents", index), f"there is no agent `{shown(name)}`", fix)
    return Server(
        command=tuple(server.command or ()),
        url=server.url,
        env=dict(server.env or {}),
        headers=dict(server.headers or {}),
        tools=tuple(server.tools or ()),
        agents=tuple(server.agents or ()),
        read_only=tuple(server.read_only or ()),
        timeout_s=server.timeout,
    )


def _steps(where: str) -> Iterator[str | int]:
    """The path that ``command[1]`` or ``env.PATH`` names within an entry."""
    key, _, rest = where.partition(".")
    if rest:
        yield from (key, rest)
        return
    key, _, index = where.partition("[")
    if key:
        yield key
    if index:
        yield int(index.removesuffix("]"))


def _rule(scope: Scope, at: Path, rule: RuleModel) -> Rule | None:
    said = {action: getattr(rule, action) for action in _ACTIONS if getattr(rule, action) is not None}
    if len(said) != 1:
        scope.report(at, "a permission is exactly one of allow, ask and deny", "write `- allow: shell`")
        return None
    ((action, tool),) = said.items()
    if rule.untrusted and action != "allow":
        scope.report((*at, "untrusted"), f"`untrusted` says nothing of `{action}`", "remove it", at_key=True)
    return Rule(action, tool, dict(rule.where or {}), rule.untrusted)


def _search(scope: Scope, search: SearchModel | None, servers: Collection[str]) -> Search:
    if search is None:
        return Search()
    if search.engine == "searxng" and "url" not in search.model_fields_set:
        scope.report(("search",), "searxng needs its address", "add `url: https://…`")
    if search.engine == "mcp" and (search.tool or "").partition("/")[0] not in servers:
        scope.report(("search",), "mcp needs a tool of one of the servers", "add `tool: server/tool`")
    return Search(search.engine, search.url, search.tool, search.results, search.local)
