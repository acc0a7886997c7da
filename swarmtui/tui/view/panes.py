"""Worker panes drawn as lines: one large pane, and a grid of small ones beside or below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby, islice
from typing import TYPE_CHECKING

from swarmtui.frozen import frozen
from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import State
from swarmtui.tui.view import document
from swarmtui.tui.view.glyphs import E, Glyphs, N, S, W
from swarmtui.tui.view.lines import Line, Role, Span, cells, crop, pad, shorten, skip
from swarmtui.tui.view.lines import width as line_width
from swarmtui.tui.view.markdown.flow import Flow, Look, beginning
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.nodes import asked, asks, mark_of, model_of, taken_words, writes_markdown
from swarmtui.tui.view.standing import standing
from swarmtui.tui.view.tails import Key, Tail, Tails, attempts

if TYPE_CHECKING:
    from swarmtui.session.state import NodeState, SessionState

MIN_WIDTH = 36
MIN_HEIGHT = 5
SHOWN = 16_000
"""Characters of an output that a pane looks at; the node's own screen has the whole."""
ROWS = 120
"""Lines of it that are drawn: more than a pane has."""
BACK = 2_000
"""Lines of what is being said that the wheel goes back, at most."""


@frozen
class Pane:
    """A worker at work, or the node that is looked at."""

    node: str
    item: int | None
    title: str
    figures: tuple[str, ...]
    tail: Tail | None
    running: bool
    flow: Flow | None = None
    """What is said as Markdown; without it the tail is drawn line by line."""
    source: bool = False
    """Whether Markdown is shown as it is written."""
    body: Callable[[int], list[Line]] | None = None
    """Lines for a width, where there is something better to show than the tail."""
    standing: Span | None = None
    """What it does while it does not write."""
    now: float = 0.0
    pinned: bool = False

    @property
    def key(self) -> Key:
        """Node and item."""
        return self.node, self.item


TOKENLESS = frozenset({"run", "python", "ask"})
"""Kinds of nodes whose text is no model's."""


@frozen
class Placed:
    """Where a pane is drawn, in cells."""

    pane: Pane
    x: int
    y: int
    width: int
    height: int


@frozen
class Scrolled:
    """A pane whose text was moved: it stands still, whatever is said meanwhile, until it is moved to where it rests."""

    key: Key
    width: int
    """Cells that its lines were made for."""
    lines: Sequence[Line]
    top: int
    """The first of them that is shown."""

    def on(self, pane: Pane) -> Pane:
        """`pane` as it is shown; any other one as it is."""
        if pane.key != self.key:
            return pane

        def body(width: int) -> list[Line]:
            return list(self.lines[self.top :]) if width == self.width else pane.body(width) if pane.body else []

        return replace(pane, body=body, figures=("scrolled", *pane.figures))


def scrolled(placed: Placed, by: int, glyphs: Glyphs, before: Scrolled | None) -> Scrolled | None:
    """`placed` with its text moved by so many lines; None where it rests: what is being said at its end, all else at
    its beginning."""
    pane, width = placed.pane, max(1, placed.width - 4)
    if before is not None and (before.key, before.width) != (pane.key, width):
        before = None
    lines = _text(pane, width, BACK, glyphs) if before is None else before.lines
    last = max(0, len(lines) - max(0, placed.height - 2))
    rest = last if pane.body is None else 0
    top = max(0, min(last, (rest if before is None else before.top) + by))
    return None if top == rest else Scrolled(pane.key, width, lines, top)


def panes(state: SessionState, tails: Tails, moment: Moment, limit: int, skip: int = 0) -> list[Pane]:
    """The running attempts, longest running first, `limit` at most and without the first `skip`."""
    found = islice(attempts(state, tails), skip, skip + limit)
    return [pane(state, node, item, tail, moment) for node, item, tail in found]


def pane(state: SessionState, node: NodeState, item: int | None, tail: Tail | None, moment: Moment) -> Pane:
    """What a pane over one attempt shows above its text."""
    title = one_line(node.id, 40) + (f"[{item}]" if item is not None else "")
    plan_node = state.plan_nodes.get(node.id)
    model = one_line(model_of(plan_node, node).rpartition("/")[2], 24)
    parts = [model] if item is None else []
    running = bool(node.running) and not (tail is not None and tail.ended)
    if tail is not None and tail.attempt > 1:
        parts.append(f"try {tail.attempt}")
    rate = tail.rate(moment.wall) if tail is not None else 0.0
    if running and rate >= 0.5 and (plan_node is None or plan_node.kind not in TOKENLESS):
        parts.append(f"{rate:.0f} tok/s")
    if item is None:
        parts.append(taken_words(node, moment))
    since = node.started_ts if item is None and node.items is None else None
    does = standing(plan_node.kind if plan_node else "", tail, since, moment.wall) if running else None
    figures = tuple(part for part in parts if part)
    return Pane(node.id, item, title, figures, tail, running, standing=does, now=moment.wall)


def box(
    title: Line, corner: Line, body: Sequence[Line], width: int, height: int, glyphs: Glyphs, role: Role
) -> list[Line]:
    """A framed box with `title` at its top left and `corner` at its top right."""
    inner = max(0, width - 4)
    across = glyphs.wire(E | W)
    taken = line_width(title)
    tail: Line = ()
    if corner and inner - taken > 6:
        tail = ((" ", "muted"), *crop(corner, max(0, inner - taken - 3)), (" ", "muted"))
    filler = across * max(0, width - 5 - taken - line_width(tail))
    left: Span = (glyphs.wire(S | E) + across + " ", role)
    top: Line = (left, *title, (f" {filler}", role), *tail, (glyphs.wire(S | W), role))
    side = glyphs.wire(N | S)
    rows = [((f"{side} ", role), *pad(row, inner), (f" {side}", role)) for row in body[: max(0, height - 2)]]
    blank: Line = ((f"{side} ", role), (" " * inner, "text"), (f" {side}", role))
    rows.extend([blank] * (height - 2 - len(rows)))
    return [pad(top, width), *rows, (((glyphs.wire(N | E) + across * (width - 2) + glyphs.wire(N | W)), role),)]


def places(panes: Sequence[Pane], width: int, height: int, selected: Key | None) -> list[Placed]:
    """All panes that have room in `width` × `height` cells, row by row, so that they fill it; the selected one gets a
    larger share, unless it is pinned among others that are."""
    if not panes or width < 8 or height < 3:
        return []
    chosen = next((pane for pane in panes if pane.key == selected), None)
    others = [pane for pane in panes if pane is not chosen]
    if chosen is None or not others or height < 2 * MIN_HEIGHT:
        return _tiled([chosen] if chosen and height < 2 * MIN_HEIGHT else panes, width, height, 0)
    rest = _rows_for(len(others), width) * 2 * MIN_HEIGHT
    large = max(height * 2 // 5, height - rest)
    return [Placed(chosen, 0, 0, width, large), *_tiled(others, width, height - large, large)]


def grid(
    panes: Sequence[Pane],
    width: int,
    height: int,
    glyphs: Glyphs,
    selected: Key | None,
    *,
    focused: bool = False,
    note: str = "",
) -> list[Line]:
    """The panes drawn. `note` stands at the bottom; without one, how many had no room."""
    placed = places(panes, width, height, selected)
    lines: list[Line] = []
    for _, row in groupby(placed, key=lambda one: one.y):
        drawn = [_one(one, glyphs, _frame(one.pane, selected, len(panes), focused=focused)) for one in row]
        lines += [tuple(span for part in parts for span in part) for parts in zip(*drawn, strict=True)]
    hidden = len(panes) - len(placed)
    told = note or (f"+{hidden} more at work" if hidden else "")
    if told and lines:
        lines[-1] = noted(lines[-1], told, width, glyphs)
    return lines


def noted(line: Line, told: str, width: int, glyphs: Glyphs) -> Line:
    """The lowest line of a grid with `told` in it."""
    told = f" {shorten(told, width - 6, glyphs.cut)} "
    return (*pad(line, max(0, width - 2 - cells(told))), (told, "muted"), *skip(line, width - 2))


def selected_cells(line: Line, span: tuple[int, int], placed: Placed) -> tuple[int, int]:
    """First and behind the last cell of what is selected of a line of the grid, within one pane; `span` is in
    characters, and goes to the end of the line where its end is below 0."""
    text = "".join(part for part, _ in line)
    left, right = placed.x + 2, placed.x + placed.width - 2
    first = max(left, cells(text[: span[0]]))
    last = right if span[1] < 0 else min(right, cells(text[: span[1]]))
    inside = "".join(part for part, _ in crop(skip(line, left), right - left))
    return first, max(first, min(last, left + cells(inside.rstrip())))


def selected_text(lines: Sequence[Line], spans: Sequence[tuple[int, int] | None], placed: Placed) -> str:
    """What is selected of one pane, its frame left out; `spans` are those of the lines, None: nothing of it."""
    told: list[str] = []
    for y in range(placed.y + 1, min(placed.y + placed.height - 1, len(lines))):
        span = spans[y]
        if span is not None:
            first, last = selected_cells(lines[y], span, placed)
            told.append("".join(part for part, _ in crop(skip(lines[y], first), last - first)))
    return "\n".join(told).strip("\n")


def _frame(pane: Pane, selected: Key | None, number: int, *, focused: bool) -> Role:
    if pane.key == selected and (focused or number > 1):
        return "accent" if focused else "critical"
    return "warn" if pane.standing is not None and pane.standing[1] in ("warn", "bad") else "edge"


def _rows_for(number: int, width: int) -> int:
    across = max(1, width // MIN_WIDTH)
    return -(-number // across)


def _tiled(panes: Sequence[Pane], width: int, height: int, y: int) -> list[Placed]:
    across = max(1, min(len(panes), width // MIN_WIDTH))
    shown = panes[: across * max(1, height // MIN_HEIGHT)]
    rows = -(-len(shown) // across)
    placed: list[Placed] = []
    for row in range(rows):
        tall = height // rows + (1 if row < height % rows else 0)
        tiles = shown[row * across : (row + 1) * across]
        x = 0
        for at, tile in enumerate(tiles):
            wide = width // len(tiles) + (1 if at < width % len(tiles) else 0)
            placed.append(Placed(tile, x, y, wide, tall))
            x += wide
        y += tall
    return placed


def _one(placed: Placed, glyphs: Glyphs, role: Role) -> list[Line]:
    pane, inner = placed.pane, max(1, placed.width - 4)
    body = _text(pane, inner, max(0, placed.height - 2), glyphs)
    standing = pane.standing
    if not body:
        words: Span = ("no text yet" if pane.running else "nothing was said", "faint")
        if standing is not None and cells(standing[0]) <= inner:
            words, standing = standing, None  # told once
        body = [(words,)]
    name = f"{glyphs.chosen} {pane.title}" if pane.pinned else pane.title
    title: Line = ((shorten(name, max(4, inner - 4), glyphs.cut), "strong"),)
    figures: Line = ((f" {glyphs.dot} ".join(pane.figures), "muted"),) if pane.figures else ()
    if standing is not None:
        gap: Line = ((f" {glyphs.dot} ", "muted"),)
        figures = (standing, *gap, *figures) if figures else (standing,)
    return box(title, figures, body, placed.width, placed.height, glyphs, role)


def _text(pane: Pane, width: int, rows: int, glyphs: Glyphs) -> list[Line]:
    """Its lines from the beginning; of what is being said the last `rows`."""
    body = list(pane.body(width) if pane.body else ())
    if body or (pane.flow is None and pane.tail is None):
        return body
    if pane.flow is not None:
        return pane.flow.last(Look(width, glyphs, pane.source), rows, pane.now)
    return pane.tail.rows(width, rows, pane.now, glyphs) if pane.tail is not None else []


def read(state: SessionState, pane: Pane, tails: Tails, *, source: bool = False) -> Pane:
    """`pane` as the one that somebody reads: its text as Markdown, or with `source` as it is written. Dearer than the
    lines of a tail: for one pane or two."""
    if pane.tail is None or pane.body is not None or not writes_markdown(state.plan_nodes.get(pane.node)):
        return pane
    return replace(pane, flow=tails.read(pane.tail), source=source)


def look_at(state: SessionState, node_id: str, tails: Tails, moment: Moment, *, source: bool = False) -> Pane | None:
    """The pane of the node that is selected: its live text, else what it gave, else what it will do."""
    node = state.nodes.get(node_id)
    if node is None:
        return None
    tail = _newest(node, tails)
    item = next((key[1] for key, known in tails.by_key.items() if known is tail), None) if tail else None
    if node.running and not (state.pending and asks(state, node.id)):
        return pane(state, node, item, tail, moment)
    shown = pane(state, node, None, None, moment)
    mark = mark_of(state, node)
    return replace(shown, figures=(mark.word, *shown.figures), body=_body(state, node, source=source))


def kept(state: SessionState, key: Key, tails: Tails, moment: Moment, *, source: bool = False) -> Pane | None:
    """The pane of one attempt, whether it runs or has ended; None if there is no such node any more."""
    node_id, item = key
    node = state.nodes.get(node_id)
    tail = tails.by_key.get(key)
    if node is None:
        return None
    if item is None and (tail is None or not node.running):
        return look_at(state, node_id, tails, moment, source=source)
    return pane(state, node, item, tail, moment)


def _newest(node: NodeState, tails: Tails) -> Tail | None:
    if node.items is None:
        return tails.by_key.get((node.id, None))
    running = (tails.by_key.get((node.id, item)) for item in node.items.where(State.RUNNING))
    return max((tail for tail in running if tail is not None), key=lambda tail: tail.last_ts, default=None)


def _body(state: SessionState, node: NodeState, *, source: bool) -> Callable[[int], list[Line]]:
    def body(width: int) -> list[Line]:
        from swarmtui.tui.view.plan import node_facts

        lines: list[Line] = []
        pending = asked(state, node.id)
        if pending is not None:
            lines += [*document.prose(pending.question, width), (), (("it waits for your answer", "ask"),), ()]
        if node.error is not None:
            lines += [*document.verbatim(f"{node.error.kind.value}: {node.error.message}", width, "bad"), ()]
        plan_node = state.plan_nodes.get(node.id)
        if node.output is not None and writes_markdown(plan_node):
            return lines + beginning(node.output.text[:SHOWN], Look(width, source=source), ROWS)
        if node.output is not None:
            return lines + document.verbatim(node.output.text[:SHOWN], width)
        return lines + (document.facts(node_facts(state, plan_node), width) if plan_node else [])

    return body
