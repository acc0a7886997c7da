"""The line in which a goal is typed, which grows with it, and the list of what it can be completed to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.widgets import TextArea

from swarmtui.tui import content
from swarmtui.tui.actions.action import Mode
from swarmtui.tui.view.lines import Line, cells, fit, shorten
from swarmtui.tui.widgets.lines import LineView, Shown
from swarmtui.tui.widgets.looks import dressed

if TYPE_CHECKING:
    from swarmtui.tui.view.prompt import Offer

WHILE_TYPING = ("plan_now", "take", "talk", "clear_talk")
"""Actions that apply while somebody types: no letter asks for them."""
_ASKED = {
    "enter": "submit",
    "tab": "complete",
    "shift+tab": "back",
    "escape": "leave",
    "ctrl+r": "search",
    "pageup": "page_up",
    "pagedown": "page_down",
}
"""Keys that are not the editor's here."""
MOST_CHARS = 20_000
"""Characters that a prompt can be pasted full of."""
_NEW_LINE = ("ctrl+j", "shift+enter", "alt+enter")


class PromptArea(TextArea):
    """One line that grows to six. What keys ask for is told as :class:`Asked`; who holds it answers."""

    DEFAULT_CSS = """
    PromptArea { height: auto; min-height: 1; max-height: 6; padding: 0; border: none; background: transparent; }
    PromptArea:focus { border: none; }
    """

    class Asked(Message):
        """The user asks for something that is no text: `what`."""

        def __init__(self, what: str) -> None:
            super().__init__()
            self.what = what

    def __init__(self, text: str = "", *, id: str | None = None) -> None:
        placeholder = "a goal in words, or a task file"
        super().__init__(content.plain(text), id=id, compact=True, highlight_cursor_line=False, placeholder=placeholder)
        self.cursor_blink = False

    def on_mount(self) -> None:
        """The editor has keys of its own for some of which ours are meant."""
        keys = dressed(self).keys
        for action in keys.all:
            if action.id in WHILE_TYPING:
                for key in keys.keys_in(action, Mode.LIVE):
                    self._bindings.key_to_bindings.pop(key, None)

    async def _on_key(self, event: events.Key) -> None:
        asked = _ASKED.get(event.key)
        if event.key in ("up", "down") and self._at_edge(up=event.key == "up"):
            asked = event.key
        if asked is not None:
            event.stop()
            event.prevent_default()
            self.post_message(self.Asked(asked))
        elif event.key == "ctrl+u":  # of the line, whatever row of it is seen: the editor's own stops at the row's edge
            event.stop()
            event.prevent_default()
            row, _ = self.cursor_location
            self.delete((row, 0), self.cursor_location, maintain_selection_offset=False)
        elif event.key in _NEW_LINE:
            event.stop()
            event.prevent_default()
            self._insert("\n")
        else:
            await super()._on_key(event)

    def _at_edge(self, *, up: bool) -> bool:
        """Whether the cursor is on the first line that is seen, or on the last."""
        row = self.wrapped_document.location_to_offset(self.cursor_location).y
        return row <= 0 if up else row >= self.wrapped_document.height - 1

    async def _on_paste(self, event: events.Paste) -> None:
        """Text from elsewhere, without what a terminal would obey: all of it or nothing, as half a goal is another."""
        event.stop()
        event.prevent_default()
        room = max(0, MOST_CHARS - len(self.text) + len(self.selected_text))
        if len(event.text) > room:
            told = f"a prompt has {MOST_CHARS:,} characters at most: put more into a file; nothing was pasted"
            content.notice(self.app, told, "warning")
        else:
            self._insert(content.plain(event.text))

    def _insert(self, text: str) -> None:
        self.replace(text, *self.selection, maintain_selection_offset=False)

    @property
    def cursor_index(self) -> int:
        """Where the cursor stands in the text."""
        row, column = self.cursor_location
        return sum(len(line) + 1 for line in self.text.split("\n")[:row]) + column

    def put(self, text: str, cursor: int | None = None) -> None:
        """Put `text` in place of all there is; ctrl+z takes that back."""
        shown = content.plain(text)
        self.replace(shown, (0, 0), self.document.end, maintain_selection_offset=False)
        index = len(shown) if cursor is None else min(cursor, len(shown))
        before = shown[:index]
        self.move_cursor((before.count("\n"), index - before.rfind("\n") - 1))


class OfferList(LineView):
    """What the prompt can be completed to; the arrows move in it while the prompt keeps the focus."""

    DEFAULT_CSS = "OfferList { height: auto; max-height: 8; }"
    can_focus = False

    class Taken(Message):
        """The user clicked an offer."""

        def __init__(self, offer: Offer) -> None:
            super().__init__()
            self.offer = offer

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.offers: list[Offer] = []
        self.at: int | None = None
        """The one that was moved to; None before the first move."""

    @property
    def chosen(self) -> Offer | None:
        """The one that would be taken: the one that was moved to, else the first."""
        if not self.offers:
            return None
        return self.offers[0 if self.at is None else self.at]

    def offer(self, offers: Sequence[Offer]) -> None:
        """Show `offers`; nothing is moved to."""
        self.offers, self.at = list(offers), None
        self.display = bool(self.offers)
        self.virtual_size = Size(self.size.width, len(self.offers))
        self.styles.height = min(8, max(1, len(self.offers)))
        self.scroll_to(y=0, animate=False)
        self.changed()

    def move(self, by: int) -> bool:
        """Move on; False above the first, where nothing is moved to any more."""
        before = -1 if self.at is None else self.at
        after = min(len(self.offers) - 1, before + by)
        self.at = after if after >= 0 else None
        if self.at is not None:
            self.show_row(self.at)
        self.changed()
        return self.at is not None

    def line_at(self, y: int, width: int) -> Shown:
        """An offer: its name, what it is, what is told of it."""
        if not 0 <= y < len(self.offers):
            return (), None
        one = self.offers[y]
        wide = min(max(cells(other.shown) for other in self.offers), max(16, width // 2))
        name = fit(one.shown, wide) if one.told else shorten(one.shown, width - 4)
        kind = "" if one.kind.value == "typed before" else f"  {one.kind.value:<7}"
        line: Line = ((" ", "text"), (name, "text" if one.usable else "faint"), (kind, "muted"))
        line = (*line, (f"  {shorten(one.told, max(0, width - wide - 14))}", "faint"))
        return line, ((0, width) if y == self.at else None)

    def on_click(self, event: events.Click) -> None:
        """Take the one under the mouse."""
        y = event.y + self.scroll_offset.y
        if 0 <= y < len(self.offers):
            self.post_message(self.Taken(self.offers[y]))
