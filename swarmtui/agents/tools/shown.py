"""What of a project code in the sandbox sees: all of it but the files whose names say that they hold credentials.

What it reads may be told to a model, and a model that was talked into it may carry that out. A folder that holds such a
file is shown by its parts, so that nothing has to be hidden in what was shown before. Names are a best effort: in what
is too deep, too large or installed nothing is looked for.
"""

from __future__ import annotations

import os
from pathlib import Path

from swarmtui.agents.tools.own_files import secret_name

PARTS = 500
"""Paths that a project is shown as at most."""
_ENTRIES = 20_000
_DEEPEST = 6
_INSTALLED = frozenset(("node_modules", "site-packages", ".venv", "venv", ".tox", ".nox", ".mypy_cache", "__pycache__"))
_OF_GIT = frozenset(("config", "config.worktree", "credentials"))
_PLAIN_GIT = frozenset(("hooks", "info", "logs", "objects", "refs"))


def shown(project: str | Path) -> list[str]:
    """The paths to show, of which none is below another one. Blocks for the time of looking through the project."""
    root = os.path.realpath(project)
    return _Look().at(root, 0, in_git=False)


class _Look:
    def __init__(self) -> None:
        self._left = _ENTRIES

    def at(self, folder: str, depth: int, *, in_git: bool) -> list[str]:
        """`folder` itself if nothing in it is to be hidden, else what is in it, without that."""
        if depth > _DEEPEST or self._left <= 0:
            return [folder]
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            return [folder]
        self._left -= len(entries)
        parts: list[str] = []
        whole = True
        for entry in entries:
            if entry.is_symlink():
                continue  # within a whole folder it stays a link, which leads nowhere from inside
            if _hidden(entry.name, in_git=in_git):
                whole = False
                continue
            inner = [entry.path]
            if entry.is_dir(follow_symlinks=False) and entry.name not in (_PLAIN_GIT if in_git else _INSTALLED):
                inner = self.at(entry.path, depth + 1, in_git=in_git or entry.name == ".git")
            whole = whole and inner == [entry.path]
            parts += inner
        if whole:
            return [folder]
        return parts[:PARTS]


def _hidden(name: str, *, in_git: bool) -> bool:
    """Whether nothing of that name is shown. The history of a repository is, but what its remotes are asked with."""
    if in_git:
        return name in _OF_GIT
    return name != ".git" and secret_name(name)
