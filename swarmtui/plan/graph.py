"""The graph of a plan as pure functions over ``id -> ids it needs``; every one takes time O(nodes + edges).

Needs that are not in the graph are left out of account, so that a graph with mistakes can still be looked at. Nothing
recurses: plans may be 100,000 nodes deep.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from swarmtui.plan.model import Node, Plan

Needs = Mapping[str, Sequence[str]]


class CycleError(ValueError):
    """The graph has no order; `cycles` holds one cycle per knot, each beginning and ending with the same id."""

    def __init__(self, found: list[list[str]]) -> None:
        super().__init__("; ".join(" -> ".join(cycle) for cycle in found))
        self.cycles = found


def needs_of(nodes: Plan | Iterable[Node]) -> dict[str, tuple[str, ...]]:
    """The graph of `nodes`, in their order."""
    return {node.id: node.needs for node in (nodes.nodes if isinstance(nodes, Plan) else nodes)}


def dependents(needs: Needs) -> dict[str, list[str]]:
    """The graph turned round: id -> ids that need it, in the order of the graph."""
    turned: dict[str, list[str]] = {node: [] for node in needs}
    for node, wanted in needs.items():
        for need in wanted:
            if need in turned:
                turned[need].append(node)
    return turned


def _kahn(needs: Needs) -> tuple[list[str], dict[str, list[str]]]:
    """Every id that is on no cycle and behind none, needs first; and the graph turned round."""
    turned = dependents(needs)
    open_needs = dict.fromkeys(needs, 0)
    for users in turned.values():
        for user in users:
            open_needs[user] += 1
    ready = deque(node for node, count in open_needs.items() if count == 0)
    order: list[str] = []
    while ready:
        node = ready.popleft()
        order.append(node)
        for user in turned[node]:
            open_needs[user] -= 1
            if open_needs[user] == 0:
                ready.append(user)
    return order, turned


def topological_order(needs: Needs) -> list[str]:
    """All ids, each after its needs; among those that could come next, the graph's order. Raises CycleError."""
    order, _ = _kahn(needs)
    if len(order) < len(needs):
        raise CycleError(cycles(needs))
    return order


def layers(needs: Needs) -> list[list[str]]:
    """Ids by the length of the longest way to them: the first layer needs nothing. For drawing; the engine never
    waits for a layer. Raises CycleError."""
    level: dict[str, int] = {}
    found: list[list[str]] = []
    for node in topological_order(needs):
        level[node] = 1 + max((level[need] for need in needs[node] if need in level), default=-1)
        if level[node] == len(found):
            found.append([])
        found[level[node]].append(node)
    return found


def upward_rank(needs: Needs, durations: Mapping[str, float], default: float = 1.0) -> dict[str, float]:
    """id -> the longest way from the start of the node to the end of the graph, in the unit of `durations`.

    A node without a duration counts `default`. Starting the ready node of highest rank first is the rule of HEFT
    (Topcuoglu, Hariri, Wu: Performance-effective and low-complexity task scheduling for heterogeneous computing, IEEE
    TPDS 13(3), 2002), here without communication costs. Raises CycleError.
    """
    order = topological_order(needs)
    turned = dependents(needs)
    rank: dict[str, float] = {}
    for node in reversed(order):
        rank[node] = durations.get(node, default) + max((rank[user] for user in turned[node]), default=0.0)
    return rank


def critical_path(needs: Needs, durations: Mapping[str, float], default: float = 1.0) -> list[str]:
    """The ids on a longest way through the graph, from its start to its end: no schedule is shorter than their sum."""
    rank = upward_rank(needs, durations, default)
    turned = dependents(needs)
    path: list[str] = []
    step = list(rank)
    while step:
        path.append(max(step, key=rank.__getitem__))
        step = turned[path[-1]]
    return path


def descendants(needs: Needs, start: str) -> set[str]:
    """Every id that needs `start`, directly or through others, without `start` itself."""
    turned = dependents(needs)
    seen: set[str] = set()
    todo = list(turned.get(start, ()))
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo.extend(turned[node])
    seen.discard(start)
    return seen


def cycles(needs: Needs) -> list[list[str]]:
    """One shortest cycle for each knot of nodes that need each other: ``[a, b, a]`` where a needs b and b needs a.

    A node that needs itself is a knot of one, ``[a, a]``. Knots come in the order of the graph.
    """
    order, _ = _kahn(needs)
    if len(order) == len(needs):
        return []
    settled = set(order)
    rest = {node: [need for need in wanted if need in needs and need not in settled] for node, wanted in needs.items()}
    position = {node: index for index, node in enumerate(needs)}
    knots = [knot for knot in _knots({n: w for n, w in rest.items() if n not in settled}) if _is_cyclic(knot, rest)]
    firsts = sorted((min(position[node] for node in knot), frozenset(knot)) for knot in knots)
    names = list(needs)
    return [_shortest_cycle(names[first], knot, rest) for first, knot in firsts]


def _is_cyclic(knot: list[str], needs: Needs) -> bool:
    return len(knot) > 1 or knot[0] in needs[knot[0]]


def _knots(needs: Needs) -> list[list[str]]:
    """Strongly connected components, by Tarjan's algorithm (1972) with its recursion unrolled."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    found: list[list[str]] = []
    for root in needs:
        if root in index:
            continue
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        walk = [(root, iter(needs[root]))]
        while walk:
            node, rest = walk[-1]
            for need in rest:
                if need not in index:
                    index[need] = low[need] = len(index)
                    stack.append(need)
                    on_stack.add(need)
                    walk.append((need, iter(needs[need])))
                    break
                if need in on_stack:
                    low[node] = min(low[node], index[need])
            else:
                walk.pop()
                if walk:
                    low[walk[-1][0]] = min(low[walk[-1][0]], low[node])
                if low[node] == index[node]:
                    knot: list[str] = []
                    while not knot or knot[-1] != node:
                        knot.append(stack.pop())
                    on_stack.difference_update(knot)
                    found.append(knot)
    return found


def _shortest_cycle(start: str, knot: frozenset[str], needs: Needs) -> list[str]:
    """A shortest way from `start` along needs back to it, found breadth first."""
    came: dict[str, str] = {}
    todo = deque([start])
    while todo:
        node = todo.popleft()
        for need in needs[node]:
            if need == start:
                back = [start, node]
                while back[-1] != start:
                    back.append(came[back[-1]])
                return back[::-1]
            if need in knot and need not in came:
                came[need] = node
                todo.append(need)
    raise AssertionError("a knot holds a cycle through each of its nodes")
