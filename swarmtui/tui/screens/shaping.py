"""What the user does with the graph of the run screen: its form, what it says, what is folded, what it follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from swarmtui.tui import content
from swarmtui.tui.screens.parted import Parted
from swarmtui.tui.widgets.looks import workbench

if TYPE_CHECKING:
    from swarmtui.tui.view.shape import Zoom

ZOOMED: Mapping[Zoom, str] = {
    "fit": "as much of each node as fits",
    "detail": "nodes with how they stand",
    "names": "nodes by their names",
    "dots": "nodes by their marks alone",
}


class Shaping(Parted):
    """Part of the run screen."""

    def unfolds(self) -> bool:
        """Unfold the group under the cursor, if the cursor is in the graph and on one; whether it was."""
        folded = self.focused is self.graph and self.graph.graph.group is not None
        if folded:
            self.do_fold_group()
        return folded

    def do_form(self) -> None:
        """v."""
        self.graph.set_form("list" if self.graph.graph.form == "columns" else "columns")
        if self.graph.graph.form != self.graph.graph.wanted:
            told = "so many nodes are not drawn as columns: {fold_group} folds what belongs together"
            content.notice(self.app, workbench(self).with_keys(told), "warning")

    def do_focus_graph(self) -> None:
        """f."""
        on_now = self.graph.toggle_focus()
        content.notice(self.app, "only the neighbourhood is lit" if on_now else "the whole graph is lit")

    def do_zoom(self) -> None:
        """Z."""
        content.notice(self.app, ZOOMED[self.graph.next_zoom()])
        self.redraw()

    def do_follow_front(self) -> None:
        """V."""
        self.graph.follow(not self.graph.following)
        follows = self.graph.following
        content.notice(self.app, "the graph follows what runs" if follows else "the graph stays where it is")
        self.redraw()

    def do_fold_group(self) -> None:
        """B."""
        if self.graph.fold() is None:
            content.notice(self.app, "nothing that the node belongs to can be folded", "warning")
        self.redraw()
