"""What the user is told while a session goes on: its end, what others do, what a host lacks, and that they are needed.

The last of these in ways that reach who looks elsewhere, too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from swarmtui.safety.text import one_line
from swarmtui.session.events import ReportWritten, SessionFinished
from swarmtui.session.vocabulary import Status, how_ended
from swarmtui.tui import calling, content
from swarmtui.tui.attention import Attention
from swarmtui.tui.settings import Notify
from swarmtui.tui.view import format as say
from swarmtui.tui.view.nodes import name_of
from swarmtui.tui.view.queue import terminal_title, waiting
from swarmtui.tui.view.watching import lacking

if TYPE_CHECKING:
    from swarmtui.host.feed import Changes
    from swarmtui.tui.app import Workbench
    from swarmtui.tui.mirror import Mirror


class News:
    """One workbench's notices of what happens elsewhere; `mirror` tells the work of others from its own."""

    def __init__(self, app: Workbench, mirror: Mirror) -> None:
        self._app = app
        self._mirror = mirror
        self._skipped = 0
        self._reporter = ""
        """The node whose result is the report."""
        self._attention = Attention(app.settings.notify_after_s)
        self._title: str | None = None
        """What the terminal is called by us; None while it is called as it was before."""
        self.write: Callable[[str], None] = self._to_terminal
        """Takes sequences for the terminal."""
        self.clock: Callable[[], float] = time.monotonic

    def begin(self, skipped: int) -> None:
        """Events passed over before we came are no news; nor is what waits already, which is on the screen."""
        self._skipped = skipped
        self._attention.begin(waiting(self._app.state))
        self._entitle()

    def tell_lack(self) -> None:
        """Of an older host: what it cannot do."""
        status = self._app.status
        lack = lacking(status)
        if lack:
            version = status.host_version or "older"
            content.notice(self._app, f"the host's swarmtui is {version}: it cannot {lack}", "warning")

    def tell(self, changes: Changes) -> None:
        """What is new in `changes`, which arrived from a session that goes on."""
        for event in changes.events:
            if isinstance(event.body, ReportWritten):
                self._reporter = event.body.node
            elif isinstance(event.body, SessionFinished):
                self._tell_end(event.body)
        self._tell_others(changes)
        self._call()

    def leave(self) -> None:
        """Call the terminal what it was called before."""
        if self._title is not None:
            self._title = None
            self.write(calling.GIVE_TITLE_BACK)

    # -- to who looks elsewhere -------------------------------------------------------------------------------

    def _call(self) -> None:
        """Call for what waits, once for each."""
        app = self._app
        found = waiting(app.state)
        due = self._attention.due(found, self.clock(), away=app.away)
        if due:
            first = due[0]
            words = first.words if len(due) == 1 else f"{say.need_you(len(found))}: {first.who} and others"
            self._signal(f"{first.who}: {words}" if len(due) == 1 else words)
        self._entitle()

    def _signal(self, words: str) -> None:
        match self._app.settings.notify:
            case Notify.DESKTOP:
                self.write(calling.desktop_notice(f"swarmtui {self._called}", words, os.environ))
            case Notify.BELL:
                self.write(calling.BELL)
            case Notify.OFF:
                pass

    @property
    def _called(self) -> str:
        state = self._app.state
        return one_line(state.title or state.goal or state.id, 60)

    def _entitle(self) -> None:
        """Say in the terminal's title that something waits, while it does."""
        app = self._app
        if app.settings.notify is Notify.OFF:
            return
        number = len(waiting(app.state))
        title = terminal_title(number, self._called, app.looks.glyphs) if number else ""
        if number and title != self._title:
            self.write(("" if self._title is not None else calling.KEEP_TITLE) + calling.title_sequence(title))
            self._title = title
        elif not number:
            self.leave()

    def _to_terminal(self, sequence: str) -> None:
        app = self._app
        if app.is_headless or app.is_web or app._driver is None:
            return
        app._driver.write(sequence)
        app._driver.flush()

    # -- notices ----------------------------------------------------------------------------------------------

    def _tell_others(self, changes: Changes) -> None:
        """What other viewers did, and how much of it was passed over."""
        for line in self._mirror.told(() if changes.reset else changes.events):
            content.notice(self._app, line)
        skipped = self._app.status.skipped - self._skipped
        if skipped > 0:
            text = (
                f"this viewer was too far behind: {skipped:,} events are not shown one by one; what you see is current"
            )
            content.notice(self._app, text, "warning")
        self._skipped = max(self._skipped, self._app.status.skipped)

    def _tell_end(self, end: SessionFinished) -> None:
        state = self._app.state
        report = state.report_copy or state.report_path
        where = f"; the report is in {report}" if report else ""
        if report and self._reporter in state.nodes and self._reporter != self._app.selected:
            palette, node = self._app.with_keys("{palette}"), name_of(self._reporter)
            where += f"; press {palette} and type {node} to see the node that wrote it"
        severity: Literal["information", "warning"] = "information" if end.status == "succeeded" else "warning"
        content.notice(self._app, f"the session has {end.status}{where}", severity)
        if self._app.away:
            how = how_ended(Status(end.status)) if end.status in tuple(Status) else f"has {end.status}"
            self._signal(f"the session {how}{f': {end.reason}' if end.reason else ''}")
