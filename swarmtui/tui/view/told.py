"""What the workbench says to the user: a line or a few at the foot of the screen, and the list of all that. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from swarmtui.frozen import mutable
from swarmtui.tui.view import format as say
from swarmtui.tui.view.lines import Line, Role, cells, shorten, spread, wrap

if TYPE_CHECKING:
    from swarmtui.tui.view.glyphs import Glyphs

Severity = Literal["information", "warning", "error"]
MOST_LINES = 3
"""So many lines a notice is given; the list of what was said has all of it."""
LASTS_S: dict[Severity, float] = {"information": 4.0, "warning": 8.0, "error": float("inf")}
"""How long a notice stays by itself: an error stays until a key."""
READ_S = 1.0
"""A key that comes sooner after an error was not pressed because of it."""
_MARKS: dict[Severity, tuple[str, Role]] = {
    "information": ("i", "accent"),
    "warning": ("!", "warn"),
    "error": ("x", "bad"),
}
_TEXTS: dict[Severity, Role] = {"information": "text", "warning": "warn", "error": "bad"}


@mutable
class Said:
    """One thing that was said."""

    text: str
    severity: Severity
    ts: float
    """Wall time at which it was said last."""
    times: int = 1


def remember(said: Sequence[Said], text: str, severity: Severity, ts: float, most: int = 200) -> list[Said]:
    """`said`, the oldest first, with one thing more; what is said again right away is counted."""
    last = said[-1] if said else None
    if last is not None and (last.text, last.severity) == (text, severity):
        return [*said[:-1], Said(text, severity, ts, last.times + 1)]
    return [*said, Said(text, severity, ts)][-most:]


def notice_lines(text: str, severity: Severity, before: int, key: str, width: int, glyphs: Glyphs) -> list[Line]:
    """A notice in lines of `width` cells, :data:`MOST_LINES` at most; `before`: as many others are still to be
    read, which `key` lists."""
    mark, role = _MARKS[severity]
    room = max(8, width - 4)
    rows = wrap(text, room)
    cut = len(rows) > MOST_LINES
    hints = [f"+{before} before" if before else "", f"{key} shows all" if key and (before or cut) else ""]
    hint = ", ".join(one for one in hints if one)
    wide = cells(hint) + 3 if hint else 0
    rows = rows[:MOST_LINES]
    if cut:
        rows[-1] = shorten(f"{rows[-1]} {glyphs.cut}", max(1, room - wide), glyphs.cut)
    elif hint and cells(rows[-1]) > room - wide:
        if len(rows) < MOST_LINES:
            rows.append("")
        else:
            rows[-1] = shorten(rows[-1], max(1, room - wide), glyphs.cut)
    lines: list[Line] = [
        ((f" {mark if not at else ' '} ", role), (row, _TEXTS[severity])) for at, row in enumerate(rows)
    ]
    if hint:
        lines[-1] = spread(lines[-1], ((f"{hint} ", "muted"),), width)
    return lines


def said_lines(said: Sequence[Said], width: int) -> list[Line]:
    """All that was said, the newest first."""
    if not said:
        return [(("nothing was said yet: notices, warnings and errors are kept here", "faint"),)]
    lines: list[Line] = []
    for one in reversed(said):
        mark, role = _MARKS[one.severity]
        times = f" ({one.times:,} times)" if one.times > 1 else ""
        clock = say.time_of_day(one.ts)
        first, *rest = wrap(f"{one.text}{times}", max(8, width - len(clock) - 4))
        lines.append(((f"{clock} ", "muted"), (f"{mark} ", role), (first, _TEXTS[one.severity])))
        lines += [((" " * (len(clock) + 3), "text"), (row, _TEXTS[one.severity])) for row in rest]
    return lines
