"""Which session the shown one is held against: its kin first, all others below; typing finds them by ID and title."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from swarmtui.tui import content
from swarmtui.tui.beside import Beside
from swarmtui.tui.screens.dialogs import Dialog
from swarmtui.tui.view.others import Other, others
from swarmtui.tui.widgets.lines import undertitle
from swarmtui.tui.widgets.picking import Entry, PickList


class AgainstScreen(Dialog[Other | None]):
    """A list of sessions; it closes with the one that was picked."""

    DIALOG = "against"
    CSS = """
    AgainstScreen .against { width: 100; padding: 0 1; }
    AgainstScreen PickList { max-height: 60vh; background: $surface; }
    AgainstScreen Static { height: auto; padding: 1; }
    """

    def __init__(self, beside: Beside, shown: str, origin: str) -> None:
        """`shown` is what the session is called, `origin` what it was forked from, if from any."""
        super().__init__()
        self._beside, self._shown, self._origin = beside, shown, origin
        self._others: dict[str, Other] = {}

    def compose(self) -> ComposeResult:
        """A line until the sessions have been read, then the list."""
        with Vertical(classes="dialog against") as box:
            box.border_title = content.line(f"Compare {self._shown} with …", 100)
            yield Static("reading the sessions …", markup=False)
            yield PickList(single=True)

    def on_mount(self) -> None:
        """Read them."""
        undertitle(self.query_one(".dialog"), f"{self.key('leave')} leaves")
        self.query_one(PickList).display = False
        self.run_worker(self._read(), group="others")

    async def _read(self) -> None:
        try:
            rows = await self._beside.sessions()
        except Exception as error:  # noqa: BLE001 - told: a folder may not be readable, a machine may not answer
            self._tell(f"the sessions cannot be read: {error}")
            return
        for row in rows:
            if "error" in row:
                content.notice(self.app, f"{row.get('host')}: {row['error']}", "warning")
        found = others(rows, self._shown, self._origin, self._beside.clock())
        self._others = {one.key: one for one in found}
        if found:
            self._offer(found)
        else:
            self._tell("there is no other session")

    def _tell(self, words: str) -> None:
        self.query_one(Static).update(content.text(words))

    def _offer(self, found: Sequence[Other]) -> None:
        self.query_one(Static).display = False
        listed = self.query_one(PickList)
        listed.display = True
        listed.styles.height = max(3, len(found) + 1)  # with the line of what is typed
        listed.show([Entry(one.key, one.told, found_by=one.told) for one in found], ())
        listed.focus()

    def on_pick_list_picked(self, message: PickList.Picked) -> None:
        """That one."""
        if self.alone():
            self.dismiss(self._others[message.key])

    def action_leave(self) -> None:
        """esc."""
        self.dismiss(None)
