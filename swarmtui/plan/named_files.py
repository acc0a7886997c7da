"""Small files that a task names, such as instructions and schemas: read with the task, so that the plan is whole."""

from __future__ import annotations

from pathlib import Path as FilePath

from swarmtui.plan.checks import Scope
from swarmtui.plan.problems import Path, shown


def read_named(
    scope: Scope, at: Path, named: str, folder: FilePath | None, limit: int, *, itself: str, smaller: str
) -> bytes | None:
    """What is in the file `named`, relative to the task's `folder`; None where that cannot be had, which is reported.

    Without a folder (the task has no file, or is not the user's own) no file is read. `limit` is in bytes; `itself`
    and `smaller` are how to mend a task from which no file is read, and a file that is larger.
    """
    if folder is None:
        scope.report(at, f"no file is read from here: {shown(named)}", itself)
        return None
    data = read_start(scope, at, named, folder, limit + 1)
    if data is not None and len(data) > limit:
        scope.report(at, f"{shown(named)} is larger than {limit // 10**6} MB", smaller)
        return None
    return data


def read_start(scope: Scope, at: Path, named: str, folder: FilePath, size: int) -> bytes | None:
    """The first `size` bytes of the file `named`, relative to `folder`; None where they cannot be read, as reported."""
    try:
        with (folder / named).open("rb") as file:
            return file.read(size)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        why = error.strerror if isinstance(error, OSError) else None
        scope.report(at, f"{shown(named)}: {why or error}", "check the path: it is relative to the task")
        return None
