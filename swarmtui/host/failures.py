"""What a host that cannot go on has to say, and the exit code that goes with it."""

from __future__ import annotations

import os

from swarmtui.host.exits import Exit
from swarmtui.host.lock import LockTaken
from swarmtui.session.errors import LogError, NewerVersion


def explain(error: BaseException) -> tuple[str, Exit] | None:
    """What to tell the user of an error that is theirs or the machine's; None for a defect of the program.

    A group is explained by its first error, if all of it can be.
    """
    if isinstance(error, BaseExceptionGroup):
        told = [explain(one) for one in error.exceptions]
        return told[0] if all(told) else None
    code = _code(error)
    return None if code is None else (_said(error), code)


def _said(error: BaseException) -> str:
    """An error of the system as `what: why`; any other as it is."""
    if type(error).__str__ is OSError.__str__ and isinstance(error, OSError) and error.strerror:
        named = isinstance(error.filename, str | bytes | os.PathLike) and error.filename
        return f"{os.fsdecode(error.filename)}: {error.strerror}" if named else error.strerror
    return str(error)


def _code(error: BaseException) -> Exit | None:
    from swarmtui.models.catalog import CatalogError
    from swarmtui.plan.problems import TaskError
    from swarmtui.safety.paths import PathRefused

    match error:
        case LockTaken():
            return Exit.FAILED
        case TaskError() | CatalogError():
            return Exit.USAGE
        case PathRefused() | PermissionError():
            return Exit.PERMISSION
        case NewerVersion():
            return Exit.VERSION
        case LogError() | OSError():
            return Exit.DISK
        case _:
            return None
