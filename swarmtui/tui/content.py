"""The one door through which text reaches the screen: cleaned, and never read as markup.

Widgets take :class:`Content` made here, or strips made by :func:`strip`. Texts of the program's own go the same way, so
that nobody has to ask where a string came from. :class:`TerminalFilter` is the backstop behind all widgets: it works on
what is about to be written, whoever made it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.content import Content
from textual.filter import LineFilter
from textual.strip import Strip

from swarmtui.safety.text import clean, one_line
from swarmtui.tui.view.lines import Line, Role, crop, skip

if TYPE_CHECKING:
    from textual.app import App

Palette = Mapping[Role, Style]
"""How each role looks under the current theme."""

TEXT_LIMIT = 1_000_000
"""Characters of one text that a widget is given; more helps nobody and costs time."""


def text(value: str) -> Content:
    """`value` as content of several lines, clean, without markup."""
    return Content(clean(value[:TEXT_LIMIT]))


def line(value: str, limit: int = 200) -> Content:
    """`value` as content of one line of at most `limit` characters, clean, without markup."""
    return Content(one_line(value, limit))


def plain(value: str) -> str:
    """`value` clean, for what holds text itself: an editor, the clipboard, a pager."""
    return clean(value)


def spans(shown: Line, palette: Palette) -> Content:
    """A line of the view model as content."""
    return Content.assemble(*((clean(part, keep_newlines=False), _visual(palette[role])) for part, role in shown))


def paragraphs(shown: Iterable[Line], palette: Palette) -> Content:
    """Lines of the view model as content, one below the other."""
    return Content("\n").join(spans(line, palette) for line in shown)


def strip(
    shown: Line,
    palette: Palette,
    base: Style,
    size: int,
    highlight: tuple[int, int] | None = None,
) -> Strip:
    """A line of the view model as a strip of `size` cells on `base`; `highlight` gets the cursor's look."""
    if highlight is not None:
        start, end = highlight
        before, inside, after = crop(shown, start), crop(skip(shown, start), end - start), skip(shown, end)
        cursor = palette["cursor"]
        under, over = (cursor, None) if cursor.color is None else (None, cursor)  # a cursor with a colour covers others
        segments = [
            *_segments(before, palette, base),
            *_segments(inside, palette, base, under, over),
            *_segments(after, palette, base),
        ]
        filler = base + cursor if end >= size else base
    else:
        segments, filler = _segments(shown, palette, base), base
    return Strip(segments).adjust_cell_length(size, filler)


def marked(shown: Strip, span: tuple[int, int], style: Style) -> Strip:
    """`shown` with the characters of `span` (an end below 0: to the end of the text) in `style`."""
    start, end = span
    text = shown.text
    upto = len(text.rstrip()) if end < 0 else min(end, len(text))
    if start >= upto:
        return shown
    return marked_cells(shown, cell_len(text[:start]), cell_len(text[:upto]), style)


def marked_cells(shown: Strip, first: int, last: int, style: Style) -> Strip:
    """`shown` with its cells from `first` to before `last` in `style`."""
    before, inside, after = shown.divide((first, last, shown.cell_length))
    return Strip.join((before, Strip(Segment.apply_style(inside, post_style=style), inside.cell_length), after))


def faded(shown: Strip, palette: Palette) -> Strip:
    """A strip that was on the screen, faint but on its own ground: what is behind something that lies over it."""
    faint = palette["faint"] + Style(bold=False)
    return Strip(
        [
            Segment(clean(one.text), Style(bgcolor=one.style.bgcolor if one.style else None) + faint)
            for one in shown
            if not one.control
        ]
    )


def redrawn(segments: Iterable[Segment], how: Callable[[str], str]) -> list[Segment]:
    """Segments whose text, which came through here before, is drawn in another way: `how` may change neither how wide
    it is nor bring anything in that :func:`clean` would take out."""
    return [Segment(how(one.text), one.style, one.control) for one in segments]


def _segments(
    shown: Line, palette: Palette, base: Style, under: Style | None = None, over: Style | None = None
) -> list[Segment]:
    ground = base + under if under is not None else base
    segments: list[Segment] = []
    for part, role in shown:
        if part:
            text, style = clean(part, keep_newlines=False), palette[role]
            if (style.underline or style.reverse) and over is None and text != text.strip():
                segments.extend(_apart(text, ground, style))
            else:
                segments.append(Segment(text, _combined(ground, style, over)))
    return segments


def _apart(text: str, ground: Style, style: Style) -> list[Segment]:
    """`text` with what is drawn under or behind words kept from the space that only fills a column."""
    words = text.strip()
    plain = _combined(ground, style + Style(underline=False, reverse=False))
    at = text.index(words)
    parts = ((text[:at], plain), (words, _combined(ground, style)), (text[at + len(words) :], plain))
    return [Segment(part, looks) for part, looks in parts if part]


@lru_cache(1024)
def _combined(base: Style, style: Style, over: Style | None = None) -> Style:
    combined = base + style
    if over is None:
        return combined
    # on what is turned round already, turning it round again would hide the cursor; dim on it could not be read
    return combined + over + Style(dim=False)


@lru_cache(256)
def _visual(style: Style) -> str:
    color = Color.from_rich_color(style.color).hex if style.color else ""
    ground = f" on {Color.from_rich_color(style.bgcolor).hex}" if style.bgcolor else ""
    words = (word for word in ("bold", "dim", "italic", "underline", "reverse") if getattr(style, word))
    return f"{' '.join(words)} {color}{ground}".strip()


def notice(app: App[Any], message: str, severity: Literal["information", "warning", "error"] = "information") -> None:
    """Say something at the foot of the screen: it goes away by itself, an error with a key. What is said again is shown
    once."""
    told = one_line(message, 300)
    for shown in [one for one in app._notifications if one.message == told]:  # a key pressed twice piles nothing up
        app._unnotify(shown, refresh=False)
    app.notify(told, severity=severity, markup=False)


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HIDDEN = re.compile(
    r"[\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    r"\ufff0-\ufffb\U000e0000-\U000e0fff\ud800-\udfff]"
)


class TerminalFilter(LineFilter):
    """Takes out of finished lines whatever a terminal would obey or nobody could see. Joiners in emoji stay."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments without control characters; each becomes one visible character, so that widths hold."""
        if all(segment.text.isprintable() for segment in segments):
            return segments
        return [
            segment
            if segment.control or segment.text.isprintable()
            else Segment(_HIDDEN.sub("", _CONTROL.sub("\ufffd", segment.text)), segment.style)
            for segment in segments
        ]
