"""A project to review, written by a test, and the review's steps run on it as a session runs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from swarmtui.engine.ports import Done, Failed, NodeResult
from swarmtui.plan.model import JSON, MergeSpec, PythonSpec
from swarmtui.plan.taskfile import load_task
from swarmtui.session.vocabulary import State
from swarmtui.workers.local import Worker
from swarmtui.workers.merge import MergeWorker
from swarmtui.workers.process import Processes
from swarmtui.workers.python import PythonWorker
from tests.workers.building import attempt, carry_out

SAMPLES = Path(__file__).parents[2] / "sample_tasks"
TASK = load_task(SAMPLES / "code_review.yaml")


class Review:
    """Runs steps of ``code_review.yaml`` on the folder `project`."""

    def __init__(self, tmp_path: Path) -> None:
        self.project = tmp_path / "a project"  # with a space, as folders have
        self.project.mkdir()
        self._work = tmp_path / "work"
        self._inventory: str | None = None

    def write(self, name: str, text: str | bytes) -> Review:
        """One file of the project."""
        path = self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return self

    async def end(self, node: str, path: str | None = None) -> Done | Failed:
        """How a step ends; the inventory is made first."""
        assert TASK.plan is not None
        spec = TASK.plan.node(node).spec
        assert isinstance(spec, PythonSpec)
        if node == "inventory":
            values = {"path": str(self.project) if path is None else path}
        else:
            values = {"inventory": await self._inventory_path()}
        folder = self._work / node
        folder.mkdir(parents=True, exist_ok=True)
        worker: Worker = PythonWorker(Processes())
        tried = attempt(
            PythonSpec(file=spec.file, values=values), folder, task_folder=str(SAMPLES), cwd=str(self.project)
        )
        return await carry_out(worker, tried)

    async def _inventory_path(self) -> str:
        if self._inventory is None:
            ending = await self.end("inventory")
            assert isinstance(ending, Done), ending
            assert ending.path is not None
            self._inventory = ending.path
        return self._inventory

    async def inventory(self) -> dict[str, Any]:
        """What the inventory says."""
        made: dict[str, Any] = json.loads(Path(await self._inventory_path()).read_text())
        return made

    async def find(self, node: str, rule: str | None = None) -> list[dict[str, JSON]]:
        """A step's findings, or those by one rule."""
        ending = await self.end(node)
        assert isinstance(ending, Done), ending
        found = json.loads(ending.output)
        found = found["findings"] if isinstance(found, dict) else found
        return [one for one in found if rule in (None, one["rule"])]

    async def places(self, node: str, rule: str) -> list[tuple[str, int, str]]:
        """Path, line and severity of a step's findings by a rule."""
        return [(one["path"], one["line"], one["severity"]) for one in await self.find(node, rule)]

    async def report(self) -> tuple[str, list[dict[str, JSON]]]:
        """The report of the whole review, and its findings."""
        assert TASK.plan is not None
        merge = TASK.plan.node("report")
        assert isinstance(merge.spec, MergeSpec)
        results = []
        for need in merge.needs:
            ending = await self.end(need)
            state, path = (State.SUCCEEDED, ending.path) if isinstance(ending, Done) else (State.FAILED, None)
            error = ending.error.message if isinstance(ending, Failed) else None
            results.append(NodeResult(need, state, TASK.plan.node(need).title or "", path, error))
        folder = self._work / "report"
        folder.mkdir(parents=True)
        done = await MergeWorker()(attempt(merge.spec, folder, results=tuple(results)), lambda _: None)
        return done.output, json.loads((folder / "findings.json").read_text())
