"""What a session or a node has used of its budgets, and which line that passed.

Every budget has a soft line, a share of it, at which the user is warned once, and a hard line: from there on nothing
new starts, in the session or of the node. What is in flight then runs to its end and is paid for; how little beyond the
line that shall be is told in :mod:`swarmtui.engine.reserves`. Attempts are counted as they start and never exceed
theirs.

Minutes are time of work. A session's go by while it runs and something is under way that is not a question to the
user; a node's go by while an attempt of it is in flight.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from swarmtui.frozen import frozen
from swarmtui.plan.model import AgentSpec, Budget, ModelRef, Node
from swarmtui.session.paths import at_work_s
from swarmtui.session.pools import model_name, team_of

if TYPE_CHECKING:
    from swarmtui.session.state import NodeState, SessionState

KINDS = ("usd", "tokens", "minutes", "attempts")
"""What a budget can limit, in the order in which it is looked at."""


class Used(NamedTuple):
    """What was used, in the units of :class:`Budget`."""

    usd: float
    tokens: float
    minutes: float
    attempts: float


@frozen
class Line:
    """A line of a budget that was passed."""

    kind: str
    """``usd``, ``tokens``, ``minutes`` or ``attempts``; the figures are in that unit."""
    spent: float
    limit: float


def used_by_session(state: SessionState, now: float | None = None) -> Used:
    """What the session has used by session second `now` (by its last event, if that is not told)."""
    active_s = state.active_s
    if now is not None and state.working:
        active_s += max(0.0, now - state.mono)
    return Used(state.spent.cost_usd, state.spent.tokens, active_s / 60, state.starts)


def used_by_node(node: NodeState, now: float) -> Used:
    """What a node, or its map as a whole, has used by session second `now`, money and tokens with all that it made."""
    usd, tokens = node.spent.cost_usd + node.below_usd, node.spent.tokens + node.below_tokens
    return Used(usd, tokens, at_work_s(node, now) / 60, node.starts)


def is_share(state: SessionState, node_id: str) -> bool:
    """Whether a node's budget is its share of that of the agent that made it: used up, it fails, and its maker goes on;
    any other node is held for the user."""
    maker = state.plan_nodes.get(state.plan_nodes[node_id].parent or "")
    return maker is not None and isinstance(maker.spec, AgentSpec)


def used_share(state: SessionState, node_id: str, now: float) -> Line | None:
    """The line of a node's share that is passed, if its budget is one."""
    budget = state.plan_nodes[node_id].budget
    if budget is None or not is_share(state, node_id):
        return None
    node = state.nodes[node_id]
    return reached(budget, used_by_node(node, now), node.waived)


def limit_of(budget: Budget, kind: str) -> float | None:
    """The hard line of one kind; None for none, or for a kind that there is not."""
    limit = getattr(budget, kind) if kind in KINDS else None
    return None if limit is None else float(limit)


def reached(budget: Budget, used: Used, waived: tuple[str, ...] = ()) -> Line | None:
    """The first hard line that is passed, those left out that the user has waived."""
    for kind, spent in zip(KINDS, used, strict=True):
        limit = limit_of(budget, kind)
        if limit is not None and spent >= limit and kind not in waived:
            return Line(kind, spent, limit)
    return None


def spent(state: SessionState) -> Line | None:
    """The line of its budget for which a session stands still; None where it is for nothing, or something else."""
    return None if state.budget is None else reached(state.limits.budget, used_by_session(state))


def to_warn_of(budget: Budget, used: Used, warned: Mapping[str, float], node: str | None = None) -> Line | None:
    """The first soft line that is passed and was not told of: `warned` has the limit of which it was, by
    :func:`warning_key`. A limit that was changed since is warned of anew."""
    for kind, spent in zip(KINDS, used, strict=True):
        limit = limit_of(budget, kind)
        if limit and spent >= limit * budget.warn and warned.get(warning_key(kind, node)) != limit:
            return Line(kind, spent, limit)
    return None


def uncounted_models(state: SessionState) -> list[str]:
    """Models of unknown price that may be called under a budget of money, ascending: what they cost is not counted,
    and nothing stops at the line for it."""
    if state.limits.usd is not None:
        return unpriced_models(state)
    nodes = [node for node in state.plan_nodes.values() if node.budget is not None and node.budget.usd is not None]
    return sorted(_unpriced_of(state, nodes))


def unpriced_models(state: SessionState) -> list[str]:
    """Models of unknown price that the plan may call, or without a plan any that the session knows; ascending."""
    if state.plan is None:
        return sorted({ref.name for ref in state.models.values() if _unpriced(ref)})
    return sorted(_unpriced_of(state, state.plan_nodes.values()))


def _unpriced_of(state: SessionState, nodes: Iterable[Node]) -> set[str]:
    team = team_of(state)
    asked = {model_name(node, tries, team) or "" for node in nodes for tries in range(len(node.retry.models) + 1)}
    refs = map(state.models.get, asked)
    return {ref.name for ref in refs if ref is not None and _unpriced(ref)}


def _unpriced(ref: ModelRef) -> bool:
    return not ref.simulated and (ref.price_in is None or ref.price_out is None)


def warning_key(kind: str, node: str | None) -> str:
    """By what :attr:`SessionState.warned` knows a line: ``kind``, or ``kind of node``."""
    return kind if node is None else f"{kind} of {node}"
