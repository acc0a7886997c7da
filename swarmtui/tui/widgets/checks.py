"""What to check before a plan is approved, as a list with a cursor: picking a line goes to its node."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events
from textual.geometry import Region, Size
from textual.message import Message

from swarmtui.tui.view.lines import Line
from swarmtui.tui.view.plan_checks import Check, check_rows
from swarmtui.tui.widgets.lines import LineView, Shown
from swarmtui.tui.widgets.looks import looks


class CheckList(LineView):
    """Checks, each in as many lines as it takes."""

    class Picked(Message):
        """The user wants to see the node that a check is about."""

        def __init__(self, node: str) -> None:
            super().__init__()
            self.node = node

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.checks: Sequence[Check] = ()
        self.cursor = 0
        self._note: Callable[[int], Sequence[Line]] = lambda width: ()
        self._lines: list[tuple[Line, int]] = []

    def show(self, checks: Sequence[Check], note: Callable[[int], Sequence[Line]] = lambda width: ()) -> None:
        """Show `checks`, and under them what `note` gives for a width."""
        self.checks, self._note = checks, note
        self.cursor = max(0, min(self.cursor, len(checks) - 1))
        self._wrap()
        self.changed()

    def _wrap(self) -> None:
        width, ascii_only = max(8, self.size.width - 1), looks(self).glyphs.ascii
        self._lines = [
            (line, at)
            for at, check in enumerate(self.checks)
            for line in check_rows(check, width, ascii_only=ascii_only)
        ]
        self._lines += [(line, -1) for line in self._note(width)]
        self.extend(Size(self.size.width, len(self._lines)))

    def on_resize(self) -> None:
        """Lines follow the width."""
        self._wrap()
        self.refresh()

    def line_at(self, y: int, width: int) -> Shown:
        """A line; those of the check under the cursor stand out while the list has the focus."""
        if not 0 <= y < len(self._lines):
            return (), None
        line, at = self._lines[y]
        return line, (0, width) if at == self.cursor and self.has_focus else None

    def go(self, dx: int, dy: int) -> None:
        """Another check."""
        self._to(self.cursor + dy)

    def go_to_end(self, last: bool) -> None:
        """The first or the last."""
        self._to(len(self.checks) - 1 if last else 0)

    def _to(self, at: int) -> None:
        self.cursor = max(0, min(at, len(self.checks) - 1))
        rows = [y for y, (_, owner) in enumerate(self._lines) if owner == self.cursor]
        if rows:
            self.show_region(Region(0, rows[0], 1, len(rows)))
        self.changed()

    def pick(self) -> bool:
        """Go to the node of the check under the cursor; False if it is about none."""
        node = self.checks[self.cursor].node if self.checks else ""
        if node:
            self.post_message(self.Picked(node))
        return bool(node)

    def on_click(self, event: events.Click) -> None:
        """Go to the node of the check that was clicked."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        y = offset.y + self.scroll_offset.y
        if 0 <= y < len(self._lines) and self._lines[y][1] >= 0:
            self._to(self._lines[y][1])
            self.pick()
