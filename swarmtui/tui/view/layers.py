"""Which column and row each node of a graph gets: layers by longest path, ordered so that edges cross little.

The stages are those of Sugiyama, Tagawa and Toda (1981): longest-path layering; placeholders where an edge passes a
layer; barycentre sweeps; rows by isotonic regression (pool adjacent violators), which is the placement closest to the
neighbours' that keeps the order. Everything is deterministic, and linear or nearly so in nodes and edges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from swarmtui.frozen import frozen

SWEEPS = 4
PLACEMENTS = 6

Needs = Mapping[str, Sequence[str]]
"""Node -> the nodes it needs, in plan order; all of them are keys, and there is no cycle."""


@frozen
class Slot:
    """A place in a layer: a node's, or where edges from `node` to later layers pass through."""

    node: str
    layer: int
    passing: bool = False


@frozen
class Layering:
    """Slots per layer from top to bottom, the row of each, and for each slot those it is joined to on its left."""

    layers: tuple[tuple[Slot, ...], ...]
    rows: dict[Slot, int]
    left: dict[Slot, tuple[Slot, ...]]


def depths(needs: Needs) -> dict[str, int]:
    """The layer of each node: one more than the deepest of its needs."""
    depth: dict[str, int] = {}
    for root in needs:
        stack = [root]
        while stack:
            node = stack[-1]
            if node in depth:
                stack.pop()
                continue
            missing = [need for need in needs[node] if need not in depth]
            if missing:
                stack.extend(missing)
                continue
            depth[node] = 1 + max((depth[need] for need in needs[node]), default=-1)
            stack.pop()
    return depth


def reduced(needs: Needs, depth: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """`needs` without those that a longer path implies: what a drawing has to show."""
    kept: dict[str, tuple[str, ...]] = {}
    for node, wanted in needs.items():
        far = {need for need in wanted if depth[need] < depth[node] - 1}
        kept[node] = tuple(wanted)
        if far and len(wanted) > 1:
            implied = _reached(needs, depth, (need for need in wanted), min(depth[need] for need in far))
            kept[node] = tuple(need for need in wanted if need not in far or need not in implied)
    return kept


def _reached(needs: Needs, depth: Mapping[str, int], start: Iterable[str], floor: int) -> set[str]:
    seen: set[str] = set()
    stack = [up for node in start for up in needs[node]]
    while stack:
        node = stack.pop()
        if node not in seen and depth[node] >= floor:
            seen.add(node)
            stack.extend(needs[node])
    return seen


def arrange(needs: Needs, prior: Sequence[Sequence[str]] = ()) -> Layering:
    """Slots and rows for a graph.

    With `prior` (the node ids per layer of an earlier arrangement) nodes that were there keep their order and new ones
    come last in their layer, so that nothing jumps while a session runs.
    """
    depth = depths(needs)
    drawn = reduced(needs, depth)
    layers, left = _slots(drawn, depth)
    right = _reverse(left)
    if prior:
        _keep_order(layers, prior)
    else:
        _sweep(layers, left, right)
    rows = _place(layers, left, right)
    return Layering(tuple(tuple(layer) for layer in layers), rows, {slot: tuple(ups) for slot, ups in left.items()})


def _slots(needs: Needs, depth: Mapping[str, int]) -> tuple[list[list[Slot]], dict[Slot, list[Slot]]]:
    layers: list[list[Slot]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
    last: dict[str, int] = {}
    for node, wanted in needs.items():
        for need in wanted:
            last[need] = max(last.get(need, 0), depth[node])
    left: dict[Slot, list[Slot]] = {}
    for node, layer in depth.items():
        layers[layer].append(Slot(node, layer))
    order = {node: at for at, node in enumerate(needs)}
    for slots in layers:
        slots.sort(key=lambda slot: order[slot.node])
    for node in needs:
        before = Slot(node, depth[node])
        for layer in range(depth[node] + 1, last.get(node, 0)):
            passing = Slot(node, layer, passing=True)
            layers[layer].append(passing)
            left[passing] = [before]
            before = passing
    for node, wanted in needs.items():
        layer = depth[node]
        left[Slot(node, layer)] = [Slot(need, layer - 1, passing=depth[need] < layer - 1) for need in wanted]
    return layers, left


def _reverse(left: dict[Slot, list[Slot]]) -> dict[Slot, list[Slot]]:
    right: dict[Slot, list[Slot]] = {slot: [] for slot in left}
    for slot, ups in left.items():
        for up in ups:
            right[up].append(slot)
    return right


def _sweep(layers: list[list[Slot]], left: dict[Slot, list[Slot]], right: dict[Slot, list[Slot]]) -> None:
    place = {slot: float(at) for layer in layers for at, slot in enumerate(layer)}
    best, fewest = [list(layer) for layer in layers], crossings(layers, left)
    for turn in range(SWEEPS):
        if not fewest:
            break
        neighbours = right if turn % 2 else left
        for layer in reversed(layers) if turn % 2 else layers:
            layer.sort(key=lambda slot: (_mean(neighbours[slot], place), place[slot]))
            for at, slot in enumerate(layer):
                place[slot] = float(at)
        found = crossings(layers, left)
        if found < fewest:
            best, fewest = [list(layer) for layer in layers], found
    layers[:] = best


def _mean(neighbours: list[Slot], place: dict[Slot, float]) -> float:
    return sum(place[slot] for slot in neighbours) / len(neighbours) if neighbours else -1.0


def crossings(layers: Sequence[Sequence[Slot]], left: Mapping[Slot, Sequence[Slot]]) -> int:
    """How many pairs of edges cross, counted per pair of layers by inversions (Fenwick tree)."""
    total = 0
    for above, below in pairwise(layers):
        place = {slot: at for at, slot in enumerate(above)}
        tree = [0] * (len(above) + 1)
        seen = 0
        for slot in below:
            ends = [place[up] for up in left[slot]]
            for end in ends:
                total += seen - _prefix(tree, end + 1)
            for end in ends:
                _add(tree, end + 1)
            seen += len(ends)
    return total


def _prefix(tree: list[int], at: int) -> int:
    total = 0
    while at:
        total += tree[at]
        at &= at - 1
    return total


def _add(tree: list[int], at: int) -> None:
    while at < len(tree):
        tree[at] += 1
        at += at & -at


def _keep_order(layers: list[list[Slot]], prior: Sequence[Sequence[str]]) -> None:
    known = {node: (layer, at) for layer, nodes in enumerate(prior) for at, node in enumerate(nodes)}
    for layer in layers:
        layer.sort(key=lambda slot: (slot.passing, known.get(slot.node, (len(prior), 0))))


def _place(layers: list[list[Slot]], left: dict[Slot, list[Slot]], right: dict[Slot, list[Slot]]) -> dict[Slot, int]:
    rows = {slot: at for layer in layers for at, slot in enumerate(layer)}
    for turn in range(PLACEMENTS):
        neighbours = right if turn % 2 else left
        for layer in reversed(layers) if turn % 2 else layers:
            wanted = [_middle([rows[other] for other in neighbours[slot]], rows[slot]) for slot in layer]
            for slot, row in zip(layer, _ordered(wanted), strict=True):
                rows[slot] = row
    _put_last(layers, rows, [slot for slot in left if not left[slot] and not right[slot]])
    used = {row: at for at, row in enumerate(sorted(set(rows.values())))}  # rows that nobody is on go
    return {slot: used[row] for slot, row in rows.items()}


def _put_last(layers: list[list[Slot]], rows: dict[Slot, int], alone: list[Slot]) -> None:
    """Nodes without edges go below the others, so that they stand in nobody's way."""
    if not alone:
        return
    apart = set(alone)
    below = 1 + max((row for slot, row in rows.items() if slot not in apart), default=-1)
    for at, slot in enumerate(alone):
        rows[slot] = below + at
    if layers:
        layers[0].sort(key=lambda slot: rows[slot])


def _middle(values: list[int], otherwise: int) -> float:
    if not values:
        return otherwise
    values.sort()
    return (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2


def _ordered(wanted: list[float]) -> list[int]:
    """Rows in strictly rising order, closest to `wanted` (least squares, by pooling adjacent violators)."""
    pools: list[tuple[float, int]] = []
    for at, value in enumerate(wanted):
        mean, size = value - at, 1
        while pools and pools[-1][0] > mean:
            other, count = pools.pop()
            mean = (mean * size + other * count) / (size + count)
            size += count
        pools.append((mean, size))
    rows: list[int] = []
    for mean, size in pools:
        for _ in range(size):
            rows.append(int(mean // 1) + len(rows))
    return rows
