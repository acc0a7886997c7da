"""Looking for something on the run screen: nodes or items by filter, lines of the log by their words."""

from __future__ import annotations

from textual import on
from textual.widgets import Input

from swarmtui.session.vocabulary import FINAL
from swarmtui.tui import content
from swarmtui.tui.screens.choosing import Choosing
from swarmtui.tui.screens.finding import Finding
from swarmtui.tui.screens.part import EVERYTHING
from swarmtui.tui.screens.parts import LogPart
from swarmtui.tui.screens.watching_workers import WatchingWorkers
from swarmtui.tui.widgets.looks import workbench
from swarmtui.tui.widgets.timeline import TimelineView

_NODES = "words that must occur; !word must not; enter keeps, {back} clears"
_LINES = (
    "words of a line, {find_next} {find_previous} go from one to the next; node:NAME for a node's lines alone; "
    "enter keeps, {back} clears"
)


class Searching(Finding, Choosing, WatchingWorkers):
    """Part of the run screen."""

    _in_log = False
    """Whether the search is one of the log."""

    @property
    def log_part(self) -> LogPart:
        """The log."""
        return self.part(LogPart)

    @property
    def _log_focused(self) -> bool:
        return self.focused is self.log_part.widget

    def do_find(self) -> None:
        """/: in the log for lines, elsewhere for nodes."""
        find = self.query_one("#find", Input)
        self._in_log = self._log_focused
        with self.prevent(Input.Changed):
            find.value = self.log_part.widget.looked_for if self._in_log else self.table.filter
        find.placeholder = workbench(self).with_keys(_LINES if self._in_log else _NODES)
        find.display = True
        find.focus()

    @on(Input.Changed, "#find")
    def _filter_changed(self, event: Input.Changed) -> None:
        words = event.value.strip()
        if self._in_log:
            self.log_part.look_for(words)
        elif self.table.items_of:
            self.table.find(words)
        else:
            for part in self.parts:
                part.find(words)
        self.redraw()

    @on(Input.Submitted, "#find")
    def _filter_kept(self, event: Input.Submitted) -> None:
        self.query_one("#find").display = False
        if self._in_log:
            self.log_part.widget.focus()
            self.log_part.widget.next_match(-1)
        else:
            self._focus_nodes()

    def _focus_nodes(self) -> None:
        alone = next((part.widget for part in self.parts if part.alone), None)
        (alone or (self.table.widget if self.table.widget.display else self.graph)).focus()

    def next_match(self, step: int) -> bool:
        """In the log from line to line, in the table and the timeline from row to row, elsewhere from node to node."""
        table, focused = self.table, self.focused
        if self._log_focused:
            return self.log_part.widget.next_match(step)
        if isinstance(focused, TimelineView):
            return focused.next_match(step)
        if table.items_of or focused is table.widget:
            found = table.widget.next_match(step)
            if found and not table.items_of:
                self.select(table.widget.selected, table.widget)  # a frame may come before the table's message does
            return found
        return self.graph.next_match(step)

    def do_copy(self) -> None:
        """y: in the log the line, elsewhere the output."""
        line = self.log_part.widget.line_told if self._log_focused else ""
        if line:
            workbench(self).text_out.copy(line, "the line")
        else:
            super().do_copy()

    def do_back(self) -> None:
        """esc: out of the search, then of the marks, of a map's items, of the single pane."""
        find = self.query_one("#find", Input)
        if find.display or (self._log_focused and self.log_part.widget.looked_for):
            self._leave_search(find)
        elif self.shrinks() or self.clears():
            return
        elif self.table.filter:
            self._in_log = False
            self._leave_search(find)
        elif self.view != EVERYTHING:
            self.set_view(EVERYTHING)
        elif workbench(self).state.status in FINAL:
            content.notice(self.app, workbench(self).with_keys("{detach} leaves"))

    def _leave_search(self, find: Input) -> None:
        if not find.display:
            self._in_log = self._log_focused
        with self.prevent(Input.Changed):
            find.value = ""
        find.display = False
        if self._in_log:
            self.log_part.look_for("")
            self.log_part.widget.focus()
        else:
            parts = [self.table] if self.table.items_of else self.parts
            for part in parts:
                part.find("")
            self._focus_nodes()
        self.redraw()
