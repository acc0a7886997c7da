"""The help: the keys of the screen or dialog below it, from the tables that they are bound by. Typing filters."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from swarmtui.tui import content
from swarmtui.tui.actions.action import Action, Mode, Scope
from swarmtui.tui.actions.dialogs import DialogKeys
from swarmtui.tui.screens.dialogs import Dialog
from swarmtui.tui.view.keyhelp import Entry, dialog_entries, entries, everywhere, help_lines
from swarmtui.tui.view.lines import Line
from swarmtui.tui.widgets.lines import TextView
from swarmtui.tui.widgets.looks import dressed, looks


class KeysScreen(Dialog[None]):
    """Keys and what they do; typing filters. Subclasses say which."""

    DIALOG, SCROLLED = "help", "#keys"
    about = "keys"
    """For the title."""

    def compose(self) -> ComposeResult:
        """A filter over the list of keys."""
        with Vertical(classes="dialog help") as box:
            box.border_title = content.line(self.about)
            box.border_subtitle = content.line(f"type to filter, {self.key('leave')} closes")
            yield Input(placeholder="type to filter", compact=True)
            yield TextView(id="keys")

    def on_mount(self) -> None:
        """All of them at first."""
        self._draw("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Those that match."""
        self._draw(event.value)

    def _draw(self, text: str, *, top: bool = True) -> None:
        words = text.casefold().split()
        ascii_only = looks(self).glyphs.ascii

        def told(width: int) -> list[Line]:
            return self.told(words, width, ascii_only=ascii_only) or [(("no key does that", "faint"),)]

        self.query_one("#keys", TextView).show(told, top=top)

    def told(self, words: list[str], width: int, *, ascii_only: bool) -> list[Line]:
        """The lines for the keys that match all of `words`."""
        shown = [*self.shown(), *everywhere(dressed(self).keys)]
        return help_lines(shown, words, width, ascii_only=ascii_only)

    def shown(self) -> list[Entry]:
        """Which keys; subclasses have some."""
        return []

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)


class HelpScreen(KeysScreen):
    """All keys of a screen, what applies now first, and who watches the session."""

    def __init__(self, scope: Scope, mode: Mode = Mode.LIVE, watching: Sequence[Line] = ()) -> None:
        super().__init__()
        self._scope, self._mode, self._watching = scope, mode, watching
        self._told: list[Entry] = []
        """What was said last of the screen's actions."""

    def follow(self, mode: Mode) -> None:
        """Something may apply by now that did not, or no longer; one goes on reading where one is."""
        told, self._mode = self._told, mode
        if self.query("#keys") and self.shown() != told:
            self._draw(self.query_one(Input).value, top=False)

    def told(self, words: list[str], width: int, *, ascii_only: bool) -> list[Line]:
        """Who watches first, unless keys are searched for."""
        watching = [] if words or not self._watching else [*self._watching, ()]
        return watching + super().told(words, width, ascii_only=ascii_only)

    def shown(self) -> list[Entry]:
        """The screen's actions, as it says of each whether it applies."""
        self._told = entries(dressed(self).keys, self._scope, self._mode, self._refusal)
        return self._told

    def _refusal(self, action: Action) -> str | None:
        from swarmtui.tui.screens.acting import ActionScreen

        for screen in reversed(self.app.screen_stack):
            if isinstance(screen, ActionScreen) and screen.SCOPE is self._scope:
                return screen.refusal(action)
        return None


class DialogHelp(KeysScreen):
    """All keys of a dialog."""

    def __init__(self, group: DialogKeys) -> None:
        super().__init__()
        self._group = group
        self.about = f"keys: {group.title[0].lower()}{group.title[1:]}"

    def shown(self) -> list[Entry]:
        """The dialog's."""
        return dialog_entries(self._group, dressed(self).keys)
