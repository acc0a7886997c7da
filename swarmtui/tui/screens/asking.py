"""Dialogs in which something waits for a person's yes: a tool that an agent wants to call, a change of the plan.

Nothing is answered by accident: no button, no focus, capital letters for a yes, and none in the first moment.
"""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from swarmtui.tui import content
from swarmtui.tui.screens.dialogs import AGE_EVERY_S, Dialog, EditScreen, tell_age
from swarmtui.tui.view import document
from swarmtui.tui.view.lines import Line
from swarmtui.tui.widgets.lines import TextView

ONCE, ALWAYS, DENY = "allow once", "allow always", "deny"
"""Answers to a permission."""


class Deliberate(Dialog[str | None]):
    """A dialog with a text to read, whose yes must be meant."""

    def __init__(
        self,
        title: str,
        told: Callable[[int], list[Line]],
        age: Callable[[], str],
    ) -> None:
        super().__init__()
        self._title, self._told, self._age = title, told, age

    @property
    def hint(self) -> str:
        """What the keys do; subclasses have some."""
        return ""

    def compose(self) -> ComposeResult:
        """What is asked, and the keys that answer."""
        with Vertical(classes="dialog asking") as box:
            box.border_title = content.line(self._title)
            box.border_subtitle = content.line(self._age())
            yield TextView(id="asked")
            yield Static(content.line(self.hint, 400), classes="hint", markup=False)

    def on_mount(self) -> None:
        """The text has the focus, which answers nothing."""
        self.set_interval(AGE_EVERY_S, self.look)
        view = self.query_one("#asked", TextView)
        view.show(self._told, top=True)
        view.focus()

    def look(self) -> None:
        """Tell how it stands with what is asked: time passes, and others may answer it."""
        tell_age(self, self._age())

    def say(self, answer: str) -> None:
        """Close with a yes, if it is meant."""
        if self.meant():
            self.dismiss(answer)

    def action_leave(self) -> None:
        """Later: it stays."""
        self.dismiss(None)


class PermissionScreen(Deliberate):
    """May an agent call a tool? The call is shown whole, with nothing hidden in it."""

    DIALOG = "permission"

    def __init__(
        self,
        title: str,
        question: str,
        detail: str,
        age: Callable[[], str],
        lasts: str,
    ) -> None:
        def told(width: int) -> list[Line]:
            return [*document.verbatim(question, width, "strong"), (), *document.verbatim(detail, width, "text")]

        super().__init__(title, told, age)
        self._lasts = lasts

    @property
    def hint(self) -> str:
        """How it is allowed or denied."""
        once, always, deny, leave = map(self.key, ("once", "always", "deny", "leave"))
        return f"{once} allows this call, {always} this tool for {self._lasts}, {deny} denies; {leave} puts it off"

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

    DIALOG = "change"

    @property
    def hint(self) -> str:
        """How it is decided."""
        accept, edit, change, leave = map(self.key, ("accept", "edit", "change", "leave"))
        return f"{accept} accepts this, {edit} edits it as YAML, {change} asks for something else; {leave} puts it off"

    def action_accept(self) -> None:
        """A."""
        self.say("accept")

    def action_edit(self) -> None:
        """e."""
        self.dismiss("edit")

    def action_change(self) -> None:
        """c."""
        self.dismiss("change")


class ChangeEditScreen(EditScreen):
    """The nodes of a change as YAML. What was written is no draft of the plan: `keep` takes it for the next time."""

    def __init__(
        self,
        text: str,
        submit: Callable[[str], None],
        keep: Callable[[str], bool],
    ) -> None:
        super().__init__(text, submit)
        self._keep = keep

    def keep(self, text: str) -> bool:
        """Have `text` there the next time that this change is edited; whether it can be."""
        return self._keep(text)


class SeveralScreen(Deliberate):
    """Several calls of one tool, each shown whole: a yes is to those of them that wait, and no others."""

    DIALOG = "several"

    def __init__(
        self,
        title: str,
        told: Callable[[int], list[Line]],
        age: Callable[[], str],
        left: Callable[[], int],
    ) -> None:
        """`left` tells how many of them still wait."""
        super().__init__(title, told, age)
        self._left, self._number = left, left()

    @property
    def hint(self) -> str:
        """How they are allowed or denied."""
        once, deny, leave = map(self.key, ("once", "deny", "leave"))
        match self._number:
            case 0:
                return f"nothing is left to be answered; {leave} leaves"
            case 1:
                return f"{once} allows the one call that still waits once, {deny} denies it; {leave} puts it off"
            case left:
                return f"{once} allows each of these {left} calls once, {deny} denies them all; {leave} puts them off"

    def look(self) -> None:
        """Once others have answered some of them, what is said is about the rest."""
        super().look()
        number = self._left()
        if number != self._number:
            self._number = number
            self.query_one(".hint", Static).update(content.line(self.hint, 400))
            self.query_one("#asked", TextView).show(self._told)

    def action_once(self) -> None:
        """Y."""
        self.say(ONCE)

    def action_deny(self) -> None:
        """A no needs no thought."""
        self.dismiss(DENY)


class CaughtScreen(Deliberate):
    """Something was cut short in the middle of what may have changed the world: what now?"""

    DIALOG = "caught"

    def __init__(
        self,
        title: str,
        told: Callable[[int], list[Line]],
        age: Callable[[], str],
        *,
        several: bool = False,
    ) -> None:
        super().__init__(title, told, age)
        self._several = several

    @property
    def hint(self) -> str:
        """How it is decided."""
        them, they = ("them", "they") if self._several else ("it", "it")
        again, done, skip, leave = map(self.key, ("retry", "done", "skip", "leave"))
        told = f"{again} runs {them} again, {done} says that {they} had been done, {skip} does without {them}"
        return f"{told}; {leave} puts it off"

    def action_again(self) -> None:
        """R."""
        self.say("retry")

    def action_done(self) -> None:
        """M."""
        self.say("done")

    def action_skip(self) -> None:
        """S."""
        self.say("skip")
