"""Builders for attempts and a way to carry one out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from swarmtui.engine.ports import Attempt, Delta, Done, Failed, Inquiry, Signal, ToolCalled
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


@dataclass
class Telling:
    """A course: keeps what it is told, and answers what is asked, in the order of `answers`; else with a no."""

    told: list[Any]
    answers: list[str] = field(default_factory=list)
    asked_for: list[Inquiry] = field(default_factory=list)
    hear: Callable[[Any], None] = lambda signal: None

    def __call__(self, signal: Signal, /) -> None:
        self.told.append(signal)
        self.hear(signal)

    async def recorded(self, signal: ToolCalled) -> None:
        self.told.append(signal)

    async def admitted(self, model: str = "") -> None:
        """At once."""

    async def asked(self, inquiry: Inquiry) -> str:
        self.asked_for.append(inquiry)
        return self.answers.pop(0) if self.answers else "deny"


async def carry_out(
    worker: Worker, tried: Attempt, deltas: list[Delta] | None = None, course: Telling | None = None
) -> Done | Failed:
    """How `worker` ends `tried`."""
    try:
        return await worker(tried, course or Telling([] if deltas is None else deltas))
    except WorkerFailed as failed:
        return failed.failed
