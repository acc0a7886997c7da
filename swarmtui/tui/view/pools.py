"""The gauges of pools: what each may do at once, what it does, what binds it and why, who was refused and waits.

How they are told is in :mod:`swarmtui.tui.view.pool_words`. Figures come from the state and from :class:`Flights`;
where nobody sent one it is ``n/a``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from swarmtui.frozen import frozen, mutable
from swarmtui.safety.text import one_line
from swarmtui.session.pools import COMMANDS, MERGES, QUESTIONS, UNLIMITED, is_simulated, pool_limit, pool_of
from swarmtui.session.vocabulary import FINAL, State, Status
from swarmtui.tui.view.flights import Flights, PoolChange, PoolLog, Refusal
from swarmtui.tui.view.lines import Role
from swarmtui.tui.view.nodes import total_binds
from swarmtui.tui.view.order import natural

if TYPE_CHECKING:
    from swarmtui.session.state import NodeState, SessionState

SPARK = 60
"""Bins of history that a gauge keeps ready."""


@frozen
class Gauge:
    """One pool at a moment. Times are session seconds."""

    pool: str
    kind: str
    """``provider``, ``simulated``, ``commands``, ``merges`` or ``program``."""
    in_flight: int
    limit: int | None
    """Attempts that may be in flight; None where that is not known."""
    window: float | None
    """Of these, what the pacer found out; None of what has no pacer, or of a provider that was not asked yet."""
    rate_per_min: float | None
    """Calls per minute that the provider is known to allow."""
    per_minute: float | None
    """Attempts that ended per minute of late."""
    binding: str
    """What holds it back: a word of :data:`BINDS`."""
    why: str
    since: float | None
    refused: int
    calls: int
    last: Refusal | None
    waiting: int
    """Nodes and items that are ready and wait for a place."""
    throttled: int
    """Those that the provider sent back and that wait until it is due."""
    due: float | None
    """When the first of these is tried again."""
    history: tuple[int, ...]
    changes: tuple[PoolChange, ...]
    cap: int | None
    """What the user allows at most, by name of the pool."""
    frozen: int | None
    others: int = 0

    @property
    def refused_per_100(self) -> float | None:
        """Refusals per 100 calls that were tried; None before the first call."""
        tried = self.calls + self.refused
        return 100.0 * self.refused / tried if tried else None

    @property
    def can_freeze(self) -> bool:
        """Whether there is a window that could be held."""
        return self.kind == "provider"


BINDS: dict[str, tuple[str, Role]] = {
    "wall": ("the provider lets no more through at once", "warn"),
    "rpm": ("the provider's calls per minute", "warn"),
    "tpm": ("the provider's tokens per minute", "warn"),
    "latency": ("its answers slow down with more at once", "warn"),
    "outage": ("the provider is down: only probes go", "bad"),
    "user": ("your limit", "held"),
    "total": ("your limit for all pools together", "held"),
    "ramp": ("your ramp", "held"),
    "limit": ("swarmtui's own limit", "muted"),
    "machine": ("this machine is busy", "warn"),
    "budget": ("the budget is used up", "bad"),
    "paused": ("the session is paused", "held"),
    "none": ("nothing holds it back", "ok"),
    "over": ("the session is over", "muted"),
    "": ("n/a: its host has not told yet", "faint"),
}
"""What may hold a pool back, in words."""
UNBOUND = frozenset({"", "none", "over"})
"""Those that hold nothing back."""
GOES_ON = "{pause_session} lets it go on"
PROVIDERS = frozenset({"wall", "rpm", "tpm", "latency", "outage"})


def gauges(state: SessionState, flights: Flights, now: float, with_keys: Callable[[str], str] = str) -> list[Gauge]:
    """All pools that the plan uses or that anything ran in, providers first, told `with_keys`. O(nodes)."""
    waits = _waits(state)
    tallies = state.measures.tallies.values()
    ran = {tally.pool for tally in tallies if tally.starts and tally.pool}
    names = sorted((state.pools_used | ran) - {QUESTIONS}, key=lambda pool: (_rank(state, pool), natural(pool)))
    found = [_gauge(state, one, flights.pools.get(one) or PoolLog(), waits.get(one) or _Waits(), now) for one in names]
    return [replace(one, why=with_keys(GOES_ON)) if one.why == GOES_ON else one for one in found]


_KINDS = ("provider", "simulated", "program", COMMANDS, MERGES)


def _rank(state: SessionState, pool: str) -> int:
    return _KINDS.index(_kind(state, pool))


def _kind(state: SessionState, pool: str) -> str:
    if pool in (COMMANDS, MERGES):
        return pool
    if pool in state.programs:
        return "program"
    if is_simulated(state, pool):
        return "simulated"
    return "provider" if pool in state.model_pools.values() or pool in state.paced else COMMANDS


def _gauge(state: SessionState, pool: str, log: PoolLog, waits: _Waits, now: float) -> Gauge:
    told, kind = state.paced.get(pool), _kind(state, pool)
    tallies = [tally for tally in state.measures.tallies.values() if tally.pool == pool]
    allowed = pool_limit(state, pool, paced=kind == "provider")
    limit = None if allowed >= UNLIMITED else allowed
    window = None if told is None or kind != "provider" else told.window
    if window is not None:
        limit = int(window) if limit is None else min(limit, int(window))
    refused = max(sum(tally.refused for tally in tallies), 0 if told is None else told.refused)
    gauge = Gauge(
        pool=pool,
        kind=kind,
        in_flight=sum(tally.open for tally in tallies),
        limit=limit,
        window=window,
        rate_per_min=None if told is None else told.rate_per_min,
        per_minute=log.flow.per_minute(now) if log.flow.delta else None,
        binding="" if told is None else told.binding,
        why="" if told is None else one_line(told.why, 200),
        since=None if told is None else log.bound_since(now),
        refused=refused,
        calls=sum(tally.calls() for tally in tallies),
        last=log.last_refusal(now),
        waiting=waits.ready,
        throttled=waits.throttled,
        due=waits.due,
        history=tuple(log.flow.history(now, SPARK)),
        changes=tuple(log.changes_until(now)),
        cap=state.limits.pools.get(pool),
        frozen=state.limits.frozen.get(pool),
        others=0 if told is None else told.others,
    )
    return _bound(state, gauge)


def _bound(state: SessionState, gauge: Gauge) -> Gauge:
    """What binds where the pacer does not say, or where something else comes first."""
    limits = state.limits
    if state.status is Status.PAUSED:
        if state.budget is not None:
            return replace(gauge, binding="budget", why=f"of {state.budget.kind}", since=None)
        return replace(gauge, binding="paused", why=GOES_ON, since=None)
    if state.status in FINAL:
        return replace(gauge, binding="over", why="", since=None)
    if gauge.waiting and total_binds(state, gauge.pool):
        return replace(gauge, binding="total", why=f"{limits.concurrency} at once")
    if gauge.binding not in ("", "none"):
        return gauge
    full = gauge.limit is not None and gauge.in_flight >= gauge.limit
    if gauge.waiting and full and gauge.window is None:
        mine = gauge.cap is not None or limits.concurrency is not None
        return replace(gauge, binding="user" if mine else "limit", why=f"{gauge.limit} at once")
    if gauge.waiting and limits.ramp_s and not full:
        return replace(gauge, binding="ramp", why=f"one more every {limits.ramp_s:g} s")
    return gauge if gauge.kind == "provider" else replace(gauge, binding="none")


@mutable
class _Waits:
    ready: int = 0
    throttled: int = 0
    due: float | None = None

    def until(self, due: float | None) -> None:
        if due is not None:
            self.due = due if self.due is None else min(self.due, due)


def _waits(state: SessionState) -> dict[str, _Waits]:
    """Who is ready, or was sent back, by pool."""
    found: dict[str, _Waits] = {}
    if not state.approved_rev:
        return found
    for node in state.nodes.values():
        if node.state is State.READY or node.state is State.THROTTLED:
            waits = found.setdefault(pool_of_node(state, node), _Waits())
            if node.state is State.READY:
                waits.ready += 1
            else:
                waits.throttled += 1
                waits.until(node.retry_at)
        elif node.items is not None and node.state is State.RUNNING:
            waits = found.setdefault(pool_of_node(state, node), _Waits())
            waits.ready += node.items.count(State.READY)
            waits.throttled += node.items.count(State.THROTTLED)
            if node.items.count(State.THROTTLED):
                waits.until(min(node.items.retry_at.values(), default=None))
    return found


def pool_of_node(state: SessionState, node: NodeState) -> str:
    """The pool in which a node runs, or will."""
    return pool_of(state, state.plan_nodes[node.id], node.tries)
