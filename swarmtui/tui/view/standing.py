"""Whether an attempt that runs thinks, waits or is stuck: in words, with an age. Pure.

A model that reasons, or that has not answered yet, is silent for good reasons; so is a tool that is being called, and a
program that computes. What is told apart is since when nothing at all has come, and what was the last thing that did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmtui.tui.view import format as say

if TYPE_CHECKING:
    from swarmtui.tui.view.lines import Span
    from swarmtui.tui.view.tails import Tail

SILENT_S = 2.0
"""So long nobody notices."""
LONG_S = 30.0
"""A silence after which one should look."""
STUCK_S = 120.0
"""A silence in the middle of an answer that hardly ends by itself."""
_PROGRAMS = ("run", "python")


def standing(kind: str, tail: Tail | None, since: float | None, now: float) -> Span | None:
    """What an attempt of a node of `kind` does, where that is not writing; `since` (epoch seconds) it runs."""
    if tail is not None and tail.open_call is not None:
        age = now - tail.open_call.since
        return f"in {tail.open_call.tool} {say.clock(age)}", "warn" if age >= STUCK_S else "running"
    if tail is None or not tail.last_ts:
        return _unheard(kind, since if tail is None else tail.since or since, now)
    silent = now - tail.last_ts
    if tail.thinking_since is not None and silent < LONG_S:
        return f"thinking {say.clock(now - tail.thinking_since)}", "running"
    if silent < SILENT_S:
        return None
    if silent < LONG_S or kind in _PROGRAMS:
        return f"silent {say.ago(silent)}", "muted"
    if silent < STUCK_S:
        return f"nothing for {say.ago(silent)}", "warn"
    return f"stuck? nothing for {say.ago(silent)}", "bad"


def _unheard(kind: str, since: float | None, now: float) -> Span | None:
    if since is None:
        return None
    age = now - since
    if kind in _PROGRAMS:
        return f"no output yet {say.clock(age)}", "muted"
    return f"waits for its first word {say.clock(age)}", "warn" if age >= LONG_S else "muted"
