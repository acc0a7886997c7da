"""A line of tabs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from textual import events
from textual.message import Message

from swarmtui.tui.view.lines import Line, Span, cells
from swarmtui.tui.widgets.lines import Bar
from swarmtui.tui.widgets.looks import looks


class TabBar(Bar):
    """The tabs, the current one marked; a click opens one."""

    class Chosen(Message):
        """The user clicked a tab."""

        def __init__(self, tab: str) -> None:
            super().__init__()
            self.tab = tab

    tabs: Sequence[tuple[str, str]] = ()
    """Name and title of each."""
    current = ""

    def shown(self, width: int) -> Line:
        """The tabs."""
        glyphs = looks(self).glyphs
        spans: list[Span] = [(" ", "text")]
        for tab, title in self.tabs:
            mark = f"{glyphs.cursor}{title}" if tab == self.current else f" {title}"
            spans.append((f"{mark} ", "accent" if tab == self.current else "muted"))
        return tuple(spans)

    def on_click(self, event: events.Click) -> None:
        """Open what was clicked."""
        for start, wide, tab in self._places():
            if start <= event.x < start + wide:
                self.post_message(self.Chosen(tab))
                return

    def jumps(self) -> Iterator[tuple[int, int, Callable[[], object]]]:
        """The tabs."""
        for start, _, tab in self._places():
            yield start, 0, partial(self.post_message, self.Chosen(tab))

    def _places(self) -> Iterator[tuple[int, int, str]]:
        """Where each tab begins, and how wide it is."""
        at = 1
        for tab, title in self.tabs:
            wide = cells(title) + 2
            yield at, wide, tab
            at += wide
