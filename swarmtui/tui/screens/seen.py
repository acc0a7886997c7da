"""What of a session is to be seen on the run screen: no key acts on a node, a graph or a table that is not shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmtui.tui.actions.action import NODE_GROUP, Action
from swarmtui.tui.screens.instruments import PoolsPart, TimelinePart
from swarmtui.tui.screens.part import EVERYTHING
from swarmtui.tui.screens.parted import Parted
from swarmtui.tui.screens.parts import GraphPart, LogPart
from swarmtui.tui.screens.table_part import TablePart
from swarmtui.tui.screens.workers_part import WorkersPart
from swarmtui.tui.widgets.looks import dressed, workbench

if TYPE_CHECKING:
    from swarmtui.session.state import NodeState

_GRAPH = frozenset({EVERYTHING, GraphPart.VIEW})
_TABLE = frozenset({EVERYTHING, TablePart.VIEW})
NEEDS: dict[str, tuple[frozenset[str], str]] = {
    "form": (_GRAPH | {WorkersPart.VIEW}, "graph"),
    **dict.fromkeys(("focus_graph", "zoom", "follow_front", "fold_group"), (_GRAPH, "graph")),
    **dict.fromkeys(("sort", "reverse"), (_TABLE | {TimelinePart.VIEW}, "table")),
    "columns": (_TABLE, "table"),
}
"""Actions by their IDs -> the views in which there is what they are about, and what that is."""


class Seen(Parted):
    """Part of the run screen."""

    @property
    def node(self) -> NodeState | None:
        """The node that actions are about: the selected one, where that is to be seen; in the log alone that of the
        line that was gone to."""
        if self.view == PoolsPart.VIEW:
            return None
        if self.view == LogPart.VIEW:
            log = self.part(LogPart).widget
            return workbench(self).state.nodes.get(log.node)
        return super().node

    @property
    def _has_table(self) -> bool:
        """Whether there is a table to be sorted: among everything, only where there is room for one."""
        return self.view != EVERYTHING or bool(self.table.widget.display)

    def unseen(self, action: Action) -> str | None:
        """Why an action is about nothing that is to be seen; None where it is."""
        views, what = NEEDS.get(action.id, (None, ""))
        if views is not None and (self.view not in views or (what == "table" and not self._has_table)):
            shows = "view_table" if what == "table" else "view_run"
            return dressed(self).with_keys(f"no {what} is shown here: {{{shows}}} shows it")
        about_node = action.group == NODE_GROUP or action.id == "select"
        if not about_node or self.view not in (PoolsPart.VIEW, LogPart.VIEW) or self.node is not None:
            return None
        if self.view == LogPart.VIEW:
            if action.id == "copy":  # the line
                return None
            told = "no line of a node is chosen here: {down} and {up} go to one, {view_run} shows the graph"
            return dressed(self).with_keys(told)
        return dressed(self).with_keys("no node is chosen here: {view_run} shows the graph")
