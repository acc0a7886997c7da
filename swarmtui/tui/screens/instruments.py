"""The instruments among the parts of the run screen: the timeline, the gauges of pools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmtui.tui.actions.table import BY_ID
from swarmtui.tui.screens.part import Part
from swarmtui.tui.view.budget import budget_lines
from swarmtui.tui.view.pool_words import pane_lines, pool_lines
from swarmtui.tui.view.pools import Gauge, gauges
from swarmtui.tui.view.timeline import SLOW, SORTS
from swarmtui.tui.view.timescale import SCALES
from swarmtui.tui.widgets.lines import TextView
from swarmtui.tui.widgets.looks import workbench
from swarmtui.tui.widgets.timeline import TimelineView

if TYPE_CHECKING:
    from swarmtui.host.feed import Changes
    from swarmtui.tui.memory import Memory
    from swarmtui.tui.screens.parted import Parted
    from swarmtui.tui.view.lines import Line


class TimelinePart(Part[TimelineView]):
    """When what waited and worked."""

    VIEW = "timeline"

    def __init__(self, screen: Parted) -> None:
        super().__init__(screen, TimelineView(workbench(screen).flights, id="timeline"))

    def draw(self) -> None:
        """Draw what is visible of it."""
        app = workbench(self.screen)
        app.past_flights.fetch()
        self.widget.timeline.state = app.state
        self.widget.select(app.selected)
        self.widget.show()

    def select(self, node: str) -> None:
        """Put its cursor there."""
        self.widget.select(node)

    def find(self, text: str) -> None:
        """Show the nodes that match."""
        self.widget.find(text)

    def recall(self, memory: Memory) -> None:
        """By what rows are sorted, and how much time a cell stands for."""
        key, timeline = memory.get("timeline.sort", SORTS[0]), self.widget.timeline
        timeline.sort = (key if key in SORTS else SORTS[0], memory.get("timeline.reversed", False))
        scale = memory.get("timeline.scale", 0.0)
        timeline.window.scale = scale if scale in SCALES else 0.0

    def keep(self, memory: Memory) -> None:
        """Remember them."""
        key, turned = self.widget.timeline.sort
        memory.put("timeline.sort", key)
        memory.put("timeline.reversed", turned)
        memory.put("timeline.scale", float(self.widget.timeline.window.scale))

    def zoom(self, step: int) -> None:
        """Closer (1), or farther (-1); where it is not shown, it is."""
        if not self.widget.display:
            self.screen.set_view(self.VIEW)
        else:
            self.widget.zoom(step)


class PoolsPart(Part[TextView]):
    """What each pool may do, does, and is held back by."""

    VIEW = "pools"

    def __init__(self, screen: Parted) -> None:
        super().__init__(screen, TextView(id="pools"))
        self._found: list[Gauge] = []
        self._found_for: object = None

    def absorb(self, changes: Changes) -> None:
        """Another state may have other pools."""
        if changes.reset:
            self._found_for = None

    def draw(self) -> None:
        """Draw the gauges; among other panes, as much of them as has room."""
        app = workbench(self.screen)
        app.past_flights.fetch()
        found = self._gauges()
        self.widget.show(self._all if self.alone else lambda width: self._few(found, width))

    def _gauges(self) -> list[Gauge]:
        app = workbench(self.screen)
        second = int(app.moment.session)
        key = (id(app.state), second) if len(app.state.nodes) > SLOW else (app.state.seq, app.flights.seen, second)
        if key != self._found_for:
            self._found, self._found_for = self._gauged(), key
        return self._found

    def _gauged(self) -> list[Gauge]:
        app = workbench(self.screen)
        return gauges(app.state, app.flights, app.moment.session, app.with_keys)

    def _few(self, found: list[Gauge], width: int) -> list[Line]:
        app = workbench(self.screen)
        if not found:
            return [((" what each pool does is shown here", "faint"),)]
        return pane_lines(found, width, self.widget.size.height, app.moment.session, app.looks.glyphs)

    def _all(self, width: int) -> list[Line]:
        app = workbench(self.screen)
        glyphs = app.looks.glyphs
        changes = "" if self.screen.refusal(BY_ID["budget"]) else f"   {app.key_of('budget')} changes it"
        lines: list[Line] = [((" budget", "strong"), (changes, "faint"))]
        key = "" if self.screen.refusal(BY_ID["forecast"]) else app.key_of("forecast")
        lines += budget_lines(app.state, app.moment.session, width, glyphs, forecasts=key)
        for gauge in self._gauges():
            lines.append(())
            lines += pool_lines(app.state, gauge, width, app.moment, glyphs)
        return lines
