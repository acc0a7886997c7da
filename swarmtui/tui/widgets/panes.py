"""The panes of workers: what each is saying now, the selected one large."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip

from swarmtui.safety.text import clean
from swarmtui.tui import content
from swarmtui.tui.view.panes import (
    MIN_HEIGHT,
    MIN_WIDTH,
    Pane,
    Placed,
    Scrolled,
    grid,
    noted,
    places,
    scrolled,
    selected_cells,
    selected_text,
)
from swarmtui.tui.widgets.lines import Drawn
from swarmtui.tui.widgets.looks import dressed, looks

if TYPE_CHECKING:
    from swarmtui.tui.view.lines import Line
    from swarmtui.tui.view.tails import Key

HELD = "held while text is selected"


class PaneGrid(Drawn):
    """A grid of running attempts. Draws all of it at once: a screen full of text, whatever the number of workers."""

    DEFAULT_CSS = "PaneGrid { height: 1fr; width: 1fr; }"
    can_focus = True

    class PaneSelected(Message):
        """The user clicked a pane."""

        def __init__(self, key: Key, *, opened: bool) -> None:
            super().__init__()
            self.key, self.opened = key, opened

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._note = ""
        self._panes: Sequence[Pane] = ()
        self._selected: Key | None = None
        self._lines: list[Line] = []
        self._empty = ""
        self._drawn_with: object = None
        self._drawing = False
        self._anchor: Placed | None = None
        """The pane in which text is selected with the mouse: no text of another one is."""
        self._scrolled: Scrolled | None = None
        """The pane whose text was moved with the wheel."""

    @property
    def room(self) -> int:
        """Panes that could be drawn, roughly."""
        return max(1, (self.size.width // MIN_WIDTH) * (self.size.height // MIN_HEIGHT))

    def show(self, panes: Sequence[Pane], selected: Key | None, empty: str, note: str = "") -> None:
        """Draw `panes`; `empty` says what will come where there are none; `note` stands at the bottom."""
        if selected != self._selected:
            self._anchor = self._scrolled = None
        self._panes, self._selected, self._empty, self._note = panes, selected, empty, note
        if self._holds:
            return
        before, before_with = self._lines, self._drawn_with
        self._draw()
        self._drawn_with = (looks(self), empty)
        stale = [y for y, (old, new) in enumerate(zip(before, self._lines, strict=False)) if old != new]
        if before_with != self._drawn_with or len(before) != len(self._lines) or 2 * len(stale) > len(before):
            self.refresh()
        elif stale:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in stale))

    def _draw(self) -> None:
        if self._holds:
            return
        glyphs, moved = looks(self).glyphs, self._scrolled
        self._lines = grid(
            self._panes if moved is None else [moved.on(pane) for pane in self._panes],
            self.size.width,
            self.size.height,
            glyphs,
            self._selected,
            focused=self.has_focus,
            note=self._note,
        )

    def jumps(self) -> Iterator[tuple[int, int, Callable[[], object]]]:
        """The panes, where their titles begin."""
        for placed in places(self._panes, self.size.width, self.size.height, self._selected):
            yield placed.x + 3, placed.y, partial(self._go_to, placed.pane.key)

    def _go_to(self, key: Key) -> None:
        self.focus()
        self.post_message(self.PaneSelected(key, opened=False))

    def on_click(self, event: events.Click) -> None:
        """Select a pane; twice: give it all the room."""
        event.prevent_default()  # several clicks select no text here
        if self._holds:
            return
        self._anchor = None
        placed = self._at(event)
        if placed is not None:
            self.post_message(self.PaneSelected(placed.pane.key, opened=event.chain == 2))

    def _at(self, event: events.MouseEvent) -> Placed | None:
        for placed in places(self._panes, self.size.width, self.size.height, self._selected):
            if placed.x <= event.x < placed.x + placed.width and placed.y <= event.y < placed.y + placed.height:
                return placed
        return None

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves the text of the pane that it is over."""
        self._scroll(event, -1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """And back; at its end a text that goes on is followed again."""
        self._scroll(event, 1)

    def _scroll(self, event: events.MouseEvent, direction: int) -> None:
        event.stop()
        placed = None if self._holds else self._at(event)
        if placed is not None:
            by = direction * max(1, int(self.app.scroll_sensitivity_y))
            self._scrolled = scrolled(placed, by, looks(self).glyphs, self._scrolled)
            self._draw()
            self.refresh()

    # -- selecting with the mouse -----------------------------------------------------------------------------

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """What is selected from here on is of this pane."""
        self._anchor = self._at(event)

    @property
    def allow_select(self) -> bool:
        """What workers say can be selected."""
        return True

    @property
    def _holds(self) -> bool:
        """Whether the panes stay as they are since text of one is selected."""
        return self._anchor is not None and self.text_selection is not None and bool(self._lines)

    def selection_updated(self, selection: Selection | None) -> None:
        """What is selected stays where it is; once nothing is, what has been said meanwhile is shown."""
        if selection is None:
            self._anchor = None
            self._draw()
        elif self._holds:
            self._lines[-1] = noted(self._lines[-1], HELD, self.size.width, looks(self).glyphs)
        super().selection_updated(selection)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that is selected, of one pane and without its frame."""
        if self._anchor is None:
            return None
        spans = [selection.get_span(y) for y in range(len(self._lines))]
        return clean(selected_text(self._lines, spans, self._anchor)), "\n"

    def _marked(self, strip: Strip, line: Line, y: int) -> Strip:
        """`strip` so that Textual knows what the mouse is over; what is selected marked."""
        span, placed = self.text_selection.get_span(y) if self.text_selection is not None else None, self._anchor
        if span is not None and placed is not None and placed.y < y < placed.y + placed.height - 1:
            style = self.screen.get_component_rich_style("screen--selection")
            turned = Style(reverse=True) if dressed(self).native_ansi_color else style
            strip = content.marked_cells(strip, *selected_cells(line, span, placed), turned)
        return strip if self._drawing else strip.apply_offsets(0, y)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw; whoever asks for a line without that asks what the mouse is over."""
        self._drawing = True
        try:
            return super().render_lines(crop)
        finally:
            self._drawing = False

    def watch_has_focus(self, has_focus: bool) -> None:
        """The frame of the selected pane shows it."""
        super().watch_has_focus(has_focus)
        self._draw()
        self.refresh()

    def on_resize(self) -> None:
        """Other sizes hold other grids; what is on the screen by now may have been drawn for the size before."""
        self._anchor = self._scrolled = None
        self._draw()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """A line of the grid."""
        width = self.size.width
        line: Line = self._lines[y] if y < len(self._lines) else ()
        if not self._lines and y == min(1, self.size.height - 1):
            line = (("  " + self._empty, "faint"),)
        return self._marked(content.strip(line, looks(self).palette, self.rich_style, width), line, y)
