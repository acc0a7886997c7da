"""The command palette: every action of every screen, and everything that has a name. Typing finds, enter does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Size
from textual.message import Message
from textual.widgets import Input

from swarmtui.tui import content
from swarmtui.tui.actions.action import MOVE, Action, Scope
from swarmtui.tui.actions.keymap import DELIBERATE
from swarmtui.tui.screens.dialogs import Dialog
from swarmtui.tui.settings import Motion, Notify
from swarmtui.tui.view.offers import MOST, Offer, Offers, offer_line, remembered
from swarmtui.tui.widgets.lines import LineView, Shown
from swarmtui.tui.widgets.looks import dressed, looks

if TYPE_CHECKING:
    from swarmtui.tui.screens.acting import ActionScreen

SLICE = 1_000
"""Things that are taken in at once: some 10 ms."""
LATELY = "palette"
"""Under which name it is remembered what was chosen lately."""


class OfferList(LineView):
    """The offers, a line each, one of them marked."""

    can_focus = False

    class Chosen(Message):
        """The user wants the marked one."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.offers: list[Offer] = []
        self.typed = ""
        self.cursor = 0

    def show(self, offers: list[Offer], typed: str) -> None:
        """Show `offers`, the first one marked."""
        self.offers, self.typed, self.cursor = offers, typed, 0
        self.virtual_size = Size(self.size.width, len(offers))
        self.scroll_to(y=0, animate=False, force=True)
        self.changed()

    @property
    def marked(self) -> Offer | None:
        """The one that enter means."""
        return self.offers[self.cursor] if self.cursor < len(self.offers) else None

    def line_at(self, y: int, width: int) -> Shown:
        """An offer."""
        if y >= len(self.offers):
            return ((" nothing is called that, and nothing does that" if y == 0 else "", "faint"),), None
        on_it = y == self.cursor
        line = offer_line(self.offers[y], self.typed, width, looks(self).glyphs, marked=on_it)
        return line, (0, width) if on_it else None

    def go(self, dx: int, dy: int) -> None:
        """Mark another one."""
        self.cursor = max(0, min(len(self.offers) - 1, self.cursor + dy))
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if not top <= self.cursor < top + height:
            self.scroll_to(y=self.cursor if self.cursor < top else self.cursor - height + 1, animate=False, force=True)
        self.changed()

    def on_resize(self) -> None:
        """Lines follow the width."""
        self.virtual_size = Size(self.size.width, len(self.offers))
        self.changed()

    def on_click(self, event: events.Click) -> None:
        """Choose."""
        at = event.y + self.scroll_offset.y
        if at < len(self.offers):
            self.cursor = at
            self.post_message(self.Chosen())


class Palette(Dialog[Offer | None]):
    """Closes with what was chosen."""

    DIALOG = "palette"

    def __init__(self, offers: Offers, things: Iterable[Offer] = ()) -> None:
        """`things` are taken in while the palette is open already, however many there are."""
        super().__init__()
        self._offers, self._things = offers, iter(things)

    def compose(self) -> ComposeResult:
        """A line to type in, and what it finds."""
        with Vertical(classes="dialog palette") as box:
            box.border_title = content.line("commands")
            box.border_subtitle = content.line("enter does it")
            yield Input(placeholder="an action, a node, a theme, a setting", compact=True)
            yield OfferList(id="offers")

    def on_mount(self) -> None:
        """What applies now, and what was chosen lately."""
        self.query_one(Input).cursor_blink = False
        self.call_after_refresh(self._find, "")
        self.run_worker(self._take_in(), group="things")

    async def _take_in(self) -> None:
        """A slice at a time: typing must not wait for it."""
        while some := list(islice(self._things, SLICE)):
            self._offers.add(some)
            await asyncio.sleep(0)
        found = self.query_one(OfferList)
        if not found.cursor:
            self._find(self.query_one(Input).value)

    def _find(self, typed: str) -> None:
        found = self.query_one(OfferList)
        found.show(self._offers.best(typed), typed)
        self._tell()

    def _tell(self) -> None:
        marked = self.query_one(OfferList).marked
        told = "" if marked is None else marked.why_not or marked.description
        self.query_one(".dialog").border_subtitle = content.line(told or "enter does it", 100)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Find it."""
        self._find(event.value)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        found = self.query_one(OfferList)
        self._offers.add(self._things)
        if found.typed != event.value:  # enter never acts on what was found for what was typed before
            self._find(event.value)
        self._choose()

    @on(OfferList.Chosen)
    def _choose(self) -> None:
        marked = self.query_one(OfferList).marked
        if marked is not None:
            self.dismiss(marked)

    def action_move(self, step: int) -> None:
        """Up and down."""
        self.query_one(OfferList).go(0, step)
        self._tell()

    def action_page(self, step: int) -> None:
        """A page."""
        found = self.query_one(OfferList)
        found.go(0, step * found.page())
        self._tell()

    def action_leave(self) -> None:
        """Close it."""
        self.dismiss(None)


def open_palette(screen: ActionScreen) -> None:
    """The palette over `screen`; what is chosen there is done once it has gone."""
    app = dressed(screen)
    lately = app.memory.get(LATELY, [])

    def chosen(offer: Offer | None) -> None:
        if offer is not None:
            if offer.id not in DELIBERATE:  # else it would be marked the next time
                app.memory.put(LATELY, list(remembered(lately, offer.key)))
            offer.go()

    known = [one for one in lately if isinstance(one, str) and one.removeprefix("action:") not in DELIBERATE]
    app.push_screen(Palette(Offers(_offers(screen), known), _things(screen)), chosen)


def _offers(screen: ActionScreen) -> list[Offer]:
    return [*_own(screen), *_other(screen), *_themes(screen), *_settings(screen)]


def _things(screen: ActionScreen) -> Iterator[Offer]:
    for one in islice(screen.things(), MOST):
        yield Offer(one.kind, one.name, one.name, one.go, one.told, at_first=False, tell=one.tell)


def _own(screen: ActionScreen) -> list[Offer]:
    """The actions of the screen; those that do not apply say why not."""
    app, mode = dressed(screen), screen.mode
    return [
        Offer(
            "action", action.id, screen.label_of(action), partial(screen.perform, action), action.description,
            app.key_of(action.id), screen.refusal(action) or "", at_first=_is_first(action),
            also=action.also,
        )
        for action in app.keys.in_scope(screen.SCOPE, mode)
        if action.id != "palette"
    ]  # fmt: skip


def _is_first(action: Action) -> bool:
    """Whether it is offered before anything is typed: not what one moves by, nor what must not happen by accident."""
    return action.group != MOVE and action.id not in DELIBERATE


def _other(screen: ActionScreen) -> list[Offer]:
    """The actions of other screens: they lead there; what asks something of the session is not done unseen."""
    ways = screen.ways()
    found: list[Offer] = []
    for action in dressed(screen).keys.all:
        if screen.SCOPE in action.scopes or action.group == MOVE or action.mode is not None:
            continue
        scope = next((one for one in ways if one in action.scopes), None)
        if scope is None:
            go: Callable[[], None] = partial(screen.action_elsewhere, action.id)
            why = screen.away(action)
        else:
            go, why = partial(_lead, screen, action, scope), screen.refusal(action) or ""
        keys = dressed(screen).key_of(action.id)
        told = action.description
        found.append(
            Offer("action", action.id, screen.label_of(action), go, told, keys, why, at_first=False, also=action.also)
        )
    return found


def _lead(screen: ActionScreen, action: Action, scope: Scope) -> None:
    screen.ways()[scope]()
    app = dressed(screen)
    keys, called = app.key_of(action.id), screen.label_of(action)
    if action.commands or action.group == MOVE:
        content.notice(app, f"{called}: {keys} does it here" if keys else f"{called}: it is done here")
        return

    def perform() -> None:
        from swarmtui.tui.screens.acting import ActionScreen

        if isinstance(app.screen, ActionScreen) and scope is app.screen.SCOPE:
            app.screen.perform(action)

    app.call_after_refresh(perform)


def _themes(screen: ActionScreen) -> list[Offer]:
    app = dressed(screen)

    def wear(name: str) -> None:
        app.theme = name
        app.memory.put("theme", name)

    return [
        Offer("theme", name, f"theme {name}", partial(wear, name), "the one in use" if name == app.theme else "",
              at_first=False)
        for name in sorted(app.available_themes)
    ]  # fmt: skip


def _settings(screen: ActionScreen) -> list[Offer]:
    """What can be set for this time; ``swarmtui config edit`` sets it for good."""
    app = dressed(screen)

    def put(name: str, value: Motion | Notify) -> None:
        app.change_settings(replace(app.settings, **{name: value}))  # type: ignore[arg-type]
        content.notice(app, f"{name} is {value} until you leave; `swarmtui config edit` sets it for good")

    choices: list[tuple[str, Motion | Notify]] = [("motion", one) for one in Motion]
    choices += [("notify", one) for one in Notify]
    return [
        Offer(
            "setting", f"{name}-{value}", f"{name}: {value}", partial(put, name, value),
            "as it is" if getattr(app.settings, name) == value else "until you leave", at_first=False,
        )
        for name, value in choices
    ]  # fmt: skip
