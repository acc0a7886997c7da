"""Spans in rows of a width: broken at spaces, between wide characters, and within words that have no room."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rich.cells import split_graphemes

from swarmtui.tui.view.lines import Line, Span, cells

_NARROW = re.compile(
    r"[\x20-\x7e\u00a0-\u00ac\u00ae-\u02ff\u0370-\u0377\u037a-\u037f\u0384-\u038a\u038e-\u03a1\u03a3-\u0482"
    r"\u048a-\u052f\u2010-\u2027\u2030-\u205e\u20ac\u2200-\u22ff\u2500-\u257f]*"
)
"""Texts in which each character takes one cell and stands alone."""


def fold(spans: Sequence[Span], size: int) -> list[Line]:
    """`spans` in rows of at most `size` cells, the space at which a row ends left out. `size` is at least 2."""
    text = "".join(part for part, _ in spans)
    if cells(text) <= size:
        return [tuple(spans)]
    return sliced(spans, rows_of(text, size))


def cut(spans: Sequence[Span], size: int) -> list[Line]:
    """`spans` in rows of at most `size` cells, broken wherever a row is full: nothing is left out."""
    text = "".join(part for part, _ in spans)
    if cells(text) <= size:
        return [tuple(spans)]
    return sliced(spans, rows_of(text, size, words=False))


def rows_of(text: str, size: int, *, words: bool = True) -> Iterator[tuple[int, int]]:
    """Where the rows of `text` begin and end."""
    if _NARROW.fullmatch(text):
        return _narrow_rows(text, size) if words else ((at, at + size) for at in range(0, len(text), size))
    return _wide_rows(text, size, words=words)


def _narrow_rows(text: str, size: int) -> Iterator[tuple[int, int]]:
    at, end = 0, len(text)
    while end - at > size:
        space = text.rfind(" ", at + 1, at + size + 1)
        if space < 0 or (space - at <= size // 3 and text.find(" ", space + 1, space + size + 2) < 0):
            yield at, at + size  # a word that has no room in a row of its own either
            at += size
        else:
            yield at, space
            at = space + 1
        while at < end and text[at] == " ":
            at += 1
    if at < end:
        yield at, end


def _wide_rows(text: str, size: int, *, words: bool) -> Iterator[tuple[int, int]]:
    begun = taken = 0
    """Where the row begins, and the cells of it so far."""
    chance = upto = 0
    """Where it may be broken, and the cells before that."""
    for start, end, wide in split_graphemes(text)[0]:
        space = words and text[start:end] == " "
        if words and (wide > 1 or space) and text[start - 1 : start] != " ":
            chance, upto = start, taken
        while taken + wide > size and taken and not space:
            good = words and chance > begun and (upto > size // 3 or taken > size)
            at, before = (chance, upto) if good else (start, taken)
            yield begun, at - max(0, before - size)  # more than fits are only the spaces that a text begins with
            begun, taken = at, taken - before
            while words and begun < start and text[begun] == " ":
                begun, taken = begun + 1, taken - 1
            chance, upto = begun, 0
        taken += wide
        if words and wide > 1:
            chance, upto = end, taken
    if begun < len(text):
        yield begun, chance if taken > size else len(text)


def sliced(spans: Sequence[Span], rows: Iterator[tuple[int, int]]) -> list[Line]:
    """`spans` in rows that begin and end at these characters of their text."""
    lines: list[Line] = []
    at = offset = 0
    for start, end in rows:
        line: list[Span] = []
        while at < len(spans) and offset + len(spans[at][0]) <= start:
            offset += len(spans[at][0])
            at += 1
        here, passed = at, offset
        while here < len(spans) and passed < end:
            part, role = spans[here]
            shown = part[max(0, start - passed) : end - passed]
            if shown:
                line.append((shown, role))
            passed += len(part)
            here += 1
        lines.append(tuple(line))
    return lines
