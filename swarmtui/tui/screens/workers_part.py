"""The pane of what the workers are saying."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from swarmtui.tui.screens.part import Part
from swarmtui.tui.view.panes import Pane, kept, look_at, panes, read
from swarmtui.tui.view.tails import Key, attempts
from swarmtui.tui.widgets.looks import workbench
from swarmtui.tui.widgets.panes import PaneGrid

if TYPE_CHECKING:
    from swarmtui.tui.screens.parted import Parted


class WorkersPart(Part[PaneGrid]):
    """What the workers are saying; among other panes, above all the selected one."""

    VIEW = "workers"

    def __init__(self, screen: Parted) -> None:
        super().__init__(screen, PaneGrid(id="panes"))
        self._key: Key | None = None
        """The pane that is looked at, where its node has several."""
        self.pinned: list[Key] = []
        self.maximised = False
        """Whether the pane that is looked at has all the room."""
        self.source = False
        """Whether Markdown is shown as it is written."""
        self._page = 0

    # -- drawing ----------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Draw the panes of those at work."""
        if self.alone:
            self._draw_all()
        else:
            self._draw_beside()

    def _pins(self) -> list[Pane]:
        app = workbench(self.screen)
        found = [kept(app.state, key, app.tails, app.moment) for key in self.pinned]
        return [replace(pane, pinned=True) for pane in found if pane is not None]

    def _draw_all(self) -> None:
        app, grid = workbench(self.screen), self.widget
        chosen, pins = self.chosen, self._pins()
        if self.maximised and chosen is not None:
            pane = kept(app.state, chosen, app.tails, app.moment, source=self.source)
            told = app.with_keys("{widen} or {back}: all workers; {open}: the node")
            grid.show([self._read(pane)] if pane else [], chosen, "", told)
            return
        room = max(1, grid.room - len(pins))
        total = sum(1 for _ in attempts(app.state, app.tails))
        pages = max(1, -(-total // room))
        self._page = min(self._page, pages - 1)
        found = panes(app.state, app.tails, app.moment, room, self._page * room)
        shown = [*pins, *(pane for pane in found if pane.key not in self.pinned)]
        turns = app.with_keys("{page_up} {page_down}")
        note = f"{total:,} at work, page {self._page + 1} of {pages}: {turns}" if pages > 1 else ""
        shown = [self._read(pane) if pane.key == chosen else pane for pane in shown]
        visible = chosen if pages == 1 and not pins else None  # pages and pins keep their places: none grows
        grid.show(shown, visible or chosen, "no worker is at work now", note)

    def _draw_beside(self) -> None:
        app, grid, screen = workbench(self.screen), self.widget, self.screen
        looked_at = look_at(app.state, app.selected, app.tails, app.moment, source=self.source)
        pins = [pane for pane in self._pins() if looked_at is None or pane.key != looked_at.key]
        if looked_at is None:
            grid.show(pins, None, "what the selected node says will be shown here")
            return
        if looked_at.key in self.pinned:
            looked_at = replace(looked_at, pinned=True)
        looked_at = self._read(looked_at)
        wide = screen.size.width >= 160 and screen.size.height >= 40
        known = {looked_at.key, *self.pinned}
        at_work = panes(app.state, app.tails, app.moment, grid.room) if wide else []
        others = [pane for pane in at_work if pane.key not in known and pane.node != looked_at.node]
        grid.show([looked_at, *pins, *others], looked_at.key, "")

    def _read(self, pane: Pane) -> Pane:
        """The pane that somebody reads."""
        app = workbench(self.screen)
        return read(app.state, pane, app.tails, source=self.source)

    # -- which one --------------------------------------------------------------------------------------------

    @property
    def chosen(self) -> Key | None:
        """The attempt that is looked at."""
        app = workbench(self.screen)
        if self._key is not None and self._key[0] == app.selected:
            return self._key
        mine = (key for key in self._keys() if key[0] == app.selected)
        return next(mine, (app.selected, None) if app.selected in app.state.nodes else None)

    def _keys(self) -> list[Key]:
        app = workbench(self.screen)
        at_work = [(node.id, item) for node, item, _ in attempts(app.state, app.tails)]
        return list(dict.fromkeys([*self.pinned, *at_work]))

    def look_at(self, key: Key) -> None:
        """Look at one attempt."""
        self._key = key
        self.screen.select(key[0])

    def select(self, node: str) -> None:
        """Show what it says."""
        if self.widget.display:
            self.draw()

    def step(self, by: int) -> None:
        """Look at the worker after, or so many after, the one that is looked at."""
        keys, chosen = self._keys(), self.chosen
        if not keys:
            return
        at = keys.index(chosen) if chosen in keys else -by
        to = (at + by) % len(keys)
        room = max(1, self.widget.room - len(self.pinned))
        self._page = max(0, to - len(self.pinned)) // room
        self.look_at(keys[to])

    def turn_page(self, by: int) -> None:
        """More of those at work."""
        self._page = max(0, self._page + by)
        self.draw()

    def pin(self) -> bool | None:
        """Keep the pane that is looked at in front, or no longer; whether it is now. None if there is none."""
        key = self.chosen
        if key is None:
            return None
        if key in self.pinned:
            self.pinned.remove(key)
        else:
            self.pinned.append(key)
        workbench(self.screen).tails.pinned = frozenset(self.pinned)
        self.draw()
        return key in self.pinned
