"""Who decides when a program asks whether it may do something: the rules of the plan, else a person.

A program's session lives in its process, so it waits where it is until a person has answered, and keeps its place.
Where nobody can be asked (an item of a map, a run that nobody attends) what the rules would have asked for is refused,
with words that name the rule to add.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count
from typing import Any

from swarmtui.agents.answers import PERMISSION_CHOICES, Grant, grant_of
from swarmtui.agents.calls import call_text
from swarmtui.engine.ports import Inquiry
from swarmtui.frozen import frozen
from swarmtui.safety.permissions import Effect, Rule, decide
from swarmtui.safety.text import one_line

PREFIX = "acp/"
"""What the names of a program's tools begin with in rules: ``acp/edit``, ``acp/execute``, ``acp/fetch``, …"""


@frozen
class Leave:
    """Whether a call may be made."""

    given: bool
    why: str
    """For the user and the log, in one line."""


Permit = Callable[[str, Mapping[str, Any], bool], Awaitable[Leave]]
"""Decides over a call: the tool's name, its arguments, and whether all that it changes is in the agent's own copy."""

Ask = Callable[[Inquiry], Awaitable[str]]
"""Asks a person; gives the answer."""

_EFFECTS = {"read": Effect.READ, "search": Effect.READ, "think": Effect.NONE, "fetch": Effect.NETWORK}


def by_rules(rules: Sequence[Rule], ask: Ask | None = None, agent: str = "the agent") -> Permit:
    """Lets the rules of the plan decide, and a person where they say so and there is somebody to `ask`.

    An agent of another maker counts as tainted: nobody knows what it has read.
    """
    numbers = count(1)
    always: set[str] = set()

    async def permit(name: str, arguments: Mapping[str, Any], contained: bool) -> Leave:
        effect = Effect.RUN if contained else _EFFECTS.get(name.removeprefix(PREFIX), Effect.WRITE)
        verdict = decide(rules, name, arguments, effect, tainted=True)
        whole = _whole(name, arguments)
        call = one_line(whole, 160)
        if verdict.action == "allow" or (verdict.action == "ask" and name in always):
            return Leave(True, f"allowed: {call}: {verdict.why if name not in always else 'the user allowed it'}")
        if verdict.action == "deny":
            return Leave(False, f"refused: {call}: {verdict.why}")
        if ask is None:
            rule = f"{{allow: {name}, untrusted: true}}"
            return Leave(False, f"refused: {call}: nobody can be asked on the way; a rule would allow it: {rule}")
        question = f"May {agent} call {name}? {verdict.why[:1].upper()}{verdict.why[1:]}."
        answer = await ask(Inquiry(f"acp-{next(numbers)}", question, PERMISSION_CHOICES, "permission", whole, name))
        grant, reason = grant_of(answer)
        if grant is Grant.ALWAYS:
            always.add(name)
        if grant is Grant.DENY:
            return Leave(False, f"refused: {call}: {reason or 'the user said no'}")
        return Leave(True, f"allowed: {call}: the user allowed it")

    return permit


def _whole(name: str, arguments: Mapping[str, Any]) -> str:
    try:
        return call_text(name, arguments)
    except (ValueError, RecursionError):
        return f"{name} (its arguments cannot be shown)"
