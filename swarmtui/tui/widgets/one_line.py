"""A field of one line that loses nothing of what is pasted into it."""

from __future__ import annotations

from textual import events
from textual.widgets import Input

from swarmtui.tui import content


class OneLine(Input):
    """Takes a paste of several lines as one: Textual's takes the first of them, and says nothing of the others."""

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        lines = [line for line in (part.strip() for part in content.plain(event.text).splitlines()) if line]
        words = content.plain(event.text) if len(lines) < 2 else " ".join(lines)
        self.replace(words.replace("\n", ""), *self.selection)
        if len(lines) > 1:
            content.notice(self.app, f"the {len(lines):,} lines that were pasted are one line here", "warning")
