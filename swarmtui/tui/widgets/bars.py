"""The lines at the edges: header, banner of the link, footer."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.message import Message

from swarmtui.tui.actions import Action, Mode, key_name, keys_in
from swarmtui.tui.view.figures import Figures, header
from swarmtui.tui.view.lines import Line, Span, cells, shorten
from swarmtui.tui.widgets.lines import Bar
from swarmtui.tui.widgets.looks import looks


class HeaderBar(Bar):
    """Is the session well, and does it need me?"""

    figures: Figures | None = None

    def show(self, figures: Figures) -> None:
        """Draw `figures`."""
        self.figures = figures
        self.changed()

    def shown(self, width: int) -> Line:
        """The header."""
        if self.figures is None:
            return ((" swarmtui", "strong"), ("   connecting to the session", "muted"))
        return header(self.figures, width, looks(self).glyphs)


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
        self._order: dict[str, int] = {}
        self._mode = Mode.LIVE
        self._places: list[tuple[int, int, str]] = []

    def show(self, actions: list[Action], order: dict[str, int], mode: Mode = Mode.LIVE) -> None:
        """Offer `actions` (most important first), placed by `order`, with the keys they have in `mode`."""
        if (actions, mode) != (self._actions, self._mode):
            self._actions, self._order, self._mode = actions, order, mode
            self.changed()

    def _key(self, action: Action) -> str:
        return key_name(keys_in(action, self._mode)[0], ascii_only=looks(self).glyphs.ascii)

    def shown(self, width: int) -> Line:
        """As many as fit, in the order of the table; help and detach keep to the right."""
        chosen: list[Action] = []
        taken = 1
        for action in self._actions:
            wide = cells(self._key(action)) + cells(action.label) + 3
            if taken + wide <= width:
                chosen.append(action)
                taken += wide
        chosen.sort(key=lambda action: self._order.get(action.id, 0))
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
        """As it was given."""
        return self.line


class KeyBar(Bar):
    """Keys and what they do, as many as fit, in the order of their importance; clicking does it."""

    class Clicked(Message):
        """The user clicked a key's name."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def __init__(self, keys: Sequence[tuple[str, str, str]], *, id: str | None = None) -> None:
        """`keys`: each with its label and its action."""
        super().__init__(id=id)
        self._keys = keys
        self._places: list[tuple[int, int, str]] = []

    def shown(self, width: int) -> Line:
        """As many as fit; the last two, which are help and lead out, always."""
        ascii_only = looks(self).glyphs.ascii
        named = [(key_name(key, ascii_only=ascii_only), label, action) for key, label, action in self._keys]
        others, last = named[:-2], named[-2:]
        room = width - 1 - sum(map(_wide, last))
        chosen = []
        for one in others:
            room -= _wide(one)
            if room < 0:
                break
            chosen.append(one)
        spans: list[Span] = [(" ", "text")]
        self._places = []
        at = 1
        for key, label, action in [*chosen, *last]:
            wide = _wide((key, label, action))
            self._places.append((at, at + wide - 2, action))
            spans += [(key, "accent"), (f" {label}  ", "muted")]
            at += wide
        return tuple(spans)

    def on_click(self, event: events.Click) -> None:
        """Do what was clicked."""
        for start, end, action in self._places:
            if start <= event.x < end:
                self.post_message(self.Clicked(action))
                return


def _wide(named: tuple[str, str, str]) -> int:
    return cells(named[0]) + cells(named[1]) + 3
