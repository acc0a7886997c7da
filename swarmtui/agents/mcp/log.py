"""The log of a server: what it says on its standard error, and what was noticed about it. Capped, without secrets."""

from __future__ import annotations

import codecs
import os
from contextlib import suppress
from pathlib import Path

from swarmtui.safety.redact import Redactor
from swarmtui.safety.text import one_line

CAP = 10 * 1024 * 1024
"""Bytes that one session writes for one server, at most."""
_TAIL = 4096


class ServerLog:
    """Writes to `path`, which is made when there is something to write; where that cannot be done, nothing is kept."""

    def __init__(self, path: Path, redactor: Redactor, cap: int = CAP) -> None:
        self.path = path
        self._redactor = redactor
        self._stream = redactor.stream()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._left = cap
        self._file: int | None = None
        self._tail = ""

    def feed(self, chunk: bytes) -> None:
        """Takes what the server wrote to its standard error."""
        text = self._stream.feed(self._decoder.decode(chunk))
        self._tail = (self._tail + text)[-_TAIL:]
        self._write(text)

    def flush(self) -> None:
        """The server's standard error has ended."""
        text = self._stream.feed(self._decoder.decode(b"", final=True)) + self._stream.flush()
        self._tail = (self._tail + text)[-_TAIL:]
        self._write(text)

    def note(self, text: str) -> None:
        """Writes a line of swarmtui's own."""
        self._write(f"[swarmtui] {one_line(self._redactor.redact(text), 500)}\n")

    def last_line(self) -> str:
        """What the server said last, on one line; empty where it said nothing."""
        lines = [line for line in self._tail.splitlines() if line.strip()]
        return one_line(lines[-1], 200) if lines else ""

    def forget(self) -> None:
        """What was said so far is that of a process before."""
        self.flush()
        self._tail = ""

    def close(self) -> None:
        """Closes the file; what is written later opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self, text: str) -> None:
        if not text or self._left <= 0:
            return
        data = text.encode("utf-8", "replace")[: self._left]
        self._left -= len(data)
        if self._left <= 0:
            data += b"\n[swarmtui] the rest is left out\n"
        with suppress(OSError):
            if self._file is None:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
                self._file = os.open(self.path, flags, 0o600)
            os.write(self._file, data)
