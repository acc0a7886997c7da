"""What of a graph is shown: nodes that belong together as one box, and what an agent gave away behind the agent.

Nodes are folded by *who made them* (subagents into their agent), by *stage* (nodes that need the same and that the same
need), and in graphs that are still too large by *layer*, if need be by several layers. Pure, and linear in the graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from itertools import takewhile
from typing import TYPE_CHECKING

from swarmtui.frozen import frozen, mutable
from swarmtui.tui.view.layers import depths

if TYPE_CHECKING:
    from swarmtui.plan.model import JSON, Node

READABLE = 60
"""Above so many boxes nobody finds anything: from there on what belongs together is folded by itself."""
KEPT_CHARS = 40_000
"""Of the names of groups that are remembered, over all sessions."""
FEWEST = 2
"""Nodes that are worth a fold."""

Needs = dict[str, tuple[str, ...]]


@frozen
class Group:
    """Nodes that can be shown as one box."""

    id: str
    """That of the node which made the others; else one that no node has."""
    name: str
    members: tuple[str, ...]
    head: str = ""
    """The node that made the others; empty where they are equals."""


@frozen
class Shown:
    """What is drawn: nodes and folded groups, with what each needs among them."""

    needs: Needs
    groups: Mapping[str, Group] = field(default_factory=dict)
    """The folded ones, by their ids."""
    within: Mapping[str, str] = field(default_factory=dict)
    """Node -> the folded group that hides it."""

    def place_of(self, node: str) -> str:
        """What stands for a node in the drawing."""
        return self.within.get(node, node)


def drawn_needs(nodes: Iterable[Node]) -> Needs:
    """What each node needs as it is drawn: what an agent made hangs behind the agent, which waits for it meanwhile,
    instead of before it, so that nothing moves when it appears."""
    by_id = {node.id: node for node in nodes}
    plain = {node.id: node.needs for node in by_id.values()}
    makers = {name: node.parent for name, node in by_id.items() if node.parent in by_id and node.parent != name}
    if not makers:
        return plain

    def made_by(name: str, maker: str) -> bool:
        seen: set[str] = set()
        while name in makers and name not in seen:
            seen.add(name)
            name = makers[name]
            if name == maker:
                return True
        return False

    turned: Needs = {}
    for name in _makers_first(by_id, makers):
        kept = tuple(need for need in plain[name] if not made_by(need, name))
        maker = makers.get(name)
        if maker is not None and not any(made_by(need, maker) for need in kept):
            kept = (*(need for need in kept if need != maker), maker)
        turned[name] = kept
    return turned if not cyclic(turned) else plain


def _makers_first(by_id: Mapping[str, Node], makers: Mapping[str, str]) -> list[str]:
    made: dict[str, list[str]] = {}
    for name, maker in makers.items():
        made.setdefault(maker, []).append(name)
    order: dict[str, None] = {}
    for root in by_id:
        if root in makers:
            continue
        stack = [root]
        while stack:
            name = stack.pop()
            if name not in order:
                order[name] = None
                stack.extend(reversed(made.get(name, ())))
    order.update(dict.fromkeys(by_id))
    return list(order)


def cyclic(needs: Mapping[str, Sequence[str]]) -> set[str]:
    """The nodes that lie on a cycle, or behind one."""
    left = {name: len(set(wanted)) for name, wanted in needs.items()}
    behind: dict[str, list[str]] = {name: [] for name in needs}
    for name, wanted in needs.items():
        for need in set(wanted):
            behind[need].append(name)
    free = [name for name, number in left.items() if not number]
    while free:
        for name in behind[free.pop()]:
            left[name] -= 1
            if not left[name]:
                free.append(name)
    return {name for name, number in left.items() if number}


def by_maker(nodes: Iterable[Node]) -> list[Group]:
    """Each node with those that it made while it ran, and those that they made."""
    makers: dict[str, str] = {}
    ids: dict[str, None] = {}
    for node in nodes:
        ids[node.id] = None
        if node.parent is not None and node.parent != node.id:
            makers[node.id] = node.parent
    members: dict[str, list[str]] = {}
    for name in ids:
        maker, seen = makers.get(name), {name}
        while maker is not None and maker in ids and maker not in seen:
            members.setdefault(maker, []).append(name)
            seen.add(maker)
            maker = makers.get(maker)
    return [Group(head, head, (head, *made), head) for head, made in members.items()]


def by_stage(needs: Mapping[str, Sequence[str]]) -> list[Group]:
    """Nodes that need the same and that the same nodes need: two or more of them."""
    behind: dict[str, list[str]] = {name: [] for name in needs}
    for name, wanted in needs.items():
        for need in wanted:
            behind[need].append(name)
    alike: dict[tuple[frozenset[str], tuple[str, ...]], list[str]] = {}
    for name, wanted in needs.items():
        if wanted or behind[name]:  # what stands alone has nothing in common with others that do
            alike.setdefault((frozenset(wanted), tuple(behind[name])), []).append(name)
    return [_of_equals(names, "stage") for names in alike.values() if len(names) >= FEWEST]


def by_layer(needs: Mapping[str, Sequence[str]], most: int = READABLE) -> list[Group]:
    """The nodes of a layer; of several next to each other where there are more than `most`."""
    depth = depths(needs)
    per_group = -(-(1 + max(depth.values(), default=0)) // most)
    layers: dict[int, list[str]] = {}
    for name in needs:
        layers.setdefault(depth[name] // per_group, []).append(name)
    return [_of_equals(names, "layer") for _, names in sorted(layers.items()) if len(names) >= FEWEST]


def _of_equals(names: list[str], kind: str) -> Group:
    # no name of a node has a NUL in it, so that the group can be told from all of them
    return Group(f"{names[0]}\0{kind}", common_name(names), tuple(names))


def common_name(names: Sequence[str]) -> str:
    """What names have in common, where that says something: ``search`` of ``search-01`` and ``search-02``; else the
    first and the last of them."""
    ends = zip(min(names), max(names), strict=False)
    start = "".join(one for one, _ in takewhile(lambda pair: pair[0] == pair[1], ends))
    word = start.rstrip("0123456789").rstrip("-_. /:#")
    return word if len(word) >= 3 else f"{names[0]} .. {names[-1]}"


@mutable
class Folding:
    """Which groups there are, and which of them are folded: the user's word, else what keeps the graph readable."""

    automatic: bool = True
    wanted: dict[str, bool] = field(default_factory=dict)
    """The user's word on groups, by their ids: folded or not."""
    candidates: tuple[Group, ...] = ()
    """The narrowest first."""
    _by_itself: frozenset[str] = frozenset()
    _needs: Needs = field(default_factory=dict)

    def take(self, nodes: Sequence[Node]) -> None:
        """Look at another plan."""
        self._needs = drawn_needs(nodes)
        made, equal = by_maker(nodes), by_stage(self._needs)
        self.candidates = (*equal, *made)
        self._by_itself = frozenset()
        if len(nodes) <= READABLE:
            return
        self._by_itself = frozenset(group.id for group in self.candidates)
        if self.automatic and len(_folded(self._needs, self.candidates).needs) <= READABLE:
            return
        wide = tuple(by_layer(self._needs))
        self.candidates = (*self.candidates, *wide)
        self._by_itself = frozenset(group.id for group in wide)

    def is_folded(self, group: Group) -> bool:
        """Whether it is to be one box."""
        return self.wanted.get(group.id, self.automatic and group.id in self._by_itself)

    def shown(self) -> Shown:
        """What is drawn."""
        return _folded(self._needs, [group for group in self.candidates if self.is_folded(group)])

    def around(self, node: str) -> Group | None:
        """The group that `node` can be folded into: what an agent gave away, else the stage, else the layer."""
        mine = [group for group in self.candidates if node in group.members and not self.is_folded(group)]
        return min(mine, key=lambda group: (not group.head, len(group.members)), default=None)

    def turn(self, group: Group) -> None:
        """Fold it, or unfold it."""
        self.wanted[group.id] = not self.is_folded(group)


def kept(before: Sequence[JSON], session: str, wanted: Mapping[str, bool]) -> list[JSON]:
    """The user's word on groups as it is remembered, that of `session` last; of the others the latest, as much as
    :data:`KEPT_CHARS` has room for."""
    rest = [one for one in before if isinstance(one, list) and len(one) == 2 and one[0] != session]
    found: list[JSON] = []
    room = KEPT_CHARS
    for one in reversed([*rest, [session, dict(wanted)]] if wanted else rest):
        room -= sum(len(str(part)) for part in (one[0], *one[1])) if isinstance(one[1], dict) else KEPT_CHARS
        if room < 0:
            break
        found.append(one)
    return found[::-1]


def recalled(memory: Sequence[JSON], session: str) -> dict[str, bool]:
    """What was remembered by :func:`kept` of `session`."""
    for one in memory:
        if isinstance(one, list) and len(one) == 2 and one[0] == session and isinstance(one[1], dict):
            return {group: folded for group, folded in one[1].items() if isinstance(folded, bool)}
    return {}


def _folded(needs: Needs, groups: Sequence[Group]) -> Shown:
    """`needs` with `groups` as one box each; the wider one wins where two share a node. What would make a box need
    itself stays unfolded."""
    chosen = sorted(groups, key=lambda group: -len(group.members))
    while True:
        shown = _quotient(needs, chosen)
        bad = cyclic(shown.needs) & shown.groups.keys() if chosen else set()
        if not bad:
            return shown
        chosen = [group for group in chosen if group.id not in bad]


def _quotient(needs: Needs, groups: Sequence[Group]) -> Shown:
    within: dict[str, str] = {}
    taken: dict[str, Group] = {}
    for group in groups:
        if any(name in within for name in group.members):
            continue
        taken[group.id] = group
        within.update(dict.fromkeys(group.members, group.id))
    if not taken:
        return Shown(needs)
    joined: dict[str, dict[str, None]] = {}
    for name, wanted in needs.items():
        box = within.get(name, name)
        into = joined.setdefault(box, {})
        for need in wanted:
            other = within.get(need, need)
            if other != box:
                into[other] = None
    return Shown({box: tuple(wanted) for box, wanted in joined.items()}, taken, within)
