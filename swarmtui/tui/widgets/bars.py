"""The lines at the edges: header, banner of the link, footer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual import events
from textual.message import Message
from textual.timer import Timer

from swarmtui.tui.actions.action import Action, Mode
from swarmtui.tui.actions.table import place
from swarmtui.tui.view import format as say
from swarmtui.tui.view.lines import Line, Span, cells, shorten, shorten_line
from swarmtui.tui.widgets.lines import Bar
from swarmtui.tui.widgets.looks import dressed, looks

if TYPE_CHECKING:
    from swarmtui.tui.view.figures import Figures

SLOW_S = 2.0
"""After so long without a session the header says for how long, and how one leaves."""


class HeaderBar(Bar):
    """Is the session well, and does it need me?"""

    figures: Figures | None = None

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._since = time.monotonic()
        self._timer: Timer | None = None

    def on_mount(self) -> None:
        """How long it takes until there is something to show counts visibly."""
        if self.figures is None:
            self._timer = self.set_interval(1.0, self.changed)

    class FailedClicked(Message):
        """The user clicked how many have failed."""

    def on_click(self, event: events.Click) -> None:
        """What needs the user leads there; what failed is looked for."""
        at = 0
        for text, role in self.shown(self.size.width):
            if at <= event.x < at + cells(text):
                if role == "ask":
                    self.post_message(ActionBar.Clicked("attend"))
                elif role == "failed" and text.endswith(" failed"):
                    self.post_message(self.FailedClicked())
            at += cells(text)

    def show(self, figures: Figures) -> None:
        """Draw `figures`."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self.figures = figures
        self.changed()

    def shown(self, width: int) -> Line:
        """The header."""
        if self.figures is None:
            waits = time.monotonic() - self._since
            leaves = dressed(self).with_keys("{anywhere.leave} leaves, what runs goes on")
            age = f" {say.clock(waits)}   {leaves}" if waits >= SLOW_S else ""
            return ((" swarmtui", "strong"), (f"   connecting to the session{age}", "muted"))
        from swarmtui.tui.view.figures import header  # of a session, which home has none of

        app = dressed(self)
        return header(self.figures, width, looks(self).glyphs, app.key_of("attend"), app.key_of("budget"))


class Banner(Bar):
    """Why the session cannot be acted on, while that is so."""

    text = ""

    def say(self, text: str) -> None:
        """Show `text`, or nothing if it is empty."""
        self.text = text
        self.display = bool(text)
        self.changed()

    def shown(self, width: int) -> Line:
        """The banner."""
        return ((" ! ", "warn"), (shorten(self.text, max(0, width - 4)), "warn"))


class ActionBar(Bar):
    """Keys for what can be done now, the most important first; clicking does it."""

    class Clicked(Message):
        """The user clicked an action."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action_id = action

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._actions: list[Action] = []
        self._mode = Mode.LIVE
        self._places: list[tuple[int, int, str]] = []

    def show(self, actions: list[Action], mode: Mode = Mode.LIVE) -> None:
        """Offer `actions` (most important first), placed as in the table, with the keys they have in `mode`."""
        if (actions, mode) != (self._actions, self._mode):
            self._actions, self._mode = actions, mode
            self.changed()

    def _key(self, action: Action) -> str:
        return dressed(self).keys.called(action.id, self._mode, ascii_only=looks(self).glyphs.ascii)

    def shown(self, width: int) -> Line:
        """As many as fit, what needs the user first; help and detach keep to the right."""
        chosen: list[Action] = []
        taken = 1
        for action in self._actions:
            wide = cells(self._key(action)) + cells(action.label) + 3
            if taken + wide - 2 <= width:  # nothing stands beside the last one
                chosen.append(action)
                taken += wide
        chosen.sort(key=lambda action: place(action, self._mode))
        spans: list[Span] = [(" ", "text")]
        self._places = []
        at = 1
        for action in chosen:
            key = self._key(action)
            wide = cells(key) + cells(action.label) + 3
            self._places.append((at, at + wide - 2, action.id))
            spans += [(key, "accent"), (f" {action.label}  ", "muted")]
            at += wide
        return tuple(spans)

    def on_click(self, event: events.Click) -> None:
        """Do what was clicked."""
        for start, end, action in self._places:
            if start <= event.x < end:
                self.post_message(self.Clicked(action))
                return


class Words(Bar):
    """A line that is given."""

    line: Line = ()

    def say(self, line: Line) -> None:
        """Show `line`."""
        self.line = line
        self.changed()

    def shown(self, width: int) -> Line:
        """As it was given, as far as there is room."""
        return shorten_line(self.line, width, looks(self).glyphs.cut)
