"""What the user is told while a session goes on: its end, what others do, what was passed over, what a host lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from swarmtui.host.feed import Changes
from swarmtui.session.events import SessionFinished
from swarmtui.tui import content
from swarmtui.tui.mirror import Mirror
from swarmtui.tui.view.watching import lacking

if TYPE_CHECKING:
    from swarmtui.tui.app import Workbench


class News:
    """One workbench's notices of what happens elsewhere; `mirror` tells the work of others from its own."""

    def __init__(self, app: Workbench, mirror: Mirror) -> None:
        self._app = app
        self._mirror = mirror
        self._skipped = 0

    def begin(self, skipped: int) -> None:
        """Events passed over before we came are no news."""
        self._skipped = skipped

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
            if isinstance(event.body, SessionFinished):
                self._tell_end(event.body)
        self._tell_others(changes)

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
        severity: Literal["information", "warning"] = "information" if end.status == "succeeded" else "warning"
        content.notice(self._app, f"the session has {end.status}{where}", severity)
