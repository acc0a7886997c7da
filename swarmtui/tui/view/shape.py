"""Where the nodes of a graph lie: in columns (layers from left to right, for graphs that fit) or as a list (rails; for
narrow places and large graphs).

It changes with the plan, with what is folded, and with the place there is; never with what happens to the nodes.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Literal, get_args

from swarmtui.frozen import frozen, mutable
from swarmtui.session.state import SessionState
from swarmtui.tui.view.folding import Folding, Needs, Shown, drawn_needs
from swarmtui.tui.view.glyphs import UNICODE, Glyphs
from swarmtui.tui.view.groups import COUNTS, SIGNS, group_name
from swarmtui.tui.view.layers import Layering, arrange
from swarmtui.tui.view.layout import Box, Layout, lay_out
from swarmtui.tui.view.lines import cells
from swarmtui.tui.view.nodes import BAR, name_of
from swarmtui.tui.view.rail import Rails, rails

if TYPE_CHECKING:
    from swarmtui.plan.model import Plan
    from swarmtui.tui.view.front import Place

Form = Literal["columns", "list"]
Zoom = Literal["fit", "detail", "names", "dots"]
ZOOMS: tuple[Zoom, ...] = get_args(Zoom)
"""How much is said of each node: what fits, how it stands, its name, its mark alone."""
AT_ONCE = 300
"""Above so many nodes arranging takes longer than a key may wait."""
COLUMNS_LIMIT = 150
"""Above so many boxes nobody can read columns."""
MOST_COLUMNS = 1_500
"""Above so many boxes columns are not drawn, even if they are asked for: laying them out takes seconds."""


@frozen
class Style:
    """How much a column form shows: height of boxes, cells for details, for those of maps."""

    height: int
    room: int
    map_room: int
    group_room: int = 0
    named: bool = True


STYLES: tuple[Style, ...] = (
    Style(3, 9, BAR + 7, COUNTS), Style(1, 9, BAR + 7, COUNTS), Style(2, 0, 0), Style(1, 5, 5, 5), Style(1, 0, 0),
)  # fmt: skip
"""From generous to bare; the first that fits is taken."""
DOTS = Style(1, 0, 0, named=False)
_ZOOMED: dict[Zoom, tuple[Style, ...]] = {"fit": STYLES, "detail": STYLES[:1], "names": STYLES[-1:], "dots": (DOTS,)}


@mutable
class Shape:
    """What is drawn of a plan, and where."""

    state: SessionState = field(default_factory=SessionState)
    glyphs: Glyphs = UNICODE
    wanted: Form | None = None
    """The form the user chose; None: whichever fits."""
    listed: bool = False
    """Whether a list is better where the user has not chosen: it tells more than columns without details."""
    folds: bool = False
    """Whether what belongs together is folded."""
    zoom: Zoom = "fit"
    form: Form = "list"
    folding: Folding = field(default_factory=Folding)
    _plan: Plan | None = None
    _fitted: object = None
    _size: tuple[int, int] = (0, 0)
    _shown: Shown = field(default_factory=lambda: Shown({}))
    _behind: dict[str, list[str]] = field(default_factory=dict)
    _layering: Layering | None = None
    _layout: Layout | None = None
    _style: Style = STYLES[1]
    _rails: Rails = field(default_factory=lambda: Rails((), 0))
    _row_of: dict[str, int] = field(default_factory=dict)
    _boxes_at: dict[int, list[Box]] = field(default_factory=dict)
    _list_name: int = 20
    _refolded: int = 0
    """How often what is folded has changed."""
    _unfolded: bool = False
    """Whether it has changed since the drawing was made."""

    @property
    def is_large(self) -> bool:
        """Whether arranging it takes so long that it is for a thread."""
        return len(self.state.nodes) > AT_ONCE

    def fits(self, width: int, height: int) -> bool:
        """Whether it is arranged for a place of `width` × `height`, or there is no place."""
        return width <= 0 or (self.state.plan is self._plan and (self._key(), (width, height)) == self._arranged_for())

    def _key(self) -> object:
        return (len(self.state.nodes), self.wanted, self.listed, self.glyphs.ascii, self.zoom, self.folds)

    def _arranged_for(self) -> tuple[object, tuple[int, int]]:
        return self._fitted, self._size

    @property
    def is_known(self) -> bool:
        """Whether all that it is a drawing of is there."""
        nodes = self.state.nodes
        return self._plan is self.state.plan or (
            self._plan is not None and all(node.id in nodes for node in self._plan.nodes)
        )

    def resize(self, width: int, height: int) -> bool:
        """Fit the drawing to a place of `width` × `height`; whether it has changed."""
        if self.fits(width, height):
            return False
        plan = self.state.plan
        if plan is not self._plan or self._fitted is None:
            self._take_plan(plan)
        elif self._unfolded:
            self._fold()
        self._fitted, self._size = self._key(), (width, height)
        self._choose_form(width, height)
        names = [cells(self._name(node)) for node in self._needs]
        self._list_name = min(40, max(names, default=8), max(12, width // 3))
        return True

    @property
    def _needs(self) -> Needs:
        """What is drawn, with what it needs among that."""
        return self._shown.needs

    def _name(self, drawn: str) -> str:
        group = self._shown.groups.get(drawn)
        return name_of(drawn, 60) if group is None else group_name(group, self.glyphs)

    def _take_plan(self, plan: Plan | None) -> None:
        self._plan = plan
        if self.folds:
            self.folding.take(plan.nodes if plan else ())
        self._fold()

    def _fold(self) -> None:
        """Work out what is drawn. Who was there before keeps its place."""
        self._unfolded = False
        before, was = self._layering, self._shown
        nodes = self._plan.nodes if self._plan else ()
        self._shown = self.folding.shown() if self.folds else Shown(drawn_needs(nodes))
        self._behind = {name: [] for name in self._needs}
        for name, wanted in self._needs.items():
            for need in wanted:
                self._behind[need].append(name)
        self._layering = None
        if len(self._needs) <= MOST_COLUMNS:
            self._layering = arrange(self._needs, self._order_of(before, was) if before is not None else ())
        self._rails = rails(self._needs, 3 if len(self._needs) < 400 else 2)
        self._row_of = {row.id: at for at, row in enumerate(self._rails.rows)}
        self._layout = None

    def _order_of(self, before: Layering, was: Shown) -> list[list[str]]:
        """The layers of an earlier drawing, in the terms of what is drawn now."""
        layers: list[list[str]] = []
        for slots in before.layers:
            now: dict[str, None] = {}
            for slot in slots:
                if not slot.passing:
                    group = was.groups.get(slot.node)
                    for node in group.members if group else (slot.node,):
                        now[self._shown.place_of(node)] = None
            layers.append(list(now))
        return layers

    def refold(self) -> None:
        """Draw anew after a change of :attr:`folding`: a large graph with the next :meth:`resize`."""
        self._refolded += 1
        self._fitted, self._unfolded = (), True
        if not self.is_large:
            self._fold()

    def forget_order(self) -> None:
        """Arrange anew, for few crossings instead of for steadiness."""
        self._layering = None
        self.refold()

    def _choose_form(self, width: int, height: int) -> None:
        self.form, self._layout = "list", None
        many = self.zoom == "fit" and (self.listed or len(self._needs) > COLUMNS_LIMIT)
        if self.wanted == "list" or not self._needs or (self.wanted is None and many) or self._layering is None:
            return
        styles = _ZOOMED[self.zoom]
        for style in styles:
            layout = self._arranged(style, self._layering)
            fits = layout.width <= width - 2 and (style.height == 1 or layout.height <= max(height, 3 * style.height))
            if fits or (style is styles[-1] and (self.wanted == "columns" or self.zoom != "fit")):
                self.form, self._layout, self._style = "columns", layout, style
                break
        self._boxes_at = {}
        for box in self._layout.boxes.values() if self._layout else ():
            for y in range(box.y, box.y + box.height):
                self._boxes_at.setdefault(y, []).append(box)
        for boxes in self._boxes_at.values():
            boxes.sort(key=lambda box: box.x)

    def _arranged(self, style: Style, layering: Layering) -> Layout:
        maps = {node.id for node in self.state.plan_nodes.values() if node.map is not None}
        frame = 4 if style.height == 3 else 0

        def width_of(node: str) -> int:
            if not style.named:
                return self.glyphs.icon_width
            group = self._shown.groups.get(node)
            room = style.group_room if group else style.map_room if node in maps else style.room
            named = cells(self._name(node) if group else name_of(node)) + room
            under = SIGNS if group else 9
            return self.glyphs.icon_width + 1 + (max(under, named) if style.height == 2 else named) + frame

        return lay_out(self._needs, width_of, height=style.height, layering=layering)

    @property
    def size(self) -> tuple[int, int]:
        """Cells of the whole drawing."""
        if self._layout is not None:
            return self._layout.width + 2, self._layout.height
        return 0, len(self._rails.rows)

    @property
    def order(self) -> tuple[str, ...]:
        """What is drawn, as it is read."""
        if self._layout is not None:
            return tuple(node for layer in self._layout.layers for node in layer)
        return tuple(row.id for row in self._rails.rows)

    def place(self, node: str) -> Place | None:
        """x, y, width and height of a node's place in the drawing, or that of the group which it is folded into."""
        drawn = self._shown.place_of(node)
        if self._layout is not None:
            box = self._layout.boxes.get(drawn)
            return (box.x + 1, box.y, box.width, box.height) if box else None
        row = self._row_of.get(drawn)
        return None if row is None else (0, row, self._size[0], 1)

    def at(self, x: int, y: int) -> str | None:
        """The node drawn at a cell; of a group the first."""
        if self._layout is None:
            rows = self._rails.rows
            return self._members(rows[y].id)[0] if 0 <= y < len(rows) else None
        for box in self._boxes_at.get(y, ()):
            if box.x <= x - 1 < box.x + box.width:
                return self._members(box.id)[0]
        return None

    def _members(self, drawn: str) -> tuple[str, ...]:
        group = self._shown.groups.get(drawn)
        return (drawn,) if group is None else group.members
