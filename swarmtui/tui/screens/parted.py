"""The run screen as its parts: which there are, which of them are shown, and the node that all of them look at.

A new pane is a class in :data:`PARTS`, a place for its widget's ``id`` in ``run.tcss``, and an action that shows it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from textual.widget import Widget

from swarmtui.tui.actions.action import Mode
from swarmtui.tui.screens.instruments import PoolsPart, TimelinePart
from swarmtui.tui.screens.part import EVERYTHING, Part
from swarmtui.tui.screens.parts import GraphPart, LogPart
from swarmtui.tui.screens.session import SessionScreen
from swarmtui.tui.screens.table_part import TablePart
from swarmtui.tui.screens.workers_part import WorkersPart
from swarmtui.tui.widgets.graph import GraphView
from swarmtui.tui.widgets.looks import workbench

if TYPE_CHECKING:
    from swarmtui.host.feed import Changes

P = TypeVar("P", bound=Part[Widget])
PARTS: tuple[Callable[[Parted], Part[Widget]], ...] = (
    GraphPart, WorkersPart, TablePart, LogPart, TimelinePart, PoolsPart,
)  # fmt: skip
"""In the order of the tab key."""


class Parted(SessionScreen):
    """What everything on the run screen builds on."""

    def __init__(self) -> None:
        super().__init__()
        self.view = EVERYTHING
        """The name of the part that is shown alone, or :data:`EVERYTHING`."""
        self.parts = tuple(make(self) for make in PARTS)
        self._by_kind: dict[object, Part[Widget]] = {type(part): part for part in self.parts}

    def part(self, kind: type[P]) -> P:
        """The part of a kind."""
        return cast("P", self._by_kind[kind])

    @property
    def graph(self) -> GraphView:
        """The graph."""
        return self.part(GraphPart).widget

    @property
    def table(self) -> TablePart:
        """The part with the rows and the marks."""
        return self.part(TablePart)

    @property
    def stands(self) -> bool:
        """Whether its widgets are there."""
        return super().stands and all(part.widget.is_attached for part in self.parts)

    def absorb(self, changes: Changes) -> None:
        """Each part takes note."""
        for part in self.parts:
            part.absorb(changes)

    def redraw(self) -> None:
        """Draw what is visible."""
        if not self.stands:
            return
        memory = workbench(self).memory
        for part in self.parts:
            if part.widget.display:
                part.draw()
            part.keep(memory)
        super().redraw()

    def set_view(self, view: str) -> None:
        """Show all parts, or the one of that name alone. How one looks at a session is remembered, but not of a replay:
        each begins with everything."""
        self.view = view
        if self.mode is not Mode.REPLAY:
            workbench(self).memory.put("run.view", view)
        alone = next((part for part in self.parts if view == part.VIEW), None)
        for part in self.parts:
            part.widget.set_class(part is alone, "-chosen")
        self.set_class(alone is not None, "-alone")
        (self.graph if alone is None else alone.widget).focus()
        self.call_after_refresh(self.redraw)

    def select(self, node: str, source: Widget | None = None) -> None:
        """Put every cursor on `node`; that of `source` is there already."""
        if not self.stands:
            return
        workbench(self).selected = node
        for part in self.parts:
            if part.widget is not source and part.widget.display:
                part.select(node)
        super().redraw()
