"""Sessions from Python, without a terminal, a socket or a second process: ``await swarmtui.run("task.yaml")``."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from swarmtui.frozen import frozen
from swarmtui.host.archive import FileFeed
from swarmtui.host.lock import locked
from swarmtui.host.rest import at_rest
from swarmtui.host.spec import LaunchSpec, read_task, translated
from swarmtui.plan.model import JSON, Plan, Task
from swarmtui.safety.paths import ensure_private, places
from swarmtui.session.events import Event
from swarmtui.session.folder import SessionFolder, new_session_folder
from swarmtui.session.reader import Reader
from swarmtui.session.rows import row_to_event
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import Status


@frozen
class Session:
    """A session that is at rest: ended, or waiting for somebody. It stays on the disk and in ``swarmtui ls``."""

    folder: SessionFolder
    state: SessionState

    @property
    def id(self) -> str:
        """As ``swarmtui ls`` lists it."""
        return self.folder.id

    @property
    def status(self) -> Status:
        """Succeeded, failed or cancelled; or awaiting approval or an answer, for which ``swarmtui resume`` goes on."""
        return self.state.status

    @property
    def events(self) -> list[Event]:
        """Everything that happened, in order, read from the session file."""
        with Reader(self.folder.db) as reader:
            return [row_to_event(row) for row in reader.rows()]

    @property
    def report(self) -> str | None:
        """The report as Markdown; None if there is none."""
        if self.state.report_path is None:
            return None
        return (self.folder.path / self.state.report_path).read_text("utf-8", "replace")

    async def output(self, node: str, item: int | None = None) -> str:
        """The whole output of a node or an item; empty if there is none."""
        feed = await FileFeed.open(self.folder)
        return await feed.output(node, item)


async def run(
    task: str | os.PathLike[str] | Task | Plan,
    *,
    approve: bool = False,
    inputs: Mapping[str, JSON] | None = None,
    concurrency: int | Literal["auto"] | None = None,
    out: str | os.PathLike[str] | None = None,
    models: Mapping[str, str] | None = None,
) -> Session:
    """Run `task` in this process until it is at rest.

    `task` is a task file or an ``.orchestrator`` folder (a path, or a string that names one), a goal in words, or a
    task or plan. A plan that is the user's own runs at once; what the planner writes does with `approve`, else the
    session comes back awaiting approval.
    Raises TaskError, CatalogError, LogError, PathRefused.
    """
    spec = _spec(task, approve=approve, inputs=inputs, concurrency=concurrency, out=out, models=models)
    return await run_spec(await asyncio.to_thread(translated, spec))


async def run_spec(spec: LaunchSpec) -> Session:
    """Run what `spec` says in this process until it is at rest. Raises as :func:`run` does."""
    from swarmtui.host.assembly import assembled, host_started, started

    await asyncio.to_thread(read_task, spec)  # refused before anything is made
    ensure_private(places().state)
    folder = new_session_folder(ensure_private(places().state / "sessions"))
    spec.write(folder)
    with locked(folder):
        async with assembled(folder, spec) as conductor:
            running = asyncio.create_task(conductor.run(host_started(folder.id)))
            try:
                await started(conductor, running)
                while not running.done() and not at_rest(conductor.state):
                    seen = asyncio.create_task(conductor.log.after(conductor.state.seq))
                    await asyncio.wait((running, seen), return_when=asyncio.FIRST_COMPLETED)
                    seen.cancel()
            finally:
                conductor.stop("finished", 0.0)
                await running
            return Session(folder, conductor.state)


def _spec(
    task: str | os.PathLike[str] | Task | Plan,
    *,
    approve: bool,
    inputs: Mapping[str, JSON] | None,
    concurrency: int | Literal["auto"] | None,
    out: str | os.PathLike[str] | None,
    models: Mapping[str, str] | None,
) -> LaunchSpec:
    text: str | None = None
    goal: str | None = None
    path: str | None = None
    match task:
        case Plan():
            from swarmtui.plan.render import plan_to_yaml

            text = plan_to_yaml(task)
        case Task():
            from swarmtui.plan.render import task_to_yaml

            text, path = task_to_yaml(task), task.path
        case str() if not _names_a_file(task):
            goal = task
        case _:
            path = str(Path(task).absolute())
            text = None if Path(task).is_dir() else Path(task).read_text("utf-8", "replace")
    return LaunchSpec(
        cwd=str(Path.cwd()),
        goal=goal,
        text=text,
        file=str(task) if path else "task",
        path=path,
        inputs=dict(inputs or {}),
        models=dict(models or {}),
        approve=approve,
        concurrency=concurrency,
        out=str(Path(out).absolute()) if out is not None else None,
        viewer=False,
    )


def _names_a_file(task: str) -> bool:
    if task.endswith((".yaml", ".yml")):
        return True
    if "\n" in task or len(task) >= 4096:
        return False
    if Path(task).is_file():
        return True
    from swarmtui.plan.importers import find_folder

    return Path(task).is_dir() and find_folder(Path(task)) is not None
