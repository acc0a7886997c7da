"""The bar of a replay. A click goes there; dragging goes along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.message import Message
from textual.strip import Strip

from swarmtui.tui import content
from swarmtui.tui.view import scrub
from swarmtui.tui.widgets.lines import Drawn
from swarmtui.tui.widgets.looks import dressed, looks

if TYPE_CHECKING:
    from swarmtui.host.feed import Play


class ScrubBar(Drawn):
    """Two lines: the bar with its marks, and the figures. Not there where nothing is replayed."""

    DEFAULT_CSS = "ScrubBar { height: 2; width: 1fr; display: none; }"

    class Sought(Message):
        """The user wants to go to just after event `seq`."""

        def __init__(self, seq: int) -> None:
            super().__init__()
            self.seq = seq

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.play: Play | None = None
        self._dragged = False

    def show(self, play: Play | None) -> None:
        """Draw where the replay is; None: there is none."""
        self.display = play is not None
        if play != self.play:
            self.play = play
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The bar, then the figures."""
        size, drawn = self.size.width, looks(self)
        if self.play is None or y > 1:
            return content.strip((), drawn.palette, self.rich_style, size)
        if y == 1:
            line = scrub.figures(self.play, size, drawn.glyphs, dressed(self).with_keys("{end}"))
            return content.strip(line, drawn.palette, self.rich_style, size)
        line, head = scrub.bar(self.play, size, drawn.glyphs)
        return content.strip(line, drawn.palette, self.rich_style, size, (head, head + 1))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Go there."""
        if event.y == 0:
            self._dragged = True
            self.capture_mouse()
            self._seek(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Go along."""
        if self._dragged:
            self._seek(event.x)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Stay there."""
        self._dragged = False
        self.release_mouse()

    def _seek(self, x: int) -> None:
        if self.play is not None:
            self.post_message(self.Sought(scrub.seq_of(x, self.play.head_seq, self.size.width)))
