"""A line of the screen as a value: spans of text, each with a role that a theme gives a colour to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import Literal, get_args

from rich.cells import cell_len, set_cell_size, split_graphemes, split_text

Role = Literal[
    "text", "muted", "faint", "strong", "accent", "ok", "warn", "bad", "edge", "critical", "bar", "rest",
    "waiting", "ready", "running", "retrying", "throttled", "held", "succeeded", "failed", "skipped", "cancelled",
    "interrupted", "stale", "ask", "badge", "cursor", "em", "code",
]  # fmt: skip
"""What a span is, never how it looks."""

ROLES: tuple[Role, ...] = get_args(Role)

Span = tuple[str, Role]
Line = tuple[Span, ...]


def width(line: Line) -> int:
    """Cells that `line` takes."""
    return sum(cells(text) for text, _ in line)


def cells(text: str) -> int:
    """Cells that `text` takes."""
    return len(text) if text.isascii() else cell_len(text)


def spans_of(text: str, roles: Sequence[Role]) -> list[Span]:
    """`text` as spans, by the role of each of its characters; what is drawn as one stays whole, in that of its first.

    The pieces of it would be counted as more cells than a terminal gives to the whole.
    """
    starts = range(len(text)) if text.isascii() else [start for start, _, _ in split_graphemes(text)[0]]
    firsts = [next(run) for _, run in groupby(starts, roles.__getitem__)]
    return [(text[at:end], roles[at]) for at, end in pairwise([*firsts, len(text)])]


def fit(text: str, size: int, *, right: bool = False, ellipsis: str = "…") -> str:
    """`text` in exactly `size` cells: padded (`right` aligns it right), or cut with an ellipsis."""
    if size <= 0:
        return ""
    taken = cells(text)
    if taken <= size:
        return " " * (size - taken) + text if right else text + " " * (size - taken)
    if size <= len(ellipsis):
        return ellipsis[:size]
    return set_cell_size(text, size - len(ellipsis)).rstrip() + ellipsis + " " * _lost(text, size - len(ellipsis))


def _lost(text: str, size: int) -> int:
    cut = set_cell_size(text, size)
    return cells(cut) - cells(cut.rstrip())


def shorten(text: str, size: int, ellipsis: str = "…") -> str:
    """`text`, cut with an ellipsis if it takes more than `size` cells; never padded."""
    return text if cells(text) <= size else fit(text, size, ellipsis=ellipsis).rstrip()


def crop(line: Line, size: int) -> Line:
    """The first `size` cells of `line`."""
    kept: list[Span] = []
    left = size
    for text, role in line:
        taken = cells(text)
        if taken <= left:
            kept.append((text, role))
            left -= taken
            continue
        if left > 0:
            kept.append((set_cell_size(text, left), role))
        break
    return tuple(kept)


def shorten_line(line: Line, size: int, ellipsis: str = "…") -> Line:
    """`line`, cut with an ellipsis if it takes more than `size` cells; never padded."""
    if width(line) <= size:
        return line
    kept: list[Span] = []
    left = max(0, size)
    for text, role in line:
        if cells(text) >= left:  # more comes, or too much already
            return (*kept, (shorten(f"{text} ", left, ellipsis), role))
        kept.append((text, role))
        left -= cells(text)
    return tuple(kept)


def skip(line: Line, size: int) -> Line:
    """`line` without its first `size` cells; half of a wide character becomes a space."""
    if size <= 0:
        return line
    kept: list[Span] = []
    for text, role in line:
        taken = cells(text)
        if size >= taken:
            size -= taken
            continue
        if size:
            kept.append((split_text(text, size)[1], role))
            size = 0
        else:
            kept.append((text, role))
    return tuple(kept)


def pad(line: Line, size: int) -> Line:
    """`line` in exactly `size` cells."""
    taken = width(line)
    if taken > size:
        return crop(line, size)
    return (*line, (" " * (size - taken), "text")) if taken < size else line


def joined(spans: Iterable[Span]) -> Line:
    """Neighbours of one role as one span."""
    found: list[Span] = []
    for text, role in spans:
        if found and found[-1][1] == role:
            found[-1] = (found[-1][0] + text, role)
        else:
            found.append((text, role))
    return tuple(found)


def spread(left: Line, right: Line, size: int) -> Line:
    """`left` and `right` at the two ends of `size` cells; `left` is cut where they would meet."""
    taken = width(right)
    if taken >= size:
        return crop(right, size)
    return (*pad(left, size - taken), *right)


def shares(parts: Sequence[float], size: int) -> list[int]:
    """`size` cells given to parts by how large they are, all of them; one at least to each that is not 0, where there
    is room for that."""
    whole = sum(parts)
    if whole <= 0 or size <= 0:
        return [0] * len(parts)
    given = [int(size * one / whole) for one in parts]
    if size >= sum(one > 0 for one in parts):
        given = [max(1, wide) if one > 0 else 0 for one, wide in zip(parts, given, strict=True)]
    while sum(given) > size:
        given[given.index(max(given))] -= 1
    order = sorted(range(len(parts)), key=lambda at: given[at] - size * parts[at] / whole)
    for at in order:
        if sum(given) == size:
            break
        if parts[at] > 0:
            given[at] += 1
    given[parts.index(max(parts))] += size - sum(given)
    return given


def wrap(text: str, size: int) -> list[str]:
    """`text` (one line, no newline) in rows of at most `size` cells, broken at spaces where that is possible."""
    if size <= 0:
        return [""]
    text = text.expandtabs(4)
    rows = [text[start:end] for start, end in rows_in(text, size)]
    return [*(row.rstrip() for row in rows[:-1]), rows[-1]]


def rows_in(text: str, size: int) -> Iterator[tuple[int, int]]:
    """Where the rows of `text` (one line, no tabs) begin and end, each within `size` cells; together they are all of
    it."""
    at = 0
    while (head := _head(text, at, size)) is not None:
        space = head.rfind(" ")
        cut = space + 1 if space > size // 3 else len(head)
        yield at, at + cut
        at += cut
    yield at, len(text)


def _head(text: str, at: int, size: int) -> str | None:
    """The longest prefix of ``text[at:]`` within `size` cells, at least one character; None where all of it fits.

    Looks only as far as it must: a line can be as long as a model makes it.
    """
    reach = size + 16
    while True:
        part, is_rest = text[at : at + reach], at + reach >= len(text)
        if is_rest and cells(part) <= size:
            return None
        head = part[:size] if part.isascii() else _prefix(part, size)
        if is_rest or len(head) < len(part):
            return head
        reach *= 2


def _prefix(text: str, size: int) -> str:
    """The longest prefix of `text` within `size` cells, at least one character; what is drawn as one stays together."""
    taken = 0
    for start, end, wide in split_graphemes(text)[0]:
        taken += wide
        if taken > size:
            return text[: start or end]
    return text
