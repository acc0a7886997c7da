"""Who works in a plan and what they may do, as a careful person wants to read it before approving."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Literal

from swarmtui.plan.advice import agent_of, is_program
from swarmtui.plan.model import AgentSpec, Node, Plan, PlanSpec
from swarmtui.plan.team import Server
from swarmtui.safety.mcp_rules import spelled
from swarmtui.safety.permissions import Rule
from swarmtui.safety.text import one_line, visible
from swarmtui.tui.view.document import Fact
from swarmtui.tui.view.nodes import listed

Told = tuple[Literal["fine", "look"], str]


def agent_facts(plan: Plan | None, node: Node) -> list[Fact]:
    """Who does a node's task, with what; nothing where no agent does."""
    if not isinstance(node.spec, AgentSpec):
        return []
    who = one_line(node.spec.agent, 80) if node.spec.own is None else "one of its own, defined here"
    facts: list[Fact] = [("agent", who, "strong")]
    agent = None if plan is None else agent_of(plan, node)
    if agent is None:
        return facts
    if agent.command:
        facts.append(("command", shlex.join(visible(word) for word in agent.command), "strong"))
    elif agent.program is not None:
        place = "in a working copy of its own" if agent.worktree else "in your folder"
        facts.append(("program", f"{one_line(agent.program, 40)}, {place}", "warn"))
    else:
        facts.append(("tools", ", ".join(one_line(tool, 60) for tool in agent.tools) or "none", "text"))
        limits = agent.limits
        facts.append(("at most", f"{limits.steps} steps, {limits.tool_calls} tool calls", "text"))
    if agent.handoffs:
        facts.append(("hands to", ", ".join(one_line(name, 40) for name in agent.handoffs), "text"))
    return facts


def team_checks(plan: Plan) -> Iterator[Told]:
    """What is to be looked at: programs, servers, standing permissions, parts that are planned unasked."""
    agents = [(node, agent) for node in plan.nodes if (agent := agent_of(plan, node)) is not None]
    programs = [node for node, agent in agents if is_program(agent)]
    if programs:
        who, what = listed(node.id for node in programs), "works" if len(programs) == 1 else "work"
        yield "look", f"{who} {what} with a program that does as it sees fit, as you: read its changes"
    tools = sorted({tool for _, agent in agents for tool in agent.tools})
    if tools:
        yield "fine", f"agents have {', '.join(one_line(tool, 40) for tool in tools)}"
    for name, server in plan.team.servers.items():
        yield "look", f"MCP server {name}: {server_words(server)}"
    for rule in plan.team.rules:
        if rule.action == "allow":
            yield "look", f"without asking: {rule_words(rule)}"
    unasked = [node for node in plan.nodes if isinstance(node.spec, PlanSpec) and node.spec.approve == "auto"]
    if unasked:
        what = (
            "is planned while it runs, and its nodes"
            if len(unasked) == 1
            else "are planned while they run; their nodes"
        )
        yield "look", f"{listed(node.id for node in unasked)} {what} run unasked"


def server_words(server: Server) -> str:
    """What starts or answers, whole, and what of it is used."""
    where = spelled(command=server.command, url=server.url, env=server.env, headers=server.headers)
    used = f", tools {', '.join(visible(tool) for tool in server.tools)}" if server.tools else ""
    return f"{where}{used}"


def rule_words(rule: Rule) -> str:
    """What a rule is about: ``notes/append where folder is a/*``."""
    asked = " and ".join(f"{visible(name)} is {visible(value)}" for name, value in rule.where.items())
    even = ", even on what the web says" if rule.untrusted else ""
    return f"{visible(rule.tool)}{f' where {asked}' if asked else ''}{even}"
