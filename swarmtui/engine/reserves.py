"""What is in flight will presumably use up of a budget, so that little is spent beyond its hard line: pure.

Before an attempt at a model starts, what it and everything in flight will consume is reckoned by what such calls took
on average in this session, and before any has ended by the length of the prompt. If that passes the line it waits for
something in flight to end. With nothing in flight it starts as long as the line itself is not reached: so a budget is
used up, and passed by what one call is dearer than expected, not by all that run at once.
"""

from __future__ import annotations

from typing import NamedTuple

from swarmtui.engine.outlook import guessed_tokens
from swarmtui.plan.model import Budget, ModelRef, Node
from swarmtui.session import budgets
from swarmtui.session.measures import Tally
from swarmtui.session.pools import model_of, pool_of
from swarmtui.session.state import NodeState, SessionState

GUESS_MARGIN = 2.8
"""Times its guess a call may well take of which only the prompt is known: nine in ten take less, if guesses are off by
as much as forecasts assume."""


class Expected(NamedTuple):
    """What calls will presumably consume. Dollars of unknown price are none: no line can be drawn for them."""

    calls: int = 0
    usd: float = 0.0
    tokens: float = 0.0

    def plus(self, other: Expected) -> Expected:
        """Both together."""
        return Expected(self.calls + other.calls, self.usd + other.usd, self.tokens + other.tokens)

    def of(self, kind: str) -> float:
        """What is expected of one kind of budget; 0 where nothing can be."""
        return self.usd if kind == "usd" else self.tokens if kind == "tokens" else 0.0


def reserves(budget: Budget) -> bool:
    """Whether a budget is one of those that what is in flight counts against before it has ended."""
    return budget.usd is not None or budget.tokens is not None


def session_passes(state: SessionState, plan_node: Node) -> bool:
    """Whether one more attempt at `plan_node` beside what is in flight would presumably pass the session's line."""
    budget = state.limits.budget
    if not reserves(budget) or model_of(state, plan_node) is None:
        return False
    return _passes(budget, budgets.used_by_session(state), in_flight(state), _next(state, plan_node))


def node_passes(state: SessionState, node: NodeState, plan_node: Node) -> bool:
    """The same of the node's own line, and what is in flight of that node."""
    budget = plan_node.budget
    if budget is None or not node.running or not reserves(budget) or model_of(state, plan_node) is None:
        return False
    one = _next(state, plan_node)
    flying = Expected(node.running, node.running * one.usd, node.running * one.tokens)
    open_kinds = Budget(
        usd=None if "usd" in node.waived else budget.usd, tokens=None if "tokens" in node.waived else budget.tokens
    )
    return _passes(open_kinds, budgets.used_by_node(node, state.mono), flying, one)


def in_flight(state: SessionState, node: str | None = None) -> Expected:
    """Model calls in flight, of the session or of the map `node`, and what they will presumably consume."""
    found = Expected()
    for tally in state.measures.tallies.values():
        if tally.open > 0 and tally.model is not None and node in (None, tally.node):
            plan_node = None if tally.node is None else state.plan_nodes.get(tally.node)
            each = _each(_ref_of(state, tally.model), tally, plan_node)
            found = found.plus(Expected(tally.open, tally.open * each.usd, tally.open * each.tokens))
    return found


def _passes(budget: Budget, used: budgets.Used, flying: Expected, one: Expected) -> bool:
    if not flying.calls:
        return False
    usd = budget.usd is not None and one.usd > 0 and used.usd + flying.usd + one.usd > budget.usd
    return usd or (budget.tokens is not None and used.tokens + flying.tokens + one.tokens > budget.tokens)


def _next(state: SessionState, plan_node: Node) -> Expected:
    ref, pool = model_of(state, plan_node), pool_of(state, plan_node)
    name = None if ref is None else ref.name
    tally = state.measures.tallies.get((pool, name, plan_node.id if plan_node.map is not None else None))
    return _each(ref, tally, plan_node)


def _each(ref: ModelRef | None, tally: Tally | None, plan_node: Node | None) -> Expected:
    """What one call will consume: by those before it, else by its prompt."""
    if tally is not None and tally.metered:
        tokens_in, tokens_out = tally.tokens_in / tally.metered, tally.tokens_out / tally.metered
        if tally.priced:
            return Expected(1, tally.cost_usd / tally.priced, tokens_in + tokens_out)
    else:
        tokens_in, tokens_out = (GUESS_MARGIN * guess for guess in guessed_tokens(plan_node))
    if ref is None or ref.simulated or ref.price_in is None or ref.price_out is None:
        return Expected(1, 0.0, tokens_in + tokens_out)
    return Expected(1, (tokens_in * ref.price_in + tokens_out * ref.price_out) / 1e6, tokens_in + tokens_out)


def _ref_of(state: SessionState, model: str) -> ModelRef | None:
    return next((ref for ref in state.models.values() if ref.name == model), None)
