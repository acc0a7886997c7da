"""Markdown that somebody else wrote as a part of a page: headings, lists, tables, code and links, and nothing that
loads, runs or hides.

HTML in it is text; an image is its description; a link leads to an ``http`` or ``https`` address or is none. What it
says by character references is cleaned like what it says outright.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from swarmtui.safety.text import clean, one_line

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

HEADING = 2
"""Levels that headings are lowered by: those above are the page's own."""
_LINKS = ("http://", "https://")
_KEPT = {"link_open": ("href",), "ordered_list_open": ("start",)}
"""Attributes that are taken over; no other element has any."""


def prose(text: str) -> str:
    """`text`, not cleaned, as HTML."""
    made = _parser()
    tokens = made.parse(clean(text))
    for token in _all(tokens):
        _make_harmless(token)
    return str(made.renderer.render(tokens, made.options, {}))


def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark", {"html": False, "linkify": False, "typographer": False})
    made.enable(["table", "strikethrough"]).disable(["html_block", "html_inline"])
    made.validateLink = lambda url: url.strip().lower().startswith(_LINKS)  # type: ignore[method-assign]
    return made


def _all(tokens: Sequence[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from _all(token.children or ())


def _make_harmless(token: Token) -> None:
    kept = _KEPT.get(token.type, ())
    token.attrs = {name: value for name, value in token.attrs.items() if name in kept}
    token.content = clean(token.content)
    token.info = ""
    match token.type:
        case "link_open":
            token.attrs["rel"] = "noopener noreferrer"
        case "heading_open" | "heading_close":
            token.tag = f"h{min(6, int(token.tag[1:]) + HEADING)}"
        case "image":
            token.type, token.tag, token.children = "text", "", None
            token.content = f"[image: {one_line(token.content, 200)}]"
