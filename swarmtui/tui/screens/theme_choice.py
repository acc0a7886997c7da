"""All themes in a list at the side; the one that is marked is shown on the screen behind it at once."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from swarmtui.tui import content, themes
from swarmtui.tui.screens.dialogs import Dialog
from swarmtui.tui.view.lines import Line, fit
from swarmtui.tui.widgets.looks import dressed

WATCH_S = 1.0
"""How often the user's files are looked at while the list is open."""
NONE = "no theme is called that"
_KINDS = (("yours", "yours"), ("ours", "swarmtui's"), ("textual", "Textual's"))


class ThemeChoice(Dialog[None]):
    """enter keeps what is shown, esc restores what was; typing filters."""

    DIALOG: ClassVar[str] = "theme"

    def __init__(self) -> None:
        super().__init__()
        self._before = dressed(self).theme
        self._stamp: object = None
        self._wanted = ""
        """The theme that was marked last by a key."""

    def compose(self) -> ComposeResult:
        """The filter, the list, and what is to be said of the marked theme and of files that cannot be used."""
        with Vertical(classes="dialog side") as box:
            box.border_title = content.line("theme")
            box.border_subtitle = content.line(f"enter keeps it, {self.key('leave')} restores")
            yield Input(placeholder="type to filter", compact=True)
            yield OptionList(id="themes", markup=False)
            yield Static(id="about", markup=False)

    def on_mount(self) -> None:
        """All of them; the one that is in use is marked."""
        self.query_one(OptionList).can_focus = False
        self._fill()
        self.set_interval(WATCH_S, self._watch)

    # -- the list ---------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        app, words = dressed(self), self.query_one(Input).value.casefold().split()
        themed, shown = self.query_one(OptionList), list[str | None]()
        with self.prevent(OptionList.OptionHighlighted):
            themed.clear_options()
            for kind, title in _KINDS:
                names = sorted(
                    name
                    for name, theme in app.available_themes.items()
                    if app.loaded.kind(name) == kind
                    and all(word in f"{name} {'dark' if theme.dark else 'light'} {title}".casefold() for word in words)
                )
                if names:
                    themed.add_option(Option(content.line(title), disabled=True))
                    shown += [None, *names]
                for name in names:
                    themed.add_option(Option(self._line(name), id=name))
        if app.theme in shown:
            themed.highlighted = shown.index(app.theme)
        elif any(shown):
            themed.highlighted = next(at for at, name in enumerate(shown) if name)
        else:
            themed.add_option(Option(content.line(NONE), disabled=True))
        self._tell(app.theme)

    def _line(self, name: str) -> Content:
        """Its name, and on which ground it is; ``terminal``: on whichever the terminal has."""
        theme = dressed(self).available_themes[name]
        ground = "terminal" if theme.ansi else "dark" if theme.dark else "light"
        return content.text(f"  {fit(name, 22)}  {ground}")

    def _tell(self, name: str) -> None:
        """Where the theme is from, what is hard to read in it, and which files are no themes."""
        app = dressed(self)
        path = app.loaded.sources.get(name)
        told = [str(path)] if path is not None and app.loaded.kind(name) == "yours" else []
        if told:
            told += [f"hard to read: {line}" for line in themes.hard_to_read(app.available_themes[name])]
        if app.loaded.kind(name) == "ours" and not any(app.loaded.kind(one) == "yours" for one in app.loaded.sources):
            told.append(f"Themes of your own go into {themes.own_folder()}")
        lines: list[Line] = [((text, "muted"),) for text in told]
        lines += [((problem, "bad"),) for problem in app.loaded.problems]
        about = self.query_one("#about", Static)
        about.display = bool(lines)
        about.update(content.paragraphs(lines, app.looks.palette))

    @on(Input.Changed)
    def _filter(self) -> None:
        self._fill()

    @on(OptionList.OptionHighlighted)
    def _preview(self, message: OptionList.OptionHighlighted) -> None:
        self._wanted = message.option.id or ""
        if not dressed(self).keyboard.is_behind:  # else the next key marks another one, and each is dear to draw
            self._show_wanted()

    def _show_wanted(self) -> None:
        name, app = self._wanted, dressed(self)
        if name in app.available_themes:
            if name != app.theme:
                app.theme = name
            self._tell(name)

    # -- files that change meanwhile ---------------------------------------------------------------------------

    def _watch(self) -> None:
        self.run_worker(self.look_again(), group="themes", exclusive=True)

    async def look_again(self) -> None:
        """Read the user's themes again if one of their files has changed."""
        stamp = await asyncio.to_thread(themes.stamp)
        known, self._stamp = self._stamp, stamp
        if known is not None and stamp != known:
            loaded = await asyncio.to_thread(themes.load_themes)
            dressed(self).load_themes(loaded)
            self._fill()

    # -- keys -------------------------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """Up and down."""
        options = self.query_one(OptionList)
        if step > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    def action_page(self, step: int) -> None:
        """A page."""
        options = self.query_one(OptionList)
        if step > 0:
            options.action_page_down()  # type: ignore[no-untyped-call]
        else:
            options.action_page_up()  # type: ignore[no-untyped-call]

    @on(Input.Submitted)
    @on(OptionList.OptionSelected)
    def _keep(self) -> None:
        app = dressed(self)
        if self.query_one(OptionList).highlighted is None:
            content.notice(app, NONE, "warning")
            return
        self._show_wanted()
        app.memory.put("theme", app.theme)
        named = app.settings.theme
        if named and named != app.theme:
            content.notice(app, f"theme {app.theme}; config.yaml names {named}, which is taken at the next start")
        self.dismiss(None)

    def action_leave(self) -> None:
        """As it was."""
        app = dressed(self)
        if self._before in app.available_themes and app.theme != self._before:
            app.theme = self._before
        self.dismiss(None)
