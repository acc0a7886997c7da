"""The graph as a list: one node per line in topological order, with rails at the left as in a log of commits.

A rail is a net as in :mod:`swarmtui.tui.view.layout`: nodes with the same needs hang on one rail, which those needs
feed from above. In topological order all feeders of a net come before all that hang on it, so a rail reads downwards.
"""

from __future__ import annotations

from swarmtui.frozen import frozen, mutable
from swarmtui.tui.view.glyphs import E, N, S, W
from swarmtui.tui.view.layers import Needs, depths, reduced


@frozen
class RailRow:
    """One line of the list."""

    id: str
    ports: tuple[int, ...]
    """Sides that each cell of the rails is left by; two cells per rail."""
    arrow: bool
    """Whether the node hangs on a rail."""
    unseen: tuple[str, ...]
    """Needs that no rail shows, since there were too many."""


@frozen
class Rails:
    """The whole list."""

    rows: tuple[RailRow, ...]
    count: int
    """How many rails are in use at once."""


@mutable
class _Net:
    sources: list[int]
    targets: list[int]
    rail: int = -1

    @property
    def joints(self) -> list[int]:
        return self.sources + self.targets


def in_order(needs: Needs) -> list[str]:
    """The nodes so that each comes after its needs, chains kept together: what was unlocked last comes first."""
    left = {node: len(wanted) for node, wanted in needs.items()}
    dependents: dict[str, list[str]] = {node: [] for node in needs}
    for node, wanted in needs.items():
        for need in wanted:
            dependents[need].append(node)
    stack = [node for node in reversed(list(needs)) if not left[node]]
    order: list[str] = []
    while stack:
        node = stack.pop()
        order.append(node)
        for child in reversed(dependents[node]):
            left[child] -= 1
            if not left[child]:
                stack.append(child)
    return order


def rails(needs: Needs, limit: int) -> Rails:
    """The list for a graph, with at most `limit` rails side by side."""
    drawn = reduced(needs, depths(needs))
    order = in_order(drawn)
    at = {node: row for row, node in enumerate(order)}
    nets = _nets(drawn, order, at)
    used = _assign(nets, limit)
    by_row: list[list[_Net]] = [[] for _ in order]
    for net in nets:
        for row in net.joints:
            by_row[row].append(net)
    ports = _ports(nets, len(order), used)
    rows: list[RailRow] = []
    for row, node in enumerate(order):
        shown = [net for net in by_row[row] if net.rail >= 0]
        line = ports[row]
        if shown:
            _reach(line, min(net.rail for net in shown) * 2, {net.rail * 2 for net in shown})
        hangs = any(row in net.targets for net in shown)
        unseen = () if hangs else drawn[node]
        rows.append(RailRow(node, tuple(line), hangs, unseen))
    return Rails(tuple(rows), used)


def _nets(needs: Needs, order: list[str], at: dict[str, int]) -> list[_Net]:
    nets: dict[frozenset[str], _Net] = {}
    for node in order:
        wanted = needs[node]
        if not wanted:
            continue
        net = nets.get(frozenset(wanted))
        if net is None:
            net = nets[frozenset(wanted)] = _Net(sorted(at[need] for need in wanted), [])
        net.targets.append(at[node])
    return list(nets.values())


def _assign(nets: list[_Net], limit: int) -> int:
    """Gives nets rails by left edge: the first that is free. Nets that find none stay without."""
    free_from = [-1] * limit
    used = 0
    for net in sorted(nets, key=lambda net: (net.sources[0], -net.targets[-1])):
        for rail in range(limit):
            if free_from[rail] < net.sources[0]:
                net.rail, free_from[rail] = rail, net.targets[-1]
                used = max(used, rail + 1)
                break
    return used


def _ports(nets: list[_Net], height: int, used: int) -> list[list[int]]:
    lines = [[0] * (2 * used) for _ in range(height)]
    for net in nets:
        if net.rail < 0:
            continue
        column, first, last = net.rail * 2, net.sources[0], net.targets[-1]
        for row in range(first, last + 1):
            lines[row][column] = (N if row > first else 0) | (S if row < last else 0)
    return lines


def _reach(line: list[int], start: int, joins: set[int]) -> None:
    """The horizontal from the leftmost joined rail to the node, under rails that are not joined."""
    for column in range(start, len(line)):
        if column in joins:
            line[column] |= E | (W if column > start else 0)
        elif not line[column]:
            line[column] = E | W
