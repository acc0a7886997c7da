"""The scheduler: what to do next, decided without doing anything.

It reads the folded state, is told of every event after the fold has applied it (:meth:`Scheduler.handle`), and gives
back decisions (:meth:`Scheduler.decide`). Whoever holds it records an event for each decision before it asks again;
that event is what takes the decision out of the queues, so nothing is decided twice and nothing is lost by a crash:
a scheduler made anew over the same state, with the same durations, comes to the same order.

A node joins those that wait the moment the fold lets it start. Who of them goes first is told in
:mod:`swarmtui.engine.lanes`, what its remaining path is in :mod:`swarmtui.engine.ranks`. Every step costs
O(pools + log n) per event, whatever the size of the graph; a map waits as one entry however many items it has.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from swarmtui.engine import ranks, stuck
from swarmtui.engine.gates import Gate
from swarmtui.engine.lanes import FOREVER, ItemQueue, Lane, MapEntry, Pool, Provider, Shares, SingleEntry
from swarmtui.engine.ranks import Known
from swarmtui.plan.model import Node
from swarmtui.session import budgets
from swarmtui.session.events import (
    AttemptCancelled,
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    AttemptSucceeded,
    AttemptThrottled,
    Event,
    LimitsSet,
    MapExpanded,
    MapFinished,
    NodePrioritised,
    NodeRetried,
    PlanApproved,
    PlanPatched,
    PlanProposed,
    SessionResumed,
)
from swarmtui.session.moves import needs_allow
from swarmtui.session.pools import QUESTIONS, is_simulated, pool_limit, pool_of, provider_of
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import ENDED, State, Status


@dataclass(frozen=True, slots=True)
class Start:
    """Start an attempt: record AttemptStarted with this pool and these times."""

    node: str
    item: int | None
    pool: str
    queue_s: float = 0.0
    """Seconds it was ready and waited for a place under the user's limits."""
    throttle_s: float = 0.0
    """Seconds it was ready and its provider, or the gate in front of it, let nothing through."""


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
    """A budget is used up while there is work to start: record BudgetReached. With `node` it is that node's own."""

    kind: str
    spent: float
    limit: float
    node: str | None = None


@dataclass(frozen=True, slots=True)
class WarnOfBudget:
    """The soft line of a budget was passed: record BudgetWarned."""

    kind: str
    spent: float
    limit: float
    node: str | None = None


@dataclass(frozen=True, slots=True)
class Stuck:
    """Nothing runs, nothing is due, nobody is asked, and not all have ended: record Noted, and pause for ``stuck``."""

    cause: str
    """What waits for what, in a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Finish:
    """Everything has ended: record SessionFinished."""

    status: Status
    reason: str


Decision = Start | Expand | Skip | FinishMap | StopForBudget | WarnOfBudget | Stuck | Finish
Ended = AttemptSucceeded | AttemptCancelled | AttemptInterrupted | AttemptFailed | AttemptThrottled

_AGAIN = (State.RETRYING, State.THROTTLED)
_STARTABLE = (State.READY, *_AGAIN)
_FIRST_REVIEW = 64
"""Attempts after which remaining paths are worked out anew with what they showed; then each time twice as many."""
NOTHING_KNOWN: Known = MappingProxyType({})


class Scheduler:
    """See the module's text. One per host; `state` is the one that the host folds into.

    `durations` is what earlier sessions showed, as of when the host began. With a `gate`, model pools are paced by it
    within the user's limits; without one they have fixed limits.
    """

    def __init__(self, state: SessionState, durations: Known = NOTHING_KNOWN, gate: Gate | None = None) -> None:
        self._state = state
        self._durations = durations
        self._gate = gate
        self._paths: dict[str, float] = {}
        self._order: dict[str, int] = {}
        self._pools: dict[str, Pool] = {}
        self._providers: dict[str, Provider] = {}
        self._lanes: dict[tuple[str, str, tuple[str, ...]], Lane] = {}
        self._shares = Shares()
        self._running: dict[tuple[str, int | None], Lane] = {}
        self._occupied = 0
        self._timers: list[tuple[float, str, int]] = []
        self._dormant: set[str] = set()
        self._skips: deque[str] = deque()
        self._finishes: deque[str] = deque()
        self._expansions: deque[str] = deque()
        self._asked: set[str] = set()
        self._finish_asked = False
        self._budgeted = False
        self._resumed_at = 0.0
        self._ended_attempts = 0
        self._review_at = _FIRST_REVIEW
        self._rebuild()

    # -- what happened ------------------------------------------------------------------------------------

    def handle(self, event: Event) -> None:
        """Take note of an event that the fold has just applied to the state."""
        body = event.body
        match body:
            case AttemptStarted():
                self._started(body)
            case AttemptSucceeded() | AttemptCancelled() | AttemptInterrupted() | AttemptFailed() | AttemptThrottled():
                self._ended(body)
            case MapExpanded():
                self._asked.discard(body.node)
                self._fill(self._state.nodes[body.node])
            case MapFinished():
                self._asked.discard(body.node)
            case NodeRetried():
                self._retried(body)
            case NodePrioritised():
                self._requeue(body.node)
            case LimitsSet():
                self._limits_set()
            case SessionResumed():
                self._resumed()
            case PlanProposed() | PlanPatched() | PlanApproved():
                self._rebuild()
            case _:
                pass
        touched = self._state.touched
        if touched:
            for node_id in touched:
                self._consider(node_id)
            touched.clear()

    def _started(self, body: AttemptStarted) -> None:
        plan_node = self._state.plan_nodes[body.node]
        lane = self._lane(body.pool, plan_node, self._tries(plan_node, body.item) - 1)
        self._count(body.node, body.item, lane)

    def _count(self, node_id: str, item: int | None, lane: Lane) -> None:
        self._running[node_id, item] = lane
        lane.count(1)
        self._occupied += lane.pool.name != QUESTIONS

    def _ended(self, body: Ended) -> None:
        lane = self._running.pop((body.node, body.item), None)
        if lane is not None:
            lane.count(-1)
            self._occupied -= lane.pool.name != QUESTIONS
        self._ended_attempts += 1
        node = self._state.nodes.get(body.node)
        if node is None:
            return
        match body:
            case AttemptThrottled(retry_in_s=wait):
                if lane is not None:
                    now = self._state.mono
                    lane.provider.not_before = max(lane.provider.not_before, now + wait)
                    lane.provider.close(now, lane.provider.not_before)
                self._arm(node, body.item)
            case AttemptFailed(retry_in_s=float()):
                self._arm(node, body.item)
            case AttemptCancelled(hold=True, item=int(item)) | AttemptInterrupted(repeat=True, item=int(item)):
                self._put_item(node, item, self._state.mono, front=True)
            case _:
                pass
        if body.item is None:
            self._asked.discard(body.node)

    def _retried(self, body: NodeRetried) -> None:
        node = self._state.nodes[body.node]
        self._finish_asked = False
        self._asked.discard(body.node)
        self._fill(node)

    def _limits_set(self) -> None:
        if {tag for lane in self._lanes.values() for tag in (each.name for each in lane.tags)} != self._limited_tags():
            self._rebuild()
        else:
            self._set_limits()

    def _limited_tags(self) -> set[str]:
        limited = self._state.limits.tags
        if not limited:
            return set()
        return {tag for node in self._state.plan_nodes.values() for tag in node.tags if tag in limited}

    def _set_limits(self) -> None:
        state, limits = self._state, self._state.limits
        for name, pool in self._pools.items():
            pool.limit = self._limit(name)
        budget = limits.budget
        self._budgeted = any(budgets.limit_of(budget, kind) is not None for kind in budgets.KINDS) or any(
            node.budget is not None for node in state.plan_nodes.values()
        )

    def _limit(self, name: str) -> int:
        if name.startswith("tag "):
            return self._state.limits.tags[name[4:]]
        return pool_limit(self._state, name, paced=self._gate is not None and self._paced(name))

    def _paced(self, pool: str) -> bool:
        return pool in self._state.model_pools.values() and not is_simulated(self._state, pool)

    def _resumed(self) -> None:
        self._resumed_at = self._state.mono
        for provider in self._providers.values():
            provider.resume(self._state.mono)

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
            elif node_id in self._dormant and not node.held:
                self._dormant.discard(node_id)
                self._wake(node)
        elif node.state is State.READY:
            self._ready(node)
        elif node.state is State.WAITING and node.unmet == 0:
            self._skips.append(node_id)
        elif node.state is State.RETRYING and node.retry_at is not None and not node.running:
            self._arm(node, None)

    def _rebuild(self) -> None:
        """Queues from the state alone: after a resume, and when there is a new plan or another set of limited tags."""
        state = self._state
        before = {place: (lane.pool.name, lane.provider.name) for place, lane in self._running.items()}
        queues = (self._pools, self._lanes, self._running, self._timers, self._skips, self._finishes, self._expansions)
        for queue in (*queues, self._shares, self._dormant):
            queue.clear()
        self._finish_asked, self._occupied = False, 0
        self._work_out_paths()
        for node in state.nodes.values():
            self._adopt(node, before)
            self._consider(node.id)
        self._set_limits()
        state.touched.clear()

    def _work_out_paths(self) -> None:
        nodes = self._state.plan.nodes if self._state.plan else ()
        self._paths = ranks.remaining_paths(self._state, self._durations)
        self._order = {node.id: index for index, node in enumerate(nodes)}

    def _review_paths(self) -> None:
        """Work remaining paths out anew with the durations that this session has shown, once that is cheap: the cost
        is shared by as many attempts as there are nodes, and by twice as many each time."""
        self._review_at = 2 * self._ended_attempts + len(self._state.nodes)
        self._work_out_paths()
        for lane in self._lanes.values():
            entries, lane.singles, lane.maps, lane.entries = dict(lane.entries), [], [], {}
            for node_id, entry in entries.items():
                path = -self._paths[node_id]
                if len(entry) == 6:
                    lane.put_single((entry[0], max(entry[1], -FOREVER) if entry[1] == -FOREVER else path, *entry[2:]))
                else:
                    lane.put_map((entry[0], entry[1], path, *entry[3:]))

    def _adopt(self, node: NodeState, before: Mapping[tuple[str, int | None], tuple[str, str]]) -> None:
        plan_node = self._state.plan_nodes[node.id]
        running = [None] if node.items is None else list(node.items.where(State.RUNNING))
        for item in running if node.running else ():
            tries = self._tries(plan_node, item) - 1
            pool, provider = before.get((node.id, item), (None, None))
            if pool is None:
                pool = node.pool if item is None else pool_of(self._state, plan_node, max(0, tries))
            self._count(node.id, item, self._lane(pool, plan_node, tries, provider))
        if node.items is not None:
            self._fill(node)
        elif node.state in _AGAIN and not node.running:
            self._arm(node, None)

    # -- what next ----------------------------------------------------------------------------------------

    def decide(self, now: float) -> list[Decision]:
        """Decisions as of session second `now`; empty when there is nothing to do before the next event or wake."""
        state = self._state
        if state.status is not Status.RUNNING or state.cancelling or state.approved_rev != state.plan_rev:
            return []
        if self._skips or self._finishes:
            decisions = list(self._settled())
            if decisions:
                return decisions
        if self._timers and self._timers[0][0] <= now:
            self._fire_timers(now)
        if self._ended_attempts >= self._review_at:
            self._review_paths()
        return self._start(now) or self._finish(now)

    def wake_at(self, now: float) -> float | None:
        """Session second at which time alone brings something to decide; None if only an event can."""
        if self._state.status is not Status.RUNNING:
            return None
        times = [self._timers[0][0]] if self._timers else []
        for lane in self._lanes.values():
            if lane.entries:
                due = max(lane.provider.not_before, lane.provider.retry_at or 0.0)
                if due > now:
                    times.append(due)
        return min(times, default=None)

    def _settled(self) -> Iterator[Decision]:
        """What needs no free place: skips and finished maps."""
        skips, finishes = dict.fromkeys(self._skips), dict.fromkeys(self._finishes)
        self._skips.clear()
        self._finishes.clear()
        for node in map(self._state.nodes.get, skips):
            if node is None or node.state is not State.WAITING or node.unmet:
                continue
            plan_node = self._state.plan_nodes[node.id]
            if not needs_allow(plan_node, node):
                yield Skip(node.id, self._cause(plan_node.needs))
        for node in map(self._state.nodes.get, finishes):
            if node is None or node.ended or node.items is None or node.running:
                continue
            if node.items.ended == node.items.total:
                self._asked.add(node.id)
                yield FinishMap(node.id)

    def _cause(self, needs: Iterable[str]) -> str:
        """The node where the trouble began: of a skipped need its own cause, else the need itself."""
        for need in needs:
            node = self._state.nodes[need]
            if node.state is State.SKIPPED:
                return node.cause if node.cause and node.cause != "user" else need
            if node.state not in (State.SUCCEEDED, State.STALE):
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
                    self._put_node(node, due)
            elif node.items is not None and node.items.retry_at.get(item) == due:
                self._put_item(node, item, due, front=node.items.state(item) is State.THROTTLED)

    def _start(self, now: float) -> list[Decision]:
        """What starts next: maps that can be read, or the one attempt that has the next free place."""
        state = self._state
        if self._expansions:
            line = self._session_line(now)
            return [line] if line else self._expand()
        total = state.limits.concurrency
        if total is not None and self._occupied >= total:
            return []
        refused: set[Provider] = set()
        while (chosen := self._choose(now, refused)) is not None:
            lane, entry, against = chosen
            node = state.nodes[entry[3] if len(entry) == 6 else entry[4]]
            if self._budgeted:
                line = self._session_line(now) or self._node_line(node, now)
                if line is not None:
                    return [line]
            if lane.provider.gated and not self._admitted(lane.provider, node, now):
                refused.add(lane.provider)
                continue
            lane.provider.open(now)
            return [self._take(lane, entry, against, now)]
        return []

    def _expand(self) -> list[Decision]:
        decisions: list[Decision] = []
        while self._expansions:
            node = self._state.nodes.get(self._expansions.popleft())
            if node is not None and node.state is State.READY and node.items is None and not node.running:
                self._asked.add(node.id)
                decisions.append(Expand(node.id))
        return decisions

    def _choose(
        self, now: float, refused: set[Provider]
    ) -> tuple[Lane, SingleEntry | MapEntry, MapEntry | None] | None:
        """The entry that goes next, its lane, and the map that a single node goes before."""
        single: SingleEntry | None = None
        mapped: MapEntry | None = None
        single_lane = map_lane = None
        for lane in self._lanes.values():
            if not lane.entries:
                continue
            if lane.full:
                lane.provider.open(now)  # what it waits for now is a place
                continue
            if lane.provider.not_before > now or lane.provider in refused:
                continue
            head = self._first_single(lane)
            if head is not None and (single is None or head < single):
                single, single_lane = head, lane
            first = self._first_map(lane, now)
            if first is not None and (mapped is None or self._shares.map_first(first, mapped)):
                mapped, map_lane = first, lane
        if single_lane is not None and single is not None:
            before_maps = mapped is None or self._shares.single_first(single, mapped)
            if before_maps:
                return single_lane, single, mapped
        if mapped is not None and map_lane is not None:
            return map_lane, mapped, None
        return None

    def _first_single(self, lane: Lane) -> SingleEntry | None:
        """The best entry that may still start; entries that an event has overtaken are dropped on the way."""
        while lane.singles:
            entry = lane.singles[0]
            if lane.entries.get(entry[3]) is entry:
                node = self._state.nodes.get(entry[3])
                if (
                    node is not None
                    and node.state in _STARTABLE
                    and not (node.held or node.cancelled or node.running)
                    and node.items is None
                ):
                    return entry
                lane.drop(entry[3])
            heapq.heappop(lane.singles)
        return None

    def _first_map(self, lane: Lane, now: float) -> MapEntry | None:
        while lane.maps:
            entry = lane.maps[0]
            node_id = entry[4]
            if lane.entries.get(node_id) is entry:
                if not self._map_may_start(lane, node_id, now):
                    lane.drop(node_id)
                elif self._shares.stale(entry):
                    heapq.heappop(lane.maps)
                    lane.put_map((entry[0], self._shares.pass_of(node_id, entry[0]), *entry[2:]))
                    continue
                else:
                    return entry
            heapq.heappop(lane.maps)
        return None

    def _map_may_start(self, lane: Lane, node_id: str, now: float) -> bool:
        node = self._state.nodes.get(node_id)
        if node is None or node.items is None or node.ended or node.cancelled:
            lane.queues.pop(node_id, None)
            return False
        if node.held or node.restart:
            self._dormant.add(node_id)
            return False
        waiting, items = lane.queues[node_id].items, node.items
        while waiting:
            at = items.state(waiting[0])
            if at is State.READY or (at in _AGAIN and items.retry_at.get(waiting[0], 0.0) <= now):
                return True
            lane.queues[node_id].since.pop(waiting.popleft(), None)  # the user has skipped it, or it waits again
        return False

    def _admitted(self, provider: Provider, node: NodeState, now: float) -> bool:
        if self._gate is None:
            return True
        spent = node.spent if node.spent.attempts else self._state.spent
        tokens = spent.tokens // spent.attempts if spent.attempts else 0
        answer = self._gate.admit(provider.name, now, tokens)
        if not answer.go:
            provider.retry_at = answer.retry_at
            provider.close(now, FOREVER)
        return answer.go

    def _take(self, lane: Lane, entry: SingleEntry | MapEntry, against: MapEntry | None, now: float) -> Start:
        if len(entry) == 6:
            heapq.heappop(lane.singles)
            lane.drop(entry[3])
            if against is not None:
                self._shares.charge_single(entry, against)
            return self._start_of(lane, entry[3], None, entry[4], entry[5], now)
        node_id = entry[4]
        queue = lane.queues[node_id]
        item = queue.items.popleft()
        ready, closed_s = queue.since.pop(item, (queue.ready, queue.closed_s))
        heapq.heappop(lane.maps)
        following = self._shares.charge_map(entry)
        if queue.items:
            lane.put_map(following)
        else:
            lane.drop(node_id)
        return self._start_of(lane, node_id, item, ready, closed_s, now)

    def _start_of(self, lane: Lane, node: str, item: int | None, ready: float, closed_s: float, now: float) -> Start:
        waited_s = max(0.0, now - max(ready, self._resumed_at))
        throttle_s = min(waited_s, lane.provider.waited_s(closed_s, now))
        return Start(node, item, lane.pool.name, waited_s - throttle_s, throttle_s)

    # -- budgets ------------------------------------------------------------------------------------------

    def _session_line(self, now: float) -> Decision | None:
        """The line of the session's budget that is to be told of before anything starts."""
        if not self._budgeted:
            return None
        budget, used = self._state.limits.budget, budgets.used_by_session(self._state, now)
        line = budgets.reached(budget, used)
        if line is not None:
            return StopForBudget(line.kind, line.spent, line.limit)
        line = budgets.to_warn_of(budget, used, self._state.warned)
        return None if line is None else WarnOfBudget(line.kind, line.spent, line.limit)

    def _node_line(self, node: NodeState, now: float) -> Decision | None:
        budget = self._state.plan_nodes[node.id].budget
        if budget is None:
            return None
        used = budgets.used_by_node(node, now)
        line = budgets.reached(budget, used, node.waived)
        if line is not None:
            return StopForBudget(line.kind, line.spent, line.limit, node.id)
        line = budgets.to_warn_of(budget, used, self._state.warned, node.id)
        return None if line is None else WarnOfBudget(line.kind, line.spent, line.limit, node.id)

    # -- the end ------------------------------------------------------------------------------------------

    def _finish(self, now: float) -> list[Decision]:
        state = self._state
        if sum(state.counts.get(ended, 0) for ended in ENDED) < len(state.nodes):
            if self._running or self._asked or state.pending or self.wake_at(now) is not None:
                return []
            cause = stuck.cause(state, [lane for lane in self._lanes.values() if lane.entries])
            return [] if cause is None else [Stuck(cause)]
        if self._finish_asked:
            return []
        self._finish_asked = True
        reasons = [
            f"{state.counts[bad]} {bad.value}"
            for bad in (State.FAILED, State.CANCELLED, State.SKIPPED)
            if state.counts.get(bad)
        ]
        went_wrong = any(self._went_wrong(node) for node in state.nodes.values())
        return [Finish(Status.FAILED if went_wrong else Status.SUCCEEDED, ", ".join(reasons))]

    def _went_wrong(self, node: NodeState) -> bool:
        """Whether the node's end is a failure; what was left out because the user skipped something is none."""
        if node.state is State.SKIPPED:
            cause = self._state.nodes.get(node.cause or "")
            return cause is not None and cause.state is not State.SKIPPED
        return node.state in (State.FAILED, State.CANCELLED)

    # -- queues -------------------------------------------------------------------------------------------

    def _tries(self, plan_node: Node, item: int | None) -> int:
        """Tries of a node or item that counted; 0 where nothing hangs on them."""
        if not plan_node.retry.models:
            return 0
        return self._state.nodes[plan_node.id].tries_of(item)

    def _lane(self, pool: str, plan_node: Node, tries: int, provider: str | None = None) -> Lane:
        if provider is None:
            provider = provider_of(self._state, plan_node, max(0, tries)) or pool
        tags = plan_node.tags
        limited = self._state.limits.tags
        chosen = tuple(sorted({tag for tag in tags if tag in limited})) if tags and limited else ()
        lane = self._lanes.get((pool, provider, chosen))
        if lane is None:
            lane = Lane(self._pool(pool), self._provider(provider), tuple(self._pool(f"tag {tag}") for tag in chosen))
            self._lanes[pool, provider, chosen] = lane
        return lane

    def _lane_of(self, plan_node: Node, item: int | None) -> Lane:
        tries = self._tries(plan_node, item)
        return self._lane(pool_of(self._state, plan_node, tries), plan_node, tries)

    def _pool(self, name: str) -> Pool:
        pool = self._pools.get(name)
        if pool is None:
            pool = self._pools[name] = Pool(name, self._limit(name))
        return pool

    def _provider(self, name: str) -> Provider:
        provider = self._providers.get(name)
        if provider is None:
            gated = self._gate is not None and self._paced(name)
            provider = self._providers[name] = Provider(name, gated)
        return provider

    def _priority(self, plan_node: Node) -> float:
        own = self._state.nodes[plan_node.id].priority
        return -float(plan_node.priority if own is None else own)

    def _ready(self, node: NodeState) -> None:
        if self._state.plan_nodes[node.id].map is not None:
            if node.id not in self._asked:
                self._expansions.append(node.id)
        else:
            self._put_node(node, self._state.mono)

    def _put_node(self, node: NodeState, ready: float) -> None:
        plan_node = self._state.plan_nodes[node.id]
        lane = self._lane_of(plan_node, None)
        if node.id in lane.entries:
            return
        path = -FOREVER if node.state is State.THROTTLED else -self._paths[node.id]
        closed_s = lane.provider.closed_s(ready)
        lane.put_single((self._priority(plan_node), path, self._order[node.id], node.id, ready, closed_s))

    def _put_item(self, node: NodeState, item: int, ready: float, *, front: bool = False) -> None:
        lane = self._lane_of(self._state.plan_nodes[node.id], item)
        queue = self._queue(lane, node.id, ready)
        queue.since[item] = (ready, lane.provider.closed_s(ready))
        if front:
            queue.items.appendleft(item)
        else:
            queue.items.append(item)
        self._enter(lane, node)

    def _queue(self, lane: Lane, node_id: str, ready: float) -> ItemQueue:
        queue = lane.queues.get(node_id)
        if queue is None:
            queue = lane.queues[node_id] = ItemQueue(ready, lane.provider.closed_s(ready))
        return queue

    def _enter(self, lane: Lane, node: NodeState) -> None:
        if node.id not in lane.entries:
            plan_node = self._state.plan_nodes[node.id]
            priority = self._priority(plan_node)
            start = self._shares.pass_of(node.id, priority)
            lane.put_map((priority, start, -self._paths[node.id], self._order[node.id], node.id))

    def _fill(self, node: NodeState) -> None:
        """Queue all items of a map that can start, as the state has them; what waits for its time gets a timer."""
        for lane in self._lanes.values():
            lane.queues.pop(node.id, None)
            lane.drop(node.id)
        if node.items is None or node.ended:
            return
        plan_node, mono = self._state.plan_nodes[node.id], self._state.mono
        tried = node.items.tries if plan_node.retry.models else {}
        fresh = [item for item in node.items.where(State.READY) if item not in tried]
        if fresh:
            lane = self._lane_of(plan_node, fresh[0])
            self._queue(lane, node.id, mono).items.extend(fresh)
            self._enter(lane, node)
        for item in [item for item in tried if node.items.state(item) is State.READY]:
            self._put_item(node, item, mono)
        for item, due in node.items.retry_at.items():
            heapq.heappush(self._timers, (due, node.id, item))

    def _wake(self, node: NodeState) -> None:
        """A map goes on that was held: what waited meanwhile waits for a place from now on."""
        for lane in self._lanes.values():
            queue = lane.queues.get(node.id)
            if queue is not None and queue.items:
                mono = self._state.mono
                queue.ready, queue.closed_s = mono, lane.provider.closed_s(mono)
                queue.since.clear()
                self._enter(lane, node)

    def _requeue(self, node_id: str) -> None:
        """The node has another priority: its entries are made anew."""
        priority = self._priority(self._state.plan_nodes[node_id])
        for lane in self._lanes.values():
            entry = lane.entries.get(node_id)
            if entry is None:
                continue
            if len(entry) == 6:
                lane.put_single((priority, *entry[1:]))
            else:
                lane.put_map((priority, self._shares.pass_of(node_id, priority), *entry[2:]))
