"""Small dialogs over a screen: confirm, one line of text, a question, the editor inside the workbench."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual import events, on
from textual.app import ComposeResult, RenderResult
from textual.await_complete import AwaitComplete
from textual.containers import Vertical
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static, TextArea
from textual.widgets.option_list import Option

from swarmtui.tui import content
from swarmtui.tui.actions.dialogs import BY_NAME, DialogKey, bindings_of
from swarmtui.tui.actions.names import key_name
from swarmtui.tui.pace import Paced
from swarmtui.tui.view import document
from swarmtui.tui.view.deliberate import TOGETHER, why_not_meant
from swarmtui.tui.view.hints import key_at
from swarmtui.tui.widgets.backdrop import Backdrop
from swarmtui.tui.widgets.choices import Choices
from swarmtui.tui.widgets.lines import LineView, TextView
from swarmtui.tui.widgets.looks import dressed, looks, workbench
from swarmtui.tui.widgets.one_line import OneLine

AGE_EVERY_S = 1.0
R = TypeVar("R")


class Dialog(ModalScreen[R], Paced[R], Generic[R]):
    """A dialog whose keys are those of ``actions/dialogs.py`` under its name, or the user's own."""

    DIALOG: ClassVar[str]
    SCROLLED: ClassVar[str]
    """What its keys scroll, if any do: the selector of a widget that draws lines."""
    CSS_PATH = "dialogs.tcss"

    def __init__(self) -> None:
        super().__init__()
        self._outcome: tuple[R | None] | None = None
        """What it is to close with once it is on top again."""
        self._shown_at = math.inf
        """When it could be seen, by the clock that never goes back."""
        for binding in bindings_of(self.DIALOG, dressed(self).keys.own):
            bound = self._bindings.key_to_bindings
            bound[binding.key] = [binding, *bound.get(binding.key, ())]

    def render(self) -> RenderResult:  # type: ignore[override]
        """What is behind it, dimmed."""
        drawn = super().render()
        return Backdrop(drawn) if isinstance(drawn, BackgroundScreen) else drawn

    def dismiss(self, result: R | None = None) -> AwaitComplete:
        """Close, with `result`: beneath another screen as soon as that is gone; once it has been left, never again.

        What was asked for in the dialog may be answered after the user has left it, and Textual closes whichever screen
        is on top.
        """
        if self.is_active:
            return super().dismiss(result)
        self._outcome = (result,)
        return AwaitComplete()

    def _seen(self) -> None:
        self._shown_at = dressed(self).keyboard.clock()

    def meant(self) -> bool:
        """Whether the key that is being carried out says yes on purpose; else why it does not is told."""
        why = why_not_meant(self._shown_at, dressed(self).keyboard.press)
        if why is not None:
            content.notice(self.app, why, "warning")
        return why is None

    def alone(self) -> bool:
        """Whether the key that is being carried out came by itself; pasted text does not, which is told."""
        together = dressed(self).keyboard.press.together
        if together:
            content.notice(self.app, TOGETHER, "warning")
        return not together

    def on_screen_resume(self) -> None:
        """It can be read from now on; what was to close beneath another screen closes now."""
        self.call_after_refresh(self._seen)
        if self._outcome is not None:
            self.call_later(self._close_now, *self._outcome)

    def _close_now(self, result: R | None) -> None:
        self.dismiss(result)

    def key(self, id: str) -> str:
        """What is printed on the first key of what `id` does in this dialog."""
        return dressed(self).key_of(f"{self.DIALOG}.{id}")

    def action_scroll(self, lines: int) -> None:
        """Up and down."""
        self.query_one(self.SCROLLED, LineView).go(0, lines)

    def action_page(self, step: int) -> None:
        """A page on, or back."""
        view = self.query_one(self.SCROLLED, LineView)
        view.go(0, step * view.page())

    @on(events.Click)
    async def _clicked(self, event: events.Click) -> None:
        """A click on what the line of keys says is that key; one beside the dialog leaves it, if nothing is written."""
        clicked = self.get_widget_at(*event.screen_offset)[0]  # the event names the screen, when it has come up to it
        if clicked is self and not any(field.value for field in self.query(Input)) and not self.query(TextArea):
            await self.run_action(BY_NAME[self.DIALOG].leave)
        elif isinstance(clicked, Static) and clicked.has_class("hint"):
            place = event.screen_offset - clicked.content_region.offset
            one = self._told_at(clicked, place.x, place.y)
            if one is not None and one.ours:
                await self.run_action(one.does)
            elif one is not None:
                self.app.call_later(self.app.simulate_key, one.keys[0])  # what the dialog sends stops at it

    def _told_at(self, hint: Static, x: int, y: int) -> DialogKey | None:
        own, ascii_only = dressed(self).keys.own, looks(self).glyphs.ascii
        names = {
            key_name(key, ascii_only=ascii_only): one
            for one in BY_NAME[self.DIALOG].keys
            for key in own.get(one.id, one.keys)
        }
        lines = [hint.render_line(at).text for at in range(hint.content_size.height)]
        name = key_at(str(hint.visual), lines, x, y, names)
        return None if name is None else names[name]


def tell_age(screen: ModalScreen[str | None], age: str) -> None:
    """How long what a dialog asks has waited, or that it does no more, in its lower border."""
    for box in screen.query(".dialog"):
        box.border_subtitle = content.line(age)


class ConfirmScreen(Dialog[bool]):
    """Asks before something that cannot be taken back. y does it; n, enter and esc do not."""

    DIALOG = "confirm"

    def __init__(self, question: str, consequence: str, verb: str) -> None:
        super().__init__()
        self._question, self._consequence, self._verb = question, consequence, verb

    def compose(self) -> ComposeResult:
        """The question and what follows from it."""
        with Vertical(classes="dialog") as box:
            box.border_title = content.line(self._question)
            yield Static(content.text(self._consequence), markup=False)
            yield Static(
                content.line(f"{self.key('yes')}: {self._verb}; {self.key('no')}: leave it"),
                classes="hint",
                markup=False,
            )

    def action_answer(self, yes: bool) -> None:
        """Close with the answer; pasted text says yes to nothing."""
        if not yes or self.alone():
            self.dismiss(yes)


class LineScreen(Dialog[str | None]):
    """Asks for a line of text; None if the user thinks better of it."""

    DIALOG = "line"

    def __init__(
        self, title: str, hint: str, draft: str = "", why_not: Callable[[str], str | None] | None = None
    ) -> None:
        """`why_not`: what is to be mended in a line before it can be sent; None where nothing is."""
        super().__init__()
        self._title, self._hint, self._draft, self._why_not = title, hint, draft, why_not

    def compose(self) -> ComposeResult:
        """The line."""
        with Vertical(classes="dialog") as box:
            box.border_title = content.line(self._title)
            yield OneLine(self._draft)
            hint = f"{self._hint} {self.key('leave')} leaves it."
            yield Static(content.text(hint), classes="hint", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Text that is empty is no answer."""
        text = event.value.strip()
        why = f"write something, or leave with {self.key('leave')}" if not text else None
        why = why or (self._why_not(text) if self._why_not else None)
        if why is None:
            self.dismiss(text)
        else:
            content.notice(self.app, why, "warning")

    def action_leave(self) -> None:
        """Without an answer."""
        self.dismiss(None)


class CommandScreen(Dialog[str | None]):
    """A command line: ``copy`` or, if it can be carried out from here, ``run``; None if the user leaves it."""

    DIALOG = "command"
    between = "; "
    """What stands between two of its ways."""

    def __init__(self, title: str, told: str, command: str, *, can_run: bool) -> None:
        super().__init__()
        self._title, self._told, self._command, self._can_run = title, told, command, can_run

    def compose(self) -> ComposeResult:
        """What it does, and the command itself."""
        with Vertical(classes="dialog") as box:
            box.border_title = content.line(self._title)
            yield Static(content.text(self._told), markup=False)
            yield Static(content.line(self._command, 400), id="command", classes="question", markup=False)
            yield Static(content.text(self.between.join(self.ways)), classes="hint", markup=False)

    @property
    def ways(self) -> list[str]:
        """What the keys do."""
        doing = f"{self.key('run')} does it" if self._can_run else "type it in a shell"
        return [doing, f"{self.key('copy')} copies it", f"{self.key('leave')} leaves it"]

    def action_run(self) -> None:
        """enter; not the one that is held down since it opened this, nor a pasted one."""
        why = why_not_meant(-math.inf, dressed(self).keyboard.press)
        if why is not None:
            content.notice(self.app, why, "warning")
        elif self._can_run:
            self.dismiss("run")

    def action_answer(self, answer: str) -> None:
        """Close with the answer."""
        self.dismiss(answer or None)


class ForkScreen(CommandScreen):
    """A fork: ``run``, ``edit``, ``paused`` or ``copy``; None if the user leaves it."""

    DIALOG = "fork"
    between = "\n"

    @property
    def ways(self) -> list[str]:
        """What the keys do."""
        if not self._can_run:
            return [*super().ways, "--edit edits its plan first, --paused lets nothing run"]
        return [
            f"{self.key('run')}: fork, and let it run",
            f"{self.key('edit')}: edit its plan first, in $EDITOR (--edit)",
            f"{self.key('paused')}: fork, and let nothing run yet (--paused)",
            f"{self.key('copy')} copies the command; {self.key('leave')} leaves it",
        ]

    def action_answer(self, answer: str) -> None:
        """Close with the answer, if it can be carried out."""
        if self._can_run or answer in ("copy", ""):
            super().action_answer(answer)


class QuestionScreen(Dialog[str | None]):
    """A question of an ``ask`` node: one of its choices, or text. None if it is put off."""

    DIALOG = "question"

    def __init__(
        self,
        title: str,
        question: str,
        choices: Sequence[str],
        age: Callable[[], str],
        *,
        follows: bool = False,
        written: str = "",
        waits: Callable[[], bool] = lambda: True,
    ) -> None:
        """Where it `follows` another one, its answer must be meant: enter pressed twice would answer both. `written` is
        an answer that did not get there. `waits` tells whether it can be answered still."""
        super().__init__()
        self._title, self._question, self._choices, self._age = title, question, list(choices), age
        self._follows, self._written = follows, written
        self._waits, self._late = waits, False

    def compose(self) -> ComposeResult:
        """The question, and what can be answered."""
        with Vertical(classes="dialog") as box:
            box.border_title = content.line(self._title)
            box.border_subtitle = content.line(self._age())
            yield Static(content.text(self._question), classes="question", markup=False)
            if self._choices:
                yield Choices(*(Option(content.line(choice, 300)) for choice in self._choices), markup=False)
            else:
                yield OneLine(content.plain(self._written))
            yield Static(content.line(self.hint), classes="hint", markup=False)

    @property
    def hint(self) -> str:
        """What the keys do."""
        leave = self.key("leave")
        if self._late:
            return f"{'' if self._choices else 'enter copies what you wrote; '}{leave} leaves"
        if self._choices:
            return f"enter answers with the marked one; {leave} puts it off"
        return f"enter answers; {leave} puts it off: the question stays"

    def on_mount(self) -> None:
        """Time passes while it is read."""
        self.set_interval(AGE_EVERY_S, self.look)

    def look(self) -> None:
        """Tell how it stands with what is asked: others may answer it, which leaves what was written where it is."""
        tell_age(self, self._age())
        if self._late is self._waits():
            self._late = not self._late
            self.query_one(".hint", Static).update(content.line(self.hint))

    def _answer(self, text: str) -> None:
        known = self._late
        self.look()
        if self._late:
            if known and not self._choices:
                dressed(self).copy_text(text, "what you wrote")
            else:
                content.notice(self.app, f"not sent: {self._age()}", "warning")
            return
        doubtful = self._follows or dressed(self).keyboard.press.held  # the enter that opened it may be held down
        if not doubtful or self.meant():
            self.dismiss(text)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """The answer is the choice as it was given, not as it was shown."""
        self._answer(self._choices[event.option_index])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Free text."""
        if event.value.strip():
            self._answer(event.value)
        else:
            content.notice(self.app, f"write an answer, or put it off with {self.key('leave')}", "warning")

    def action_next(self, step: int) -> None:
        """j and k in the list."""
        for options in self.query(OptionList):
            if step > 0:
                options.action_cursor_down()
            else:
                options.action_cursor_up()

    def action_leave(self) -> None:
        """Later."""
        self.dismiss(None)


class EditScreen(Dialog[None]):
    """The plan as YAML in an editor of our own: where no $EDITOR can run, and where errors are mended."""

    DIALOG = "edit"

    def __init__(self, text: str, submit: Callable[[str], None]) -> None:
        super().__init__()
        self._text, self._submit = text, submit
        self._elsewhere = text
        """What $EDITOR was given."""

    def compose(self) -> ComposeResult:
        """The text, and what is wrong with it."""
        with Vertical(classes="dialog edit") as box:
            box.border_title = content.line("edit the plan")
            keys = [self.key(one) for one in ("propose", "editor")]
            told = f"{keys[0]} proposes it, {keys[1]} goes on in $EDITOR, {self.key('leave')} leaves and keeps the text"
            box.border_subtitle = content.line(told)
            yield TextArea(content.plain(self._text), show_line_numbers=True, tab_behavior="indent")
            yield TextView(id="errors")

    def on_mount(self) -> None:
        """Ready to type; no blinking, so that the screen rests."""
        self.query_one("#errors").display = False
        area = self.query_one(TextArea)
        area.cursor_blink = False
        area.focus()

    @property
    def text(self) -> str:
        """The text as it stands."""
        return self.query_one(TextArea).text

    def show_errors(self, errors: str) -> None:
        """Say what is wrong, and go to the first line that is named."""
        view = self.query_one("#errors", TextView)
        view.display = True
        view.show(lambda width: document.verbatim(errors, width, "bad"), top=True)
        row = _line_of(errors)
        if row is not None:
            area = self.query_one(TextArea)
            area.move_cursor((min(row, area.document.line_count) - 1, 0), center=True)

    def replace(self, text: str) -> None:
        """Put another text in, what was wrong was wrong with the one before; once this was closed it is kept."""
        if self.is_attached:
            self.query_one(TextArea).load_text(content.plain(text))
            self.query_one("#errors").display = False
        elif text != self._elsewhere and self.keep(text):
            content.notice(self.app, "the text from your editor is kept for your next edit")

    def keep(self, text: str) -> bool:
        """Have `text` there the next time; whether there can be one."""
        workbench(self).editing.keep(text)
        return True

    def action_submit(self) -> None:
        """Propose it."""
        self._submit(self.text)

    def action_editor(self) -> None:
        """On in $EDITOR."""
        self._elsewhere = self.text
        workbench(self).editing.edit_text(self.text, self.replace, ".yaml")

    def action_leave(self) -> None:
        """The text is kept for the next time."""
        self.keep(self.text)
        self.dismiss(None)


def _line_of(errors: str) -> int | None:
    for part in errors.replace("\n", " ").split(" "):
        numbers = [piece for piece in part.strip(":,").split(":") if piece.isdigit()]
        if numbers and ":" in part:
            return max(1, int(numbers[0]))
    return None
