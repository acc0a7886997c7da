"""Dialogs in which something waits for a person's yes: a tool that an agent wants to call, a change of the plan.

Nothing is answered by accident: no button, no focus, capital letters for a yes, and none in the first moment.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from swarmtui.tui import content
from swarmtui.tui.screens.dialogs import AGE_EVERY_S, tell_age
from swarmtui.tui.view import document
from swarmtui.tui.view.lines import Line
from swarmtui.tui.widgets.lines import TextView

DEAD_S = 0.3
"""How long after a dialog appears a key says no yes: nobody can have read it."""

ONCE, ALWAYS, DENY = "allow once", "allow always", "deny"
"""Answers to a permission."""


class Deliberate(ModalScreen[str | None]):
    """A dialog with a text to read, whose yes takes a moment. `clock` gives seconds that never go back."""

    CSS_PATH = "dialogs.tcss"

    def __init__(
        self,
        title: str,
        told: Callable[[int], list[Line]],
        age: Callable[[], str],
        hint: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._title, self._told, self._age, self._hint, self._clock = title, told, age, hint, clock
        self._shown_at = 0.0

    def compose(self) -> ComposeResult:
        """What is asked, and the keys that answer."""
        with Vertical(classes="dialog asking") as box:
            box.border_title = content.line(self._title)
            box.border_subtitle = content.line(f"asked {self._age()} ago")
            yield TextView(id="asked")
            yield Static(content.line(self._hint, 400), classes="hint", markup=False)

    def on_mount(self) -> None:
        """The text has the focus, which answers nothing."""
        self._shown_at = self._clock()
        self.set_interval(AGE_EVERY_S, lambda: tell_age(self, self._age()))
        view = self.query_one("#asked", TextView)
        view.show(self._told, top=True)
        view.focus()

    def say(self, answer: str) -> None:
        """Close with a yes, unless the dialog has only just appeared."""
        if self._clock() - self._shown_at < DEAD_S:
            content.notice(self.app, "this has only just appeared: read it, then answer", "warning")
        else:
            self.dismiss(answer)

    def action_leave(self) -> None:
        """Later: it stays."""
        self.dismiss(None)


class PermissionScreen(Deliberate):
    """May an agent call a tool? The call is shown whole, with nothing hidden in it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("Y", "once", "allow once"),
        Binding("A", "always", "allow always"),
        Binding("n,N,d", "deny", "deny"),
        Binding("escape,ctrl+c,q", "leave", "later"),
    ]

    def __init__(
        self,
        title: str,
        question: str,
        detail: str,
        age: Callable[[], str],
        lasts: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        hint = f"Y allows this call, A this tool for {lasts}, n denies; esc puts it off"

        def told(width: int) -> list[Line]:
            return [*document.verbatim(question, width, "strong"), (), *document.verbatim(detail, width, "text")]

        super().__init__(title, told, age, hint, clock)

    def action_once(self) -> None:
        """Y."""
        self.say(ONCE)

    def action_always(self) -> None:
        """A."""
        self.say(ALWAYS)

    def action_deny(self) -> None:
        """A no needs no thought."""
        self.dismiss(DENY)


class ChangeScreen(Deliberate):
    """A change of the running plan: taken as it is shown, edited, or sent back with words."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("A", "accept", "accept"),
        Binding("e", "edit", "edit"),
        Binding("c", "change", "ask for changes"),
        Binding("escape,ctrl+c,q", "leave", "later"),
    ]

    def __init__(
        self,
        title: str,
        told: Callable[[int], list[Line]],
        age: Callable[[], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        hint = "A accepts this, e edits it as YAML, c asks for something else; esc puts it off"
        super().__init__(title, told, age, hint, clock)

    def action_accept(self) -> None:
        """A."""
        self.say("accept")

    def action_edit(self) -> None:
        """e."""
        self.dismiss("edit")

    def action_change(self) -> None:
        """c."""
        self.dismiss("change")
