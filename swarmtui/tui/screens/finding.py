"""Going from match to match of a search in the graph, as several screens do."""

from __future__ import annotations

from textual.screen import Screen

from swarmtui.tui import content
from swarmtui.tui.widgets.graph import GraphView


class Finding(Screen[None]):
    """Part of a screen that has a graph which can be searched."""

    def do_find_next(self) -> None:
        """n."""
        self._step(1)

    def do_find_previous(self) -> None:
        """N."""
        self._step(-1)

    def _step(self, step: int) -> None:
        if not self.query_one(GraphView).next_match(step):
            content.notice(self.app, "nothing is searched for, or nothing matches: / starts a search", "warning")
