"""Runs the processes of agents' tools: code of models in the sandbox, functions of the user outside it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from swarmtui.agents.tools import ToolContext
from swarmtui.agents.tools.code import PROJECT, CodeBlocked, CodeRan
from swarmtui.agents.tools.functions import ChildRan
from swarmtui.agents.tools.hidden import Hidden, hidden
from swarmtui.agents.tools.own_files import FILES
from swarmtui.safety.paths import PathRefused
from swarmtui.safety.redact import secrets_from_env
from swarmtui.safety.sandbox import ENVIRON, Blocked, too_wide
from swarmtui.safety.text import one_line
from swarmtui.workers.bounds import Bounds
from swarmtui.workers.command import Command, CommandStopped, NotStarted, Ran, child_env, run_command
from swarmtui.workers.orphans import MARK
from swarmtui.workers.process import Processes
from swarmtui.workers.pump import KEEP_BYTES

_CHILD_BYTES = 8 * KEEP_BYTES


class SandboxedCode:
    """A :class:`~swarmtui.agents.tools.code.RunCode`: in the sandbox of `processes`, or not at all, unless the user
    gave their word for this session that it may run without one.

    `bounds` is what all processes of a call, and the files of its agent, may take together.
    """

    def __init__(self, processes: Processes, bounds: Bounds | None = None) -> None:
        self._processes = processes
        self._bounds = bounds or Bounds()

    async def __call__(
        self, argv: Sequence[str], context: ToolContext, *, stdin: str | None, timeout_s: float
    ) -> CodeRan:
        """How it ended. Raises CodeBlocked."""
        work = Path(context.folder, FILES)
        mark = f"{context.session}/{context.node}/{context.call}"
        if self._processes.unsandboxed:
            await asyncio.to_thread(_private, work)
            env = child_env({PROJECT: context.cwd})
            command = Command(list(argv), str(work), env, stdin, mark, bounds=self._bounds)
        else:
            boxed = await self._boxed(argv, context, work, mark)
            command = Command(boxed, str(work), ENVIRON, stdin, mark, bounds=self._bounds)
        ran, timed_out = await _in_time(command, timeout_s)
        stderr = ran.stderr if ran.beyond is None else f"{ran.stderr}\nended by swarmtui: {ran.beyond}"
        return CodeRan(ran.exit_code, ran.output, stderr, timed_out)

    async def _boxed(self, argv: Sequence[str], context: ToolContext, work: Path, mark: str) -> list[str]:
        sandbox = await self._processes.sandbox()
        if isinstance(sandbox, Blocked):
            raise CodeBlocked(f"code of a model runs in a sandbox only, and none works here: {sandbox}")
        project = str(await asyncio.to_thread(Path(context.cwd).resolve))
        wide = too_wide(project)
        env = {MARK: mark, **({} if wide else {PROJECT: project})}
        try:
            out_of_sight = Hidden(()) if wide else await asyncio.to_thread(hidden, project)
            if out_of_sight.remark:
                context.say(f"\n({out_of_sight.remark})\n")
            await asyncio.to_thread(_private, work)
            shown = [] if wide else [project]
            return sandbox.argv(argv, work, shown, hidden=out_of_sight.paths, env=env, chdir=sandbox.work(work))
        except (OSError, PathRefused) as error:
            raise CodeBlocked(f"the sandbox cannot be set up: {one_line(str(error), 300)}") from None


class OwnChild:
    """A :class:`~swarmtui.agents.tools.functions.RunChild`: the user's code, with their environment but its secrets.

    `umask` is the user's, for the files that it makes; a host has a stricter one.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ, umask: int = -1) -> None:
        self._environ = environ
        self._umask = umask

    async def __call__(self, argv: Sequence[str], *, cwd: str, mark: str, stdin: str, timeout_s: float) -> ChildRan:
        """How it ended. Raises CodeBlocked."""
        kept = {name: value for name, value in self._environ.items() if not secrets_from_env({name: value})}
        env = child_env(kept, environ=self._environ) | {"TERM": "dumb"}
        command = Command(list(argv), cwd, env, stdin, mark, keep=_CHILD_BYTES, umask=self._umask)
        ran, timed_out = await _in_time(command, timeout_s)
        return ChildRan(ran.exit_code, ran.output, ran.stderr, timed_out)


async def _in_time(command: Command, timeout_s: float) -> tuple[Ran, bool]:
    """How `command` ended, and whether because its time was over. Raises CodeBlocked."""
    limit = asyncio.timeout(timeout_s)
    ran: Ran | None = None
    try:
        async with limit:
            try:
                ran = await run_command(command, lambda channel, text: None)
            except CommandStopped as stopped:
                ran = stopped.ran
                raise asyncio.CancelledError from None  # the timeout knows this one alone
    except TimeoutError:
        pass  # `ran` is what it had said
    except NotStarted as error:
        raise CodeBlocked(error.error.message) from None
    if ran is None:
        raise CodeBlocked("it was ended before it had started")
    return ran, limit.expired()


def _private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
