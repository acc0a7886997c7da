"""Lines out of the standard output of a server, each of them capped. Pure: bytes in, lines out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from swarmtui.frozen import frozen

LONGEST = 10 * 1024 * 1024
"""Bytes of one message, at most."""
_KEPT = 512

_ID = re.compile(rb'"id"\s*:\s*(\d{1,9})\s*[,}]')
_METHOD = re.compile(rb'"method"\s*:')


@frozen
class Overlong:
    """A line that was longer than allowed: what is known of it is its first and last part."""

    head: bytes
    tail: bytes


class Lines:
    """Splits what a server writes at line feeds. It keeps at most `longest` bytes, whatever comes."""

    def __init__(self, longest: int = LONGEST) -> None:
        self._longest = longest
        self._parts: list[bytes] = []
        self._size = 0
        self._over: Overlong | None = None

    def feed(self, chunk: bytes) -> Iterator[bytes | Overlong]:
        """The lines that `chunk` ends, without their line ends; empty ones are left out."""
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            self._add(part)
            line = self._take()
            if line:
                yield line
        self._add(rest)

    def _add(self, part: bytes) -> None:
        if self._over is not None:
            self._over = Overlong(self._over.head, (self._over.tail + part[-_KEPT:])[-_KEPT:])
            return
        self._parts.append(part)
        self._size += len(part)
        if self._size > self._longest:
            whole = b"".join(self._parts)
            self._over = Overlong(whole[:_KEPT], whole[-_KEPT:])
            self._parts, self._size = [], 0

    def _take(self) -> bytes | Overlong:
        over, line = self._over, b"".join(self._parts).strip()
        self._parts, self._size, self._over = [], 0, None
        return over if over is not None else line


def answered(line: bytes | Overlong) -> int | None:
    """The number of the request that an unreadable line seems to answer, for whoever waits for it to be told so."""
    parts = (line.head, line.tail) if isinstance(line, Overlong) else (line[:_KEPT], line[-_KEPT:])
    if _METHOD.search(parts[0]):
        return None
    for found in (_ID.search(parts[0]), *reversed(list(_ID.finditer(parts[1])))):
        if found is not None:
            return int(found[1])
    return None
