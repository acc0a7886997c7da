"""Who does a session's work: its workers, the planner, and the agents with their tools."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from swarmtui.agents.planner import LlmPlanner
from swarmtui.engine.ports import Attempt, Done, Failed, Suspended
from swarmtui.models.chat import ChatModel
from swarmtui.models.discover import make_model
from swarmtui.models.net import Net
from swarmtui.plan.model import ModelRef
from swarmtui.plan.problems import TaskError
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind
from swarmtui.workers.judge import OutputJudge
from swarmtui.workers.local import Course, LocalExecutor, Worker, WorkerFailed
from swarmtui.workers.merge import MergeWorker
from swarmtui.workers.planned import PlanWorker
from swarmtui.workers.process import Processes
from swarmtui.workers.prompt import PromptWorker
from swarmtui.workers.python import PythonWorker
from swarmtui.workers.run import RunWorker
from swarmtui.workers.summary import summarise_with

if TYPE_CHECKING:
    from swarmtui.host.toolbox import Toolbox


class Agents:
    """A :class:`swarmtui.workers.local.Worker` for agents, put together when the first of them begins.

    `folder` is the session's own.
    """

    def __init__(
        self,
        model: Callable[[ModelRef], ChatModel],
        folder: Path,
        processes: Processes,
        environ: Mapping[str, str],
        umask: int = -1,
    ) -> None:
        self._model = model
        self._folder = folder
        self._processes = processes
        self._environ = environ
        self._umask = umask
        self._making = asyncio.Lock()
        self._worker: Worker | None = None
        self._toolbox: Toolbox | None = None

    async def __call__(self, attempt: Attempt, course: Course, /) -> Done | Suspended:
        """The attempt's result, or what it waits for. Raises WorkerFailed."""
        try:
            worker = await self._ready()
        except TaskError as error:
            wrong = ErrorInfo(ErrorKind.INPUT, str(error).partition("\n")[0])
            raise WorkerFailed(Failed(attempt.id, wrong)) from None
        return await worker(attempt, course)

    async def _ready(self) -> Worker:
        async with self._making:
            if self._worker is not None:
                return self._worker
            self._toolbox, worker = await asyncio.to_thread(self._made)
            self._worker = worker
            return worker

    def _made(self) -> tuple[Toolbox, Worker]:
        from swarmtui.host.toolbox import Toolbox, agent_worker

        toolbox = Toolbox(self._folder, self._processes, self._environ, self._umask)
        return toolbox, agent_worker(self._model, toolbox, self._processes, self._environ)

    async def close(self) -> None:
        """Let go of the servers and functions that were in use."""
        if self._toolbox is not None:
            await self._toolbox.close()


@contextlib.asynccontextmanager
async def workforce(
    folder: Path, net: Net, environ: Mapping[str, str], processes: Processes, umask: int = -1
) -> AsyncIterator[tuple[LocalExecutor, LlmPlanner]]:
    """The executor and the planner of the session in `folder`; what their tools use is let go of at the end."""

    def model(ref: ModelRef) -> ChatModel:
        return make_model(ref, net, environ)

    planner = LlmPlanner(model)
    agents = Agents(model, folder, processes, environ, umask)
    workers: dict[str, Worker] = {
        "prompt": PromptWorker(model),
        "run": RunWorker(processes),
        "python": PythonWorker(processes),
        "merge": MergeWorker(summarise_with(model)),
        "agent": agents,
        "plan": PlanWorker(planner),
    }
    try:
        yield LocalExecutor(workers, OutputJudge(processes)), planner
    finally:
        await agents.close()
