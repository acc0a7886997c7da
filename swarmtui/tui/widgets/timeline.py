"""The timeline: one line per node over a common axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.geometry import Size

from swarmtui.tui.view.bars import legend
from swarmtui.tui.view.timeline import Timeline
from swarmtui.tui.widgets.lines import Shown, entitle, undertitle
from swarmtui.tui.widgets.looks import dressed, looks, moment
from swarmtui.tui.widgets.nodes import NodeOpened, NodeSelected
from swarmtui.tui.widgets.rows import RowView

if TYPE_CHECKING:
    from swarmtui.tui.view.flights import Flights

PAN = 0.125
"""Share of the window that a step to the left or right moves by."""
LEGEND_FROM = 8
"""Lines from which on the last one says what the glyphs mean."""


class TimelineView(RowView):
    """Draws a :class:`Timeline`. The axis stays on the first line, whatever is scrolled to."""

    DEFAULT_CSS = "TimelineView { scrollbar-size: 0 0; }"

    def __init__(self, flights: Flights, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.timeline = Timeline(flights)
        self._node = ""

    # -- drawing ----------------------------------------------------------------------------------------------

    def show(self) -> None:
        """Draw the state that the timeline has; the cursor stays on its node."""
        timeline, glyphs = self.timeline, looks(self).glyphs
        timeline.choose(moment(self))
        self.cursor = max(0, min(timeline.row_of.get(self._node, self.cursor), len(timeline.ids) - 1))
        timeline.look(self.room, moment(self), glyphs)
        self.extend(Size(self.size.width, len(timeline.ids) + self.size.height - self.rows_seen))
        entitle(self, timeline.title(glyphs, dressed(self).with_keys("{right}")))
        undertitle(self, timeline.told(self.selected, glyphs))
        self.changed()

    @property
    def _legend(self) -> bool:
        return self.size.height >= LEGEND_FROM

    @property
    def rows_seen(self) -> int:
        """The axis takes the first line, and where there is room the legend the last one."""
        return max(1, self.size.height - 1 - self._legend)

    def visible_line(self, y: int, width: int) -> Shown:
        """Axis, rows, legend."""
        glyphs = looks(self).glyphs
        if y == 0:
            return self.timeline.head(width, glyphs), None
        if self._legend and y == self.size.height - 1:
            return legend(width, glyphs), None
        return self.line_at(y - 1 + self.scroll_offset.y, width)

    def line_at(self, y: int, width: int) -> Shown:
        """Row `y`."""
        timeline = self.timeline
        if not 0 <= y < len(timeline.ids) or timeline.ids[y] not in timeline.state.nodes:
            empty = "nothing matches" if timeline.filter else "when nodes begin, their time is drawn here"
            return ((f" {empty}" if y == 0 and not timeline.ids else "", "faint"),), None
        chosen = y == self.cursor
        row = timeline.row(y, width, moment(self), looks(self).glyphs, chosen=chosen)
        return row, (0, width) if chosen else None

    def on_resize(self) -> None:
        """The window follows the width."""
        if self.size.width:
            self.show()

    # -- moving -----------------------------------------------------------------------------------------------

    @property
    def selected(self) -> str:
        """The node under the cursor; empty if there is none."""
        ids = self.timeline.ids
        return ids[self.cursor] if self.cursor < len(ids) else ""

    def select(self, node: str) -> None:
        """Put the cursor on `node`, without a message."""
        if node != self._node:
            self._node = node
            self.cursor = self.timeline.row_of.get(node, self.cursor)
            self.show_row(self.cursor)
            if self.display:
                self.show()

    def go(self, dx: int, dy: int) -> None:
        """Up and down among nodes; left and right in time."""
        if dx:
            self.timeline.window.pan(dx * PAN)
            self.show()
        if dy:
            super().go(0, dy)

    def go_to_end(self, last: bool) -> None:
        """To the first node; to the last one, and to the present."""
        if last:
            self.timeline.window.follow()
        super().go_to_end(last)

    @property
    def row_count(self) -> int:
        """Those that match."""
        return len(self.timeline.ids)

    @property
    def searched(self) -> str:
        """Words that nodes are to have."""
        return self.timeline.filter

    def page(self) -> int:
        """Lines that a page key moves by."""
        return max(1, self.rows_seen - 1)

    def zoom(self, step: int) -> None:
        """Closer (1), or farther (-1)."""
        self.timeline.window.zoom(step)
        self.show()

    def sort(self) -> None:
        """By the next of what rows can be sorted by."""
        self.timeline.next_sort()
        self.show()
        self.show_row(self.cursor)

    def reverse(self) -> None:
        """The other way round."""
        key, descending = self.timeline.sort
        self.timeline.sort = (key, not descending)
        self.show()
        self.show_row(self.cursor)

    def find(self, text: str) -> None:
        """Show the nodes that match."""
        self.timeline.filter = text
        if self.display:
            self.show()

    def _moved(self) -> None:
        self._node = self.selected
        self.show_row(self.cursor)
        self.show()
        if self._node:
            self.post_message(NodeSelected(self, self._node))

    # -- mouse ------------------------------------------------------------------------------------------------

    def on_click(self, event: events.Click) -> None:
        """Select; twice: open."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        at = offset.y - 1 + self.scroll_offset.y
        if 1 <= offset.y <= self.rows_seen and at < len(self.timeline.ids):
            self.go_to(at)
            if event.chain == 2:
                self.post_message(NodeOpened(self, self.selected))

    def _on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        if not self._wheel(event, 1):
            super()._on_mouse_scroll_up(event)

    def _on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        if not self._wheel(event, -1):
            super()._on_mouse_scroll_down(event)

    def _wheel(self, event: events.MouseEvent, step: int) -> bool:
        """With ctrl it zooms, with shift it pans."""
        if event.ctrl:
            self.zoom(step)
        elif event.shift:
            self.go(-step, 0)
        else:
            return False
        event.stop()
        event.prevent_default()
        return True
