"""What screens over a table of sessions or of their nodes share: keys from one table, moving about, help."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, cast

from textual.binding import Binding, BindingType
from textual.screen import Screen

from swarmtui.tui.actions import key_name
from swarmtui.tui.dressed import Dressed
from swarmtui.tui.screens.dialogs import KeysScreen
from swarmtui.tui.view import document
from swarmtui.tui.view.lines import Line
from swarmtui.tui.widgets.bars import KeyBar
from swarmtui.tui.widgets.lines import LineView
from swarmtui.tui.widgets.table import RowTable


class Key(NamedTuple):
    """A key of such a screen."""

    keys: str
    """As Textual calls them, with commas between; the first is the one shown in the footer."""
    action: str
    label: str
    """For the footer; empty: not there."""
    description: str
    """For the help."""


THEME = Key("t", "theme", "theme", "Next theme")
HELP = Key("question_mark,f1", "help", "help", "All keys; type to filter")
MOVES = (
    Key("j,down", "go(1)", "", "Down"),
    Key("k,up", "go(-1)", "", "Up"),
    Key("pagedown,ctrl+f", "go(10)", "", "Ten lines down"),
    Key("pageup,ctrl+b", "go(-10)", "", "Ten lines up"),
    Key("g,home", "end(False)", "", "To the first"),
    Key("G,end", "end(True)", "", "To the last"),
)


class ListScreen(Screen[None]):
    """A table with keys; subclasses have the keys, the most important first, and the way out last."""

    CSS_PATH = "sessions.tcss"
    AUTO_FOCUS = None
    KEYS: ClassVar[tuple[Key, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Bind the keys."""
        bound: list[BindingType] = [
            Binding(key.keys, key.action, key.label or key.description, show=False) for key in (*cls.KEYS, *MOVES)
        ]
        cls.BINDINGS = bound
        super().__init_subclass__(**kwargs)

    def key_bar(self) -> KeyBar:
        """The footer."""
        named = [(key.keys.split(",")[0], key.label, key.action) for key in self.KEYS if key.label]
        return KeyBar(named, id="keys-bar")

    def action_go(self, step: int) -> None:
        """Move in the focused pane."""
        self._pane.go(0, step)

    def action_end(self, last: bool) -> None:
        """To one end of the focused pane."""
        self._pane.go_to_end(last)

    @property
    def _pane(self) -> LineView:
        return self.focused if isinstance(self.focused, LineView) else self.query_one(RowTable)

    def action_theme(self) -> None:
        """The next theme."""
        cast("Dressed[Any]", self.app).next_theme()

    def action_help(self) -> None:
        """All keys."""
        self.app.push_screen(ListKeysScreen(self.KEYS))

    async def on_key_bar_clicked(self, message: KeyBar.Clicked) -> None:
        """A click on a key's name."""
        await self.run_action(message.action)


class ListKeysScreen(KeysScreen):
    """All keys of a list."""

    def __init__(self, keys: tuple[Key, ...]) -> None:
        super().__init__()
        self._of_screen = keys

    def told(self, words: list[str], width: int, *, ascii_only: bool) -> list[Line]:
        """The keys that match, those for moving last."""
        lines: list[Line] = []
        for key in (*self._of_screen, *MOVES):
            named = " ".join(key_name(name, ascii_only=ascii_only) for name in key.keys.split(","))
            text = f"{named} {key.label} {key.description}".casefold()
            if all(word in text for word in words):
                lines += document.facts([(f"  {named}", key.description, "text")], width, 14)
        return lines
