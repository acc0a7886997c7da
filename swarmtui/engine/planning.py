"""Asking the planner: one call at a time, its text on the stream board, its answer as an event."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace

from swarmtui.engine.paced import PacedCalls, PacedPools
from swarmtui.engine.ports import Planner, PlanningError, PlanRequest
from swarmtui.engine.streams import StreamBoard
from swarmtui.engine.tasks import Tasks
from swarmtui.safety.redact import Redactor
from swarmtui.session.events import Body, Event, PlanningFailed, PlanningStarted, PlanProposed
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind

logger = logging.getLogger(__name__)

PLANNER = "(planner)"
"""The name under which the planner's text is on the stream board; no node can have it."""


class Planning:
    """Runs the planner for one session. States: idle <-> busy."""

    def __init__(
        self,
        planner: Planner,
        state: SessionState,
        record: Callable[[Body], Event],
        streams: StreamBoard,
        redactor: Redactor,
        paced: PacedPools,
        clock: Callable[[], float],
    ) -> None:
        self._planner = planner
        self._state = state
        self._record = record
        self._streams = streams
        self._redactor = redactor
        self._paced = paced
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether the planner is at work."""
        return self._task is not None and not self._task.done()

    def start(self, tasks: Tasks, feedback: str | None, then: Callable[[], None]) -> None:
        """Ask for the next revision; `then` is called when the answer, or the failure, is recorded."""
        self.cancel()
        self._task = tasks.spawn(self._propose(feedback, then), "planner")

    def cancel(self) -> None:
        """Stop asking, if that goes on."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _propose(self, feedback: str | None, then: Callable[[], None]) -> None:
        state = self._state
        rev = state.plan_rev + 1
        ref = state.models.get("planner")
        if ref is None:
            missing = ErrorInfo(ErrorKind.INPUT, "no planner model: see `swarmtui doctor`")
            self._record(PlanningFailed(rev, missing))
            then()
            return
        self._record(PlanningStarted(rev, ref.name, feedback, ref.simulated))
        pool = state.model_pools.get("planner", ref.name)
        calls = PacedCalls(self._paced, pool, PLANNER, self._clock)
        request = PlanRequest(state.goal, ref, state.inputs, state.plan, feedback, state.team, calls=calls)
        request = with_limits(request, state)
        redact = self._redactor.redact
        try:
            draft = await self._planner.propose(
                request, lambda text: self._streams.add(PLANNER, None, rev, "output", text)
            )
            self._record(PlanProposed(rev, draft.plan, draft.note, draft.usage, why=draft.why))
        except PlanningError as error:
            told = replace(error.error, message=redact(error.error.message))
            self._record(PlanningFailed(rev, told, error.usage))
        except Exception as error:
            logger.exception("the planner broke")
            broke = ErrorInfo(ErrorKind.INTERNAL, redact(f"the planner broke: {type(error).__name__}: {error}"))
            self._record(PlanningFailed(rev, broke))
        finally:
            calls.over()
            self._streams.end(PLANNER, None, rev)
            for news in self._paced.news(self._clock()):
                self._record(news)
        then()


def with_limits(request: PlanRequest, state: SessionState) -> PlanRequest:
    """`request` with what the session's limits leave for a plan: how wide it can be, and what it may cost."""
    limits, spent = state.limits, state.spent
    return replace(
        request,
        at_once=limits.concurrency,
        usd_left=None if limits.usd is None else max(0.0, limits.usd - spent.cost_usd),
        tokens_left=None if limits.tokens is None else max(0, limits.tokens - spent.tokens),
    )
