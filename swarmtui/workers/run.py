"""Carries a ``run`` node out: one command, without a shell unless the user asked for one."""

from __future__ import annotations

from pathlib import Path

from swarmtui.engine.ports import Attempt, Done
from swarmtui.plan.model import RunSpec
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind
from swarmtui.workers.command import Ran
from swarmtui.workers.process import Emit, Processes, Scratch, exit_error, failure


class RunWorker:
    """Runs the command; its stdout is the output. Anything but an exit code that the node calls a success fails."""

    def __init__(self, processes: Processes) -> None:
        self._processes = processes

    async def __call__(self, attempt: Attempt, emit: Emit, /) -> Done:
        """The attempt's result. Raises WorkerFailed."""
        spec = attempt.spec
        if not isinstance(spec, RunSpec):
            raise failure(attempt, ErrorInfo(ErrorKind.INTERNAL, f"{attempt.node} is no command"))
        if attempt.trusted:
            ran = await self._run(attempt, spec, emit)
        else:
            async with Scratch(attempt) as scratch:
                ran = await self._run(attempt, spec, emit, scratch)
        if ran.exit_code not in spec.ok_exit:
            raise failure(attempt, exit_error(ran), ran)
        return done(attempt, ran)

    async def _run(self, attempt: Attempt, spec: RunSpec, emit: Emit, scratch: Path | None = None) -> Ran:
        argv = list(spec.argv) if spec.shell is None else ["sh", "-c", spec.shell, "sh", *spec.argv]
        scratch = scratch or Path(attempt.folder)
        return await self._processes.run(
            attempt, argv, emit, scratch=scratch, cwd=spec.cwd, env=spec.env, stdin=spec.stdin
        )


def done(attempt: Attempt, ran: Ran) -> Done:
    """The attempt succeeded with what the command said."""
    return Done(
        attempt.id,
        ran.output,
        size=None if ran.whole else ran.size,
        path=ran.path,
        truncated=not ran.whole,
        exit_code=ran.exit_code,
        lost=ran.lost,
    )
