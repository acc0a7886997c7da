"""Apps of Textual alone, with as many widgets of the same kinds as our screens have, and nothing in them.

``python -m tests.perf.bare home`` and ``… run`` are what our first frames are held against: whatever is beyond them is
ours, the stylesheets, themes, keys and view models of the workbench among it. Kinds are Textual's own classes, each the
nearest one that a widget of ours is built on; what a screen begins with hidden is there, and hidden.
``tests/perf/test_bare.py`` holds these trees against the screens. Nothing of swarmtui is imported here.
"""

from __future__ import annotations

import sys
from typing import ClassVar, NamedTuple

from textual.app import App, ComposeResult
from textual.containers import Container, Grid, Vertical
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input, TextArea


class Kind(NamedTuple):
    """A widget of a screen, and what is in it."""

    base: type[Widget]
    shown: bool = True
    inside: tuple[Kind, ...] = ()


HOME = (
    Kind(Widget),
    Kind(Container, inside=(Kind(ScrollView), Kind(ScrollView, shown=False), Kind(ScrollView))),
    Kind(Input, shown=False),
    Kind(Vertical, inside=(
        Kind(Vertical, inside=(
            Kind(ScrollView, shown=False), Kind(ScrollView, shown=False),
            Kind(Vertical, inside=(Kind(TextArea),)),
            Kind(ScrollView, shown=False),
        )),
    )),
    Kind(Widget),
)  # fmt: skip
"""The list of sessions and its prompt."""
RUN = (
    Kind(Widget), Kind(Widget, shown=False),
    Kind(Grid, inside=(
        Kind(ScrollView), Kind(Widget), Kind(ScrollView), Kind(ScrollView),
        Kind(ScrollView, shown=False), Kind(ScrollView, shown=False),
    )),
    Kind(Input, shown=False), Kind(Widget, shown=False), Kind(Widget),
)  # fmt: skip
"""The run screen."""
SCREENS = {"home": HOME, "run": RUN}
LAST = "the last line"
"""What stands at the lower edge of each of them: once it is there, all of the frame is."""


class Line(Widget):
    """A line that is given."""

    DEFAULT_CSS = "Line { height: 1; }"
    text = "a line"

    def render(self) -> str:
        """It."""
        return self.text


class Lines(ScrollView):
    """Lines that all are the same."""

    DEFAULT_CSS = "Lines { height: 1fr; border: round $primary; }"

    def render_line(self, y: int) -> Strip:
        """One."""
        return Strip.blank(self.size.width, self.rich_style)


_MADE: dict[type[Widget], type[Widget]] = {Widget: Line, ScrollView: Lines}


class Bare(App[None]):
    """One of the screens."""

    CSS: ClassVar[str] = """
    Container, Grid { height: 1fr; }
    Grid { grid-size: 2; }
    Vertical { height: auto; }
    TextArea { height: 3; }
    """

    def __init__(self, kinds: tuple[Kind, ...]) -> None:
        super().__init__()
        self._kinds = kinds

    def compose(self) -> ComposeResult:
        """All of its widgets."""
        made = [_made(kind) for kind in self._kinds]
        if isinstance(made[-1], Line):
            made[-1].text = LAST
        yield from made


def _made(kind: Kind) -> Widget:
    widget = _MADE.get(kind.base, kind.base)(*map(_made, kind.inside))
    widget.display = kind.shown
    return widget


if __name__ == "__main__":
    Bare(SCREENS[sys.argv[1]]).run()
