"""The graph as it is looked at: its form, what is selected, what is near it, and the lines of either form.

Two forms: *columns* (layers from left to right, for graphs that fit) and *list* (rails; for narrow places and large
graphs). Where a node lies changes only with the plan; how it looks is read from the state while a line is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from swarmtui.session.paths import expected_s
from swarmtui.session.state import SessionState
from swarmtui.tui.view import format as say
from swarmtui.tui.view.glyphs import UNICODE, Glyphs
from swarmtui.tui.view.layers import depths
from swarmtui.tui.view.layout import Box, Cell, Layout, lay_out
from swarmtui.tui.view.lines import Line, Role, Span, cells, crop, shorten, skip
from swarmtui.tui.view.lines import width as line_width
from swarmtui.tui.view.nodes import BAR, Moment, box_line, list_line, name_of, under_line
from swarmtui.tui.view.rail import RailRow, Rails, rails
from swarmtui.tui.view.table import matcher

Form = Literal["columns", "list"]
COLUMNS_LIMIT = 150
"""Above so many nodes nobody can read columns."""
HOPS = 2
ENDS = 6
"""Nodes at either end of a long path that are named."""

Needs = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Style:
    """How much a column form shows: height of boxes, cells for details, for those of maps."""

    height: int
    room: int
    map_room: int


STYLES: tuple[Style, ...] = (
    Style(3, 9, BAR + 7), Style(1, 9, BAR + 7), Style(2, 0, 0), Style(1, 5, 5), Style(1, 0, 0),
)  # fmt: skip
"""From generous to bare; the first that fits is taken."""


@dataclass(slots=True)
class Graph:
    """The graph of a session."""

    state: SessionState = field(default_factory=SessionState)
    glyphs: Glyphs = UNICODE
    wanted: Form | None = None
    """The form the user chose; None: whichever fits."""
    selected: str = ""
    focused: bool = False
    """Whether all but the selected node's neighbourhood is dimmed."""
    find: str = ""
    listed: bool = False
    """Whether a list is better where the user has not chosen: it tells more than columns without details."""
    form: Form = "list"
    _plan_key: object = None
    _size: tuple[int, int] = (0, 0)
    _needs: Needs = field(default_factory=dict)
    _layout: Layout | None = None
    _style: Style = STYLES[1]
    _rails: Rails = field(default_factory=lambda: Rails((), 0))
    _row_of: dict[str, int] = field(default_factory=dict)
    _boxes_at: dict[int, list[Box]] = field(default_factory=dict)
    _critical: frozenset[str] = frozenset()
    _path: tuple[str, ...] = ()
    _path_s: float = 0.0
    """What it takes, as far as is known."""
    _path_key: tuple[object, ...] | None = None
    _depth: dict[str, int] = field(default_factory=dict)
    _near: frozenset[str] | None = None
    _found: frozenset[str] | None = None
    _list_name: int = 20

    # -- shape ------------------------------------------------------------------------------------------------

    def resize(self, width: int, height: int) -> bool:
        """Fit the drawing to a place of `width` × `height`; whether it has changed."""
        plan = self.state.plan
        key = (id(plan), len(self.state.nodes), self.wanted, self.listed, self.glyphs.ascii)
        if (key, (width, height)) == (self._plan_key, self._size) or width <= 0:
            return False
        if plan is None or self._plan_key is None or self._plan_key[0] != id(plan):  # type: ignore[index]
            self._take_plan()
        self._plan_key, self._size = key, (width, height)
        self._choose_form(width, height)
        self._list_name = min(
            40, max((cells(name_of(node, 60)) for node in self._needs), default=8), max(12, width // 3)
        )
        return True

    def _take_plan(self) -> None:
        nodes = self.state.plan.nodes if self.state.plan else ()
        self._needs = {node.id: node.needs for node in nodes}
        self._depth = depths(self._needs)
        self._path_key = None
        self._find_path(self.state.mono)
        if self.selected not in self._needs:
            self.selected = next(iter(self._needs), "")
        self._rails = rails(self._needs, 3 if len(self._needs) < 400 else 2)
        self._row_of = {row.id: at for at, row in enumerate(self._rails.rows)}
        self._layout = None
        self._near = self._found = None

    def _choose_form(self, width: int, height: int) -> None:
        self.form, self._layout = "list", None
        many = self.listed or len(self._needs) > COLUMNS_LIMIT
        if self.wanted == "list" or not self._needs or (self.wanted is None and many):
            return
        for style in STYLES:
            layout = self._arranged(style)
            fits = layout.width <= width - 2 and (style.height == 1 or layout.height <= max(height, 3 * style.height))
            if fits or (style is STYLES[-1] and self.wanted == "columns"):
                self.form, self._layout, self._style = "columns", layout, style
                break
        self._boxes_at = {}
        for box in self._layout.boxes.values() if self._layout else ():
            for y in range(box.y, box.y + box.height):
                self._boxes_at.setdefault(y, []).append(box)
        for boxes in self._boxes_at.values():
            boxes.sort(key=lambda box: box.x)

    def _arranged(self, style: Style) -> Layout:
        maps = {node.id for node in self.state.plan_nodes.values() if node.map is not None}
        frame = 4 if style.height == 3 else 0

        def width_of(node: str) -> int:
            room = style.map_room if node in maps else style.room
            named = cells(name_of(node)) + room
            return self.glyphs.icon_width + 1 + (max(9, named) if style.height == 2 else named) + frame

        return lay_out(self._needs, width_of, height=style.height)

    @property
    def size(self) -> tuple[int, int]:
        """Cells of the whole drawing."""
        if self._layout is not None:
            return self._layout.width + 2, self._layout.height
        return 0, len(self._rails.rows)

    @property
    def order(self) -> tuple[str, ...]:
        """The nodes as they are read."""
        if self._layout is not None:
            return tuple(node for layer in self._layout.layers for node in layer)
        return tuple(row.id for row in self._rails.rows)

    def place(self, node: str) -> tuple[int, int, int, int] | None:
        """x, y, width and height of a node's place in the drawing."""
        if self._layout is not None:
            box = self._layout.boxes.get(node)
            return (box.x + 1, box.y, box.width, box.height) if box else None
        row = self._row_of.get(node)
        return None if row is None else (0, row, self._size[0], 1)

    def at(self, x: int, y: int) -> str | None:
        """The node drawn at a cell."""
        if self._layout is None:
            return self._rails.rows[y].id if 0 <= y < len(self._rails.rows) else None
        for box in self._boxes_at.get(y, ()):
            if box.x <= x - 1 < box.x + box.width:
                return box.id
        return None

    def path_line(self, size: int, mono: float | None = None) -> str:
        """The longest path in words, by what nodes took, have taken by session second `mono` and are estimated to take;
        with the time it will still take where all of that has been estimated, and what it took where it has ended."""
        self._find_path(self.state.mono if mono is None else mono)
        if not self._path or not any(self._needs.values()):
            return ""
        arrow = f" {'->' if self.glyphs.ascii else '→'} "
        ends = self._path if len(self._path) <= 2 * ENDS else (*self._path[:ENDS], "", *self._path[-ENDS:])
        names = [name_of(node, 20) if node else self.glyphs.cut for node in ends]
        tail = self._path_tail()
        while len(names) > 3 and cells(arrow.join(names)) + cells(tail) + 14 > size:
            middle = len(names) // 2
            names[middle - 1 : middle + 1] = [self.glyphs.cut]
        text = f"longest path: {arrow.join(names)}"
        return shorten(text, max(0, size - cells(tail)), self.glyphs.cut) + tail

    def _find_path(self, mono: float) -> None:
        """Anew with every event; of a large graph every second, since it takes time with its size."""
        key = (self.state.seq if len(self._needs) < COLUMNS_LIMIT else 0, int(mono), self.state.status)
        if key != self._path_key:
            self._path_key = key
            path, self._path_s = longest_path(self._needs, expected_s(self.state, mono), self._depth)
            worked = next(
                (at for at in range(len(path), 0, -1) if self.state.plan_nodes[path[at - 1]].kind != "ask"), 0
            )
            self._path = path[:worked]  # a question at its end takes no time
            self._critical = frozenset(self._path)

    def _path_tail(self) -> str:
        if all(self.state.nodes[node].ended for node in self._path):
            return f"  took {say.took(self._path_s)}" if self._path_s else ""
        left = self._left_s()
        return "" if left is None else f"  {'~' if self.glyphs.ascii else '≈'} {say.clock(left)}"

    def _left_s(self) -> float | None:
        left = 0.0
        for node_id in self._path:
            if not self.state.nodes[node_id].ended:
                node = self.state.plan_nodes[node_id]
                estimate = 0.0 if node.kind == "ask" else node.estimate_s
                if estimate is None:
                    return None
                left += estimate
        return left or None

    # -- moving -----------------------------------------------------------------------------------------------

    def move(self, dx: int, dy: int) -> None:
        """Select a neighbour: `dy` lines down, or `dx` layers to the right (in a list: to a need or dependent)."""
        order = self.order
        if not order:
            return
        if self.selected not in self._needs:
            self.select(order[0])
        elif dy and self._layout is not None:
            self._move_in_layer(dy)
        elif dy:
            at = self._row_of[self.selected] + dy
            self.select(order[max(0, min(len(order) - 1, at))])
        elif dx:
            self._move_across(dx)

    def _move_in_layer(self, dy: int) -> None:
        layout = self._layout
        if layout is None:
            return
        layer = layout.layers[layout.boxes[self.selected].layer]
        at = layer.index(self.selected) + dy
        if 0 <= at < len(layer):
            self.select(layer[at])
        elif abs(dy) > 1:
            self.select(layer[0 if at < 0 else -1])

    def _move_across(self, dx: int) -> None:
        near = self._needs[self.selected] if dx < 0 else self.state.dependents.get(self.selected, ())
        if not near:
            return
        if self._layout is None:
            self.select(near[0])
            return
        boxes = self._layout.boxes
        here = boxes[self.selected]
        self.select(min(near, key=lambda node: (abs(boxes[node].layer - here.layer), abs(boxes[node].row - here.row))))

    def ends(self, last: bool) -> None:
        """Select the first or the last node."""
        if self.order:
            self.select(self.order[-1 if last else 0])

    def select(self, node: str) -> None:
        """Select `node`."""
        if node in self._needs:
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
        """Select the next (or with -1 the previous) match; False if there is none."""
        order, found = self.order, self.found()
        if not found:
            return False
        here = order.index(self.selected) if self.selected in self._needs else 0
        for offset in range(1, len(order) + 1):
            node = order[(here + step * offset) % len(order)]
            if node in found:
                self.select(node)
                return True
        return False

    def near(self) -> frozenset[str]:
        """The selected node and those within two steps of it."""
        if self._near is None:
            seen = {self.selected}
            for neighbours in (self._needs, self.state.dependents):
                edge = {self.selected}
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
            return line, (0, width) if row.id == self.selected else None
        return self._columns_row(self._layout, y, x, width, moment)

    def _dim(self, node: str) -> bool:
        return (self.focused and node not in self.near()) or (bool(self.find) and node not in self.found())

    def _list_row(self, row: RailRow, width: int, moment: Moment) -> Line:
        node = self.state.nodes[row.id]
        wires = "".join(self.glyphs.wire(ports) for ports in row.ports)
        joined = bool(row.ports) and bool(row.ports[-1] & 2)
        end = self.glyphs.arrow if row.arrow else self.glyphs.wire(10) if joined else " "
        head: list[Span] = [(" ", "text")]
        if self._rails.count:
            head += [(wires, "edge"), (end, "edge"), (" ", "text")]
        taken = sum(cells(text) for text, _ in head)
        body = list_line(self.state, node, moment, self.glyphs, width - taken - 1, self._list_name)
        if self._dim(row.id):
            body = tuple((text, "faint") for text, _ in body)
        return crop((*head, *body), width)

    def _columns_row(
        self, layout: Layout, y: int, x: int, width: int, moment: Moment
    ) -> tuple[Line, tuple[int, int] | None]:
        pieces: list[tuple[int, Line]] = []
        chosen: tuple[int, int] | None = None
        for box in self._boxes_at.get(y, ()):
            left = box.x + 1
            if left + box.width <= x or left >= x + width:
                continue
            pieces.append((left, self._box_row(box, y, moment)))
            if box.id == self.selected:
                chosen = (max(0, left - x), min(width, left + box.width - x))
        pieces.extend(self._wire_runs(layout, y, x, x + width))
        return _assemble(pieces, x, width), chosen

    def _wire_runs(self, layout: Layout, y: int, start: int, end: int) -> Iterable[tuple[int, Line]]:
        row = layout.wires.get(y)
        if not row:
            return
        run_x, run_text, run_role = 0, "", "edge"
        boxes = self._boxes_at.get(y, ())
        inside = {at for box in boxes for at in range(box.x, box.x + box.width)} if boxes else set()
        for at in sorted(row):
            if at in inside or not start - 1 <= at < end:
                continue
            cell = row[at]
            role = self._wire_role(layout, cell)
            if run_text and at + 1 == run_x + len(run_text) and role == run_role:
                run_text += self._wire(cell)
                continue
            if run_text:
                yield run_x, ((run_text, run_role),)  # type: ignore[misc]
            run_x, run_text, run_role = at + 1, self._wire(cell), role
        if run_text:
            yield run_x, ((run_text, run_role),)  # type: ignore[misc]

    def _wire(self, cell: Cell) -> str:
        return self.glyphs.arrow if cell.arrow else self.glyphs.wire(cell.ports)

    def _wire_role(self, layout: Layout, cell: Cell) -> Role:
        net = layout.nets[cell.net]
        if self.selected in net.sources or self.selected in net.targets:
            return "accent"
        return "edge"

    def _box_row(self, box: Box, y: int, moment: Moment) -> Line:
        node = self.state.nodes[box.id]
        is_map = self.state.plan_nodes[box.id].map is not None
        room = self._style.map_room if is_map else self._style.room
        frame = 4 if box.height == 3 else 0
        spare = box.width - frame - self.glyphs.icon_width - 1 - cells(name_of(box.id))
        if box.height == 2 and y > box.y:
            under = under_line(self.state, node, moment, self.glyphs, box.width)
            return tuple((text, "faint") for text, _ in under) if self._dim(box.id) else under
        body = box_line(
            self.state,
            node,
            moment,
            self.glyphs,
            box.width - frame,
            min(spare, room) if room < 9 else min(spare, max(room, 9)),
        )
        if frame:
            body = self._framed(box, y, body)
        return tuple((text, "faint") for text, _ in body) if self._dim(box.id) else body

    def _framed(self, box: Box, y: int, body: Line) -> Line:
        role: Role = "accent" if box.id == self.selected else "critical" if box.id in self._critical else "edge"
        wire = self.glyphs.wire
        if y == box.row:
            leaves = 2 if self.state.dependents.get(box.id) else 0
            return ((wire(5) + " ", role), *body, (" " + wire(5 | leaves), role))
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


def longest_path(
    needs: Mapping[str, tuple[str, ...]], seconds: Mapping[str, float], depth: Mapping[str, int] | None = None
) -> tuple[tuple[str, ...], float]:
    """The path that takes longest, and how long; `depth` is the layer of each node, where that is known already."""
    depth = depths(needs) if depth is None else depth
    best: dict[str, float] = {}
    before: dict[str, str | None] = {}
    for node in sorted(needs, key=depth.__getitem__):
        last = max(needs[node], key=best.__getitem__, default=None)
        best[node] = seconds[node] + (best[last] if last is not None else 0.0)
        before[node] = last
    path: list[str] = []
    end = at = max(
        best, key=lambda node: (best[node], depth[node]), default=None
    )  # to the end, where that takes no time
    while at is not None:
        path.append(at)
        at = before[at]
    return tuple(reversed(path)), best[end] if end is not None else 0.0
