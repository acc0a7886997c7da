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
from collections.abc import Iterator, Mapping

from swarmtui.engine import endings, reserves, stuck
from swarmtui.engine.budget_lines import BudgetLines
from swarmtui.engine.decisions import Decision, Expand, FinishMap, Judge, Skip, Stuck
from swarmtui.engine.gates import Gate
from swarmtui.engine.lanes import Provider
from swarmtui.engine.ranks import Known
from swarmtui.engine.ready import AGAIN, NOTHING_KNOWN, Place, Ready
from swarmtui.plan.model import Condition
from swarmtui.session.events import (
    AttemptCancelled,
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    AttemptSucceeded,
    AttemptSuspended,
    AttemptThrottled,
    ChangeDecided,
    Event,
    LimitsSet,
    MapExpanded,
    MapFinished,
    NodePrioritised,
    NodeRetried,
    NodeSkipped,
    PlanApproved,
    PlanPatched,
    PlanProposed,
    SessionResumed,
)
from swarmtui.session.moves import needs_allow
from swarmtui.session.pools import pool_of
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import State, Status

Ended = AttemptSucceeded | AttemptCancelled | AttemptInterrupted | AttemptFailed | AttemptThrottled | AttemptSuspended

_FIRST_REVIEW = 64
"""Attempts after which remaining paths are worked out anew with what they showed."""


class Scheduler:
    """See the module's text. One per host; `state` is the one that the host folds into.

    `durations` is what earlier sessions showed, as of when the host began. With a `gate`, model pools are paced by it
    within the user's limits; without one they have fixed limits.
    """

    def __init__(self, state: SessionState, durations: Known = NOTHING_KNOWN, gate: Gate | None = None) -> None:
        self._state = state
        self._ready = Ready(state, durations, gate)
        self._lines = BudgetLines(state)
        self._timers: list[tuple[float, str, int]] = []
        self._skips: deque[str] = deque()
        self._finishes: deque[str] = deque()
        self._expansions: deque[str] = deque()
        self._judgements: deque[str] = deque()
        self._judged: dict[str, tuple[Condition, ...]] = {}
        self._asked: set[str] = set()
        self._finish_asked = False
        self._paths_of = -1
        self._attempts_ended = 0
        self._review_at = _FIRST_REVIEW
        self._rebuild()

    # -- what happened ------------------------------------------------------------------------------------

    def handle(self, event: Event) -> None:
        """Take note of an event that the fold has just applied to the state."""
        body = event.body
        match body:
            case AttemptStarted():
                self._started(body)
            case _ if isinstance(body, Ended):
                self._ended(body)
            case MapExpanded() | MapFinished() | NodeSkipped():
                self._asked.discard(body.node)
                if isinstance(body, MapExpanded):
                    self._fill(self._state.nodes[body.node])
            case NodeRetried():
                self._retried(body)
            case NodePrioritised():
                self._ready.requeue(body.node)
            case LimitsSet():
                self._limits_set()
            case ChangeDecided():
                self._finish_asked = False
            case SessionResumed():
                self._ready.resume()
            case PlanProposed() | PlanPatched() | PlanApproved():
                self._rebuild()
        touched = self._state.touched
        if touched:
            for node_id in touched:
                self._consider(node_id)
            touched.clear()

    def _started(self, body: AttemptStarted) -> None:
        plan_node = self._state.plan_nodes[body.node]
        lane = self._ready.lane(body.pool, plan_node, self._ready.tries(plan_node, body.item) - 1)
        self._ready.count(body.node, body.item, lane)

    def _ended(self, body: Ended) -> None:
        lane = self._ready.landed((body.node, body.item))
        self._attempts_ended += 1
        node = self._state.nodes.get(body.node)
        if node is None:
            return
        match body:
            case AttemptThrottled(retry_in_s=wait):
                if lane is not None and not lane.provider.gated:  # else its gate knows when it may go on
                    now = self._state.mono
                    lane.provider.not_before = max(lane.provider.not_before, now + wait)
                    lane.provider.close(now, lane.provider.not_before)
                self._arm(node, body.item)
            case AttemptFailed(retry_in_s=float()):
                self._arm(node, body.item)
            case AttemptCancelled(hold=True, item=int(item)) | AttemptInterrupted(repeat=True, item=int(item)):
                if node.items is not None:  # else it begins anew, as another version, and has none yet
                    self._ready.put_item(node, item, self._state.mono, front=True)
            case _:
                pass
        if body.item is None:
            self._asked.discard(body.node)

    def _retried(self, body: NodeRetried) -> None:
        node = self._state.nodes[body.node]
        self._finish_asked = False
        self._asked.discard(body.node)
        self._judged.pop(body.node, None)
        self._fill(node)

    def _fill(self, node: NodeState) -> None:
        for due, item in self._ready.fill(node):
            heapq.heappush(self._timers, (due, node.id, item))

    def _limits_set(self) -> None:
        if self._ready.limits_other_tags:
            self._rebuild()
        else:
            self._set_limits()

    def _set_limits(self) -> None:
        self._ready.set_limits()
        self._lines.set_limits()

    def _arm(self, node: NodeState, item: int | None) -> None:
        due = node.retry_at if item is None or node.items is None else node.items.retry_at.get(item)
        if due is not None:
            heapq.heappush(self._timers, (due, node.id, -1 if item is None else item))

    def _consider(self, node_id: str) -> None:
        """Put a node where its state says it belongs."""
        node = self._state.nodes.get(node_id)
        if node is None:
            return
        if node.state is State.WAITING:
            self._asked.discard(node_id)  # what it was being read or finished for is void: a need is run again
            self._judged.pop(node_id, None)
        if node.items is not None and not node.ended:
            if node.running == 0 and node.items.ended == node.items.total:
                self._finishes.append(node_id)
            else:
                self._ready.stir(node)
        elif node.state is State.READY:
            if self._must_be_judged(node):
                self._judgements.append(node_id)
            elif self._state.plan_nodes[node_id].map is None:
                self._ready.put_node(node, self._state.mono)
            elif node_id not in self._asked:
                self._expansions.append(node_id)
        elif node.state is State.WAITING and node.unmet == 0:
            self._skips.append(node_id)
        elif node.state is State.RETRYING and node.retry_at is not None and not node.running:
            self._arm(node, None)

    def _must_be_judged(self, node: NodeState) -> bool:
        """Whether its condition is open; of an agent that has begun it is not."""
        conditions = self._state.plan_nodes[node.id].only_if
        return bool(conditions) and not node.steps and self._judged.get(node.id) != conditions

    def judged(self, node_id: str) -> None:
        """The condition of a node that is ready holds."""
        self._asked.discard(node_id)
        if node_id in self._state.plan_nodes:
            self._judged[node_id] = self._state.plan_nodes[node_id].only_if
            self._consider(node_id)

    def _rebuild(self) -> None:
        """Queues from the state alone: after a resume, and when there is a new plan or another set of limited tags."""
        state = self._state
        before = {place: (lane.pool.name, lane.provider.name) for place, lane in self._ready.running.items()}
        for queue in (self._ready, self._timers, self._skips, self._finishes, self._expansions, self._judgements):
            queue.clear()
        self._asked.clear()  # a map that is changed while it is read is to be read anew
        self._finish_asked = False
        if self._paths_of != state.plan_rev:
            self._paths_of = state.plan_rev
            self._ready.work_out_paths()
        for node in state.nodes.values():
            self._adopt(node, before)
            self._consider(node.id)
        self._ready.forget_before()
        self._set_limits()
        state.touched.clear()

    def _adopt(self, node: NodeState, before: Mapping[Place, tuple[str, str]]) -> None:
        plan_node = self._state.plan_nodes[node.id]
        running = [None] if node.items is None else list(node.items.where(State.RUNNING))
        for item in running if node.running else ():
            tries = self._ready.tries(plan_node, item) - 1
            pool, provider = before.get((node.id, item), (None, None))
            if pool is None:
                pool = node.pool if item is None else pool_of(self._state, plan_node, max(0, tries))
            self._ready.count(node.id, item, self._ready.lane(pool, plan_node, tries, provider))
        if node.items is not None:
            self._fill(node)
        elif node.state in AGAIN and not node.running:
            self._arm(node, None)

    def decide(self, now: float) -> list[Decision]:
        """Decisions as of session second `now`; empty when there is nothing to do before the next event or wake."""
        state = self._state
        if not self._may_decide:
            return []
        if self._skips or self._finishes or self._judgements:
            decisions = list(self._settled())
            if decisions:
                return decisions
        if self._timers and self._timers[0][0] <= now:
            self._fire_timers(now)
        if self._attempts_ended >= self._review_at:
            # The cost is shared by as many attempts as there are nodes, and by twice as many each time.
            self._review_at = 2 * self._attempts_ended + len(state.nodes)
            self._ready.review_paths()
        return self._start(now) or self._finish(now)

    def wake_at(self, now: float) -> float | None:
        """Session second at which time alone brings something to decide; None if only an event can."""
        if not self._may_decide:
            return None
        times = self._ready.dues(now)
        if self._timers:
            times.append(self._timers[0][0])
        return min(times, default=None)

    @property
    def _may_decide(self) -> bool:
        state = self._state
        return state.status is Status.RUNNING and not state.cancelling and state.approved_rev == state.plan_rev

    def _settled(self) -> Iterator[Decision]:
        """What needs no free place: skips and finished maps."""
        skips, finishes = self._ready.in_plan_order(self._skips), self._ready.in_plan_order(self._finishes)
        judgements = self._ready.in_plan_order(self._judgements)
        for queue in (self._skips, self._finishes, self._judgements):
            queue.clear()
        for node in map(self._state.nodes.__getitem__, skips):
            if node.state is not State.WAITING or node.unmet:
                continue
            plan_node = self._state.plan_nodes[node.id]
            if not needs_allow(plan_node, node):
                yield Skip(node.id, endings.skipped_for(self._state, plan_node))
        for node in map(self._state.nodes.__getitem__, finishes):
            if node.ended or node.items is None or node.running:
                continue
            if node.items.ended == node.items.total:
                self._asked.add(node.id)
                yield FinishMap(node.id)
        for node in map(self._state.nodes.__getitem__, judgements):
            if node.state is State.READY and node.id not in self._asked:
                self._asked.add(node.id)
                yield Judge(node.id)

    def _fire_timers(self, now: float) -> None:
        while self._timers and self._timers[0][0] <= now:
            due, node_id, item = heapq.heappop(self._timers)
            node = self._state.nodes.get(node_id)
            if node is None or node.ended:
                continue
            if item < 0:
                if node.retry_at == due and node.state in AGAIN:
                    self._ready.put_node(node, due)
            elif node.items is not None and node.items.retry_at.get(item) == due:
                self._ready.put_item(node, item, due, front=True)

    def _start(self, now: float) -> list[Decision]:
        """What starts next: maps that can be read, or the one attempt that has the next free place."""
        state = self._state
        expansions = self._to_expand() if self._expansions else []
        if expansions:
            line = self._lines.of_session(now)
            return [line] if line else self._expand(expansions)
        if self._ready.no_place:
            return []
        refused: set[Provider] = set()
        if self._ready.suspects:
            decisions, apart = self._start_suspect(now, refused)
            if decisions or apart:
                return decisions
        while (chosen := self._ready.choose(now, refused)) is not None:
            lane, entry, _ = chosen
            node = state.nodes[entry[3] if len(entry) == 6 else entry[4]]
            line = self._lines.before(node, now)
            if line is not None:
                return [line]
            if self._lines.drawn and self._reserved(node, lane.provider, refused):
                continue
            if self._ready.admitted(lane.provider, node, now):
                return [self._ready.take(chosen, now)]
            refused.add(lane.provider)
        return []

    def _reserved(self, node: NodeState, provider: Provider, refused: set[Provider]) -> bool:
        """Whether what is in flight will presumably use a budget up: then the node waits until some of that ended."""
        plan_node = self._state.plan_nodes[node.id]
        if reserves.session_passes(self._state, plan_node):
            refused.add(provider)
            return True
        if reserves.node_passes(self._state, node, plan_node):
            self._ready.rest(node.id)
            return True
        return False

    def _start_suspect(self, now: float, refused: set[Provider]) -> tuple[list[Decision], bool]:
        """What starts of those that crash after crash caught, and whether nothing else may start beside them."""
        while True:
            suspect, apart = self._ready.suspects.next(now, refused, occupied=self._ready.occupied)
            if suspect is None:
                return [], apart
            line = self._lines.before(suspect.node, now)
            if line is not None:
                return [line], apart
            if self._ready.admitted(suspect.lane.provider, suspect.node, now):
                return [self._ready.start_suspect(suspect, now)], apart
            refused.add(suspect.lane.provider)

    def _to_expand(self) -> list[str]:
        """Maps that can be read now; what an event has overtaken is dropped."""
        known = [self._state.nodes[node_id] for node_id in self._ready.in_plan_order(self._expansions)]
        due = [node.id for node in known if node.state is State.READY and node.items is None]
        self._expansions = deque(node_id for node_id in due if node_id not in self._asked)
        return list(self._expansions)

    def _expand(self, due: list[str]) -> list[Decision]:
        self._expansions.clear()
        self._asked.update(due)
        return [Expand(node_id) for node_id in due]

    def _finish(self, now: float) -> list[Decision]:
        if self._ready.running:
            return []
        state = self._state
        if not endings.all_ended(state):
            if self._asked or state.pending or self.wake_at(now) is not None:
                return []
            cause = stuck.cause(state, self._ready.waiting)
            return [] if cause is None else [Stuck(cause)]
        if self._finish_asked:
            return []
        end = endings.ending(state)
        if end is None:
            return []
        self._finish_asked = True
        return [end]
