"""The tour: over the screen as it goes on, one part lit and the rest faint, with a few words. It changes nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from textual.app import ComposeResult
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from swarmtui.tui import content
from swarmtui.tui.actions.action import Scope
from swarmtui.tui.screens.dialogs import Dialog
from swarmtui.tui.tour import SEEN, SMALLEST, STEPS, WIDE, Rect, Step, box_lines, due, hides, place
from swarmtui.tui.view.lines import Line
from swarmtui.tui.widgets.backdrop import without_keys
from swarmtui.tui.widgets.lines import Drawn
from swarmtui.tui.widgets.looks import dressed, looks

if TYPE_CHECKING:
    from swarmtui.tui.screens.acting import ActionScreen


class Spotlight(Drawn):
    """The lines of the screen below: a part of them as they are, the rest faint; and the box."""

    DEFAULT_CSS = "Spotlight { width: 1fr; height: 1fr; }"

    def __init__(self, behind: Callable[[], list[Strip]]) -> None:
        super().__init__()
        self._behind = behind
        self._strips: list[Strip] | None = None
        """As they were last; None if they have changed since."""
        self._part: Rect = (0, 0, 0, 0)
        self._box: list[Line] = []
        self._at = (0, 0)

    def show(self, part: Rect, box: list[Line], at: tuple[int, int]) -> None:
        """Light another part, or the same one on a screen that has changed."""
        self._part, self._box, self._at, self._strips = part, box, at, None
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """A line of the screen, faint where it is not meant; over it a line of the box."""
        width = self.size.width
        if self._strips is None:
            self._strips = self._behind()
        line = self._strips[y].adjust_cell_length(width) if y < len(self._strips) else Strip.blank(width)
        left, top, wide, high = self._part
        if top <= y < top + high:
            edge = left + wide
            line = Strip.join(
                [self._faint(line.crop(0, left)), line.crop(left, edge), self._faint(line.crop(edge, width))]
            )
        else:
            line = self._faint(line)
        x, above = self._at
        if above <= y < above + len(self._box):
            drawn = self._box[y - above]
            over = content.strip(drawn, looks(self).palette, self.rich_style, sum(len(part) for part, _ in drawn))
            line = Strip.join([line.crop(0, x), over, line.crop(x + over.cell_length, width)])
        return line

    def _faint(self, line: Strip) -> Strip:
        return content.faded(line, looks(self).palette)


class TourScreen(Dialog[None]):
    """Goes through the parts that are there."""

    DIALOG = "tour"

    def __init__(self, parts: list[tuple[Step, Rect]]) -> None:
        super().__init__()
        self._parts = parts
        self._step = 0
        self._is_drawing = False

    @property
    def step(self) -> Step:
        """The one that is shown."""
        return self._parts[self._step][0]

    def compose(self) -> ComposeResult:
        """The screen, and the box on it."""
        yield Spotlight(self._lines)

    def on_mount(self) -> None:
        """The first part."""
        self.call_after_refresh(self._draw)

    def on_resize(self) -> None:
        """The box follows the size."""
        self.call_after_refresh(self._draw)

    def refresh(self, *regions: Region, **options: Any) -> Self:
        """As any widget; `regions` are those of the screen below that have changed."""
        if regions and self.is_mounted and not self._is_drawing:
            self._is_drawing = True
            self.call_next(self._draw)
        return super().refresh(*regions, **options)

    @property
    def _below(self) -> Screen[Any]:
        stack = self.app.screen_stack
        return stack[stack.index(self) - 1]

    def _lines(self) -> list[Strip]:
        strips = self._below._compositor.render_strips()
        return strips if self.step.part == "actions" else without_keys(self._below, strips)

    def _draw(self) -> None:
        self._is_drawing = False
        if not self.is_current:
            return
        (step, part), ascii_only = self._parts[self._step], looks(self).glyphs.ascii
        part = next((_rect(one) for one in self._below.query(f"#{step.part}") if _is_seen(one)), part)
        size = self.size.width, self.size.height
        wide = max(20, min(WIDE, size[0] - 2))
        last = self._step == len(self._parts) - 1
        hint = f"{self.key('next')} {'ends it' if last else 'goes on'}, {self.key('back')} goes back"
        hint += "" if last else f", {self.key('leave')} skips"
        text = dressed(self).with_keys(step.text)
        for short in (False, True):
            box = box_lines(step, text, self._step, len(self._parts), hint, wide, ascii_only=ascii_only, short=short)
            at = place(part, size, (wide, len(box)))
            if not hides(part, at, (wide, len(box))):
                break
        self.query_one(Spotlight).show(part, box, at)

    def action_step(self, by: int) -> None:
        """On, or back; after the last one it is over."""
        self._step = max(0, self._step + by)
        if self._step >= len(self._parts):
            self._step = len(self._parts) - 1
            self.action_leave()
        else:
            self._draw()

    def on_click(self) -> None:
        """On."""
        self.action_step(1)

    def action_leave(self) -> None:
        """Skip the rest."""
        if self.is_current:
            self.dismiss(None)


def open_tour(screen: ActionScreen) -> None:
    """Show somebody around on `screen`, and remember that."""
    app = dressed(screen)
    parts = list(_parts(screen, screen.SCOPE))
    if not parts:
        content.notice(app, "there is nothing to be shown here", "warning")
        return
    app.memory.put(SEEN, True)
    app.run_worker(app.memory.save, group="memory", thread=True)  # at once: another workbench may be begun beside
    app.push_screen(TourScreen(parts))


def offer_tour(screen: Screen[object], *, replay: bool) -> None:
    """The tour where somebody is here for the first time, and nowhere else."""
    from swarmtui.tui.screens.acting import ActionScreen

    app = dressed(screen)
    fits = screen.size.width >= SMALLEST[0] and screen.size.height >= SMALLEST[1]
    terminal = not app.is_headless and sys.__stdout__ is not None and sys.__stdout__.isatty()
    seen, lasting = app.memory.get(SEEN, False), app.memory.lasts
    first = due(seen=seen, lasting=lasting, terminal=terminal, replay=replay, environ=os.environ)
    if fits and first and isinstance(screen, ActionScreen):
        open_tour(screen)


def _parts(screen: Screen[None], scope: Scope) -> list[tuple[Step, Rect]]:
    shown = ((step, widget) for step in STEPS.get(scope, ()) for widget in screen.query(f"#{step.part}"))
    return [(step, _rect(widget)) for step, widget in shown if _is_seen(widget)]


def _is_seen(widget: Widget) -> bool:
    return bool(widget.display and widget.is_on_screen and widget.screen.find_widget(widget).visible_region.area)


def _rect(widget: Widget) -> Rect:
    region = widget.screen.find_widget(widget).visible_region
    return region.x, region.y, region.width, region.height
