"""Going from match to match of what is searched for, as on every screen over a session."""

from __future__ import annotations

from swarmtui.tui import content
from swarmtui.tui.actions.action import Scope
from swarmtui.tui.screens.session import SessionScreen
from swarmtui.tui.widgets.looks import workbench


class Finding(SessionScreen):
    """Part of a screen on which something can be searched for."""

    def next_match(self, step: int) -> bool:
        """Go to the next match, or with -1 to the one before; False if there is none."""
        return False

    def do_find_next(self) -> None:
        """n."""
        self._step(1)

    def do_find_previous(self) -> None:
        """N."""
        self._step(-1)

    def _step(self, step: int) -> None:
        if not self.next_match(step):
            begins = "{search}" if self.SCOPE is Scope.NODE else "{find}"
            told = f"nothing is searched for, or nothing matches: {begins} starts a search"
            content.notice(self.app, workbench(self).with_keys(told), "warning")
