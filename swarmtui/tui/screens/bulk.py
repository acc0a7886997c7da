"""Something done with several sessions: first with which, and with which not; once agreed to, what comes of each."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Literal

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from swarmtui.tui import content
from swarmtui.tui.browser import Act
from swarmtui.tui.screens.dialogs import Dialog
from swarmtui.tui.screens.fitting import give_room
from swarmtui.tui.view.bulk import WORDS, Bulk, How
from swarmtui.tui.widgets.lines import undertitle
from swarmtui.tui.widgets.table import RowTable

AT_ONCE = 4
"""With how many sessions it is done at the same time: a host that starts takes most of a processor."""


class BulkScreen(Dialog[list[str]]):
    """The dialog; it closes with the sessions with which it has been done."""

    DIALOG, SCROLLED = "bulk", "#bulk"
    CSS = """
    BulkScreen .dialog { width: 110; padding: 1 1 0 1; }
    BulkScreen RowTable { min-height: 2; background: $surface; margin-top: 1; scrollbar-size: 0 0; }
    BulkScreen Static { height: auto; padding: 0 1; }
    """

    def __init__(self, bulk: Bulk, act: Act, told: str = "") -> None:
        """`told` follows what the verb's own words say of the consequences."""
        super().__init__()
        self._bulk, self._act, self._told = bulk, act, told
        self._left = False

    def compose(self) -> ComposeResult:
        """What follows from it, the sessions, the keys."""
        with Vertical(classes="dialog bulk") as box:
            box.border_title = content.line(self._bulk.title())
            told = " ".join(part for part in (WORDS[self._bulk.verb].told, self._told) if part)
            yield Static(content.text(told), markup=False)
            yield RowTable(id="bulk")
            yield Static("", classes="hint", markup=False)

    def on_mount(self) -> None:
        """The dry run."""
        self.query_one(RowTable).focus()
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        if not self.is_attached:
            return
        self.query_one(RowTable).show(self._bulk)
        undertitle(self.query_one(".dialog"), self._bulk.standing())
        self.query_one(".hint", Static).update(content.line("; ".join(self._hints())))
        give_room(self, self.query_one(RowTable), len(self._bulk) + 1)

    def on_resize(self) -> None:
        """The keys are seen at any size."""
        self.call_after_refresh(self._draw)

    def _hints(self) -> Iterable[str]:
        bulk = self._bulk
        if not bulk.began:
            yield f"{self.key('yes')}: do it"
            yield f"{self.key('leave')}: leave it"
        elif bulk.busy:
            yield f"{self.key('leave')}: stop here; what has begun is carried to its end"
        else:
            if bulk.keys(How.FAILED):
                yield f"{self.key('retry')}: try once more with those with which it failed"
            yield f"{self.key('leave')}: close"

    def action_begin(self) -> None:
        """y; once it has begun, nothing more. Pasted text removes nothing."""
        if not self._bulk.began and self.alone():
            self._begin(self._bulk.keys(How.ASKED))

    def action_again(self) -> None:
        """r."""
        if not self._bulk.busy:
            self._begin(self._bulk.keys(How.FAILED))

    def _begin(self, keys: list[str]) -> None:
        for key in keys:
            self._bulk.note(key, How.ASKED)
        if keys:
            self._draw()
            self.app.run_worker(self._carry_out(keys), group="bulk")  # of the app: it outlives the dialog

    async def _carry_out(self, keys: list[str]) -> None:
        turns = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for key in keys:
                group.create_task(self._one(key, turns))
        if self._left:
            severity: Literal["warning", "information"] = "warning" if self._bulk.keys(How.FAILED) else "information"
            content.notice(self.app, f"{self._bulk.verb}: {self._bulk.standing()}", severity)

    async def _one(self, key: str, turns: asyncio.Semaphore) -> None:
        async with turns:
            if self._left:
                self._bulk.note(key, How.LEFT, "the dialog was closed before its turn")
                return
            self._note(key, How.UNDER_WAY)
            row = next(one.row for one in self._bulk.all if one.key == key)
            try:
                told = await self._act(self._bulk.verb, row)
            except Exception as error:  # noqa: BLE001 - told beside the session; the others are carried out
                self._note(key, How.FAILED, str(error) or type(error).__name__)
            else:
                self._note(key, How.DONE, told)

    def _note(self, key: str, how: How, told: str = "") -> None:
        self._bulk.note(key, how, told)
        self._draw()

    def action_leave(self) -> None:
        """n, esc."""
        self._left = True
        self.dismiss(self._bulk.keys(How.DONE))
