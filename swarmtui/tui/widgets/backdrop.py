"""What is seen of a screen behind a dialog: each look is dimmed once, not every time that the dialog is painted."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.renderables.background_screen import BackgroundScreen
from textual.strip import Strip
from textual.visual import RenderOptions, Visual

from swarmtui.tui import content
from swarmtui.tui.widgets.bars import ActionBar

if TYPE_CHECKING:
    from textual.css.styles import RulesMap
    from textual.screen import Screen
    from textual.style import Style as TextualStyle

LOOKS = 4_096


class Backdrop(Visual):
    """The lines of the screen that Textual would put behind, as Textual dims them, but for keys that do nothing now."""

    def __init__(self, behind: BackgroundScreen) -> None:
        self._screen, self._color = behind.screen, behind.color

    def render_strips(self, width: int, height: int | None, style: TextualStyle, options: RenderOptions) -> list[Strip]:
        """Its lines, as wide as asked for."""
        strips = without_keys(self._screen, self._screen._compositor.render_strips())
        return [self._dimmed(strip).adjust_cell_length(width) for strip in strips[:height]]

    def _dimmed(self, strip: Strip) -> Strip:
        color = self._color
        return Strip(
            [segment._replace(style=dimmed(_bare(segment.style), color)) for segment in strip], strip.cell_length
        )

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        """As wide as the screen."""
        return self._screen.size.width

    def get_height(self, rules: RulesMap, width: int) -> int:
        """As high as the screen."""
        return self._screen.size.height


def without_keys(screen: Screen[Any], strips: list[Strip]) -> list[Strip]:
    """The lines of a screen that something lies over, with nothing in the line that tells what keys do."""
    kept = list(strips)
    for bar in screen.query(ActionBar):
        for y in range(bar.region.y, min(bar.region.bottom, len(kept))):
            kept[y] = Strip(content.redrawn(kept[y], lambda text: " " * cell_len(text)))
    return kept


def _bare(style: Style | None) -> Style | None:
    """Without what is said in it to the mouse, which makes every cell another."""
    return style.clear_meta_and_links() if style is not None and (style._meta or style._link) else style


@lru_cache(LOOKS)
def dimmed(style: Style | None, color: Color) -> Style | None:
    """`style` behind a pane of `color`."""
    return next(iter(BackgroundScreen.process_segments((Segment(" ", style),), color))).style
