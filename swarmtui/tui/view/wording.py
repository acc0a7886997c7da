"""How two texts differ, to the word: what both have, what one has alone. Pure.

Lines are matched first, words only within lines that changed, so that long texts stay quick to hold against each other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Literal

from swarmtui.frozen import frozen
from swarmtui.safety.text import clean
from swarmtui.tui.view.glyphs import Glyphs
from swarmtui.tui.view.lines import Line, Role, Span, rows_in, wrap
from swarmtui.tui.view.markdown.folding import sliced

Kind = Literal["same", "gone", "new"]
WORDS_LIMIT = 4_000
"""Words of a changed passage above which it is not looked into."""
LINES_LIMIT = 4_000
"""Lines of a text above which only the lines at both ends are matched."""
AROUND = 2
"""Lines that are shown around what differs."""
_WORD = re.compile(r"\w+|\s+|[^\w\s]")


@frozen
class Piece:
    """A stretch of text; the same and the gone ones make the first text, the same and the new ones the second."""

    kind: Kind
    text: str


def differ(first: str, second: str) -> list[Piece]:
    """The pieces of two texts."""
    pieces: list[Piece] = []
    for kind, one, other in _passages(first.splitlines(keepends=True), second.splitlines(keepends=True)):
        if kind == "equal":
            _put(pieces, "same", "".join(one))
        else:
            _within(pieces, "".join(one), "".join(other))
    return pieces


Passage = tuple[str, Sequence[str], Sequence[str]]


def _passages(first: Sequence[str], second: Sequence[str]) -> Iterator[Passage]:
    head = next((at for at, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), None)
    if head is None:
        head = min(len(first), len(second))
    yield "equal", first[:head], second[:head]
    first, second = first[head:], second[head:]
    tail = 0
    while tail < min(len(first), len(second)) and first[-1 - tail] == second[-1 - tail]:
        tail += 1
    one, other = first[: len(first) - tail], second[: len(second) - tail]
    if max(len(one), len(other)) > LINES_LIMIT:
        yield "replace", one, other
    else:
        for kind, a, b, c, d in SequenceMatcher(None, one, other).get_opcodes():
            yield kind, one[a:b], other[c:d]
    yield "equal", first[len(first) - tail :], second[len(second) - tail :]


def _within(pieces: list[Piece], one: str, other: str) -> None:
    words, others = _WORD.findall(one), _WORD.findall(other)
    if not words or not others or max(len(words), len(others)) > WORDS_LIMIT:
        _put(pieces, "gone", one)
        _put(pieces, "new", other)
        return
    for kind, a, b, c, d in SequenceMatcher(None, words, others).get_opcodes():
        if kind == "equal":
            _put(pieces, "same", "".join(words[a:b]))
        else:
            _put(pieces, "gone", "".join(words[a:b]))
            _put(pieces, "new", "".join(others[c:d]))


def _put(pieces: list[Piece], kind: Kind, text: str) -> None:
    if text:
        pieces.append(Piece(kind, text))


def difference_lines(first: str, second: str, width: int, glyphs: Glyphs, names: tuple[str, str]) -> list[Line]:
    """What differs, as lines: ``-`` of the first text, ``+`` of the second, words that differ marked within them.

    The texts need not be clean.
    """
    old, new = clean(first), clean(second)
    if old == new:
        return [(("both gave the same, to the character", "ok"),)]
    lines: list[Line] = [(("- ", "bad"), (names[0], "muted"), ("   ", "text"), ("+ ", "ok"), (names[1], "muted")), ()]
    passages = list(_passages(old.splitlines(keepends=True), new.splitlines(keepends=True)))
    for number, (kind, one, other) in enumerate(passages):
        if kind == "equal":
            lines += _same(one, width, glyphs, first=number == 0, last=number == len(passages) - 1)
            continue
        pieces: list[Piece] = []
        _within(pieces, "".join(one), "".join(other))
        lines += _side(pieces, "gone", width, glyphs) if one else []
        lines += _side(pieces, "new", width, glyphs) if other else []
    return lines


def _same(rows: Sequence[str], width: int, glyphs: Glyphs, *, first: bool, last: bool) -> list[Line]:
    head = [] if first else list(rows[:AROUND])
    tail = [] if last else list(rows[max(len(head), len(rows) - AROUND) :])
    between = len(rows) - len(head) - len(tail)
    lines = _plain(head, width)
    if between > 0:
        told = f"{glyphs.cut} {between:,} line{'' if between == 1 else 's'} the same in both"
        lines.append((("  ", "text"), (told, "faint")))
    return lines + _plain(tail, width)


def _plain(rows: Sequence[str], width: int) -> list[Line]:
    return [(("  ", "text"), (part, "muted")) for row in rows for part in wrap(row.rstrip("\r\n"), max(8, width - 2))]


_OPEN, _CLOSE = {"gone": "[-", "new": "{+"}, {"gone": "-]", "new": "+}"}


def _side(pieces: Sequence[Piece], kind: Literal["gone", "new"], width: int, glyphs: Glyphs) -> list[Line]:
    """One text's lines of a passage."""
    role: Role = "bad" if kind == "gone" else "ok"
    sign = "- " if kind == "gone" else "+ "
    whole = not any(piece.kind == "same" for piece in pieces)
    rows: list[list[Span]] = [[]]
    for piece in pieces:
        if piece.kind not in ("same", kind):
            continue
        marked = piece.kind == kind
        for at, part in enumerate(piece.text.split("\n")):
            if at:
                rows.append([])
            framed = marked and glyphs.ascii and not whole and part.strip()
            text = f"{_OPEN[kind]}{part}{_CLOSE[kind]}" if framed else part
            if part:
                rows[-1].append((text, role if marked else "muted"))
    if not rows[-1]:
        rows.pop()
    return [((sign, role), *line) for row in rows for line in flow(row, max(8, width - 2))]


def flow(spans: Sequence[Span], width: int) -> list[Line]:
    """One line of spans in rows of `width` cells, broken at spaces where that is possible; nothing is left out."""
    told = [(text.expandtabs(4), role) for text, role in spans]
    return sliced(told, rows_in("".join(text for text, _ in told), width))


def flow_text(spans: Sequence[Span], width: int) -> list[Line]:
    """Spans (clean) in rows of `width` cells, as :func:`flow` has them; a newline begins another row."""
    rows: list[list[Span]] = [[]]
    for text, role in spans:
        head, *rest = text.split("\n")
        rows[-1].append((head, role))
        rows.extend([[(part, role)] for part in rest])
    return [line for row in rows for line in flow(row, width)]
