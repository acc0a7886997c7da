"""Worker panes drawn as lines: one large pane, and a grid of small ones beside or below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import State
from swarmtui.tui.view import document
from swarmtui.tui.view.glyphs import E, Glyphs, N, S, W
from swarmtui.tui.view.lines import Line, Role, Span, cells, fit, pad, shorten
from swarmtui.tui.view.nodes import Moment, asked, asks, mark_of
from swarmtui.tui.view.plan import node_facts
from swarmtui.tui.view.tails import Key, Pane, Tail, Tails, pane

MIN_WIDTH = 36
MIN_HEIGHT = 5
SHOWN = 16_000
"""Characters of an output that a pane looks at; the node's own screen has the whole."""


def box(
    title: Line, corner: str, body: Sequence[Line], width: int, height: int, glyphs: Glyphs, role: Role
) -> list[Line]:
    """A framed box with `title` at its top left and `corner` at its top right."""
    inner = max(0, width - 4)
    across = glyphs.wire(E | W)
    taken = sum(cells(text) for text, _ in title)
    tail = f" {shorten(corner, max(0, inner - taken - 3), glyphs.cut)} " if corner and inner - taken > 6 else ""
    filler = across * max(0, width - 5 - taken - cells(tail))
    left: Span = (glyphs.wire(S | E) + across + " ", role)
    top: Line = (left, *title, (f" {filler}", role), (tail, "muted"), (glyphs.wire(S | W), role))
    side = glyphs.wire(N | S)
    rows = [((f"{side} ", role), *pad(row, inner), (f" {side}", role)) for row in body[: max(0, height - 2)]]
    blank: Line = ((f"{side} ", role), (" " * inner, "text"), (f" {side}", role))
    rows.extend([blank] * (height - 2 - len(rows)))
    return [pad(top, width), *rows, (((glyphs.wire(N | E) + across * (width - 2) + glyphs.wire(N | W)), role),)]


def grid(
    panes: Sequence[Pane], width: int, height: int, glyphs: Glyphs, selected: Key | None, *, focused: bool = False
) -> list[Line]:
    """All panes in `width` × `height` cells; the selected one gets a larger share. What has no room is counted."""
    if not panes or width < 8 or height < 3:
        return []
    chosen = next((pane for pane in panes if pane.key == selected), None)
    others = [pane for pane in panes if pane is not chosen]
    if chosen is None or not others or height < 2 * MIN_HEIGHT:
        shown = [chosen] if chosen and height < 2 * MIN_HEIGHT else panes
        mark = selected if focused or len(panes) > 1 else None
        return _tiles(shown, width, height, glyphs, mark, unseen=len(panes) - len(shown))
    rest = _rows_for(len(others), width) * 2 * MIN_HEIGHT
    large = max(height * 2 // 5, height - rest)
    return [
        *_one(chosen, width, large, glyphs, "accent" if focused else "critical"),
        *_tiles(others, width, height - large, glyphs, None),
    ]


def _rows_for(number: int, width: int) -> int:
    across = max(1, width // MIN_WIDTH)
    return -(-number // across)


def _tiles(
    panes: Sequence[Pane], width: int, height: int, glyphs: Glyphs, selected: Key | None, *, unseen: int = 0
) -> list[Line]:
    across = max(1, min(len(panes), width // MIN_WIDTH))
    room = max(1, height // MIN_HEIGHT)
    shown = panes[: across * room]
    hidden = unseen + len(panes) - len(shown)
    rows = -(-len(shown) // across)
    lines: list[Line] = []
    for row in range(rows):
        tall = height // rows + (1 if row < height % rows else 0)
        tiles = shown[row * across : (row + 1) * across]
        drawn: list[list[Line]] = []
        for at, tile in enumerate(tiles):
            wide = width // len(tiles) + (1 if at < width % len(tiles) else 0)
            drawn.append(_one(tile, wide, tall, glyphs, "accent" if tile.key == selected else "edge"))
        for parts in zip(*drawn, strict=True):
            lines.append(tuple(span for part in parts for span in part))
    if hidden and lines:
        note: Span = (fit(f" +{hidden} more at work ", 20), "muted")
        lines[-1] = (*pad(lines[-1], width - 22), note, ("  ", "text"))
    return lines


def _one(pane: Pane, width: int, height: int, glyphs: Glyphs, role: Role) -> list[Line]:
    inner = max(1, width - 4)
    body = list(pane.body(inner) if pane.body else ())
    if pane.tail is not None and not body:
        body = pane.tail.rows(inner, max(0, height - 2))
    if not body:
        words = "no text yet" if pane.running else "nothing was said"
        body = [((words, "faint"),)]
    title: Line = ((shorten(pane.title, max(4, inner - 4), glyphs.cut), "strong"),)
    return box(title, f" {glyphs.dot} ".join(pane.figures), body, width, height, glyphs, role)


def look_at(state: SessionState, node_id: str, tails: Tails, moment: Moment) -> Pane | None:
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
    return replace(shown, figures=(mark.word, *shown.figures), body=_body(state, node))


def _newest(node: NodeState, tails: Tails) -> Tail | None:
    if node.items is None:
        return tails.by_key.get((node.id, None))
    running = (tails.by_key.get((node.id, item)) for item in node.items.where(State.RUNNING))
    return max((tail for tail in running if tail is not None), key=lambda tail: tail.last_ts, default=None)


def _body(state: SessionState, node: NodeState) -> Callable[[int], list[Line]]:
    def body(width: int) -> list[Line]:
        lines: list[Line] = []
        pending = asked(state, node.id)
        if pending is not None:
            lines += [*document.prose(pending.question, width), (), (("enter or a to answer", "ask"),), ()]
        if node.error is not None:
            lines += [*document.verbatim(f"{node.error.kind.value}: {node.error.message}", width, "bad"), ()]
        if node.output is not None:
            return lines + document.prose(node.output.text[:SHOWN], width)
        plan_node = state.plan_nodes.get(node.id)
        return lines + (document.facts(node_facts(state, plan_node), width) if plan_node else [])

    return body
