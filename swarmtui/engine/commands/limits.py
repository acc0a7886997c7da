"""The command that changes what is allowed: concurrency, places per pool and tag, held windows, the ramp, budgets."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import replace

from swarmtui.engine.commands.refusal import INVALID_PARAMS, Params, Refused, need
from swarmtui.plan.model import JSON, Limits
from swarmtui.plan.problems import Nearest, listed, shown
from swarmtui.session import budgets
from swarmtui.session.events import Body, LimitsSet, SessionResumed
from swarmtui.session.pools import COMMANDS, MERGES, name_pools, total_limit
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import Status

NAMES: tuple[str, ...] = (
    *("concurrency", "pools", "tags", "cap", "freeze"),
    *("ramp", "usd", "tokens", "minutes", "attempts", "warn"),
)
NOW = "now"
"""For a window that is to be held: what it is."""


def change(state: SessionState, params: Params) -> list[Body]:
    """``limits.set`` with any of :data:`NAMES`; null takes a limit away."""
    limits = state.limits
    if not any(name in params for name in NAMES):
        raise Refused(f"say which limit: {listed(NAMES)}", INVALID_PARAMS)
    if "concurrency" in params:
        limits = replace(limits, concurrency=_concurrency(state, params["concurrency"]))
    if "pools" in params:
        limits = replace(limits, pools=_places(params, "pools", limits.pools, known_pools(state)))
    if "cap" in params:
        limits = replace(limits, pools=_capped(state, limits.pools, params["cap"]))
    if "freeze" in params:
        limits = replace(limits, frozen=_frozen(state, params["freeze"]))
    if "tags" in params:
        tags = {tag for node in state.plan_nodes.values() for tag in node.tags}
        limits = replace(limits, tags=_places(params, "tags", limits.tags, tags))
    limits = _amounts(limits, params)
    if limits == state.limits:
        raise Refused("nothing was changed")
    return in_force(state, limits)


def _amounts(limits: Limits, params: Params) -> Limits:
    """`limits` with the plain numbers of `params`."""
    if "ramp" in params:
        limits = replace(limits, ramp_s=_amount(params["ramp"], "ramp") or 0.0)
    if "usd" in params:
        limits = replace(limits, usd=_amount(params["usd"], "usd"))
    if "minutes" in params:
        limits = replace(limits, minutes=_amount(params["minutes"], "minutes"))
    if "tokens" in params:
        limits = replace(limits, tokens=_count(params["tokens"], "tokens"))
    if "attempts" in params:
        limits = replace(limits, attempts=_count(params["attempts"], "attempts"))
    if "warn" in params:
        limits = replace(limits, warn=_share(params["warn"]))
    return limits


def in_force(state: SessionState, limits: Limits) -> list[Body]:
    """The events by which `limits` come into force: a session that a budget had paused goes on if it now may."""
    bodies: list[Body] = [LimitsSet(limits)]
    if state.status is Status.PAUSED and state.budget is not None and state.budget.node is None:
        limit = budgets.limit_of(limits.budget, state.budget.kind)
        if limit is None or state.budget.spent < limit:
            bodies.append(SessionResumed())
    return bodies


def known_pools(state: SessionState) -> set[str]:
    """Names of pools that a limit can be about."""
    named = {node.pool for node in state.plan_nodes.values() if node.pool is not None}
    return {COMMANDS, MERGES, *state.pools_used, *named, *name_pools(state.models).values()}


def _places(params: Params, what: str, now: dict[str, int], known: Collection[str]) -> dict[str, int]:
    """`now` with the numbers of `params`; a name that nothing has would be obeyed in silence, so it is refused."""
    changed = dict(now)
    one = what.removesuffix("s")
    for name, value in need(params, what, dict).items():
        if not isinstance(name, str) or not name.strip():
            raise Refused(f"a {one} has no name: {one}.NAME=N", INVALID_PARAMS)
        if name not in known and name not in now:
            there = f"there are {listed(sorted(known))}" if known else f"the plan has no {what}"
            hint = Nearest().hint(name, known, there)
            raise Refused(f"no {one} {shown(name)!r} in this session: {hint}", INVALID_PARAMS)
        if value is None:
            changed.pop(name, None)
        else:
            changed[name] = _whole(value, f"{one} {shown(name)}")
    return changed


def providers(state: SessionState) -> list[str]:
    """The pools of models that a provider answers for, in the order of the models."""
    pools = (state.model_pools.get(name, ref.name) for name, ref in state.models.items() if not ref.simulated)
    return list(dict.fromkeys(pools))


def _capped(state: SessionState, now: dict[str, int], value: JSON) -> dict[str, int]:
    """`now` with the same number for every provider's pool; null takes it away."""
    pools = providers(state)
    if not pools:
        raise Refused("no provider answers in this session: there is nothing to cap")
    others = {name: places for name, places in now.items() if name not in pools}
    return others if value is None else {**others, **dict.fromkeys(pools, _whole(value, "cap"))}


def _frozen(state: SessionState, value: JSON) -> dict[str, int]:
    """Windows that are held: a number, ``now``, or null to let go, for every provider's pool or by pool."""
    pools = providers(state)
    if not isinstance(value, dict):
        if value is None:
            return {}
        if not pools:
            raise Refused("no provider answers in this session: there is nothing to hold")
        chosen = [pool for pool in pools if value != NOW or pool in state.paced]
        if not chosen:
            raise Refused("no provider was asked yet, so there is nothing to hold: say how many calls")
        return {pool: _window(state, pool, value) for pool in chosen}
    held = dict(state.limits.frozen)
    for pool, at in value.items():
        if pool not in pools:
            there = f"there are {listed(pools)}" if pools else "no provider answers in this session"
            raise Refused(f"no provider's pool {shown(pool)!r}: {Nearest().hint(pool, pools, there)}", INVALID_PARAMS)
        if at is None:
            held.pop(pool, None)
        else:
            held[pool] = _window(state, pool, at)
    return held


def _window(state: SessionState, pool: str, value: JSON) -> int:
    if value != NOW:
        return _whole(value, f"the window of {shown(pool)}")
    told = state.paced.get(pool)
    if told is None:
        raise Refused(f"{pool} was not asked yet: say at how many calls to hold it")
    return max(1, int(told.window))


def _concurrency(state: SessionState, value: JSON) -> int | None:
    if value in ("auto", None):
        return None
    if isinstance(value, str) and value[:1] in "+-" and value[1:].isdecimal():
        return _whole(max(1, total_limit(state) + int(value[:8])), "concurrency")
    return _whole(value, "concurrency")


def _whole(value: JSON, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 100_000:
        instead = ": to start nothing, pause the session or hold nodes" if value == 0 else ""
        raise Refused(f"{name} is a whole number from 1 to 100000{instead}", INVALID_PARAMS)
    return value


def _amount(value: JSON, name: str) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise Refused(f"{name} is a number from 0 on, or nothing for no limit", INVALID_PARAMS)
    return float(value)


def _count(value: JSON, name: str) -> int | None:
    amount = _amount(value, name)
    if amount is not None and (amount != int(amount) or amount > 10**15):
        raise Refused(f"{name} is a whole number from 0 on, or nothing for no limit", INVALID_PARAMS)
    return None if amount is None else int(amount)


def _share(value: JSON) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 1:
        raise Refused(
            "warn is the share of a budget at which you are warned, more than 0 and at most 1", INVALID_PARAMS
        )
    return float(value)
