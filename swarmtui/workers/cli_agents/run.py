"""One run of a program that is an agent: started, watched while it works, ended if it does not end, and judged."""

from __future__ import annotations

import asyncio
import signal
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal, Protocol

from swarmtui.engine.ports import Attempt, Delta, Done, Failed, Signal, Stepped
from swarmtui.frozen import frozen
from swarmtui.plan.team import AgentDef
from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, Usage
from swarmtui.workers.cli_agents.ends import error_of, version_problem
from swarmtui.workers.cli_agents.formats import READERS
from swarmtui.workers.cli_agents.permits import Permit
from swarmtui.workers.cli_agents.place import Place, Places
from swarmtui.workers.cli_agents.programs import Program
from swarmtui.workers.cli_agents.streams import NO_TOTALS, Event, Outcome, Said, SessionBegan, Trouble
from swarmtui.workers.cli_agents.tap import Tap
from swarmtui.workers.cli_agents.thread import SessionEntry, forgotten, session_to_resume
from swarmtui.workers.cli_agents.worktree import Changes, GitFailed, to_the_end
from swarmtui.workers.command import Ran
from swarmtui.workers.local import WorkerFailed
from swarmtui.workers.process import Processes, failure
from swarmtui.workers.pump import KEEP_BYTES, WHOLE_BYTES, CappedFile, Kept

GO_ON = (
    "You began the task below before and were interrupted. Go on from where you are, repeat nothing that is done, "
    "and end with the whole answer that the task asks for.\n\n"
)
"""What stands before the task when a session is resumed."""

REFUSALS = 3
"""A program that is refused this often in a row is ended: it would try for minutes what cannot come right by itself."""

_TRIED_UNASKED = (ErrorKind.OUTAGE, ErrorKind.MALFORMED)
"""What is tried again even where the plan grants no retries."""

How = Literal["exited", "lingered", "silent", "stopped"]


@frozen
class Patience:
    """How long is waited, in seconds."""

    silence_s: float = 600.0
    """For a program that gives no sign that it gets on: then it is ended, and has failed."""
    linger_s: float = 5.0
    """For one to exit that has told its end: then it is ended, and judged by what it told."""
    steps: tuple[tuple[int, float], ...] = ((signal.SIGINT, 3.0), (signal.SIGTERM, 3.0))
    """How one is ended: signals to its whole group, each with the time until the next, and at last SIGKILL."""


class Watched(Protocol):
    """What tells how far a program is."""

    @property
    def heard_at(self) -> float:
        """When it last gave a sign that it gets on, on the monotonic clock."""

    @property
    def ended_at(self) -> float | None:
        """Since when it has told its end, and nothing else."""

    @property
    def turned(self) -> asyncio.Event:
        """Set when `ended_at` may have changed."""


@frozen
class End:
    """How a program ended."""

    how: How
    outcome: Outcome
    ran: Ran | None = None
    """None unless it exited by itself."""


@frozen
class Job:
    """What is to be run."""

    attempt: Attempt
    program: Program
    definition: AgentDef
    prompt: str
    model: str | None
    environ: Mapping[str, str]

    @property
    def name(self) -> str:
        """How the program is called in what is told."""
        return self.program.name or Path(self.program.argv[0]).name


class ProgramRun:
    """Carries one attempt out by running its program; used once."""

    def __init__(
        self,
        job: Job,
        emit: Callable[[Signal], None],
        processes: Processes,
        places: Places,
        patience: Patience,
        scratch: Path | None,
        permit: Permit,
    ) -> None:
        self._job = job
        self._attempt = job.attempt
        self._program = job.program
        self._emit = emit
        self._processes = processes
        self._places = places
        self._patience = patience
        self._redactor = processes.redactor
        self._scratch = scratch
        self._permit = permit
        self._began_at = time.monotonic()
        self._first_word_s: float | None = None
        self._session = ""
        self._trouble = ""
        self._refusals = 0
        self._refused = asyncio.Event()
        self._recorded = False

    async def carry_out(self) -> Done:
        """The attempt's result. Raises WorkerFailed."""
        place, cancelled = await to_the_end(self._move_in())
        end = None
        try:
            if not cancelled:
                end = await self._run(place)
        except BaseException:  # it could not be started, or is a defect: nothing is left behind in any case
            await to_the_end(place.leave(self._attempt, self._redactor))
            raise
        left, cut_off = await to_the_end(place.leave(self._attempt, self._redactor))
        if end is None:
            raise asyncio.CancelledError
        if cut_off and end.how != "stopped":
            end = End("stopped", end.outcome)
        changes, trouble = left
        if trouble:
            self._remark(trouble)
        return await self._judged(place, end, changes, trouble)

    # -- begin ------------------------------------------------------------------------------------------------

    async def _move_in(self) -> Place:
        resumed = session_to_resume(self._attempt, self._program.name) if self._program.name else None
        try:
            place = await self._places.find(self._attempt, self._job.definition, resumed, self._scratch, self._remark)
        except GitFailed as failed:
            message = f"no copy of the repository could be made: {failed}; `worktree: false` works without one"
            raise failure(self._attempt, ErrorInfo(ErrorKind.EXIT, message)) from failed
        if place.resumed is None and resumed is not None:
            self._emit(Stepped(self._attempt.id, forgotten(self._program.name)))
        return place

    async def _run(self, place: Place) -> End:
        resumed = place.resumed
        prompt = GO_ON + self._job.prompt if resumed else self._job.prompt
        self._session = resumed.id if resumed else str(uuid.uuid4())
        self._place = place
        if self._program.format == "acp":
            return await self._converse(place)
        argv = self._program.command(
            prompt,
            model=self._job.model,
            session=self._session,
            resumed=resumed is not None,
            may_edit=place.may_edit,
        )
        reader = READERS[self._program.format](resumed.totals if resumed else NO_TOTALS)
        tap = Tap(reader, self._hear)
        work = self._processes.run(
            self._attempt,
            argv,
            self._log,
            scratch=place.scratch or Path(self._attempt.folder),
            cwd=place.cwd,
            env=self._program.environment(self._job.environ, may_edit=place.may_edit),
            stdin=None if self._program.takes_prompt else prompt,
            network=self._job.definition.network,
            steps=self._patience.steps,
            watch=tap,
        )
        how, ran = await self._watched(work, tap)
        tap.close()
        code = None if ran is None else ran.exit_code
        return End(how, reader.finish(code), ran)

    async def _converse(self, place: Place) -> End:
        """The same with a program that speaks the Agent Client Protocol."""
        from swarmtui.workers.cli_agents.acp import Conversation

        resumed = place.resumed
        told = any("{model}" in word for word in self._program.argv)
        conversation = Conversation(
            self._attempt,
            self._program.command("", model=self._job.model, session="", may_edit=place.may_edit),
            self._job.prompt,
            again=GO_ON,
            cwd=place.cwd,
            env=self._program.environment(self._job.environ, may_edit=place.may_edit),
            session=resumed.id if resumed else None,
            model=None if told else self._job.model,
            root=place.tree.path if place.tree else Path(place.cwd),
            own=place.tree is not None,
            may_edit=place.may_edit,
            permit=self._permit,
            hear=self._hear,
            steps=self._patience.steps,
            redactor=self._redactor,
            umask=self._processes.umask,
        )
        how, ran = await self._watched(conversation.carry_out(), conversation)
        return End(how, conversation.finish(None if ran is None else ran.exit_code), ran)

    async def _watched(self, work: Awaitable[Ran], tap: Watched) -> tuple[How, Ran | None]:
        """How the program ended; it is gone then. Raises WorkerFailed if it could not be started."""
        running = asyncio.ensure_future(work)
        guard = asyncio.ensure_future(self._guard(tap))
        how: How = "exited"
        try:
            await asyncio.wait({running, guard}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                how = guard.result()
        except asyncio.CancelledError:
            how = "stopped"
        guard.cancel()
        if how != "exited":
            running.cancel()
        while not (running.done() and guard.done()):
            try:
                await asyncio.wait({running, guard})
            except asyncio.CancelledError:
                how = "stopped"
                running.cancel()  # a second time: killed at once
        if how == "exited":
            return how, running.result()
        with suppress(WorkerFailed, asyncio.CancelledError):  # what it would tell is known
            running.result()
        return how, None

    async def _guard(self, tap: Watched) -> How:
        """Returns when the program has to be ended, and why."""
        while True:
            now = time.monotonic()
            ended_at = tap.ended_at
            due = tap.heard_at + self._patience.silence_s if ended_at is None else ended_at + self._patience.linger_s
            if now >= due or (self._refused.is_set() and ended_at is None):
                return "silent" if ended_at is None else "lingered"
            tap.turned.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(due - now):
                    await tap.turned.wait()

    # -- on the way -------------------------------------------------------------------------------------------

    def _hear(self, event: Event) -> None:
        match event:
            case Said(text, channel):
                if self._first_word_s is None and channel == "output":
                    self._first_word_s = time.monotonic() - self._began_at
                if self._program.begin:
                    self._record()
                self._emit(Delta(self._attempt.id, text, channel))
            case SessionBegan(id_):
                self._session = id_
                self._recorded = False
                self._record()
            case Trouble(text):
                self._trouble = text
                meaning = self._program.meaning(text, None)
                self._refusals = self._refusals + 1 if meaning is not None and meaning.kind == "refused" else 0
                if self._refusals == REFUSALS:
                    self._refused.set()
                self._remark(text)

    def _log(self, delta: Delta) -> None:
        """What the pump tells: stdout is read by the tap, and told as what it means."""
        if delta.channel != "output":
            self._emit(delta)

    def _remark(self, text: str) -> None:
        self._emit(Delta(self._attempt.id, f"{text}\n", "stderr"))

    def _record(self) -> None:
        """Has the session's id recorded, once, so that another attempt may go on with it."""
        if not self._recorded and self._program.resume:
            self._recorded = True
            self._emit(Stepped(self._attempt.id, self._entry().as_json()))

    def _entry(self) -> SessionEntry:
        tree = self._place.tree
        return SessionEntry(
            self._program.name,
            self._session,
            self._place.cwd,
            tree.path if tree else None,
            tree.base if tree else None,
        )

    # -- end --------------------------------------------------------------------------------------------------

    async def _judged(self, place: Place, end: End, changes: Changes | None, trouble: str) -> Done:
        outcome, attempt = end.outcome, self._attempt
        said = outcome.text.strip("\n")
        told = "\n\n".join(part for part in (said, changes.told() if changes else "", trouble) if part)
        usage = self._usage(outcome)
        if end.how in ("exited", "lingered") and outcome.ok:
            if self._recorded or place.resumed:
                self._emit(Stepped(attempt.id, self._entry().as_json(ended=True)))
            return self._done(told, end, usage)
        self._record_failure(place, outcome, changes)
        path, kept = await asyncio.to_thread(self._write, told)
        error = await self._error(end)
        anew = not self._recorded and place.resumed is None
        if error.kind in _TRIED_UNASKED and outcome.acted and anew and place.may_edit and place.tree is None:
            error = replace(error, kind=ErrorKind.EXIT)  # it would begin anew in what it has left half done
        raise WorkerFailed(Failed(attempt.id, error, kept.text(), path if said or changes else None, usage))

    async def _error(self, end: End) -> ErrorInfo:
        name = self._job.name
        if end.how == "stopped":
            return ErrorInfo(ErrorKind.LOST, "stopped before its end")
        meaning = self._program.meaning(self._trouble, None) if self._trouble else None
        if end.how == "silent" and meaning is not None:
            return ErrorInfo(ErrorKind(meaning.kind), one_line(f"{name}: {self._trouble}; {meaning.say}", 400))
        if end.how == "silent":
            last = f"; it said last: {self._trouble}" if self._trouble else ""
            message = f"{name} gave no sign of getting on for {self._patience.silence_s:g} s and was ended{last}"
            return ErrorInfo(ErrorKind.TIMEOUT, one_line(message, 400))
        error = error_of(name, self._program, end.outcome, end.ran)
        understood = end.outcome.ended or end.outcome.acted or end.outcome.text
        if end.ran is not None and not understood and self._attempt.trusted:
            old = await version_problem(self._program)
            if old:
                return ErrorInfo(ErrorKind.INPUT, old, error.exit_code)
        return error

    def _record_failure(self, place: Place, outcome: Outcome, changes: Changes | None) -> None:
        """What the next attempt may go on with, if this one came anywhere."""
        if not self._recorded and place.resumed is None:
            return
        lost = changes is not None and not changes.whole
        if lost or not (outcome.acted or outcome.text):
            self._emit(Stepped(self._attempt.id, forgotten(self._program.name)))
            return
        entry = replace(self._entry(), changes=changes.path if changes else None, totals=outcome.totals)
        self._emit(Stepped(self._attempt.id, entry.as_json()))

    def _usage(self, outcome: Outcome) -> Usage:
        tokens, name = outcome.tokens, self._program.name
        if not name:
            return Usage()
        told = (tokens.tokens_in, tokens.tokens_out, outcome.cost_usd)
        return Usage(
            tokens_in=tokens.tokens_in,
            tokens_out=tokens.tokens_out,
            tokens_cached=tokens.tokens_cached,
            cost_usd=outcome.cost_usd,
            model=f"{name}/{outcome.model or self._job.model}" if outcome.model or self._job.model else name,
            first_token_s=self._first_word_s,
            calls=outcome.calls,
            untold=0 if any(part is not None for part in told) else 1,
        )

    def _done(self, told: str, end: End, usage: Usage) -> Done:
        path, kept = self._write(told)
        lost = "the program said more than is kept" if end.outcome.cut else None
        return Done(
            self._attempt.id,
            kept.text(),
            size=None if kept.whole else kept.size,
            path=path,
            truncated=not kept.whole,
            exit_code=end.ran.exit_code if end.ran else None,
            usage=usage,
            lost=lost,
        )

    def _write(self, told: str) -> tuple[str | None, Kept]:
        """The output, in the attempt's file in place of what the program printed, and as it is kept in memory."""
        data = told.encode("utf-8", "replace")
        own = self._attempt.item is None
        kept = Kept(KEEP_BYTES if own else WHOLE_BYTES)
        kept.add(data)
        if not own:
            return None, kept
        file = CappedFile(Path(self._attempt.folder, "output.txt"), self._redactor)
        file.write(data)
        file.close()
        if not data:
            with suppress(OSError):
                Path(self._attempt.folder, "output.txt").unlink(missing_ok=True)
        return (str(file.path) if file.path and data else None), kept
