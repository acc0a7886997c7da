"""The graph, live: columns where they fit, else the rail list. It follows what runs while nobody moves about in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual import events
from textual.geometry import Region, Size

from swarmtui.tui import content
from swarmtui.tui.view import format as say
from swarmtui.tui.view.front import QUIET_S, View, look_at_front
from swarmtui.tui.view.graph import Graph
from swarmtui.tui.view.shape import ZOOMS, Form, Zoom
from swarmtui.tui.widgets.lines import LineView, Shown
from swarmtui.tui.widgets.looks import looks, moment, workbench
from swarmtui.tui.widgets.nodes import NodeOpened, NodeSelected

if TYPE_CHECKING:
    from swarmtui.session.state import SessionState
    from swarmtui.tui.view.folding import Group


class GraphView(LineView):
    """Draws a :class:`Graph`. Posts what the user selects and opens."""

    DEFAULT_CSS = "GraphView { overflow-x: auto; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.graph = Graph()
        self.following = False
        """Whether what runs is kept in view while nobody moves about."""
        self._touched_at = -QUIET_S
        self._held: tuple[int, int, float, float] | None = None
        self._dragged = False
        self._path = ""
        self._arranging = False
        """Whether a thread is at it."""
        self._unknown = False
        """Whether the drawing there is would be one of nodes that are not there."""

    def prepare(self, state: SessionState, width: int, height: int) -> None:
        """Know what `state` is before there is a place to draw it on, which will be about as large as this."""
        self.graph.state = state
        if not self.graph.is_large:
            self.graph.resize(width, height)

    def show(self, state: SessionState) -> None:
        """Draw `state`; cheap if only nodes' states changed."""
        self.graph.state = state
        self.graph.glyphs = looks(self).glyphs
        self.fit()
        if self.following and self.untouched:
            self._follow()
        self.changed()

    # -- following --------------------------------------------------------------------------------------------

    @property
    def untouched(self) -> bool:
        """Whether nobody has moved about in it of late."""
        return self._held is None and moment(self).wall - self._touched_at >= QUIET_S

    @property
    def overflows(self) -> bool:
        """Whether there is more of the drawing than is visible."""
        return self.max_scroll_x > 0 or self.max_scroll_y > 0

    def touch(self) -> None:
        """Somebody moves about: what they look at stays where it is."""
        self._touched_at = moment(self).wall

    def follow(self, following: bool) -> None:
        """Keep what runs in view, from now on, or no longer."""
        self.following = following
        self._touched_at = -QUIET_S
        if following:
            self._follow()
            self.changed()

    def _follow(self) -> None:
        view = View(*self.scroll_offset, self.room, self.size.height)
        x, y = look_at_front(view, self.graph.running(), (self.virtual_size.width, self.virtual_size.height))
        if (x, y) != tuple(self.scroll_offset):
            self.scroll_to(x, y, animate=False)

    def fit(self) -> None:
        """Arrange the graph for the size there is: a large one on a thread, and until that is done it is drawn as it
        was before. While it is hidden there is no size, and its plan may be an older one."""
        graph, width, height = self.graph, self.size.width, self.container_size.height
        if not width:
            return
        if not graph.fits(width, height):
            if graph.is_large:
                self._arrange_on_thread()
            else:
                graph.resize(width, height)
                self._arranged()
        self._unknown = not graph.is_known
        path = "" if self._unknown else graph.path_line(width - 6, moment(self).session)
        if path != self._path:
            self._path = path
            self.border_subtitle = content.line(path)

    def _arranged(self) -> None:
        self.extend(Size(*self.graph.size))
        if not (self.following and self.untouched):
            self.reveal()

    def _arrange_on_thread(self) -> None:
        if not self._arranging:
            self._arranging = True
            self.run_worker(self._arrange(), name="layout")

    async def _arrange(self) -> None:
        """Until the graph is arranged for what is known and for the size there is by then."""
        graph = self.graph
        try:
            while self.is_attached and not graph.fits(self.size.width, self.container_size.height):
                twin = graph.twin()
                await asyncio.to_thread(twin.resize, self.size.width, self.container_size.height)
                graph.adopt(twin)
        finally:
            self._arranging = False
        if self.is_attached:
            self._arranged()
            workbench(self).draw_now()

    def on_resize(self, event: events.Resize) -> None:
        """Another size may need another form."""
        self.fit()

    def line_at(self, y: int, width: int) -> Shown:
        """A line of the drawing, or why there is none yet."""
        if self._unknown:
            told = f" laying out {say.nodes(len(self.graph.state.nodes))}{looks(self).glyphs.cut}"
            return (((told, "muted"),) if y == 0 else ()), None
        if not self.graph.state.nodes:
            return (((" the plan is drawn here once there is one", "faint"),) if y == 0 else ()), None
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
        """Draw in this form, or in whichever fits; arranged anew."""
        self.graph.wanted = form
        self.graph.forget_order()
        self._reshaped()

    def next_zoom(self) -> Zoom:
        """Say more of each node, or less."""
        self.graph.zoom = ZOOMS[(ZOOMS.index(self.graph.zoom) + 1) % len(ZOOMS)]
        self._reshaped()
        return self.graph.zoom

    def fold(self) -> Group | None:
        """Fold what is under the cursor, or unfold it; what that is, if anything."""
        group = self.graph.fold()
        if group is not None:
            self._reshaped()
        return group

    def mark(self, nodes: frozenset[str]) -> None:
        """Show that the user has marked `nodes`."""
        if nodes != self.graph.marked:
            self.graph.marked = nodes
            self.changed()

    def _reshaped(self) -> None:
        self.touch()
        self.fit()
        self.reveal()
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
        self.touch()
        self.reveal()
        self.changed()
        if self.graph.selected:
            self.post_message(NodeSelected(self, self.graph.selected))

    # -- the mouse --------------------------------------------------------------------------------------------

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of the drawing."""
        self._held = (event.screen_x, event.screen_y, self.scroll_x, self.scroll_y)
        self._dragged = False
        self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The drawing goes with the mouse."""
        if self._held is None:
            return
        from_x, from_y, x, y = self._held
        moved_x, moved_y = event.screen_x - from_x, event.screen_y - from_y
        if self._dragged or abs(moved_x) + abs(moved_y) > 1:
            self._dragged = True
            self.touch()
            self.scroll_to(x - moved_x, y - moved_y, animate=False)
            self.changed()

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let it go."""
        self._held = None
        self.release_mouse()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves about."""
        self.touch()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves about."""
        self.touch()

    def jumps(self) -> Iterator[tuple[int, int, Callable[[], object]]]:
        """The nodes that are visible."""
        x, y = self.scroll_offset
        seen = Region(x, y, self.size.width, self.size.height)
        for node in self.graph.state.nodes:
            place = self.graph.place(node)
            if place is not None and seen.contains(place[0], place[1]):
                yield place[0] - x, place[1] - y, partial(self._jump, node)

    def _jump(self, node: str) -> None:
        self.focus()
        self.graph.select(node)
        self._selected()

    def on_click(self, event: events.Click) -> None:
        """Select; twice: open. Where the drawing was dragged, nothing."""
        offset = event.get_content_offset(self)
        if offset is None or self._dragged:
            return
        node = self.graph.at(offset.x + self.scroll_offset.x, offset.y + self.scroll_offset.y)
        if node is None:
            return
        self.graph.select(node)
        self._selected()
        if event.chain == 2:
            self.post_message(NodeOpened(self, node))
