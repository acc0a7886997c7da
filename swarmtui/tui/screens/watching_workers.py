"""What the user does with the panes of workers: from one to the next, a page on, all the room for one, pins."""

from __future__ import annotations

from swarmtui.tui import content
from swarmtui.tui.screens.part import EVERYTHING
from swarmtui.tui.screens.parted import Parted
from swarmtui.tui.screens.workers_part import WorkersPart
from swarmtui.tui.widgets.looks import workbench
from swarmtui.tui.widgets.panes import PaneGrid


class WatchingWorkers(Parted):
    """Part of the run screen."""

    @property
    def workers_part(self) -> WorkersPart:
        """The panes."""
        return self.part(WorkersPart)

    @property
    def _in_panes(self) -> bool:
        return isinstance(self.focused, PaneGrid)

    def go(self, dx: int, dy: int) -> None:
        """Move in the focused pane; among workers, from one to the next."""
        if self._in_panes:
            self.workers_part.step(dx + dy)
        else:
            super().go(dx, dy)

    def do_page_up(self) -> None:
        """A page up; among workers, those before."""
        if self._in_panes:
            self.workers_part.turn_page(-1)
        else:
            super().do_page_up()

    def do_page_down(self) -> None:
        """A page down; among workers, those after."""
        if self._in_panes:
            self.workers_part.turn_page(1)
        else:
            super().do_page_down()

    def do_pin(self) -> None:
        """K."""
        pinned = self.workers_part.pin()
        if pinned is None:
            content.notice(self.app, "no node is selected whose pane could be kept in front", "warning")
        else:
            content.notice(self.app, "the pane is kept in front" if pinned else "the pane goes with the others again")
        self.redraw()

    def turns_text(self) -> bool:
        """v: among workers Markdown as it is meant, or as it is written; whether that was so."""
        if not self._in_panes:
            return False
        workers = self.workers_part
        workers.source = not workers.source
        content.notice(self.app, "Markdown as it is written" if workers.source else "Markdown as it is meant")
        self.redraw()
        return True

    def do_widen(self) -> None:
        """w: the whole screen for the focused pane; of the workers then for the one that is looked at, then back."""
        workers = self.workers_part
        if self._in_panes and self.view == workers.VIEW and not workers.maximised:
            self.maximise(on=True)
            return
        workers.maximised = False
        focused = next((part for part in self.parts if part.widget is self.focused), self.parts[0])
        self.set_view(EVERYTHING if self.view != EVERYTHING else focused.VIEW)

    def maximise(self, *, on: bool) -> None:
        """All the room for the pane that is looked at, or no longer."""
        workers = self.workers_part
        workers.maximised = on
        if on and self.view != workers.VIEW:
            self.set_view(workers.VIEW)
        self.redraw()

    def enlarges(self) -> bool:
        """enter on a pane: all the room for it, if it has not; whether that was so."""
        if not self._in_panes or self.workers_part.maximised:
            return False
        self.maximise(on=True)
        return True

    def shrinks(self) -> bool:
        """esc: the other workers come back; whether they were away."""
        if not self.workers_part.maximised:
            return False
        self.maximise(on=False)
        return True

    def on_pane_grid_pane_selected(self, message: PaneGrid.PaneSelected) -> None:
        """A click looks at it, two give it all the room, and in there open its node."""
        if not self.stands:
            return
        if message.opened and self.workers_part.maximised:
            workbench(self).open_node(message.key[0])
            return
        self.workers_part.look_at(message.key)
        if message.opened:
            self.maximise(on=True)
