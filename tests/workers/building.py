"""Builders for attempts and a way to carry one out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from swarmtui.engine.ports import Attempt, Delta, Done, Failed
from swarmtui.plan.model import PromptSpec, Spec
from swarmtui.workers.local import Worker, WorkerFailed


def attempt(spec: Spec | None = None, folder: Path | str = "/nonexistent", **fields: Any) -> Attempt:
    """An attempt at a node of the user's own plan; `folder` is also where it runs and where its task file is."""
    number = fields.pop("number", 1)
    item = fields.pop("item", None)
    given = {
        "id": f"node/{'' if item is None else item}/{number}",
        "session": "s1",
        "node": "node",
        "item": item,
        "number": number,
        "key": "key-1",
        "spec": spec or PromptSpec("hello"),
        "cwd": str(folder),
        "folder": str(folder),
        "task_folder": str(folder),
        "trusted": True,
    }
    return Attempt(**(given | fields))


async def carry_out(worker: Worker, tried: Attempt, deltas: list[Delta] | None = None) -> Done | Failed:
    """How `worker` ends `tried`."""
    told: list[Delta] = [] if deltas is None else deltas
    try:
        return await worker(tried, told.append)
    except WorkerFailed as failed:
        return failed.failed
