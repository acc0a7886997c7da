"""Live sessions for tests: a real log, a real conductor, a real socket, and an executor that the test plays."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from swarmtui.engine.commands import Refused
from swarmtui.engine.conductor import Conductor
from swarmtui.engine.ports import Attempt, Delta, Done, Draft, PlanRequest, Stopped, WorkerEvent
from swarmtui.engine.setup import Setup
from swarmtui.host.client import WireFeed
from swarmtui.host.server import Server, bind
from swarmtui.plan.model import ModelRef, Node, Plan, PromptSpec
from swarmtui.session import fold
from swarmtui.session.events import HostStarted, PlanProposed, SessionCreated
from swarmtui.session.faults import Faults
from swarmtui.session.folder import SessionFolder
from swarmtui.session.log import Log, LogSettings
from swarmtui.session.reader import Reader
from swarmtui.session.state import SessionState


class PlayedExecutor:
    """Attempts run until the test ends them; those whose node is in `at_once` end by themselves."""

    def __init__(self, at_once: bool = False) -> None:
        self.at_once = at_once
        self.running: dict[str, Attempt] = {}
        self.submitted = asyncio.Event()
        self._queue: asyncio.Queue[Sequence[WorkerEvent] | None] = asyncio.Queue()

    async def start(self) -> None: ...

    async def submit(self, attempt: Attempt) -> None:
        self.running[attempt.id] = attempt
        self.submitted.set()
        if self.at_once:
            self.finish(attempt.id)

    def finish(self, attempt: str, output: str = "done") -> None:
        del self.running[attempt]
        self._queue.put_nowait([Done(attempt, output)])

    def tell(self, event: WorkerEvent) -> None:
        """Anything else that a worker may report."""
        self._queue.put_nowait([event])

    def say(self, attempt: str, text: str) -> None:
        self._queue.put_nowait([Delta(attempt, text)])

    async def events(self) -> AsyncIterator[Sequence[WorkerEvent]]:
        while (batch := await self._queue.get()) is not None:
            yield batch

    async def cancel(self, attempt: str, grace_s: float) -> None:
        if self.running.pop(attempt, None):
            self._queue.put_nowait([Stopped(attempt)])

    async def close(self) -> None:
        for attempt in list(self.running):
            await self.cancel(attempt, 0)
        self._queue.put_nowait(None)


class NoPlanner:
    async def propose(self, request: PlanRequest, on_delta: Any) -> Draft:
        raise AssertionError("nobody asked for a plan")


MODELS = {tier: ModelRef("simulated", tier, dialect="simulated") for tier in ("planner", "worker")}


def refuse_plan(text: str, plan: Plan) -> Plan:
    raise Refused("not in this test")


def chain(*ids: str) -> Plan:
    """A plan of prompts, each needing the one before."""
    needs = [(), *((id,) for id in ids)]
    return Plan("a goal", tuple(Node(id, PromptSpec("say"), needs=need) for id, need in zip(ids, needs, strict=False)))


class LiveSession:
    """One session with its conductor and server."""

    def __init__(self, folder: SessionFolder, executor: PlayedExecutor, conductor: Conductor, server: Server) -> None:
        self.folder = folder
        self.executor = executor
        self.conductor = conductor
        self.server = server
        self.socket = folder.path / "s.sock"

    async def attach(self, **options: Any) -> WireFeed:
        return await WireFeed.connect(self.socket, **options)

    async def until_running(self, count: int = 1) -> list[str]:
        async with asyncio.timeout(10):
            while len(self.executor.running) < count:
                self.executor.submitted.clear()
                await self.executor.submitted.wait()
        return list(self.executor.running)


@contextlib.asynccontextmanager
async def live_session(
    tmp_path: Path,
    plan: Plan,
    *,
    review: bool = False,
    at_once: bool = False,
    log_settings: LogSettings | None = None,
    faults: Faults | None = None,
    **server_options: Any,
) -> AsyncIterator[LiveSession]:
    """A session over `plan` that runs within the block; at its end the host says goodbye."""
    folder = SessionFolder(tmp_path / "abcdefgh")
    folder.path.mkdir()
    log = await Log.create(folder.db, "test", settings=log_settings or LogSettings(), faults=faults)
    state = fold.empty()
    for body in (SessionCreated(folder.id, plan.goal, "title", "/", "test", models=MODELS), PlanProposed(1, plan)):
        fold.apply(state, log.append(body))
    async with _hosted(folder, log, state, review=review, at_once=at_once, **server_options) as session:
        yield session


@contextlib.asynccontextmanager
async def resumed_session(
    folder: SessionFolder, *, at_once: bool = False, **server_options: Any
) -> AsyncIterator[LiveSession]:
    """The session in `folder` taken up by another host, within the block."""
    with Reader(folder.db) as reader:
        head, state = reader.resume()
    log = await Log.open(folder.db, head)
    async with _hosted(folder, log, state, review=True, at_once=at_once, **server_options) as session:
        yield session


async def as_killed(session: LiveSession, to: Path) -> SessionFolder:
    """The session as it would be if its host were killed now: nothing that it does later is in there."""
    await session.conductor.log.flushed()
    shutil.copytree(session.folder.path, to / session.folder.id, ignore=shutil.ignore_patterns("*.sock"))
    return SessionFolder(to / session.folder.id)


@contextlib.asynccontextmanager
async def _hosted(
    folder: SessionFolder, log: Log, state: SessionState, *, review: bool, at_once: bool, **server_options: Any
) -> AsyncIterator[LiveSession]:
    executor = PlayedExecutor(at_once)
    setup = Setup(folder.path, folder.artefacts, folder.path.parent, refuse_plan, review=review)
    conductor = Conductor(log, state, executor, NoPlanner(), setup)
    server = Server(conductor, folder, **server_options)
    session = LiveSession(folder, executor, conductor, server)
    listener = bind(session.socket)
    async with server.listening(listener):
        run = asyncio.create_task(conductor.run(HostStarted(os.getpid(), "boot", "test")))
        try:
            yield session
        finally:
            conductor.stop("signal", 0)
            await run
            await server.say_bye("signal", 143)


async def until(feed: Any, true: Any, timeout: float = 10.0) -> None:
    """Drain `feed` until `true(feed)`."""
    async with asyncio.timeout(timeout):
        while not true(feed):
            await feed.wait()
            feed.drain()
