"""Tells when an agent goes round in circles: the same calls again and again, or one tool without end. Pure.

Limits and window are those of the loop detection of DeerFlow 2 (warn at 3 and stop at 5 equal sets of calls among the
last 20; warn at 30 and stop at 50 calls of one tool), the latter growing with the calls that the user allows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from hashlib import blake2b

from swarmtui.agents.thread import Call
from swarmtui.frozen import frozen
from swarmtui.plan.repair import loads_lenient

WINDOW = 20
WARN_EQUAL, STOP_EQUAL = 3, 5
WARN_SHARE, STOP_SHARE = 0.3, 0.5
"""Shares of the tool calls that the agent may make; one tool may take up so many of the default 100."""
LEAST_ROOM = 100
_READ_CHARS = 20_000
"""Longer arguments count as equal only where their texts are: reading them all again at each step takes too long."""


@frozen
class Circling:
    """What was found: a reason to stop, or else something to tell the agent."""

    stop: str | None = None
    warn: str | None = None


def circling(turns: Sequence[Sequence[Call]], tool_calls: int) -> Circling:
    """What to make of the calls of each turn so far; `tool_calls` is how many there may be."""
    called = [calls for calls in turns if calls]
    if not called:
        return Circling()
    window = [fingerprint(calls) for calls in called[-WINDOW:]]
    equal = window.count(window[-1])
    counts = Counter(call.name for calls in called for call in calls)
    name, most = max(((call.name, counts[call.name]) for call in called[-1]), key=lambda pair: pair[1])
    room = max(tool_calls, LEAST_ROOM)
    if equal >= STOP_EQUAL:
        return Circling(stop=f"it made the same calls {equal} times")
    if most >= STOP_SHARE * room:
        return Circling(stop=f"it called {name} {most} times")
    if equal >= WARN_EQUAL:
        return Circling(
            warn=f"You have made the same calls {equal} times, and they give the same results. "
            "Do something else, or answer with what you have."
        )
    if most == int(WARN_SHARE * room):
        return Circling(warn=f"You have called {name} {most} times. Answer soon with what you have.")
    return Circling()


def fingerprint(calls: Sequence[Call]) -> str:
    """The same for the same calls in any order, however their arguments are written."""
    texts = sorted(f"{call.name}\0{_canonical(call.arguments)}" for call in calls)
    return blake2b("\1".join(texts).encode("utf-8", "replace"), digest_size=12).hexdigest()


def _canonical(arguments: str) -> str:
    if len(arguments) > _READ_CHARS:
        return arguments.strip()
    try:
        return json.dumps(loads_lenient(arguments), sort_keys=True)
    except ValueError:
        return arguments.strip()
