"""The text of a web page as Markdown, with nothing but the standard library.

It keeps what a reader needs (headings, lists, tables in rows, links, images, code) and leaves out scripts, navigation
and forms. What is main text and what is around it is not told apart beyond that.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from html.parser import HTMLParser
from urllib.parse import urljoin

_STEP = 64 * 1024
_LEFT_OUT = re.compile(
    "script|style|noscript|template|svg|math|canvas|iframe|object|nav|form|button|select|textarea|dialog"
)
_BLOCK = re.compile(
    "address|article|aside|body|br|dd|div|dl|dt|figcaption|figure|footer|header|hr|html|li|main|section|tbody|thead|tr"
)
_PARAGRAPH = re.compile("blockquote|h[1-6]|ol|p|pre|table|ul")
_VOID = re.compile("area|base|br|col|embed|hr|img|input|link|meta|source|track|wbr")
_SPACE = re.compile(r"[ \t\r\n\f\v\u00a0]+")
_LINK = re.compile(r"https?://\S{1,2000}\Z")


def page_text(html: str, url: str, limit_s: float = 10.0) -> tuple[str, str]:
    """Title, and text as Markdown with absolute links, of the page `html` at `url`. After `limit_s` what was found."""
    reader = _Reader(url)
    html = html.replace("<![", "<!x")  # no such sections in HTML: a comment, but the parser breaks off at odd ones
    until = time.monotonic() + limit_s
    for start in range(0, len(html), _STEP):
        reader.feed(html[start : start + _STEP])
        if time.monotonic() > until:
            break
    if len(reader.rawdata) < _STEP:  # what is never closed is read anew from each place: that can take for ever
        reader.close()
    return _SPACE.sub(" ", "".join(reader.title)).strip(), reader.markdown()


class _Reader(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.title: list[str] = []
        self._base = url
        self._out: list[str] = []
        self._skipping: list[str] = []
        self._in_title = False
        self._gap = 0
        """Line ends before what comes next."""
        self._verbatim = 0
        self._link: str | None = None
        self._link_at = 0
        self._lists: list[str] = []

    def markdown(self) -> str:
        return "\n".join(line.rstrip() for line in "".join(self._out).split("\n")).strip()

    def _put(self, text: str) -> None:
        if self._gap:
            self._out.append("\n" * self._gap)
            self._gap = 0
        self._out.append(text)

    def _part(self, tag: str) -> None:
        """What follows is not in the same line as what came before."""
        if _PARAGRAPH.fullmatch(tag):
            self._gap = 1 if self._lists and tag in ("ul", "ol") else 2
        elif _BLOCK.fullmatch(tag):
            self._gap = max(self._gap, 1)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if self._skipping:
            if tag == self._skipping[-1]:
                self._skipping.append(tag)
            return
        if _LEFT_OUT.fullmatch(tag):
            self._skipping.append(tag)
            return
        given = dict(attrs)
        self._open(tag, given)

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if _VOID.fullmatch(tag):
            self.handle_starttag(tag, attrs)
        elif not _LEFT_OUT.fullmatch(tag):
            self.handle_starttag(tag, attrs)
            self.handle_endtag(tag)

    def _open(self, tag: str, given: dict[str, str | None]) -> None:
        self._part(tag)
        match tag:
            case "h1" | "h2" | "h3" | "h4" | "h5" | "h6":
                self._put("#" * int(tag[1]) + " ")
            case "title":
                self._in_title = not self.title
            case "base":
                self._base = self._absolute(given.get("href")) or self._base
            case "ul" | "ol":
                self._lists.append(tag)
            case "li":
                self._put("  " * min(len(self._lists) - 1, 8) + "- ")
            case "td" | "th":
                self._put("| ")
            case "pre":
                self._verbatim += 1
                self._put("```\n")
            case "a":
                self._put("")
                self._link, self._link_at = self._absolute(given.get("href")), len(self._out)
            case "img":
                self._image(given)

    def handle_endtag(self, tag: str) -> None:
        if self._skipping:
            if tag == self._skipping[-1]:
                self._skipping.pop()
            return
        match tag:
            case "title":
                self._in_title = False
            case "ul" | "ol" if self._lists:
                self._lists.pop()
            case "td" | "th":
                self._out.append(" ")
            case "pre" if self._verbatim:
                self._verbatim -= 1
                self._put("\n```")
            case "a" if self._link is not None:
                self._close_link(self._link)
        self._part(tag)

    def handle_data(self, data: str) -> None:
        if self._skipping:
            return
        if self._in_title:
            self.title.append(data)
            return
        text = data if self._verbatim else _SPACE.sub(" ", data)
        if text.strip() or (text and not self._gap):
            self._put(text.lstrip() if self._gap and not self._verbatim else text)

    def _image(self, given: dict[str, str | None]) -> None:
        source = self._absolute(given.get("src"))
        if source:
            self._put(f"![{_label(given.get('alt') or '')}]({source})")

    def _close_link(self, target: str) -> None:
        text = "".join(self._out[self._link_at :]).strip()
        del self._out[self._link_at :]
        self._link = None
        if text.startswith("!["):
            self._out.append(text)
        elif text:
            self._out.append(f"[{_label(text)}]({target})")

    def _absolute(self, reference: str | None) -> str | None:
        """An address on the web; None for anything else, and for what is none."""
        if not reference or len(reference) > 2000:
            return None
        try:
            address = urljoin(self._base, reference.strip()).partition("#")[0]
        except ValueError:
            return None
        for char, code in ((" ", "%20"), ("(", "%28"), (")", "%29")):
            address = address.replace(char, code)
        return address if _LINK.match(address) else None


def _label(text: str) -> str:
    return _SPACE.sub(" ", text).replace("[", "(").replace("]", ")").strip()
