"""What the user allowed for good when an agent asked, as rules beside those of the plan. Pure.

A grant turns questions into leave and nothing else: where the plan's rules ask about calls of the tool they allow the
same calls; where they say nothing it is allowed; what they deny stays denied. It is for the agent that asked and no
other, whoever speaks in the same node; one that a node defines is another agent in each node. What an agent that is
tainted has to ask for it goes on asking for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from swarmtui.plan.team import Team
from swarmtui.safety.permissions import Rule, pattern
from swarmtui.session.state import Grant


def with_grants(team: Team, grants: Iterable[Grant], node: str) -> Team:
    """The team for an attempt at `node`."""
    fitting = [grant for grant in grants if grant.node in ("", node)]
    if not fitting:
        return team
    rules = [one for rule in team.rules for one in _with_leave(rule, fitting)]
    return replace(team, rules=(*rules, *(Rule("allow", grant.tool, only_for=grant.agent) for grant in fitting)))


def _with_leave(rule: Rule, grants: list[Grant]) -> Iterator[Rule]:
    if rule.action == "ask":
        for grant in grants:
            if pattern(rule.tool).fullmatch(grant.tool):
                yield Rule("allow", grant.tool, rule.where, only_for=grant.agent)
    yield rule
