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


class Bar(Widget):
    """One line over the whole width. Subclasses say what is in it."""

    DEFAULT_CSS = "Bar { height: 1; width: 1fr; }"

    def shown(self, width: int) -> Line:
        """The line in `width` cells; subclasses have one."""
        return ()

    def render_line(self, y: int) -> Strip:
        """Draw it."""
        width = self.size.width
        return content.strip(self.shown(width) if y == 0 else (), looks(self).palette, self.rich_style, width)

    def render(self) -> RenderResult:
        """Never asked for: lines are."""
        return ""


class LineView(ScrollView, inherit_bindings=False):
    """A pane that scrolls and draws its lines by itself. Keys come as calls from the screen, not as bindings."""

    DEFAULT_CSS = "LineView { overflow-x: hidden; overflow-y: auto; scrollbar-size: 1 1; }"
    can_focus = True

    @property
    def room(self) -> int:
        """Cells of a line, the scrollbar left out."""
        return self.size.width - self.scrollbar_size_vertical

    def line_at(self, y: int, width: int) -> tuple[Line, tuple[int, int] | None]:
        """Line `y` of the whole content, and where in it the cursor is; subclasses have some."""
        return (), None

    def render_line(self, y: int) -> Strip:
        """Draw one line of what is visible."""
        width = self.room
        line, cursor = self.line_at(y + self.scroll_offset.y, width)
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
        self.refresh()

    def _wrap(self) -> None:
        # One column is kept for the scrollbar, so that lines do not change when it appears.
        self._lines = self._make(max(8, self.size.width - 1)) if self.size.width else ()
        self.virtual_size = Size(self.size.width, len(self._lines))

    def on_resize(self) -> None:
        """Lines follow the width."""
        self._wrap()

    def line_at(self, y: int, width: int) -> tuple[Line, tuple[int, int] | None]:
        """A line that was given."""
        return (self._lines[y] if 0 <= y < len(self._lines) else ()), None
