"""Jump mode: a label on everything that can be gone to; typing one goes there, esc stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, runtime_checkable

from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.geometry import Region, Size
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from swarmtui.tui import content
from swarmtui.tui.jumping import Target, labelled, left
from swarmtui.tui.screens.dialogs import Dialog
from swarmtui.tui.widgets.lines import Drawn
from swarmtui.tui.widgets.looks import looks

Spot = tuple[int, int, Callable[[], object]]
"""A place within a widget, its border left out, and what going there is."""


@runtime_checkable
class Jumpable(Protocol):
    """A widget with places in it that can be jumped to."""

    def jumps(self) -> Iterable[Spot]:
        """Those that are visible now."""


class Labels(Drawn):
    """The screen as it is, faint, with the labels on it. Lines are those that were drawn last, and stand still."""

    DEFAULT_CSS = "Labels { width: 1fr; height: 1fr; }"

    def __init__(self, strips: list[Strip], targets: dict[str, Target]) -> None:
        super().__init__()
        self._strips, self._targets = strips, targets
        self.typed = ""

    def narrow(self, typed: str) -> None:
        """Show what is left of the labels."""
        self.typed = typed
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """A line of the screen below, and the labels in it."""
        width = self.size.width
        if y >= len(self._strips):
            return Strip.blank(width)
        palette = looks(self).palette
        line = content.faded(self._strips[y].adjust_cell_length(width), palette)
        at_line = [
            (one.x, label) for label, one in self._targets.items() if one.y == y and label.startswith(self.typed)
        ]
        taken = 0
        parts: list[Strip] = []
        for x, label in sorted(at_line):
            rest = label[len(self.typed) :]
            if x < taken or x + len(rest) > width:
                continue
            parts += [line.crop(taken, x), content.strip(((rest, "badge"),), palette, Style(), len(rest))]
            taken = x + len(rest)
        return Strip.join([*parts, line.crop(taken, width)])


class JumpScreen(Dialog[Target | None]):
    """Closes with what was jumped to."""

    DIALOG = "jump"

    def __init__(self, strips: list[Strip], targets: dict[str, Target]) -> None:
        super().__init__()
        self._strips, self.targets = strips, targets
        self._typed = ""
        self._drawn_for: Size | None = None

    def compose(self) -> ComposeResult:
        """The labels."""
        yield Labels(self._strips, self.targets)

    def on_key(self, event: events.Key) -> None:
        """A letter of a label; backspace takes one back."""
        if event.key == "backspace":
            self._narrow(self._typed[:-1])
        elif event.character and event.character.isalnum():
            event.stop()
            self._narrow(self._typed + event.character.casefold())

    def _narrow(self, typed: str) -> None:
        meant = left(list(self.targets), typed)
        if typed in meant and self.is_current:
            self.dismiss(self.targets[typed])
        elif meant:
            self._typed = typed
            self.query_one(Labels).narrow(typed)

    def on_click(self) -> None:
        """The mouse needs no labels."""
        if self.is_current:
            self.dismiss(None)

    def on_resize(self, event: events.Resize) -> None:
        """Things are elsewhere now."""
        if self.is_current and self._drawn_for not in (None, event.size):
            self.dismiss(None)
        self._drawn_for = event.size

    def action_leave(self) -> None:
        """esc."""
        self.dismiss(None)


def open_jump(screen: Screen[None]) -> None:
    """Labels over `screen`; what is chosen is gone to once they have gone."""
    targets = labelled(list(targets_of(screen)))
    if not targets:
        content.notice(screen.app, "there is nothing to jump to", "warning")
        return

    def chosen(target: Target | None) -> None:
        if target is not None:
            target.go()

    screen.app.push_screen(JumpScreen(screen._compositor.render_strips(), targets), chosen)


def targets_of(screen: Screen[None]) -> Iterator[Target]:
    """What there is to jump to: panes, then what is in the focused one, then what is in the others."""
    visible = [(widget, region) for widget in screen.walk_children(Widget) if (region := _seen(screen, widget))]
    for widget, region in visible:
        if widget.focusable:
            yield Target(region.x + 1 if region.width > 2 else region.x, region.y, widget.focus, widget.id or "")
    focused = screen.focused
    for widget, region in sorted(visible, key=lambda pair: pair[0] is not focused):
        if isinstance(widget, Jumpable):
            inner = widget.content_region
            for x, y, go in widget.jumps():
                at = Region(inner.x + x, inner.y + y, 1, 1)
                if region.contains_region(at):
                    yield Target(at.x, at.y, go)


def _seen(screen: Screen[None], widget: Widget) -> Region | None:
    """Where a widget is on the screen, as far as it is visible."""
    if not widget.display or not widget.is_on_screen:
        return None
    region = screen.find_widget(widget).visible_region
    return region if region.area else None
