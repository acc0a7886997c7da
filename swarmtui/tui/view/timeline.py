"""The timeline: a row per node, its time told apart into waiting for a place, for a provider, and work.

What is drawn comes from :class:`Flights`, up to the moment that is looked at: a replay has the same picture as the
session had then. Times are session seconds.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from swarmtui.frozen import mutable
from swarmtui.session.paths import at_work_s
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import FINAL, State
from swarmtui.tui.view import format as say
from swarmtui.tui.view.bars import LIT, bar, density
from swarmtui.tui.view.lines import Line, Role, Span, cells, fit
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.nodes import mark_of, name_of
from swarmtui.tui.view.path import LongestPath
from swarmtui.tui.view.stretches import WORK, Kind, Part, parts
from swarmtui.tui.view.table import matcher
from swarmtui.tui.view.timescale import Window, axis, span

if TYPE_CHECKING:
    from swarmtui.tui.view.flights import Flights, Flow
    from swarmtui.tui.view.glyphs import Glyphs

SORTS = ("start", "took", "queue")
"""What rows can be sorted by: when they began, how long they ran, how long they waited."""
NAME = 24
SLOW = 500
"""Nodes from which on rows are put in order, and the longest path is looked for, only every other second."""


@mutable
class Timeline:
    """The rows of a session and the window they are seen through."""

    flights: Flights
    state: SessionState = field(default_factory=SessionState)
    window: Window = field(default_factory=Window)
    sort: tuple[str, bool] = ("start", False)
    filter: str = ""
    ids: list[str] = field(default_factory=list)
    row_of: dict[str, int] = field(default_factory=dict)
    lit: frozenset[str] = frozenset()
    _path: LongestPath = field(default_factory=LongestPath)
    _path_of: object = None
    _ordered_for: object = None
    _lit_for: object = None
    _name: int = 12

    def choose(self, moment: Moment) -> None:
        """Which nodes there are, in which order, and which of them are on the longest path; cheap if nothing new is to
        be told."""
        state = self.state
        many = len(state.nodes) > SLOW
        second = int(moment.wall)
        plan = (id(state.plan), len(state.nodes), state.approved_rev)
        news: object = second // 2 if many else (state.seq, self.flights.seen, int(moment.session))
        key = (news, self.sort, self.filter, plan)
        if key != self._ordered_for:
            self._ordered_for = key
            self._order(moment.session)
        news = (second + 1) // 2 if many else news  # not in the same frame
        if (news, plan) != self._lit_for:
            self._lit_for = (news, plan)
            self._light(moment.session)

    def _order(self, now: float) -> None:
        nodes = self.state.nodes
        test = matcher(self.state, self.filter)
        ids = [node_id for node_id, node in nodes.items() if not self.filter or test(node)]
        key, descending = self.sort
        if key == "start":
            ids.sort(key=lambda node_id: self._began(nodes[node_id], now), reverse=descending)
        else:
            wanted = WORK if key == "took" else frozenset[Kind]({"queue", "throttle", "backoff"})
            spent = {node_id: self.spent(nodes[node_id], wanted, now) for node_id in ids}
            ids.sort(key=lambda node_id: spent[node_id], reverse=not descending)
        self.ids = ids
        self.row_of = {node_id: at for at, node_id in enumerate(ids)}
        self._name = min(NAME, max((cells(name_of(node_id)) for node_id in ids), default=8))

    def _light(self, now: float) -> None:
        state = self.state
        if self._path_of is not state.plan:
            self._path.take({node_id: node.needs for node_id, node in state.plan_nodes.items()})
            self._path_of = state.plan
        self._path.find(state, now)
        self.lit = frozenset(self._path.nodes) if len(self._path.nodes) > 1 else frozenset()

    def _began(self, node: NodeState, now: float) -> float:
        first = next(self.flights.attempts(node.id, now), None)
        if first is not None and first.start is not None:
            return first.start - first.queue_s - first.throttle_s
        if node.started_mono is not None and node.started_mono <= now:
            return node.started_mono
        return node.ready_mono if node.ready_mono is not None and node.state is State.READY else float("inf")

    def parts(self, node: NodeState, now: float) -> list[Part]:
        """The time of a node that is no map."""
        return parts(list(self.flights.attempts(node.id, now)), node, now)

    def spent(self, node: NodeState, kinds: frozenset[Kind], now: float) -> float:
        """Seconds that the node has spent so; of a map, those in which any of its items ran."""
        if node.items is not None:
            return at_work_s(node, now) if "run" in kinds else 0.0
        return sum(part.seconds for part in self.parts(node, now) if part.kind in kinds)

    def _summed(self, node_id: str, now: float) -> list[str]:
        """What the items of a map that have begun waited for, and how long they ran, added up: with shares."""
        measures = self.state.measures
        tally = measures.of_node(node_id)
        flying = sum(now - begun for (node, _), (_, begun) in measures.running.items() if node == node_id)
        ran = tally.service.total_s + tally.refused_service_s + tally.suspended_s + tally.stopped_s + tally.caught_s
        seconds = {"queued": tally.queue.total_s, "throttled": tally.throttle.total_s, "ran": ran + max(0.0, flying)}
        told = {words: took for words, took in seconds.items() if took >= 0.05}
        if not told:
            return []
        whole = sum(told.values())
        shares = [f"{words} {say.took(took)} ({took / whole:.0%})" for words, took in told.items()]
        return [f"items in sum {', '.join(shares)}"]

    def next_sort(self) -> None:
        """Sort by the next of :data:`SORTS`."""
        self.sort = (SORTS[(SORTS.index(self.sort[0]) + 1) % len(SORTS)], False)

    # -- drawing ----------------------------------------------------------------------------------------------

    def margins(self, size: int, glyphs: Glyphs) -> tuple[int, int]:
        """Cells before the bars, and after them."""
        name = max(6, min(self._name, size // 4))
        right = 8 if size >= 60 else 0
        return 1 + glyphs.icon_width + 1 + name + 3, right

    def look(self, size: int, moment: Moment, glyphs: Glyphs) -> None:
        """Fit the window into a line of `size` cells."""
        left, right = self.margins(size, glyphs)
        now = self.state.mono if self.state.status in FINAL else moment.session
        self.window.look(size - left - right, now, self.state.running_mono or 0.0)

    def head(self, size: int, glyphs: Glyphs) -> Line:
        """The axis, above all rows."""
        left, right = self.margins(size, glyphs)
        order = f"{glyphs.up if self.sort[1] else glyphs.down}{self.sort[0]}"
        end: Span = (fit("ran", right, right=True), "muted")
        return ((fit(f" {order}", left), "muted"), *axis(self.window, glyphs), end)

    def row(self, at: int, size: int, moment: Moment, glyphs: Glyphs, *, chosen: bool) -> Line:
        """Row `at`."""
        node = self.state.nodes[self.ids[at]]
        left, right = self.margins(size, glyphs)
        mark, now = mark_of(self.state, node), self.window.now
        lit = node.id in self.lit
        strength: Role = "strong" if node.running else "muted" if node.state in _QUIET else "text"
        head: Line = (
            (glyphs.cursor if chosen else " ", "accent"),
            (glyphs.icon(mark), mark.role),
            (" ", "text"),
            (fit(name_of(node.id), left - glyphs.icon_width - 5, ellipsis=glyphs.cut), strength),
            (" ", "accent"),
            glyphs.sign(LIT) if lit else (" ", "accent"),
            (" ", "text"),
        )
        flow = self.flights.by_map.get(node.id)
        is_map = node.items is not None or flow is not None
        if flow is not None:
            body = density(flow, node, self.window, glyphs)
            ran = self.spent(node, WORK, now)
        elif is_map:
            body, ran = ((" " * self.window.size, "text"),), 0.0
        else:
            told = self.parts(node, now)
            body = bar(told, self.window, glyphs)
            ran = sum(part.seconds for part in told if part.kind in WORK)
        words = say.took(ran) if ran >= 0.05 else ""
        return (*head, *body, (fit(words, right, right=True), "muted"))

    def title(self, glyphs: Glyphs, on: str) -> str:
        """What is shown, for the border; `on` is the key by which time goes on."""
        where = "" if self.window.following else f", from {say.clock(self.window.begin)} ({on} goes on)"
        of = f"{len(self.ids):,} of {len(self.state.nodes):,}, {self.filter}" if self.filter else f"{len(self.ids):,}"
        lack = "" if self.flights.whole else ", the beginning is not shown"
        nodes = "node" if of == "1" else "nodes"
        return f"timeline {glyphs.dash} {of} {nodes}, a cell is {span(self.window.per_cell)}{where}{lack}"

    def told(self, node_id: str, glyphs: Glyphs) -> str:
        """The exact figures of a row in a line."""
        node = self.state.nodes.get(node_id)
        if node is None:
            return ""
        name, now = name_of(node.id, 32), self.window.now
        flow = self.flights.by_map.get(node.id)
        if node.items is not None or flow is not None:
            told_map = [*_told_items(node, self.spent(node, WORK, now)), *self._summed(node.id, now), *_told_flow(flow)]
            return f"{name}: " + f" {glyphs.dot} ".join(told_map)
        told = self.parts(node, now)
        if not told:
            return f"{name}: has not begun"
        pieces = [f"{say.clock(told[0].start)} {glyphs.dash} {say.clock(told[-1].end)}"]
        for words, kinds in _TOLD:
            seconds = sum(part.seconds for part in told if part.kind in kinds)
            number = sum(part.kind in kinds for part in told)
            if seconds >= 0.05 or (number and kinds & WORK):
                times = f" in {number} tries" if number > 1 and "ok" in kinds else ""
                pieces.append(f"{words} {say.took(seconds)}{times}")
        for kind, words in (("failed", "failed"), ("refused", "refused")):
            number = sum(part.kind == kind for part in told)
            if number:
                pieces.append(f"{words} {number}x" if number > 1 else f"{words} once")
        if node.id in self.lit:
            pieces.append("on the longest path")
        return f"{name}: " + f" {glyphs.dot} ".join(pieces)


_QUIET = (State.WAITING, State.SKIPPED, State.CANCELLED)
_TOLD: tuple[tuple[str, frozenset[Kind]], ...] = (
    ("queued", frozenset({"queue"})),
    ("throttled", frozenset({"throttle"})),
    ("backed off", frozenset({"backoff"})),
    ("away", frozenset({"away"})),
    ("asked you", frozenset({"asks"})),
    ("ran", frozenset({"run", "ok", "failed", "refused", "cut"})),
)


def _told_items(node: NodeState, ran: float) -> list[str]:
    items, told = node.items, f"for {say.took(ran)}" if ran >= 0.05 else "nothing has run yet"
    if items is None:
        return [told]
    bad = items.count(State.FAILED)
    failed = f", {say.count(bad)} failed" if bad else ""
    return [f"{say.count(items.done)} of {say.count(items.total)} items{failed}, {told}"]


def _told_flow(flow: Flow | None) -> list[str]:
    if flow is None:
        return []
    refused = [f"refused {say.count(sum(flow.refused))}x"] if sum(flow.refused) else []
    return [f"at most {max(flow.levels, default=0)} at once", *refused]
