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
_GAP_ALONG, _GAP_ACROSS = 52, 16
_LABEL_W, _BARS_W, _ROW_H, _TOP = 170, 700, 24, 34

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
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    whole = int(value)
    hours, minutes, left = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def took(node: NodeState, now: float) -> float | None:
    """Seconds from the node's last start to its end, or to `now`; None if it never began."""
    if node.started_mono is None:
        return None
    return max(0.0, (now if node.ended_mono is None else node.ended_mono) - node.started_mono)


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
        layers = _ordered(graph.layers(needs), needs)
    except graph.CycleError:
        return None
    down = max(map(len, layers)) <= 2  # a chain fits a phone that way
    places = _places(layers, down=down)
    width = max(x for x, _ in places.values()) + BOX_W + 8
    height = max(y for _, y in places.values()) + BOX_H + 8
    wires = [_wire(places[need], place, down=down) for node, place in places.items() for need in needs[node]]
    boxes = [_box(state.nodes[node], places[node], anchors.get(node), state.mono) for node in places]
    classes = "graph fit" if width <= FITTING else "graph"
    return (
        f'<svg class="{classes}" role="img" aria-label="The graph: {len(places)} nodes" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}"><g class="wires">{"".join(wires)}</g>{"".join(boxes)}</svg>'
    )


def _ordered(layers: list[list[str]], needs: graph.Needs) -> list[list[str]]:
    """Each layer in the order of what its nodes need, so that fewer wires cross."""
    at: dict[str, float] = {}
    ordered: list[list[str]] = []
    for layer in layers:
        means = {}
        for index, node in enumerate(layer):
            known = [at[need] for need in needs[node] if need in at]
            means[node] = sum(known) / len(known) if known else index / max(1, len(layer))
        row = sorted(layer, key=lambda node: means[node])
        at.update({node: (index + 0.5) / len(row) for index, node in enumerate(row)})
        ordered.append(row)
    return ordered


def _places(layers: Sequence[Sequence[str]], *, down: bool) -> dict[str, tuple[int, int]]:
    """The upper left corner of each node's box."""
    along, across = (BOX_H + 34, BOX_W + _GAP_ACROSS) if down else (BOX_W + _GAP_ALONG, BOX_H + _GAP_ACROSS)
    widest = max(map(len, layers))
    places = {}
    for depth, layer in enumerate(layers):
        offset = (widest - len(layer)) * across // 2
        for index, node in enumerate(layer):
            side, far = 8 + offset + index * across, 8 + depth * along
            places[node] = (side, far) if down else (far, side)
    return places


def _wire(start: tuple[int, int], end: tuple[int, int], *, down: bool) -> str:
    if down:
        x1, y1, x2, y2 = start[0] + BOX_W // 2, start[1] + BOX_H, end[0] + BOX_W // 2, end[1]
        bend = max(14, (y2 - y1) // 2)
        return f'<path d="M{x1} {y1}C{x1} {y1 + bend} {x2} {y2 - bend} {x2} {y2}"/>'
    x1, y1, x2, y2 = start[0] + BOX_W, start[1] + BOX_H // 2, end[0], end[1] + BOX_H // 2
    bend = max(20, (x2 - x1) // 2)
    return f'<path d="M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"/>'


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
    start, span = node.started_mono or 0.0, took(node, end) or 0.0
    x, wide = _x(start, end), max(3.0, span / end * _BARS_W)
    name = f'<text x="4" y="{y + 15}">{ICONS[node.state.value]} {text(node.id, 20)}</text>'
    label = f'<a href="#{anchor}">{name}</a>' if anchor else name
    told = f"{text(node.id, 200)}: {node.state.value}, {seconds(span)}"
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
