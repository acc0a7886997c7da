"""Machines that the user's ssh knows by name: ``Host`` of ``~/.ssh/config`` and what it includes."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from glob import glob
from pathlib import Path

DEPTH = 4
"""How deep files may include each other; ssh itself allows 16."""
MAX_BYTES = 1_000_000


def ssh_names(home: Path | None = None) -> list[str]:
    """Names without wildcards, each once, in the order of the files. What cannot be read is passed over."""
    folder = (home or Path.home()) / ".ssh"
    return list(dict.fromkeys(_names(folder / "config", folder, DEPTH)))


def _names(path: Path, folder: Path, depth: int) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            lines = file.read(MAX_BYTES).splitlines()
    except OSError:
        return
    for line in lines:
        try:
            words = shlex.split(line.replace("=", " ", 1), comments=True)
        except ValueError:
            continue
        match words:
            case [keyword, *names] if keyword.casefold() == "host":
                yield from (name for name in names if not set(name) & set("*?!"))
            case [keyword, *patterns] if keyword.casefold() == "include" and depth:
                for pattern in patterns:
                    path = folder / os.path.expanduser(pattern)  # noqa: PTH111 - of a user who is not there it fails
                    for found in sorted(glob(str(path))):  # noqa: PTH207 - absolute ones
                        yield from _names(Path(found), folder, depth - 1)
