"""The stage before anything runs: the planner is asked for a plan, what that comes to is foretold, and it is approved
unasked where the user has said so."""

from __future__ import annotations

from collections.abc import Callable

from swarmtui.engine.commands import Refused
from swarmtui.engine.foresight import Foresight
from swarmtui.engine.planning import Planning
from swarmtui.engine.tasks import Tasks
from swarmtui.plan.model import Author, plan_hash
from swarmtui.session.events import Event, PlanApproved
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import Status


class PlanStage:
    """Brings one session to a plan that may run. `step` is called after what happened here was recorded.

    `forget_plan` makes void what was worked out of the plan before; `fail` ends a session that comes to no plan.
    """

    def __init__(
        self,
        state: SessionState,
        planning: Planning,
        foresight: Foresight,
        tasks: Tasks,
        record: Callable[..., Event],
        forget_plan: Callable[[], None],
        fail: Callable[[str], None],
        step: Callable[[], None],
        *,
        approve: bool = False,
        review: bool = False,
    ) -> None:
        self._state = state
        self._planning = planning
        self._foresight = foresight
        self._tasks = tasks
        self._record = record
        self._forget_plan = forget_plan
        self._fail = fail
        self._step = step
        self._approve = approve
        self._review = review

    @property
    def busy(self) -> bool:
        """Whether the planner is at work."""
        return self._planning.busy

    def take_up(self) -> None:
        """Go on where the session stands as a host begins, if it is at this stage."""
        state = self._state
        if state.status is Status.AWAITING_APPROVAL:
            self.foretell()
            self._approve_unasked()
        elif state.status is Status.PLANNING:
            self.ask(state.planning.feedback if state.planning else None)

    def ask(self, feedback: str | None) -> None:
        """Have the planner write the next revision."""
        self._planning.start(self._tasks, feedback, self._answered)

    def stop_asking(self) -> None:
        """Nobody waits for the planner's answer any more."""
        self._planning.cancel()

    def replaced(self) -> None:
        """There is another plan now: what was worked out of the one before is void."""
        self._forget_plan()
        self.foretell()

    def foretell(self) -> None:
        """Have a forecast of the plan made, whose start it does not hold up."""
        asked = self._review or (self._state.plan is not None and self._state.plan.author is not Author.USER)
        self._tasks.spawn_passing(self._foresight.tell(whole=asked), "forecast")

    async def forecast(self) -> int:
        """Make a forecast of what remains anew; the seq of what was recorded. Raises commands.Refused."""
        seq = await self._foresight.forecast(whole=True)
        if seq is None:
            raise Refused("there is nothing to forecast: the session has no plan, or has ended")
        return seq

    def _answered(self) -> None:
        """The planner has answered, well or badly."""
        error = self._state.planning_error
        if error is not None and self._state.plan is None:
            self._fail(f"no plan: {error.message}")
        elif error is None:
            self.replaced()
            self._approve_unasked()
        self._step()

    def _approve_unasked(self) -> None:
        plan = self._state.plan
        if plan is None:
            return
        own = plan.author is Author.USER and not self._review
        if own or self._approve:
            why = "the user's own plan" if own else "asked to approve"
            self._record(PlanApproved(self._state.plan_rev, plan_hash(plan)), why, durable=True)
