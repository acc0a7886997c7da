"""The widgets that everything else is made of: lines drawn one by one, so that cost follows the screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.style import Style
from textual.app import RenderResult
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from swarmtui.safety.text import clean
from swarmtui.tui import content
from swarmtui.tui.view.lines import Line
from swarmtui.tui.view.matching import lit, rows_with
from swarmtui.tui.widgets.looks import dressed, looks

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


class Drawn(Widget):
    """A widget that draws its lines by itself; where one selects across it with the mouse, it has no text to give."""

    def render(self) -> RenderResult:
        """No lines: :meth:`render_line` makes them."""
        return ""


class Bar(Drawn):
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


class LineView(ScrollView, inherit_bindings=False):
    """A pane that scrolls and draws its lines by itself. Keys come as calls from the screen, not as bindings.

    :meth:`changed` is called when what it shows may have changed: the visible lines are made, and those that differ
    from what is on the screen are drawn again, so that a frame costs what has changed in it.
    """

    DEFAULT_CSS = "LineView { overflow-x: hidden; overflow-y: auto; scrollbar-size: 1 1; }"
    can_focus = True

    selects: ClassVar[bool] = False
    """Whether text in it can be selected with the mouse."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._on_screen: list[Shown] = []
        self._on_screen_for: object = None
        self._base = Style()
        """What is under the lines that are being drawn: the same for all of them, and dear to find out."""

    def extend(self, size: Size) -> None:
        """The content is this large by now. Nothing else on the screen is laid out again, unless it is to be as high
        as its content; a scrollbar that comes or goes sees to itself."""
        if size == self.virtual_size:
            return
        if self.styles.auto_dimensions or not self.is_attached:
            self.virtual_size = size
            return
        self.set_reactive(Widget.virtual_size, size)
        self._scroll_update(size)

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

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw some lines of what is visible."""
        self._base = self.rich_style
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Draw one line of what is visible."""
        width = self.room
        if y < len(self._on_screen) and self._on_screen_for == self._place():
            line, cursor = self._on_screen[y]
        else:
            line, cursor = self.visible_line(y, width)
        strip = content.strip(line, looks(self).palette, self._base, width, cursor)
        return self._selectable(strip, y + self.scroll_offset.y) if self.selects else strip

    # -- selecting with the mouse -----------------------------------------------------------------------------

    @property
    def allow_select(self) -> bool:
        """Text that is read can be selected; in a table or a graph the mouse chooses."""
        return self.selects

    def _selectable(self, strip: Strip, y: int) -> Strip:
        """`strip`, line `y` of the content, so that Textual knows what the mouse is over; what is selected marked."""
        span = self.text_selection.get_span(y) if self.text_selection is not None else None
        if span is not None:
            style = self.screen.get_component_rich_style("screen--selection")
            turned = dressed(self).native_ansi_color
            strip = content.marked(strip, span, Style(reverse=True) if turned else style)
        return strip.apply_offsets(0, y)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The text that is selected, as it is drawn, without the space that fills lines."""
        first = selection.start.y if selection.start is not None else 0
        last = selection.end.y if selection.end is not None else self.virtual_size.height - 1
        lines: list[str] = []
        for y in range(first, min(last, self.virtual_size.height - 1) + 1):
            text = "".join(clean(part, keep_newlines=False) for part, _ in self.line_at(y, self.room)[0])
            start, end = selection.get_span(y) or (0, 0)
            lines.append(text[start : None if end < 0 else end].rstrip())
        return "\n".join(lines), "\n"

    def watch_has_focus(self, has_focus: bool) -> None:
        """Where there is a cursor, it may be drawn with the focus alone."""
        super().watch_has_focus(has_focus)
        self.changed()

    @property
    def rows_seen(self) -> int:
        """Lines of the content that are visible at once; fewer than there are where some stay, as a header does."""
        return max(1, self.size.height)

    def page(self) -> int:
        """Lines that a page key moves by."""
        return max(1, self.size.height - 2)

    def go(self, dx: int, dy: int) -> None:
        """Move the cursor, or scroll where there is none."""
        self.scroll_to(self.scroll_x + dx * 4, self.scroll_y + dy, animate=False)

    def go_to_end(self, last: bool) -> None:
        """Go to the first or last line."""
        self.scroll_to(y=self.max_scroll_y if last else 0, animate=False)

    def show_row(self, y: int) -> None:
        """Scroll just enough that line `y` of the content is visible."""
        top = self.scroll_offset.y
        wanted = min(max(top, y - self.rows_seen + 1), y)
        if wanted != top:
            self.scroll_to(y=wanted, animate=False)

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

    selects = True

    def __init__(self, *, id: str | None = None, classes: str | None = None, follow: bool = False) -> None:
        super().__init__(id=id, classes=classes)
        self._make: Callable[[int], Sequence[Line]] = lambda width: ()
        self._lines: Sequence[Line] = ()
        self._follow = follow
        self._above = 0
        self.looked_for = ""
        """What was typed to be found: its words, all in one line or on both sides of where that is broken."""
        self._found: int | None = None
        """The line with them that was gone to last, or the first of two."""

    def look_for(self, typed: str) -> None:
        """Tell words apart in all lines, and go to the first one with all of them, from what is in view on."""
        self.looked_for, self._found = typed, None
        self.next_match(1)
        self.refresh()

    def next_match(self, step: int) -> bool:
        """Go to the next line (or with -1 the one before) that has what is looked for; False if there is none."""
        words, number = self.looked_for.casefold().split(), len(self._lines)
        start = self._found if self._found is not None else self.scroll_offset.y - max(0, step)
        for offset in range(1, number + 1) if words else ():
            at = (start + step * offset) % number
            if rows := rows_with(words, self._lines, at):
                self._found = at
                self.show_region(Region(self.scroll_offset.x, at, 1, rows))
                self.changed()
                return True
        return False

    def show(
        self, make: Callable[[int], Sequence[Line]], *, top: bool = False, above: Callable[[], int] | None = None
    ) -> None:
        """Show the lines that `make` gives for a width, now and when that changes; with `top` from the first.

        `above` is the number of the first line once they are made, where lines come and go before those there are: who
        reads further down goes on where they were."""
        at_end = self.scroll_y >= self.max_scroll_y - 1
        self._make = make
        self._wrap()
        before, self._above = self._above, above() if above is not None else 0
        if self._above != before and not at_end and not top:
            self.scroll_to(y=self.scroll_y + before - self._above, animate=False, force=True)
        if top:
            self.scroll_to(y=0, animate=False, force=True)
        elif self._follow and at_end:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
        self.changed()

    def _wrap(self) -> None:
        # One column is kept for the scrollbar, so that lines do not change when it appears.
        self._lines = self._make(max(8, self.size.width - 1)) if self.size.width else ()
        self.extend(Size(self.size.width, len(self._lines)))

    def on_resize(self) -> None:
        """Lines follow the width; what is on the screen by now may have been drawn for the one before."""
        at_end = self._follow and self.scroll_y > 0 and self.scroll_y >= self.max_scroll_y - 1
        self._wrap()
        if at_end:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
        self.refresh()

    def line_at(self, y: int, width: int) -> tuple[Line, tuple[int, int] | None]:
        """A line that was given."""
        if not 0 <= y < len(self._lines):
            return (), None
        if not self.looked_for:
            return self._lines[y], None
        return lit(self.looked_for.casefold().split(), self._lines[y]), (0, width) if y == self._found else None
