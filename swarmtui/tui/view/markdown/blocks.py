"""A chunk of Markdown as lines of a width. Nothing in it is obeyed: HTML and addresses are text like any other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from swarmtui.frozen import mutable
from swarmtui.tui.view.glyphs import E, Glyphs, W
from swarmtui.tui.view.lines import Line, Role, Span, cells
from swarmtui.tui.view.lines import width as cells_of
from swarmtui.tui.view.markdown.chunks import Chunk
from swarmtui.tui.view.markdown.code import code_lines, highlighted
from swarmtui.tui.view.markdown.folding import cut, fold
from swarmtui.tui.view.markdown.inline import Inline
from swarmtui.tui.view.markdown.tables import Align, Table

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

DEEPEST = 24
"""How deep tokens may lie in each other; what lies deeper is shown as it is written."""
BRACKETS = 300
"""Brackets that a chunk may open before it is shown as it is written: looking for their ends takes too long."""
COLUMNS = 60
LEAST = 6
"""Cells that are left to what is within lists and quotations."""
_BULLETS: Final = ("•", "–", "·")
_TASK = re.compile(r"\[[ xX]\] ")
_PIPE = re.compile(r"(?<!\\)\|")
_HEADINGS: Mapping[str, Role] = {"h1": "strong", "h2": "strong"}


@lru_cache(1)
def parser() -> MarkdownIt:
    """The parser; the first call takes tens of milliseconds, and belongs on a thread."""
    from markdown_it import MarkdownIt

    found = MarkdownIt("commonmark", {"html": False, "maxNesting": DEEPEST + 6})
    found.enable(["table", "strikethrough"]).disable(["reference"])
    found.validateLink = lambda url: True  # type: ignore[method-assign]  # none is followed
    found.normalizeLink = lambda url: url  # type: ignore[method-assign]
    return found


def load() -> None:
    """Import what is needed, on a thread, before it is."""
    parser().parse("*a*")
    highlighted("a", "python")


@lru_cache(64)
def chunk_lines(chunk: Chunk, width: int, glyphs: Glyphs) -> list[Line]:
    """The lines of a chunk (clean) in at most `width` cells."""
    width = max(LEAST, width)
    if chunk.code:
        framed = bool(chunk.fence)
        return code_lines(chunk.text, chunk.info, width, glyphs, first=chunk.first, last=chunk.last, framed=framed)
    text = chunk.lead + chunk.text
    tokens = _parsed(text)
    if tokens is None:
        return source_lines(chunk.text, width)
    return _Drawing(tokens, text.split("\n"), glyphs).blocks(0, len(tokens), width)


def _parsed(text: str) -> Sequence[Token] | None:
    """The tokens of `text`; None where it is made so that they take too long, or lie too deep in each other."""
    if _costly(text):
        return None
    try:
        tokens = parser().parse(text)
    except RecursionError:
        return None
    return None if any(token.level >= DEEPEST for token in tokens) else tokens


def source_lines(text: str, width: int) -> list[Line]:
    """`text` (clean) as it is written, wrapped."""
    return [line for row in text.split("\n") for line in fold([(row.expandtabs(4), "text")], max(LEAST, width))]


def _costly(text: str) -> bool:
    return text.count("[") > BRACKETS or (
        text.count("|") > COLUMNS and any(row.count("|") > COLUMNS for row in text.split("\n"))
    )


@mutable
class _Drawing:
    tokens: Sequence[Token]
    source: Sequence[str]
    glyphs: Glyphs

    def blocks(self, at: int, end: int, width: int, *, depth: int = 0, listed: bool = False) -> list[Line]:
        """The blocks among tokens `at` to `end`, an empty line between them; in a list only where one is written."""
        lines: list[Line] = []
        close = True
        for start, stop in self._siblings(at, end):
            token = self.tokens[start]
            if not close and (not listed or self._spaced(token)):
                lines.append(())
            lines += self._block(start, stop, width, depth)
            close = token.type == "heading_open"
        return lines

    def _spaced(self, token: Token) -> bool:
        """Whether an empty line stands before it."""
        begun = token.map[0] if token.map else 0
        return 0 < begun <= len(self.source) and not self.source[begun - 1].strip(" \t>")

    def _siblings(self, at: int, end: int) -> Iterator[tuple[int, int]]:
        """Where each block begins, and where it ends."""
        while at < end:
            stop = at + 1
            if self.tokens[at].nesting > 0:
                level = self.tokens[at].level
                while self.tokens[stop].level > level:
                    stop += 1
                stop += 1
            yield at, stop
            at = stop

    def _block(self, start: int, stop: int, width: int, depth: int) -> list[Line]:
        token = self.tokens[start]
        match token.type:
            case "paragraph_open":
                return self._words(self.tokens[start + 1], width)
            case "heading_open":
                return self._heading(token, self.tokens[start + 1], width)
            case "bullet_list_open" | "ordered_list_open":
                return self._list(start, stop, width, depth)
            case "blockquote_open":
                side = "| " if self.glyphs.ascii else "▎ "
                inner = self.blocks(start + 1, stop - 1, max(LEAST, width - 2), depth=depth)
                return [((side, "edge"), *line) for line in inner] if width - 2 >= LEAST else inner
            case "table_open":
                return self._table(start, stop).lines(width, self.glyphs)
            case "fence" | "code_block":
                return code_lines(token.content.removesuffix("\n"), token.info, width, self.glyphs)
            case "hr":
                return [((self.glyphs.wire(E | W) * width, "edge"),)]
            case "inline":
                return self._words(token, width)
            case _:
                return source_lines(token.content, width) if token.content else []

    def _rows(self, inline: Token, base: Role = "text") -> list[list[Span]]:
        return Inline(base).take(inline.children or ())

    def _words(self, inline: Token, width: int) -> list[Line]:
        return [line for row in self._rows(inline) for line in fold(row, width)]

    def _heading(self, token: Token, inline: Token, width: int) -> list[Line]:
        base = _HEADINGS.get(token.tag, "accent")
        lines = [line for row in self._rows(inline, base) for line in fold(row, width)]
        if token.tag == "h1":
            lines.append(((self.glyphs.wire(E | W) * max(1, *map(cells_of, lines)), "accent"),))
        return lines

    def _list(self, start: int, stop: int, width: int, depth: int) -> list[Line]:
        token = self.tokens[start]
        number = int(token.attrs.get("start", 1))
        lines: list[Line] = []
        for at, end in self._siblings(start + 1, stop - 1):
            if lines and self._spaced(self.tokens[at]):
                lines.append(())
            sign = _BULLETS[depth % 3] if token.type == "bullet_list_open" else f"{number}{self.tokens[at].markup}"
            if self.glyphs.ascii and token.type == "bullet_list_open":
                sign = "*-"[depth % 2]
            lines += self._item(at, end, sign, width, depth)
            number += 1
        return lines

    def _item(self, at: int, end: int, sign: str, width: int, depth: int) -> list[Line]:
        hang = cells(sign) + 1
        room = width - hang
        if room < LEAST:  # no room for an indent
            inner = self.blocks(at + 1, end - 1, width, depth=depth + 1, listed=True)
            return [*cut([(sign, "accent")], width), *inner]
        inner = self.blocks(at + 1, end - 1, room, depth=depth + 1, listed=True) or [()]
        head = inner[0]
        task = _TASK.match(head[0][0]) if head and head[0][1] == "text" else None
        if task is not None:
            done: Role = "muted" if task[0] == "[ ] " else "ok"
            head = ((task[0], done), (head[0][0][4:], "text"), *head[1:])
        blank: Span = (" " * hang, "text")
        return [((f"{sign} ", "accent"), *head), *((blank, *line) if line else () for line in inner[1:])]

    def _table(self, start: int, stop: int) -> Table:
        rows: list[list[list[Span]]] = []
        aligns: list[Align] = []
        for at in range(start, stop):
            token = self.tokens[at]
            if token.type == "tr_open":
                rows.append([])
                line = token.map[0] if token.map else 0
            elif token.type in ("th_open", "td_open"):
                base: Role = "strong" if token.type == "th_open" else "text"
                found = self._rows(self.tokens[at + 1], base)
                rows[-1].append([span for row in found for span in row])
                if base == "strong":
                    aligns.append(_align(str(token.attrs.get("style", ""))))
            elif token.type == "tr_close" and len(rows) > 1:
                self._add_excess(rows[-1], line)
        head = rows[0]
        body = [[*row, *([] for _ in head[len(row) :])] for row in rows[1:]]
        return Table(head, body, aligns)

    def _add_excess(self, row: list[list[Span]], line: int) -> None:
        """Cells for which the table has no column would be dropped: they go into the last one that it has."""
        written = self.source[line].strip() if line < len(self.source) else ""
        parts = _PIPE.split(written.removeprefix("|"))
        excess = [part.strip() for part in parts[len(row) :] if part.strip()]
        if excess and row:
            row[-1] = [*row[-1], *((f" | {part}", "text") for part in excess)]


def _align(style: str) -> Align:
    found = style.removeprefix("text-align:")
    return "right" if found == "right" else "center" if found == "center" else "left"
