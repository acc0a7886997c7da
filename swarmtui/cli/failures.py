"""Errors that are not defects of the program: what to say, and with which exit code to end."""

from __future__ import annotations

import errno

from swarmtui.frozen import frozen
from swarmtui.host.exits import Exit
from swarmtui.safety.paths import PathRefused


class UsageError(Exception):
    """What was asked for cannot be done; the text says why and how it would work."""

    def __init__(self, message: str, code: Exit = Exit.USAGE) -> None:
        super().__init__(message)
        self.code = code


@frozen
class Told:
    """A message for the user and the exit code that goes with it."""

    message: str
    code: Exit


def explain(error: Exception) -> Told | None:
    """What to tell the user; None for what is a defect and deserves its traceback."""
    return _of_session(error) or _of_system(error)


def _of_session(error: Exception) -> Told | None:
    from swarmtui.host.address import BadAddress  # all of this is a third of a start, and most starts go well
    from swarmtui.host.dialling import Unreachable
    from swarmtui.host.feed import CommandRefused
    from swarmtui.host.jsonrpc import Code
    from swarmtui.host.launch import LaunchFailed
    from swarmtui.models.catalog import CatalogError
    from swarmtui.plan.problems import TaskError
    from swarmtui.session.errors import Forbidden, LogError
    from swarmtui.session.folder import SessionMissing
    from swarmtui.session.placing import NameRefused

    text = str(error)
    match error:
        case UsageError() | LaunchFailed():
            return Told(text, error.code)
        case TaskError() | CatalogError() | NameRefused() | BadAddress():
            return Told(text, Exit.USAGE)
        case SessionMissing():
            return Told(text, Exit.NO_SESSION)
        case CommandRefused():
            return Told(text, Exit.PERMISSION if error.code == Code.FORBIDDEN else Exit.FAILED)
        case Unreachable():
            same = (Exit.NO_SESSION, Exit.PERMISSION, Exit.VERSION, Exit.NOT_INSTALLED)
            codes: dict[int | None, Exit] = {code: code for code in same}
            codes |= {Code.VERSION: Exit.VERSION, Code.FORBIDDEN: Exit.PERMISSION}
            return Told(text, codes.get(error.code, Exit.LOST))
        case Forbidden():
            return Told(text, Exit.PERMISSION)
        case LogError():
            return Told(text, Exit.VERSION if "newer version" in text else Exit.DISK)
        case _:
            return None


def _of_system(error: Exception) -> Told | None:
    match error:
        case PathRefused() | PermissionError():
            return Told(str(error), Exit.PERMISSION)
        case ConnectionError():
            return Told(str(error), Exit.LOST)
        case OSError(errno=errno.ENOENT):
            return Told(f"{error.filename}: there is no such file", Exit.USAGE)
        case OSError():
            what = "input or output failed" if error.filename is None else error.filename
            return Told(f"{what}: {error.strerror or error}", Exit.DISK)
        case _:
            return None
