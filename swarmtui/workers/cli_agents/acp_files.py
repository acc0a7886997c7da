"""Files that a program has through the Agent Client Protocol: within its own folder alone, and never what may hold
credentials or belongs to git."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from swarmtui.agents.tools.own_files import withheld
from swarmtui.safety.paths import PathRefused, open_inside
from swarmtui.safety.text import one_line

FILE_BYTES = 10_000_000
"""The largest file that is read or written for a program."""


class ServedFiles:
    """What is below `root`, named from `cwd` on. Its methods block, and raise what the program is answered."""

    def __init__(self, root: Path, cwd: str) -> None:
        self._root = root.resolve()
        self._cwd = cwd

    def real(self, path: str) -> str:
        """Where `path` leads."""
        try:
            return os.path.realpath(os.path.join(self._cwd, path))  # noqa: PTH118  # also of what is no path
        except (OSError, ValueError):
            return "/"

    def hold(self, paths: Sequence[str]) -> bool:
        """Whether all of `paths` lead to files below the root, none of them git's."""
        real = [Path(self.real(path)) for path in paths]
        return all(
            path.is_relative_to(self._root) and ".git" not in path.relative_to(self._root).parts for path in real
        )

    def read(self, path: str) -> str:
        """The whole text of a file."""
        if withheld(os.path.relpath(self.real(path), self._root)):
            raise refusal(
                f"{one_line(path, 200)}: by its name it may hold credentials, and agents do not read such files"
            )
        file = self._open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(file, "rb") as stream:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise refusal(f"{one_line(path, 200)} is no file")
            data = stream.read(FILE_BYTES + 1)
        if len(data) > FILE_BYTES:
            raise refusal(f"{one_line(path, 200)} is larger than {FILE_BYTES:,} bytes")
        return data.decode("utf-8", "replace")

    def write(self, path: str, content: str) -> None:
        """Makes `content` the whole text of a file."""
        data = content.encode("utf-8", "replace")
        if len(data) > FILE_BYTES:
            raise refusal(f"more than {FILE_BYTES:,} bytes for {one_line(path, 200)}")
        file = self._open(path, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK)
        with os.fdopen(file, "wb") as stream:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise refusal(f"{one_line(path, 200)} is no file")
            stream.truncate()
            stream.write(data)

    def _open(self, path: str, flags: int) -> int:
        try:
            relative = Path(path).relative_to(self._root) if Path(path).is_absolute() else Path(path)
            if ".git" in relative.parts:
                raise PathRefused(f"{path!a}: belongs to git")
            return open_inside(self._root, str(relative), flags, 0o666)
        except (PathRefused, ValueError) as error:
            raise refusal(f"{one_line(path, 200)} is not within its folder: {error}") from error
        except OSError as error:
            raise refusal(f"{one_line(path, 200)}: {error.strerror}") from error


def refusal(why: str) -> Exception:
    """What the program is answered when it may not have what it asks for."""
    from acp import RequestError

    error: Exception = RequestError.invalid_params({"details": why})
    return error
