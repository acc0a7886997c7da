"""A small world for engine tests: plans in one line, an executor that does what a script says, a running conductor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from swarmtui.engine.conductor import Conductor
from swarmtui.engine.ports import (
    Attempt,
    Delta,
    Done,
    Draft,
    Failed,
    PlanningError,
    PlanRequest,
    Stopped,
    Terminal,
    WorkerEvent,
)
from swarmtui.engine.setup import Setup
from swarmtui.plan.model import AskSpec, Author, Limits, MapSpec, ModelRef, Node, Plan, PromptSpec, Retry, When
from swarmtui.session import fold
from swarmtui.session.events import Body, Event, HostStarted, PlanProposed, SessionCreated
from swarmtui.session.log import Log
from swarmtui.session.reader import Reader
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, State, Status

MODEL = ModelRef("simulated", "instant", dialect="simulated")


def node(name: str, *needs: str, **more: Any) -> Node:
    """A prompt node."""
    return Node(name, PromptSpec(f"do {name}"), needs=tuple(needs), **more)


def plan(*nodes: Node, author: Author = Author.USER) -> Plan:
    """A plan of these nodes."""
    return Plan("test", nodes, author=author)


def created(limits: Limits = Limits()) -> SessionCreated:
    """The first event."""
    return SessionCreated("test", "test", "test", "/", "0", limits=limits, models={"worker": MODEL, "planner": MODEL})


Script = Callable[[Attempt], Any]


@dataclass
class ScriptedExecutor:
    """Carries attempts out as `script` says, which returns or awaits a Done, a Failed, an ErrorInfo or a text; or a
    list of what is told on the way, with one of these at its end."""

    script: Script = lambda attempt: "ok"
    started: list[str] = field(default_factory=list)
    running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    most: int = 0
    words: list[tuple[str, str]] = field(default_factory=list)
    """(attempt, call) of every tool call that was said to be recorded."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    answers: dict[tuple[str, str], asyncio.Future[str]] = field(default_factory=dict)

    async def start(self) -> None:
        self._queue: asyncio.Queue[list[WorkerEvent] | None] = asyncio.Queue()

    async def submit(self, attempt: Attempt) -> None:
        self.started.append(attempt.id)
        self.running[attempt.id] = asyncio.create_task(self._run(attempt))
        self.most = max(self.most, len(self.running))
        self.news.set()

    async def _run(self, attempt: Attempt) -> None:
        end: Terminal
        try:
            said = self.script(attempt)
            if asyncio.iscoroutine(said):
                said = await said
            if isinstance(said, list):
                *told, said = said
                await self._queue.put(told)
            if isinstance(said, ErrorInfo):
                end = Failed(attempt.id, said)
            elif isinstance(said, str):
                await self._queue.put([Delta(attempt.id, said)])
                end = Done(attempt.id, said)
            else:
                end = said
        except asyncio.CancelledError:
            end = Stopped(attempt.id)
        self.running.pop(attempt.id, None)
        await self._queue.put([end])

    def tell(self, *events: WorkerEvent) -> None:
        """What a script tells while it goes on."""
        self._queue.put_nowait(list(events))

    def answered(self, attempt: str, call: str, text: str) -> None:
        self.answers[attempt, call].set_result(text)

    async def answer(self, attempt: str, call: str) -> str:
        """What the attempt is told about the call."""
        future = self.answers[attempt, call] = asyncio.get_running_loop().create_future()
        return await future

    def recorded(self, attempt: str, call: str) -> None:
        self.words.append((attempt, call))
        self.news.set()

    async def events(self) -> AsyncIterator[Sequence[WorkerEvent]]:
        while (batch := await self._queue.get()) is not None:
            yield batch

    async def cancel(self, attempt: str, grace_s: float) -> None:
        if attempt in self.running:
            self.running[attempt].cancel()

    async def close(self) -> None:
        tasks = list(self.running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
        await self._queue.put(None)


@dataclass
class ScriptedPlanner:
    """Answers with the plans given, one after another; an ErrorInfo among them is a failure."""

    answers: list[Plan | ErrorInfo] = field(default_factory=list)
    requests: list[PlanRequest] = field(default_factory=list)

    async def propose(self, request: PlanRequest, on_delta: Callable[[str], None]) -> Draft:
        self.requests.append(request)
        on_delta("thinking")
        answer = self.answers.pop(0)
        if isinstance(answer, ErrorInfo):
            raise PlanningError(answer)
        return Draft(answer, "because")


def failure(kind: ErrorKind = ErrorKind.EXIT, message: str = "it broke") -> ErrorInfo:
    """An error."""
    return ErrorInfo(kind, message)


@dataclass
class World:
    """A conductor at work, and ways to wait for what it does."""

    conductor: Conductor
    executor: ScriptedExecutor
    folder: Path

    @property
    def state(self) -> SessionState:
        return self.conductor.state

    def states(self) -> dict[str, str]:
        return {name: known.state.value for name, known in self.state.nodes.items()}

    async def until(self, true: Callable[[], object]) -> None:
        """Wait until `true()` holds after an event or a start."""
        while not true():
            seen, self.executor.news = self.conductor.log.committed_seq, asyncio.Event()
            waits = [
                asyncio.create_task(self.conductor.log.after(seen)),
                asyncio.create_task(self.executor.news.wait()),
            ]
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
            assert not self.conductor.log.closing or true(), "the conductor has ended, and it never came to that"

    async def finished(self) -> Status:
        await self.until(lambda: self.state.status in (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED))
        return self.state.status

    async def do(self, method: str, **params: Any) -> int:
        return await self.conductor.command(method, params, actor="tester")

    async def recorded(self) -> list[Event]:
        """What is in the file, once all is."""
        await self.conductor.log.flushed()
        from swarmtui.session.rows import row_to_event

        with Reader(self.folder / "session.db") as reader:
            return [row_to_event(row) for row in reader.rows()]


def no_edit(text: str, current: Plan) -> Plan:
    raise AssertionError("no edit expected")


@asynccontextmanager
async def running(
    folder: Path,
    the_plan: Plan | None,
    script: Script = lambda attempt: "ok",
    *,
    limits: Limits = Limits(),
    planner: ScriptedPlanner | None = None,
    executor: ScriptedExecutor | None = None,
    **setup: Any,
) -> AsyncIterator[World]:
    """A session of `the_plan` in `folder`, running; stopped at the end."""
    log = await Log.create(folder / "session.db", "test")
    state = fold.empty()
    first: list[Body] = [created(limits)]
    if the_plan is not None:
        first.append(PlanProposed(1, the_plan))
    for body in first:
        fold.apply(state, log.append(body))
    async with host(folder, log, state, script, planner=planner, executor=executor, **setup) as world:
        yield world


@asynccontextmanager
async def host(
    folder: Path,
    log: Log,
    state: SessionState,
    script: Script = lambda attempt: "ok",
    *,
    planner: ScriptedPlanner | None = None,
    executor: ScriptedExecutor | None = None,
    **setup: Any,
) -> AsyncIterator[World]:
    """A conductor over `log`, whatever is in it."""
    executor = executor or ScriptedExecutor(script)
    config = Setup(folder, folder / "artefacts", folder, **{"parse_plan": no_edit, **setup})
    conductor = Conductor(log, state, executor, planner or ScriptedPlanner(), config)
    task = asyncio.create_task(conductor.run(HostStarted(1, "boot", "test", cpus=4)))
    try:
        yield World(conductor, executor, folder)
    finally:
        conductor.stop("finished", drain_s=0)
        await task


__all__ = [
    "AskSpec",
    "Author",
    "ErrorKind",
    "Limits",
    "MapSpec",
    "Retry",
    "ScriptedExecutor",
    "ScriptedPlanner",
    "State",
    "Status",
    "When",
    "World",
    "created",
    "failure",
    "host",
    "node",
    "plan",
    "running",
]
