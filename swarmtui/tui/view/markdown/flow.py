"""Markdown that is still being written, as lines: each block is drawn once, what is open with every frame.

With it stands what else an attempt says: reasoning, errors, calls of tools. A flow costs what comes and what is shown;
what was drawn for another width is drawn anew a part at a time, so that no frame takes long.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from swarmtui.frozen import frozen
from swarmtui.safety.text import clean
from swarmtui.tui.view.calls import Call, call_line
from swarmtui.tui.view.glyphs import UNICODE, Glyphs
from swarmtui.tui.view.lines import Line, Role, wrap
from swarmtui.tui.view.markdown.blocks import chunk_lines, source_lines
from swarmtui.tui.view.markdown.chunks import LIMIT as CHUNK
from swarmtui.tui.view.markdown.chunks import Chunk, Cutter

CHARS = 400_000
"""Characters that are kept, about 100,000 tokens; the first go when more come."""
LINES = 20_000
"""Lines that are kept."""
AT_ONCE = 3_000
"""Characters that are drawn in one step."""


class Look(NamedTuple):
    """What lines depend on besides the text."""

    width: int
    glyphs: Glyphs = UNICODE
    source: bool = False
    """Whether Markdown is shown as it is written."""


@frozen
class Aside:
    """A line (clean) that is no Markdown."""

    text: str
    role: Role


Piece = Chunk | Aside | Call


class Flow:
    """What is said, in the order in which it comes, and its lines."""

    def __init__(self, *, from_end: bool = False) -> None:
        """`from_end`: what is there already is drawn from its end on."""
        self._from_end = from_end
        self._pieces: deque[Piece] = deque()
        self._chars = 0
        self._cutter = Cutter()
        self._aside: Aside | None = None
        self._look: Look | None = None
        self._low = self._high = 0
        """The pieces of which there are lines."""
        self._lines: list[Line] = []
        self._heights: deque[int] = deque()
        self._closed = 0
        """Lines of what is closed."""
        self._waiting: dict[int, Call] = {}
        """Number of a line (see `above`) -> the call in it that has not come back."""
        self.above = 0
        """The number of the first line: it grows by the lines that are let go of, and shrinks by those that are drawn
        later before the first."""

    # -- what comes -------------------------------------------------------------------------------------------

    def write(self, text: str) -> None:
        """More Markdown (clean)."""
        self._end_aside()
        self._keep(self._cutter.feed(text))

    def add_aside(self, text: str, role: Role) -> None:
        """More (clean) of what is no Markdown; the last line goes on while the role stays the same."""
        self._keep(self._cutter.finish())
        if self._aside is not None and self._aside.role != role:
            self._end_aside()
        head, *rest = text.split("\n")
        said = self._aside.text if self._aside is not None else ""
        self._aside = Aside((said + head)[-CHUNK:], role)
        for row in rest:
            self._keep([self._aside])
            self._aside = Aside(row[-CHUNK:], role)

    def add_call(self, call: Call) -> None:
        """A tool is called."""
        self.end()
        self._keep([call])

    def end(self) -> None:
        """What comes is another block."""
        self._end_aside()
        self._keep(self._cutter.finish())

    def _end_aside(self) -> None:
        if self._aside is not None and self._aside.text:
            self._keep([self._aside])
        self._aside = None

    def _keep(self, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            self._pieces.append(piece)
            self._chars += _weight(piece)
        while self._chars > CHARS and len(self._pieces) > 1:
            self._drop()

    def _drop(self) -> None:
        """Let go of the first piece."""
        self._chars -= _weight(self._pieces.popleft())
        if self._low:
            self._low -= 1
        elif self._high:
            gone = self._heights.popleft()
            del self._lines[:gone]
            self._closed -= gone
            self.above += gone
            self._waiting = {at: call for at, call in self._waiting.items() if at >= self.above}
        self._high = max(self._low, self._high - 1)

    # -- its lines --------------------------------------------------------------------------------------------

    @property
    def complete(self) -> bool:
        """Whether there are lines of all of it."""
        return self._low == 0 and self._high == len(self._pieces)

    def drawn(self, look: Look, now: float = 0.0, *, at_once: int = AT_ONCE) -> list[Line]:
        """The lines there are by now, the same list each time; `at_once` more characters are drawn. Calls that go on
        are as old as they are `now`."""
        if look != self._look:
            self._forget(look)
        del self._lines[self._closed :]
        left = self._forward(look, now, at_once)
        if left > 0:
            self._backward(look, now, left)
        while self._closed > LINES and len(self._pieces) > 1:
            self._drop()
        for at, call in list(self._waiting.items()):
            self._lines[at - self.above] = call_line(call, look.width, now, look.glyphs)
            if call.took_s is not None:
                del self._waiting[at]
        if self._high == len(self._pieces):
            self._lines += self._open_lines(look)
        return self._lines

    def last(self, look: Look, height: int, now: float = 0.0) -> list[Line]:
        """The last `height` lines; costs what is shown."""
        rows = self._open_lines(look)
        at = len(self._pieces) - 1
        while len(rows) < height and at >= 0:
            rows = [*self._piece_lines(at, look, now), *rows]
            at -= 1
        return rows[-height:] if height > 0 else []

    def _forget(self, look: Look) -> None:
        self._look = look
        self._low = self._high = len(self._pieces) if self._from_end else 0
        self._lines.clear()
        self._heights.clear()
        self._waiting.clear()
        self._closed = self.above = 0

    def _forward(self, look: Look, now: float, budget: int) -> int:
        while self._high < len(self._pieces) and budget > 0:
            lines = self._piece_lines(self._high, look, now)
            self._watch(self._pieces[self._high], self.above + self._closed + len(lines) - 1)
            self._lines += lines
            self._heights.append(len(lines))
            self._closed += len(lines)
            budget -= _weight(self._pieces[self._high])
            self._high += 1
        return budget

    def _backward(self, look: Look, now: float, budget: int) -> None:
        found: list[list[Line]] = []
        while self._low > 0 and budget > 0 and self._closed < LINES:
            self._low -= 1
            lines = self._piece_lines(self._low, look, now)
            found.append(lines)
            self._heights.appendleft(len(lines))
            self._closed += len(lines)
            self.above -= len(lines)
            self._watch(self._pieces[self._low], self.above + len(lines) - 1)
            budget -= _weight(self._pieces[self._low])
        self._lines[:0] = [line for lines in reversed(found) for line in lines]
        if self._closed >= LINES:
            for _ in range(self._low):
                self._drop()

    def _watch(self, piece: Piece, at: int) -> None:
        if isinstance(piece, Call) and piece.took_s is None:
            self._waiting[at] = piece

    def _piece_lines(self, at: int, look: Look, now: float) -> list[Line]:
        piece = self._pieces[at]
        before = self._pieces[at - 1] if at else None
        return [*_gap(before, piece, look), *_lines_of(piece, look, now)]

    def _open_lines(self, look: Look) -> list[Line]:
        before = self._pieces[-1] if self._pieces else None
        opened: Piece | None = self._aside or self._cutter.open()
        if opened is None or (isinstance(opened, Aside) and not opened.text):
            return []
        return [*_gap(before, opened, look), *_lines_of(opened, look, 0.0)]


def _weight(piece: Piece) -> int:
    return len(piece.text) + 80 if isinstance(piece, Chunk | Aside) else 100


def _gap(before: Piece | None, piece: Piece, look: Look) -> list[Line]:
    """The empty line between two pieces, if there is one."""
    if not isinstance(piece, Chunk):
        return [()] if isinstance(before, Chunk) and not look.source else []
    if before is None:
        return []
    if look.source or piece.joined or not isinstance(before, Chunk):
        return [()] if piece.spaced or not isinstance(before, Chunk) else []
    return [] if before.ends_in_heading else [()]


def _lines_of(piece: Piece, look: Look, now: float) -> list[Line]:
    width = look.width
    if isinstance(piece, Call):
        return [call_line(piece, width, now, look.glyphs)]
    if isinstance(piece, Aside):
        return [((row, piece.role),) for row in wrap(piece.text, width)] if piece.text else [()]
    return source_lines(piece.source.rstrip("\n"), width) if look.source else chunk_lines(piece, width, look.glyphs)


@lru_cache(16)
def beginning(text: str, look: Look, rows: int) -> list[Line]:
    """The first `rows` lines of a text (not clean), and perhaps some more."""
    flow = flow_of(clean(text))
    lines = flow.drawn(look)
    while len(lines) < rows and not flow.complete:
        lines = flow.drawn(look)
    return lines


def flow_of(text: str) -> Flow:
    """The whole of a text (clean), drawn from its beginning; what is beyond :data:`CHARS` is left out."""
    flow = Flow()
    flow.write(text[:CHARS])
    flow.end()
    return flow
