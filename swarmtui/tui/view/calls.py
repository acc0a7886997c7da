"""Tool calls in what an attempt says: what was called with what, how long it took, and whether it went well. Pure."""

from __future__ import annotations

import json

from swarmtui.frozen import mutable
from swarmtui.safety.text import one_line
from swarmtui.tui.view import format as say
from swarmtui.tui.view.glyphs import UNICODE, Glyphs
from swarmtui.tui.view.lines import Line, Span, shorten
from swarmtui.tui.view.lines import width as line_width

ARGUMENTS = 80
_PARSED = 4_000
"""Characters of arguments that are looked into."""


@mutable
class Call:
    """One call of a tool."""

    id: str
    tool: str
    arguments: str
    since: float
    """Epoch seconds."""
    took_s: float | None = None
    """None while it goes on."""
    ok: bool = True

    def answer(self, ts: float, *, ok: bool) -> None:
        """It came back."""
        self.took_s, self.ok = max(0.0, ts - self.since), ok


def short_arguments(text: str) -> str:
    """The values of a call's arguments (JSON text, perhaps cut), in a line."""
    try:
        found = json.loads(text[:_PARSED]) if text else {}
    except (ValueError, RecursionError):
        found = text
    if isinstance(found, dict):
        found = ", ".join(value if isinstance(value, str) else json.dumps(value) for value in found.values())
    return one_line(found if isinstance(found, str) else json.dumps(found), ARGUMENTS)


def call_line(call: Call, width: int, now: float, glyphs: Glyphs = UNICODE) -> Line:
    """``▸ read_file store/billing.py  0.2s ✓``."""
    tool = one_line(call.tool, 40)
    if call.took_s is None:
        tail: Line = ((f"  {say.clock(now - call.since)}", "running"),)
    else:
        sign: Span = (" ok" if glyphs.ascii else " ✓", "ok") if call.ok else (" ERR" if glyphs.ascii else " ✗", "bad")
        tail = ((f"  {say.took(call.took_s)}", "faint"), sign)
    taken = line_width(tail)
    head: Line = ((f"{glyphs.into} ", "accent"), (shorten(tool, max(4, width - taken - 2), glyphs.cut), "strong"))
    room = width - taken - line_width(head) - 1
    told = shorten(call.arguments, room, glyphs.cut) if room > 3 else ""
    return (*head, (f" {told}" if told else "", "muted"), *tail)
