"""The one place in which the workbench says something: over the line of keys, never over what is read or written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import events
from textual.message import Message
from textual.strip import Strip

from swarmtui.tui import content
from swarmtui.tui.widgets.bars import ActionBar
from swarmtui.tui.widgets.lines import Drawn
from swarmtui.tui.widgets.looks import looks

if TYPE_CHECKING:
    from swarmtui.tui.view.lines import Line


class NoticeLine(Drawn):
    """A notice at the foot of a screen. The line of keys is as high as it, so that nothing else is covered."""

    DEFAULT_CSS = "NoticeLine { layer: _toastrack; dock: bottom; width: 1fr; height: 1; display: none; }"

    class Clicked(Message):
        """The user wants to see what was said."""

    lines: Sequence[Line] = ()

    def show(self, lines: Sequence[Line]) -> None:
        """Show `lines`, or the keys again where there are none."""
        self.lines = lines
        self.display = bool(lines)
        height = max(1, len(lines))
        self.styles.height = height
        for bar in self.screen.query(ActionBar):
            if bar.styles.height is None or bar.styles.height.value != height:
                bar.styles.height = height
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Show all that was said."""
        event.stop()
        self.post_message(self.Clicked())

    def render_line(self, y: int) -> Strip:
        """Draw a line of it."""
        line: Line = self.lines[y] if y < len(self.lines) else ()
        return content.strip(line, looks(self).palette, self.rich_style, self.size.width)
