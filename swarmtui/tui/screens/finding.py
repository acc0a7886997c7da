"""Going from match to match of what is searched for, as on every screen over a session."""

from __future__ import annotations

from swarmtui.tui import content
from swarmtui.tui.screens.session import SessionScreen


class Finding(SessionScreen):
    """Part of a screen on which something can be searched for."""

    def next_match(self, step: int) -> bool:
        """Go to the next match, or with -1 to the one before; False if there is none."""
        raise NotImplementedError

    def do_find_next(self) -> None:
        """n."""
        self._step(1)

    def do_find_previous(self) -> None:
        """N."""
        self._step(-1)

    def _step(self, step: int) -> None:
        if not self.next_match(step):
            content.notice(self.app, "nothing is searched for, or nothing matches: / starts a search", "warning")
