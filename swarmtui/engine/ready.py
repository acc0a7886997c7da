"""What is ready: every node and item that could start, in its lane, and what of them has the next free place."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from swarmtui.engine import ranks
from swarmtui.engine.decisions import Start
from swarmtui.engine.gates import Gate
from swarmtui.engine.lanes import FOREVER, ItemQueue, Lane, MapEntry, Pool, Provider, Shares, SingleEntry
from swarmtui.engine.ramp import Ramp
from swarmtui.engine.ranks import Known
from swarmtui.engine.recovery import caught_times
from swarmtui.engine.suspects import SUSPECTED, Suspect, Suspects
from swarmtui.plan.model import Node
from swarmtui.session.pools import QUESTIONS, is_simulated, pool_limit, pool_of, provider_of
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import State

AGAIN = (State.RETRYING, State.THROTTLED)
STARTABLE = (State.READY, *AGAIN)
NOTHING_KNOWN: Known = MappingProxyType({})

Place = tuple[str, int | None]
"""A node, or one item of it."""
Choice = tuple[Lane, SingleEntry | MapEntry, MapEntry | None]
"""A lane, its entry that goes next, and the map before which that goes if it is a single node's."""


class Ready:
    """The lanes of one session, what waits in them, and what of them runs. See :mod:`swarmtui.engine.lanes`."""

    def __init__(self, state: SessionState, durations: Known, gate: Gate | None) -> None:
        self._state = state
        self._durations = durations
        self._gate = gate
        self._paths: dict[str, float] = {}
        self._order: dict[str, int] = {}
        self._pools: dict[str, Pool] = {}
        self._providers: dict[str, Provider] = {}
        self._lanes: dict[tuple[str, str, tuple[str, ...]], Lane] = {}
        self._shares = Shares()
        self._ramp = Ramp(state)
        self._running: dict[Place, Lane] = {}
        self._occupied = 0
        self._dormant: set[str] = set()
        self.suspects = Suspects(state, self._lane_of)
        self._resumed_at = 0.0
        self._before: dict[tuple[str, str], ItemQueue] = {}

    @property
    def running(self) -> Mapping[Place, Lane]:
        """What runs, and the lane that it counts against."""
        return self._running

    @property
    def waiting(self) -> list[Lane]:
        """Lanes in which something waits."""
        return [lane for lane in self._lanes.values() if lane.entries] + self.suspects.lanes

    @property
    def no_place(self) -> bool:
        """Whether the session as a whole has all running that it may."""
        total = self._state.limits.concurrency
        return total is not None and self._occupied >= total

    def clear(self) -> None:
        """Forget what waits and runs; what is known of providers stays, and since when what waits here again does."""
        for lane in self._lanes.values():
            for entry in lane.entries.values():
                if len(entry) == 6:
                    self._before[entry[3], lane.provider.name] = ItemQueue(entry[4], entry[5])
            for node_id, items in lane.queues.items():
                self._before[node_id, lane.provider.name] = items
        for queue in (self._pools, self._lanes, self._running, self._shares, self._dormant, self.suspects):
            queue.clear()
        self._occupied = 0

    def forget_before(self) -> None:
        """What waits is in its lane again."""
        self._before.clear()

    def dues(self, now: float) -> list[float]:
        """When providers may let something start again that waits for them."""
        waits = [max(lane.provider.not_before, lane.provider.retry_at or 0.0) for lane in self.waiting]
        waits += [self._ramp.due(lane.pool) for lane in self.waiting if not lane.full]
        return [due for due in waits if due > now]

    def set_limits(self) -> None:
        """The user changed a limit, though not which tags have one."""
        for name, pool in self._pools.items():
            pool.limit = self._limit(name)

    @property
    def limits_other_tags(self) -> bool:
        """Whether lanes are made for other tags than those that now have a limit."""
        limited = self._state.limits.tags
        wanted = {tag for node in self._state.plan_nodes.values() for tag in node.tags if tag in limited}
        return wanted != {tag.name.removeprefix("tag ") for lane in self._lanes.values() for tag in lane.tags}

    def landed(self, place: Place) -> Lane | None:
        """An attempt is over; the lane that it counted against."""
        lane = self._running.pop(place, None)
        if lane is not None:
            lane.count(-1)
            self._occupied -= lane.pool.name != QUESTIONS
        self.suspects.landed(place)
        return lane

    def stir(self, node: NodeState) -> None:
        """The node was touched: if it was held, or a need was run again, and is no more, its items wait again."""
        if node.id in self._dormant and not (node.held or node.restart or node.unmet):
            self._dormant.discard(node.id)
            self.wake(node)

    @property
    def occupied(self) -> bool:
        """Whether anything is in flight, questions left out."""
        return self._occupied > 0

    def start_suspect(self, suspect: Suspect, now: float) -> Start:
        """It starts."""
        return self._start_of(suspect.lane, suspect.node.id, suspect.item, suspect.ready, suspect.closed_s, now)

    def rest(self, node_id: str) -> None:
        """A map waits until an attempt at it has ended, of which at least one runs."""
        for lane in self._lanes.values():
            lane.drop(node_id)
        self._dormant.add(node_id)

    def choose(self, now: float, refused: Collection[Provider]) -> Choice | None:
        """What goes next, providers left out that have `refused`; None if nothing of what waits has a place."""
        single: SingleEntry | None = None
        mapped: MapEntry | None = None
        single_lane = map_lane = None
        for lane in self._lanes.values():
            if not lane.entries:
                continue
            if lane.full or self._ramp.due(lane.pool) > now:
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
                    and node.state in STARTABLE
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
        if node.held or node.restart or node.unmet:
            self._dormant.add(node_id)
            return False
        waiting, items = lane.queues[node_id], node.items
        while waiting:
            at = items.state(waiting.head)
            if at is State.READY or (at in AGAIN and items.retry_at.get(waiting.head, 0.0) <= now):
                return True
            waiting.since.pop(waiting.pop(), None)  # the user has skipped it, or it waits again
        return False

    def admitted(self, provider: Provider, node: NodeState, now: float) -> bool:
        """Whether the gate lets one more call of the node through; if so it must start at once."""
        if self._gate is None or not provider.gated:
            provider.open(now)
            return True
        spent = node.spent if node.spent.attempts else self._state.spent
        tokens = spent.tokens // spent.attempts if spent.attempts else 0
        answer = self._gate.admit(provider.name, now, tokens)
        if answer.go:
            provider.open(now)
        else:
            provider.retry_at = answer.retry_at
            provider.close(now, FOREVER)
        return answer.go

    def take(self, choice: Choice, now: float) -> Start:
        """Take what was chosen out of its queue: it starts."""
        lane, entry, against = choice
        if len(entry) == 6:
            heapq.heappop(lane.singles)
            lane.drop(entry[3])
            if against is not None:
                self._shares.charge_single(entry, against)
            return self._start_of(lane, entry[3], None, entry[4], entry[5], now)
        node_id = entry[4]
        queue = lane.queues[node_id]
        item = queue.pop()
        ready, closed_s = queue.since.pop(item, (queue.ready, queue.closed_s))
        heapq.heappop(lane.maps)
        following = self._shares.charge_map(entry)
        if queue:
            lane.put_map(following)
        else:
            lane.drop(node_id)
        return self._start_of(lane, node_id, item, ready, closed_s, now)

    def _start_of(self, lane: Lane, node: str, item: int | None, ready: float, closed_s: float, now: float) -> Start:
        waited_s = max(0.0, now - max(ready, self._resumed_at))
        if lane.provider.never_closed:
            return Start(node, item, lane.pool.name, round(waited_s, 6))
        throttle_s = min(waited_s, lane.provider.waited_s(closed_s, now))
        return Start(node, item, lane.pool.name, round(waited_s - throttle_s, 6), round(throttle_s, 6))

    def review_paths(self) -> None:
        """Work remaining paths out anew with the durations that this session has shown; O(nodes)."""
        if ranks.all_alike(self._state, self._durations):
            return
        self.work_out_paths()
        for lane in self._lanes.values():
            entries, lane.singles, lane.maps, lane.entries = dict(lane.entries), [], [], {}
            for node_id, entry in entries.items():
                path = -self._paths[node_id]
                if len(entry) == 6:
                    lane.put_single((entry[0], max(entry[1], -FOREVER) if entry[1] == -FOREVER else path, *entry[2:]))
                else:
                    lane.put_map((entry[0], entry[1], path, *entry[3:]))

    def work_out_paths(self) -> None:
        """Work remaining paths out from the plan, what is known from earlier, and what the session shows; O(nodes)."""
        nodes = self._state.plan.nodes if self._state.plan else ()
        self._paths = ranks.remaining_paths(self._state, self._durations)
        self._order = {node.id: index for index, node in enumerate(nodes)}

    def in_plan_order(self, node_ids: Iterable[str]) -> list[str]:
        """Each of them once, without those that the plan has no more: the order in which they came means nothing."""
        return sorted({node_id for node_id in node_ids if node_id in self._order}, key=self._order.__getitem__)

    def _limit(self, name: str) -> int:
        if name.startswith("tag "):
            return self._state.limits.tags[name[4:]]
        return pool_limit(self._state, name, paced=self._gate is not None and self._paced(name))

    def _paced(self, pool: str) -> bool:
        return pool in self._state.model_pools.values() and not is_simulated(self._state, pool)

    def tries(self, plan_node: Node, item: int | None) -> int:
        """Tries of a node or item that counted; 0 where nothing hangs on them."""
        if not plan_node.retry.models:
            return 0
        return self._state.nodes[plan_node.id].tries_of(item)

    def lane(self, pool: str, plan_node: Node, tries: int, provider: str | None = None) -> Lane:
        """The lane of attempts at a node in a pool, after so many tries that counted."""
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
        tries = self.tries(plan_node, item)
        return self.lane(pool_of(self._state, plan_node, tries), plan_node, tries)

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
        return -float(ranks.priority_of(self._state, plan_node))

    def put_node(self, node: NodeState, ready: float) -> None:
        """A node waits for a place since session second `ready`."""
        plan_node = self._state.plan_nodes[node.id]
        lane = self._lane_of(plan_node, None)
        entry = lane.entries.get(node.id)
        if (entry is not None and len(entry) == 6) or self.suspects.take(node, None, ready, lane):
            return
        lane.queues.pop(node.id, None)  # of the map that it was before it was changed
        path = -FOREVER if node.state is State.THROTTLED else -self._paths[node.id]
        closed_s = lane.provider.closed_s(ready)
        before = self._before.get((node.id, lane.provider.name))
        if before is not None and before.ready >= (node.ready_mono or 0.0):
            ready, closed_s = before.ready, before.closed_s
        lane.put_single((self._priority(plan_node), path, self._order[node.id], node.id, ready, closed_s))

    def put_item(self, node: NodeState, item: int, ready: float, *, front: bool = False) -> None:
        """An item waits for a place since session second `ready`; with `front` before those not tried yet."""
        lane = self._lane_of(self._state.plan_nodes[node.id], item)
        if self.suspects.take(node, item, ready, lane):
            return
        queue = self._queue(lane, node.id, ready)
        if not (self._before and item in queue.since):
            queue.since[item] = (ready, lane.provider.closed_s(ready))
        (queue.again if front else queue.items).append(item)
        self._enter(lane, node)

    def _queue(self, lane: Lane, node_id: str, ready: float) -> ItemQueue:
        queue = lane.queues.get(node_id)
        if queue is None:
            before = self._before.get((node_id, lane.provider.name))
            if before is None:
                queue = ItemQueue(ready, lane.provider.closed_s(ready))
            else:
                queue = ItemQueue(before.ready, before.closed_s, since=dict(before.since))
            lane.queues[node_id] = queue
        return queue

    def _enter(self, lane: Lane, node: NodeState) -> None:
        if node.id not in lane.entries:
            plan_node = self._state.plan_nodes[node.id]
            priority = self._priority(plan_node)
            start = self._shares.pass_of(node.id, priority)
            lane.put_map((priority, start, -self._paths[node.id], self._order[node.id], node.id))

    def fill(self, node: NodeState) -> list[tuple[float, int]]:
        """Queue all items of a map that can start, as the state has them; (when, item) of those that wait."""
        for lane in self._lanes.values():
            lane.queues.pop(node.id, None)
            lane.drop(node.id)
        if node.items is None or node.ended:
            return []
        plan_node, mono = self._state.plan_nodes[node.id], self._state.mono
        tried = node.items.tries if plan_node.retry.models else {}
        for item in [item for item in node.items.repeats if node.items.state(item) is State.READY]:
            self.suspects.take(node, item, mono, self._lane_of(plan_node, item))
        apart = {item for item in node.items.repeats if caught_times(node, item) >= SUSPECTED} | tried.keys()
        fresh = [item for item in node.items.where(State.READY) if item not in apart]
        if fresh:
            lane = self._lane_of(plan_node, fresh[0])
            self._queue(lane, node.id, mono).items.extend(fresh)
            self._enter(lane, node)
        for item in [item for item in tried if node.items.state(item) is State.READY]:
            self.put_item(node, item, mono)
        return [(due, item) for item, due in node.items.retry_at.items()]

    def wake(self, node: NodeState) -> None:
        """A map goes on that was held: what waited meanwhile waits for a place from now on."""
        for lane in self._lanes.values():
            queue = lane.queues.get(node.id)
            if queue:
                mono = self._state.mono
                queue.ready, queue.closed_s = mono, lane.provider.closed_s(mono)
                queue.since.clear()
                self._enter(lane, node)

    def requeue(self, node_id: str) -> None:
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

    def count(self, node_id: str, item: int | None, lane: Lane) -> None:
        """An attempt runs and counts against a lane."""
        self._running[node_id, item] = lane
        self.suspects.started(self._state.nodes[node_id], item)
        lane.count(1)
        self._ramp.started(lane.pool)
        self._occupied += lane.pool.name != QUESTIONS

    def resume(self) -> None:
        """The session goes on after a pause: times of waiting begin anew."""
        self._resumed_at = self._state.mono
        self._ramp.begin_anew(self._pools.values())
        for provider in self._providers.values():
            provider.resume(self._state.mono)
