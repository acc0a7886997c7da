"""Two sessions node by node: how each ended, how long it took, what it cost, and what differs in its output."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult

from swarmtui.tui import content
from swarmtui.tui.actions.action import Mode, Scope
from swarmtui.tui.screens.acting import ActionScreen, Thing
from swarmtui.tui.view import format as say
from swarmtui.tui.view.compared import ComparedRows, diff_lines, totals
from swarmtui.tui.view.nodes import name_of
from swarmtui.tui.widgets.lines import TextView, entitle
from swarmtui.tui.widgets.looks import looks
from swarmtui.tui.widgets.table import RowTable

if TYPE_CHECKING:
    from swarmtui.session.compare import Comparison
    from swarmtui.tui.comparing import DiffOf
    from swarmtui.tui.view.lines import Line


class CompareScreen(ActionScreen):
    """The table of nodes, and below it the output of the selected one."""

    SCOPE = Scope.COMPARE
    CSS_PATH = "compare.tcss"

    def __init__(self, found: Comparison, diff_of: DiffOf) -> None:
        super().__init__()
        self._found, self._diff_of = found, diff_of
        self._rows = ComparedRows(found)

    @property
    def mode(self) -> Mode:
        """Its keys are the same wherever it was come from: of a replay, too, the sessions are held against each other
        as they are by now."""
        return Mode.LIVE

    def compose(self) -> ComposeResult:
        """Totals, nodes, difference, keys."""
        yield TextView(id="totals")
        yield RowTable(id="compared")
        yield TextView(id="diff")
        yield from self.compose_footer()

    def on_mount(self) -> None:
        """All nodes, and the first of them."""
        self.query_one("#totals").can_focus = False
        self.query_one("#totals").styles.height = 2 if self._found.common is None else 3
        self.query_one(RowTable).focus()
        self.draw_footer()
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        glyphs = looks(self.query_one(RowTable)).glyphs

        def summed(width: int) -> list[Line]:
            return totals(self._found, width, glyphs)

        self.query_one("#totals", TextView).show(summed, top=True)
        table = self.query_one(RowTable)
        table.show(self._rows)
        different = sum(1 for row in self._found.rows if not row.equal)
        told = f"{say.nodes(len(self._found.rows))}, {different} differ"
        entitle(table, f"{told}: those alone" if self._rows.only_different else told)
        self._show(table.selected)

    @on(RowTable.RowSelected)
    def _selected(self, message: RowTable.RowSelected) -> None:
        self._show(message.key)

    def _show(self, node: str) -> None:
        view = self.query_one("#diff", TextView)
        entitle(view, f"output of {name_of(node, 60)}: - A, + B" if node else "output")
        if node:
            self.run_worker(self._read(node), exclusive=True, group="diff")

    async def _read(self, node: str) -> None:
        try:
            diff = [content.plain(line).replace("\n", " ") for line in await self._diff_of(node)]
        except Exception as error:  # noqa: BLE001 - told in the pane: an output may be gone from the disk
            diff = [f"@ {content.plain(str(error))}"]
        self.query_one("#diff", TextView).show(lambda width: diff_lines(diff, width), top=True)

    def do_form(self) -> None:
        """v: all nodes, or those that differ."""
        self._rows = ComparedRows(self._found, not self._rows.only_different)
        self._draw()

    def do_leave(self) -> None:
        """q: back to where it was asked for, or out where that is nowhere."""
        if len(self.app.screen_stack) > 1:
            self.dismiss(None)
        else:
            self.app.exit(None)

    def things(self) -> Iterable[Thing]:
        """Its nodes."""
        for row in self._rows.rows:
            yield Thing("node", row.id, "", partial(self.query_one(RowTable).select, row.id))
