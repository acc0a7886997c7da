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
import json
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from swarmtui.engine import recovery
from swarmtui.engine.artefacts import Artefacts
from swarmtui.engine.commands import ParsePlan, Refused, plan_events
from swarmtui.engine.dispatch import Dispatcher, attempt_id
from swarmtui.engine.planning import Planning
from swarmtui.engine.ports import Delta, Done, Executor, Failed, Planner, Stopped, Terminal, WorkerEvent
from swarmtui.engine.results import Live, Results
from swarmtui.engine.scheduler import Decision, Expand, Finish, FinishMap, Scheduler, Skip, Start, StopForBudget
from swarmtui.engine.streams import StreamBoard
from swarmtui.plan.model import AskSpec, Author, plan_hash
from swarmtui.safety.redact import Redactor
from swarmtui.session import fold
from swarmtui.session.events import (
    AttemptFailed,
    AttemptStarted,
    Body,
    BudgetReached,
    CommandApplied,
    Event,
    HostStarted,
    HostStopped,
    MapExpanded,
    MapFinished,
    NodeCancelled,
    NodeSkipped,
    Noted,
    PlanApproved,
    PlanProposed,
    PlanRejected,
    QuestionAnswered,
    QuestionAsked,
    SessionCancelRequested,
    SessionFinished,
    SessionPaused,
    SessionResumed,
)
from swarmtui.session.log import Log
from swarmtui.session.pools import model_of
from swarmtui.session.state import SessionState, state_to_json
from swarmtui.session.summary import summary
from swarmtui.session.vocabulary import FINAL, ErrorInfo, Output, State, Status

logger = logging.getLogger(__name__)

SNAPSHOT_EVENTS = 1_000
GRACE_S = 3.0
DRAIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Setup:
    """What the conductor needs to know of the world around the session."""

    session_folder: Path
    artefacts: Path
    task_folder: Path
    parse_plan: ParsePlan
    """Reads an edited plan; raises commands.Refused."""
    out: Path | None = None
    """Folder that gets a copy of the report."""
    approve: bool = False
    """Approve any plan without asking."""
    review: bool = False
    """Ask even for a plan that is the user's own."""
    seed: int = 0
    redactor: Redactor = field(default_factory=Redactor)


class Conductor:
    """Runs one session over one log. `state` must be the fold of everything in `log`."""

    def __init__(self, log: Log, state: SessionState, executor: Executor, planner: Planner, setup: Setup) -> None:
        self.log = log
        self.state = state
        self.streams = StreamBoard()
        self._executor = executor
        self._setup = setup
        self._artefacts = Artefacts(setup.session_folder, setup.artefacts)
        self._dispatcher = Dispatcher(state, log, self._artefacts, setup.task_folder)
        random = Random(setup.seed)  # noqa: S311 - jitter, not secrets
        self._results = Results(state, self._artefacts, log.put_blob, setup.redactor, random, setup.out)
        self._planning = Planning(planner, state, self.record, self.streams, setup.redactor)
        self._scheduler = Scheduler(state)
        self._live: dict[str, Live] = {}
        self._questions: dict[tuple[str, int | None], Live] = {}
        self._to_launch: deque[Live] = deque()
        self._launch_wake = asyncio.Event()
        self._poke = asyncio.Event()
        self._finishing = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._quiet = asyncio.Event()
        self._stop_reason = ""
        self._drain_s = DRAIN_S
        self._tasks: asyncio.TaskGroup | None = None
        self._snapshot_seq = state.seq
        self._snapshot_bytes = 0
        log.set_summary(lambda: summary(self.state))

    # -- the outside --------------------------------------------------------------------------------------

    @property
    def at_rest(self) -> bool:
        """Whether nothing goes on and nothing will unless somebody acts."""
        return not self._live and not self._planning.busy and self.state.status is not Status.RUNNING

    async def run(self, host: HostStarted) -> None:
        """Drive the session until :meth:`stop`; then record that the host let go and close the log."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                await self._executor.start()
                receiver = tasks.create_task(self._receive_forever(), name="receiver")
                launcher = tasks.create_task(self._launch_forever(), name="launcher")
                timekeeper = tasks.create_task(self._watch_time(), name="timekeeper")
                self._begin(host)
                await self._stopping.wait()
                self._planning.cancel()
                await self._drain()
                launcher.cancel()
                timekeeper.cancel()
                self._take_back()
                await self._executor.close()
                await receiver
        finally:
            self._stopping.set()
            self._tasks = None
            self.record(HostStopped(self._stop_reason or "defect"), durable=True)
            self._write_status()
            await self.log.close()

    def stop(self, reason: str, drain_s: float = DRAIN_S) -> None:
        """Let go: start nothing more, give what runs `drain_s` seconds, then stop and hold it.

        Called again with nothing left to give, it cuts a wait short that goes on.
        """
        self._stop_reason = self._stop_reason or reason
        self._drain_s = drain_s
        if drain_s <= 0:
            self._quiet.set()
        if self.state.status is Status.RUNNING and not self._stopping.is_set():
            self.record(SessionPaused("signal"), durable=True)
        self._stopping.set()

    async def command(
        self, method: str, params: dict[str, Any], *, actor: str | None = None, command_id: str | None = None
    ) -> int:
        """Carry a viewer's command out; the seq of its effect, once committed. Raises commands.Refused.

        A command whose id was seen before is not carried out again: the seq it had then is returned.
        """
        seq = self.state.commands.get(command_id) if command_id is not None else None
        if seq is None:
            if self._stopping.is_set():
                raise Refused(f"the host is leaving: `swarmtui resume {self.state.id}` goes on with the session")
            bodies = plan_events(self.state, method, params, self._setup.parse_plan)
            if command_id is not None:
                shown = {name: value for name, value in params.items() if name != "text"}
                self.record(CommandApplied(command_id, method, self._setup.redactor.redact_json(shown)), actor)
            for body in map(self._without_secrets, bodies):
                seq = self.record(body, actor, durable=True).seq
                self._follow(body)
            self._step()
        await self.log.committed(seq or 0)
        return seq or 0

    def record(self, body: Body, actor: str | None = None, *, durable: bool = False) -> Event:
        """Append an event, fold it in, let the scheduler take note."""
        event = self.log.append(body, actor, durable=durable)
        fold.apply(self.state, event)
        self._scheduler.handle(event)
        return event

    # -- beginning ----------------------------------------------------------------------------------------

    def _begin(self, host: HostStarted) -> None:
        state = self.state
        resumed = state.hosts > 0
        self.record(host, durable=True)
        for interrupted in recovery.caught_by_crash(state):
            self.record(interrupted, durable=True)
        for pending in state.pending.values():
            if pending.node is not None:
                number = state.nodes[pending.node].attempts_of(pending.item)
                live = Live(pending.node, pending.item, number, state.seq, state.mono, submitted=True)
                self._questions[pending.node, pending.item] = live
        if resumed and state.status is Status.PAUSED:
            self.record(SessionResumed())
        if state.status is Status.AWAITING_APPROVAL:
            self._approve_unasked()
        elif state.status is Status.PLANNING:
            self._plan(state.planning.feedback if state.planning else None)
        self._step()

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
            self.record(SessionFinished(Status.FAILED.value, f"no plan: {error.message}"), durable=True)
        elif error is None:
            self._dispatcher.forget_plan()
            self._approve_unasked()
        self._step()

    # -- one step -----------------------------------------------------------------------------------------

    def _step(self) -> None:
        """Carry out every decision there is now."""
        if not self._stopping.is_set():
            while decisions := self._scheduler.decide(self.log.clock.now()):
                for decision in decisions:
                    self._carry_out(decision)
        if self.state.cancelling and not self._live:
            self.record(SessionFinished(Status.CANCELLED.value), durable=True)
        if not self._live:
            self._quiet.set()
        self._snapshot()
        self._poke.set()

    def _carry_out(self, decision: Decision) -> None:
        match decision:
            case Start(node, item, pool):
                self._start(node, item, pool)
            case Skip(node, cause):
                self.record(NodeSkipped(node, cause))
            case Expand(node):
                self._spawn(self._expand(node), f"expand {node}")
            case FinishMap(node):
                self._spawn(self._finish_map(node), f"finish {node}")
            case StopForBudget(kind, spent, limit):
                self.record(BudgetReached(kind, spent, limit), durable=True)
            case Finish(status, reason):
                self.record(SessionFinished(status.value, reason), durable=True)
                self._write_status()

    def _start(self, node_id: str, item: int | None, pool: str) -> None:
        node, plan_node = self.state.nodes[node_id], self.state.plan_nodes[node_id]
        number = 1 + node.attempts_of(item)
        ref = model_of(self.state, plan_node)
        started = AttemptStarted(node_id, number, item, pool, ref.name if ref else None)
        event = self.record(started, durable=plan_node.changes_world)
        live = Live(node_id, item, number, event.seq, event.mono)
        self._live[attempt_id(node_id, item, number)] = live
        self._quiet.clear()
        self._to_launch.append(live)
        self._launch_wake.set()

    def _snapshot(self) -> None:
        """Snapshot the state once the events since the last one weigh as much as it does."""
        due = self.state.seq - self._snapshot_seq >= SNAPSHOT_EVENTS
        if due and self.log.data_weight >= self._snapshot_bytes:
            data = json.dumps(state_to_json(self.state), separators=(",", ":")).encode()
            self._snapshot_seq, self._snapshot_bytes = self.state.seq, len(data)
            self.log.put_snapshot(self.state.seq, data)

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

    # -- attempts: handing over ---------------------------------------------------------------------------

    async def _launch_forever(self) -> None:
        while True:
            await self._launch_wake.wait()
            self._launch_wake.clear()
            while self._to_launch:
                live = self._to_launch.popleft()
                await self.log.committed(live.seq)
                await self._launch(live)

    async def _launch(self, live: Live) -> None:
        key = attempt_id(live.node, live.item, live.number)
        prepared = None if live.stop else await self._dispatcher.prepare(live.node, live.item, live.number)
        if live.stop or prepared is None:
            self._end(key, Stopped(key))
            self._step()
        elif isinstance(prepared, ErrorInfo):
            self._end(key, Failed(key, prepared))
            self._step()
        elif isinstance(prepared.spec, AskSpec):
            live.submitted = True
            self._questions[live.node, live.item] = self._live.pop(key)
            question = self._setup.redactor.redact(prepared.spec.question)
            self.record(QuestionAsked(live.node, question, prepared.spec.choices, live.item))
            self._step()
        else:
            live.submitted = True
            await self._executor.submit(prepared)

    async def _expand(self, node_id: str) -> None:
        found = await self._dispatcher.read_items(node_id)
        node = self.state.nodes[node_id]
        if node.ended or node.items is not None:
            return
        if isinstance(found, ErrorInfo):
            self.record(AttemptStarted(node_id, node.attempts + 1))
            self.record(AttemptFailed(node_id, node.attempts, found))
        else:
            self.record(MapExpanded(node_id, found.total, found.chunks, found.malformed))
            for line, message in found.malformed[:3]:
                self.record(Noted("warning", f"items, line {line}: {message}", node_id))
        self._step()

    async def _finish_map(self, node_id: str) -> None:
        async with self._finishing:
            await self._write_and_finish(node_id)

    async def _write_and_finish(self, node_id: str) -> None:
        await self.log.flushed()
        node, plan_node = self.state.nodes[node_id], self.state.plan_nodes[node_id]
        items = node.items
        if items is None or node.ended:
            return
        seen = (node.attempts, bytes(items.codes))
        output: Output | None = None
        try:
            path, size = await self._dispatcher.write_results(node_id)
            output = await self._results.file_output(path, size)
        except OSError as error:
            self.record(Noted("error", f"the results could not be written: {error}: mend it and retry", node_id))
        if node.ended or node.items is not items or (node.attempts, bytes(items.codes)) != seen:
            return  # items were retried meanwhile: once they have ended the map is finished with their results
        good = items.count(State.SUCCEEDED)
        bad = items.total - good - items.count(State.SKIPPED) + items.malformed
        tolerated = (plan_node.map.tolerate if plan_node.map else 0.0) * (items.total + items.malformed)
        ok = output is not None and bad <= tolerated and not node.cancelled
        self.record(MapFinished(node_id, good, bad, ok, output or Output("", 0)))
        self._step()

    # -- attempts: coming back ----------------------------------------------------------------------------

    async def _receive_forever(self) -> None:
        async for batch in self._executor.events():
            self._take(batch)

    def _take(self, batch: Sequence[WorkerEvent]) -> None:
        ended = False
        for event in batch:
            if isinstance(event, Delta):
                live = self._live.get(event.attempt)
                if live is not None:
                    text = self._setup.redactor.redact(event.text)
                    self.streams.add(live.node, live.item, live.number, event.channel, text)
            else:
                self._end(event.attempt, event)
                ended = True
        if ended:
            self._step()

    def _end(self, key: str, event: Terminal) -> None:
        live = self._live.pop(key, None)
        if live is None:
            logger.warning("the executor reported the end of %s, which is not running", key)
            return
        self._record_end(live, event)

    def _record_end(self, live: Live, event: Terminal) -> None:
        self.streams.end(live.node, live.item, live.number)
        body = self._results.body(live, event, self.log.clock.now() - live.started)
        self.record(body, durable=self.state.plan_nodes[live.node].changes_world)
        if isinstance(event, Done) and event.report:
            self.record(self._results.report(live.node, event))

    # -- what commands bring with them ----------------------------------------------------------------------

    def _follow(self, body: Body) -> None:
        """Do what an event that a command recorded asks for besides."""
        match body:
            case PlanProposed():
                self._dispatcher.forget_plan()
            case PlanRejected(feedback=feedback) if feedback:
                self._plan(feedback)
            case SessionCancelRequested():
                self._planning.cancel()
                self._stop_questions(lambda live: True)
                self._stop_attempts(lambda live: True, hold=False)
            case SessionPaused(now=True):
                self._stop_attempts(lambda live: True, hold=True)
            case NodeCancelled(node=node):
                self._stop_questions(lambda live: live.node == node)
                self._stop_attempts(lambda live: live.node == node, hold=False)
            case QuestionAnswered(node=node, item=item, answer=answer):
                question = self._questions.pop((node, item), None)
                if question is not None:
                    self._record_end(question, Done("", answer))
            case _:
                pass

    def _stop_attempts(self, which: Callable[[Live], bool], *, hold: bool) -> None:
        for key, live in list(self._live.items()):
            if not which(live):
                continue
            live.hold = hold and (live.hold or not live.stop)  # what is to be over is not merely held
            if not live.stop:
                live.stop = True
                if live.submitted:
                    self._spawn(self._executor.cancel(key, GRACE_S), f"cancel {key}")

    def _stop_questions(self, which: Callable[[Live], bool]) -> None:
        for key, live in list(self._questions.items()):
            if which(live):
                live.stop = True
                self._record_end(self._questions.pop(key), Stopped(""))

    def _take_back(self) -> None:
        """End what was started and not yet handed over: nothing of it has happened."""
        for key, live in list(self._live.items()):
            if not live.submitted:
                self._end(key, Stopped(key))

    def _without_secrets(self, body: Body) -> Body:
        """What the user said, as it may be recorded."""
        redact = self._setup.redactor.redact
        match body:
            case QuestionAnswered():
                return replace(body, answer=redact(body.answer))
            case PlanRejected():
                return replace(body, feedback=redact(body.feedback))
            case _:
                return body

    # -- time and the end -----------------------------------------------------------------------------------

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

    async def _drain(self) -> None:
        """Let what runs end by itself for a while; the executor's close stops the rest, which is then held."""
        if self._live and self._drain_s > 0 and self.state.status not in FINAL:
            self._quiet.clear()
            try:
                async with asyncio.timeout(self._drain_s):
                    await self._quiet.wait()
            except TimeoutError:
                logger.info("%d attempts did not end in %.0f s and are stopped", len(self._live), self._drain_s)
