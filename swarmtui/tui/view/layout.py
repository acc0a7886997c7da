"""Boxes and wires of a layered graph in character cells, left to right.

Between two layers lies a channel. Nodes of the right layer that need the same nodes of the left one share a *net*: one
vertical trunk which its sources feed and its targets leave, so that a fan-out, a fan-in or an all-to-all is one line.
Trunks get tracks by the left-edge algorithm of channel routing (Hashimoto and Stevens, 1971) under its constraint that
two nets never share a horizontal. Where a wire passes under a trunk it does not join, it is interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from swarmtui.frozen import frozen, mutable
from swarmtui.tui.view.glyphs import E, N, S, W
from swarmtui.tui.view.layers import Layering, Needs, Slot, arrange

MARGIN = 1
UNTANGLED = 400
"""Up to so many nodes rows are moved until no two nets share one."""
WIDE_TRACKS = 6
"""Up to so many tracks in a channel they stand apart; more are packed."""


@frozen
class Box:
    """A node's place, in cells. `row` is the line of the screen on which wires meet it."""

    id: str
    layer: int
    x: int
    y: int
    width: int
    height: int

    @property
    def row(self) -> int:
        """Where wires meet the box."""
        return self.y + (self.height - 1) // 2


@frozen
class Cell:
    """One cell of a wire: the sides it leaves by, and the net it belongs to (the one on top, where two cross)."""

    ports: int
    net: int
    arrow: bool = False


@frozen
class Net:
    """Every one of `sources` is needed by every one of `targets`."""

    sources: tuple[str, ...]
    targets: tuple[str, ...]


@mutable
class Layout:
    """A drawn graph."""

    boxes: dict[str, Box]
    layers: tuple[tuple[str, ...], ...]
    """Nodes per layer, top to bottom."""
    wires: dict[int, dict[int, Cell]]
    """y -> x -> cell."""
    nets: list[Net]
    width: int
    height: int
    ambiguous: int = 0
    """Nets that had to share a horizontal with another one."""


@mutable
class _Trunk:
    sources: tuple[Slot, ...]
    targets: list[Slot]
    low: int
    high: int
    net: int = -1
    track: int = -1
    shared: set[int] = field(default_factory=set)
    """Rows on which it ends although another trunk begins there to its right."""

    @property
    def straight(self) -> bool:
        return self.low == self.high


@mutable
class _Canvas:
    wires: dict[int, dict[int, Cell]] = field(default_factory=dict)

    def put(self, x: int, y: int, ports: int, net: int, *, arrow: bool = False) -> None:
        row = self.wires.setdefault(y, {})
        there = row.get(x)
        row[x] = Cell(ports | (there.ports if there else 0), net, arrow or (there is not None and there.arrow))

    def along(self, x: int, end: int, y: int, net: int, joins: frozenset[int] | set[int]) -> None:
        """A horizontal from `x` to `end` (both included), over trunks it joins and under those it does not."""
        row = self.wires.setdefault(y, {})
        for at in range(x, end + 1):
            ports = (W if at > x else 0) | (E if at < end else 0)
            there = row.get(at)
            if there is None:
                row[at] = Cell(ports or E | W, net)
            elif at in joins or not there.ports & (N | S):
                row[at] = Cell(there.ports | ports, there.net, there.arrow)

    def through(self, x: int, end: int, y: int, net: int) -> None:
        """A horizontal from `x` to `end` that goes on at both ends."""
        for at in range(x, end + 1):
            self.put(at, y, W | E, net)


def lay_out(
    needs: Needs,
    width_of: Callable[[str], int],
    *,
    height: int = 1,
    prior: Sequence[Sequence[str]] = (),
    layering: Layering | None = None,
) -> Layout:
    """Draw a graph. `width_of` gives the cells that a node's box needs; a layer's boxes get the widest of theirs.

    `height` is that of every box: 1, 2 with details below the name, or 3 with a frame. For `prior` see
    :func:`swarmtui.tui.view.layers.arrange`, whose result for `needs` can be given as `layering`.
    """
    if layering is None:
        layering = arrange(needs, prior)
    rows = dict(layering.rows)
    canvas = _Canvas()
    nets: list[Net] = []
    boxes: dict[str, Box] = {}
    x, ambiguous = 0, 0
    for layer, slots in enumerate(layering.layers):
        trunks = _untangled(slots, layering, rows, tries=2 * len(slots) if len(needs) <= UNTANGLED else 0)
        for trunk in trunks:
            trunk.net = len(nets)
            nets.append(Net(tuple(s.node for s in trunk.sources), tuple(s.node for s in trunk.targets)))
        if layer:
            ambiguous += sum(bool(trunk.shared) for trunk in trunks)
            x = _draw_channel(canvas, trunks, rows, x, height)
        column = max((width_of(slot.node) for slot in slots if not slot.passing), default=1)
        for slot in slots:
            y = rows[slot] * height
            if slot.passing:
                net = next(trunk.net for trunk in trunks if slot in trunk.targets)
                canvas.through(x, x + column - 1, y + (height - 1) // 2, net)
            else:
                boxes[slot.node] = Box(slot.node, layer, x, y, column, height)
        x += column
    tall = 1 + max(rows.values(), default=-1)
    order = tuple(tuple(slot.node for slot in slots if not slot.passing) for slots in layering.layers)
    return Layout(boxes, order, canvas.wires, nets, x, tall * height, ambiguous)


def _untangled(slots: Sequence[Slot], layering: Layering, rows: dict[Slot, int], tries: int) -> list[_Trunk]:
    """The trunks into a layer, with tracks. Where two would share a horizontal, the layer makes room by moving down."""
    while True:
        trunks = _nets(slots, layering, rows)
        _assign_tracks(trunks, rows)
        tangled = next((trunk for trunk in trunks if trunk.shared), None)
        if tangled is None or tries <= 0:
            return trunks
        tries -= 1
        target = next(slot for slot in tangled.targets if rows[slot] in tangled.shared)
        first = rows[target]
        for slot in slots:
            rows[slot] += rows[slot] >= first


def _nets(slots: Sequence[Slot], layering: Layering, rows: Mapping[Slot, int]) -> list[_Trunk]:
    trunks: dict[frozenset[Slot], _Trunk] = {}
    for slot in slots:
        sources = layering.left[slot]
        if not sources:
            continue
        trunk = trunks.get(frozenset(sources))
        if trunk is None:
            ends = [rows[source] for source in sources]
            trunk = trunks[frozenset(sources)] = _Trunk(sources, [], min(ends), max(ends))
        trunk.targets.append(slot)
        row = rows[slot]
        trunk.low, trunk.high = min(trunk.low, row), max(trunk.high, row)
    return list(trunks.values())


def _assign_tracks(trunks: list[_Trunk], rows: Mapping[Slot, int]) -> None:
    """Gives every trunk that is not straight a track. One that has to share rows with others says which."""
    bent = [trunk for trunk in trunks if not trunk.straight]
    feeders: dict[int, list[_Trunk]] = {}
    for trunk in bent:
        for source in trunk.sources:
            feeders.setdefault(rows[source], []).append(trunk)
    left_of: dict[int, dict[int, set[int]]] = {}  # trunk -> trunk that must lie left of it -> in which rows
    for trunk in bent:
        mine = left_of.setdefault(id(trunk), {})
        for target in trunk.targets:
            for other in feeders.get(rows[target], ()):
                if other is not trunk:
                    mine.setdefault(id(other), set()).add(rows[target])
    waiting = sorted(bent, key=lambda trunk: _preference(trunk, rows))
    placed: dict[int, _Trunk] = {}
    while waiting:
        free = next((trunk for trunk in waiting if left_of[id(trunk)].keys() <= placed.keys()), None)
        if free is None:
            free = min(waiting, key=lambda trunk: len(left_of[id(trunk)].keys() - placed.keys()))
            for blocking in left_of[id(free)].keys() - placed.keys():
                free.shared |= left_of[id(free)][blocking]
        waiting.remove(free)
        floor = max((placed[known].track for known in left_of[id(free)] if known in placed), default=-1) + 1
        taken = {other.track for other in placed.values() if other.low <= free.high and free.low <= other.high}
        free.track = next(track for track in range(floor, floor + len(taken) + 1) if track not in taken)
        placed[id(free)] = free


def _preference(trunk: _Trunk, rows: Mapping[Slot, int]) -> tuple[int, int]:
    """Keeps nested fans apart: of those that go down the lowest source comes first, of those that go up the highest."""
    source = min(rows[slot] for slot in trunk.sources)
    target = max(rows[slot] for slot in trunk.targets)
    return (0, source) if target < source else (1, -source)


def _draw_channel(canvas: _Canvas, trunks: list[_Trunk], rows: Mapping[Slot, int], x: int, height: int) -> int:
    """Draws the wires of one channel from column `x` on; the column at which the next layer begins."""
    margin = 0 if height == 3 else MARGIN  # wires touch a frame, but not bare text
    tracks = 1 + max((trunk.track for trunk in trunks), default=-1)
    step = 2 if tracks <= WIDE_TRACKS else 1
    first = x + margin + 1
    arrow = first + max(1, (tracks - 1) * step + 2 if tracks else 1)
    at = {id(trunk): first + trunk.track * step for trunk in trunks}
    for trunk in trunks:
        if not trunk.straight:
            _draw_trunk(canvas, at[id(trunk)], trunk, height)
    feeds: dict[Slot, list[_Trunk]] = {}
    for trunk in trunks:
        for source in trunk.sources:
            feeds.setdefault(source, []).append(trunk)
    for source, fed in feeds.items():
        y = rows[source] * height + (height - 1) // 2
        start = x if source.passing else x + margin
        bent = {at[id(trunk)] for trunk in fed if not trunk.straight}
        reach = arrow if len(bent) < len(fed) else max(bent)
        canvas.along(start, reach, y, fed[0].net, bent)
        canvas.put(start, y, W, fed[0].net)
    for trunk in trunks:
        for target in trunk.targets:
            y = rows[target] * height + (height - 1) // 2
            if not trunk.straight:
                canvas.along(at[id(trunk)], arrow, y, trunk.net, {at[id(trunk)]})
            canvas.put(arrow, y, W | E, trunk.net, arrow=not target.passing)
            if target.passing:
                canvas.through(arrow, arrow + margin, y, trunk.net)
    return arrow + 1 + margin


def _draw_trunk(canvas: _Canvas, x: int, trunk: _Trunk, height: int) -> None:
    middle = (height - 1) // 2
    low, high = trunk.low * height + middle, trunk.high * height + middle
    for y in range(low, high + 1):
        canvas.put(x, y, (N if y > low else 0) | (S if y < high else 0), trunk.net)
