"""Small dialogs over a screen: confirm, one line of text, a question, help, the editor inside the workbench."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static, TextArea
from textual.widgets.option_list import Option

from swarmtui.tui import content
from swarmtui.tui.actions import Mode, Scope, in_scope, key_name, keys_in
from swarmtui.tui.view import document
from swarmtui.tui.view.lines import Line
from swarmtui.tui.widgets.lines import TextView
from swarmtui.tui.widgets.looks import looks, workbench

AGE_EVERY_S = 1.0


def tell_age(screen: ModalScreen[str | None], age: str) -> None:
    """How long what a dialog asks has waited, in its lower border."""
    for box in screen.query(".dialog"):
        box.border_subtitle = content.line(f"asked {age} ago")


class ConfirmScreen(ModalScreen[bool]):
    """Asks before something that cannot be taken back. y does it; n, enter and esc do not."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes"),
        Binding("n,escape,enter,q,ctrl+c", "answer(False)", "no"),
    ]

    def __init__(self, question: str, consequence: str, verb: str) -> None:
        super().__init__()
        self._question, self._consequence, self._verb = question, consequence, verb

    def compose(self) -> ComposeResult:
        """The question and what follows from it."""
        with Vertical(classes="dialog") as box:
            box.border_title = content.line(self._question)
            yield Static(content.text(self._consequence), markup=False)
            yield Static(content.line(f"y: {self._verb}; n: leave it"), classes="hint", markup=False)

    def action_answer(self, yes: bool) -> None:
        """Close with the answer."""
        self.dismiss(yes)


class LineScreen(ModalScreen[str | None]):
    """Asks for a line of text; None if the user thinks better of it."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+c", "leave", "leave")]

    def __init__(self, title: str, hint: str, draft: str = "") -> None:
        super().__init__()
        self._title, self._hint, self._draft = title, hint, draft

    def compose(self) -> ComposeResult:
        """The line."""
        with Vertical(classes="dialog") as box:
            box.border_title = content.line(self._title)
            yield Input(self._draft)
            yield Static(content.text(self._hint), classes="hint", markup=False)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Text that is empty is no answer."""
        if event.value.strip():
            self.dismiss(event.value.strip())
        else:
            content.notice(self.app, "write something, or leave with esc", "warning")

    def action_leave(self) -> None:
        """Without an answer."""
        self.dismiss(None)


class CommandScreen(ModalScreen[str | None]):
    """A command line: ``copy`` or, if it can be carried out from here, ``run``; None if the user leaves it."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "run", "run"),
        Binding("y", "answer('copy')", "copy"),
        Binding("escape,n,q,ctrl+c", "answer('')", "leave"),
    ]

    def __init__(self, title: str, told: str, command: str, *, can_run: bool) -> None:
        super().__init__()
        self._title, self._told, self._command, self._can_run = title, told, command, can_run

    def compose(self) -> ComposeResult:
        """What it does, and the command itself."""
        with Vertical(classes="dialog") as box:
            box.border_title = content.line(self._title)
            yield Static(content.text(self._told), markup=False)
            yield Static(content.line(self._command, 400), id="command", classes="question", markup=False)
            ways = ["enter does it" if self._can_run else "type it in a shell", "y copies it", "esc leaves it"]
            yield Static(content.line("; ".join(ways)), classes="hint", markup=False)

    def action_run(self) -> None:
        """enter."""
        if self._can_run:
            self.dismiss("run")

    def action_answer(self, answer: str) -> None:
        """Close with the answer."""
        self.dismiss(answer or None)


class QuestionScreen(ModalScreen[str | None]):
    """A question of an ``ask`` node: one of its choices, or text. None if it is put off."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "leave", "later"),
        Binding("j", "next(1)", show=False),
        Binding("k", "next(-1)", show=False),
    ]

    def __init__(self, title: str, question: str, choices: Sequence[str], age: Callable[[], str]) -> None:
        super().__init__()
        self._title, self._question, self._choices, self._age = title, question, list(choices), age

    def compose(self) -> ComposeResult:
        """The question, and what can be answered."""
        with Vertical(classes="dialog") as box:
            box.border_title = content.line(self._title)
            box.border_subtitle = content.line(f"asked {self._age()} ago")
            yield Static(content.text(self._question), classes="question", markup=False)
            if self._choices:
                yield OptionList(*(Option(content.line(choice, 300)) for choice in self._choices), markup=False)
                hint = "enter answers with the marked one; esc puts it off"
            else:
                yield Input()
                hint = "enter answers; esc puts it off: the question stays"
            yield Static(content.line(hint), classes="hint", markup=False)

    def on_mount(self) -> None:
        """Time passes while it is read."""
        self.set_interval(AGE_EVERY_S, lambda: tell_age(self, self._age()))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """The answer is the choice as it was given, not as it was shown."""
        self.dismiss(self._choices[event.option_index])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Free text."""
        if event.value.strip():
            self.dismiss(event.value)
        else:
            content.notice(self.app, "write an answer, or put it off with esc", "warning")

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


class KeysScreen(ModalScreen[None]):
    """Keys and what they do; typing filters. Subclasses say which."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,ctrl+c,enter", "leave", "close"),
        Binding("down", "scroll(1)", show=False),
        Binding("up", "scroll(-1)", show=False),
        Binding("pagedown", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
    ]

    def compose(self) -> ComposeResult:
        """A filter over the list of keys."""
        with Vertical(classes="dialog help") as box:
            box.border_title = content.line("keys")
            box.border_subtitle = content.line("type to filter, esc closes")
            yield Input(placeholder="type to filter", compact=True)
            yield TextView(id="keys")

    def on_mount(self) -> None:
        """All of them at first."""
        self._draw("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Those that match."""
        self._draw(event.value)

    def _draw(self, text: str) -> None:
        words = text.casefold().split()
        ascii_only = looks(self).glyphs.ascii

        def told(width: int) -> list[Line]:
            return self.told(words, width, ascii_only=ascii_only) or [(("no key does that", "faint"),)]

        self.query_one("#keys", TextView).show(told, top=True)

    def told(self, words: list[str], width: int, *, ascii_only: bool) -> list[Line]:
        """The lines for the keys that match all of `words`; subclasses have some."""
        return []

    def action_scroll(self, lines: int) -> None:
        """Scroll the list."""
        self.query_one("#keys", TextView).go(0, lines)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)


class HelpScreen(KeysScreen):
    """All keys of a screen over a session, and who watches it."""

    def __init__(self, scope: Scope, mode: Mode = Mode.LIVE, watching: Sequence[Line] = ()) -> None:
        super().__init__()
        self._scope, self._mode, self._watching = scope, mode, watching

    def told(self, words: list[str], width: int, *, ascii_only: bool) -> list[Line]:
        """Who watches first, unless keys are searched for."""
        watching = [] if words or not self._watching else [*self._watching, ()]
        return watching + _keys(self._scope, self._mode, words, width, ascii_only)


_GROUPS = ("Replay", "Plan", "Node", "Session", "View", "Move", "General")


def _keys(scope: Scope, mode: Mode, words: list[str], width: int, ascii_only: bool) -> list[Line]:
    """The actions of `scope` that match and have a key in `mode`, by group; of a replay those that it has a use for."""
    lines: list[Line] = []
    group = ""
    for action in sorted(in_scope(scope, mode), key=lambda action: _GROUPS.index(action.group)):
        keys = " ".join(key_name(key, ascii_only=ascii_only) for key in keys_in(action, mode))
        if not keys or ((action.commands or action.present) and mode is Mode.REPLAY):
            continue
        told = f"{keys} {action.label} {action.description} {action.group}".casefold()
        if not all(word in told for word in words):
            continue
        if action.group != group:
            group = action.group
            lines += [(), ((group, "strong"),)] if lines else [((group, "strong"),)]
        lines += document.facts([(f"  {keys}", action.description, "text")], width, 14)
    return lines


class EditScreen(ModalScreen[None]):
    """The plan as YAML in an editor of our own: where no $EDITOR can run, and where errors are mended."""

    CSS_PATH = "dialogs.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2,ctrl+s", "submit", "propose", priority=True),
        Binding("f4", "editor", "$EDITOR", priority=True),
        Binding("escape", "leave", "leave", priority=True),
    ]

    def __init__(self, text: str, submit: Callable[[str], None], editor: Callable[[str], None]) -> None:
        super().__init__()
        self._text, self._submit, self._editor = text, submit, editor

    def compose(self) -> ComposeResult:
        """The text, and what is wrong with it."""
        with Vertical(classes="dialog edit") as box:
            box.border_title = content.line("edit the plan")
            box.border_subtitle = content.line("F2 proposes it, F4 goes on in $EDITOR, esc leaves and keeps the text")
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
        """Put another text in."""
        self.query_one(TextArea).load_text(content.plain(text))

    def action_submit(self) -> None:
        """Propose it."""
        self._submit(self.text)

    def action_editor(self) -> None:
        """On in $EDITOR."""
        self._editor(self.text)

    def action_leave(self) -> None:
        """The text is kept for the next time."""
        workbench(self).editing.draft = self.text
        self.dismiss(None)


def _line_of(errors: str) -> int | None:
    for part in errors.replace("\n", " ").split(" "):
        numbers = [piece for piece in part.strip(":,").split(":") if piece.isdigit()]
        if numbers and ":" in part:
            return max(1, int(numbers[0]))
    return None
