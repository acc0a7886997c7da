"""Cuts Markdown that still grows where a block surely ends, so that only what is open is looked at again.

A chunk holds one block or several, never a part of one but where that is too long to be parsed again and again. Where
the cuts are depends on the lines alone, not on the pieces in which they came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from swarmtui.frozen import frozen

LIMIT = 3_000
"""Characters after which what is open is cut where that does the least harm."""
ROW = 24
"""What a row counts besides its characters: many short ones cost more than a long one."""
LEAD = 1_000
"""Characters of a table's head that is said again where the table was cut."""

_FENCE = re.compile(r"( {0,3})(`{3,}(?=[^`]*\Z)|~{3,})(.*)")
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?:[ \t]|\Z)")
_MARKED = re.compile(r" {0,3}(?:[-*+]|\d{1,9}[.)])(?:[ \t]|\Z)")
_HEADING = re.compile(r"#{1,6}(?:[ \t]|\Z)")
_DATA = re.compile(r"\s*(?:\{\s*(?:\"|\Z)|\[\s*(?:[\[{\"]|\Z))")
"""How JSON begins, and no text of people's."""
_RULE_OF_TABLE = re.compile(r" {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")


@frozen
class Chunk:
    """Lines of Markdown that are parsed together, or of code that are not parsed at all."""

    text: str
    code: bool = False
    """Whether it is code in a fence, whose own lines are not in `text`."""
    info: str = ""
    """What stands behind the opening fence."""
    fence: str = ""
    """The opening fence as it was written; empty where the whole is data without one."""
    first: bool = True
    """Whether the code begins here; it may have been cut."""
    last: bool = True
    """Whether the code ends here."""
    lead: str = ""
    """The head of the table that goes on here."""
    joined: bool = False
    """Whether it goes on with the block before."""
    spaced: bool = False
    """Whether an empty line stands before it."""

    @property
    def ends_in_heading(self) -> bool:
        """Whether what comes next belongs to a heading at its end."""
        return not self.code and _HEADING.match(self.text.rstrip().rpartition("\n")[2]) is not None

    @property
    def source(self) -> str:
        """As it was written."""
        if not self.code:
            return self.text
        head = f"{self.fence}{self.info}\n" if self.first and self.fence else ""
        return head + self.text + (f"\n{self.fence.strip()}" if self.last and self.fence else "")


class Cutter:
    """Takes Markdown (clean) in pieces, and gives back what is closed."""

    def __init__(self) -> None:
        self._partial = ""
        self._rest = False
        """Whether the line that comes goes on with one that was cut."""
        self._data: bool | None = None
        """Whether all of it is data; None before anything has come."""
        self._begin()

    def _begin(self, *, joined: bool = False, lead: str = "") -> None:
        self._rows: list[str] = []
        self._size = 0
        self._code: re.Match[str] | None = None
        self._first, self._blank, self._spaced = True, False, False
        self._listed, self._joined, self._lead, self._table = False, joined, lead, lead

    def feed(self, text: str) -> list[Chunk]:
        """The chunks that are closed by `text`."""
        closed: list[Chunk] = []
        *rows, last = (self._partial + text).split("\n") if text else (self._partial,)
        for row in rows:
            closed += self._take(self._shortened(row, closed))
            self._rest = False
        self._partial = self._shortened(last, closed)
        return closed

    def finish(self) -> list[Chunk]:
        """The chunks that are closed by the end; what comes after it begins anew."""
        closed = self.feed("\n") if self._partial else []
        closed += self._close(last=bool(self._data))
        self._rest, self._data = False, None
        return closed

    def open(self) -> Chunk | None:
        """What is not closed yet."""
        rows = [*self._rows, self._partial] if self._partial else self._rows
        if self._data or (self._data is None and _DATA.match(self._partial)):
            return self._made_data(rows, last=False) if rows else None
        if self._code is not None:
            ends = bool(self._partial) and self._is_end(self._partial)
            if ends or set(self._partial.strip()) == {self._code[2][0]}:
                rows = self._rows  # a fence that is being written
            return self._made(rows, last=ends)
        begins = _FENCE.fullmatch(self._partial) if not rows[:-1] else None
        if begins is not None:
            info = begins[3].strip()
            return Chunk("", True, info, begins[1] + begins[2], last=False, joined=self._joined, spaced=self._spaced)
        return self._made(rows, last=True) if rows else None

    def _shortened(self, row: str, closed: list[Chunk]) -> str:
        """`row` without what is cut off it since it is too long."""
        at = 0
        while len(row) - at > LIMIT:
            space = row.rfind(" ", at + LIMIT // 2, at + LIMIT)
            end = space + 1 if space > 0 else at + LIMIT
            closed += self._take(row[at:end])
            self._rest, at = True, end
        return row[at:] if at else row

    def _take(self, row: str) -> Iterator[Chunk]:
        if self._data is None and row.strip():
            self._data = _DATA.match(row) is not None
        if self._data:
            yield from self._take_data(row)
            return
        if self._code is not None:
            yield from self._take_code(row)
            return
        if not row.strip():
            if self._rows:
                self._rows.append("")
                self._blank, self._table = True, ""
            else:
                self._spaced = True
            return
        fence = None if self._rest else _FENCE.fullmatch(row)
        if fence is not None and not (self._listed and len(fence[1]) >= 2):
            yield from self._close()
            self._code = fence
            return
        if self._rows:
            yield from self._ended_before(row)
        self._add(row)

    def _ended_before(self, row: str) -> Iterator[Chunk]:
        """What is closed since `row` is another block, or since there is too much of it."""
        flush, item = not row.startswith((" ", "\t")), _ITEM.match(row) is not None
        another = (self._blank and flush and not (self._listed and item)) or _HEADING.match(row) is not None
        if another and not self._rest:
            yield from self._close()
        elif self._size + len(row) + ROW > LIMIT and (not self._listed or item or self._size > 2 * LIMIT):
            lead = self._table if len(self._table) <= LEAD else ""
            blank, listed = self._blank, self._listed
            yield from self._close()
            self._joined, self._lead, self._table, self._spaced = True, lead, lead, blank
            self._listed = listed

    def _add(self, row: str) -> None:
        if _MARKED.match(row) and not self._rest:
            self._listed = True
        if self._rows and "|" in row and "|" in self._rows[-1] and _RULE_OF_TABLE.fullmatch(row) and not self._listed:
            self._table = f"{self._rows[-1]}\n{row}\n"
        self._rows.append(row)
        self._size += len(row) + ROW
        self._blank = False

    def _take_code(self, row: str) -> Iterator[Chunk]:
        if not self._rest and self._is_end(row):
            yield from self._close()
            return
        self._rows.append(row)
        self._size += len(row) + ROW
        if self._size > LIMIT:
            code = self._code
            yield self._made(self._rows, last=False)
            self._begin(joined=True)
            self._code, self._first = code, False

    def _take_data(self, row: str) -> Iterator[Chunk]:
        self._rows.append(row)
        self._size += len(row) + ROW
        if self._size > LIMIT:
            yield self._made_data(self._rows, last=False)
            self._begin(joined=True)
            self._first = False

    def _made_data(self, rows: list[str], *, last: bool) -> Chunk:
        return Chunk("\n".join(rows), True, "json", "", self._first, last, joined=self._joined, spaced=self._spaced)

    def _is_end(self, row: str) -> bool:
        fence = self._code[2] if self._code is not None else "`"
        found = row.strip(" \t")
        begun = len(row) - len(row.lstrip(" "))
        return begun <= 3 and len(found) >= len(fence) and not found.strip(fence[0])

    def _made(self, rows: list[str], *, last: bool) -> Chunk:
        if self._code is None:
            return Chunk("\n".join(rows), lead=self._lead, joined=self._joined, spaced=self._spaced)
        indent = len(self._code[1])
        if indent:
            rows = [row[min(indent, len(row) - len(row.lstrip(" "))) :] for row in rows]
        return Chunk(
            "\n".join(rows), True, self._code[3].strip(), self._code[1] + self._code[2], self._first, last,
            joined=self._joined, spaced=self._spaced,
        )  # fmt: skip

    def _close(self, *, last: bool = True) -> Iterator[Chunk]:
        spaced = self._blank or (self._spaced and not self._rows)
        if self._rows or self._code is not None:
            made = self._made_data if self._data else self._made
            yield made(self._rows, last=last)
        self._begin()
        self._spaced = spaced
