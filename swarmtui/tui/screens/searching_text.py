"""Looking for words in the text that a node's screen shows."""

from __future__ import annotations

from textual import on
from textual.widgets import Input

from swarmtui.tui import content
from swarmtui.tui.screens.finding import Finding
from swarmtui.tui.widgets.lines import TextView
from swarmtui.tui.widgets.looks import dressed

_LINES = "words of a line, {find_next} {find_previous} go from one to the next; enter keeps, {back} clears"


class SearchingText(Finding):
    """Part of a screen that shows a text: ``#body``, with a line to type in, ``#search``, below it."""

    @property
    def _text(self) -> TextView:
        return self.query_one("#body", TextView)

    @property
    def _typed(self) -> Input:
        return self.query_one("#search", Input)

    @property
    def is_searching(self) -> bool:
        """Whether words are being typed."""
        return self._typed.display

    def search_line(self) -> Input:
        """Where the words are typed; to be composed below the text."""
        line = Input(id="search", compact=True)
        line.display = False
        return line

    def do_search(self) -> None:
        """/."""
        if not self._text.display:
            told = "there is no text here; items are filtered on the run: {back}, {open}, {find}"
            content.notice(self.app, dressed(self).with_keys(told), "warning")
            return
        self._typed.placeholder = dressed(self).with_keys(_LINES)
        self._typed.display = True
        self._typed.focus()

    @on(Input.Changed, "#search")
    def _search_changed(self, event: Input.Changed) -> None:
        self._text.look_for(event.value.strip())

    @on(Input.Submitted, "#search")
    def _search_kept(self, event: Input.Submitted) -> None:
        self._typed.display = False
        self.refocus()
        if self._text.looked_for and not self._text.next_match(-1):
            content.notice(self.app, f"no line has {content.plain(self._text.looked_for)[:60]!r}", "warning")
        elif self._text.looked_for:
            self._text.next_match(1)

    def refocus(self) -> None:
        """Back to what the keys are for."""
        self._text.focus()

    def next_match(self, step: int) -> bool:
        """From line to line."""
        return self._text.next_match(step)

    def leaves_search(self) -> bool:
        """Leave a search, if there is one."""
        if not self._typed.display and not self._text.looked_for:
            return False
        self._typed.value = ""
        self._typed.display = False
        self._text.look_for("")
        self.refocus()
        return True
