"""Figures of a whole session from its state: what ``show`` prints and its JSON form holds. Unknown is None, never zero.

Three numbers that are easily taken for each other are named apart: `critical_path_s` is the longest way through the
graph by what its nodes took; `makespan_bound_s` is what no schedule could have beaten with the places that there were;
`layer_sum_s` adds up the longest node of each layer, which is what waiting for whole stages would have cost at best.
None of them says anything of a partial run: `coverage` tells how much of the graph they rest on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from swarmtui.plan import graph
from swarmtui.plan.model import JSON, ModelRef
from swarmtui.session.measures import LATENCIES, Rate, Tally, total
from swarmtui.session.pools import QUESTIONS, pool_limit, total_limit
from swarmtui.session.state import NodeState, SessionState, Spent
from swarmtui.session.vocabulary import ENDED, FINAL, ErrorKind, State

QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


def metrics(state: SessionState) -> dict[str, JSON]:
    """Every figure of a session that applies to it."""
    worked = total(tally for tally in state.measures.tallies.values() if tally.pool != QUESTIONS)
    return {
        **_totals(state),
        **_rates(state, worked),
        "success": success(state, worked),
        "latency": {name: latency(worked, name) for name in LATENCIES},
        "retry": _retries(worked),
        "pools": {name: _pool(tally) for name, tally in state.measures.by_pool().items()},
        "maps": {node.id: _map(state, node) for node in state.nodes.values() if node.items is not None},
        **_shape(state),
        **counterfactual(state),
        "forecast": held_against_fact(state),
    }


def cost_usd(spent: Spent) -> float | None:
    """Dollars spent; None when nothing of it has a known price."""
    if spent.cost_usd:
        return spent.cost_usd
    return None if spent.unpriced else 0.0


def _totals(state: SessionState) -> dict[str, JSON]:
    nodes = state.nodes.values()
    end = state.ended_ts if state.status in FINAL and state.ended_ts else state.ts
    wall = end - state.created_ts if state.created_ts else 0.0
    active = state.active_s
    busy = sum(node.busy_s for node in nodes)
    attempts = sum(node.attempts for node in nodes)
    items = [node.items for node in nodes if node.items is not None]
    return {
        "wall_s": round(wall, 3),
        "active_s": round(active, 3),
        "busy_s": round(busy, 3),
        "avg_parallelism": round(busy / active, 3) if active else None,
        "nodes": len(state.nodes),
        "items": sum(table.total for table in items),
        "items_failed": sum(table.count(State.FAILED) for table in items),
        "attempts": attempts,
        "retries": attempts - _begun(state),
        "model_calls": state.spent.attempts,
        "simulated_calls": state.spent.simulated,
        "tokens_in": state.spent.tokens_in,
        "tokens_out": state.spent.tokens_out,
        "tokens_cached": state.spent.tokens_cached,
        "cost_usd": cost_usd(state.spent),
        "calls_without_price": state.spent.unpriced,
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
    return {
        "failure_rate": worked.failed / worked.starts if worked.starts else None,
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

    Refusals (429) are no calls here; lines of a map that could not be read are no items.
    """
    found: dict[str, JSON] = {what: worked.rate(what).to_json() for what in ("transport", "schema", "check", "call")}
    for when, first in (("first_attempt", True), ("retry", False)):
        found[when] = {
            what: worked.rate(what, first=first).to_json() for what in ("transport", "schema", "check", "call")
        }
    at_once, given_up = worked.good_tries.get(1, 0), sum(worked.bad_tries.values())
    ended = sum(worked.good_tries.values()) + given_up
    found["units_first_attempt"] = Rate(ended, at_once).to_json()
    found["units_after_retries"] = Rate(ended, ended - given_up).to_json()
    found["per_item"] = per_item(state.nodes.values()).to_json()
    found["per_node"] = _per_node(state).to_json()
    return found


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
        "success": {what: tally.rate(what).to_json() for what in ("transport", "schema", "check", "call")},
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
        "success": {what: tally.rate(what).to_json() for what in ("transport", "schema", "check", "call")},
        "service": latency(tally, "service"),
        "retry": _retries(tally),
    }


# -- the shape of the run -------------------------------------------------------------------------------------


def _shape(state: SessionState) -> dict[str, JSON]:
    plan = state.plan
    ran = [node for node in state.nodes.values() if node.attempts] if plan else []
    if not ran:
        return {"critical_path_s": None, "layer_sum_s": None, "makespan_bound_s": None, "critical_steps": None}
    tallies: dict[str, list[Tally]] = {}
    for tally in state.measures.tallies.values():
        if tally.node is not None:
            tallies.setdefault(tally.node, []).append(tally)
    took = {node.id: _longest_s(node, tallies.get(node.id, [])) for node in ran}
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
    }


def _longest_s(node: NodeState, tallies: list[Tally]) -> float:
    """What a node took at least, however many places there had been: of a map its longest attempt."""
    if node.pool == QUESTIONS:
        return 0.0
    return node.busy_s if node.items is None else max((tally.service.max_s for tally in tallies), default=0.0)


# -- money ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Prices:
    tokens_in: float
    tokens_out: float

    @classmethod
    def of(cls, ref: ModelRef | None) -> _Prices | None:
        if ref is None or ref.simulated or ref.price_in is None or ref.price_out is None:
            return None
        return cls(ref.price_in, ref.price_out)


def counterfactual(state: SessionState) -> dict[str, JSON]:
    """What the tokens that were used would have cost on the planner's model alone, and what was saved by not doing so.

    None where a price, a cost or a call's usage is not known. Cached input is charged in full. A saving cannot exceed
    one less the cheapest model's share of the planner's price: if it does, the prices do not fit, and it is flagged.
    """
    unknown = {"all_on_planner_usd": None, "savings_share": None, "savings_bound": None, "savings_implausible": False}
    planner = _Prices.of(state.models.get("planner"))
    worked = total(state.measures.tallies.values())
    if planner is None or state.spent.unpriced or state.spent.simulated or worked.unmetered:
        return unknown
    dearest = (state.spent.tokens_in * planner.tokens_in + state.spent.tokens_out * planner.tokens_out) / 1e6
    others = [prices for ref in state.models.values() if (prices := _Prices.of(ref)) is not None]
    shares = [other.tokens_in / planner.tokens_in for other in others if planner.tokens_in]
    shares += [other.tokens_out / planner.tokens_out for other in others if planner.tokens_out]
    saved = 1 - state.spent.cost_usd / dearest if dearest > 0 else None
    bound = 1 - min(shares) if shares else None
    implausible = saved is not None and bound is not None and saved > bound + 0.005
    return {
        "all_on_planner_usd": dearest,
        "savings_share": saved,
        "savings_bound": bound,
        "savings_implausible": implausible,
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
    facts = {
        "seconds": state.active_s - told.active_s,
        "usd": None if state.spent.unpriced or state.spent.simulated else state.spent.cost_usd - told.cost_usd,
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
