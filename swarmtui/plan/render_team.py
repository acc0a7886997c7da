"""A team as a task file writes it; what is default is left out."""

from __future__ import annotations

from dataclasses import fields

from swarmtui.plan.model import JSON
from swarmtui.plan.team import AgentDef, AgentLimits, Search, Server, Team
from swarmtui.safety.permissions import Rule


def team_document(team: Team) -> dict[str, JSON]:
    """The keys of a task file that define `team`."""
    written: dict[str, JSON] = {
        "agents": {name: agent_document(agent) for name, agent in team.agents.items()},
        "servers": {name: _changed(server, Server()) for name, server in team.servers.items()},
        "permissions": [_rule(rule) for rule in team.rules],
        "search": _changed(team.search, Search()),
    }
    return {key: part for key, part in written.items() if part}


def agent_document(agent: AgentDef) -> dict[str, JSON]:
    """One agent."""
    document = _changed(agent, AgentDef())
    if "limits" in document:
        document["limits"] = _changed(agent.limits, AgentLimits())
    return document


def _rule(rule: Rule) -> dict[str, JSON]:
    more = {"where": dict(rule.where)} if rule.where else {}
    return {rule.action: rule.tool, **more, **({"untrusted": True} if rule.untrusted else {})}


def _changed(value: AgentDef | AgentLimits | Server | Search, default: object) -> dict[str, JSON]:
    """The fields of `value` that differ from those of `default`, by the names that a task file has for them."""
    found: dict[str, JSON] = {}
    for field in fields(value):
        part = getattr(value, field.name)
        if part != getattr(default, field.name):
            found[field.name.removesuffix("_s")] = list(part) if isinstance(part, tuple) else part
    return found
