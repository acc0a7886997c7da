"""The longest path through a plan: what it is, what it will still take, and in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from swarmtui.frozen import mutable
from swarmtui.session.paths import expected_s
from swarmtui.tui.view import format as say
from swarmtui.tui.view.glyphs import UNICODE, Glyphs
from swarmtui.tui.view.layers import depths
from swarmtui.tui.view.lines import cells, shorten
from swarmtui.tui.view.nodes import name_of

if TYPE_CHECKING:
    from swarmtui.session.state import SessionState

OFTEN = 150
"""Up to so many nodes the path is looked for with every event; above, where that takes its time, every second."""
ENDS = 6
"""Nodes at either end of a long path that are named."""


@mutable
class LongestPath:
    """The longest path by what nodes took, have taken by now and are estimated to take."""

    nodes: tuple[str, ...] = ()
    seconds: float = 0.0
    """What it takes, as far as is known."""
    _needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    _depth: Mapping[str, int] = field(default_factory=dict)
    _key: object = None

    def take(self, needs: Mapping[str, tuple[str, ...]]) -> None:
        """Look at another plan."""
        self._needs, self._depth, self._key = needs, depths(needs), None

    def find(self, state: SessionState, mono: float) -> bool:
        """Look for it anew if anything has happened; whether it is another one."""
        key = (state.seq if len(self._needs) < OFTEN else 0, int(mono), state.status)
        if key == self._key:
            return False
        self._key, before = key, self.nodes
        path, self.seconds = longest_path(self._needs, expected_s(state, mono), self._depth)
        worked = next((at for at in range(len(path), 0, -1) if state.plan_nodes[path[at - 1]].kind != "ask"), 0)
        self.nodes = path[:worked]  # a question at its end takes no time
        return self.nodes != before

    def words(self, state: SessionState, size: int, glyphs: Glyphs = UNICODE) -> str:
        """The path in at most `size` cells; with the time it will still take where all of that has been estimated, and
        what it took where it has ended."""
        if not self.nodes or not any(self._needs.values()):
            return ""
        arrow = f" {'->' if glyphs.ascii else '→'} "
        ends = self.nodes if len(self.nodes) <= 2 * ENDS else (*self.nodes[:ENDS], "", *self.nodes[-ENDS:])
        names = [name_of(node, 20) if node else glyphs.cut for node in ends]
        tail = self._tail(state, glyphs)
        while len(names) > 3 and cells(arrow.join(names)) + cells(tail) + 14 > size:
            middle = len(names) // 2
            names[middle - 1 : middle + 1] = [glyphs.cut]
        text = f"longest path: {arrow.join(names)}"
        return shorten(text, max(0, size - cells(tail)), glyphs.cut) + tail

    def _tail(self, state: SessionState, glyphs: Glyphs) -> str:
        if all(state.nodes[node].ended for node in self.nodes):
            return f"  took {say.took(self.seconds)}" if self.seconds else ""
        left = self._left_s(state)
        return "" if left is None else f"  {'~' if glyphs.ascii else '≈'} {say.clock(left)}"

    def _left_s(self, state: SessionState) -> float | None:
        left = 0.0
        for node_id in self.nodes:
            if not state.nodes[node_id].ended:
                node = state.plan_nodes[node_id]
                estimate = 0.0 if node.kind == "ask" else node.estimate_s
                if estimate is None:
                    return None
                left += estimate
        return left or None


def longest_path(
    needs: Mapping[str, tuple[str, ...]], seconds: Mapping[str, float], depth: Mapping[str, int] | None = None
) -> tuple[tuple[str, ...], float]:
    """The path that takes longest, and how long; `depth` is the layer of each node, where that is known already."""
    depth = depths(needs) if depth is None else depth
    best: dict[str, float] = {}
    before: dict[str, str | None] = {}
    for node in sorted(needs, key=depth.__getitem__):
        last = max(needs[node], key=best.__getitem__, default=None)
        best[node] = seconds[node] + (best[last] if last is not None else 0.0)
        before[node] = last
    path: list[str] = []
    end = at = max(
        best, key=lambda node: (best[node], depth[node]), default=None
    )  # to the end, where that takes no time
    while at is not None:
        path.append(at)
        at = before[at]
    return tuple(reversed(path)), best[end] if end is not None else 0.0
