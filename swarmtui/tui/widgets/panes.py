"""The panes of workers: what each is saying now, the selected one large."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import RenderResult
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from swarmtui.tui import content
from swarmtui.tui.view.lines import Line
from swarmtui.tui.view.panes import grid
from swarmtui.tui.view.tails import Key, Pane
from swarmtui.tui.widgets.looks import looks


class PaneGrid(Widget):
    """A grid of running attempts. Draws all of it at once: a screen full of text, whatever the number of workers."""

    DEFAULT_CSS = "PaneGrid { height: 1fr; width: 1fr; }"
    can_focus = True

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._panes: Sequence[Pane] = ()
        self._selected: Key | None = None
        self._lines: list[Line] = []
        self._empty = ""
        self._drawn_with: object = None

    @property
    def room(self) -> int:
        """Panes that could be drawn, roughly."""
        return max(1, (self.size.width // 36) * (self.size.height // 5))

    def show(self, panes: Sequence[Pane], selected: Key | None, empty: str) -> None:
        """Draw `panes`; `empty` says what will come where there are none."""
        self._panes, self._selected, self._empty = panes, selected, empty
        before, before_looks = self._lines, self._drawn_with
        self._draw()
        stale = [y for y, (old, new) in enumerate(zip(before, self._lines, strict=False)) if old != new]
        if before_looks is not looks(self) or len(before) != len(self._lines) or 2 * len(stale) > len(before):
            self.refresh()
        elif stale:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in stale))
        self._drawn_with = looks(self)

    def _draw(self) -> None:
        glyphs = looks(self).glyphs
        self._lines = grid(
            self._panes, self.size.width, self.size.height, glyphs, self._selected, focused=self.has_focus
        )

    def on_focus(self) -> None:
        """The frame of the selected pane shows it."""
        self._draw()
        self.refresh()

    def on_blur(self) -> None:
        """And no longer."""
        self._draw()
        self.refresh()

    def on_resize(self) -> None:
        """Other sizes hold other grids; what is on the screen by now may have been drawn for the size before."""
        self._draw()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """A line of the grid."""
        width = self.size.width
        line: Line = self._lines[y] if y < len(self._lines) else ()
        if not self._lines and y == min(1, self.size.height - 1):
            line = (("  " + self._empty, "faint"),)
        return content.strip(line, looks(self).palette, self.rich_style, width)

    def render(self) -> RenderResult:
        """Never asked for: lines are."""
        return ""
