"""What the user allowed for good when an agent asked, as rules beside those of the plan. Pure.

A grant turns questions into leave and nothing else: where the plan's rules ask about calls of the tool they allow the
same calls; where they say nothing it is allowed; what they deny stays denied. What an agent that is tainted has to ask
for it goes on asking for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from swarmtui.plan.team import Team
from swarmtui.safety.permissions import Rule, pattern
from swarmtui.session.state import Grant


def with_grants(team: Team, grants: Iterable[Grant], agents: Iterable[str]) -> Team:
    """The team for an attempt in which `agents` may speak."""
    speakers = frozenset(agents)
    tools = list(dict.fromkeys(grant.tool for grant in grants if grant.agent in speakers))
    if not tools:
        return team
    rules = [one for rule in team.rules for one in _with_leave(rule, tools)]
    return replace(team, rules=(*rules, *(Rule("allow", tool) for tool in tools)))


def _with_leave(rule: Rule, tools: list[str]) -> Iterator[Rule]:
    if rule.action == "ask":
        for tool in tools:
            if pattern(rule.tool).fullmatch(tool):
                yield Rule("allow", tool, rule.where)
    yield rule
