"""From what a worker reports to the event that records it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import field, replace
from pathlib import Path
from random import Random

from swarmtui.engine import retry
from swarmtui.engine.artefacts import Artefacts
from swarmtui.engine.outputs import KeptOutput, Outputs
from swarmtui.engine.pacing.values import Verdict
from swarmtui.engine.ports import Done, Failed, Stopped, Suspended, Terminal
from swarmtui.frozen import mutable
from swarmtui.safety.redact import Redactor
from swarmtui.session.events import (
    AttemptCancelled,
    AttemptFailed,
    AttemptInterrupted,
    AttemptSucceeded,
    AttemptSuspended,
    AttemptThrottled,
    Body,
)
from swarmtui.session.figures import figures_section
from swarmtui.session.pools import changes_world
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, Output, Usage


@mutable
class Live:
    """An attempt between its AttemptStarted and its end."""

    node: str
    item: int | None
    number: int
    pool: str
    seq: int
    """Of its AttemptStarted: the attempt may have effects once that is committed."""
    started: float
    """Session second."""
    submitted: bool = False
    stop: bool = False
    """It was asked to stop."""
    hold: bool = False
    """When stopped it goes back to where it was instead of being over."""
    key: str = ""
    """Hash of what it is made of; empty where its result is never taken over."""
    verdict: Verdict | None = None
    """The pacer's word on its last call, once it has ended."""
    tools: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Of an agent: call -> (agent, tool), of all calls that it was ever asked for."""


class Results:
    """Turns the ends of attempts into events of one session."""

    def __init__(
        self,
        state: SessionState,
        artefacts: Artefacts,
        put_blob: Callable[[bytes], str],
        redactor: Redactor,
        random: Random,
        out: Path | None,
    ) -> None:
        self._state = state
        self._outputs = Outputs(artefacts, redactor, out)
        self._put_blob = put_blob
        self._redactor = redactor
        self._random = random
        self._throttles: dict[tuple[str, int | None], int] = {}

    def needs_thread(self, live: Live, event: Done | Failed) -> bool:
        """Whether the output of `event` is to be kept by :meth:`kept` first, since that takes a while."""
        return self._outputs.needs_thread(self._as_planned(live, event), live.item)

    async def kept(self, live: Live, event: Done | Failed) -> KeptOutput:
        """The output of `live`, its files written, ready to be recorded by :meth:`body`."""
        event = self._as_planned(live, event)
        report = isinstance(event, Done) and event.report
        foot = figures_section(self._state) if report else ""
        return await asyncio.to_thread(self._outputs.keep, event, live.node, live.number, live.item, foot)

    def _as_planned(self, live: Live, event: Done | Failed) -> Done | Failed:
        """`event`, a report also where it is the plan that calls the node one; single items of a map are none."""
        node = self._state.plan_nodes.get(live.node)
        planned = node is not None and node.report and live.item is None
        return replace(event, report=True) if planned and isinstance(event, Done) else event

    def body(self, live: Live, event: Terminal, took_s: float, kept: KeptOutput | None = None) -> Body:
        """The event that records how `live` ended after `took_s` seconds, its output being `kept`."""
        match event:
            case Done():
                self._throttles.pop((live.node, live.item), None)
                output = self._output(live, event, kept)
                return AttemptSucceeded(live.node, live.number, output, live.item, took_s, event.usage, key=live.key)
            case Stopped():
                return self._stopped(live, event, hold=live.hold or not live.stop)
            case Failed():
                return self._failed(live, event, took_s, kept)
            case Suspended():
                return self._suspended(live, event, took_s)

    def _suspended(self, live: Live, event: Suspended, took_s: float) -> Body:
        if live.stop:
            return self._stopped(live, event, hold=live.hold)
        if self._state.nodes[live.node].open_calls_of(live.item):  # else the call would be made once more
            return AttemptInterrupted(live.node, live.number, live.item, stopped=True, usage=event.usage)
        waits = next((asked.kind for asked in event.inquiries), "question")
        waits_for = "subagents" if event.assignments else waits if event.inquiries else "proposal"
        return AttemptSuspended(live.node, live.number, waits_for, live.item, took_s, event.usage)

    def _failed(self, live: Live, event: Failed, took_s: float, kept: KeptOutput | None) -> Body:
        node = self._state.nodes[live.node]
        error = replace(event.error, message=self._redactor.redact(event.error.message))
        if live.stop:
            return self._stopped(live, event, hold=live.hold)
        paced_s = _paced_in_s(live.verdict, live.started + took_s)
        caught = bool(node.open_calls_of(live.item))  # a tool that may have changed something, and may again
        if error.kind is ErrorKind.THROTTLED and caught:
            return AttemptInterrupted(live.node, live.number, live.item, stopped=True, usage=event.usage)
        if error.kind is ErrorKind.THROTTLED:
            wait_s = self._throttled_in_s(live, error) if paced_s is None else paced_s
            by = "provider" if event.scarcity is None else "machine"
            told = event.usage if event.usage.tokens_in is not None or event.usage.cost_usd is not None else Usage()
            return AttemptThrottled(live.node, live.number, wait_s, live.pool, live.item, error.message, by, told)
        charged = paced_s is None or live.verdict is None or live.verdict.charged
        tries = node.tries if live.item is None or node.items is None else node.items.tries.get(live.item, 1)
        policy = self._state.plan_nodes[live.node].retry
        retry_s = retry.retry_in_s(policy, error, tries, self._random) if charged else paced_s
        if retry_s is not None and caught:
            return AttemptInterrupted(live.node, live.number, live.item, stopped=True, usage=event.usage)
        output = self._output(live, event, kept) if event.output or event.path else None
        return AttemptFailed(live.node, live.number, error, live.item, took_s, retry_s, event.usage, output, charged)

    def _stopped(self, live: Live, event: Stopped | Failed | Suspended, *, hold: bool) -> Body:
        """To be `hold` means to start again by itself: not what may have changed the world before it was stopped."""
        node = self._state.nodes[live.node]
        again = node.restart  # asked for by whoever changed or retried the node
        changes = changes_world(self._state, self._state.plan_nodes[live.node]) or bool(node.open_calls_of(live.item))
        if hold and live.submitted and not again and changes:
            return AttemptInterrupted(live.node, live.number, live.item, stopped=True, usage=event.usage)
        return AttemptCancelled(live.node, live.number, live.item, hold, event.usage)

    def _throttled_in_s(self, live: Live, error: ErrorInfo) -> float:
        """Seconds until a refused attempt goes again where no pacer knows."""
        key = (live.node, live.item)
        self._throttles[key] = self._throttles.get(key, 0) + 1
        return retry.throttled_in_s(error, self._throttles[key], self._random)

    def _output(self, live: Live, event: Done | Failed, kept: KeptOutput | None) -> Output:
        kept = kept or self._outputs.keep(event, live.node, live.number, live.item)
        return self._recorded(kept)

    def _recorded(self, kept: KeptOutput) -> Output:
        return kept.output if kept.blob is None else replace(kept.output, sha=self._put_blob(kept.blob))

    async def file_output(self, path: Path) -> Output:
        """The recorded form of a result file that we wrote. Raises OSError."""
        return self._recorded(await asyncio.to_thread(self._outputs.of_file, path))


def _paced_in_s(verdict: Verdict | None, now: float) -> float | None:
    """Seconds from session second `now` until the pacer wants the call tried again; None if it has no say."""
    if verdict is None or verdict.retry_at is None:
        return None
    return max(0.0, verdict.retry_at - now)
