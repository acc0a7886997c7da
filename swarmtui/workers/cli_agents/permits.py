"""Who decides when a program asks whether it may do something: the rules of the plan, at once.

A program's session lives in its process and cannot be suspended until a person has answered. What the rules would have
asked a person for is therefore refused, with words that name the rule to add.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from swarmtui.safety.permissions import Effect, Rule, decide
from swarmtui.safety.text import one_line

PREFIX = "acp/"
"""What the names of a program's tools begin with in rules: ``acp/edit``, ``acp/execute``, ``acp/fetch``, …"""


@dataclass(frozen=True, slots=True)
class Leave:
    """Whether a call may be made."""

    given: bool
    why: str
    """For the user and the log, in one line."""


Permit = Callable[[str, Mapping[str, Any], bool], Awaitable[Leave]]
"""Decides over a call: the tool's name, its arguments, and whether all that it changes is in the agent's own copy."""

_EFFECTS = {"read": Effect.READ, "search": Effect.READ, "think": Effect.NONE, "fetch": Effect.NETWORK}


def by_rules(rules: Sequence[Rule]) -> Permit:
    """Lets the rules of the plan decide. An agent of another maker counts as tainted: nobody knows what it has read."""

    async def permit(name: str, arguments: Mapping[str, Any], contained: bool) -> Leave:
        effect = Effect.RUN if contained else _EFFECTS.get(name.removeprefix(PREFIX), Effect.WRITE)
        verdict = decide(rules, name, arguments, effect, tainted=True)
        call = one_line(f"{name} {_shown(arguments)}", 160)
        if verdict.action == "allow":
            return Leave(True, f"allowed: {call}: {verdict.why}")
        if verdict.action == "deny":
            return Leave(False, f"refused: {call}: {verdict.why}")
        rule = f"{{allow: {name}, untrusted: true}}"
        return Leave(False, f"refused: {call}: nobody can be asked on the way; a rule would allow it: {rule}")

    return permit


def _shown(arguments: Mapping[str, Any]) -> str:
    try:
        return json.dumps(arguments, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return "…"
