"""The executor that carries attempts out in this process, each as one asyncio task.

It adds nothing to an attempt that the attempt does not need: no queue, no wrapper, one shared timer for all streamed
text. What happened is handed over in batches, each as large as what came together since the last one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from swarmtui.engine.ports import (
    Asked,
    Attempt,
    CallAsked,
    Delta,
    Done,
    Failed,
    Inquiry,
    Signal,
    Stopped,
    Suspended,
    Terminal,
    ToolCalled,
    WorkerEvent,
)
from swarmtui.engine.scarcity import scarce_error, scarcity_of
from swarmtui.plan.model import Check
from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind

FLUSH_S = 0.05
"""Streamed text waits at most this long."""
FLUSH_CHARS = 8 * 1024
"""Streamed text of one attempt goes out at once when this much has come."""

BACKLOG = 2_000
"""With this many events not fetched, streamed text is held back and the oldest of it dropped."""
WAITING_CHARS = 64 * 1024

_ABANDON_S = 10.0
_log = logging.getLogger(__name__)


class WorkerFailed(Exception):
    """An attempt failed, as `failed` tells. A worker that is cancelled may raise it to hand over what it had."""

    def __init__(self, failed: Failed) -> None:
        super().__init__(failed.error.message)
        self.failed = failed


class Course(Protocol):
    """What a worker tells of an attempt that goes on, in the loop's thread; and what it waits for."""

    def __call__(self, signal: Signal, /) -> None:
        """Tell of streamed text, the course of calls, a step."""

    async def recorded(self, signal: ToolCalled) -> None:
        """Tell that a tool is about to be called, and wait until that is in the session's file."""

    async def asked(self, inquiry: Inquiry) -> str:
        """Ask a person, and wait for the answer where one is. An agent that can be taken up again suspends instead."""

    async def admitted(self, model: str = "") -> None:
        """Wait until the attempt's model, or the one of this name (``provider/model``), may be called; the call then
        goes at once. For the first call of an attempt there is no wait: the attempt began when it could be made."""


class Worker(Protocol):
    """Carries one attempt out."""

    def __call__(self, attempt: Attempt, course: Course, /) -> Coroutine[Any, Any, Done | Suspended]:
        """The attempt's result, or what it waits for; raises WorkerFailed. `course` may be called as a function.

        When cancelled it stops in good order; when cancelled a second time, at once.
        """


class Judge(Protocol):
    """Decides whether an output is what its node's check asks for."""

    async def verdict(self, attempt: Attempt, check: Check, done: Done) -> ErrorInfo | None:
        """Why `done` is no success, or None if it is one; raises WorkerFailed if that cannot be found out."""

    def close(self) -> None:
        """Let go of all resources."""


class _Running:
    """An attempt that runs, and its text that is still to be passed on."""

    __slots__ = (
        "attempt",
        "awaited",
        "deltas",
        "ended",
        "executor",
        "stopping",
        "task",
        "timed_out",
        "timers",
        "waiting_chars",
    )

    def __init__(self, attempt: Attempt, executor: LocalExecutor) -> None:
        self.attempt = attempt
        self.executor = executor
        self.task: asyncio.Future[Done | Suspended] | None = None
        self.awaited: dict[str, asyncio.Future[str]] = {}
        self.deltas: list[Delta] = []
        self.waiting_chars = 0
        self.timers: list[asyncio.TimerHandle] = []
        self.stopping = False
        self.timed_out = False
        self.ended = False

    async def recorded(self, signal: ToolCalled) -> None:
        """A :class:`Course`."""
        await self._told(signal, signal.call)

    async def asked(self, inquiry: Inquiry) -> str:
        """A :class:`Course`."""
        return await self._told(Asked(self.attempt.id, inquiry), inquiry.call)

    async def admitted(self, model: str = "") -> None:
        """A :class:`Course`."""
        known = self.attempt.model
        await self._told(CallAsked(self.attempt.id, model or ("" if known is None else known.name)), "")

    async def _told(self, signal: Signal, key: str) -> str:
        """Tell, and wait for the word that is owed for it."""
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.awaited[key] = future
        try:
            self(signal)
            return await future
        finally:
            self.awaited.pop(key, None)

    def __call__(self, delta: Signal, /) -> None:
        """Takes what the worker tells; what comes after the attempt's end is dropped."""
        if self.ended:
            return
        if not isinstance(delta, Delta):
            self.executor._put(delta)
            return
        if not self.deltas:
            self.executor._note_text(self)
        self.deltas.append(delta)
        self.waiting_chars += len(delta.text)
        if self.waiting_chars >= FLUSH_CHARS:
            self.executor._flush(self)

    def take(self) -> list[Delta]:
        """The text that waits, neighbours of one channel joined."""
        taken: list[Delta] = []
        for channel, run in groupby(self.deltas, key=lambda delta: delta.channel):
            taken.append(Delta(self.attempt.id, "".join([delta.text for delta in run]), channel))
        self.deltas.clear()
        self.waiting_chars = 0
        return taken

    def forget_oldest(self) -> None:
        """Keeps but the newest text, for when nobody fetches it."""
        self.deltas = [replace(delta, text=delta.text[-WAITING_CHARS:]) for delta in self.take()[-4:]]
        self.waiting_chars = sum(len(delta.text) for delta in self.deltas)


class LocalExecutor:
    """Runs attempts with the worker for their kind; an :class:`swarmtui.engine.ports.Executor`.

    `judge` decides over outputs where nodes have checks. `grace_s` is how long an attempt that passed its timeout may
    take to stop before it is killed.
    """

    def __init__(self, workers: Mapping[str, Worker], judge: Judge | None = None, *, grace_s: float = 5.0) -> None:
        self._workers = workers
        self._judge = judge
        self._grace_s = grace_s
        self._running: dict[str, _Running] = {}
        self._talking: dict[str, _Running] = {}
        self._outbox: list[WorkerEvent] = []
        self._reader: asyncio.Future[None] | None = None
        self._flush_timer: asyncio.TimerHandle | None = None
        self._last_folder = ""
        self._closed = False

    async def start(self) -> None:
        """Nothing to get ready."""

    async def submit(self, attempt: Attempt) -> None:
        """Begins `attempt`. Raises ValueError if one with this id runs, RuntimeError after :meth:`close`."""
        if self._closed:
            raise RuntimeError("the executor is closed")
        if attempt.id in self._running:
            raise ValueError(f"attempt {attempt.id} runs already")
        kind = attempt.spec.kind
        worker = self._workers.get(kind)
        if worker is None:
            self._put(_refused(attempt, f"there is no worker for nodes of kind {kind}"))
            return
        refusal = self._make_folder(attempt)
        if refusal is not None:
            self._put(refusal)
            return
        running = _Running(attempt, self)
        loop = asyncio.get_running_loop()
        check = attempt.check
        running.task = loop.create_task(
            worker(attempt, running)
            if check is None
            else _checked(worker, attempt, check, running, self._judge_of_outputs())
        )
        self._running[attempt.id] = running
        running.task.add_done_callback(lambda task: self._ended(running, task))
        if attempt.timeout_s is not None:
            running.timers.append(loop.call_later(attempt.timeout_s, self._time_out, running))

    async def events(self) -> AsyncIterator[Sequence[WorkerEvent]]:
        """What happened, in batches; for one reader. Ends after :meth:`close` once all is told."""
        while True:
            if self._outbox:
                batch, self._outbox = self._outbox, []
                yield batch
            elif self._closed and not self._running:
                return
            else:
                self._reader = asyncio.get_running_loop().create_future()
                await self._reader

    async def cancel(self, attempt: str, grace_s: float) -> None:
        """Asks the attempt to stop and has it killed after `grace_s`; its Stopped follows. Does not wait for that."""
        running = self._running.get(attempt)
        if running is not None:
            running.stopping = True
            self._stop(running, grace_s)

    def recorded(self, attempt: str, call: str) -> None:
        """Lets the worker go on that waits for this word."""
        self.answered(attempt, call, "")

    def answered(self, attempt: str, call: str, text: str) -> None:
        """Gives the worker the word that it waits for."""
        running = self._running.get(attempt)
        future = None if running is None else running.awaited.get(call)
        if future is not None and not future.done():
            future.set_result(text)

    async def close(self) -> None:
        """Cancels all that runs and waits until it has ended; killing starts after the grace period."""
        self._closed = True
        tasks = []
        for running in list(self._running.values()):
            if running.task is not None:
                tasks.append(running.task)
            await self.cancel(running.attempt.id, self._grace_s)
        if tasks:
            await asyncio.wait(tasks, timeout=self._grace_s + _ABANDON_S + 1.0)
        if self._judge is not None:
            self._judge.close()
        if self._flush_timer is not None:
            self._flush_timer.cancel()
        self._wake()

    def _judge_of_outputs(self) -> Judge:
        if self._judge is None:
            from swarmtui.workers.judge import OutputJudge
            from swarmtui.workers.process import Processes

            self._judge = OutputJudge(Processes())
        return self._judge

    def _make_folder(self, attempt: Attempt) -> Failed | None:
        """Makes the attempt's folder for the kinds that write files; why that is not possible, or nothing."""
        if attempt.spec.kind == "prompt" or attempt.folder == self._last_folder:
            return None
        try:
            Path(attempt.folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            scarcity = scarcity_of(error)
            if scarcity is not None:
                return Failed(attempt.id, scarce_error(scarcity), scarcity=scarcity)
            return _refused(attempt, f"{attempt.folder}: cannot be made: {error.strerror}")
        self._last_folder = attempt.folder
        return None

    def _stop(self, running: _Running, grace_s: float) -> None:
        if running.task is None:
            return
        running.task.cancel()
        loop = asyncio.get_running_loop()
        running.timers.append(loop.call_later(grace_s, running.task.cancel))
        running.timers.append(loop.call_later(grace_s + _ABANDON_S, self._abandon, running))

    def _time_out(self, running: _Running) -> None:
        running.timed_out = True
        self._stop(running, self._grace_s)

    def _abandon(self, running: _Running) -> None:
        """A worker that does not stop even when killed must not hold up the session."""
        if self._running.get(running.attempt.id) is running:
            _log.error("attempt %s did not stop; it is left to itself", running.attempt.id)
            self._finish(running, _stopped(running, None))

    def _ended(self, running: _Running, task: asyncio.Future[Done | Suspended]) -> None:
        if self._running.get(running.attempt.id) is not running:
            if not task.cancelled():
                task.exception()  # taken note of: the attempt was abandoned
            return
        self._finish(running, _ending(running, task))

    def _finish(self, running: _Running, ending: Terminal) -> None:
        for timer in running.timers:
            timer.cancel()
        del self._running[running.attempt.id]
        running.ended = True
        if running.deltas:
            self._talking.pop(running.attempt.id, None)
            self._outbox.extend(running.take())
        self._put(ending)

    def _put(self, event: WorkerEvent) -> None:
        self._outbox.append(event)
        self._wake()

    def _wake(self) -> None:
        reader = self._reader
        if reader is not None:
            self._reader = None
            if not reader.done():
                reader.set_result(None)

    def _note_text(self, running: _Running) -> None:
        self._talking[running.attempt.id] = running
        if self._flush_timer is None:
            self._flush_timer = asyncio.get_running_loop().call_later(FLUSH_S, self._flush_all)

    def _flush_all(self) -> None:
        self._flush_timer = None
        for running in list(self._talking.values()):
            self._flush(running)

    def _flush(self, running: _Running) -> None:
        if len(self._outbox) >= BACKLOG:
            running.forget_oldest()
            self._note_text(running)
            return
        self._talking.pop(running.attempt.id, None)
        self._outbox.extend(running.take())
        self._wake()


async def _checked(worker: Worker, attempt: Attempt, check: Check, course: Course, judge: Judge) -> Done | Suspended:
    done = await worker(attempt, course)
    if isinstance(done, Suspended):
        return done
    try:
        wrong = await judge.verdict(attempt, check, done)
    except WorkerFailed as failed:  # the check could not be made; what the worker cost and said is kept
        wrong = failed.failed.error
    except asyncio.CancelledError:
        wrong = ErrorInfo(ErrorKind.LOST, "stopped while its output was checked", done.exit_code)
    if wrong is not None:
        raise WorkerFailed(Failed(attempt.id, wrong, done.output, done.path, done.usage))
    return done


def _refused(attempt: Attempt, why: str) -> Failed:
    return Failed(attempt.id, ErrorInfo(ErrorKind.INTERNAL, why))


def _ending(running: _Running, task: asyncio.Future[Done | Suspended]) -> Terminal:
    if task.cancelled():
        return _stopped(running, None)
    error = task.exception()
    if error is None:
        return task.result()
    if running.stopping or running.timed_out:
        return _stopped(running, error.failed if isinstance(error, WorkerFailed) else None)
    scarcity = scarcity_of(error)
    if scarcity is not None and _nothing_happened(running.attempt, error):
        return Failed(running.attempt.id, scarce_error(scarcity), scarcity=scarcity)
    if isinstance(error, WorkerFailed):
        return error.failed
    _log.error("attempt %s: the worker broke", running.attempt.id, exc_info=error)
    message = f"a defect of swarmtui: {type(error).__name__}: {one_line(str(error), 300)}"
    return Failed(running.attempt.id, ErrorInfo(ErrorKind.INTERNAL, message))


def _nothing_happened(attempt: Attempt, error: BaseException) -> bool:
    """Whether an attempt that lacked something may be repeated: a command that has run may not."""
    if isinstance(error, WorkerFailed) and error.failed.error.kind is ErrorKind.THROTTLED:
        return True
    return attempt.spec.kind in ("prompt", "merge")


def _stopped(running: _Running, had: Failed | None) -> Terminal:
    """The end of an attempt that was stopped, with what the worker `had` by then."""
    attempt = running.attempt
    had = had or Failed(attempt.id, ErrorInfo(ErrorKind.LOST, "the worker gave up by itself"))
    if running.stopping:
        return Stopped(attempt.id, had.usage)
    if running.timed_out:
        error = ErrorInfo(ErrorKind.TIMEOUT, f"took longer than its timeout of {attempt.timeout_s:g} s")
        return replace(had, error=error)
    return had
