"""Choices of which one is an answer: a click marks one, two clicks or enter give it."""

from __future__ import annotations

from textual import events
from textual.widgets import OptionList


class Choices(OptionList):
    """As any other list of ours: Textual's own would give an answer with the first click, which may be an accident."""

    def on_click(self, event: events.Click) -> None:
        """Mark what is clicked; of two clicks the second gives it."""
        event.prevent_default()
        clicked = event.style.meta.get("option")
        if clicked is None:
            return
        if event.chain == 2 and clicked == self.highlighted:
            self.action_select()
        self.highlighted = clicked
