"""Other machines whose sessions are listed beside this one's: add one, switch one off, forget one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from swarmtui.host.address import BadAddress, parse_machine
from swarmtui.tui import content
from swarmtui.tui.screens.dialogs import Dialog
from swarmtui.tui.screens.fitting import give_room
from swarmtui.tui.view.machines import HostRows, Hosts, Machines
from swarmtui.tui.widgets.lines import undertitle
from swarmtui.tui.widgets.table import RowTable

NamesOf = Callable[[], Sequence[str]]
"""Machines that ssh knows by name; reads files, so that it is called on a thread."""


ROWS = 8
"""Lines of the list, where there is room."""


class HostsScreen(Dialog[None]):
    """The dialog. What is changed in it counts at once: `changed` is called."""

    DIALOG = "hosts"
    CSS = """
    HostsScreen .dialog { width: 100; padding: 1 1 0 1; }
    HostsScreen RowTable { background: $surface; margin-top: 1; }
    HostsScreen Static { height: auto; padding: 0 1; }
    """

    def __init__(self, hosts: Hosts, machines: Machines, changed: Callable[[], None], names_of: NamesOf) -> None:
        super().__init__()
        self._hosts, self._changed, self._names_of = hosts, changed, names_of
        self._rows = HostRows(hosts, machines)

    def compose(self) -> ComposeResult:
        """The machines, a line for another one, the keys."""
        with Vertical(classes="dialog hosts") as box:
            box.border_title = content.line("Other machines")
            yield Static(
                content.text(
                    "Their sessions are listed beside this machine's, over your own ssh, which is asked without a "
                    "prompt: a key in your agent, or none at all."
                ),
                markup=False,
            )
            yield RowTable(id="hosts")
            yield Input(placeholder="HOST, USER@HOST or ssh://USER@HOST:PORT; enter adds it", compact=True)
            yield Static("", classes="hint", markup=False)

    def on_mount(self) -> None:
        """What is known."""
        field = self.query_one(Input)
        field.cursor_blink = False
        field.display = False
        self.query_one(RowTable).focus()
        keys = (("add", "add"), ("switch", "on or off"), ("remove", "forget"), ("leave", "close"))
        hint = "; ".join(f"{self.key(id)}: {does}" for id, does in keys)
        self.query_one(".hint", Static).update(content.line(hint))
        self.call_after_refresh(self._draw)
        self.set_interval(1.0, self._draw)
        self.run_worker(self._suggest(), group="names")

    async def _suggest(self) -> None:
        names = await asyncio.to_thread(self._names_of)
        known = self._hosts.all
        offered = [content.plain(name) for name in names if name not in known]
        self.query_one(Input).suggester = SuggestFromList(offered, case_sensitive=False)
        if offered:
            some = ", ".join(offered[:6]) + (" …" if len(offered) > 6 else "")
            undertitle(self.query_one(".dialog"), f"ssh knows {some}")

    def on_resize(self) -> None:
        """The keys are seen at any size."""
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        if self.is_attached:
            rows = self.query_one(RowTable)
            give_room(self, rows, ROWS)
            rows.show(self._rows)

    def action_add(self) -> None:
        """a."""
        field = self.query_one(Input)
        field.display = True
        field.focus()
        self.call_after_refresh(self._draw)

    @on(Input.Submitted)
    def _add(self, event: Input.Submitted) -> None:
        word = event.value.strip()
        if not word:
            return
        try:
            name = parse_machine(word).machine
        except BadAddress as error:
            content.notice(self.app, str(error), "error")
            return
        self._hosts.add(name)
        self._close_line()
        self._apply()
        self.query_one(RowTable).select(name)

    def _close_line(self) -> None:
        field = self.query_one(Input)
        field.value = ""
        field.display = False
        self.query_one(RowTable).focus()

    def action_switch(self) -> None:
        """space."""
        name = self.query_one(RowTable).selected
        if name:
            self._hosts.switch(name)
            self._apply()

    def action_remove(self) -> None:
        """W."""
        name = self.query_one(RowTable).selected
        if name:
            self._hosts.remove(name)
            self._apply()

    def _apply(self) -> None:
        self._changed()
        self._draw()

    def action_move(self, lines: int) -> None:
        """Up and down."""
        self.query_one(RowTable).go(0, lines)

    def action_leave(self) -> None:
        """esc: out of the line, then out of the dialog."""
        if self.query_one(Input).display:
            self._close_line()
        else:
            self.dismiss(None)
