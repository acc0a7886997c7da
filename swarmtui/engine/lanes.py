"""What is ready and waits for a place, in the order in which it gets one: pure bookkeeping for the scheduler.

A *lane* is where nodes wait that depend on the same things: one pool, one provider, the same limited tags. If one of
them may not start for want of a place, none of the lane may; so the best of a lane is the only one that need be looked
at, and a step costs O(lanes + log n).

The order of what is ready, over all lanes that have a place:

1. higher priority;
2. single nodes with a longer remaining path than the map whose turn it is;
3. fair shares, counted in starts, between the maps, and all other single nodes together as one more: with k of them
   ready each gets every k-th start. This is stride scheduling with equal tickets (Waldspurger and Weihl, "Stride
   Scheduling: Deterministic Proportional-Share Resource Management", MIT/LCS/TM-528, 1995), with the virtual time of
   start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996): who was idle, or had no place in its pool, comes back
   at the present time and has nothing to catch up on, so that it does not starve the others for a while in turn;
4. a longer remaining path, then the order of the plan.

What a provider refused goes before all of equal priority (a node). An item that is due to be tried again goes before
those of its map that were not tried yet: what is wrong with it is known soon, and few are half done at any time.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from dataclasses import dataclass, field

from swarmtui.frozen import mutable

FOREVER = math.inf

SingleEntry = tuple[float, float, int, str, float, float]
"""(-priority, -remaining path, order, node, ready since, its provider's closed seconds by then)."""
MapEntry = tuple[float, float, float, int, str]
"""(-priority, pass, -remaining path, order, node)."""


@dataclass(slots=True, eq=False)
class Pool:
    """What shares one of the user's limits: a pool, or a tag."""

    name: str
    limit: int = 0
    running: int = 0

    @property
    def full(self) -> bool:
        """Whether nothing more of it may start now."""
        return self.running >= self.limit


@dataclass(slots=True, eq=False)
class Provider:
    """Who answers for a pool, when it lets nothing start, and for how long it has not."""

    name: str
    gated: bool = False
    """Whether the pacer is asked before each start."""
    not_before: float = 0.0
    """Session second before which nothing starts: the provider has said so."""
    retry_at: float | None = None
    """When to ask the gate again that has refused."""
    _closed_s: float = 0.0
    _since: float | None = None
    _until: float = 0.0
    _at_resume: float = 0.0

    @property
    def never_closed(self) -> bool:
        """Whether it has let everything start so far."""
        return self._since is None and not self._closed_s

    def close(self, now: float, until: float) -> None:
        """It lets nothing start from `now` to `until`, or until :meth:`open`."""
        if self._since is None:
            self._since = now
        elif now > self._until:
            self.open(now)
            self._since = now
        self._until = max(until, now)

    def open(self, now: float) -> None:
        """It lets calls through again, or something else is what calls wait for."""
        self.retry_at = None
        if self._since is not None:
            self._closed_s += max(0.0, min(now, self._until) - self._since)
            self._since = None

    def closed_s(self, now: float) -> float:
        """Seconds in which it let nothing start, up to `now`."""
        if self._since is None:
            return self._closed_s
        return self._closed_s + max(0.0, min(now, self._until) - self._since)

    def resume(self, now: float) -> None:
        """The session goes on after a pause: what was waited before counts no more."""
        self._at_resume = self.closed_s(now)

    def waited_s(self, closed_s: float, now: float) -> float:
        """Seconds in which it was closed since it had been so for `closed_s`."""
        return self.closed_s(now) - max(closed_s, self._at_resume)


@dataclass(slots=True, eq=False)
class ItemQueue:
    """Items of one map that wait in one lane. Those without an entry in `since` wait since `ready`."""

    ready: float
    closed_s: float
    items: deque[int] = field(default_factory=deque)
    since: dict[int, tuple[float, float]] = field(default_factory=dict)
    again: deque[int] = field(default_factory=deque)
    """Those that were tried before and are due again go first, whoever came first among them."""

    def __len__(self) -> int:
        """How many wait."""
        return len(self.again) + len(self.items)

    @property
    def head(self) -> int:
        """Whose turn it is; there must be one."""
        return self.again[0] if self.again else self.items[0]

    def pop(self) -> int:
        """Take it out."""
        return self.again.popleft() if self.again else self.items.popleft()


@dataclass(slots=True, eq=False)
class Lane:
    """See the module's text."""

    pool: Pool
    provider: Provider
    tags: tuple[Pool, ...] = ()
    singles: list[SingleEntry] = field(default_factory=list)
    maps: list[MapEntry] = field(default_factory=list)
    entries: dict[str, SingleEntry | MapEntry] = field(default_factory=dict)
    """Node -> its entry; any other entry of it in a heap is void."""
    queues: dict[str, ItemQueue] = field(default_factory=dict)
    """Map -> its items that wait here."""

    @property
    def full(self) -> bool:
        """Whether the user's limits let nothing of it start now."""
        if self.pool.running >= self.pool.limit:
            return True
        return any(tag.full for tag in self.tags)

    def count(self, by: int) -> None:
        """So many attempts more are running."""
        self.pool.running += by
        for tag in self.tags:
            tag.running += by

    def put_single(self, entry: SingleEntry) -> None:
        """A node waits, in the place of its entry before, if it had one."""
        self.entries[entry[3]] = entry
        heapq.heappush(self.singles, entry)

    def put_map(self, entry: MapEntry) -> None:
        """A map waits, in the place of its entry before, if it had one."""
        self.entries[entry[4]] = entry
        heapq.heappush(self.maps, entry)

    def drop(self, node: str) -> None:
        """A node waits no more; items of it that wait stay known."""
        self.entries.pop(node, None)


@mutable
class _Turn:
    """Virtual time of one priority: of the last start, and up to which single nodes have had their share."""

    now: float = 0.0
    singles: float = 0.0


class Shares:
    """Who has had how much: the virtual times of maps, and of single nodes together, per priority."""

    def __init__(self) -> None:
        self._turns: dict[float, _Turn] = {}
        self._passes: dict[str, float] = {}

    def clear(self) -> None:
        """Everybody begins anew."""
        self._turns.clear()
        self._passes.clear()

    def pass_of(self, node: str, priority: float) -> float:
        """A map's virtual time as it joins those that wait: never before the present."""
        turn = self._turns.get(priority)
        return max(self._passes.get(node, 0.0), turn.now if turn else 0.0)

    def stale(self, entry: MapEntry) -> bool:
        """Whether the map has had a start since this entry was made."""
        return self._passes.get(entry[4], 0.0) > entry[1]

    def map_first(self, one: MapEntry, other: MapEntry) -> bool:
        """Whether `one` goes before `other`; who is behind the present counts as being there."""
        turn = self._turns.get(one[0])
        now = turn.now if turn else 0.0
        return (one[0], max(one[1], now), *one[2:4]) < (other[0], max(other[1], now), *other[2:4])

    def single_first(self, single: SingleEntry, mapped: MapEntry) -> bool:
        """Whether a single node goes before the map whose turn it is."""
        if single[0] != mapped[0]:
            return single[0] < mapped[0]
        if single[1] < mapped[2]:
            return True
        turn = self._turns.get(single[0]) or _Turn()
        return max(turn.singles, turn.now) < max(mapped[1], turn.now)

    def charge_single(self, single: SingleEntry, mapped: MapEntry) -> None:
        """A single node went before a map. It costs the share of single nodes unless its path was the longer one."""
        if single[0] == mapped[0] and single[1] >= mapped[2]:
            turn = self._turns.setdefault(single[0], _Turn())
            turn.now = max(turn.singles, turn.now)
            turn.singles = turn.now + 1.0

    def charge_map(self, entry: MapEntry) -> MapEntry:
        """A map has a start; its next entry."""
        turn = self._turns.setdefault(entry[0], _Turn())
        turn.now = max(entry[1], turn.now)
        self._passes[entry[4]] = turn.now + 1.0
        return (entry[0], turn.now + 1.0, *entry[2:])
