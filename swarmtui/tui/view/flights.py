"""What became of attempts over time, as far as events told of it: what timeline and pool gauges are drawn from.

The state has how things stand; this has how they came to it, in bounded memory: the latest attempts of each node, and
of maps and pools counts per stretch of time. Events may come in any order (what happened before we came is fetched
backwards), each of them once. What a replay has seen of later times is kept, and whoever draws leaves it out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import field
from itertools import accumulate
from typing import TYPE_CHECKING, Literal

from swarmtui.frozen import frozen, mutable
from swarmtui.safety.text import one_line
from swarmtui.session import events as ev
from swarmtui.session.pools import QUESTIONS

if TYPE_CHECKING:
    from swarmtui.session.state import SessionState

BACK = 20_000
"""Events of before we came that are looked at, at most."""
PER_NODE = 100
"""Attempts of a node that are kept, the latest."""
CHANGES = 200
"""Changes of a pool's window that are kept, and its refusals: the latest."""
BINS = 600
"""Stretches of time in which things are counted; where they become too many, two become one."""

End = Literal["", "ok", "failed", "refused", "cut", "away"]
"""How an attempt ended; empty: not yet, as far as is known."""


@mutable
class Attempt:
    """One attempt at a node. Times are session seconds."""

    start: float | None = None
    queue_s: float = 0.0
    throttle_s: float = 0.0
    end: float | None = None
    how: End = ""
    wait_s: float | None = None
    """After its end, until it is tried again."""


@frozen
class Refusal:
    """A provider (or this machine) sent an attempt back; it is not charged for it."""

    mono: float
    pool: str
    node: str
    item: int | None
    again_s: float
    """After so long it is tried again."""
    message: str
    by_machine: bool = False


@frozen
class PoolChange:
    """What a pool's pacer allowed from `mono` on, and why."""

    mono: float
    window: float
    binding: str
    why: str


@mutable
class Flow:
    """How many attempts of something were in flight over time, how many ended, failed, were refused."""

    width_s: float = 1.0
    """Of one bin; bin 0 begins at session second 0."""
    delta: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    bad: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    _levels: list[int] | None = None

    def started(self, mono: float) -> None:
        """One more is in flight."""
        at = self._bin(mono)  # first, since it may put other lists there
        self.delta[at] += 1

    def ended(self, mono: float, how: End) -> None:
        """One fewer is."""
        at = self._bin(mono)
        self.delta[at] -= 1
        if how in ("ok", "failed"):
            self.ends[at] += 1
        self.bad[at] += how == "failed"
        self.refused[at] += how == "refused"

    def _bin(self, mono: float) -> int:
        self._levels = None
        mono = max(0.0, mono)
        while mono / self.width_s >= BINS:
            self._coarsen()
        at = int(mono / self.width_s)
        lack = at + 1 - len(self.delta)
        if lack > 0:
            for counts in (self.delta, self.ends, self.bad, self.refused):
                counts.extend([0] * lack)
        return at

    def _coarsen(self) -> None:
        self.width_s *= 2
        for name in ("delta", "ends", "bad", "refused"):
            counts: list[int] = getattr(self, name)
            setattr(self, name, [sum(counts[at : at + 2]) for at in range(0, len(counts), 2)])

    @property
    def levels(self) -> list[int]:
        """In flight at the end of each bin; where the beginning is not known, at least so many."""
        if self._levels is None:
            sums = list(accumulate(self.delta))
            base = -min(0, min(sums, default=0))
            self._levels = [base + each for each in sums]
        return self._levels

    def at_work(self, at: int) -> int:
        """In flight in bin `at` at most, as far as its ends tell: what began and ended within it counts as one."""
        levels = self.levels
        if at >= len(levels):
            return levels[-1] if levels else 0
        before = levels[at - 1] if at else 0
        touched = self.ends[at] or self.bad[at] or self.refused[at]
        return max(levels[at], before, 1 if touched else 0)

    def history(self, now: float, size: int) -> list[int]:
        """In flight in the last `size` bins up to `now`, oldest first; fewer where the session is younger."""
        last = int(max(0.0, now) / self.width_s)
        return [self.at_work(at) for at in range(max(0, last - size + 1), last + 1)]

    def per_minute(self, now: float) -> float | None:
        """Attempts that ended well or badly per minute, of about the last minute; None in the first seconds."""
        last = int(max(0.0, now) / self.width_s)
        first = max(0, int(max(0.0, now - 60.0) / self.width_s))
        span = now - first * self.width_s
        if span < 5.0:
            return None
        return 60.0 * sum(self.ends[first : last + 1]) / span


@mutable
class PoolLog:
    """What happened to a pool."""

    flow: Flow = field(default_factory=Flow)
    changes: deque[PoolChange] = field(default_factory=lambda: deque(maxlen=CHANGES))
    refusals: deque[Refusal] = field(default_factory=lambda: deque(maxlen=CHANGES))

    def changes_until(self, now: float) -> list[PoolChange]:
        """In the order in which they came."""
        return sorted((each for each in self.changes if each.mono <= now), key=lambda each: each.mono)

    def last_refusal(self, now: float) -> Refusal | None:
        """The latest of them."""
        return max((each for each in self.refusals if each.mono <= now), key=lambda each: each.mono, default=None)

    def bound_since(self, now: float) -> float | None:
        """Since when what binds now has been binding; None where no event tells."""
        changes = self.changes_until(now)
        since: float | None = None
        for change in reversed(changes):
            if change.binding != changes[-1].binding:
                break
            since = change.mono
        return since


@mutable
class Flights:
    """All of it, of one session, from event :attr:`first` to :attr:`last`."""

    session: str = ""
    first: int = 0
    last: int = -1
    by_node: dict[str, dict[int, Attempt]] = field(default_factory=dict)
    """Attempts of nodes that are no maps, by their number."""
    by_map: dict[str, Flow] = field(default_factory=dict)
    pools: dict[str, PoolLog] = field(default_factory=dict)
    refused: dict[tuple[str, int | None], Refusal] = field(default_factory=dict)
    """What was said when a node or item was last sent back; of those that have not begun again since."""
    seen: int = 0
    """Grows with everything that is taken in."""
    _flying: dict[tuple[str, int | None], str] = field(default_factory=dict)
    """Pool of what has begun and not ended."""

    def absorb(self, events: Iterable[ev.Event], state: SessionState) -> None:
        """Take what arrived, as far as it goes on from what is known: the rest is :meth:`missing`."""
        if state.id and state.id != self.session:
            self.forget(state.id)
        for event in events:
            if self.last < 0:
                self.first, self.last = event.seq, event.seq - 1
            if event.seq == self.last + 1:
                self.last = event.seq
                self._take(event, state)

    def forget(self, session: str) -> None:
        """Begin anew, with another session."""
        self.session, self.first, self.last, self.seen = session, 0, -1, self.seen + 1
        for known in (self.by_node, self.by_map, self.pools, self.refused, self._flying):
            known.clear()

    def missing(self, seq: int) -> tuple[int, int] | None:
        """First and last event still to be fetched where the state is that of event `seq`; None if none is."""
        if seq <= 0:
            return None
        if self.last < 0:
            self.first, self.last = seq + 1, seq
        if seq - self.last > BACK:
            self.forget(self.session)
            self.first, self.last = seq + 1, seq
        if seq > self.last:
            return self.last + 1, seq
        lowest = max(1, self.last - BACK + 1)
        return (lowest, self.first - 1) if self.first > lowest else None

    def put(self, events: Iterable[ev.Event], state: SessionState) -> None:
        """Take what was fetched: a run of events, oldest first, that goes on from what is known at either end; one that
        does not is left out."""
        run = list(events)
        if not run:
            return
        if self.last < 0:
            self.first, self.last = run[0].seq, run[0].seq - 1
        first, last = self.first, self.last
        if run[-1].seq < first - 1 or run[0].seq > last + 1:
            return
        for event in run:
            if not first <= event.seq <= last:
                self._take(event, state)
                self.first, self.last = min(self.first, event.seq), max(self.last, event.seq)

    @property
    def whole(self) -> bool:
        """Whether nothing is missing at the beginning."""
        return self.first <= 1

    # -- one event --------------------------------------------------------------------------------------------

    def _take(self, event: ev.Event, state: SessionState) -> None:
        self.seen += 1
        body, mono = event.body, event.mono
        match body:
            case ev.AttemptStarted():
                self._started(body, mono)
            case ev.AttemptSucceeded():
                self._ended(body.node, body.item, body.attempt, mono, "ok", state, took_s=body.took_s)
            case ev.AttemptFailed():
                told = self._ended(body.node, body.item, body.attempt, mono, "failed", state, took_s=body.took_s)
                told.wait_s = body.retry_in_s
            case ev.AttemptThrottled():
                told = self._ended(body.node, body.item, body.attempt, mono, "refused", state, pool=body.pool)
                told.wait_s = body.retry_in_s
                self._refused(body, mono, state)
            case ev.AttemptCancelled() | ev.AttemptInterrupted():
                self._ended(body.node, body.item, body.attempt, mono, "cut", state)
            case ev.AttemptSuspended():
                self._ended(body.node, body.item, body.attempt, mono, "away", state, took_s=body.took_s)
            case ev.PoolPaced():
                self._pool(body.pool).changes.append(PoolChange(mono, body.window, body.binding, body.why))

    def _started(self, body: ev.AttemptStarted, mono: float) -> None:
        self._flying[body.node, body.item] = body.pool
        if body.pool != QUESTIONS:
            self._pool(body.pool).flow.started(mono)
        before = self.refused.get((body.node, body.item))
        if before is not None and before.mono <= mono:
            del self.refused[body.node, body.item]
        if body.item is not None:
            self.by_map.setdefault(body.node, Flow()).started(mono)
            return
        attempt = self._attempt(body.node, body.attempt)
        attempt.start, attempt.queue_s, attempt.throttle_s = mono, body.queue_s, body.throttle_s

    def _ended(
        self,
        node: str,
        item: int | None,
        number: int,
        mono: float,
        how: End,
        state: SessionState,
        *,
        took_s: float = 0.0,
        pool: str = "",
    ) -> Attempt:
        known = state.nodes.get(node)
        of_pool = self._flying.pop((node, item), pool) or ("" if known is None else known.pool)
        if of_pool != QUESTIONS:
            self._pool(of_pool).flow.ended(mono, how)
        if item is not None:
            self.by_map.setdefault(node, Flow()).ended(mono, how)
            return Attempt()
        attempt = self._attempt(node, number)
        attempt.end, attempt.how = mono, how
        if attempt.start is None and took_s:
            attempt.start = max(0.0, mono - took_s)
        return attempt

    def _refused(self, body: ev.AttemptThrottled, mono: float, state: SessionState) -> None:
        node = state.nodes.get(body.node)
        pool = body.pool or ("" if node is None else node.pool)
        said = one_line(body.message, 200)
        told = Refusal(mono, pool, body.node, body.item, body.retry_in_s, said, body.by != "provider")
        self._pool(pool).refusals.append(told)
        before = self.refused.get((body.node, body.item))
        if node is None or (before is not None and before.mono > mono):
            return
        waits = node.retry_at is not None
        if body.item is not None:
            waits = node.items is not None and body.item in node.items.retry_at
        if waits:
            self.refused[body.node, body.item] = told

    def _attempt(self, node: str, number: int) -> Attempt:
        attempts = self.by_node.setdefault(node, {})
        found = attempts.get(number)
        if found is None:
            found = attempts[number] = Attempt()
            if len(attempts) > PER_NODE:
                del attempts[min(attempts)]
        return found

    def _pool(self, pool: str) -> PoolLog:
        found = self.pools.get(pool)
        if found is None:
            found = self.pools[pool] = PoolLog()
        return found

    def attempts(self, node: str, now: float) -> Iterator[Attempt]:
        """The node's attempts that had begun by session second `now`, in the order in which they began."""
        known = self.by_node.get(node)
        if known:
            begun = [each for each in known.values() if each.start is not None and each.start <= now]
            begun.sort(key=lambda each: each.start or 0.0)
            yield from begun
