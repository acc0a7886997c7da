"""Recordings of a terminal as asciinema's asciicast v3 (https://docs.asciinema.org/manual/asciicast/v3/): a header and
then one line per event, each with the seconds since the one before it."""

from __future__ import annotations

import json

from swarmtui.plan.model import JSON
from swarmtui.safety.text import one_line

VERSION = 3
MEDIA_TYPE = "application/x-asciicast"


class Cast:
    """Makes the lines of a recording, without line ends; times are seconds since its beginning."""

    def __init__(self, columns: int, rows: int) -> None:
        self._size = columns, rows
        self._at = 0.0

    def header(self, *, title: str, timestamp: float, idle_limit_s: float | None = None) -> str:
        """The first line. `timestamp` is epoch seconds; players skip longer pauses than `idle_limit_s`."""
        columns, rows = self._size
        head: dict[str, JSON] = {
            "version": VERSION,
            "term": {"cols": columns, "rows": rows, "type": "xterm-256color"},
            "timestamp": int(timestamp),
            "title": one_line(title, 120),
        }
        if idle_limit_s is not None:
            head["idle_time_limit"] = idle_limit_s
        return json.dumps(head)

    def output(self, at: float, ansi: str) -> str:
        """What the terminal was given at second `at`."""
        return self._event(at, "o", ansi)

    def marker(self, at: float, label: str) -> str:
        """A place to jump to."""
        return self._event(at, "m", one_line(label, 120))

    def exit(self, at: float, code: int) -> str:
        """The end, with the program's exit code."""
        return self._event(at, "x", str(code))

    def _event(self, at: float, code: str, data: str) -> str:
        """Rounded to milliseconds, and what rounding takes or gives is made up for by the next one."""
        interval = round(max(0.0, at - self._at), 3)
        self._at += interval
        return json.dumps([interval, code, data])
