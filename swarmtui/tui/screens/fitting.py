"""How high the list of a dialog may be so that all of the dialog is seen: what its keys do stands below the list."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen
from textual.widget import Widget

SHARE = 0.9
"""Of the screen's height a dialog has that much at most, as its style sheet says."""
SHORT = 20
"""Lines of a screen on which a dialog does without empty lines, and tells the most needed keys alone."""
LEAST = 3


def give_room(screen: Screen[Any], view: Widget, wanted: int) -> None:
    """Make `view` of the dialog `screen` as high as `wanted`, or as what else is in the dialog leaves room for."""
    box = view.parent
    if not isinstance(box, Widget) or not screen.size.height:
        return
    short = screen.size.height < SHORT
    box.styles.padding = (0, 1) if short else None
    others = [one for one in box.children if one is not view and one.display]
    taken = sum(one.outer_size.height + one.styles.margin.height for one in others) + box.gutter.height
    room = int(screen.size.height * SHARE) - taken - view.styles.margin.height
    view.styles.height = max(LEAST, min(wanted, room))
