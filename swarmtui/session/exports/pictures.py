"""The graph and the timeline of a session as SVG for a page: text that was cleaned and escaped, no script, no link out.

What is drawn is coloured by classes, so that the page's style decides, in light and in dark.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from swarmtui.plan import graph
from swarmtui.plan.model import Plan
from swarmtui.safety.text import one_line
from swarmtui.session.marks import Mark
from swarmtui.session.paths import at_work_s
from swarmtui.session.pools import QUESTIONS
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import State

MOST_NODES = 400
"""Larger graphs are not drawn: nobody could read them."""
MOST_ROWS = 400
"""Of a timeline."""
MOST_MARKS = 400
FITTING = 1_400
"""Pixels; a graph that is wider is not made smaller to fit, since nobody could read it."""
BOX_W, BOX_H = 168, 46
_GAP_ALONG, _GAP_ACROSS, _LANE, _TIP = 52, 16, 12, 8
MOST_LANES = 4_000
"""Places where a wire passes a layer: of graphs with more of them wires lead straight on, behind what is there."""
_LABEL_W, _BARS_W, _ROW_H, _TOP = 170, 700, 24, 34

Slot = tuple[str, int]
"""A node, and a layer: its own, where it lies, or a later one, where wires from it pass."""
Point = tuple[int, int]

ICONS: Mapping[str, str] = {
    "succeeded": "✓",
    "failed": "✗",
    "running": "▶",
    "retrying": "↻",
    "throttled": "↻",
    "skipped": "–",
    "cancelled": "×",
    "held": "‖",
    "interrupted": "!",
    "stale": "~",
    "ready": "○",
    "waiting": "·",
}
"""State -> its sign; the word stands beside it."""
SHARED: tuple[State, ...] = (
    *(State.SUCCEEDED, State.RUNNING, State.RETRYING, State.THROTTLED, State.READY, State.WAITING, State.HELD),
    *(State.STALE, State.SKIPPED, State.CANCELLED, State.INTERRUPTED, State.FAILED),
)
"""All states, in the order in which a bar shows how many nodes are in each."""


def text(value: str, limit: int = 120) -> str:
    """`value` for one line of a page."""
    return escape(one_line(value, limit))


def seconds(value: float) -> str:
    """``0.4 s``, ``12 s``, ``2:05``, ``1:02:03``."""
    if value < 60:
        return f"{value:.1f} s" if value < 9.95 else f"{int(value)} s"  # as lists have it: whole seconds that passed
    whole = int(value)
    hours, minutes, left = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def took(node: NodeState, now: float) -> float | None:
    """Seconds that the node was at work by session second `now`; None if it never was."""
    return None if node.started_mono is None or node.pool == QUESTIONS else at_work_s(node, now)


def lasted(state: SessionState) -> float:
    """Seconds on the session's clock until it ended; until its last event, if it has not.

    A host that stays on for a while after the end records that it leaves: this is none of the session's time.
    """
    if state.ended_ts is None:
        return state.mono
    last = max((node.ended_mono or 0.0 for node in state.nodes.values()), default=0.0)
    return min(state.mono, max(last, state.mono - max(0.0, state.ts - state.ended_ts)))


def share_svg(state: SessionState) -> str:
    """How many nodes are in which state, as one bar from what is well to what is not."""
    counted = [(known, state.counts[known]) for known in SHARED if state.counts.get(known)]
    told = ", ".join(f"{count} {known.value}" for known, count in counted)
    total, at, parts = sum(count for _, count in counted), 0, []
    for known, count in counted:
        parts.append(f'<g class="bar s-{known.value}"><rect x="{at}" width="{count}" height="1"/></g>')
        at += count
    if not total:
        return ""
    return (
        f'<svg class="share" role="img" aria-label="{told}" viewBox="0 0 {total} 1" preserveAspectRatio="none">'
        f"<title>{told}</title>{''.join(parts)}</svg>"
    )


def graph_svg(plan: Plan, state: SessionState, anchors: Mapping[str, str]) -> str | None:
    """The graph, with a link to the `anchors` of the page for each node; None if it is too large or has no order."""
    if not 0 < len(plan.nodes) <= MOST_NODES:
        return None
    needs = graph.needs_of(plan)
    try:
        layers = graph.layers(needs)
    except graph.CycleError:
        return None
    depth = {node: at for at, layer in enumerate(layers) for node in layer}
    down = max(map(len, layers)) <= 2  # a chain fits a phone that way
    places = _places(_ordered(_slots(layers, needs, depth), needs, depth), depth, down=down)
    boxes = {node: places[node, at] for node, at in depth.items()}
    width = max(x for x, _ in places.values()) + BOX_W + 8
    height = max(y for _, y in places.values()) + BOX_H + 8
    wires = [_wire(_way(need, node, depth, places), down=down) for node in boxes for need in needs[node]]
    drawn = [_box(state.nodes[node], place, anchors.get(node), state.mono) for node, place in boxes.items()]
    classes = "graph fit" if width <= FITTING else "graph"
    return (
        f'<svg class="{classes}" role="img" aria-label="The graph: {len(boxes)} nodes" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}"><g class="wires">{"".join(wires)}</g>{"".join(drawn)}</svg>'
    )


def _slots(layers: list[list[str]], needs: graph.Needs, depth: Mapping[str, int]) -> list[list[Slot]]:
    """The places of each layer: its nodes, and where wires from nodes before it pass, which lie behind no box so."""
    last = dict(depth)
    for node, wanted in needs.items():
        for need in wanted:
            last[need] = max(last[need], depth[node] - 1)
    slots: list[list[Slot]] = [[(node, at) for node in layer] for at, layer in enumerate(layers)]
    if sum(last[node] - at for node, at in depth.items()) <= MOST_LANES:
        for node, at in depth.items():
            for passed in range(at + 1, last[node] + 1):
                slots[passed].append((node, passed))
    return slots


def _ordered(slots: list[list[Slot]], needs: graph.Needs, depth: Mapping[str, int]) -> list[list[Slot]]:
    """Each layer in the order of what its nodes need, so that fewer wires cross."""
    at: dict[Slot, float] = {}
    ordered: list[list[Slot]] = []
    for layer in slots:
        means: dict[Slot, float] = {}
        for index, (node, here) in enumerate(layer):
            sources = needs[node] if depth[node] == here else (node,)
            known = [at.get((need, here - 1), at[need, depth[need]]) for need in sources]
            means[node, here] = sum(known) / len(known) if known else index / max(1, len(layer))
        row = sorted(layer, key=means.__getitem__)
        at.update({slot: (index + 0.5) / len(row) for index, slot in enumerate(row)})
        ordered.append(row)
    return ordered


def _places(layers: Sequence[Sequence[Slot]], depth: Mapping[str, int], *, down: bool) -> dict[Slot, Point]:
    """The upper left corner of each box, and of each place where wires pass."""
    along = BOX_H + 34 if down else BOX_W + _GAP_ALONG
    box = (BOX_W if down else BOX_H) + _GAP_ACROSS
    sizes = [[box if depth[node] == at else _LANE for node, at in layer] for layer in layers]
    widest = max(map(sum, sizes))
    places = {}
    for number, (layer, row) in enumerate(zip(layers, sizes, strict=True)):
        side, far = 8 + (widest - sum(row)) // 2, 8 + number * along
        for slot, size in zip(layer, row, strict=True):
            places[slot] = (side, far) if down else (far, side)
            side += size
    return places


def _way(need: str, node: str, depth: Mapping[str, int], places: Mapping[Slot, Point]) -> list[tuple[Point, bool]]:
    """Where the wire from `need` to `node` leads: the places on its way, and whether each is a box."""
    passed = [(places[need, at], False) for at in range(depth[need] + 1, depth[node]) if (need, at) in places]
    return [(places[need, depth[need]], True), *passed, (places[node, depth[node]], True)]


def _wire(way: list[tuple[Point, bool]], *, down: bool) -> str:
    """A line through the places of `way`, with a tip at its end."""
    deep, half = (BOX_H, BOX_W // 2) if down else (BOX_W, BOX_H // 2)
    path, end = "", (0, 0)
    for index, (place, is_box) in enumerate(way):
        far, side = (place[1], place[0]) if down else place
        side += half if is_box else _LANE // 2
        if index:
            begin, target = end, (far - (_TIP if index == len(way) - 1 else 0), side)
            bend = max(14, (target[0] - begin[0]) // 2)
            turns = ((begin[0] + bend, begin[1]), (target[0] - bend, target[1]), target)
            path += "C" + " ".join(_at(turn, down=down) for turn in turns)
            path += "" if is_box else f"L{_at((far + deep, side), down=down)}"
        else:
            path += f"M{_at((far + deep, side), down=down)}"
        end = (far + deep, side)
    tip = " ".join(_at(corner, down=down) for corner in ((far - _TIP, side - 4), (far, side), (far - _TIP, side + 4)))
    return f'<path d="{path}"/><path class="tip" d="M{tip}z"/>'


def _at(point: Point, *, down: bool) -> str:
    """A point, of which the first number is along the graph, as x and y."""
    return f"{point[1]} {point[0]}" if down else f"{point[0]} {point[1]}"


def _box(node: NodeState, place: tuple[int, int], anchor: str | None, now: float) -> str:
    x, y = place
    span = took(node, now)
    told = node.state.value + ("" if span is None or node.state.value == "skipped" else f" · {seconds(span)}")
    box = (
        f'<rect x="{x}" y="{y}" width="{BOX_W}" height="{BOX_H}" rx="6"/>'
        f'<text x="{x + 10}" y="{y + 19}">{ICONS[node.state.value]} {text(node.id, 19)}</text>'
        f'<text class="small" x="{x + 10}" y="{y + 36}">{told}</text><title>{text(node.id, 200)}: {told}</title>'
    )
    inner = f'<a href="#{anchor}">{box}</a>' if anchor else box
    return f'<g class="node s-{node.state.value}">{inner}</g>'


def timeline_svg(state: SessionState, marks: Sequence[Mark], anchors: Mapping[str, str]) -> str | None:
    """A bar for each node that began, over the session's clock, with its marks above; None if nothing began."""
    began = sorted(
        (node for node in state.nodes.values() if node.started_mono is not None),
        key=lambda node: node.started_mono or 0.0,
    )
    if not began:
        return None
    end = max(lasted(state), 0.001)
    rows = began[:MOST_ROWS]
    height = _TOP + len(rows) * _ROW_H + 8
    width = _LABEL_W + _BARS_W + 16
    parts = [
        f'<svg class="timeline" role="img" aria-label="The timeline: {len(rows)} nodes over {seconds(end)}" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    ]
    for at in _ticks(end):
        x = _x(at, end)
        parts.append(f'<path class="tick" d="M{x:.1f} {_TOP - 8}V{height}"/>')
        parts.append(f'<text class="small" x="{x:.1f}" y="12" text-anchor="middle">{seconds(at) if at else "0"}</text>')
    for index, node in enumerate(rows):
        parts.append(_bar(node, _TOP + index * _ROW_H, end, anchors.get(node.id)))
    for mark in marks[:MOST_MARKS]:
        x = _x(min(mark.mono, end), end)
        parts.append(
            f'<path class="mark m-{mark.kind.value}" d="M{x - 4:.1f} 17h8l-4 8z">'
            f"<title>{seconds(mark.mono)}: {text(mark.label, 200)}</title></path>"
        )
    return "".join([*parts, "</svg>"])


def _bar(node: NodeState, y: int, end: float, anchor: str | None) -> str:
    start = node.started_mono or 0.0
    span = max(0.0, (end if node.ended_mono is None else node.ended_mono) - start)
    worked = took(node, end)
    x, wide = _x(start, end), max(3.0, span / end * _BARS_W)
    name = f'<text x="4" y="{y + 15}">{ICONS[node.state.value]} {text(node.id, 20)}</text>'
    label = f'<a href="#{anchor}">{name}</a>' if anchor else name
    told = f"{text(node.id, 200)}: {node.state.value}, {seconds(span if worked is None else worked)}"
    return (
        f'<g class="bar s-{node.state.value}">{label}<rect x="{x:.1f}" y="{y + 3}" width="{wide:.1f}" '
        f'height="{_ROW_H - 8}" rx="3"><title>{told}</title></rect></g>'
    )


def _x(at: float, end: float) -> float:
    return _LABEL_W + at / end * _BARS_W


def _ticks(end: float) -> list[float]:
    """Up to eight round times."""
    raw = end / 6
    unit = 10 ** math.floor(math.log10(raw))
    step = next((unit * factor for factor in (1, 2, 5, 10) if unit * factor >= raw), unit * 10)
    if step >= 60:
        step = next((known for known in (60, 120, 300, 600, 1800, 3600, 7200, 21600, 86400) if known >= raw), step)
    return [number * step for number in range(int(end / step + 0.0001) + 1)]
