"""The conversation with the coordinator as lines. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

from swarmtui.frozen import frozen
from swarmtui.safety.text import clean
from swarmtui.tui.view import document
from swarmtui.tui.view import format as say
from swarmtui.tui.view.lines import Line, Role, wrap

if TYPE_CHECKING:
    from swarmtui.plan.model import JSON

Who = Literal["you", "reply", "ask", "start", "problem"]
"""Whose turn it is; of the coordinator's, what it did. A ``problem`` is told by neither of them."""

WHO: tuple[Who, ...] = get_args(Who)
MOST_TURNS = 200
_NAMES: Mapping[Who, tuple[str, Role]] = {
    "you": ("you", "accent"),
    "reply": ("coordinator", "ok"),
    "ask": ("coordinator asks", "ask"),
    "start": ("coordinator proposes", "ok"),
    "problem": ("!", "bad"),
}


@frozen
class Turn:
    """One turn of the conversation; `command` is the command line that it proposed."""

    who: Who
    text: str
    command: str = ""

    def to_json(self) -> dict[str, JSON]:
        """For the file."""
        return {"who": self.who, "text": self.text, "command": self.command}

    @classmethod
    def from_json(cls, value: Mapping[str, JSON]) -> Turn | None:
        """What :meth:`to_json` gave; None for anything else. The text is clean, whoever wrote the file."""
        who = next((one for one in WHO if one == value.get("who")), None)
        text, command = value.get("text"), value.get("command", "")
        if who is None or not isinstance(text, str) or not isinstance(command, str):
            return None
        return cls(who, clean(text), clean(command))


def said(turns: Sequence[Turn], width: int) -> list[Line]:
    """All turns, an empty line behind each."""
    return [line for turn in turns for line in _turn(turn, width)]


def to_come(live: str | None, waiting: Sequence[str], width: int) -> list[Line]:
    """What comes just now (`live`), and what waits to be started: a command, exactly as it would run."""
    found: list[Line] = []
    if live is not None:
        shown = clean(live).strip()
        found += [(("coordinator", "ok"),)]
        found += _indented(document.prose(shown, max(8, width - 2))) if shown else [(("  …", "faint"),)]
        found.append(())
    if waiting:
        found.append((("it would run exactly this:", "warn"),))
        found += [((f"  {row}", "strong"),) for part in waiting for row in wrap(part, max(8, width - 2))]
    return found


def _turn(turn: Turn, width: int) -> list[Line]:
    name, role = _NAMES[turn.who]
    if turn.who == "problem":
        rows = _rows(turn.text, width)
        return [*(((f"{'  ' if n else name + ' '}{row}", role),) for n, row in enumerate(rows)), ()]
    told = document.prose(turn.text, max(8, width - 2))
    if turn.command:
        told += [((row, "muted"),) for row in _rows(turn.command, width)]
    return [((name, role),), *_indented(told), ()]


def _rows(text: str, width: int) -> list[str]:
    return [row for part in clean(text).split("\n") for row in wrap(part, max(8, width - 2))]


def _indented(told: Sequence[Line]) -> list[Line]:
    return [(("  ", "text"), *line) if line else () for line in told]


def spent(model: str, simulated: bool, tokens: int, cost_usd: float | None, *, asked: bool) -> str:
    """For the lower border: who answers, and what that has cost by now."""
    if not model:
        return ""
    name = f"{model} (SIMULATED: no model is configured, swarmtui doctor)" if simulated else f"{model} answers"
    if not asked or simulated:
        return name
    cost = "cost not known" if cost_usd is None else say.usd(cost_usd)
    return f"{name} · {tokens:,} tokens · {cost}"
