"""Figures of a whole session from its state: what ``show`` prints and its JSON form holds. Unknown is None, never zero.

Three numbers that are easily taken for each other are named apart: `critical_path_s` is the longest way through the
graph by what its nodes took; `makespan_bound_s` is what no schedule could have beaten with the places that there were;
`layer_sum_s` adds up the longest node of each layer, which is what waiting for whole stages would have cost at best.
None of them says anything of a partial run: `coverage` tells how much of the graph they rest on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heappush
from math import ceil

from swarmtui.frozen import frozen
from swarmtui.plan import graph
from swarmtui.plan.model import JSON, ModelRef
from swarmtui.session.agent_figures import agent_figures
from swarmtui.session.measures import LATENCIES, Tally, total
from swarmtui.session.paths import took_s
from swarmtui.session.pools import QUESTIONS, pool_limit, total_limit
from swarmtui.session.rates import Rate
from swarmtui.session.spent import Spent
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import ENDED, FINAL, ErrorKind, State

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


def metrics(state: SessionState) -> dict[str, JSON]:
    """Every figure of a session that applies to it."""
    worked = total(tally for tally in state.measures.tallies.values() if tally.pool != QUESTIONS)
    return {
        **_totals(state, worked),
        **_rates(state, worked),
        "success": success(state, worked),
        "latency": {name: latency(worked, name) for name in LATENCIES},
        "retry": _retries(worked),
        "pools": {name: _pool(tally) for name, tally in state.measures.by_pool().items()},
        "agents": agent_figures(state),
        "maps": {node.id: _map(state, node) for node in state.nodes.values() if node.items is not None},
        **_shape(state),
        **counterfactual(state),
        "forecast": held_against_fact(state),
    }


def wall_s(state: SessionState) -> float:
    """Seconds from a session's beginning to its end, or to its last event while it has none: what lists call its time.
    Of these :attr:`SessionState.active_s` were spent at work."""
    end = state.ended_ts if state.status in FINAL and state.ended_ts else state.ts
    return max(0.0, end - state.created_ts) if state.created_ts else 0.0


def cost_usd(spent: Spent) -> float | None:
    """Dollars spent; None when nothing of it has a known price."""
    if spent.cost_usd:
        return spent.cost_usd
    return None if spent.unpriced else 0.0


def _totals(state: SessionState, worked: Tally) -> dict[str, JSON]:
    nodes = state.nodes.values()
    wall = wall_s(state)
    active = state.active_s
    busy = sum(node.busy_s for node in nodes if node.pool != QUESTIONS)
    items = [node.items for node in nodes if node.items is not None]
    return {
        "wall_s": round(wall, 3),
        "wall_clock_ms": round(wall * 1000),
        "active_s": round(active, 3),
        "busy_s": round(busy, 3),
        "avg_parallelism": round(busy / active, 3) if active else None,
        "nodes": len(state.nodes),
        "items": sum(table.total for table in items),
        "items_failed": sum(table.count(State.FAILED) for table in items),
        "attempts": sum(node.attempts for node in nodes),
        "retries": worked.failed - sum(worked.bad_tries.values()),
        "retry_count": worked.failed - sum(worked.bad_tries.values()),
        "model_calls": state.spent.attempts,
        "simulated_calls": state.spent.simulated,
        "tokens_in": state.spent.tokens_in,
        "tokens_out": state.spent.tokens_out,
        "tokens_cached": state.spent.tokens_cached,
        "tokens_reasoning": state.spent.tokens_reasoning,
        "cost_usd": cost_usd(state.spent),
        "estimated_cost": {
            "usd": cost_usd(state.spent),
            "at_least": bool(state.spent.unpriced or state.spent.orphans),
            "price_sources": {ref.name: ref.price_source for ref in state.models.values() if ref.price_source},
        },
        "calls_without_price": state.spent.unpriced,
        "calls_without_tokens": state.spent.unmetered,
        "calls_lost_in_crashes": state.spent.orphans,
        "hosts": state.hosts,
        "price_sources": {ref.name: ref.price_source for ref in state.models.values() if ref.price_source},
    }


def _begun(state: SessionState) -> int:
    """Nodes and items of which an attempt was ever made."""
    return sum(
        node.items.total - node.items.attempts.count(0) if node.items else bool(node.attempts)
        for node in state.nodes.values()
    )


def _rates(state: SessionState, worked: Tally) -> dict[str, JSON]:
    begun = _begun(state)
    units = sum(node.items.total if node.items else 1 for node in state.nodes.values())
    nodes = state.nodes.values()
    skipped = sum(node.items.count(State.SKIPPED) if node.items else node.state is State.SKIPPED for node in nodes)
    ended = sum(node.items.ended if node.items else node.state in ENDED for node in nodes)
    active = state.active_s
    good = worked.rate("call").ok
    tried = good + worked.failed
    whole = _whole(state)
    return {
        "success_rate": whole.share,
        "pass_at_1": {"threshold": "all that its check asks for", **_at_once(worked).to_json()},
        "failure_rate": worked.failed / tried if tried else None,
        "skip_rate": skipped / units if units else None,
        "spawn_count": begun,
        "verified_share": worked.verified / good if good else None,
        "subtask_finish_rate": min(1.0, worked.verified / begun) if begun else None,
        "useful_parallelism": round((worked.service.total_s - worked.lost_s) / active, 3) if active else None,
        "peak_in_flight": state.measures.peak,
        "coverage": ended / units if units else None,
    }


# -- outcomes -------------------------------------------------------------------------------------------------


def success(state: SessionState, worked: Tally) -> dict[str, JSON]:
    """Success as it is defined: by what came back, its shape, its check; per call, per node and per item.

    Refusals (429) are no calls here; lines of a map that could not be read are no items. ``model`` tells of attempts
    at model calls alone, ``requests`` of single calls: an attempt of several turns makes several.
    """
    found = _by_stage(worked)
    models = total(tally for tally in state.measures.tallies.values() if tally.model is not None)
    found["model"] = _by_stage(models)
    found["requests"] = Rate(models.requests, models.requests_ok).to_json()
    given_up = sum(worked.bad_tries.values())
    ended = sum(worked.good_tries.values()) + given_up
    found["units_first_attempt"] = _at_once(worked).to_json()
    found["units_after_retries"] = Rate(ended, ended - given_up).to_json()
    found["per_item"] = per_item(state.nodes.values()).to_json()
    found["per_node"] = _per_node(state).to_json()
    return found


STAGES = ("transport", "schema", "check", "call")


def _by_stage(tally: Tally) -> dict[str, JSON]:
    found: dict[str, JSON] = {what: tally.rate(what).to_json() for what in STAGES}
    for when, first in (("first_attempt", True), ("retry", False)):
        found[when] = {what: tally.rate(what, first=first).to_json() for what in STAGES}
    return found


def _at_once(tally: Tally) -> Rate:
    """Nodes and items that succeeded on their first try, of those that ended."""
    return Rate(sum(tally.good_tries.values()) + sum(tally.bad_tries.values()), tally.good_tries.get(1, 0))


def _whole(state: SessionState) -> Rate:
    """Nodes that are no maps and items, as they stand in the end."""
    items, nodes = per_item(state.nodes.values()), _per_node(state)
    return Rate(items.n + nodes.n, items.ok + nodes.ok)


def per_item(nodes: Iterable[NodeState]) -> Rate:
    """Items of maps that succeeded in the end, of those that succeeded or failed."""
    tables = [node.items for node in nodes if node.items is not None]
    good = sum(table.count(State.SUCCEEDED, State.STALE) for table in tables)
    return Rate(good + sum(table.count(State.FAILED) for table in tables), good)


def _per_node(state: SessionState) -> Rate:
    plain = [node for node in state.nodes.values() if node.items is None]
    good = sum(node.state in (State.SUCCEEDED, State.STALE) for node in plain)
    return Rate(good + sum(node.state is State.FAILED for node in plain), good)


def latency(tally: Tally, name: str) -> dict[str, JSON]:
    """p50 to p99 and the longest, in seconds; None where nothing was measured."""
    histogram = tally.latency(name)
    n = histogram.n
    values = histogram.quantiles(*QUANTILES.values())
    found: dict[str, JSON] = {"n": n, "mean": round(histogram.total_s / n, 6) if n else None}
    found |= {quantile: round(value, 6) if n else None for quantile, value in zip(QUANTILES, values, strict=True)}
    return found | {"max": round(histogram.max_s, 6) if n else None}


def _retries(tally: Tally) -> dict[str, JSON]:
    return {
        "histogram": {str(tries): count for tries, count in sorted(tally.good_tries.items())},
        "given_up_after": {str(tries): count for tries, count in sorted(tally.bad_tries.items())},
        "failed_attempts": tally.failed,
        "errors": dict(sorted(tally.errors.items())),
        "time_lost_s": round(tally.lost_s, 3),
        "usd_lost": tally.lost_usd if tally.lost_usd or not tally.lost_unpriced else None,
        "lost_without_price": tally.lost_unpriced,
        "cancelled_s": round(tally.stopped_s, 3),
        "cancelled_usd": tally.stopped_usd if tally.stopped_usd or not tally.stopped_unpriced else None,
        "cancelled_without_price": tally.stopped_unpriced,
        "interrupted_s": round(tally.caught_s, 3),
        "refused": tally.refused,
        "refused_wait_s": round(tally.refused_wait_s, 3),
        "refused_service_s": round(tally.refused_service_s, 3),
        "outages": tally.errors.get(ErrorKind.OUTAGE.value, 0),
        "cancelled": tally.cancelled,
        "interrupted": tally.interrupted,
        "reused": tally.reused,
    }


def _pool(tally: Tally) -> dict[str, JSON]:
    return {
        "model": tally.model,
        "starts": tally.starts,
        "success": {what: tally.rate(what).to_json() for what in STAGES},
        "latency": {name: latency(tally, name) for name in LATENCIES},
        "retry": _retries(tally),
        "tokens_in": tally.tokens_in,
        "tokens_out": tally.tokens_out,
        "cost_usd": tally.cost_usd if tally.priced else None,
    }


def _map(state: SessionState, node: NodeState) -> dict[str, JSON]:
    tally = state.measures.of_node(node.id)
    return {
        "per_item": per_item([node]).to_json(),
        "first_attempt": tally.rate("call", first=True).to_json(),
        "success": {what: tally.rate(what).to_json() for what in STAGES},
        "service": latency(tally, "service"),
        "retry": _retries(tally),
    }


# -- the shape of the run -------------------------------------------------------------------------------------


def _shape(state: SessionState) -> dict[str, JSON]:
    plan = state.plan
    ran = [node for node in state.nodes.values() if node.attempts] if plan else []
    if not ran:
        names = ("critical_path_s", "layer_sum_s", "makespan_bound_s", "critical_steps", "dag_makespan_steps")
        return dict.fromkeys(names)
    took = took_s(state)
    steps = {node.id: float(max(node.items.attempts, default=0) if node.items else node.attempts) for node in ran}
    needs = graph.needs_of(plan) if plan else {}
    layers = graph.layers(needs)
    critical = max(graph.upward_rank(needs, took, 0.0).values(), default=0.0)
    work: dict[str, float] = {}
    for node in ran:
        work[node.pool] = work.get(node.pool, 0.0) + node.busy_s
    places = total_limit(state)
    bounds = [busy / max(1, pool_limit(state, pool)) for pool, busy in work.items() if pool != QUESTIONS]
    whole = sum(busy for pool, busy in work.items() if pool != QUESTIONS) / max(1, places)
    return {
        "critical_path_s": round(critical, 3),
        "layer_sum_s": round(sum(max(took.get(name, 0.0) for name in layer) for layer in layers), 3),
        "makespan_bound_s": round(max([critical, whole, *bounds]), 3),
        "makespan_bound_places": places,
        "critical_steps": round(sum(max(steps.get(name, 0.0) for name in layer) for layer in layers)),
        "critical_path_steps": round(max(graph.upward_rank(needs, steps, 0.0).values(), default=0.0)),
        "dag_makespan_steps": _listed_steps(needs, ran, steps, places),
    }


def _listed_steps(needs: graph.Needs, ran: list[NodeState], steps: Mapping[str, float], places: int) -> int:
    """Steps that the attempts made take when each starts as soon as its needs have ended and there is a place for it,
    longest remaining path first (list scheduling), an attempt being a step. A map takes as many places as it has items,
    and gives all of them back at its end."""
    rank = graph.upward_rank(needs, steps, 0.0)
    made = {node.id: node for node in ran}
    then, unmet = graph.dependents(needs), {name: len(of) for name, of in needs.items()}
    ready = [(-rank[name], name) for name, count in unmet.items() if not count]
    heapify(ready)
    ends: list[tuple[int, str, int]] = []
    now, free = 0, max(1, places)
    while ready or ends:
        while ready and free:
            _, name = heappop(ready)
            node = made.get(name)
            lanes = 0 if node is None else min(free, node.items.total if node.items is not None else 1)
            took = 0 if node is None or not lanes else max(ceil(node.attempts / lanes), round(steps[name]))
            free -= lanes
            heappush(ends, (now + took, name, lanes))
        now, name, lanes = heappop(ends)
        free += lanes
        for other in then[name]:
            unmet[other] -= 1
            if not unmet[other]:
                heappush(ready, (-rank[other], other))
    return now


# -- money ----------------------------------------------------------------------------------------------------


@frozen
class _Prices:
    tokens_in: float
    tokens_out: float
    cached: float

    @classmethod
    def of(cls, ref: ModelRef | None) -> _Prices | None:
        if ref is None or ref.simulated or ref.price_in is None or ref.price_out is None:
            return None
        return cls(ref.price_in, ref.price_out, ref.price_in if ref.price_cached is None else ref.price_cached)

    def of_tokens(self, tokens_in: int, tokens_out: int, cached: int) -> float:
        """US dollars."""
        cached = min(cached, tokens_in)
        fresh = tokens_in - cached
        return (fresh * self.tokens_in + cached * self.cached + tokens_out * self.tokens_out) / 1e6


def counterfactual(state: SessionState) -> dict[str, JSON]:
    """What the tokens that were used would have cost on the planner's model alone, and what was saved by not doing so.

    It rests on the tokens that were recorded; calls that failed before anything was told of them are left out of both
    sums, and counted. None where the planner's price is not known, or of a call the tokens but not the cost, or the
    cost but not the tokens. Cached input is charged as the planner's provider charges it, in full if that is not known.
    A saving cannot exceed one less the cheapest model's share of the planner's price: if it does, the prices do not
    fit, and it is flagged.
    """
    spent, planner = state.spent, _Prices.of(state.models.get("planner"))
    paired = spent.unpriced == spent.untold == spent.unmetered
    if planner is None or not paired or spent.simulated or not spent.tokens:
        unknown = {"all_on_planner_usd": None, "savings_share": None, "savings_bound": None}
        return {**unknown, "savings_implausible": False, "all_on_planner_left_out": None}
    dearest = planner.of_tokens(spent.tokens_in, spent.tokens_out, spent.tokens_cached)
    others = [prices for ref in state.models.values() if (prices := _Prices.of(ref)) is not None]
    shares = [other.tokens_in / planner.tokens_in for other in others if planner.tokens_in]
    shares += [other.tokens_out / planner.tokens_out for other in others if planner.tokens_out]
    shares += [other.cached / planner.cached for other in others if planner.cached]
    saved = 1 - spent.cost_usd / dearest if dearest > 0 else None
    bound = 1 - min(shares) if shares else None
    return {
        "all_on_planner_usd": dearest,
        "savings_share": saved,
        "savings_bound": bound,
        "savings_implausible": saved is not None and bound is not None and saved > bound + 0.005,
        "all_on_planner_left_out": spent.untold,
    }


# -- forecast against fact ------------------------------------------------------------------------------------


def held_against_fact(state: SessionState) -> JSON:
    """The forecast that the approval rested on beside what came of it so far; None if there was none."""
    told = state.first_forecast
    if told is None:
        return None
    rows = told.forecast.rows
    row = next((each for each in rows if each.concurrency == state.limits.concurrency), rows[-1] if rows else None)
    if row is None:
        return None
    over = state.status in FINAL
    unknown = state.spent.unpriced > state.spent.untold or state.spent.simulated  # what told nothing failed at once
    facts = {
        "seconds": state.active_s - told.active_s,
        "usd": None if unknown else state.spent.cost_usd - told.cost_usd,
        "tokens": float(state.spent.tokens - told.tokens),
    }
    return {
        "plan_rev": told.forecast.plan_rev,
        "concurrency": row.concurrency,
        "basis": told.forecast.basis,
        "final": over,
        **{name: _held(getattr(row, name), fact, over=over) for name, fact in facts.items()},
    }


def _held(said: tuple[float, float, float] | None, fact: float | None, *, over: bool) -> JSON:
    if said is None:
        return {"p10": None, "p50": None, "p90": None, "actual": fact, "inside": None}
    low, middle, high = said
    inside = None if fact is None or not over else low <= fact <= high
    return {"p10": low, "p50": middle, "p90": high, "actual": fact, "inside": inside}
