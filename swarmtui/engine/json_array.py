"""Splits the bytes of a JSON array into its elements as they come, in memory that does not grow with the array.

Only brackets, commas and quotes are looked at, so that one element that is no JSON does not spoil those after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, auto

from swarmtui.frozen import frozen

_PLAIN = re.compile(rb'["\[\]{},]')
_QUOTED = re.compile(rb'["\\]')
_SPACE = b" \t\r\n"


@frozen
class Element:
    """One element as it stands in the file."""

    text: bytes
    """Without the white space around it; cut off where it is longer than the reader was told to keep."""
    line: int
    """The line of the file on which it begins."""
    whole: bool = True
    """Whether `text` is all of it."""


class ArrayError(Exception):
    """What comes is not, or no longer, an array; the text says why."""


class _At(Enum):
    START = auto()
    INSIDE = auto()
    AFTER = auto()


class ArraySplitter:
    """Takes blocks of bytes and gives elements. Elements of more than `longest` bytes are cut."""

    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._at = _At.START
        self._depth = 0
        self._quoted = False
        self._escaped = False
        self._text = bytearray()
        self._cut = False
        self._line = 1
        self._began = 1
        self._elements = 0

    @property
    def begun(self) -> bool:
        """Whether an array has begun."""
        return self._at is not _At.START

    def feed(self, data: bytes) -> Iterator[Element]:
        """The elements that end within `data`. Raises ArrayError."""
        at = 0
        if self._at is _At.START:
            at = self._opening(data)
        while at < len(data):
            if self._at is _At.AFTER:
                self._nothing_after(data[at:])
                return
            if self._quoted:
                at = self._through_text(data, at)
                continue
            found = _PLAIN.search(data, at)
            end = found.start() if found else len(data)
            self._take(data[at:end])
            at = end + 1
            if found:
                yield from self._mark(found.group())

    def close(self) -> Iterator[Element]:
        """What is left at the end of the data. Raises ArrayError if the array is not closed."""
        if self._at is _At.START:
            raise ArrayError("empty, where an array was expected")
        if self._at is _At.INSIDE:
            if self._text:
                yield self._element()
            raise ArrayError(f"line {self._line}: the array is not closed: what followed may be missing")

    def _opening(self, data: bytes) -> int:
        stripped = data.lstrip(_SPACE)
        skipped = len(data) - len(stripped)
        self._line += data.count(b"\n", 0, skipped)
        if not stripped:
            return len(data)
        if not stripped.startswith(b"["):
            raise ArrayError(f"line {self._line}: expected an array, which begins with [")
        self._at, self._depth, self._began = _At.INSIDE, 1, self._line
        return skipped + 1

    def _nothing_after(self, data: bytes) -> None:
        if data.strip(_SPACE):
            raise ArrayError(f"line {self._line}: there is more after the end of the array")
        self._line += data.count(b"\n")

    def _through_text(self, data: bytes, at: int) -> int:
        """Past a part of a quoted text; where to go on."""
        if self._escaped:
            self._escaped = False
            self._take(data[at : at + 1])
            return at + 1
        found = _QUOTED.search(data, at)
        end = found.end() if found else len(data)
        self._take(data[at:end])
        if found:
            self._escaped = found.group() == b"\\"
            self._quoted = self._escaped
        return end

    def _mark(self, mark: bytes) -> Iterator[Element]:
        """A bracket, comma or quote outside of texts."""
        if mark in b"[{":
            self._depth += 1
        elif mark in b"]}":
            self._depth -= 1
            if self._depth <= 0:
                self._at = _At.AFTER
                if self._elements or self._text:
                    yield self._element()
                return
        elif mark == b'"':
            self._quoted = True
        elif self._depth == 1:
            yield self._element()
            return
        self._take(mark)

    def _element(self) -> Element:
        element = Element(bytes(self._text).rstrip(_SPACE), self._began, not self._cut)
        self._elements += 1
        self._text.clear()
        self._cut = False
        self._began = self._line
        return element

    def _take(self, data: bytes) -> None:
        if not self._text:  # space before an element belongs to nothing
            stripped = data.lstrip(_SPACE)
            self._line += data.count(b"\n", 0, len(data) - len(stripped))
            data = stripped
            self._began = self._line
        self._line += data.count(b"\n")
        room = self._longest - len(self._text)
        self._cut |= len(data) > room
        self._text += data[: max(0, room)]
