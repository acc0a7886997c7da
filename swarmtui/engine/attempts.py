"""Attempts that live: handed to the executor once their start is committed, taken back when they end or are stopped."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

from swarmtui.engine.decisions import Start
from swarmtui.engine.dispatch import Dispatcher, attempt_id
from swarmtui.engine.outputs import KeptOutput
from swarmtui.engine.paced import ASK_S, PacedPools
from swarmtui.engine.ports import (
    Asked,
    Attempt,
    CallAsked,
    Delta,
    Done,
    Executor,
    Failed,
    Signal,
    Stepped,
    Stopped,
    Suspended,
    Terminal,
    ToolCalled,
    WorkerEvent,
)
from swarmtui.engine.questions import Questions
from swarmtui.engine.recovery import caught_times
from swarmtui.engine.results import Live, Results
from swarmtui.engine.reuse import Earlier, Reuse
from swarmtui.engine.scarcity import Scarcity
from swarmtui.engine.steps import Steps
from swarmtui.engine.streams import StreamBoard
from swarmtui.engine.suspension import Suspension, tools_called
from swarmtui.engine.tasks import Spawn
from swarmtui.engine.threads import said_so_far
from swarmtui.plan.model import AskSpec
from swarmtui.safety.redact import Redactor
from swarmtui.session import budgets
from swarmtui.session.events import AttemptStarted, AttemptSucceeded, Event
from swarmtui.session.log import Log
from swarmtui.session.pools import changes_world, model_of, provider_of
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind

logger = logging.getLogger(__name__)

GRACE_S = 3.0

Record = Callable[..., Event]
"""``record(body, *, durable=False)``: append an event, fold it in."""


class Attempts:
    """What runs in one session. `step` is called after what happened here was recorded.

    `narrow` is told how many attempts were at work when this machine had no open file left for one of them.
    """

    def __init__(
        self,
        state: SessionState,
        log: Log,
        executor: Executor,
        dispatcher: Dispatcher,
        results: Results,
        reuse: Reuse,
        paced: PacedPools,
        streams: StreamBoard,
        redactor: Redactor,
        record: Record,
        spawn: Spawn,
        step: Callable[[], None],
        narrow: Callable[[int], None],
        *,
        unattended: bool = False,
        approve: bool = False,
    ) -> None:
        self.questions = Questions(state, record, self._record_end, redactor)
        self._steps = Steps(state, log, executor, redactor, record, spawn)
        self._suspension = Suspension(state, record, redactor, unattended=unattended, approve=approve)
        self._state = state
        self._log = log
        self._executor = executor
        self._dispatcher = dispatcher
        self._results = results
        self._reuse = reuse
        self._paced = paced
        self._streams = streams
        self._record = record
        self._spawn = spawn
        self._step = step
        self._narrow = narrow
        self._live: dict[str, Live] = {}
        self._to_launch: deque[Live] = deque()
        self._launch_wake = asyncio.Event()
        self._quiet = asyncio.Event()

    def __len__(self) -> int:
        """How many attempts were started and have not ended, without questions that wait."""
        return len(self._live)

    # -- handing over -------------------------------------------------------------------------------------

    def start(self, decision: Start) -> None:
        """Record that an attempt starts; it is handed over once that is committed."""
        node_id, item = decision.node, decision.item
        node, plan_node = self._state.nodes[node_id], self._state.plan_nodes[node_id]
        number = 1 + node.attempts_of(item)
        tries = node.tries_of(item)
        ref = model_of(self._state, plan_node, tries)
        started = AttemptStarted(
            node_id,
            number,
            item,
            decision.pool,
            ref.name if ref else None,
            queue_s=decision.queue_s,
            throttle_s=decision.throttle_s,
        )
        event = self._record(started, durable=changes_world(self._state, plan_node))
        self._log.faults.at("intent.recorded")
        live = Live(node_id, item, number, decision.pool, event.seq, event.mono)
        key = attempt_id(node_id, item, number)
        self._live[key] = live
        provider = provider_of(self._state, plan_node, tries)
        if provider is not None:
            self._paced.start(key, provider, event.mono)
        self._quiet.clear()
        self._to_launch.append(live)
        self._launch_wake.set()

    async def launch_forever(self) -> None:
        """Hand over what was started, in order, each once its start is committed."""
        while True:
            await self._launch_wake.wait()
            self._launch_wake.clear()
            while self._to_launch:
                live = self._to_launch.popleft()
                await self._log.committed(live.seq)
                self._log.faults.at("intent.committed")
                await self._launch(live)

    async def _launch(self, live: Live) -> None:
        key = attempt_id(live.node, live.item, live.number)
        if self._live.get(key) is not live:
            return  # taken back
        prepared = None if live.stop else await self._dispatcher.prepare(live.node, live.item, live.number)
        if self._live.get(key) is not live:
            return
        if live.stop or prepared is None:
            self._end(key, Stopped(key))
            self._step()
        elif isinstance(prepared, ErrorInfo):
            self._end(key, Failed(key, prepared))
            self._step()
        elif isinstance(prepared.spec, AskSpec):
            self._release(key)
            self.questions.ask(live, prepared.spec)
            self._step()
        else:
            live.key = self._reuse.key(prepared)
            earlier = await self._reuse.find(live)
            await self._hand_over(live, key, prepared, earlier)

    async def _hand_over(self, live: Live, key: str, prepared: Attempt, earlier: Earlier | None) -> None:
        if self._live.get(key) is not live:
            return
        if live.stop:
            self._end(key, Stopped(key))
            self._step()
        elif earlier is not None:
            self._take_over(key, live, earlier)
        elif (line := budgets.used_share(self._state, live.node, self._log.clock.now())) is not None:
            why = f"its share of its maker's budget is used up ({line.kind}: {line.spent:g} of {line.limit:g})"
            error = ErrorInfo(ErrorKind.BLOCKED, why)
            self._end(key, Failed(key, error, said_so_far(prepared.thread)))
            self._step()
        else:
            live.submitted = True
            live.tools = tools_called(prepared.thread)
            await self._executor.submit(prepared)
            self._log.faults.at("attempt.launched")

    def _take_over(self, key: str, live: Live, earlier: Earlier) -> None:
        """The attempt succeeds with an earlier result, at no cost."""
        self._release(key)
        self._streams.end(live.node, live.item, live.number)
        body = AttemptSucceeded(
            live.node, live.number, earlier.output, live.item, reused_from=earlier.ref, key=live.key
        )
        self._reuse.note(self._record(body))
        self._step()

    # -- coming back --------------------------------------------------------------------------------------

    async def receive_forever(self) -> None:
        """Take what the executor tells until it is closed."""
        async for batch in self._executor.events():
            self._take(batch)

    def _take(self, batch: Sequence[WorkerEvent]) -> None:
        ended = False
        for event in batch:
            if not isinstance(event, Done | Failed | Stopped | Suspended):
                self._hear(event)
            else:
                live = self._live.get(event.attempt)
                if live is not None and isinstance(event, Done | Failed) and self._results.needs_thread(live, event):
                    self._spawn(self._end_aside(live, event), f"output of {event.attempt}")
                    continue
                self._end(event.attempt, event)
                ended = True
        if ended:
            self._step()

    def _hear(self, event: Signal) -> None:
        """Something of an attempt that goes on."""
        live = self._live.get(event.attempt)
        match event:
            case Delta():
                if live is not None:
                    self._streams.add(live.node, live.item, live.number, event.channel, event.text)
            case Stepped():
                if live is not None:
                    self._stepped(live, event)
            case ToolCalled():
                if live is not None:
                    self._steps.called(live, event)
            case Asked():
                if live is not None:
                    self._ask(live, event)
            case CallAsked():
                self._spawn(self._admit(event), f"call of {event.attempt}")
            case _:
                self._paced.take(event, self._log.clock.now())

    def _stepped(self, live: Live, event: Stepped) -> None:
        suspected = caught_times(self._state.nodes[live.node], live.item)
        if not self._steps.stepped(live, event):
            self.stop(live.node, live.item, hold=True)
        if suspected:  # what waited for it to end may start beside it
            self._step()

    def _ask(self, live: Live, event: Asked) -> None:
        """Put to a person what the attempt asks without ending."""
        answer = self._suspension.ask_running(live, event.inquiry)
        if answer is not None:
            self._executor.answered(event.attempt, event.inquiry.call, answer)

    def tell(self, node: str, call: str, text: str) -> None:
        """Give what runs of a node the answer to what it asked about a call."""
        for key, live in self._live.items():
            if live.node == node and live.item is None:
                self._executor.answered(key, call, text)

    async def _admit(self, asked: CallAsked) -> None:
        """Let an attempt call its model as soon as the provider's pacer does."""
        while asked.attempt in self._live:
            now = self._log.clock.now()
            answer = self._paced.may_call(asked.attempt, asked.model, now)
            if answer.go:
                self._executor.recorded(asked.attempt, "")
                return
            wait = ASK_S if answer.retry_at is None else answer.retry_at - now
            await asyncio.sleep(min(max(wait, 0.01), ASK_S))

    async def _end_aside(self, live: Live, event: Done | Failed) -> None:
        """Record an end once its output is kept; until then the attempt counts as running."""
        kept = await self._results.kept(live, event)
        self._end(event.attempt, event, kept)
        self._step()

    def _end(self, key: str, event: Terminal, kept: KeptOutput | None = None) -> None:
        if isinstance(event, Failed) and event.scarcity is Scarcity.FILES:
            self._narrow(len(self._live))
        live = self._release(key)
        if live is None:
            logger.warning("the executor reported the end of %s, which is not running", key)
            return
        if isinstance(event, Suspended) and not live.stop:
            refusal = self._suspension.prepare(live, event)
            if refusal is not None:
                event = Failed(event.attempt, refusal, usage=event.usage)
        self._record_end(live, event, kept)
        if isinstance(event, Suspended):
            self._suspension.suspended(live)

    def _release(self, key: str) -> Live | None:
        live = self._live.pop(key, None)
        if live is not None:
            live.verdict = self._paced.end(key, self._log.clock.now())
        if not self._live:
            self._quiet.set()
        return live

    def _record_end(self, live: Live, event: Terminal, kept: KeptOutput | None = None) -> None:
        self._streams.end(live.node, live.item, live.number)
        self._log.faults.at("result.received")
        body = self._results.body(live, event, self._log.clock.now() - live.started, kept)
        recorded = self._record(body, durable=changes_world(self._state, self._state.plan_nodes[live.node]))
        self._log.faults.at("result.recorded")
        self._reuse.note(recorded)
        if isinstance(body, AttemptSucceeded) and self._reuse.shares(body):
            self._spawn(self._reuse.offer(body), f"share {live.node}")
        for told in kept.told if kept is not None else ():
            self._record(told)

    # -- stopping -----------------------------------------------------------------------------------------

    def stop(self, node: str | None, item: int | None = None, *, hold: bool) -> None:
        """Stop what runs of a node or of one item, or everything.

        `hold`: it goes back to where it was instead of being over.
        """
        for key, live in list(self._live.items()):
            if node is not None and (live.node != node or item not in (None, live.item)):
                continue
            live.hold = hold and (live.hold or not live.stop)  # what is to be over is not merely held
            if not live.stop:
                live.stop = True
                if live.submitted:
                    self._spawn(self._executor.cancel(key, GRACE_S), f"cancel {key}")

    def take_back(self) -> None:
        """End what was started and not yet handed over: nothing of it has happened."""
        for key, live in list(self._live.items()):
            if not live.submitted:
                self._end(key, Stopped(key))

    def abandon(self) -> None:
        """End what does not stop in time: a host that leaves leaves nothing running behind in the log."""
        for key in list(self._live):
            self._end(key, Stopped(key))

    async def drain(self, patience_s: float) -> None:
        """Let what runs end by itself for a while, or until :meth:`hurry`."""
        if self._live and patience_s > 0:
            self._quiet.clear()
            try:
                async with asyncio.timeout(patience_s):
                    await self._quiet.wait()
            except TimeoutError:
                logger.info("%d attempts did not end in %.0f s and are stopped", len(self._live), patience_s)

    def hurry(self) -> None:
        """Cut a :meth:`drain` short that goes on."""
        self._quiet.set()
