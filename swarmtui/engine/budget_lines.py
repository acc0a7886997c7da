"""Which line of a budget is to be told of before anything more starts: of the session's, or of a node's own. Pure."""

from __future__ import annotations

from swarmtui.engine import reserves
from swarmtui.engine.decisions import Decision, StopForBudget, WarnOfBudget
from swarmtui.session import budgets
from swarmtui.session.state import NodeState, SessionState


class BudgetLines:
    """The lines of one session's budgets. Asked at every start, it costs nothing where there is no budget."""

    def __init__(self, state: SessionState) -> None:
        self._state = state
        self._drawn = False

    @property
    def drawn(self) -> bool:
        """Whether there is a budget at all, as of the last :meth:`set_limits`."""
        return self._drawn

    def set_limits(self) -> None:
        """The limits, or the plan, are others now."""
        state, budget = self._state, self._state.limits.budget
        self._drawn = any(budgets.limit_of(budget, kind) is not None for kind in budgets.KINDS) or any(
            node.budget is not None for node in state.plan_nodes.values()
        )

    def before(self, node: NodeState, now: float) -> Decision | None:
        """What is to be told before an attempt at `node` starts, of the session's budget first."""
        return (self.of_session(now) or self._of_node(node, now)) if self._drawn else None

    def of_session(self, now: float) -> Decision | None:
        """The line of the session's budget that is to be told of before anything starts."""
        if not self._drawn:
            return None
        budget, used = self._state.limits.budget, budgets.used_by_session(self._state, now)
        line = budgets.reached(budget, used)
        if line is not None:
            flying = reserves.in_flight(self._state)
            return StopForBudget(line.kind, line.spent, line.limit, None, flying.calls, flying.of(line.kind))
        line = budgets.to_warn_of(budget, used, self._state.warned)
        return None if line is None else WarnOfBudget(line.kind, line.spent, line.limit)

    def _of_node(self, node: NodeState, now: float) -> Decision | None:
        budget = self._state.plan_nodes[node.id].budget
        if budget is None:
            return None
        used = budgets.used_by_node(node, now)
        line = budgets.reached(budget, used, node.waived)
        if line is not None and budgets.is_share(self._state, node.id):
            return None  # it fails as it starts, with what it has said, so that its maker is told
        if line is not None:
            flying = reserves.in_flight(self._state, node.id)
            return StopForBudget(line.kind, line.spent, line.limit, node.id, flying.calls, flying.of(line.kind))
        line = budgets.to_warn_of(budget, used, self._state.warned, node.id)
        return None if line is None else WarnOfBudget(line.kind, line.spent, line.limit, node.id)
