"""What our apps have in common: themes, characters, the filter behind all widgets."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from typing import TYPE_CHECKING, Generic, TypeVar

from textual import events
from textual.app import App, ScreenStackError
from textual.binding import Binding
from textual.css.query import NoMatches
from textual.driver import Driver
from textual.filter import LineFilter, Monochrome, NoColor
from textual.notifications import Notification
from textual.theme import BUILTIN_THEMES, Theme
from textual.timer import Timer
from textual.widgets import Input, TextArea
from textual.worker import WorkerFailed

from swarmtui.tui import at_start, content, terminal, themes
from swarmtui.tui.actions.action import Mode
from swarmtui.tui.actions.dialogs import ANYWHERE, BY_NAME, DialogKeys
from swarmtui.tui.actions.table import Keys
from swarmtui.tui.ascii_filter import AsciiFilter
from swarmtui.tui.driving import enduring
from swarmtui.tui.keyboard import Keyboard, Passed, Typed
from swarmtui.tui.memory import Memory
from swarmtui.tui.pace import Pace
from swarmtui.tui.settings import Read, Settings
from swarmtui.tui.sheet import Sheet
from swarmtui.tui.theme_cache import Loaded
from swarmtui.tui.view.lines import Line
from swarmtui.tui.view.told import LASTS_S, READ_S, Said, Severity, notice_lines, remember
from swarmtui.tui.widgets.looks import Looks
from swarmtui.tui.widgets.told import NoticeLine

if TYPE_CHECKING:
    from swarmtui.tui.view.glyphs import Glyphs

R = TypeVar("R")
TWICE_S = 5.0
"""How long after a ctrl+c another one leaves."""


class Dressed(App[R], Generic[R]):
    """An app in one of our themes (``SWARMTUI_THEME``), drawn with what the terminal can show."""

    TITLE = "swarmtui"
    ENABLE_COMMAND_PALETTE = False  # we have our own

    def __init__(
        self,
        *,
        glyphs: Glyphs | None = None,
        theme: str | None = None,
        read: Read | None = None,
        memory: Memory | None = None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """`steady` gives seconds that never go back nor jump."""
        found = Read(Settings()) if read is None else read
        self.settings = found.settings  # before all else: the style sheet has sizes from it
        """What the user's config file says."""
        super().__init__()
        self.stylesheet = Sheet(variables=self.get_css_variables())
        self.crash: BaseException | None = None
        """What has ended this app, if something did."""
        self.pace: Pace | None = None
        """In which screens are painted; None where nobody looks at a terminal."""
        self.keyboard = Keyboard(self, self._deliver, steady, lambda: list(self.keys.own.values()))
        self.memory = Memory() if memory is None else memory
        """Layouts, filters and the like, from one time to the next."""
        self.memory.begin_with(at_start.in_place_of_memory(self.settings.layout))
        self._glyphs = terminal.glyphs_for(wanted=self.settings.characters) if glyphs is None else glyphs
        self.still = terminal.is_still(self.settings.motion)
        """Whether nothing moves but figures: no animation, no blinking, no spinner."""
        if self.still:
            self.animation_level = "none"
        self._looks: Looks | None = None
        self.said: list[Said] = []
        """What the user was told, the oldest first."""
        self._until: Timer | None = None
        """When the notice that is shown makes room."""
        self.keys = Keys(self.settings.keys)
        """The keys of all actions."""
        self._bind_everywhere()
        self._interrupted_at = self._said_at = -math.inf
        """When ctrl+c was pressed last, and when something was said last, by the clock that never goes back."""
        self._backstops: list[LineFilter] = [content.TerminalFilter()]  # the same ones: lines are cached by filter
        if self._glyphs.ascii:
            self._backstops.append(AsciiFilter(only=not terminal.is_utf8()))
        if self.no_color:  # not in grey, as Textual would have it: without any colour
            self.ansi_color = True
            self._filters = [NoColor() if isinstance(one, Monochrome) else one for one in self._filters]
        self.loaded = themes.load_themes()
        """The themes that come from files."""
        for one in self.loaded.themes:
            self.register_theme(one)
        self.problems = [*found.problems, *(f"theme {one}" for one in self.loaded.problems)]
        """What is wrong with the user's settings and themes, a line each; told once the screen stands."""
        self._dress_as(theme or os.environ.get("SWARMTUI_THEME"))

    def _handle_exception(self, error: Exception) -> None:
        """Textual would print a traceback with the values of all local variables, keys among them."""
        if self._exit and isinstance(error, NoMatches):
            return  # a screen that was opened while one left: what it is made of is not mounted any more
        self.crash = self.crash or (error.error if isinstance(error, WorkerFailed) else error)
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()

    def get_driver_class(self) -> type[Driver]:
        """Textual's own, but that it survives its terminal for as long as leaving takes."""
        return enduring(super().get_driver_class())

    def _dress_as(self, wanted: str | None) -> None:
        """In the theme that is `wanted`, else in the one that the user has chosen, if there is such a theme."""
        chosen = wanted or self.settings.theme or self.memory.get("theme", "")
        self._has_chosen = chosen in self.available_themes
        if self._has_chosen and not (self.no_color and not wanted):
            self._begin_in(chosen)
        else:
            self._begin_in(themes.COLOURLESS if self.no_color else themes.DEFAULT)
        if chosen and not self._has_chosen:
            near = get_close_matches(chosen, self.available_themes, 1)
            hint = f"did you mean {near[0]}?" if near else "swarmtui themes lists those there are"
            self.problems.append(f"there is no theme {chosen[:60]!r}: {hint}")

    def _begin_in(self, name: str) -> None:
        """Wear a theme from the start. A change of `theme` would have every stylesheet parsed once more."""
        self.set_reactive(App.theme, name)
        dark = self.current_theme.dark
        self.set_class(self._glyphs.ascii, "-ascii", update=False)
        self.update_classes({f"-theme-{name}": True, "-dark-mode": dark, "-light-mode": not dark}, update=False)
        self._refresh_truecolor_filter(self.ansi_theme)
        self.stylesheet.set_variables(self.get_css_variables())

    @property
    def looks(self) -> Looks:
        """What widgets draw with."""
        if self._looks is None:
            self.get_css_variables()
            palette = themes.palette_of(self.theme_variables, no_color=self.no_color)
            self._looks = Looks(palette, self._glyphs, self.still)
        return self._looks

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our variables for themes that do not know them."""
        return {**themes.variable_defaults(self.current_theme), **at_start.sizes(self.settings.layout)}

    def get_line_filters(self) -> list[LineFilter]:
        """Textual's, and ours against what the terminal would obey or cannot show last."""
        return [*super().get_line_filters(), *self._backstops]

    def dress(self) -> None:
        """Once it is mounted."""
        if not self.is_headless:
            self.pace = Pace()
        if not (self._has_chosen or self.is_headless):
            self.theme = terminal.theme_for(self.console.color_system)
        self.theme_changed_signal.subscribe(self, self._theme_changed)
        self.app_resume_signal.subscribe(self, lambda _: self.refresh(layout=True))  # the terminal shows nothing of it
        for problem in self.problems:
            content.notice(self, problem, "warning")

    @contextmanager
    def suspend(self) -> Iterator[None]:
        """The terminal is another program's meanwhile, and ours again whatever goes wrong.

        Textual's own takes the terminal back only where nothing was raised: a missing editor would leave it dark.
        """
        failed: BaseException | None = None
        self.keyboard.forget()
        with super().suspend():
            try:
                yield
            except BaseException as error:  # noqa: BLE001 - raised again below, once the terminal is ours
                failed = error
        if failed is not None:
            raise failed

    def remember(self) -> str:
        """Keep what is to outlive the app; why that could not be done, if so. Called once it has ended."""
        return self.memory.save()

    def change_settings(self, settings: Settings) -> None:
        """Set something else, until the app ends; what is drawn follows."""
        self.settings = settings
        self.still = terminal.is_still(settings.motion)
        self.animation_level = "none" if self.still else "full"
        self._looks = None
        self.draw_all()

    def choose_theme(self) -> None:
        """A list of all themes; what is marked in it is shown at once."""
        from swarmtui.tui.screens.theme_choice import ThemeChoice

        self.push_screen(ThemeChoice())

    def load_themes(self, loaded: Loaded) -> None:
        """Take themes as they are in their files by now; the one that is shown is drawn anew."""
        for name in {one.name for one in self.loaded.themes} - {one.name for one in loaded.themes}:
            self.unregister_theme(name)
        self.loaded = loaded
        for one in (*BUILTIN_THEMES.values(), *loaded.themes):
            self.register_theme(one)
        shown = self.theme if self.theme in self.available_themes else themes.DEFAULT
        self.set_reactive(type(self).theme, shown)
        self._watch_theme(shown)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Where nothing is to move, no cursor blinks."""
        if self.still and isinstance(event.widget, Input | TextArea):
            event.widget.cursor_blink = False

    @property
    def mode(self) -> Mode:
        """The mode that keys are in."""
        return Mode.LIVE

    def key_of(self, id: str) -> str:
        """What is printed on the key of an action or of what a dialog does, as it is now; empty if it has none."""
        return self.keys.called(id, self.mode, ascii_only=self._glyphs.ascii)

    def with_keys(self, text: str) -> str:
        """`text` with the keys of actions, as they are now, in place of ``{their_ids}``."""
        return self.keys.in_words(text, self.mode, ascii_only=self._glyphs.ascii)

    # -- what is said -----------------------------------------------------------------------------------------

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: Severity = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        """Say `message` in the one place there is for that; never with markup."""
        del title, markup
        self.said = remember(self.said, message, severity, time.time())
        self._said_at = self.keyboard.clock()
        lasts_s = LASTS_S[severity] if timeout is None else timeout
        super().notify(content.plain(message), severity=severity, timeout=lasts_s, markup=False)

    def _refresh_notifications(self) -> None:
        """Show what was said last and is still to be read; instead of Textual's toasts, which lie over other things."""
        try:
            screen = self.screen
        except ScreenStackError:
            return
        if not screen.is_attached or not screen.is_running:
            return
        if self._until is not None:
            self._until.stop()
            self._until = None
        shown = list(self._notifications)
        line = next(iter(screen.query(NoticeLine)), None)
        if line is None:
            if not shown:
                return
            line = NoticeLine()
            screen.mount(line)
        line.show(self._lines_of(shown, screen.size.width))
        if shown and math.isfinite(shown[-1].timeout):
            self._until = self.set_timer(max(0.01, shown[-1].time_left), self._refresh_notifications)

    def _lines_of(self, shown: list[Notification], width: int) -> list[Line]:
        if not shown:
            return []
        key, last = self.key_of("said"), shown[-1]
        return notice_lines(last.message, last.severity, len(shown) - 1, key, width, self._glyphs)

    def on_notice_line_clicked(self) -> None:
        """A click on a notice."""
        self.show_said()

    def show_said(self) -> None:
        """All that was said."""
        from swarmtui.tui.screens.said import SaidScreen

        if not isinstance(self.screen, SaidScreen):
            self.push_screen(SaidScreen())

    def _has_read(self) -> None:
        shown = list(self._notifications)
        if shown and shown[-1].severity == "error" and self.keyboard.clock() - self._said_at >= READ_S:
            self._unnotify(shown[-1])

    # -- keys, one after the other -----------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        """What is typed waits for its turn; all else is Textual's."""
        if not isinstance(event, Typed):
            await super().on_event(event)
            if isinstance(event, events.MouseUp):  # once what was clicked, which may be the notice, has been found
                self._has_read()
        elif not event.is_forwarded:
            if isinstance(event, events.Key):
                self._has_read()
            await self.keyboard.take(event)
        else:  # it has come up here from where it went
            await super().on_event(event)
            await self.keyboard.passed(event)

    async def _deliver(self, typed: Typed) -> None:
        await super().on_event(typed)

    async def on_passed(self, message: Passed) -> None:
        """A key has been dealt with on its way."""
        await self.keyboard.passed(message.typed, again=message.again)

    # -- keys that are the same on every screen and in every dialog --------------------------------------------

    def _bind_everywhere(self) -> None:
        bound = self._bindings.key_to_bindings
        bound.pop("ctrl+q", None)  # Textual's own: the user may have given leaving another key
        leaving = [(key, one.does) for one in ANYWHERE.keys for key in self.keys.own.get(one.id, one.keys)]
        for key, does in (*leaving, ("ctrl+c", "interrupt")):
            bound[key] = [Binding(key, does, show=False, priority=True)]

    def leave(self) -> None:
        """End; what runs goes on."""
        self.exit(None)

    def action_leave(self) -> None:
        """ctrl+q."""
        self.leave()

    def action_suspend(self) -> None:
        """ctrl+z: the shell has the terminal until ``fg``; in an editor it takes back what was typed."""
        if isinstance(self.focused, TextArea):
            self.focused.action_undo()
        elif self._driver is not None and self._driver.can_suspend and terminal.has_job_control():
            self.action_suspend_process()
        else:
            told = "no shell is behind this screen that could lead back to it"
            if self._driver is None or not self._driver.can_suspend:
                told = "this terminal cannot be given back for a while"
            content.notice(self, self.with_keys(f"{told}: {{anywhere.leave}} leaves, what runs goes on"), "warning")

    async def action_interrupt(self) -> None:
        """ctrl+c: copies what is selected, closes a dialog, and leaves a screen when pressed twice."""
        if self._copied():
            return
        if (dialog := self._dialog) is not None:
            await self.run_action(dialog.leave, self.screen)
        elif self.keyboard.clock() - self._interrupted_at <= TWICE_S:
            self.leave()
        else:
            self._interrupted_at = self.keyboard.clock()
            content.notice(self, "ctrl+c again leaves; what runs goes on")

    @property
    def _dialog(self) -> DialogKeys | None:
        """The keys of the dialog that is on top, if one is."""
        return BY_NAME.get(getattr(self.screen, "DIALOG", ""))

    def _copied(self) -> bool:
        focused = self.focused
        if isinstance(focused, Input | TextArea) and focused.selected_text:
            focused.action_copy()
            return True
        selected = self.screen.get_selected_text()
        if selected:
            self.copy_text(selected, "the selection")
            self.screen.clear_selection()
            return True
        return False

    def copy_text(self, text: str, what: str) -> None:
        """To the terminal's clipboard; subclasses may know more ways."""
        plain = content.plain(text)
        self.copy_to_clipboard(plain)
        content.notice(self, f"{what} was sent to the terminal's clipboard ({len(plain):,} characters)")

    def action_dialog_help(self) -> None:
        """f1 in a dialog."""
        from swarmtui.tui.screens.keys import DialogHelp

        if (dialog := self._dialog) is not None:
            self.push_screen(DialogHelp(dialog))

    def draw_all(self) -> None:
        """Draw what is shown in another theme; subclasses have something to draw."""

    def _theme_changed(self, theme: Theme) -> None:
        self._looks = None
        for screen in self.screen_stack:
            screen.refresh(layout=True)
            for widget in screen.walk_children():
                widget.refresh()
        self.draw_all()
