"""The graph, live: columns where they fit, else the rail list."""

from __future__ import annotations

from textual import events
from textual.geometry import Region, Size
from textual.message import Message

from swarmtui.session.state import SessionState
from swarmtui.tui import content
from swarmtui.tui.view.graph import Form, Graph
from swarmtui.tui.widgets.lines import LineView, Shown
from swarmtui.tui.widgets.looks import looks, moment


class GraphView(LineView):
    """Draws a :class:`Graph`. Posts what the user selects and opens."""

    DEFAULT_CSS = "GraphView { overflow-x: auto; }"

    class NodeSelected(Message):
        """Another node was selected."""

        def __init__(self, node: str) -> None:
            super().__init__()
            self.node = node

    class NodeOpened(Message):
        """The user wants to see a node."""

        def __init__(self, node: str) -> None:
            super().__init__()
            self.node = node

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.graph = Graph()
        self._path = ""

    def show(self, state: SessionState) -> None:
        """Draw `state`; cheap if only nodes' states changed."""
        self.graph.state = state
        self.graph.glyphs = looks(self).glyphs
        self.fit()
        self.changed()

    def fit(self) -> None:
        """Arrange the graph for the size there is."""
        if self.graph.resize(self.size.width, self.container_size.height):
            width, height = self.graph.size
            self.virtual_size = Size(width, height)
            self.reveal()
        path = self.graph.path_line(self.size.width - 6, moment(self).session)
        if path != self._path:
            self._path = path
            self.border_subtitle = content.line(path)

    def on_resize(self, event: events.Resize) -> None:
        """Another size may need another form."""
        self.fit()

    def line_at(self, y: int, width: int) -> Shown:
        """A line of the drawing."""
        return self.graph.line(y, self.scroll_offset.x, width, moment(self))

    def go(self, dx: int, dy: int) -> None:
        """Select a neighbour."""
        self.graph.move(dx, dy)
        self._selected()

    def go_to_end(self, last: bool) -> None:
        """Select the first or last node."""
        self.graph.ends(last)
        self._selected()

    def select(self, node: str) -> None:
        """Select `node`, without a message."""
        if node != self.graph.selected:
            self.graph.select(node)
            self.reveal()
            self.changed()

    def next_match(self, step: int) -> bool:
        """Select the next match of the search."""
        found = self.graph.next_found(step)
        self._selected()
        return found

    def find(self, text: str) -> int:
        """Mark matches; how many there are."""
        before = self.graph.selected
        number = self.graph.search(text)
        if self.graph.selected != before:
            self._selected()
        self.changed()
        return number

    def set_form(self, form: Form | None) -> None:
        """Draw in this form, or in whichever fits."""
        self.graph.wanted = form
        self.fit()
        self.changed()

    def toggle_focus(self) -> bool:
        """Dim what is far from the selected node, or no longer."""
        self.graph.focused = not self.graph.focused
        self.changed()
        return self.graph.focused

    def reveal(self) -> None:
        """Scroll to the selected node."""
        place = self.graph.place(self.graph.selected)
        if place is not None:
            self.show_region(Region(*place))

    def _selected(self) -> None:
        self.reveal()
        self.changed()
        if self.graph.selected:
            self.post_message(self.NodeSelected(self.graph.selected))

    def on_click(self, event: events.Click) -> None:
        """Select; twice: open."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        node = self.graph.at(offset.x + self.scroll_offset.x, offset.y + self.scroll_offset.y)
        if node is None:
            return
        self.graph.select(node)
        self._selected()
        if event.chain == 2:
            self.post_message(self.NodeOpened(node))
