"""The scheduler: what to do next, decided without doing anything.

It reads the folded state, is told of every event after the fold has applied it (:meth:`Scheduler.handle`), and gives
back decisions (:meth:`Scheduler.decide`). Whoever holds it records an event for each decision before it asks again;
that event is what takes the decision out of the queues, so nothing is decided twice and nothing is lost by a crash:
a scheduler made anew over the same state decides the same.

A node is put in its pool's queue the moment the fold lets it start. Among those ready the one with the longest
remaining path goes first (upward rank of HEFT: Topcuoglu, Hariri, Wu, "Performance-effective and low-complexity task
scheduling for heterogeneous computing", 2002), then the one that stands first in the plan. Every step costs
O(log n) per event, whatever the size of the graph; a map waits in the queue as one entry however many items it has.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from swarmtui.plan import graph
from swarmtui.session.events import (
    AttemptCancelled,
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    AttemptSucceeded,
    AttemptThrottled,
    Event,
    MapExpanded,
    NodeRetried,
    PlanApproved,
    PlanProposed,
)
from swarmtui.session.moves import needs_allow
from swarmtui.session.pools import pool_limit, pool_of
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import ENDED, State, Status


@dataclass(frozen=True, slots=True)
class Start:
    """Start an attempt: record AttemptStarted."""

    node: str
    item: int | None
    pool: str


@dataclass(frozen=True, slots=True)
class Expand:
    """Read a map's items: record MapExpanded, or AttemptStarted and AttemptFailed if they cannot be had."""

    node: str


@dataclass(frozen=True, slots=True)
class Skip:
    """The ends of its needs do not let the node run: record NodeSkipped."""

    node: str
    cause: str


@dataclass(frozen=True, slots=True)
class FinishMap:
    """All items have ended: record MapFinished."""

    node: str


@dataclass(frozen=True, slots=True)
class StopForBudget:
    """A budget is used up while there is work to start: record BudgetReached."""

    kind: str
    spent: float
    limit: float


@dataclass(frozen=True, slots=True)
class Finish:
    """Everything has ended: record SessionFinished."""

    status: Status
    reason: str


_AGAIN = (State.RETRYING, State.THROTTLED)
_STARTABLE = (State.READY, *_AGAIN)

Decision = Start | Expand | Skip | FinishMap | StopForBudget | Finish


class _Pool:
    """Nodes of one pool that could start, best first, and how many attempts of it run."""

    __slots__ = ("heap", "not_before", "queued", "running")

    def __init__(self) -> None:
        self.heap: list[tuple[float, int, str]] = []
        self.queued: set[str] = set()
        self.running = 0
        self.not_before = 0.0


class Scheduler:
    """See the module's text. One per host; `state` is the one that the host folds into."""

    def __init__(self, state: SessionState) -> None:
        self._state = state
        self._rank: dict[str, float] = {}
        self._order: dict[str, int] = {}
        self._pools: dict[str, _Pool] = {}
        self._running: dict[tuple[str, int | None], str] = {}
        self._items: dict[str, deque[int]] = {}
        self._timers: list[tuple[float, str, int]] = []
        self._skips: deque[str] = deque()
        self._finishes: deque[str] = deque()
        self._finish_asked = False
        self._rebuild()

    # -- what happened ------------------------------------------------------------------------------------

    def handle(self, event: Event) -> None:
        """Take note of an event that the fold has just applied to the state."""
        body = event.body
        match body:
            case AttemptStarted():
                self._running[body.node, body.item] = body.pool
                self._pool(body.pool).running += 1
            case AttemptSucceeded() | AttemptCancelled() | AttemptInterrupted() | AttemptFailed() | AttemptThrottled():
                self._ended(body)
            case MapExpanded():
                self._items[body.node] = deque(range(body.total))
                self._enqueue(body.node)
            case NodeRetried():
                self._retried(body)
            case PlanProposed() | PlanApproved():
                self._rebuild()
            case _:
                pass
        touched = self._state.touched
        if touched:
            for node_id in touched:
                self._consider(node_id)
            touched.clear()

    def _ended(
        self, body: AttemptSucceeded | AttemptCancelled | AttemptInterrupted | AttemptFailed | AttemptThrottled
    ) -> None:
        pool = self._pool(self._running.pop((body.node, body.item), ""))
        pool.running -= 1
        node = self._state.nodes[body.node]
        match body:
            case AttemptThrottled(retry_in_s=wait):
                pool.not_before = max(pool.not_before, self._state.mono + wait)
                self._arm(node, body.item)
            case AttemptFailed(retry_in_s=float()):
                self._arm(node, body.item)
            case AttemptCancelled(hold=True, item=int(item)) | AttemptInterrupted(repeat=True, item=int(item)):
                self._items.setdefault(body.node, deque()).appendleft(item)
                self._enqueue(body.node)
            case _:
                pass

    def _retried(self, body: NodeRetried) -> None:
        node = self._state.nodes[body.node]
        self._finish_asked = False
        if node.items is None:
            self._items.pop(body.node, None)
            return
        due = [item for item in self._items.get(body.node, ()) if node.items.state(item) in _AGAIN]
        self._items[body.node] = deque((*due, *node.items.where(State.READY)))
        self._enqueue(body.node)

    def _arm(self, node: NodeState, item: int | None) -> None:
        due = node.retry_at if item is None or node.items is None else node.items.retry_at.get(item)
        if due is not None:
            heapq.heappush(self._timers, (due, node.id, -1 if item is None else item))

    def _consider(self, node_id: str) -> None:
        """Put a node where its state says it belongs."""
        node = self._state.nodes.get(node_id)
        if node is None:
            return
        if node.items is not None and not node.ended:
            if node.running == 0 and node.items.ended == node.items.total:
                self._finishes.append(node_id)
            elif not node.held and self._items.get(node_id):
                self._enqueue(node_id)
        elif node.state is State.READY:
            self._enqueue(node_id)
        elif node.state is State.WAITING and node.unmet == 0:
            self._skips.append(node_id)
        elif node.state is State.RETRYING and node.retry_at is not None and not node.running:
            self._arm(node, None)

    def _rebuild(self) -> None:
        """Queues from the state alone: after a resume, and when there is a new plan."""
        state = self._state
        for queue in (self._pools, self._items, self._timers, self._running, self._skips, self._finishes):
            queue.clear()
        self._finish_asked = False
        nodes = state.plan.nodes if state.plan else ()
        durations = {node.id: node.estimate_s for node in nodes if node.estimate_s is not None}
        self._rank = graph.upward_rank(graph.needs_of(nodes), durations)
        self._order = {node.id: index for index, node in enumerate(nodes)}
        for node in state.nodes.values():
            self._adopt(node)
            self._consider(node.id)
        state.touched.clear()

    def _adopt(self, node: NodeState) -> None:
        if node.items is None:
            if node.running:
                self._adopt_running(node, None)
            if node.state in _AGAIN:
                self._arm(node, None)
            return
        self._items[node.id] = deque(node.items.where(State.READY))
        for item in node.items.retry_at:
            self._arm(node, item)
        for item in node.items.where(State.RUNNING):
            self._adopt_running(node, item)

    def _adopt_running(self, node: NodeState, item: int | None) -> None:
        self._running[node.id, item] = node.pool
        self._pool(node.pool).running += 1

    # -- what next ----------------------------------------------------------------------------------------

    def decide(self, now: float) -> list[Decision]:
        """Decisions as of session second `now`; empty when there is nothing to do before the next event or wake."""
        state = self._state
        if state.status is not Status.RUNNING or state.cancelling or state.approved_rev != state.plan_rev:
            return []
        decisions: list[Decision] = list(self._settled())
        if decisions:
            return decisions
        self._fire_timers(now)
        if self._has_ready(now):
            over = self.over_budget(now)
            if over is not None:
                return [over]
            return list(self._starts(now))
        return list(self._finish())

    def wake_at(self, now: float) -> float | None:
        """Session second at which time alone brings something to decide; None if only an event can."""
        state = self._state
        if state.status is not Status.RUNNING:
            return None
        times = [self._timers[0][0]] if self._timers else []
        times += [pool.not_before for pool in self._pools.values() if pool.heap and pool.not_before > now]
        return min(times, default=None)

    def over_budget(self, now: float) -> StopForBudget | None:
        """The budget that forbids new starts, if one does."""
        state, limits = self._state, self._state.limits
        minutes = 0.0 if state.running_mono is None else (now - state.running_mono) / 60
        for kind, spent, limit in (
            ("usd", state.spent.cost_usd, limits.usd),
            ("tokens", float(state.spent.tokens), limits.tokens),
            ("minutes", minutes, limits.minutes),
        ):
            if limit is not None and spent >= limit:
                return StopForBudget(kind, spent, float(limit))
        return None

    def _settled(self) -> Iterator[Decision]:
        """What needs no free place: skips and finished maps."""
        while self._skips:
            node = self._state.nodes[self._skips.popleft()]
            plan_node = self._state.plan_nodes[node.id]
            if node.state is State.WAITING and node.unmet == 0 and not needs_allow(plan_node, node):
                yield Skip(node.id, self._cause(plan_node.needs))
        while self._finishes:
            node = self._state.nodes[self._finishes.popleft()]
            if not node.ended and node.items and not node.running and node.items.ended == node.items.total:
                yield FinishMap(node.id)

    def _cause(self, needs: Iterable[str]) -> str:
        """The node where the trouble began: of a skipped need its own cause, else the need itself."""
        for need in needs:
            node = self._state.nodes[need]
            if node.state is State.SKIPPED:
                return node.cause if node.cause and node.cause != "user" else need
            if node.state is not State.SUCCEEDED:
                return need
        return "user"

    def _fire_timers(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            due, node_id, item = heapq.heappop(self._timers)
            node = self._state.nodes.get(node_id)
            if node is None or node.ended:
                continue
            if item < 0:
                if node.retry_at == due and node.state in _AGAIN:
                    self._enqueue(node_id)
            elif node.items is not None and node.items.retry_at.get(item) == due:
                self._items.setdefault(node_id, deque()).append(item)
                self._enqueue(node_id)

    def _has_ready(self, now: float) -> bool:
        return any(self._head(pool) is not None for pool in self._pools.values() if pool.not_before <= now)

    def _starts(self, now: float) -> Iterator[Decision]:
        """Fill free places, best rank first over all pools."""
        state = self._state
        total = state.limits.concurrency
        while True:
            if total is not None and self._occupied() >= total:
                return
            best: tuple[float, int, str] | None = None
            best_pool = ""
            for name, pool in self._pools.items():
                if pool.running >= pool_limit(state, name) or pool.not_before > now:
                    continue
                head = self._head(pool)
                if head is not None and (best is None or head < best):
                    best, best_pool = head, name
            if best is None:
                return
            decision = self._take(best_pool, best[2])
            yield decision
            if isinstance(decision, Start):
                return  # its AttemptStarted must be counted before the next place is given away

    def _occupied(self) -> int:
        return sum(pool.running for name, pool in self._pools.items() if name != "questions")

    def _head(self, pool: _Pool) -> tuple[float, int, str] | None:
        """The best entry that may still start; entries that an event has overtaken are dropped on the way."""
        while pool.heap:
            node = self._state.nodes[pool.heap[0][2]]
            if self._may_start(node):
                return pool.heap[0]
            heapq.heappop(pool.heap)
            pool.queued.discard(node.id)
        return None

    def _may_start(self, node: NodeState) -> bool:
        if node.held or node.cancelled or node.state in ENDED:
            return False
        if node.items is None:
            return node.state in _STARTABLE and not node.running
        queue = self._items.get(node.id)
        while queue and node.items.state(queue[0]) not in _STARTABLE:  # the user has skipped it
            queue.popleft()
        return bool(queue)

    def _take(self, pool_name: str, node_id: str) -> Decision:
        pool = self._pools[pool_name]
        node = self._state.nodes[node_id]
        items = self._items.get(node_id)
        if node.items is not None and items:
            item = items.popleft()
            if not items:
                heapq.heappop(pool.heap)
                pool.queued.discard(node_id)
            return Start(node_id, item, pool_name)
        heapq.heappop(pool.heap)
        pool.queued.discard(node_id)
        if self._state.plan_nodes[node_id].map is not None:
            return Expand(node_id)
        return Start(node_id, None, pool_name)

    def _finish(self) -> Iterator[Decision]:
        state = self._state
        if self._finish_asked or sum(state.counts.get(ended, 0) for ended in ENDED) < len(state.nodes):
            return
        self._finish_asked = True
        reasons = [
            f"{state.counts[bad]} {bad.value}"
            for bad in (State.FAILED, State.CANCELLED, State.SKIPPED)
            if state.counts.get(bad)
        ]
        went_wrong = any(self._went_wrong(node) for node in state.nodes.values())
        yield Finish(Status.FAILED if went_wrong else Status.SUCCEEDED, ", ".join(reasons))

    def _went_wrong(self, node: NodeState) -> bool:
        """Whether the node's end is a failure; what was left out because the user skipped something is none."""
        if node.state is State.SKIPPED:
            cause = self._state.nodes.get(node.cause or "")
            return cause is not None and cause.state is not State.SKIPPED
        return node.state in (State.FAILED, State.CANCELLED)

    # -- queues -------------------------------------------------------------------------------------------

    def _pool(self, name: str) -> _Pool:
        pool = self._pools.get(name)
        if pool is None:
            pool = self._pools[name] = _Pool()
        return pool

    def _enqueue(self, node_id: str) -> None:
        pool = self._pool(pool_of(self._state, self._state.plan_nodes[node_id]))
        if node_id not in pool.queued:
            pool.queued.add(node_id)
            heapq.heappush(pool.heap, (-self._rank[node_id], self._order[node_id], node_id))
