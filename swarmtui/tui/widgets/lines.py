"""The widgets that everything else is made of: lines drawn one by one, so that cost follows the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.app import RenderResult
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from swarmtui.tui import content
from swarmtui.tui.view.lines import Line
from swarmtui.tui.widgets.looks import looks

Shown = tuple[Line, tuple[int, int] | None]
"""A line, and where in it the cursor is."""


def entitle(widget: Widget, title: str) -> None:
    """Set the title of a widget's border; does nothing if it is the same, since setting it draws the whole widget."""
    shown = content.line(title)
    if getattr(widget, "shown_title", None) != shown:
        widget.shown_title = shown  # type: ignore[attr-defined]
        widget.border_title = shown


def undertitle(widget: Widget, title: str) -> None:
    """Set what stands in the lower border of a widget, as :func:`entitle` does in the upper one."""
    shown = content.line(title)
    if getattr(widget, "shown_undertitle", None) != shown:
        widget.shown_undertitle = shown  # type: ignore[attr-defined]
        widget.border_subtitle = shown


class Bar(Widget):
    """One line over the whole width. Subclasses say what is in it."""

    DEFAULT_CSS = "Bar { height: 1; width: 1fr; }"
    _drawn: object = None

    def shown(self, width: int) -> Line:
        """The line in `width` cells; subclasses have one."""
        return ()

    def changed(self) -> None:
        """Draw the line again if it is another one."""
        drawn = (self.shown(self.size.width), looks(self))
        if drawn != self._drawn:
            self._drawn = drawn
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Draw it."""
        width = self.size.width
        return content.strip(self.shown(width) if y == 0 else (), looks(self).palette, self.rich_style, width)

    def render(self) -> RenderResult:
        """Never asked for: lines are."""
        return ""


class LineView(ScrollView, inherit_bindings=False):
    """A pane that scrolls and draws its lines by itself. Keys come as calls from the screen, not as bindings.

    :meth:`changed` is called when what it shows may have changed: the visible lines are made, and those that differ
    from what is on the screen are drawn again, so that a frame costs what has changed in it.
    """

    DEFAULT_CSS = "LineView { overflow-x: hidden; overflow-y: auto; scrollbar-size: 1 1; }"
    can_focus = True

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._on_screen: list[Shown] = []
        self._on_screen_for: object = None

    @property
    def room(self) -> int:
        """Cells of a line, the scrollbar left out."""
        return self.size.width - self.scrollbar_size_vertical

    def line_at(self, y: int, width: int) -> Shown:
        """Line `y` of the whole content; subclasses have some."""
        return (), None

    def visible_line(self, y: int, width: int) -> Shown:
        """Line `y` of what is visible."""
        return self.line_at(y + self.scroll_offset.y, width)

    def _place(self) -> object:
        return (self.scroll_offset, self.size, self.room, looks(self))

    def changed(self) -> None:
        """Draw again what is no longer as it is on the screen."""
        place, width, height = self._place(), self.room, self.size.height
        lines = [self.visible_line(y, width) for y in range(height)]
        before, before_place = self._on_screen, self._on_screen_for
        self._on_screen, self._on_screen_for = lines, place
        if place != before_place:
            self.refresh()
            return
        stale = [y for y in range(height) if lines[y] != before[y]]
        if len(stale) > height // 2:
            self.refresh()
        elif stale:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in stale))

    def render_line(self, y: int) -> Strip:
        """Draw one line of what is visible."""
        width = self.room
        if y < len(self._on_screen) and self._on_screen_for == self._place():
            line, cursor = self._on_screen[y]
        else:
            line, cursor = self.visible_line(y, width)
        return content.strip(line, looks(self).palette, self.rich_style, width, cursor)

    def page(self) -> int:
        """Lines that a page key moves by."""
        return max(1, self.size.height - 2)

    def go(self, dx: int, dy: int) -> None:
        """Move the cursor, or scroll where there is none."""
        self.scroll_to(self.scroll_x + dx * 4, self.scroll_y + dy, animate=False)

    def go_to_end(self, last: bool) -> None:
        """Go to the first or last line."""
        self.scroll_to(y=self.max_scroll_y if last else 0, animate=False)

    def show_region(self, region: Region) -> None:
        """Scroll just enough that `region` of the content is visible."""
        view = self.size
        x, y = self.scroll_offset
        if region.y < y:
            y = region.y
        elif region.bottom > y + view.height:
            y = region.bottom - view.height
        if region.x < x:
            x = max(0, region.x - 2)
        elif region.right > x + view.width:
            x = min(region.x, region.right - view.width + 2)
        self.scroll_to(x, y, animate=False)


class TextView(LineView):
    """Lines made for a width, scrolled. With `follow`, new lines keep the end in view until somebody scrolls up."""

    def __init__(self, *, id: str | None = None, classes: str | None = None, follow: bool = False) -> None:
        super().__init__(id=id, classes=classes)
        self._make: Callable[[int], Sequence[Line]] = lambda width: ()
        self._lines: Sequence[Line] = ()
        self._follow = follow

    def show(self, make: Callable[[int], Sequence[Line]], *, top: bool = False) -> None:
        """Show the lines that `make` gives for a width, now and when that changes; with `top` from the first."""
        at_end = self.scroll_y >= self.max_scroll_y - 1
        self._make = make
        self._wrap()
        if top:
            self.scroll_to(y=0, animate=False, force=True)
        elif self._follow and at_end:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
        self.changed()

    def _wrap(self) -> None:
        # One column is kept for the scrollbar, so that lines do not change when it appears.
        self._lines = self._make(max(8, self.size.width - 1)) if self.size.width else ()
        self.virtual_size = Size(self.size.width, len(self._lines))

    def on_resize(self) -> None:
        """Lines follow the width; what is on the screen by now may have been drawn for the one before."""
        self._wrap()
        self.refresh()

    def line_at(self, y: int, width: int) -> tuple[Line, tuple[int, int] | None]:
        """A line that was given."""
        return (self._lines[y] if 0 <= y < len(self._lines) else ()), None
