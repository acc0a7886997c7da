"""A budget as a line of words, ``usd=5 tokens=200k minutes=30``: how it is written, read, told. Pure."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from swarmtui.safety.text import one_line
from swarmtui.session.budgets import KINDS, limit_of, spent, used_by_session
from swarmtui.tui.view import format as say

if TYPE_CHECKING:
    from swarmtui.plan.model import JSON, Limits
    from swarmtui.session.state import SessionState

FORMS = "usd=5 tokens=200k minutes=30 attempts=50"
_TIMES = {"": 1, "k": 1_000, "m": 1_000_000}
_NUMBER = re.compile(r"((?:\d+\.?\d*|\.\d+)(?:e[-+]?\d{1,3})?)([km]?)")
_WORD = re.compile(r"(?:([A-Za-z]+)\s*=\s*)?(\S+)")
NONE = "none"
MOST = 1e15
"""As much as the session takes."""


def written(limits: Limits) -> str:
    """The limits there are, as they are typed."""
    found = ((kind, limit_of(limits.budget, kind)) for kind in KINDS)
    return " ".join(f"{kind}={limit:.15g}" for kind, limit in found if limit is not None)


def alone(state: SessionState) -> str:
    """The kind that a number by itself is about: that which is used up, else money."""
    line = spent(state)
    return "usd" if line is None else line.kind


def read(text: str, kind_alone: str = "usd") -> dict[str, JSON]:
    """Parameters of ``limits.set``: a number, or None for no limit. A number by itself is of `kind_alone`.

    Raises:
        ValueError: Something in it is no budget; the text says what and how to mend it.
    """
    params: dict[str, JSON] = {}
    for word in _WORD.finditer(text.replace(",", " ")):
        kind, value = (word[1] or kind_alone).lower(), word[2].lower()
        if kind not in KINDS:
            raise ValueError(f"{one_line(kind, 40)!r} is no budget: there are {', '.join(KINDS)}")
        if kind in params:
            raise ValueError(f"{kind} is there twice")
        params[kind] = None if value == NONE else _amount(kind, value)
    return params


def _amount(kind: str, value: str) -> float:
    found = _NUMBER.fullmatch(value.removeprefix("$") if kind == "usd" else value)
    amount = math.inf if found is None else float(found[1]) * _TIMES[found[2]]
    if amount >= MOST or (found and found[2] and kind in ("usd", "minutes")):
        raise ValueError(f"{kind}={one_line(value, 40)} is no budget: such as {FORMS}; {NONE} takes one away")
    if kind in ("tokens", "attempts") and amount != int(amount):
        raise ValueError(f"{kind} are counted: {one_line(value, 40)} is no whole number")
    return int(amount) if kind in ("tokens", "attempts") else amount


def why_not(state: SessionState, text: str) -> str | None:
    """Why `text` cannot be the budget; None if it can, and changes something."""
    try:
        params = read(text, alone(state))
    except ValueError as error:
        return str(error)
    if all(limit_of(state.limits.budget, kind) == limit for kind, limit in params.items()):
        return "nothing is changed yet"
    return None


def changed(limits: Limits, params: dict[str, JSON], arrow: str) -> str:
    """``budget: usd 2 → 5, minutes no limit → 30``."""
    told = []
    for kind, limit in params.items():
        before = limit_of(limits.budget, kind)
        if limit != before:
            told.append(f"{kind} {_told(before)} {arrow} {_told(limit)}")
    return f"budget: {', '.join(told)}"


def _told(limit: JSON) -> str:
    return "no limit" if limit is None else f"{limit:,.15g}" if isinstance(limit, int | float) else str(limit)


def used_words(state: SessionState, now: float) -> str:
    """What was used by session second `now`: ``$1.20, 35.0k tokens, 2:10 of work, 14 attempts``."""
    used = used_by_session(state, now)
    attempts = f"{used.attempts:,.0f} attempt{'s' if used.attempts != 1 else ''}"
    return f"{say.usd(used.usd)}, {say.short(used.tokens)} tokens, {say.clock(used.minutes * 60)} of work, {attempts}"
