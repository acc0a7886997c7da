"""The conductor: the thin shell that carries the scheduler's decisions out.

Data flows in a circle. Something happens (a worker reports, a command comes, time passes); the conductor records it;
the fold applies it, the scheduler takes note and decides; each decision is recorded in turn. All of that is one
synchronous step. Only then come effects, and each waits until the events it rests on are committed: an attempt is
handed to the executor after its AttemptStarted is in the file, a command is answered after its effect is, viewers are
fed from the file. So whatever the process had in its head and not in the file when it died has had no effect.

States: made -> running -> stopping (no starts; what runs may end, then is stopped and held) -> stopped.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

from swarmtui.engine.artefacts import Artefacts
from swarmtui.engine.attempts import Attempts
from swarmtui.engine.commands import Refused, plan_events
from swarmtui.engine.commands.recorded import applied, without_secrets
from swarmtui.engine.conditions import Conditions
from swarmtui.engine.decisions import (
    Decision,
    Expand,
    Finish,
    FinishMap,
    Judge,
    Replan,
    Skip,
    Start,
    StopForBudget,
    Stuck,
    WarnOfBudget,
)
from swarmtui.engine.dispatch import Dispatcher
from swarmtui.engine.durations import Earlier
from swarmtui.engine.follow import (
    Answer,
    AskPlanner,
    Follow,
    ForgetPlan,
    StopAttempts,
    StopPlanner,
    StopQuestions,
    TellAnswer,
    follows,
)
from swarmtui.engine.foresight import Foresight
from swarmtui.engine.map_work import MapWork
from swarmtui.engine.narrowing import Narrowing
from swarmtui.engine.own_load import OwnLoad
from swarmtui.engine.paced import PacedPools
from swarmtui.engine.plan_stage import PlanStage
from swarmtui.engine.planning import Planning
from swarmtui.engine.ports import Executor, Planner
from swarmtui.engine.replanning import Replanning
from swarmtui.engine.results import Results
from swarmtui.engine.reuse import Reuse
from swarmtui.engine.scheduler import Scheduler
from swarmtui.engine.setup import Setup
from swarmtui.engine.streams import StreamBoard
from swarmtui.engine.subagents import orphans
from swarmtui.engine.takeover import take_up
from swarmtui.engine.tasks import Tasks
from swarmtui.session import fold
from swarmtui.session.errors import LogError
from swarmtui.session.events import (
    Body,
    BudgetReached,
    BudgetWarned,
    Event,
    HostStarted,
    HostStopped,
    NodeCancelled,
    NodeSkipped,
    Noted,
    SessionFinished,
    SessionPaused,
    SessionResumed,
)
from swarmtui.session.log import Log
from swarmtui.session.snapshots import Snapshots
from swarmtui.session.state import SessionState
from swarmtui.session.summary import summary
from swarmtui.session.trouble import Trouble
from swarmtui.session.vocabulary import FINAL, STOPPING, STUCK, Status

logger = logging.getLogger(__name__)

FORECAST = "forecast"
"""The command that has a forecast made anew; unlike the others it changes nothing, and takes a while."""
DRAIN_S = 10.0
UNRECORDED_S = 1.0
"""How long who sent a command waits for a disk that takes nothing before it is told so."""
DISK = "disk"
"""Reason of a pause that ends by itself once the session file can be written again."""


class Conductor:
    """Runs one session over one log. `state` must be the fold of everything in `log`."""

    def __init__(self, log: Log, state: SessionState, executor: Executor, planner: Planner, setup: Setup) -> None:
        self.log = log
        self.state = state
        self.streams = StreamBoard(setup.redactor)
        self._executor = executor
        self._setup = setup
        self._artefacts = Artefacts(setup.session_folder, setup.artefacts)
        self._dispatcher = Dispatcher(state, log, self._artefacts, setup.task_folder)
        self._tasks = Tasks()
        random = Random(setup.seed)  # noqa: S311 - jitter, not secrets
        results = Results(state, self._artefacts, log.put_blob, setup.redactor, random, setup.out)
        self._paced = PacedPools(state, setup.wall, setup.accounts, setup.seed, OwnLoad(log.clock.now()))
        self._scheduler = Scheduler(state, setup.durations, self._paced)
        self._attempts = self._new_attempts(results)
        self._maps = MapWork(state, log, self._dispatcher, results, self.record, self._step)
        self._conditions = Conditions(state, self._dispatcher.values, self.record, self._scheduler.judged, self._step)
        self._replanning = self._new_replanning(planner)
        self._plan_stage = self._new_plan_stage(planner)
        self._poke = asyncio.Event()
        self._begun = asyncio.Event()
        self._stopping = asyncio.Event()
        self._stop_reason = ""
        self._drain_s = DRAIN_S
        self._snapshots = Snapshots(state.seq)
        log.set_summary(lambda: summary(self.state))
        log.watch_trouble(self._on_trouble)

    def _new_attempts(self, results: Results) -> Attempts:
        setup = self._setup
        return Attempts(
            self.state,
            self.log,
            self._executor,
            self._dispatcher,
            results,
            Reuse(self.state, self.log, setup.reuse, setup.reuse_store),
            self._paced,
            self.streams,
            setup.redactor,
            self.record,
            self._tasks.spawn,
            self._step,
            Narrowing(self.state, self.record, self.log.clock.now).narrow,
            unattended=setup.unattended,
            approve=setup.approve,
        )

    def _new_replanning(self, planner: Planner) -> Replanning:
        return Replanning(
            planner,
            self.state,
            self._dispatcher.values,
            self.record,
            self.streams,
            self._setup.redactor,
            self._paced,
            self.log.clock.now,
            self._step,
            approve=self._setup.approve,
        )

    def _new_plan_stage(self, planner: Planner) -> PlanStage:
        state, setup, now = self.state, self._setup, self.log.clock.now
        return PlanStage(
            state,
            Planning(planner, state, self.record, self.streams, setup.redactor, self._paced, now),
            Foresight(state, setup.task_folder, Earlier(setup.durations), self.record, setup.accounts),
            self._tasks,
            self.record,
            self._dispatcher.forget_plan,
            partial(self._finish, Status.FAILED),
            self._step,
            approve=setup.approve,
            review=setup.review,
        )

    # -- the outside --------------------------------------------------------------------------------------

    @property
    def at_rest(self) -> bool:
        """Whether nothing goes on and nothing will unless somebody acts."""
        return not self._attempts and not self._plan_stage.busy and self.state.status is not Status.RUNNING

    async def run(self, host: HostStarted) -> None:
        """Drive the session until :meth:`stop`; then record that the host let go and close the log."""
        try:
            async with asyncio.TaskGroup() as group:
                self._tasks.open(group)
                await self._executor.start()
                receiver = group.create_task(self._attempts.receive_forever(), name="receiver")
                launcher = group.create_task(self._attempts.launch_forever(), name="launcher")
                timekeeper = group.create_task(self._watch_time(), name="timekeeper")
                take_up(self.state, host, self._setup, self._attempts.questions, self.record, self.log.faults)
                self._plan_stage.take_up()
                self._step()
                self._begun.set()
                await self._stopping.wait()
                self._plan_stage.stop_asking()
                self._tasks.give_up()
                if self.state.status not in FINAL:
                    await self._attempts.drain(self._drain_s)
                launcher.cancel()
                timekeeper.cancel()
                self._attempts.take_back()
                await self._executor.close()
                await receiver
        finally:
            self._stopping.set()
            self._begun.set()
            self._tasks.close()
            self._paced.close()
            await self._let_go()

    async def _let_go(self) -> None:
        """Record that the host left and close the log. Raises LogError with what could not be written."""
        try:
            if self._stop_reason:  # else it broke: what ran may be why, and the next host counts it as caught
                self._attempts.abandon()
            self.record(HostStopped(self._stop_reason or "defect"), durable=True)
            self._write_status()
        finally:
            await self.log.close()

    @property
    def stopping(self) -> bool:
        """Whether it lets go of the session, or has: it was told to, or broke."""
        return self._stopping.is_set()

    @property
    def _gone(self) -> bool:
        """Whether somebody removed the session's files."""
        return self.log.trouble is not None and self.log.trouble.gone

    async def begun(self) -> None:
        """Until what the host before left open is settled, or the conductor has ended."""
        await self._begun.wait()

    def stop(self, reason: str, drain_s: float = DRAIN_S) -> None:
        """Let go: start nothing more, give what runs `drain_s` seconds, then stop and hold it.

        Called again with nothing left to give, it cuts a wait short that goes on.
        """
        self._stop_reason = self._stop_reason or reason
        self._drain_s = drain_s
        if drain_s <= 0:
            self._attempts.hurry()
        if self.state.status is Status.RUNNING and not self._stopping.is_set():
            self.record(SessionPaused("signal"), durable=True)
        self._stopping.set()

    async def command(
        self, method: str, params: dict[str, Any], *, actor: str | None = None, command_id: str | None = None
    ) -> int:
        """Carry a viewer's command out; the seq of its effect, once committed. Raises commands.Refused.

        Raises LogError where the disk takes nothing: the text says that it was carried out and what it waits for.
        A command whose id was seen before is not carried out again: the seq it had then is returned.
        """
        await self.begun()  # what the host before left open comes first
        seq = self.state.commands.get(command_id) if command_id is not None else None
        if seq is None:
            if self._stopping.is_set():
                raise Refused(f"the host is leaving: `swarmtui resume {self.state.id}` goes on with the session")
            trouble = self.log.trouble
            if trouble is not None and trouble.gone and method not in STOPPING:
                raise Refused(trouble.message)
            if method == "session.resume" and trouble is not None:
                raise Refused(f"{trouble.message}; the session goes on by itself once that works")
            if method == FORECAST:
                seq = await self._plan_stage.forecast()
                return await self._recorded(seq)
            bodies = plan_events(self.state, method, params, self._setup.parse_plan, self._setup.resolve_model)
            for body in (without_secrets(planned, self._setup.redactor) for planned in bodies):
                seq = self.record(body, actor, durable=True).seq
                for asked in follows(body):
                    self._follow(asked)
            if command_id is not None:  # with its effect in one commit, since nothing waits in between
                seq = self.record(applied(command_id, method, params, self._setup.redactor), actor).seq
            self._step()
        return await self._recorded(seq or 0)

    async def _recorded(self, seq: int) -> int:
        """`seq` once it is in the file. Raises LogError where the disk takes nothing: whoever asked is to know that."""
        while self.log.committed_seq < seq:
            try:
                async with asyncio.timeout(UNRECORDED_S):
                    await self.log.committed(seq)
            except TimeoutError:
                if (trouble := self.log.trouble) is not None:
                    told = f"it was done, but cannot be recorded for now: {trouble.message}"
                    raise LogError(told) from None
        return seq

    def record(self, body: Body, actor: str | None = None, *, durable: bool = False) -> Event:
        """Append an event, fold it in, let the scheduler take note."""
        event = self.log.append(body, actor, durable=durable)
        fold.apply(self.state, event)
        self._scheduler.handle(event)
        return event

    # -- one step -----------------------------------------------------------------------------------------

    def _step(self) -> None:
        """Carry out every decision there is now."""
        if not self._stopping.is_set() and self.log.trouble is None:
            while decisions := self._scheduler.decide(self.log.clock.now()):
                for decision in decisions:
                    self._carry_out(decision)
        if self.state.children and not self._stopping.is_set():
            self._stop_orphans()
        if self.state.cancelling and not self._attempts:
            self._finish(Status.CANCELLED)
        for told in self._paced.news(self.log.clock.now()):
            self.record(told)
        self._snapshot()
        self._poke.set()

    def _stop_orphans(self) -> None:
        """Subagents whose maker is over without them, or has begun anew, are stopped."""
        for name in orphans(self.state):
            body = NodeCancelled(name)
            self.record(body, "host")
            for asked in follows(body):
                self._follow(asked)

    def _carry_out(self, decision: Decision) -> None:
        match decision:
            case Start():
                self._attempts.start(decision)
            case Skip(node, cause):
                self.record(NodeSkipped(node, cause))
            case Replan():
                self._tasks.spawn_passing(self._replanning.propose(), "replan")
            case Judge(node):
                self._tasks.spawn_passing(self._conditions.judge(node), f"judge {node}")
            case Expand(node):
                self._tasks.spawn_passing(self._maps.expand(node), f"expand {node}")
            case FinishMap(node):
                self._tasks.spawn_passing(self._maps.finish(node), f"finish {node}")
            case StopForBudget(kind, spent, limit, held, flying, expected):
                self.record(BudgetReached(kind, spent, limit, held, flying, expected), durable=True)
            case WarnOfBudget(kind, spent, limit, of):
                self.record(BudgetWarned(kind, spent, limit, of))
            case Stuck(cause):
                self.record(Noted("warning", cause))
                self.record(SessionPaused(STUCK), durable=True)
            case Finish(status, reason):
                self._finish(status, reason)

    def _finish(self, status: Status, reason: str = "") -> None:
        """The session ends: what it leaves outside its file is written, then its end is recorded."""
        for told in self._paced.news(self.log.clock.now(), last=True):
            self.record(told)
        if self._setup.mirror is not None:
            self._setup.mirror(replace(self.state, status=status, reason=reason))
        self.record(SessionFinished(status.value, reason), durable=True)
        self._write_status()

    def _snapshot(self) -> None:
        """Snapshot the state once the events since the last one weigh as much as it does."""
        if self._snapshots.due(self.state, self.log.data_weight):
            self.log.put_snapshot(self.state.seq, self._snapshots.take(self.state))

    def _write_status(self) -> None:
        if self._gone:
            return  # else there would be a folder again
        try:
            self._artefacts.write_status(self.state)
        except OSError as error:  # a convenience for readers, which the session does not depend on
            logger.warning("status.md could not be written: %s", error)

    # -- a disk that takes nothing --------------------------------------------------------------------------

    def _on_trouble(self, trouble: Trouble | None) -> None:
        """Start nothing while nothing can be written; what runs may end, its results wait in the log's memory."""
        if self._stopping.is_set():
            return
        if trouble is not None:
            self._attempts.take_back()
            if self.state.status is Status.RUNNING:
                self.record(SessionPaused(DISK), durable=True)
        elif self.state.status is Status.PAUSED and self.state.reason == DISK:
            self.record(SessionResumed())
        self._step()

    # -- what commands bring with them ----------------------------------------------------------------------

    def _follow(self, asked: Follow) -> None:
        """Do what an event that a command recorded asks for besides."""
        match asked:
            case ForgetPlan():
                self._plan_stage.replaced()
            case AskPlanner(feedback):
                self._plan_stage.ask(feedback)
            case StopPlanner():
                self._plan_stage.stop_asking()
            case StopQuestions(node, hold, item):
                self._attempts.questions.stop(node, item, hold=hold)
            case StopAttempts(node, hold, item):
                self._attempts.stop(node, item, hold=hold)
            case Answer(node, item, text):
                self._attempts.questions.answer(node, item, text)
            case TellAnswer(node, call, text):
                self._attempts.tell(node, call, text)

    # -- time ----------------------------------------------------------------------------------------------

    async def _watch_time(self) -> None:
        while True:
            self._poke.clear()
            now = self.log.clock.now()
            wake = None if self._stopping.is_set() else self._scheduler.wake_at(now)
            try:
                async with asyncio.timeout(None if wake is None else max(0.0, wake - now)):
                    await self._poke.wait()
            except TimeoutError:
                self._step()
