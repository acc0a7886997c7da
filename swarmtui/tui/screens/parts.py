"""Two parts of the run screen: the graph, the log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from swarmtui.tui.screens.part import Part
from swarmtui.tui.view.folding import kept, recalled
from swarmtui.tui.view.logs import LEVELS
from swarmtui.tui.view.shape import ZOOMS
from swarmtui.tui.view.watching import company
from swarmtui.tui.widgets.graph import GraphView
from swarmtui.tui.widgets.lines import entitle, undertitle
from swarmtui.tui.widgets.log import LogView
from swarmtui.tui.widgets.looks import workbench

if TYPE_CHECKING:
    from swarmtui.host.feed import Changes
    from swarmtui.session.events import Event
    from swarmtui.tui.memory import Memory
    from swarmtui.tui.screens.parted import Parted


class GraphPart(Part[GraphView]):
    """The graph, or the list of nodes where there is little room."""

    VIEW = "graph"

    def __init__(self, screen: Parted) -> None:
        super().__init__(screen, GraphView(id="graph"))
        self.widget.graph.folds = True
        self.widget.following = True
        self._folds_of = ""
        """The session of which it is known what the user has folded and unfolded."""
        self._folds: dict[str, bool] = {}
        """What of it is remembered."""

    def draw(self) -> None:
        """Draw what is visible of it; where nothing is selected yet, the graph says what comes first."""
        app, view = workbench(self.screen), self.widget
        view.graph.listed = self.screen.size.width < 100
        self._recall_folds(app.state.id, app.memory)
        view.show(app.state)
        app.selected = app.selected or view.graph.selected
        view.select(app.selected)
        graph, dot = view.graph, app.looks.glyphs.dot
        told = [
            "follows what runs" if view.following and view.overflows else "",
            "" if graph.zoom == "fit" else graph.zoom,
            f"{graph.folded} folded" if graph.folded else "",
        ]
        words = f" {dot} ".join(word for word in told if word)
        entitle(view, f"graph {app.looks.glyphs.dash} {words}" if words else "graph")

    def select(self, node: str) -> None:
        """Put its cursor there."""
        self.widget.select(node)

    def find(self, text: str) -> None:
        """Light what matches."""
        self.widget.find(text)

    def recall(self, memory: Memory) -> None:
        """Form, zoom, and whether it follows."""
        graph, zoom, form = self.widget.graph, memory.get("run.zoom", "fit"), memory.get("run.form", "")
        self.widget.following = memory.get("run.follow", True)
        graph.zoom = next((one for one in ZOOMS if one == zoom), "fit")
        graph.wanted = "columns" if form == "columns" else "list" if form == "list" else None
        graph.folding.automatic = memory.get("run.fold", True)

    def keep(self, memory: Memory) -> None:
        """Remember them."""
        memory.put("run.follow", self.widget.following)
        memory.put("run.zoom", self.widget.graph.zoom)
        memory.put("run.form", self.widget.graph.wanted or "")
        wanted = self.widget.graph.folding.wanted
        if self._folds_of and wanted != self._folds:
            self._folds = dict(wanted)
            memory.put("run.folds", kept(memory.get("run.folds", []), self._folds_of, wanted))

    def _recall_folds(self, session: str, memory: Memory) -> None:
        """As they were left, once it is known which session this is."""
        if session != self._folds_of:
            self._folds_of, self._folds = session, recalled(memory.get("run.folds", []), session)
            if self._folds != self.widget.graph.folding.wanted:
                self.widget.graph.folding.wanted = dict(self._folds)
                self.widget.graph.refold()


class LogPart(Part[LogView]):
    """What has happened."""

    VIEW = "log"

    def __init__(self, screen: Parted) -> None:
        super().__init__(screen, LogView(id="log"))

    def absorb(self, changes: Changes) -> None:
        """What happened; lines are made of what is looked at."""
        if changes.reset:
            self.widget.clear()
        self.widget.add(changes.events)

    def put_history(self, events: Iterable[Event]) -> None:
        """What happened before we came."""
        self.widget.put_before(events)

    def look_for(self, text: str) -> None:
        """Light words, and show the lines of some nodes only."""
        self.widget.look_for(text)

    def draw(self) -> None:
        """What is shown stands above it, who watches below it."""
        self.widget.settle()
        app = workbench(self.screen)
        level = {"info": "", "warning": "warnings", "debug": "all"}.get(self.widget.level, self.widget.level)
        of = f"of {', '.join(self.widget.nodes)}" if self.widget.nodes else ""
        held = "" if self.widget.following else app.with_keys("held, {last} follows")
        told = ", ".join(part for part in (level, of, held) if part)
        entitle(self.widget, f"log {app.looks.glyphs.dash} {told}" if told else "log")
        undertitle(self.widget, company(app.status))

    def recall(self, memory: Memory) -> None:
        """The level."""
        level = memory.get("run.log_level", "info")
        self.widget.set_level(next((one for one in LEVELS if one == level), "info"))

    def keep(self, memory: Memory) -> None:
        """Remember it."""
        memory.put("run.log_level", self.widget.level)
