"""The log: events as lines, in batches, following the end until somebody looks back."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from operator import attrgetter
from typing import TYPE_CHECKING

from textual import events
from textual.geometry import Size

from swarmtui.tui.view import format as say
from swarmtui.tui.view.log_search import LogSearch
from swarmtui.tui.view.logs import LEVELS, Level, LogLine, draw, level_of, log_line
from swarmtui.tui.widgets.lines import LineView, Shown
from swarmtui.tui.widgets.looks import dressed, looks
from swarmtui.tui.widgets.nodes import NodeOpened

if TYPE_CHECKING:
    from swarmtui.session.events import Event

KEPT = 20_000
"""Lines that are kept; a tenth more may be there for a while."""
NODE_WIDTH = 16


class LogView(LineView):
    """The session's log at or above a level."""

    selects = True

    def __init__(self, *, id: str | None = None, level: Level = "info") -> None:
        super().__init__(id=id)
        self.level: Level = level
        self.following = True
        self.looked_for = ""
        """What was typed."""
        self._search = LogSearch()
        self._cursor = -1
        """The line that is looked at; -1: the last one, whichever that is."""
        self._all: list[Event] = []
        self._shown: list[Event] = []
        self._grown = False
        self._made: dict[int, LogLine] = {}
        """The lines of events that were looked at: of a burst nobody sees more than the last few."""

    # -- lines ------------------------------------------------------------------------------------------------

    def add(self, events: Iterable[Event]) -> None:
        """Append what happened; the oldest goes once there is too much."""
        new = list(events)
        if not new:
            return
        self._all.extend(new)
        self._shown.extend(event for event in new if self._passes(event))
        if len(self._all) > KEPT + KEPT // 10:
            del self._all[:-KEPT]
            gone = bisect_left(self._shown, self._all[0].seq, key=attrgetter("seq"))
            at = self.scroll_y
            del self._shown[:gone]
            self._made.clear()
            if self._cursor >= 0:
                self._cursor = max(0, self._cursor - gone)
            if not self.following:  # what is looked at stays where it is
                self.scroll_to(y=max(0, at - gone), animate=False, force=True)
        self._grown = True

    def settle(self) -> None:
        """Draw what was added, which costs nothing while nobody sees it."""
        if self._grown:
            self._resized()

    def put_before(self, events: Iterable[Event]) -> None:
        """Put what was before in front: history that was fetched."""
        first = self._all[0].seq if self._all else None
        before = [event for event in events if first is None or event.seq < first]
        shown = [event for event in before if self._passes(event)]
        self._all[:0], self._shown[:0] = before, shown
        if self._cursor >= 0:
            self._cursor += len(shown)
        at = self.scroll_y
        self._resized()
        if not self.following and shown:  # what is looked at stays where it is
            self.scroll_to(y=at + len(shown), animate=False, force=True)

    def _line(self, event: Event) -> LogLine:
        made = self._made.get(event.seq)
        if made is None:
            made = self._made[event.seq] = log_line(event)
        return made

    def clear(self) -> None:
        """Forget all lines."""
        self._all, self._shown, self._cursor = [], [], -1
        self._made.clear()
        self._resized()

    def set_level(self, level: Level) -> None:
        """Show lines from `level` on."""
        self.level = level
        self._follow_anew()

    def _follow_anew(self) -> None:
        self._choose()
        self._cursor, self.following = -1, True
        self._resized()

    def _choose(self) -> None:
        self._shown = [event for event in self._all if self._passes(event)]

    def _passes(self, event: Event) -> bool:
        if self.level != "debug" and LEVELS.index(level_of(event)) < LEVELS.index(self.level):
            return False
        return not self._search.nodes or self._search.shows(self._line(event))

    def _resized(self) -> None:
        self._grown = False
        self.extend(Size(self.size.width, len(self._shown)))
        if self.following:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
        self.changed()

    def on_resize(self) -> None:
        """Stay at the end."""
        self._resized()

    # -- looking for something --------------------------------------------------------------------------------

    def look_for(self, text: str) -> None:
        """Light words, and show the lines of some nodes only: see :class:`LogSearch`."""
        before, self.looked_for, self._search = self._search, text, LogSearch.of(text)
        if before.nodes != self._search.nodes:
            self._follow_anew()
        self.changed()

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes whose lines are shown; empty: all."""
        return self._search.nodes

    def next_match(self, step: int) -> bool:
        """Go to the next line (or with -1 the one before) that was looked for; False if there is none."""
        number = len(self._shown)
        start = self._cursor if self._cursor >= 0 else number
        for offset in range(1, number + 1):
            at = (start + step * offset) % (number + (self._cursor < 0))
            if at < number and self._search.matches(self._line(self._shown[at])):
                self._look_at(at)
                return True
        return False

    # -- moving -----------------------------------------------------------------------------------------------

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Looking back stops following; coming to the end starts it again."""
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value:
            self.following = False
        if new_value >= self.max_scroll_y and self._cursor < 0:
            self.following = True

    @property
    def line_told(self) -> str:
        """The line that is looked at, as text; empty if there is none."""
        if not self._shown:
            return ""
        line = self._line(self._shown[self._cursor])
        return " ".join(part for part in (say.time_of_day(line.ts), line.node, line.text, line.actor) if part)

    @property
    def node(self) -> str:
        """The node of the line that the user has gone to; empty while the end is followed, whose line is another one
        with every event."""
        here = 0 <= self._cursor < len(self._shown)
        return self._line(self._shown[self._cursor]).node.partition("[")[0] if here else ""

    def go(self, dx: int, dy: int) -> None:
        """Look at another line."""
        if self._shown:
            at = self._cursor if self._cursor >= 0 else len(self._shown) - 1
            self._look_at(max(0, min(len(self._shown) - 1, at + dy)))

    def go_to_end(self, last: bool) -> None:
        """To the start, or to the end and follow."""
        if not last:
            self._look_at(0)
            return
        self._cursor, self.following = -1, True
        super().go_to_end(last)
        self.changed()

    def _look_at(self, at: int) -> None:
        self._cursor, self.following = at, False
        self.show_row(at)
        self.changed()

    def on_click(self, event: events.Click) -> None:
        """Look at a line; twice: open its node."""
        offset = event.get_content_offset(self)
        at = -1 if offset is None else offset.y + self.scroll_offset.y
        if 0 <= at < len(self._shown):
            self._look_at(at)
            node = self._line(self._shown[at]).node.partition("[")[0]
            if event.chain == 2 and node:
                self.post_message(NodeOpened(self, node))

    def line_at(self, y: int, width: int) -> Shown:
        """A line of the log."""
        if not 0 <= y < len(self._shown):
            return ((" " + self._empty() if y == 0 and not self._shown else "", "faint"),), None
        node_width = NODE_WIDTH if width >= 60 else 0
        line = self._search.lit(draw(self._line(self._shown[y]), width, looks(self).glyphs, node_width))
        here = self.has_focus and y == (self._cursor if self._cursor >= 0 else len(self._shown) - 1)
        return line, (0, width) if here else None

    def _empty(self) -> str:
        if not self._all:
            return "nothing has happened yet"
        more, all_ = map(dressed(self).with_keys, ("{log_level} shows more", "{back} shows all nodes"))
        if self._search.nodes:
            return f"nothing of {', '.join(self._search.nodes)} at this level ({more}, {all_})"
        return f"nothing at this level ({more})"
