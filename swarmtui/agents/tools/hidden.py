"""What of a project code in the sandbox does not see: the files whose names say that they hold credentials.

What it reads may be told to a model, and a model that was talked into it may carry that out. Names are a best effort:
in what is installed nothing is looked for, and in a project of very many files not everywhere, which is said.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from pathlib import Path

from swarmtui.agents.tools.own_files import secret_name
from swarmtui.frozen import frozen

MOST = 400
"""Places that are hidden at most: each is a mount, and takes the longer the more there are (half a second for so many).
Where there are more, whole folders are hidden."""
ENTRIES = 100_000
"""Entries that are looked at, those near the project's root first."""
_INSTALLED = frozenset(("node_modules", "site-packages", ".venv", "venv", ".tox", ".nox", ".mypy_cache", "__pycache__"))
_OF_GIT = frozenset(("config", "config.worktree", "credentials"))
_PLAIN_GIT = frozenset(("hooks", "info", "logs", "objects", "refs"))


@frozen
class Hidden:
    """What is not to be seen."""

    paths: tuple[str, ...]
    """Files and folders, none of them below another one, none of them a symbolic link."""
    remark: str = ""
    """What could not be done as it should be, in one line for the log."""


def hidden(project: str | Path, *, most: int = MOST, entries: int = ENTRIES) -> Hidden:
    """What to hide of `project`. Blocks for the time of looking through it: about a microsecond or two per entry.

    Raises OSError where so much lies in its own folder that the whole of it would have to be hidden.
    """
    root = os.path.realpath(project)
    found, unseen = _found(root, entries)
    paths, whole = _fewer(root, found, most)
    remarks = []
    if unseen:
        remarks.append(
            f"the project has more than {entries:,} files: {unseen:,} folders were not looked through for credentials"
        )
    if whole:
        remarks.append(f"so many files may hold credentials that whole folders are hidden: {', '.join(whole[:5])}")
    return Hidden(tuple(paths), "; ".join(remarks))


def _found(root: str, most: int) -> tuple[set[str], int]:
    """What is to be hidden, and how many folders were not looked at."""
    found: set[str] = set()
    waiting = deque([(root, False)])
    seen = 0
    while waiting and seen <= most:
        folder, in_git = waiting.popleft()
        try:
            with os.scandir(folder) as listing:
                for entry in listing:
                    seen += 1
                    if _secret(entry.name, in_git=in_git):
                        found.update(_itself(entry, root))
                    elif entry.is_dir(follow_symlinks=False) and entry.name not in (
                        _PLAIN_GIT if in_git else _INSTALLED
                    ):
                        waiting.append((entry.path, in_git or entry.name == ".git"))
        except OSError:
            continue  # nor can the code look into it
    return found, len(waiting)


def _itself(entry: os.DirEntry[str], root: str) -> tuple[str, ...]:
    """What has the credentials: where a link leads, if that is in the project at all."""
    if not entry.is_symlink():
        return (entry.path,)
    real = os.path.realpath(entry.path)
    return (real,) if real.startswith(f"{root}/") and Path(real).exists() else ()


def _fewer(root: str, found: set[str], most: int) -> tuple[list[str], list[str]]:
    """At most so many places that cover all that was found, and the folders among them that stand for more."""
    paths = _outermost(found)
    whole: list[str] = []
    while len(paths) > most:
        folder = _fullest(root, paths)
        if folder is None:
            raise OSError(f"{root}: too many files have names of files with credentials; keep them elsewhere")
        whole.append(os.path.relpath(folder, root))
        paths = _outermost({*paths, folder})
    return paths, whole


def _fullest(root: str, paths: list[str]) -> str | None:
    """The folder to hide instead of what is in it: the one with the most, or else one further out that has several."""
    near = Counter(path.rpartition("/")[0] for path in paths)
    far = Counter(str(folder) for path in paths for folder in Path(path).parents if len(str(folder)) > len(root))
    for counted in (near, far):
        del counted[root]
        if counted and counted.most_common(1)[0][1] > 1:
            return counted.most_common(1)[0][0]
    return None


def _outermost(paths: set[str]) -> list[str]:
    kept: list[str] = []
    for path in sorted(paths, key=lambda one: one.split("/")):
        if not (kept and path.startswith(f"{kept[-1]}/")):
            kept.append(path)
    return kept


def _secret(name: str, *, in_git: bool) -> bool:
    """Whether nothing of that name is shown. The history of a repository is, but what its remotes are asked with."""
    if in_git:
        return name in _OF_GIT
    return name != ".git" and secret_name(name)
