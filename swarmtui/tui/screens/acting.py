"""What all screens with actions share: keys, footer, help, palette, moving about, and how an action becomes a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding

from swarmtui.tui import content
from swarmtui.tui.actions.action import Action, Mode, Scope
from swarmtui.tui.actions.elsewhere import LEAVING, elsewhere, keys_elsewhere
from swarmtui.tui.actions.table import BY_ID, footer
from swarmtui.tui.pace import Paced
from swarmtui.tui.widgets.bars import ActionBar
from swarmtui.tui.widgets.lines import LineView
from swarmtui.tui.widgets.looks import dressed


class Thing(NamedTuple):
    """What a screen knows by name, for the palette."""

    kind: str
    name: str
    told: str
    go: Callable[[], None]
    tell: Callable[[], str] | None = None
    """What to say of it instead of `told`, where that is worth working out for what is on the screen alone."""


class ActionScreen(Paced[None]):
    """A screen that carries out the actions of its scope, each in its method ``do_<id>``."""

    SCOPE: ClassVar[Scope]
    AUTO_FOCUS = None
    pressed = ""
    """The key whose action is being carried out; empty where it was chosen in another way."""

    going_on: frozenset[str] = frozenset()
    """Actions that would pause something, whose keys let it go on since it is paused."""

    def __init__(self) -> None:
        super().__init__()
        keys = dressed(self).keys
        bound = self._bindings.key_to_bindings
        for binding in keys.bindings(self.SCOPE):
            # per instance, since the user may have given the actions other keys; the lists are those of the class
            bound[binding.key] = [binding, *bound.get(binding.key, ())]
        for key, actions in keys_elsewhere(keys, self.SCOPE).items():
            says = Binding(key, f"elsewhere('{' '.join(one.id for one in actions)}')", show=False)
            bound[key] = [*bound.get(key, ()), says]  # behind what the key may do here in another mode

    @property
    def mode(self) -> Mode:
        """The mode that keys are in."""
        return dressed(self).mode

    def refusal(self, action: Action) -> str | None:
        """Why `action` does not apply now; None if it does."""
        return None

    def things(self) -> Iterable[Thing]:
        """What can be gone to by name."""
        return ()

    def ways(self) -> Mapping[Scope, Callable[[], None]]:
        """How to get from here to screens of other scopes."""
        return {}

    def compose_footer(self) -> ComposeResult:
        """The bar of keys."""
        yield ActionBar(id="actions")

    def draw_footer(self) -> None:
        """What can be done now."""
        offered = footer(dressed(self).keys, self.SCOPE, self.mode, self.refusal)
        self.query_one(ActionBar).show([replace(one, label=self.label_of(one)) for one in offered], self.mode)
        if self.app.screen is not self:
            from swarmtui.tui.screens.keys import HelpScreen

            if isinstance(self.app.screen, HelpScreen):
                self.app.screen.follow(self.mode)

    def label_of(self, action: Action) -> str:
        """What an action is called now, wherever it is named."""
        return action.goes_on if action.id in self.going_on else action.label

    # -- actions ----------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A key is the action's in some modes only; in another it may be that of another action."""
        if action == "press":
            return self.mode in str(parameters[2]).split()
        return super().check_action(action, parameters)

    def _key_escape(self) -> None:
        """Textual would take the selection back before the key goes on to its action."""

    def action_press(self, action_id: str, key: str, modes: str) -> None:
        """Carry out the action of a key, or say why not."""
        self.pressed = key
        self.perform(BY_ID[action_id])
        self.pressed = ""

    def action_elsewhere(self, action_ids: str) -> None:
        """Say where that is what a key does on other screens and not here."""
        told: dict[str, list[str]] = {}
        actions = [BY_ID[id] for id in action_ids.split()]
        others = [action for action in actions if action.id not in LEAVING]
        for action in others or actions[:1]:  # of all that leave other screens the same is to be said
            told.setdefault(self.label_of(action), []).append(self.away(action))
        content.notice(self.app, "; ".join(f"{label}: {_either(places)}" for label, places in told.items()), "warning")

    def away(self, action: Action) -> str:
        """Where an action is that is not offered here."""
        return dressed(self).with_keys(elsewhere(action, self.SCOPE))

    def perform(self, action: Action) -> None:
        """Carry an action out, or say why not."""
        why = self.refusal(action)
        if why is not None:
            content.notice(self.app, f"{self.label_of(action)}: {why}", "warning")
            return
        if self.pressed == "escape" and self.get_selected_text():  # of one esc one thing is taken back
            self.clear_selection()
        elif not self._with_selection(action):
            getattr(self, f"do_{action.id}")()

    def _with_selection(self, action: Action) -> bool:
        """While text is selected with the mouse, copying is about that."""
        selected = self.get_selected_text() if action.id == "copy" else None
        if not selected:
            return False
        dressed(self).copy_text(selected, "the selection")
        self.clear_selection()
        return True

    def on_action_bar_clicked(self, message: ActionBar.Clicked) -> None:
        """A click in the footer is the key."""
        self.perform(BY_ID[message.action_id])

    # -- what works the same everywhere -----------------------------------------------------------------------

    def do_theme(self) -> None:
        """t."""
        dressed(self).choose_theme()

    def do_screenshot(self) -> None:
        """f12."""
        self.run_worker(self._take_picture(), group="picture", exclusive=True)

    async def _take_picture(self) -> None:
        from swarmtui.tui.picture import take_picture

        try:
            path = await take_picture(self.app, self.SCOPE.value)
        except OSError as error:
            content.notice(self.app, f"no picture could be written: {error.strerror or error}", "error")
        else:
            content.notice(self.app, f"the screen was written to {path}")

    def do_palette(self) -> None:
        """:."""
        from swarmtui.tui.screens.palette import open_palette

        open_palette(self)

    def do_jump(self) -> None:
        """'."""
        from swarmtui.tui.screens.jump import open_jump

        open_jump(self)

    def do_said(self) -> None:
        """\"."""
        dressed(self).show_said()

    def do_tour(self) -> None:
        """By name alone, and once by itself."""
        from swarmtui.tui.screens.tour import open_tour

        open_tour(self)

    def do_help(self) -> None:
        """?."""
        from swarmtui.tui.screens.keys import HelpScreen

        self.app.push_screen(HelpScreen(self.SCOPE, self.mode))

    def do_next_pane(self) -> None:
        """tab."""
        self.focus_next()

    def do_previous_pane(self) -> None:
        """shift+tab."""
        self.focus_previous()

    @property
    def pane(self) -> LineView | None:
        """What moving about moves in."""
        return self.focused if isinstance(self.focused, LineView) else None

    def go(self, dx: int, dy: int) -> None:
        """Move in the focused pane."""
        if self.pane is not None:
            self.pane.go(dx, dy)

    def do_up(self) -> None:
        """k."""
        self.go(0, -1)

    def do_down(self) -> None:
        """j."""
        self.go(0, 1)

    def do_left(self) -> None:
        """h."""
        self.go(-1, 0)

    def do_right(self) -> None:
        """l."""
        self.go(1, 0)

    def do_page_up(self) -> None:
        """A page up."""
        if self.pane is not None:
            self.pane.go(0, -self.pane.page())

    def do_page_down(self) -> None:
        """A page down."""
        if self.pane is not None:
            self.pane.go(0, self.pane.page())

    def do_first(self) -> None:
        """g."""
        if self.pane is not None:
            self.pane.go_to_end(False)

    def do_last(self) -> None:
        """G."""
        if self.pane is not None:
            self.pane.go_to_end(True)


def _either(places: list[str]) -> str:
    """In one sentence where something is that two screens have under one name."""
    first, *others = places
    return "; or ".join([first, *(place.removeprefix("that is ") for place in others)])
