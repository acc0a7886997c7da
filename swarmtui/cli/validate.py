"""``swarmtui validate``: every mistake of a task file, with its place and how to mend it; and what could be better."""

from __future__ import annotations

import dataclasses
from argparse import ArgumentParser, Namespace
from pathlib import Path

from swarmtui.cli.console import Console
from swarmtui.cli.failures import UsageError
from swarmtui.cli.targets import find_target
from swarmtui.host.exits import Exit
from swarmtui.plan.advice import advise
from swarmtui.plan.model import Task
from swarmtui.plan.problems import TaskError


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("task", metavar="TASK", help="the task file, or the name of a sample")
    parser.add_argument("--json", action="store_true", help="print {valid, problems, advice} as JSON")


def run(arguments: Namespace, console: Console) -> int:
    """Check the file; mistakes go to standard output, as editors and scripts expect."""
    target = find_target(arguments.task)
    if target.path is None:
        raise UsageError(f"{arguments.task}: there is no such task file")
    try:
        task, remarks = _read(target.path)
    except TaskError as error:
        if console.json:
            problems = [dataclasses.asdict(problem) for problem in error.problems]
            console.emit({"type": "validate", "valid": False, "problems": problems})
        else:
            console.say(str(error))
        return Exit.USAGE
    advice = () if task.plan is None else advise(task.plan)
    if console.json:
        found = {"problems": [], "warnings": list(remarks), "advice": [dataclasses.asdict(one) for one in advice]}
        console.emit({"type": "validate", "valid": True, **found})
    else:
        for remark in remarks:
            console.say(f"{target.path}: warning: {remark}")
        for one in advice:
            console.say(f"{target.path}: advice: {one}")
        console.say(f"{target.path}: valid: {_about(task)}")
    return Exit.OK


def _read(path: Path) -> tuple[Task, tuple[str, ...]]:
    """The task, and what is to be remarked on it. Raises TaskError, OSError."""
    from swarmtui.plan.importers import find_folder, import_deepswarm, import_folder
    from swarmtui.plan.taskfile import load_task

    folder = find_folder(path) if path.is_dir() else None
    if folder is not None:
        imported = import_folder(folder)
    else:
        task = load_task(path)
        found = (
            import_deepswarm(path.read_bytes(), file=str(path), path=str(path.absolute())) if path.is_file() else None
        )
        if found is None:
            return task, ()
        imported = found
    return imported.task, imported.remarks


def _about(task: Task) -> str:
    if task.plan is None:
        return "a goal; the planner writes the nodes"
    return f"{len(task.plan.nodes)} node{'s' if len(task.plan.nodes) != 1 else ''}"
