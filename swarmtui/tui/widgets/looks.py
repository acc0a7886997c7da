"""What every widget of ours draws with: the palette of the current theme, the characters, the moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from textual.widget import Widget

from swarmtui.tui.content import Palette
from swarmtui.tui.view.glyphs import Glyphs
from swarmtui.tui.view.nodes import Moment

if TYPE_CHECKING:
    from swarmtui.tui.app import Workbench


@dataclass(frozen=True, slots=True)
class Looks:
    """How things are drawn."""

    palette: Palette
    glyphs: Glyphs


def workbench(widget: Widget) -> Workbench:
    """The app that `widget` is in."""
    return cast("Workbench", widget.app)


def looks(widget: Widget) -> Looks:
    """How `widget` draws."""
    return workbench(widget).looks


def moment(widget: Widget) -> Moment:
    """When the current frame shows the session: the same for all widgets of a frame."""
    return workbench(widget).moment
