"""Recordings of a terminal for asciinema and its players: a header and then one line per event.

asciicast v3 (https://docs.asciinema.org/manual/asciicast/v3/), in which each event has the seconds since the one before
it, and v2 (https://docs.asciinema.org/manual/asciicast/v2/), in which it has those since the beginning.
"""

from __future__ import annotations

import json
from typing import Literal

from swarmtui.plan.model import JSON
from swarmtui.safety.text import one_line

_TERM = "xterm-256color"


class Cast:
    """Makes the lines of a recording, without line ends; times are seconds since its beginning."""

    def __init__(self, columns: int, rows: int, version: Literal[2, 3] = 3) -> None:
        self._size, self._version = (columns, rows), version
        self._at = 0.0

    def header(self, *, title: str, timestamp: float, idle_limit_s: float | None = None) -> str:
        """The first line. `timestamp` is epoch seconds; players skip longer pauses than `idle_limit_s`."""
        columns, rows = self._size
        head: dict[str, JSON] = {"version": self._version}
        if self._version == 2:
            head |= {"width": columns, "height": rows, "env": {"TERM": _TERM}}
        else:
            head["term"] = {"cols": columns, "rows": rows, "type": _TERM}
        head |= {"timestamp": int(timestamp), "title": one_line(title, 120)}
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
        """The end, with the program's exit code, for which v2 has no word: there nothing is put out then."""
        return self._event(at, "x", str(code)) if self._version == 3 else self._event(at, "o", "")

    def _event(self, at: float, code: str, data: str) -> str:
        """Rounded to milliseconds, and what rounding takes or gives is made up for by the next one."""
        interval = round(max(0.0, at - self._at), 3)
        self._at += interval
        return json.dumps([round(self._at, 3) if self._version == 2 else interval, code, data])
