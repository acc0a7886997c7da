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
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from swarmtui.engine import recovery
from swarmtui.engine.artefacts import Artefacts
from swarmtui.engine.attempts import Attempts
from swarmtui.engine.commands import ParsePlan, Refused, ResolveModel, known_models_only, plan_events
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
from swarmtui.engine.own_load import OwnLoad
from swarmtui.engine.paced import AccountStore, NoStore, PacedPools
from swarmtui.engine.planning import Planning
from swarmtui.engine.ports import Executor, Planner
from swarmtui.engine.ranks import Known
from swarmtui.engine.ready import NOTHING_KNOWN
from swarmtui.engine.replanning import Replanning
from swarmtui.engine.results import Results
from swarmtui.engine.reuse import Reach, Reuse
from swarmtui.engine.reuse_store import ReuseStore
from swarmtui.engine.scheduler import Scheduler
from swarmtui.engine.streams import StreamBoard
from swarmtui.engine.subagents import orphans
from swarmtui.plan.model import Author, plan_hash
from swarmtui.safety.redact import Redactor
from swarmtui.session import fold
from swarmtui.session.events import (
    AttemptSucceeded,
    Body,
    BudgetReached,
    BudgetWarned,
    ChangeDecided,
    CommandApplied,
    Event,
    HostStarted,
    HostStopped,
    LimitsSet,
    NodeCancelled,
    NodeSkipped,
    Noted,
    PlanApproved,
    PlanRejected,
    QuestionAnswered,
    SessionFinished,
    SessionPaused,
    SessionResumed,
)
from swarmtui.session.log import Log
from swarmtui.session.snapshots import Snapshots
from swarmtui.session.state import SessionState
from swarmtui.session.summary import summary
from swarmtui.session.trouble import Trouble
from swarmtui.session.vocabulary import FINAL, STUCK, Status

logger = logging.getLogger(__name__)

FORECAST = "forecast"
"""The command that has a forecast made anew; unlike the others it changes nothing, and takes a while."""
DRAIN_S = 10.0
NARROW_EVERY_S = 2.0
DISK = "disk"
"""Reason of a pause that ends by itself once the session file can be written again."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What the conductor needs to know of the world around the session."""

    session_folder: Path
    artefacts: Path
    task_folder: Path
    parse_plan: ParsePlan
    """Reads an edited plan; raises commands.Refused."""
    resolve_model: ResolveModel = known_models_only
    """Finds a model that a patch names and the session does not know yet; raises commands.Refused."""
    reuse: Reach = "session"
    """Where results may be taken over from when something is run again."""
    reuse_store: ReuseStore | None = None
    """Results of other sessions, for a reach of ``any``."""
    out: Path | None = None
    """Folder that gets a copy of the report."""
    approve: bool = False
    """Approve any plan without asking."""
    review: bool = False
    """Ask even for a plan that is the user's own."""
    unattended: bool = False
    """Nobody is there who could be asked: an agent that asks for permission is refused it."""
    mirror: Callable[[SessionState], None] | None = None
    """Shows the session somewhere else; called before its end is recorded, so that whoever hears of that finds it."""
    wait_if_interrupted: bool = False
    """Stay paused after a crash that caught what may have changed something, until the user has decided."""
    leftovers: int = 0
    """Processes of the host before that were still at work, and were ended."""
    warnings: tuple[str, ...] = ()
    """What is likely to go wrong, found out before anything runs."""
    durations: Known = field(default_factory=lambda: NOTHING_KNOWN)
    """What earlier sessions took, for the order of starts and for forecasts."""
    accounts: AccountStore = field(default_factory=NoStore)
    """What is known of providers' accounts from other sessions."""
    wall: Callable[[], float] = time.time
    """Seconds since the epoch, for how old what is known is."""
    seed: int = 0
    redactor: Redactor = field(default_factory=Redactor)


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
        random = Random(setup.seed)  # noqa: S311 - jitter, not secrets
        results = Results(state, self._artefacts, log.put_blob, setup.redactor, random, setup.out)
        self._paced = PacedPools(state, setup.wall, setup.accounts, setup.seed, OwnLoad(log.clock.now()))
        self._planning = Planning(planner, state, self.record, self.streams, setup.redactor, self._paced, log.clock.now)
        self._scheduler = Scheduler(state, setup.durations, self._paced)
        self._attempts = Attempts(
            state,
            log,
            executor,
            self._dispatcher,
            results,
            Reuse(state, log, setup.reuse, setup.reuse_store),
            self._paced,
            self.streams,
            setup.redactor,
            self.record,
            self._spawn,
            self._step,
            self._narrow,
            unattended=setup.unattended,
            approve=setup.approve,
        )
        self._maps = MapWork(state, log, self._dispatcher, results, self.record, self._step)
        self._conditions = Conditions(state, self._dispatcher.values, self.record, self._scheduler.judged, self._step)
        self._replanning = Replanning(
            planner,
            state,
            self._dispatcher.values,
            self.record,
            self.streams,
            setup.redactor,
            self._paced,
            log.clock.now,
            self._step,
            approve=setup.approve,
        )
        self._foresight = Foresight(state, setup.task_folder, Earlier(setup.durations), self.record, setup.accounts)
        self._map_work: set[asyncio.Task[None]] = set()
        self._poke = asyncio.Event()
        self._begun = asyncio.Event()
        self._stopping = asyncio.Event()
        self._stop_reason = ""
        self._narrow_from = 0.0
        self._drain_s = DRAIN_S
        self._tasks: asyncio.TaskGroup | None = None
        self._snapshots = Snapshots(state.seq)
        log.set_summary(lambda: summary(self.state))
        log.watch_trouble(self._on_trouble)

    # -- the outside --------------------------------------------------------------------------------------

    @property
    def at_rest(self) -> bool:
        """Whether nothing goes on and nothing will unless somebody acts."""
        return not self._attempts and not self._planning.busy and self.state.status is not Status.RUNNING

    async def run(self, host: HostStarted) -> None:
        """Drive the session until :meth:`stop`; then record that the host let go and close the log."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                await self._executor.start()
                receiver = tasks.create_task(self._attempts.receive_forever(), name="receiver")
                launcher = tasks.create_task(self._attempts.launch_forever(), name="launcher")
                timekeeper = tasks.create_task(self._watch_time(), name="timekeeper")
                self._begin(host)
                self._begun.set()
                await self._stopping.wait()
                self._planning.cancel()
                for work in self._map_work:
                    work.cancel()
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
            self._tasks = None
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

        A command whose id was seen before is not carried out again: the seq it had then is returned.
        """
        await self.begun()  # what the host before left open comes first
        seq = self.state.commands.get(command_id) if command_id is not None else None
        if seq is None:
            if self._stopping.is_set():
                raise Refused(f"the host is leaving: `swarmtui resume {self.state.id}` goes on with the session")
            if method == "session.resume" and self.log.trouble is not None:
                raise Refused(f"{self.log.trouble.message}; the session goes on by itself once that works")
            if method == FORECAST:
                return await self._forecast()
            bodies = plan_events(self.state, method, params, self._setup.parse_plan, self._setup.resolve_model)
            for body in map(self._without_secrets, bodies):
                seq = self.record(body, actor, durable=True).seq
                for asked in follows(body):
                    self._follow(asked)
            if command_id is not None:  # with its effect in one commit, since nothing waits in between
                shown = {name: value for name, value in params.items() if name not in ("text", "ops")}
                applied = CommandApplied(command_id, method, self._setup.redactor.redact_json(shown))
                seq = self.record(applied, actor).seq
            self._step()
        await self.log.committed(seq or 0)
        return seq or 0

    async def _forecast(self) -> int:
        """Make a forecast of what remains anew; its seq, once committed. Raises commands.Refused."""
        seq = await self._foresight.forecast(whole=True)
        if seq is None:
            raise Refused("there is nothing to forecast: the session has no plan, or has ended")
        await self.log.committed(seq)
        return seq

    def record(self, body: Body, actor: str | None = None, *, durable: bool = False) -> Event:
        """Append an event, fold it in, let the scheduler take note."""
        event = self.log.append(body, actor, durable=durable)
        fold.apply(self.state, event)
        self._scheduler.handle(event)
        return event

    # -- beginning ----------------------------------------------------------------------------------------

    def _begin(self, host: HostStarted) -> None:
        state = self.state
        resumed, crashed = state.hosts > 0, state.host_pid is not None
        self.record(host, durable=True)
        self.log.faults.at("host.begun")
        for warning in self._setup.warnings:
            self.record(Noted("warning", warning))
        caught = recovery.caught_by_crash(state)
        for event in caught:
            self.record(event, durable=True)
        if resumed:
            leftovers = self._setup.leftovers
            self.record(recovery.taken_over(state, caught, crashed=crashed, leftovers=leftovers), durable=True)
        self._attempts.questions.take_over()
        if resumed:
            self._go_on()
        if state.status is Status.AWAITING_APPROVAL:
            self._foretell()
            self._approve_unasked()
        elif state.status is Status.PLANNING:
            self._plan(state.planning.feedback if state.planning else None)
        self._step()

    def _go_on(self) -> None:
        """Let a session that is resumed go on, unless the user wants to decide first about what a crash caught."""
        state = self.state
        if self._setup.wait_if_interrupted and next(recovery.waiting_for_user(state), None) is not None:
            if state.status is Status.RUNNING:
                self.record(SessionPaused("resumed"), durable=True)
        elif state.status is Status.PAUSED:
            self.record(SessionResumed())

    def _approve_unasked(self) -> None:
        plan = self.state.plan
        if plan is None:
            return
        own = plan.author is Author.USER and not self._setup.review
        if own or self._setup.approve:
            why = "the user's own plan" if own else "asked to approve"
            self.record(PlanApproved(self.state.plan_rev, plan_hash(plan)), why, durable=True)

    def _plan(self, feedback: str | None) -> None:
        if self._tasks is not None:
            self._planning.start(self._tasks, feedback, self._planned)

    def _planned(self) -> None:
        """The planner has answered, well or badly."""
        error = self.state.planning_error
        if error is not None and self.state.plan is None:
            self._finish(Status.FAILED, f"no plan: {error.message}")
        elif error is None:
            self._dispatcher.forget_plan()
            self._foretell()
            self._approve_unasked()
        self._step()

    def _foretell(self) -> None:
        """Have a forecast of the plan made, whose start it does not hold up."""
        asked = self._setup.review or (self.state.plan is not None and self.state.plan.author is not Author.USER)
        self._spawn_map_work(self._foresight.tell(whole=asked), "forecast")

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
                self._spawn_map_work(self._replanning.propose(), "replan")
            case Judge(node):
                self._spawn_map_work(self._conditions.judge(node), f"judge {node}")
            case Expand(node):
                self._spawn_map_work(self._maps.expand(node), f"expand {node}")
            case FinishMap(node):
                self._spawn_map_work(self._maps.finish(node), f"finish {node}")
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
        try:
            self._artefacts.write_status(self.state)
        except OSError as error:  # a convenience for readers, which the session does not depend on
            logger.warning("status.md could not be written: %s", error)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        if self._tasks is None:
            work.close()
        else:
            self._tasks.create_task(work, name=name)

    def _spawn_map_work(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Work that a host which leaves gives up: the next one does it from the start."""
        if self._tasks is None:
            work.close()
            return
        task = self._tasks.create_task(work, name=name)
        self._map_work.add(task)
        task.add_done_callback(self._map_work.discard)

    # -- a machine that has too little ------------------------------------------------------------------------

    def _narrow(self, running: int) -> None:
        """There were not enough open files for `running` attempts: from now on fewer run at once."""
        now = self.log.clock.now()
        if now < self._narrow_from:
            return
        self._narrow_from = now + NARROW_EVERY_S
        known = self.state.limits.concurrency
        width = max(1, min(running if known is None else min(running, known), running * 3 // 4))
        if known is None or width < known:
            self.record(LimitsSet(replace(self.state.limits, concurrency=width)), "host")
            told = f"too many open files: at most {width} at once from now on; `ulimit -n` allows more"
            self.record(Noted("warning", told))

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
                self._dispatcher.forget_plan()
                self._foretell()
            case AskPlanner(feedback):
                self._plan(feedback)
            case StopPlanner():
                self._planning.cancel()
            case StopQuestions(node, hold, item):
                self._attempts.questions.stop(node, item, hold=hold)
            case StopAttempts(node, hold, item):
                self._attempts.stop(node, item, hold=hold)
            case Answer(node, item, text):
                self._attempts.questions.answer(node, item, text)
            case TellAnswer(node, call, text):
                self._attempts.tell(node, call, text)

    def _without_secrets(self, body: Body) -> Body:
        """What the user said, as it may be recorded."""
        redact = self._setup.redactor.redact
        match body:
            case QuestionAnswered():
                return replace(body, answer=redact(body.answer))
            case AttemptSucceeded(output=said):
                text = redact(said.text)
                return replace(body, output=replace(said, text=text, size=len(text.encode("utf-8", "replace"))))
            case PlanRejected() | ChangeDecided():
                return replace(body, feedback=redact(body.feedback))
            case _:
                return body

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
