"""What can be wrong with a session file, each with what to do next; every error of this package is a :class:`LogError`.

The exit code that a command or host ends with follows from the class: 5 for :class:`NewerVersion`, 4 for
:class:`Forbidden`, else 74.
"""

from __future__ import annotations

import shlex
import stat
from pathlib import Path


class LogError(Exception):
    """The session file cannot be used; the text says why and what to do, in one line."""


class LogClosed(LogError, ValueError):
    """The log was closed before what was asked for could be done."""


class Damaged(LogError):
    """The file is not what was written, or cannot be read; the text names ``swarmtui recover``."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}; `{recover_command(path)}` saves what is intact")


class NewerVersion(LogError):
    """A newer version of the program wrote the file."""

    def __init__(self, path: Path, app: object) -> None:
        super().__init__(f"{path}: written by swarmtui {app}, needs a newer version than this one to be read")


class Forbidden(LogError):
    """This user may not read the file."""

    def __init__(self, path: Path) -> None:
        try:
            found = path.stat()
            whose = f" (owner uid {found.st_uid}, mode {stat.S_IMODE(found.st_mode):04o})"
        except OSError:
            whose = ""
        super().__init__(f"{path}: permission denied{whose}: log in as its owner, or have them `chmod u+rw` it")


def recover_command(path: Path) -> str:
    """The command that saves what is intact of the session file at `path`."""
    return f"swarmtui recover {path.parent.name if path.name == 'session.db' else shlex.quote(str(path))}"


def first_line(error: BaseException) -> str:
    """What an error says, without the lines that only a developer reads."""
    return str(error).partition("\n")[0] or type(error).__name__
