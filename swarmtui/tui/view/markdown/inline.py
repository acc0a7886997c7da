"""What stands within a paragraph: emphasis, code, links with their addresses as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from swarmtui.safety.text import clean
from swarmtui.tui.view.lines import Role, Span

if TYPE_CHECKING:
    from markdown_it.token import Token

_SPACE = re.compile(r"[ \t\n\xa0]+")
_DEFINITION = re.compile(r"\[[^\]]{1,200}\]:")
_ROLES: tuple[tuple[str, Role], ...] = (("link", "accent"), ("strong", "strong"), ("s", "faint"), ("em", "em"))
"""The first of these that something is in says how it looks."""


class Inline:
    """Gathers the spans of one paragraph, a list of them for each row that is to begin anew."""

    def __init__(self, base: Role) -> None:
        self.rows: list[list[Span]] = [[]]
        self._base = base
        self._within: dict[str, int] = {}
        self._links: list[tuple[str, str, int]] = []
        """Address, title, and where in the row the text of each open link begins."""

    def take(self, tokens: Sequence[Token]) -> list[list[Span]]:
        """The rows of `tokens`."""
        for at, token in enumerate(tokens):
            kind = token.type
            if kind == "text":
                self._text(token.content)
            elif kind == "code_inline":
                self._put(_plain(token.content), "code")
            elif kind == "hardbreak":
                self.rows.append([])
            elif kind == "softbreak":
                if at + 1 < len(tokens) and _DEFINITION.match(tokens[at + 1].content):
                    self.rows.append([])  # what a reference stands for has a row of its own
                else:
                    self._put(" ", self._role)
            elif kind == "image":
                self._image(token)
            elif token.nesting:
                self._mark(token)
            else:
                self._text(token.content)
        return [row for row in self.rows if row] or [[]]

    @property
    def _role(self) -> Role:
        within = self._within
        return next((role for name, role in _ROLES if within.get(name)), self._base)

    def _text(self, text: str) -> None:
        self._put(_SPACE.sub(" ", _plain(text)), self._role)

    def _put(self, text: str, role: Role) -> None:
        row = self.rows[-1]
        if not text:
            return
        if row and row[-1][1] == role:
            row[-1] = (row[-1][0] + text, role)
        else:
            row.append((text, role))

    def _mark(self, token: Token) -> None:
        name = token.type.removesuffix("_open").removesuffix("_close")
        self._within[name] = self._within.get(name, 0) + token.nesting
        if name != "link":
            return
        if token.nesting > 0:
            address, title = str(token.attrs.get("href", "")), str(token.attrs.get("title", ""))
            self._links.append((address, title, sum(len(part) for part, _ in self.rows[-1])))
        elif self._links:
            address, title, begun = self._links.pop()
            self._address(address, title, "".join(part for part, _ in self.rows[-1])[begun:])

    def _image(self, token: Token) -> None:
        said = Inline(self._base).take(token.children or ())
        alt = " ".join("".join(part for part, _ in row) for row in said)
        self._put(f"[image: {alt}]" if alt.strip() else "[image]", "accent")
        self._address(str(token.attrs.get("src", "")), str(token.attrs.get("title", "")), "")

    def _address(self, address: str, title: str, said: str) -> None:
        address, title = _plain(address).strip(), _SPACE.sub(" ", _plain(title)).strip()
        told = " ".join(part for part in ("" if address in (said, f"mailto:{said}") else address, title) if part)
        if told:
            self._put(f" ({told})", "faint")


def _plain(text: str) -> str:
    """`text` clean once more: a character may have been written as its number."""
    return text if text.isascii() and text.isprintable() else clean(text, keep_newlines=False)
