"""What crash after crash caught while it ran: one of them may be what ends the host, and the rest must not go with it.

After a crash everything that was in flight is repeated, so that the same attempts are in flight at the next one, and
the culprit cannot be told from its neighbours. Therefore what two crashes caught runs a few at a time, and what three
caught runs alone: nothing else is in flight then. Whoever is innocent ends, and is suspected no more; only what the
host does not outlive alone is given up (see :mod:`swarmtui.engine.recovery`). Of n suspects at most a few come to run
alone per crash, so that the price is small: this is group testing in two stages (Dorfman, "The Detection of Defective
Members of Large Populations", Annals of Mathematical Statistics 14, 1943).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from swarmtui.engine.lanes import Lane, Provider
from swarmtui.engine.recovery import REPEATS, caught_times
from swarmtui.frozen import frozen
from swarmtui.plan.model import Node
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import State

ALONE = REPEATS
"""Crashes after which an attempt runs alone."""
SUSPECTED = ALONE - 1
"""Crashes after which it is suspected."""
FEW = 4
"""So many suspects run at once at most."""

Place = tuple[str, int | None]
_STARTABLE = (State.READY, State.RETRYING, State.THROTTLED)


@frozen
class Suspect:
    """One that starts next: where it waits, and since when."""

    node: NodeState
    item: int | None
    lane: Lane
    ready: float
    closed_s: float


class Suspects:
    """Those of one session that wait or run. `lane_of` says where a node, or an item of it, waits for a place."""

    def __init__(self, state: SessionState, lane_of: Callable[[Node, int | None], Lane]) -> None:
        self._state = state
        self._lane_of = lane_of
        self._waiting: dict[Place, tuple[float, float]] = {}
        self._running: set[Place] = set()

    def __bool__(self) -> bool:
        return bool(self._waiting or self._running)

    def clear(self) -> None:
        """Forget what waits and runs."""
        self._waiting.clear()
        self._running.clear()

    def take(self, node: NodeState, item: int | None, ready: float, lane: Lane) -> bool:
        """Whether this one is a suspect; if so it waits here, since session second `ready`, and in no lane."""
        if caught_times(node, item) < SUSPECTED:
            return False
        self._waiting.setdefault((node.id, item), (ready, lane.provider.closed_s(ready)))
        return True

    def started(self, node: NodeState, item: int | None) -> None:
        """An attempt runs."""
        if caught_times(node, item) >= SUSPECTED:
            self._waiting.pop((node.id, item), None)
            self._running.add((node.id, item))

    def landed(self, place: Place) -> None:
        """An attempt is over."""
        self._running.discard(place)

    @property
    def lanes(self) -> list[Lane]:
        """The lanes in whose pools something waits here for a place."""
        return list(dict.fromkeys(self._lane_of(self._state.plan_nodes[id], item) for id, item in self._present()))

    def next(self, now: float, refused: Collection[Provider], *, occupied: bool) -> tuple[Suspect | None, bool]:
        """What starts next, if anything, providers left out that have `refused`; and whether nothing else may.

        `occupied`: something is in flight.
        """
        if any(self._crashes(place) >= ALONE for place in self._running):
            return None, True
        alone: Suspect | None = None
        for place in list(self._present()):
            node, item = self._state.nodes[place[0]], place[1]
            if not _may_start(node, item, now):
                continue
            lane = self._lane_of(self._state.plan_nodes[node.id], item)
            if lane.full or lane.provider.not_before > now or lane.provider in refused:
                continue
            suspect = Suspect(node, item, lane, *self._waiting[place])
            if self._crashes(place) >= ALONE:
                alone = alone or suspect
            elif len(self._running) < FEW:
                return suspect, False
            else:
                return None, False
        if alone is None or self._running:
            return None, False
        return None if occupied else alone, True

    def _present(self) -> Iterator[Place]:
        """What waits; what events have overtaken is forgotten."""
        for place in list(self._waiting):
            node = self._state.nodes.get(place[0])
            if node is not None and _waits(node, place[1]):
                yield place
            else:
                del self._waiting[place]

    def _crashes(self, place: Place) -> int:
        node = self._state.nodes.get(place[0])
        return 0 if node is None else caught_times(node, place[1])


def _waits(node: NodeState, item: int | None) -> bool:
    if item is None:
        return node.items is None and node.state in _STARTABLE and not node.running
    return node.items is not None and not node.ended and node.items.state(item) in _STARTABLE


def _may_start(node: NodeState, item: int | None, now: float) -> bool:
    if node.held or node.cancelled or node.restart or node.unmet:
        return False
    if item is None or node.items is None:
        due = node.retry_at if node.state is not State.READY else None
    else:
        due = node.items.retry_at.get(item)
    return due is None or due <= now
