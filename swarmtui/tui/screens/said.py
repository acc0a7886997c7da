"""What the workbench has said since it was opened."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical

from swarmtui.tui import content
from swarmtui.tui.screens.dialogs import Dialog
from swarmtui.tui.view.told import said_lines
from swarmtui.tui.widgets.lines import TextView
from swarmtui.tui.widgets.looks import dressed


class SaidScreen(Dialog[None]):
    """The list, the newest first. Its text can be selected and copied."""

    DIALOG, SCROLLED = "said", "#said"

    def compose(self) -> ComposeResult:
        """The list."""
        with Vertical(classes="dialog help") as box:
            box.border_title = content.line("what was said")
            box.border_subtitle = content.line(f"{self.key('leave')} closes")
            yield TextView(id="said")

    def on_mount(self) -> None:
        """All of it."""
        said = list(dressed(self).said)
        self.query_one(TextView).show(lambda width: said_lines(said, width), top=True)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)
