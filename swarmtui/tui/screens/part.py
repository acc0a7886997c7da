"""What a part of the run screen is: it draws one pane of it, and can be given the whole screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.widget import Widget

if TYPE_CHECKING:
    from swarmtui.host.feed import Changes
    from swarmtui.tui.memory import Memory
    from swarmtui.tui.screens.run import RunScreen

EVERYTHING = "run"
"""The view of all parts at once."""


class Part:
    """One pane of the run screen."""

    VIEW: ClassVar[str]
    """What it is called, and by which name it is shown alone."""

    def __init__(self, screen: RunScreen) -> None:
        self.screen = screen

    @property
    def widget(self) -> Widget:
        """What it is drawn on, the same all its life; its ``id`` is what the style sheet places."""
        raise NotImplementedError

    @property
    def title(self) -> str:
        """What stands in its border before it has been drawn."""
        return self.VIEW

    def absorb(self, changes: Changes) -> None:
        """Take note of what happened, whether the pane is visible or not."""

    def draw(self) -> None:
        """Draw the session as it is now; called while the pane is visible."""

    def select(self, node: str) -> None:
        """The node that all panes look at is another one."""

    def find(self, text: str) -> None:
        """The user looks for something; empty: no longer."""

    def recall(self, memory: Memory) -> None:
        """How it was left the last time."""

    def keep(self, memory: Memory) -> None:
        """Remember how it is left; called often, and cheap."""
