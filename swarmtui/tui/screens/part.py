"""What a part of the run screen is: it draws one pane of it, and can be given the whole screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from textual.widget import Widget

if TYPE_CHECKING:
    from swarmtui.host.feed import Changes
    from swarmtui.tui.memory import Memory
    from swarmtui.tui.screens.parted import Parted

W_co = TypeVar("W_co", bound=Widget, covariant=True)

EVERYTHING = "run"
"""The view of all parts at once."""


class Part(Generic[W_co]):
    """One pane of the run screen."""

    VIEW: ClassVar[str]
    """What it is called, and by which name it is shown alone."""

    def __init__(self, screen: Parted, widget: W_co) -> None:
        """`widget`: what it is drawn on, the same all its life; its ``id`` is what the style sheet places."""
        self.screen, self.widget = screen, widget

    @property
    def alone(self) -> bool:
        """Whether it has the whole screen."""
        return self.screen.view == self.VIEW

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
