"""The graph as it is looked at: what is selected, what is near it, what is searched for, and its lines.

Where a node lies is known to the :class:`~swarmtui.tui.view.shape.Shape` that it is; how a node looks is read from the
state while a line is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import field
from typing import TYPE_CHECKING

from swarmtui.frozen import mutable
from swarmtui.session.pools import QUESTIONS
from swarmtui.tui.view.groups import Tally, group_box, group_list_line, group_under, tally
from swarmtui.tui.view.lines import Line, Role, Span, cells, crop, fit, skip
from swarmtui.tui.view.lines import width as line_width
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.nodes import box_line, list_line, mark_of, name_of, under_line
from swarmtui.tui.view.path import LongestPath
from swarmtui.tui.view.shape import Shape
from swarmtui.tui.view.table import matcher
from swarmtui.tui.view.tracing import lit

if TYPE_CHECKING:
    from swarmtui.plan.model import Plan
    from swarmtui.tui.view.folding import Group
    from swarmtui.tui.view.front import Place
    from swarmtui.tui.view.layout import Box, Cell, Layout
    from swarmtui.tui.view.rail import RailRow

HOPS = 2
_ARRANGED = (
    "form", "_plan", "_fitted", "_size", "_shown", "_behind", "_layering", "_layout", "_style", "_rails", "_row_of",
    "_boxes_at", "_list_name", "_unfolded", "_path", "_critical", "_lit",
)  # fmt: skip
"""What arranging works out."""


def _gone(name: str, size: int) -> Line:
    """A node that went since all of them were laid out: until that is done anew, which is a moment."""
    return ((fit(name_of(name), size), "faint"),)


@mutable
class Graph(Shape):
    """The graph of a session."""

    selected: str = ""
    focused: bool = False
    """Whether all but the selected node's neighbourhood is dimmed."""
    find: str = ""
    marked: frozenset[str] = frozenset()
    """Nodes that the user has marked."""
    _path: LongestPath = field(default_factory=LongestPath)
    _critical: frozenset[str] = frozenset()
    _lit: frozenset[tuple[int, int]] = frozenset()
    _near: frozenset[str] | None = None
    _found: frozenset[str] | None = None
    _tallies: dict[str, Tally] = field(default_factory=dict)
    _tallied: object = None

    # -- arranged elsewhere -----------------------------------------------------------------------------------

    def twin(self) -> Graph:
        """The same of what is known now, to be arranged on a thread while this one is drawn."""
        twin = copy(self)
        twin.state, twin.folding, twin._path = copy(self.state), copy(self.folding), copy(self._path)
        twin.state.nodes, twin.state.plan_nodes = dict(self.state.nodes), dict(self.state.plan_nodes)
        twin.state.measures = measures = copy(self.state.measures)  # events are folded into these meanwhile
        measures.tallies, measures.running = dict(measures.tallies), dict(measures.running)
        twin.folding.wanted = dict(self.folding.wanted)
        return twin

    def adopt(self, twin: Graph) -> None:
        """Be arranged as `twin` has been; what the user has changed meanwhile stays changed."""
        for name in _ARRANGED:
            setattr(self, name, getattr(twin, name))
        twin.folding.wanted, twin.folding.automatic = self.folding.wanted, self.folding.automatic
        self.folding = twin.folding
        self._near = self._found = self._tallied = None
        if self._plan is not None and self.selected not in {node.id for node in self._plan.nodes}:
            self.selected = twin.selected
        if self._refolded != twin._refolded:
            self._fitted, self._unfolded = (), True

    # -- another plan, another place --------------------------------------------------------------------------

    def _take_plan(self, plan: Plan | None) -> None:
        nodes = plan.nodes if plan else ()
        self._path.take({node.id: node.needs for node in nodes})
        Shape._take_plan(self, plan)
        if self.selected not in {node.id for node in nodes}:
            self.selected = next(iter(self._members(next(iter(self._needs), ""))), "")

    def _fold(self) -> None:
        Shape._fold(self)
        self._near = self._found = self._tallied = None

    def _choose_form(self, width: int, height: int) -> None:
        Shape._choose_form(self, width, height)
        self._find_path(self.state.mono, anew=True)

    def running(self) -> list[Place]:
        """Where something is at work."""
        drawn = {
            self._shown.place_of(node.id): None
            for node in self.state.nodes.values()
            if node.running and node.pool != QUESTIONS
        }
        return [place for place in map(self.place, drawn) if place is not None]

    def path_line(self, size: int, mono: float | None = None) -> str:
        """The longest path in words, by session second `mono`: see :class:`LongestPath`."""
        self._find_path(self.state.mono if mono is None else mono)
        return self._path.words(self.state, size, self.glyphs)

    def _find_path(self, mono: float, *, anew: bool = False) -> None:
        if self._plan is None or not (self._path.find(self.state, mono) or anew):
            return
        drawn = tuple(dict.fromkeys(map(self._shown.place_of, self._path.nodes)))
        self._critical = frozenset(drawn)
        self._lit = lit(self._layout, drawn) if self._layout is not None else frozenset()

    # -- folding ----------------------------------------------------------------------------------------------

    @property
    def group(self) -> Group | None:
        """The folded group that the cursor is on."""
        return self._shown.groups.get(self._shown.place_of(self.selected))

    @property
    def folded(self) -> int:
        """How many groups are drawn as one box each."""
        return len(self._shown.groups)

    def fold(self) -> Group | None:
        """Unfold the group under the cursor, or fold the node there with what belongs to it; the group, if any."""
        group = self.group or self.folding.around(self.selected)
        if group is not None:
            self.folding.turn(group)
            self.refold()
        return group

    def _tally(self, group: Group) -> Tally:
        if self._tallied != (self.state.seq, id(self.state)):
            self._tallied = (self.state.seq, id(self.state))
            self._tallies.clear()
        told = self._tallies.get(group.id)
        if told is None:
            told = self._tallies[group.id] = tally(self.state, group)
        return told

    # -- moving -----------------------------------------------------------------------------------------------

    def move(self, dx: int, dy: int) -> None:
        """Select a neighbour: `dy` lines down, or `dx` layers to the right (in a list: to a need or dependent)."""
        order = self.order
        if not order:
            return
        here = self._shown.place_of(self.selected)
        if here not in self._needs:
            self._go_to(order[0])
        elif dy and self._layout is not None:
            self._move_in_layer(self._layout, here, dy)
        elif dy:
            at = self._row_of[here] + dy
            self._go_to(order[max(0, min(len(order) - 1, at))])
        elif dx:
            self._move_across(here, dx)

    def _go_to(self, drawn: str) -> None:
        self.select(self._members(drawn)[0])

    def _move_in_layer(self, layout: Layout, here: str, dy: int) -> None:
        layer = layout.layers[layout.boxes[here].layer]
        at = layer.index(here) + dy
        if 0 <= at < len(layer):
            self._go_to(layer[at])
        elif abs(dy) > 1:
            self._go_to(layer[0 if at < 0 else -1])

    def _move_across(self, here: str, dx: int) -> None:
        near = self._needs[here] if dx < 0 else self._behind.get(here, ())
        if not near:
            return
        if self._layout is None:
            self._go_to(near[0])
            return
        boxes = self._layout.boxes
        own = boxes[here]
        self._go_to(min(near, key=lambda node: (abs(boxes[node].layer - own.layer), abs(boxes[node].row - own.row))))

    def ends(self, last: bool) -> None:
        """Select the first or the last node."""
        if self.order:
            self._go_to(self.order[-1 if last else 0])

    def select(self, node: str) -> None:
        """Select `node`."""
        if self._shown.place_of(node) in self._needs:
            self.selected, self._near = node, None

    def search(self, text: str) -> int:
        """Mark the nodes that `text` matches; how many there are. The nearest one is selected."""
        self.find, self._found = text, None
        found = self.found()
        if found and self.selected not in found:
            self.next_found(1)
        return len(found)

    def found(self) -> frozenset[str]:
        """The nodes that match what is searched for."""
        if not self.find:
            return frozenset()
        if self._found is None:
            test = matcher(self.state, self.find)
            self._found = frozenset(node.id for node in self.state.nodes.values() if test(node))
        return self._found

    def next_found(self, step: int) -> bool:
        """Select the next (or with -1 the previous) match, also one that is folded away; False if there is none."""
        found = self.found()
        if not found:
            return False
        order = [node for drawn in self.order for node in self._members(drawn)]
        here = order.index(self.selected) if self.selected in order else 0
        for offset in range(1, len(order) + 1):
            node = order[(here + step * offset) % len(order)]
            if node in found:
                self.select(node)
                return True
        return False

    def near(self) -> frozenset[str]:
        """What is drawn within two steps of the selected node, and that itself."""
        if self._near is None:
            here = self._shown.place_of(self.selected)
            seen = {here}
            for neighbours in (self._needs, self._behind):
                edge = {here}
                for _ in range(HOPS):
                    edge = {other for node in edge for other in neighbours.get(node, ())} - seen
                    seen |= edge
            self._near = frozenset(seen)
        return self._near

    # -- drawing ----------------------------------------------------------------------------------------------

    def line(self, y: int, x: int, width: int, moment: Moment) -> tuple[Line, tuple[int, int] | None]:
        """`width` cells of line `y` from column `x` on, and where in them the selected node lies."""
        if self._layout is None:
            if not 0 <= y < len(self._rails.rows):
                return (), None
            row = self._rails.rows[y]
            line = self._list_row(row, width, moment)
            return line, (0, width) if row.id == self._shown.place_of(self.selected) else None
        return self._columns_row(self._layout, y, x, width, moment)

    def _dim(self, drawn: str) -> bool:
        if self.focused and drawn not in self.near():
            return True
        return bool(self.find) and self.found().isdisjoint(self._members(drawn))

    def _is_marked(self, drawn: str) -> bool:
        return bool(self.marked) and self.marked.issuperset(self._members(drawn))

    def _list_row(self, row: RailRow, width: int, moment: Moment) -> Line:
        wires = "".join(self.glyphs.wire(ports) for ports in row.ports)
        joined = bool(row.ports) and bool(row.ports[-1] & 2)
        end = self.glyphs.arrow if row.arrow else self.glyphs.wire(10) if joined else " "
        head: list[Span] = [self._sign(row.id)]
        if self._rails.count:
            head += [(wires, "edge"), (end, "critical" if row.id in self._critical else "edge"), (" ", "text")]
        room = width - line_width(tuple(head)) - 1
        group = self._shown.groups.get(row.id)
        if group is not None:
            body = group_list_line(group, self._tally(group), self.glyphs, room, self._list_name)
        else:
            node = self.state.nodes.get(row.id)
            body = _gone(row.id, room)
            if node is not None:
                body = list_line(self.state, node, moment, self.glyphs, room, self._list_name)
        if self._dim(row.id):
            body = tuple((text, "faint") for text, _ in body)
        return crop((*head, *body), width)

    def _sign(self, drawn: str) -> Span:
        return (self.glyphs.chosen, "accent") if self._is_marked(drawn) else (" ", "text")

    def _columns_row(
        self, layout: Layout, y: int, x: int, width: int, moment: Moment
    ) -> tuple[Line, tuple[int, int] | None]:
        pieces: list[tuple[int, Line]] = []
        chosen: tuple[int, int] | None = None
        here = self._shown.place_of(self.selected)
        for box in self._boxes_at.get(y, ()):
            left = box.x + 1
            if left + box.width <= x or left >= x + width:
                continue
            pieces.append((left, self._box_row(box, y, moment)))
            if box.id == here:
                chosen = (max(0, left - x), min(width, left + box.width - x))
        pieces.extend(self._wire_runs(layout, y, x, x + width, here))
        return _assemble(pieces, x, width), chosen

    def _wire_runs(self, layout: Layout, y: int, start: int, end: int, here: str) -> Iterable[tuple[int, Line]]:
        row = layout.wires.get(y)
        if not row:
            return
        boxes = [box for box in self._boxes_at.get(y, ()) if box.x < end and box.x + box.width >= start]
        inside = {at for box in boxes for at in range(box.x, box.x + box.width)}
        run_x, run_text = 0, ""
        run_role: Role = "edge"
        for at in range(start - 1, end):  # what is visible: a row may be many times as long
            cell = row.get(at)
            if cell is None or at in inside:
                continue
            role = self._wire_role(layout, cell, at, y, here)
            if run_text and at + 1 == run_x + len(run_text) and role == run_role:
                run_text += self._wire(cell)
                continue
            if run_text:
                yield run_x, ((run_text, run_role),)
            run_x, run_text, run_role = at + 1, self._wire(cell), role
        if run_text:
            yield run_x, ((run_text, run_role),)

    def _wire(self, cell: Cell) -> str:
        return self.glyphs.arrow if cell.arrow else self.glyphs.wire(cell.ports)

    def _wire_role(self, layout: Layout, cell: Cell, x: int, y: int, here: str) -> Role:
        if (x, y) in self._lit:
            return "critical"
        net = layout.nets[cell.net]
        return "accent" if here in net.sources or here in net.targets else "edge"

    def _box_row(self, box: Box, y: int, moment: Moment) -> Line:
        frame = 4 if box.height == 3 else 0
        if not self._style.named:
            body: Line = self._dot(box.id)
        elif box.height == 2 and y > box.y:
            body = self._under(box, moment)
        elif box.id in self._shown.groups:
            group = self._shown.groups[box.id]
            body = group_box(group, self._tally(group), self.glyphs, box.width - frame, self._style.group_room)
        else:
            body = self._box_line(box, box.width - frame, moment)
        if self._is_marked(box.id) and not frame and self._style.named and y == box.y:
            body = (body[0], (self.glyphs.chosen, "accent"), *body[2:])
        if frame:
            body = self._framed(box, y, body)
        return tuple((text, "faint") for text, _ in body) if self._dim(box.id) else body

    def _under(self, box: Box, moment: Moment) -> Line:
        group = self._shown.groups.get(box.id)
        if group is not None:
            return group_under(self._tally(group), self.glyphs, box.width)
        node = self.state.nodes.get(box.id)
        return () if node is None else under_line(self.state, node, moment, self.glyphs, box.width)

    def _box_line(self, box: Box, size: int, moment: Moment) -> Line:
        node, plan_node = self.state.nodes.get(box.id), self.state.plan_nodes.get(box.id)
        if node is None or plan_node is None:
            return _gone(box.id, size)
        room = self._style.map_room if plan_node.map is not None else self._style.room
        spare = size - self.glyphs.icon_width - 1 - cells(name_of(box.id))
        told = min(spare, room) if room < 9 else min(spare, max(room, 9))
        return box_line(self.state, node, moment, self.glyphs, size, told)

    def _dot(self, drawn: str) -> Line:
        group, node = self._shown.groups.get(drawn), self.state.nodes.get(drawn)
        if group is not None:
            mark = self._tally(group).mark
        elif node is not None:
            mark = mark_of(self.state, node)
        else:
            return _gone(drawn, self.glyphs.icon_width)
        return ((self.glyphs.icon(mark), "accent" if self._is_marked(drawn) else mark.role),)

    def _framed(self, box: Box, y: int, body: Line) -> Line:
        here = box.id == self._shown.place_of(self.selected)
        role: Role = "accent" if here else "critical" if box.id in self._critical else "edge"
        wire = self.glyphs.wire
        if y == box.row:
            leaves = 2 if self._behind.get(box.id) else 0
            sign = self.glyphs.chosen if self._is_marked(box.id) else " "
            return ((wire(5) + sign, role), *body, (" " + wire(5 | leaves), role))
        top = y == box.y
        ends = (6, 12) if top else (3, 9)
        return ((wire(ends[0]) + wire(10) * (box.width - 2) + wire(ends[1]), role),)


def _assemble(pieces: list[tuple[int, Line]], x: int, width: int) -> Line:
    pieces.sort(key=lambda piece: piece[0])
    spans: list[Span] = []
    at = x
    for start, line in pieces:
        if start > at:
            spans.append((" " * (start - at), "text"))
            at = start
        shown = skip(line, at - start)
        spans.extend(shown)
        at += line_width(shown)
    return crop(tuple(spans), width)
