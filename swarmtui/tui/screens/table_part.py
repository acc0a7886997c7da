"""The pane of nodes as rows, or of the items of a map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from swarmtui.tui.screens.part import Part
from swarmtui.tui.view import format as say
from swarmtui.tui.view.nodes import name_of
from swarmtui.tui.view.table import ITEM_SORTS, SORTS, ItemRows, NodeRows
from swarmtui.tui.widgets.lines import entitle
from swarmtui.tui.widgets.looks import workbench
from swarmtui.tui.widgets.table import RowTable

if TYPE_CHECKING:
    from swarmtui.plan.model import JSON
    from swarmtui.tui.memory import Memory
    from swarmtui.tui.screens.parted import Parted

SLOW_SORT = 2_000
"""Above so many nodes a sorted table is put in order once a second, not with every frame."""


class TablePart(Part[RowTable]):
    """The nodes as rows; or, of a map that was opened, its items."""

    VIEW = "table"

    def __init__(self, screen: Parted) -> None:
        super().__init__(screen, RowTable(id="table"))
        self.rows = NodeRows()
        self.marked: set[str] = set()
        """Nodes that the user has marked."""
        self.items_of = ""
        """The map whose items are shown; empty: the nodes are."""
        self._items: ItemRows | None = None
        self._item_sort: tuple[str, bool] = ("state", False)
        self._item_names: tuple[str, ...] = ()
        self._items_marked: set[str] = set()
        self._node = ""
        self._sorted_at = -1.0
        self._sorted_plan: object = None

    # -- drawing ----------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw the rows there are after filter and sort."""
        app, table = workbench(self.screen), self.widget
        self.marked &= app.state.nodes.keys()
        if self.items_of and self._draw_items():
            return
        rows = self.rows
        rows.state = app.state
        if self._due(len(app.state.nodes)) or self._sorted_plan is not app.state.plan:
            rows.choose(app.moment)
            self._sorted_at, self._sorted_plan = app.moment.wall, app.state.plan
        table.mark(self.marked)
        table.show(rows)
        table.select(app.selected)
        shown = f"{len(rows):,} of {len(app.state.nodes):,}" if rows.filter else say.nodes(len(rows))
        self._entitle(shown, rows.filter, rows.sort, len(self.marked))

    def _due(self, number: int) -> bool:
        return number <= SLOW_SORT or abs(workbench(self.screen).moment.wall - self._sorted_at) >= 1

    def _draw_items(self) -> bool:
        """Draw the items of the map that is open; False if there is no such map any more."""
        app = workbench(self.screen)
        node = app.state.nodes.get(self.items_of)
        if node is None or node.items is None:
            self.close_items()
            return False
        rows = self._items
        if rows is None or rows.items is not node.items:
            kept = rows.filter if rows else ""
            rows = self._items = ItemRows(node.items, self._item_sort, filter=kept, names=self._item_names)
        elif self._due(node.items.total):
            rows.choose()
        if self._due(node.items.total):
            self._sorted_at = app.moment.wall
        self.widget.mark(self._items_marked)
        self.widget.show(rows)
        shown = f"{len(rows):,} of {node.items.total:,} items" if rows.filter else f"{len(rows):,} items"
        self._entitle(f"{name_of(node.id)}: {shown}", rows.filter, rows.sort, len(self._items_marked))
        return True

    def _entitle(self, shown: str, words: str, sort: tuple[str, bool], marked: int) -> None:
        (key, descending), app = sort, workbench(self.screen)
        parts = [
            shown, words, f"by {key} {'down' if descending else 'up'}" if key else "",
            f"{marked:,} marked" if marked else "", app.with_keys("{back}: the nodes") if self.items_of else "",
        ]  # fmt: skip
        entitle(self.widget, f"table {app.looks.glyphs.dash} " + ", ".join(part for part in parts if part))

    def select(self, node: str) -> None:
        """Put its cursor there."""
        if not self.items_of:
            self.widget.select(node)

    # -- order and filter -------------------------------------------------------------------------------------

    @property
    def sort(self) -> tuple[str, bool]:
        """What the rows are sorted by, and whether descending."""
        return self._item_sort if self.items_of else self.rows.sort

    @property
    def sorts(self) -> tuple[str, ...]:
        """What they can be sorted by, one after the other."""
        return ITEM_SORTS if self.items_of else SORTS

    def sort_by(self, key: str, *, descending: bool) -> None:
        """Sort anew with the next frame."""
        if self.items_of:
            self._item_sort = (key, descending)
            if self._items is not None:
                self._items.sort = self._item_sort
        else:
            self.rows.sort = (key, descending)
        self._sorted_at = -1.0

    @property
    def filter(self) -> str:
        """The words that rows must have."""
        return self._items.filter if self.items_of and self._items is not None else self.rows.filter

    def find(self, text: str) -> None:
        """Show the rows that match."""
        if self.items_of and self._items is not None:
            self._items.filter = text
        else:
            self.rows.filter = text
        self._sorted_at = -1.0

    # -- items ------------------------------------------------------------------------------------------------

    def open_items(self, node: str) -> None:
        """Show the items of a map."""
        self.items_of, self._node, self._items, self._sorted_at = node, node, None, -1.0
        self._items_marked.clear()

    def close_items(self) -> None:
        """Show the nodes again."""
        self.items_of, self._items, self._sorted_at = "", None, -1.0

    def items_meant(self, limit: int | None = None) -> list[int]:
        """The items that a key is about: those that are marked, else the one under the cursor."""
        keys = self._items_marked or ({self.widget.selected} - {""})
        numbers = [int(key) for key in keys]
        return numbers if limit is None else numbers[:limit]

    # -- marks ------------------------------------------------------------------------------------------------

    def turn(self, nodes: Sequence[str]) -> None:
        """Mark nodes; where all of them are marked, none."""
        known = [node for node in nodes if node in workbench(self.screen).state.nodes]
        if self.marked.issuperset(known):
            self.marked.difference_update(known)
        else:
            self.marked.update(known)

    def turn_item(self) -> None:
        """Mark the item under the cursor, or no longer."""
        self._items_marked ^= {self.widget.selected} - {""}

    def turn_all(self) -> None:
        """Mark all rows that are shown; where they are marked, none."""
        if self.items_of and self._items is not None:
            shown = {str(item) for item in self._items.order}
            self._items_marked ^= shown if shown <= self._items_marked else shown - self._items_marked
        else:
            self.turn(self.rows.ids)

    def unmark(self) -> bool:
        """Mark nothing; whether anything was."""
        some = self._items_marked if self.items_of else self.marked
        found = bool(some)
        some.clear()
        return found

    # -- columns ----------------------------------------------------------------------------------------------

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that the user has chosen."""
        return self._item_names if self.items_of else self.rows.names

    def choose_columns(self, names: tuple[str, ...]) -> None:
        """Show these; empty: those of the beginning."""
        memory = workbench(self.screen).memory
        memory.put("columns.items" if self.items_of else "columns.nodes", list(names))
        if self.items_of:
            self._item_names = names
            self._items = None
        else:
            self.rows.names = names

    def recall(self, memory: Memory) -> None:
        """Order and columns of the last time; what the config file says of columns comes first."""
        key, descending = memory.get("run.sort", ""), memory.get("run.sort_down", False)
        self.rows.sort = (key, descending) if key in SORTS else ("", False)
        told = workbench(self.screen).settings.columns
        self.rows.names = told.get("nodes") or strings(memory.get("columns.nodes", []))
        self._item_names = told.get("items") or strings(memory.get("columns.items", []))

    def keep(self, memory: Memory) -> None:
        """Remember the order."""
        memory.put("run.sort", self.rows.sort[0])
        memory.put("run.sort_down", self.rows.sort[1])


def strings(values: Sequence[JSON]) -> tuple[str, ...]:
    """Those of `values` that are texts."""
    return tuple(value for value in values if isinstance(value, str))
