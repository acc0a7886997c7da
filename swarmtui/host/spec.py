"""What a new session is told to do: written by the launcher, read by the host."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON, Limits, MapSpec, ModelRef, Plan, Task
from swarmtui.plan.problems import Problem, TaskError
from swarmtui.safety.paths import write_atomic
from swarmtui.session.folder import SessionFolder

if TYPE_CHECKING:
    from swarmtui.plan.importers import Imported

WORKER_INPUT = "worker"
"""The input of an ``.orchestrator`` folder, which has no file to declare it."""


@frozen
class LaunchSpec:
    """A task and how to run it. Exactly one of `goal` and `text` is set."""

    cwd: str
    """Folder in which the user started, absolute."""
    goal: str | None = None
    text: str | None = None
    """The task file's YAML as it was when the user started it."""
    file: str = "task"
    """How messages call the task file."""
    path: str | None = None
    """The task file, absolute; what it names is relative to its folder."""
    inputs: dict[str, JSON] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    """Tier or local name -> model, over what the task file says."""
    approve: bool = False
    """Approve any plan without asking."""
    review: bool = False
    """Ask even for a plan that is the user's own."""
    concurrency: int | Literal["auto"] | None = None
    """Over what the task file says; None leaves that as it is."""
    items: str | None = None
    """File with the items of the plan's one map, absolute."""
    out: str | None = None
    """Folder that gets a copy of the report, absolute."""
    remarks: tuple[str, ...] = ()
    """What the translation of another system's task had to say; recorded in the session's log."""
    write_back: str | None = None
    """The ``.orchestrator`` folder that shows the session, absolute."""
    reuse: Literal["session", "any", "none"] = "session"
    """Where results may be taken over from when something is run again."""
    unattended: bool = False
    """Nobody can be asked while it runs: an agent that asks for permission is refused it."""
    viewer: bool = True
    """Whether somebody is about to attach: the host then waits longer for them."""

    @property
    def task_folder(self) -> Path:
        """The folder that the task's relative file names are relative to."""
        return Path(self.path).parent if self.path else Path(self.cwd)

    def write(self, folder: SessionFolder) -> None:
        """Put it where the session's host finds it, readable for the user alone."""
        write_atomic(folder.launch, json.dumps(asdict(self)))

    @classmethod
    def read(cls, folder: SessionFolder) -> LaunchSpec:
        """What :meth:`write` wrote. Raises OSError, ValueError (``pydantic.ValidationError``)."""
        from pydantic import TypeAdapter

        spec: LaunchSpec = TypeAdapter(cls).validate_json(folder.launch.read_bytes())
        return spec


def translated(spec: LaunchSpec, environ: Mapping[str, str] = os.environ) -> LaunchSpec:
    """`spec` with a task file of ours instead of what another system wrote; as it is if that is ours already.

    Of an ``.orchestrator`` folder the input ``worker`` says who carries its tasks out. Raises TaskError.
    """
    imported = _imported(spec)
    if imported is None:
        return spec
    from swarmtui.plan.render import task_to_yaml

    task = _with_keys(imported.task, environ)
    inputs = {name: value for name, value in spec.inputs.items() if imported.folder is None or name != WORKER_INPUT}
    return replace(
        spec,
        text=task_to_yaml(task),
        inputs=inputs,
        remarks=(*imported.remarks, *_keyless(task)),
        write_back=None if imported.folder is None else str(imported.folder),
        path=spec.path if imported.folder is None else str(imported.folder),
    )


def _imported(spec: LaunchSpec) -> Imported | None:
    from swarmtui.plan.importers import find_folder, import_deepswarm, import_deerflow, import_folder

    if spec.text is not None:
        ours = import_deepswarm(spec.text, file=spec.file, path=spec.path, has_items=spec.items is not None)
        return ours or import_deerflow(spec.text, file=spec.file, path=spec.path)
    folder = None if spec.path is None else find_folder(Path(spec.path))
    if folder is None:
        return None
    worker = spec.inputs.get(WORKER_INPUT)
    return import_folder(folder, worker=None if worker is None else str(worker))


def _with_keys(task: Task, environ: Mapping[str, str]) -> Task:
    """`task` with the key's name for each model whose address is that of a provider we know."""
    from swarmtui.models.configuration import user_catalog

    def keyed(model: str | ModelRef) -> str | ModelRef:
        if not isinstance(model, ModelRef) or model.base_url is None or model.api_key_env is not None:
            return model
        host = urlsplit(model.base_url).hostname
        known = (one for one in user_catalog(environ) if one.base_url and urlsplit(one.base_url).hostname == host)
        return replace(model, api_key_env=next((one.key_name(environ) for one in known if not one.local), None))

    return replace(task, models={name: keyed(model) for name, model in task.models.items()})


def _keyless(task: Task) -> Iterator[str]:
    """A remark for each model elsewhere that is asked without a key."""
    for name, model in task.models.items():
        if isinstance(model, ModelRef) and model.base_url is not None and model.api_key_env is None:
            host = urlsplit(model.base_url).hostname
            if host not in ("localhost", "127.0.0.1", "::1"):
                yield f"{name}: no key is known for {host}, and none is sent: --model {name}=PROVIDER/MODEL has one"


def read_task(spec: LaunchSpec) -> tuple[Task, dict[str, JSON]]:
    """The task with everything that the spec changes applied, and the value of each input.

    Raises TaskError with everything that is wrong.
    """
    from swarmtui.plan.inputs import bind_inputs
    from swarmtui.plan.taskfile import parse_task

    if spec.text is None:
        return _limited(Task(spec.goal or ""), spec), dict(spec.inputs)
    task = parse_task(spec.text, file=spec.file, path=spec.path)
    if spec.items is not None:
        task = replace(task, plan=_with_items(task.plan, spec.items))
    return _limited(task, spec), bind_inputs(task, spec.inputs)


def _limited(task: Task, spec: LaunchSpec) -> Task:
    models: dict[str, str | ModelRef] = {**task.models, **spec.models}
    limits: Limits = task.limits
    if spec.concurrency is not None:
        limits = replace(limits, concurrency=None if spec.concurrency == "auto" else spec.concurrency)
    return replace(task, models=models, limits=limits)


def _with_items(plan: Plan | None, path: str) -> Plan | None:
    maps = [node for node in plan.nodes if node.map is not None and node.map.node is None] if plan else []
    if plan is None or len(maps) != 1:
        found = ", ".join(node.id for node in maps) or "none"
        what = f"--items needs a task with exactly one map over items that are given; this one has {found}"
        raise TaskError([Problem(None, None, None, what)])
    chosen = maps[0]
    mapped = replace(chosen.map or MapSpec(), path=path, values=None)
    return replace(plan, nodes=tuple(replace(node, map=mapped) if node is chosen else node for node in plan.nodes))
