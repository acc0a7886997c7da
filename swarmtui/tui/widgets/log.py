"""The log: events as lines, in batches, following the end until somebody looks back."""

from __future__ import annotations

from collections.abc import Iterable

from textual.geometry import Size

from swarmtui.tui.view.logs import LEVELS, Level, LogLine, draw
from swarmtui.tui.widgets.lines import LineView, Shown
from swarmtui.tui.widgets.looks import looks

KEPT = 20_000
NODE_WIDTH = 16


class LogView(LineView):
    """The session's log at or above a level."""

    def __init__(self, *, id: str | None = None, level: Level = "info") -> None:
        super().__init__(id=id)
        self.level: Level = level
        self.following = True
        self._all: list[LogLine] = []
        self._shown: list[LogLine] = []

    def add(self, lines: Iterable[LogLine]) -> None:
        """Append lines; the oldest go once there are too many."""
        new = list(lines)
        if not new:
            return
        self._all.extend(new)
        self._shown.extend(line for line in new if self._passes(line))
        if len(self._all) > KEPT + KEPT // 10:
            del self._all[:-KEPT]
            self._shown = [line for line in self._all if self._passes(line)]
        self._resized()

    def put_before(self, lines: Iterable[LogLine]) -> None:
        """Put older lines in front: history that was fetched."""
        first = self._all[0].seq if self._all else None
        self._all[:0] = [line for line in lines if first is None or line.seq < first]
        self._shown = [line for line in self._all if self._passes(line)]
        self._resized()

    def clear(self) -> None:
        """Forget all lines."""
        self._all, self._shown = [], []
        self._resized()

    def set_level(self, level: Level) -> None:
        """Show lines from `level` on."""
        self.level = level
        self._shown = [line for line in self._all if self._passes(line)]
        self.following = True
        self._resized()

    def _passes(self, line: LogLine) -> bool:
        return LEVELS.index(line.level) >= LEVELS.index(self.level)

    def _resized(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._shown))
        if self.following:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
        self.changed()

    def on_resize(self) -> None:
        """Stay at the end."""
        self._resized()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Looking back stops following; coming to the end starts it again."""
        super().watch_scroll_y(old_value, new_value)
        if new_value < old_value:
            self.following = False
        if new_value >= self.max_scroll_y:
            self.following = True

    def go_to_end(self, last: bool) -> None:
        """To the start, or to the end and follow."""
        self.following = last
        super().go_to_end(last)

    def line_at(self, y: int, width: int) -> Shown:
        """A line of the log."""
        if not 0 <= y < len(self._shown):
            empty = "nothing has happened yet" if not self._all else "nothing at this level (I shows more)"
            return ((" " + empty if y == 0 and not self._shown else "", "faint"),), None
        node_width = NODE_WIDTH if width >= 60 else 0
        return draw(self._shown[y], width, looks(self).glyphs, node_width), None
