"""What ``run`` and ``python`` share: a process for an attempt, in the sandbox unless the plan is the user's own."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from swarmtui.agents.tools.hidden import Hidden, hidden
from swarmtui.engine.ports import Attempt, Delta, Failed
from swarmtui.safety.paths import PathRefused, inside
from swarmtui.safety.redact import Redactor
from swarmtui.safety.sandbox import ENVIRON, WORK, AnySandbox, Blocked, probe, too_wide
from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind
from swarmtui.workers.bounds import Bounds
from swarmtui.workers.command import Command, CommandStopped, NotStarted, Ran, child_env, run_command
from swarmtui.workers.local import WorkerFailed
from swarmtui.workers.orphans import MARK
from swarmtui.workers.pump import KEEP_BYTES, WHOLE_BYTES

Emit = Callable[[Delta], None]
_SHOWN = 300


class Processes:
    """Starts the processes of attempts. The sandbox is looked for once, when first needed.

    `redactor` keeps secrets out of the files with the output. `umask` is the user's, for the files that their own
    commands make; a host has a stricter one. `unsandboxed` is the user's word, given for this session alone, that
    commands of plans which are not their own run without a sandbox too. `bounds` holds for each command in a sandbox.
    """

    def __init__(
        self,
        redactor: Redactor | None = None,
        find_sandbox: Callable[[], AnySandbox | Blocked] = probe,
        umask: int = -1,
        *,
        unsandboxed: bool = False,
        bounds: Bounds | None = None,
    ) -> None:
        self.unsandboxed = unsandboxed
        """Whether the user gave their word for this session that no sandbox is wanted."""
        self._bounds = bounds or Bounds()
        self.redactor = redactor
        self.umask = umask
        self._find_sandbox = find_sandbox
        self._sandbox: AnySandbox | Blocked | None = None
        self._finding = asyncio.Lock()

    async def run(
        self,
        attempt: Attempt,
        argv: Sequence[str],
        emit: Emit,
        *,
        scratch: Path,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        stdin: str | None = None,
        files: bool = True,
        network: bool = False,
        steps: tuple[tuple[int, float], ...] = (),
        watch: Callable[[bytes], None] | None = None,
    ) -> Ran:
        """Runs `argv` for `attempt`; `cwd` is relative to the folder in which the user started, or, in the sandbox,
        within :data:`WORK`, and `network` lets it use the network there. `steps` and `watch`: see :class:`Command`.

        Without `files` its output is kept in memory alone, as that of the items of a map is: more of it then.
        `scratch` is a folder for this attempt alone; in the sandbox nothing else can be written to. Raises
        WorkerFailed.
        """
        mark = f"{attempt.session}/{attempt.id}"
        folder = Path(attempt.folder) if files and attempt.item is None else None
        keep = KEEP_BYTES if folder is not None else WHOLE_BYTES
        try:
            if attempt.trusted or self.unsandboxed:
                whole_env = child_env(env, key=attempt.key)
                where = self._bare_place(attempt, scratch, cwd)
                command = Command(argv, where, whole_env, stdin, mark, folder, keep, self.umask, steps, watch)
            else:
                variables = {**(env or {}), MARK: mark}
                boxed = await self._boxed(attempt, argv, emit, scratch, cwd, variables, network=network)
                command = Command(boxed, str(scratch), ENVIRON, stdin, mark, folder, keep, steps=steps, watch=watch)
                command = replace(command, bounds=self._bounds)
            ran = await run_command(
                command, lambda channel, text: emit(Delta(attempt.id, text, channel)), self.redactor
            )
        except NotStarted as error:
            raise failure(attempt, error.error) from error
        except CommandStopped as stopped:
            raise failure(attempt, ErrorInfo(ErrorKind.LOST, "stopped before its end"), stopped.ran) from None
        if ran.beyond is not None:
            raise failure(attempt, ErrorInfo(ErrorKind.EXIT, f"ended by swarmtui: {ran.beyond}", ran.exit_code), ran)
        return ran

    async def work(self, attempt: Attempt, scratch: Path) -> str:
        """Where the processes of `attempt` find `scratch`."""
        if attempt.trusted or self.unsandboxed:
            return str(scratch)
        sandbox = await self.sandbox()
        return str(scratch) if isinstance(sandbox, Blocked) else sandbox.work(scratch)

    async def sandbox(self) -> AnySandbox | Blocked:
        """The sandbox of this machine; its arguments are tried out once, and told to work or not."""
        async with self._finding:
            if self._sandbox is None:
                self._sandbox = await asyncio.to_thread(self._find_sandbox)
            return self._sandbox

    async def _boxed(
        self,
        attempt: Attempt,
        argv: Sequence[str],
        emit: Emit,
        scratch: Path,
        cwd: str | None,
        env: Mapping[str, str],
        *,
        network: bool,
    ) -> list[str]:
        sandbox = await self.sandbox()
        if isinstance(sandbox, Blocked):
            message = f"the plan is not your own, so that this runs in a sandbox only, and none works here: {sandbox}"
            raise failure(attempt, ErrorInfo(ErrorKind.BLOCKED, message))
        shown, folder = self._place(attempt, cwd)
        if attempt.key:
            env = {**env, "SWARMTUI_IDEMPOTENCY_KEY": attempt.key}
        try:
            found = await asyncio.to_thread(hidden, shown[0]) if shown else Hidden(())
        except OSError as error:
            raise failure(attempt, ErrorInfo(ErrorKind.BLOCKED, f"the sandbox cannot be set up: {error}")) from None
        if found.remark:
            emit(Delta(attempt.id, f"({found.remark})\n", "stderr"))
        return sandbox.argv(argv, scratch, shown, hidden=found.paths, network=network, env=env, chdir=folder)

    @staticmethod
    def _bare_place(attempt: Attempt, scratch: Path, cwd: str | None) -> str:
        """The folder in which a command runs that is in no sandbox."""
        if attempt.trusted:
            return str(Path(attempt.cwd, cwd or ""))
        if cwd is not None and (cwd == WORK or cwd.startswith(f"{WORK}/")):
            return str(scratch / cwd.removeprefix(WORK).lstrip("/"))
        return _within_project(attempt, cwd)

    @staticmethod
    def _place(attempt: Attempt, cwd: str | None) -> tuple[list[str], str]:
        """What of the user's a command in the sandbox sees, and the folder that it runs in."""
        project = os.path.realpath(attempt.cwd)
        if cwd is not None and (cwd == WORK or cwd.startswith(f"{WORK}/")):
            return [], cwd
        folder = os.path.realpath(_within_project(attempt, cwd))
        return ([], WORK) if too_wide(project) else ([project], folder)


def _within_project(attempt: Attempt, cwd: str | None) -> str:
    try:
        return str(inside(Path(attempt.cwd), cwd)) if cwd and cwd != "." else attempt.cwd
    except PathRefused as refused:
        raise failure(attempt, ErrorInfo(ErrorKind.BLOCKED, f"cwd: {refused}")) from refused


class Scratch:
    """A folder within the attempt's own one, gone when the attempt is over: ``async with Scratch(attempt) as path``."""

    def __init__(self, attempt: Attempt) -> None:
        self._within = attempt.folder
        self._path: Path | None = None

    async def __aenter__(self) -> Path:
        self._path = Path(tempfile.mkdtemp(prefix="work-", dir=self._within))
        return self._path

    async def __aexit__(self, *_: object) -> None:
        if self._path is not None:
            with suppress(OSError):
                self._path.rmdir()
            if self._path.exists():
                await asyncio.to_thread(shutil.rmtree, self._path, ignore_errors=True)


def failure(attempt: Attempt, error: ErrorInfo, ran: Ran | None = None) -> WorkerFailed:
    """What to raise when `attempt` failed, with what it had said."""
    if ran is None:
        return WorkerFailed(Failed(attempt.id, error))
    return WorkerFailed(Failed(attempt.id, error, ran.output, ran.path))


def exit_error(ran: Ran) -> ErrorInfo:
    """Why a command did not succeed: its exit code, and what it said last."""
    said = [line for line in (ran.stderr.strip() or ran.output.strip()[-4096:]).splitlines()[-3:] if line.strip()]
    what = f"exit code {ran.exit_code}"
    if ran.exit_code > 128:
        with suppress(ValueError):
            what = f"ended by {signal.Signals(ran.exit_code - 128).name}"
    reason = one_line(" / ".join(said), _SHOWN)
    return ErrorInfo(ErrorKind.EXIT, f"{what}: {reason}" if reason else what, ran.exit_code)
