"""What commands print: lines for people, cleaned of whatever a terminal would obey, or JSON for scripts."""

from __future__ import annotations

import json
import math
import os
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from swarmtui.safety.text import clean

if TYPE_CHECKING:
    from swarmtui.plan.model import JSON


class Console:
    """Writes to standard output and error. With `json` nothing but JSON lines goes to standard output."""

    def __init__(self, *, json: bool = False) -> None:
        self.json = json

    @property
    def interactive(self) -> bool:
        """Whether a person sits at both ends."""
        return sys.stdin.isatty() and sys.stdout.isatty()

    @property
    def can_draw(self) -> bool:
        """Whether a screen can be drawn for that person: a terminal that calls itself dumb has no places on it."""
        return self.interactive and os.environ.get("TERM") not in ("dumb", "")

    def say(self, text: str = "") -> None:
        """Print for people; nothing when the output is for scripts."""
        if not self.json:
            print(clean(text), flush=True)

    def raw(self, text: str) -> None:
        """Print a document (YAML, Mermaid, a schema) as it is, but for what a terminal would obey."""
        print(clean(text) if sys.stdout.isatty() else text, end="" if text.endswith("\n") else "\n", flush=True)

    def emit(self, value: JSON) -> None:
        """Print one JSON line. ASCII: whatever is in the strings, no terminal obeys it."""
        print(json.dumps(value), flush=True)

    def line(self, text: str) -> None:
        """Print one line that is JSON already."""
        print(text, flush=True)

    def warn(self, text: str) -> None:
        """Tell the user on standard error."""
        for line in clean(text).splitlines():
            _complain(f"swarmtui: {line}")

    def alarm(self, text: str) -> None:
        """Tell the user on standard error what must not be overlooked: in red, where colours are wanted."""
        line = f"swarmtui: {clean(text, keep_newlines=False)}"
        coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        _complain(f"\x1b[1;37;41m {line} \x1b[0m" if coloured else line)

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print aligned columns; the last one takes what space it needs."""
        cells = [list(header), *([clean(cell, keep_newlines=False) for cell in row] for row in rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
        for row in cells:
            self.say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def duration(seconds: float) -> str:
    """``0:07``, ``12:30``, ``1:02:03``."""
    whole = max(0, int(seconds))
    hours, minutes, left = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def money(usd: float | None) -> str:
    """Dollars for people; ``?`` when the price is not known."""
    return "?" if usd is None else f"${usd:.2f}" if usd >= 0.01 or usd == 0 else f"${usd:.4f}"


def seconds(text: str) -> float:
    """A number of seconds, not negative, from the command line."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise ArgumentTypeError(f"{text!r} is no number of seconds")
    return number


def _complain(line: str) -> None:
    with suppress(OSError):  # a full disk, or nobody there: the exit code still tells
        print(line, file=sys.stderr, flush=True)
