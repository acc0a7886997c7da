"""A plan of which something failed is planned anew, as often as the user allows: asked of the planner once everything
has ended, and proposed as a change of what failed and of what comes after it.

A change is accepted, edited or rejected like that of a plan node; rejected with feedback it is asked for again. What a
change may be is told in :mod:`swarmtui.engine.new_plan`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from swarmtui.engine.new_plan import BAD, accepted, by_itself, replanned
from swarmtui.engine.paced import PacedCalls, PacedPools
from swarmtui.engine.planning import PLANNER, with_limits
from swarmtui.engine.ports import Draft, Planner, PlanningError, PlanRequest
from swarmtui.engine.streams import StreamBoard
from swarmtui.engine.subagents import NotAllowed
from swarmtui.engine.values import Values
from swarmtui.plan.problems import listed
from swarmtui.safety.redact import Redactor
from swarmtui.session.events import ChangeDecided, ChangeProposed, Event, Noted
from swarmtui.session.pools import team_of
from swarmtui.session.replans import may_have_changed
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import BY_PLANNER, Status

logger = logging.getLogger(__name__)

ERROR_CHARS = 300


class Replanning:
    """Asks the planner for changes of one session. `step` is called after what happened here was recorded."""

    def __init__(
        self,
        planner: Planner,
        state: SessionState,
        values: Values,
        record: Callable[..., Event],
        streams: StreamBoard,
        redactor: Redactor,
        paced: PacedPools,
        clock: Callable[[], float],
        step: Callable[[], None],
        *,
        approve: bool = False,
    ) -> None:
        self._planner = planner
        self._state = state
        self._values = values
        self._record = record
        self._streams = streams
        self._redact = redactor.redact
        self._paced = paced
        self._clock = clock
        self._step = step
        self._approve = approve

    async def propose(self) -> None:
        """Ask for a change, and record it or that none came of it."""
        state, rev = self._state, self._state.plan_rev
        try:
            draft = await self._asked(rev)
            made = replanned(state, draft)
            change: ChangeProposed | str = by_itself(state, made) if self._unasked else made
        except (PlanningError, NotAllowed) as error:
            change = str(error)
        except Exception as error:  # a planner that breaks fails no session that has ended otherwise
            logger.exception("the planner broke")
            change = f"the planner broke: {type(error).__name__}: {error}"
        overtaken = state.plan_rev != rev or not all(node.ended for node in state.nodes.values())
        if state.status is not Status.RUNNING or state.cancelling or overtaken:
            return  # somebody was faster: the scheduler asks again if there is need
        if isinstance(change, str):
            self._record(Noted("error", self._redact(f"the plan is not changed: {change}")))
            self._record(ChangeDecided(f"change-{state.changes + 1}", accepted=False))
        else:
            self._record(replace(change, note=self._redact(change.note)), durable=True)
            if self._unasked:
                why = "asked to approve" if self._approve else "the plan says so"
                for body in accepted(state, change):
                    self._record(body, why, durable=True)
        self._step()

    @property
    def _unasked(self) -> bool:
        """Whether changes are carried out with no person's yes to them."""
        return self._approve or self._state.limits.replan_approve == "auto"

    async def _asked(self, rev: int) -> Draft:
        state, ref = self._state, self._state.models.get("planner")
        if ref is None or state.plan is None:
            raise NotAllowed("no planner model: see `swarmtui doctor`")
        roots = tuple(node for node in state.plan.nodes if node.parent is None or node.parent == BY_PLANNER)
        known = {node.id for node in roots}
        seen = tuple(replace(node, needs=tuple(need for need in node.needs if need in known)) for node in roots)
        failed = [node.id for node in roots if state.nodes[node.id].state in BAD]
        self._record(Noted("info", f"{listed(failed)} failed: the planner is asked for a change of the plan"))
        calls = PacedCalls(self._paced, state.model_pools.get("planner", ref.name), PLANNER, self._clock)
        request = PlanRequest(
            state.goal,
            ref,
            state.inputs,
            replace(state.plan, nodes=seen),
            self._redact(self._feedback(failed)),
            team_of(state) or state.team,
            results=tuple(await self._values.told([node.id for node in roots])),
            calls=calls,
        )
        try:
            return await self._planner.propose(
                with_limits(request, state), lambda text: self._streams.add(PLANNER, None, rev + 1, "output", text)
            )
        finally:
            calls.over()
            self._streams.end(PLANNER, None, rev + 1)

    def _feedback(self, failed: list[str]) -> str:
        told = [f"The plan was carried out, and {listed(failed)} failed."]
        for name in failed:
            error = self._state.nodes[name].error
            told.append(f"- {name}: {error.message[:ERROR_CHARS] if error else 'it was stopped'}")
        told.append(
            "Write the plan as it should be now. Keep what succeeded under its id: it is not run again, and its output "
            "may be looked up. Put something else in the place of what failed, or leave it as it is to have it tried "
            "once more."
        )
        held = [name for name in failed if may_have_changed(self._state, name)]
        if held and self._unasked:
            told.append(
                f"Nobody is asked, so these are not run again, since they may have changed something: {listed(held)}. "
                "What is left to do of them has to be a step of another id, which does not do again what they did."
            )
        if self._state.replan_feedback:
            told.append(f"Of your last proposal the user says: {self._state.replan_feedback}")
        return "\n".join(told)
