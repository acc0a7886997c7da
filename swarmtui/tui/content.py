"""The one door through which text reaches the screen: cleaned, and never read as markup.

Widgets take :class:`Content` made here, or strips made by :func:`strip`. Texts of the program's own go the same way, so
that nobody has to ask where a string came from. :class:`TerminalFilter` is the backstop behind all widgets: it works on
what is about to be written, whoever made it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

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
        segments = [
            *_segments(before, palette, base),
            *_segments(inside, palette, base, cursor),
            *_segments(after, palette, base),
        ]
        filler = base + cursor if end >= size else base
    else:
        segments, filler = _segments(shown, palette, base), base
    return Strip(segments).adjust_cell_length(size, filler)


def _segments(shown: Line, palette: Palette, base: Style, over: Style | None = None) -> list[Segment]:
    ground = base + over if over is not None else base
    return [Segment(clean(part, keep_newlines=False), _combined(ground, palette[role])) for part, role in shown if part]


@lru_cache(1024)
def _combined(base: Style, style: Style) -> Style:
    return base + style


@lru_cache(256)
def _visual(style: Style) -> str:
    color = style.color.get_truecolor().hex if style.color else ""
    ground = f" on {style.bgcolor.get_truecolor().hex}" if style.bgcolor else ""
    return f"{'bold ' if style.bold else ''}{color}{ground}".strip()


def notice(app: App[Any], message: str, severity: Literal["information", "warning", "error"] = "information") -> None:
    """Show a short message that goes away by itself."""
    app.notify(one_line(message, 300), severity=severity, markup=False, timeout=4 if severity == "information" else 8)


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
