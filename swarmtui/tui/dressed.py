"""What our apps have in common: themes, characters, the filter behind all widgets."""

from __future__ import annotations

import os
from typing import Generic, TypeVar

from textual.app import App
from textual.filter import LineFilter
from textual.theme import Theme

from swarmtui.tui import content, terminal, themes
from swarmtui.tui.view.glyphs import Glyphs
from swarmtui.tui.widgets.looks import Looks

R = TypeVar("R")


class Dressed(App[R], Generic[R]):
    """An app in one of our themes (``SWARMTUI_THEME``), drawn with what the terminal can show."""

    TITLE = "swarmtui"
    ENABLE_COMMAND_PALETTE = False  # its key would win over ours

    def __init__(self, *, glyphs: Glyphs | None = None, theme: str | None = None) -> None:
        super().__init__()
        self._glyphs = terminal.glyphs_for() if glyphs is None else glyphs
        self._looks: Looks | None = None
        self._backstop = content.TerminalFilter()  # one and the same: finished lines are cached by filter
        loaded = themes.load_themes()
        self._own_themes = [found.name for found in loaded.themes]
        self._theme_problems = loaded.problems
        for found in loaded.themes:
            self.register_theme(found)
        wanted = theme or os.environ.get("SWARMTUI_THEME") or themes.DEFAULT
        if wanted in self.available_themes:
            self.theme = wanted

    @property
    def looks(self) -> Looks:
        """What widgets draw with."""
        if self._looks is None:
            self.get_css_variables()
            palette = themes.palette_of(self.theme_variables, no_color=self.no_color)
            self._looks = Looks(palette, self._glyphs)
        return self._looks

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our variables for themes that do not know them."""
        return themes.variable_defaults(self.current_theme)

    def get_line_filters(self) -> list[LineFilter]:
        """Textual's, and the backstop against control characters last."""
        return [*super().get_line_filters(), self._backstop]

    def dress(self) -> None:
        """Once it is mounted."""
        if self._glyphs.ascii:
            self.add_class("-ascii")
        self.theme_changed_signal.subscribe(self, self._theme_changed)

    def next_theme(self) -> None:
        """The next of our themes, at once."""
        names = self._own_themes or [self.theme]
        self.theme = names[(names.index(self.theme) + 1) % len(names) if self.theme in names else 0]
        content.notice(self, f"theme {self.theme}")

    def draw_all(self) -> None:
        """Draw what is shown in another theme; subclasses have something to draw."""

    def _theme_changed(self, theme: Theme) -> None:
        self._looks = None
        for screen in self.screen_stack:
            screen.refresh(layout=True)
            for widget in screen.walk_children():
                widget.refresh()
        self.draw_all()
