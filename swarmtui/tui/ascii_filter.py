"""For terminals without Unicode, and for whoever wants none: what we draw with, in ASCII, whoever drew it."""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len, split_graphemes
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from swarmtui.tui import content

_ACROSS, _DOWN = "─━┄┅┈┉╌╍╴╶╸╺╼╾", "│┃┆┇┊┋╎╏╵╷╹╻╽╿▏▎▍▌▐▕"
_SIGNS = {
    "…": "~", "·": "-", "•": "*", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "×": "x", "≈": "~",
    "≥": ">", "≤": "<", "≠": "!", "±": "+", "←": "<", "→": ">", "↑": "^", "↓": "v", "↻": "@", "▶": ">", "◀": "<",
    "▲": "^", "▼": "v", "▸": ">", "▾": "v", "◂": "<", "●": "*", "○": "o", "◌": "o", "◔": "o", "◑": "o", "◉": "@",
    "■": "#", "□": "o", "▣": "#", "▪": "*", "✓": "+", "✗": "x", "✔": "+", "✘": "x", "⊘": "/", "‖": "=", "»": ">",
    "«": "<", "█": "#", "▀": "^", "▔": "^", "▁": "_", "▂": "_", "▃": "-", "▄": "-", "▅": "=", "▆": "=", "▇": "#",
    "░": ".", "▒": ":", "▓": "#", "❯": ">", "\xa0": " ",
}  # fmt: skip


@lru_cache(1)
def _plain_signs() -> dict[int, str]:
    """One character of ASCII for each that interfaces draw with: box drawing by its shape, the rest by its look."""
    signs = dict.fromkeys(range(0x2500, 0x2580), "+") | {
        0x2550: "=",
        0x2551: "|",
        0x2571: "/",
        0x2572: "\\",
        0x2573: "x",
    }
    signs |= dict.fromkeys(range(0x2580, 0x25A0), "#") | dict.fromkeys(range(0x2800, 0x2900), "*") | {0x2800: " "}
    signs |= dict.fromkeys(map(ord, _ACROSS), "-") | dict.fromkeys(map(ord, _DOWN), "|")
    return signs | {ord(sign): plain for sign, plain in _SIGNS.items()}


class AsciiFilter(LineFilter):
    """Draws with ASCII what borders, bars and signs are made of; widths hold. With `only`, of what the terminal cannot
    show at all nothing is left but question marks, as many as it takes cells."""

    def __init__(self, *, only: bool) -> None:
        super().__init__()
        self._only = only

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments without signs that ASCII has not."""
        if all(segment.text.isascii() for segment in segments):
            return segments
        return content.redrawn(segments, self._plain)

    def _plain(self, text: str) -> str:
        drawn = text.translate(_plain_signs())
        if cell_len(drawn) == cell_len(text) and (not self._only or drawn.isascii()):
            return drawn
        return "".join(self._one(text[start:end], wide) for start, end, wide in split_graphemes(text)[0])

    def _one(self, part: str, wide: int) -> str:
        """What is drawn as one: signs that were joined stay as wide as they were."""
        drawn = part.translate(_plain_signs())
        if self._only and not drawn.isascii():
            return "?" * wide
        return drawn if cell_len(drawn) == wide else drawn[:1] * wide if drawn[:1].isascii() else part
