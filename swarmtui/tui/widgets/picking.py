"""Fields that are chosen from: one of a few in a line, some of many in a list that typing filters."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.geometry import Size
from textual.message import Message

from swarmtui.frozen import frozen
from swarmtui.safety.text import one_line
from swarmtui.tui.view.lines import Line, Span, cells, shorten
from swarmtui.tui.widgets.lines import Bar, LineView, Shown
from swarmtui.tui.widgets.looks import looks


class ChoiceLine(Bar):
    """One of a few, side by side: left and right choose, and so does a click."""

    can_focus = True

    class Changed(Message):
        """Another one was chosen."""

        def __init__(self, choice: ChoiceLine) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, options: Sequence[str], value: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.options = tuple(options)
        self.value = value if value in options else options[0]
        self._places: list[tuple[int, int, str]] = []

    def shown(self, width: int) -> Line:
        """The options, the chosen one marked by its sign."""
        spans: list[Span] = []
        self._places = []
        signs = ("(*) ", "( ) ") if looks(self).glyphs.ascii else ("● ", "○ ")
        roomy = sum(cells(option) + len(signs[0]) + 2 for option in self.options) <= width
        at = 0
        for option in self.options:
            chosen = option == self.value
            sign = signs[0] if chosen else signs[1] if roomy else ""
            text = f"{sign}{one_line(option.replace('_', ' '), 40)}"
            spans += [
                (text, "accent" if chosen and self.has_focus else "strong" if chosen else "muted"),
                ("  ", "text"),
            ]
            self._places.append((at, at + cells(text) + 2, option))
            at += cells(text) + 2
        return tuple(spans)

    def choose(self, option: str) -> None:
        """Choose one of the options."""
        if option != self.value:
            self.value = option
            self.changed()
            self.post_message(self.Changed(self))

    def on_key(self, event: events.Key) -> None:
        """Left, right and space."""
        step = {"left": -1, "h": -1, "right": 1, "l": 1, "space": 1}.get(event.key)
        if step is not None:
            event.stop()
            self.choose(self.options[(self.options.index(self.value) + step) % len(self.options)])

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked."""
        for start, end, option in self._places:
            if start <= event.x < end:
                self.choose(option)


@frozen
class Entry:
    """Something that can be picked."""

    key: str
    told: str = ""
    locked: bool = False
    """Whether it stays picked as long as something else says so; `told` says what."""
    found_by: str = ""
    """What typing finds it by besides its key."""


class PickList(LineView):
    """Entries with a cursor. Typing filters, space marks; with `single`, enter picks the one under the cursor."""

    class Picked(Message):
        """One was picked."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(
        self, entries: Sequence[Entry] = (), chosen: Sequence[str] = (), *, single: bool = False, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self.single = single
        self.chosen: dict[str, None] = dict.fromkeys(chosen)
        self.filter = ""
        self.cursor = 0
        self._entries = list(entries)
        self._shown: list[Entry] = []
        self._choose_shown()

    def show(self, entries: Sequence[Entry], chosen: Sequence[str]) -> None:
        """Offer other entries."""
        self._entries, self.chosen = list(entries), dict.fromkeys(chosen)
        self._choose_shown()
        self._measure()

    def _choose_shown(self) -> None:
        typed = self.filter.casefold()
        fitting = [one for one in self._entries if typed in one.key.casefold() or typed in one.found_by.casefold()]
        self._shown = sorted(
            fitting, key=lambda one: (one.key not in self.chosen, not one.key.casefold().startswith(typed))
        )
        self.cursor = max(0, min(self.cursor, len(self._shown) - 1))

    def _measure(self) -> None:
        self.extend(Size(self.size.width, len(self._shown) + 1))
        self.changed()

    def on_mount(self) -> None:
        """As long as there are entries."""
        self._measure()

    def on_resize(self) -> None:
        """Rows follow the width."""
        self._measure()
        self.refresh()

    def visible_line(self, y: int, width: int) -> Shown:
        """What was typed on top, then the entries that fit."""
        if y == 0:
            return self._typed(), None
        return self.line_at(y - 1 + self.scroll_offset.y, width)

    def _typed(self) -> Line:
        if self.filter:
            return (
                ("/ ", "faint"),
                (self.filter, "accent"),
                (f"  {len(self._shown)} of {len(self._entries)}", "faint"),
            )
        hint = "enter picks" if self.single else f"{len(self.chosen)} marked, space marks"
        return ((f"type to filter {len(self._entries)}; {hint}", "faint"),)

    def line_at(self, y: int, width: int) -> Shown:
        """One entry."""
        if not 0 <= y < len(self._shown):
            return ((("nothing matches" if y == 0 else ""), "faint"),), None
        entry, glyphs = self._shown[y], looks(self).glyphs
        ticked = entry.key in self.chosen
        box = ("[x] " if ticked else "[ ] ") if not self.single else ""
        name = shorten(one_line(entry.key, 64), max(4, width - len(box) - 1), glyphs.cut)
        spans: Line = ((box, "accent" if ticked else "faint"), (name, "strong" if ticked else "text"),
                       (f"  {one_line(entry.told, 120)}", "muted"))  # fmt: skip
        return spans, (0, width) if y == self.cursor and self.has_focus else None

    def go(self, dx: int, dy: int) -> None:
        """Move the cursor."""
        self.cursor = max(0, min(self.cursor + dy, len(self._shown) - 1))
        self.show_row(self.cursor)
        self.changed()

    @property
    def rows_seen(self) -> int:
        """The line with what was typed stays."""
        return max(1, self.size.height - 1)

    def toggle(self) -> None:
        """Mark the entry under the cursor, or no longer; where enter picks, pick it."""
        if not self._shown:
            return
        entry = self._shown[self.cursor]
        if self.single:
            self.post_message(self.Picked(entry.key))
            return
        if entry.key in self.chosen:
            if not entry.locked:
                del self.chosen[entry.key]
        else:
            self.chosen[entry.key] = None
        self.changed()
        self.post_message(self.Picked(entry.key))

    def on_key(self, event: events.Key) -> None:
        """Typing filters."""
        if event.key in ("up", "down"):
            self.go(0, -1 if event.key == "up" else 1)
        elif event.key == ("enter" if self.single else "space"):
            self.toggle()
        elif event.key == "backspace":
            self._type(self.filter[:-1])
        elif event.is_printable and event.character and not event.character.isspace():
            self._type(self.filter + event.character)
        else:
            return
        event.stop()
        event.prevent_default()

    def _type(self, text: str) -> None:
        self.filter = text
        self.cursor = 0
        self._choose_shown()
        self.scroll_to(y=0, animate=False)
        self._measure()

    def on_click(self, event: events.Click) -> None:
        """Mark or pick what was clicked."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y == 0:
            return
        at = offset.y - 1 + self.scroll_offset.y
        if at < len(self._shown):
            self.cursor = at
            self.toggle()
