"""What every widget of ours draws with: the palette of the current theme, the characters, the moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from textual.widget import Widget

from swarmtui.frozen import frozen

if TYPE_CHECKING:
    from swarmtui.tui.app import Workbench
    from swarmtui.tui.content import Palette
    from swarmtui.tui.dressed import Dressed
    from swarmtui.tui.view.glyphs import Glyphs
    from swarmtui.tui.view.moment import Moment


@frozen
class Looks:
    """How things are drawn."""

    palette: Palette
    glyphs: Glyphs
    still: bool = False
    """Whether nothing moves but figures."""


def workbench(widget: Widget) -> Workbench:
    """The app that `widget` is in."""
    return cast("Workbench", widget.app)


def dressed(widget: Widget) -> Dressed[Any]:
    """The app that `widget` is in, whichever of ours it is."""
    return cast("Dressed[Any]", widget.app)


def looks(widget: Widget) -> Looks:
    """How `widget` draws."""
    return dressed(widget).looks


def moment(widget: Widget) -> Moment:
    """When the current frame shows the session: the same for all widgets of a frame."""
    return workbench(widget).moment
