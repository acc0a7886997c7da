"""``swarmtui validate``: every mistake of a task file, with its place and how to mend it; and what could be better."""

from __future__ import annotations

import dataclasses
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path

from swarmtui.cli.console import Console
from swarmtui.cli.failures import UsageError
from swarmtui.cli.targets import find_target
from swarmtui.engine.sources import ItemsError, Malformed, from_file
from swarmtui.host.exits import Exit
from swarmtui.plan.advice import advise
from swarmtui.plan.model import Task
from swarmtui.plan.problems import Problem, TaskError

ITEM_LINES = 10_000
ITEM_FILE_BYTES = 64 * 1024 * 1024
"""How far files of items are looked at: larger ones are not, of others the first so many entries."""
_CHARACTER = re.compile(r" at character (\d+)$")


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
        return _refused(error.problems, console)
    if broken := list(_items_problems(task)):
        return _refused(broken, console)
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


def _refused(problems: Sequence[Problem], console: Console) -> int:
    if console.json:
        found = [dataclasses.asdict(problem) for problem in problems]
        console.emit({"type": "validate", "valid": False, "problems": found})
    else:
        console.say(str(TaskError(list(problems))))
    return Exit.USAGE


def _items_problems(task: Task) -> Iterator[Problem]:
    """What is wrong in the files of items that the plan names outright, as far as they are looked at.

    A file that is not there may be made by what its map needs.
    """
    beside = Path(task.path).parent if task.path else Path()
    for node in task.plan.nodes if task.plan is not None else ():
        named = node.map.path if node.map is not None else None
        if named is None or "{{" in named:
            continue
        path = next((found for base in (beside, Path()) if (found := base / named).is_file()), None)
        if path is not None:
            yield from _in_items(path, node.id)
        elif not node.needs:
            yield Problem(
                str(beside / named), None, None, f"there is no such file, and map {node.id} reads its items there"
            )


def _in_items(path: Path, node: str) -> Iterator[Problem]:
    if path.stat().st_size > ITEM_FILE_BYTES:
        return
    counted = path.suffix.lower() == ".json"  # its entries are elements, of which nobody knows the line
    try:
        with closing(from_file(path)) as entries:
            for place, item in islice(entries, ITEM_LINES):
                if isinstance(item, Malformed):
                    found = _CHARACTER.search(str(item))
                    line, column = (None, None) if counted else (place, int(found[1]) if found else 1)
                    yield Problem(str(path), line, column, f"an item of map {node}: {item}", path=f"[{place - 1}]")
    except ItemsError as error:
        yield Problem(None, None, None, f"map {node}: {error}")


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
