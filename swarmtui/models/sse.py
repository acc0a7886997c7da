"""Server-sent events, split from bytes: a pure object, so that any chunking can be tested without a socket.

Rules: WHATWG HTML, "Server-sent events", section "Interpreting an event stream". One deviation: :meth:`finish` gives
the last event even without the blank line that should close it, as some providers leave that out.
"""

from __future__ import annotations

from typing import NamedTuple


class SSEvent(NamedTuple):
    """One event: its data lines joined, and its name if it has one."""

    data: str
    name: str = ""


class SSESplitter:
    """Bytes in, events out. Raises UnicodeDecodeError when a line is not UTF-8."""

    __slots__ = ("_after_cr", "_data", "_name", "_partial", "_started", "lines")

    def __init__(self) -> None:
        self.lines = 0
        """Whole lines seen, comments and blank ones too: the sign that the other side lives."""
        self._partial: list[bytes] = []
        self._data: list[str] = []
        self._name = ""
        self._after_cr = False
        self._started = False

    def feed(self, chunk: bytes) -> list[SSEvent]:
        """The events that `chunk` completes."""
        if not chunk:
            return []
        if self._after_cr and chunk[:1] == b"\n":  # the second half of a CR LF that two chunks share
            self._after_cr = False
            return self.feed(chunk[1:])
        self._after_cr = chunk[-1:] == b"\r"
        lines = chunk.splitlines()
        ends_whole = chunk[-1:] in (b"\n", b"\r")
        if self._partial and (len(lines) > 1 or ends_whole):
            lines[0] = b"".join(self._partial) + lines[0]
            self._partial.clear()
        if not ends_whole:
            self._partial.append(lines.pop())
        events: list[SSEvent] = []
        for line in lines:
            event = self._line(line)
            if event is not None:
                events.append(event)
        return events

    def finish(self) -> list[SSEvent]:
        """The bytes are over: the event that was still open, if any."""
        rest = b"".join(self._partial)
        self._partial.clear()
        events = [self._line(rest)] if rest else []
        events.append(self._line(b""))
        return [event for event in events if event is not None]

    def _line(self, line: bytes) -> SSEvent | None:
        self.lines += 1
        if not self._started:
            self._started = True
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.startswith(b"data:"):
            self._data.append((line[6:] if line[5:6] == b" " else line[5:]).decode())
            return None
        if not line:
            if not self._data:
                self._name = ""
                return None
            event = SSEvent(self._data[0] if len(self._data) == 1 else "\n".join(self._data), self._name)
            self._data.clear()
            self._name = ""
            return event
        field, _, value = line.decode().partition(":")
        if field == "event":
            self._name = value.removeprefix(" ")
        elif field == "data":
            self._data.append("")
        return None
