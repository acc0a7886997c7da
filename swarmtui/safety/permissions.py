"""Whether an agent may call a tool: decided by code from the rules of the approved plan, never by a model.

The first rule that matches a call decides. Where none does, what changes nothing is allowed and what may change the
world is asked for. An agent that has read what anybody may have written, or what came of that (it is *tainted*), does
not profit from ``allow`` rules for what may change the world, unless a rule says that it holds even then: such calls
are asked for.
Patterns know one thing, ``*`` for any text; they match a value as a whole, with regard to case.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal

from swarmtui.frozen import frozen

Action = Literal["allow", "ask", "deny"]


class Effect(StrEnum):
    """What a call of a tool can do."""

    NONE = "none"  # nothing outside the conversation
    READ = "read"  # reads files of the session or the project
    NETWORK = "network"  # asks the public network, changing nothing
    RUN = "run"  # runs code in the sandbox, which changes nothing outside
    WRITE = "write"  # may change the world


@frozen
class Rule:
    """One permission rule."""

    action: Action
    tool: str
    """Name of a tool as agents call it, ``server/tool`` for an MCP server's; may hold ``*``."""
    where: dict[str, str] = field(default_factory=dict)
    """Argument -> pattern that its value has to match; all must, and an argument that is not there matches nothing."""
    untrusted: bool = False
    """Whether an ``allow`` holds even for an agent that is tainted."""
    only_for: str | None = None
    """Of leave that a person gave on the way, the agent whom it was given: it is for no other, and for nobody tainted.
    None: a rule of the plan."""


@frozen
class Verdict:
    """What becomes of a call, and why, in words for the user."""

    action: Action
    why: str


def decide(
    rules: Sequence[Rule],
    tool: str,
    arguments: Mapping[str, Any],
    effect: Effect,
    *,
    tainted: bool = False,
    agent: str | None = None,
) -> Verdict:
    """What becomes of a call of `tool` with `arguments` by `agent`. Pure."""
    number = 0
    for rule in rules:
        number += rule.only_for is None
        if not _matches(rule, tool, arguments):
            continue
        if rule.only_for is not None:
            if rule.only_for != agent or tainted:
                continue
            return Verdict(rule.action, "the user allowed this tool for good")
        if rule.action == "allow" and tainted and effect is Effect.WRITE and not rule.untrusted:
            return Verdict("ask", f"rule {number} allows it, but the agent has read text from outside, or rests on it")
        return Verdict(rule.action, f"rule {number} of the plan")
    if effect is Effect.WRITE:
        return Verdict("ask", "it may change something, and no rule of the plan is about it")
    return Verdict("allow", "it changes nothing")


def _matches(rule: Rule, tool: str, arguments: Mapping[str, Any]) -> bool:
    if not pattern(rule.tool).fullmatch(tool):
        return False
    return all(
        name in arguments and pattern(wanted).fullmatch(_text(arguments[name])) for name, wanted in rule.where.items()
    )


@lru_cache(maxsize=512)
def pattern(text: str) -> re.Pattern[str]:
    """`text` as a regular expression: ``*`` stands for any text, all else for itself."""
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)


def _text(value: Any) -> str:
    """A value as patterns see it: a list of words as a command line, anything else as compact JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return " ".join(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
