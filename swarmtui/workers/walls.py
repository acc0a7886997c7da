"""The wall that the kernel keeps around the processes of one sandboxed command where swarmtui runs as root.

For any other user the limit on processes holds by itself (:class:`swarmtui.safety.sandbox.Rlimits`). Root has none,
and a fork bomb outruns whoever only looks (:mod:`swarmtui.workers.bounds`): within a second the machine is full of
processes that leave nobody else a processor. So the command is put into a control group of its own that has a most
number of tasks, in version 1 or 2 of those groups, whichever has the controller ``pids``. Where no group can be made
there is no wall, and somebody looks all the same.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_NAME = "swarmtui-"
_JOIN = '{ echo $$ >"$0"; } 2>/dev/null; exec "$@"'
_NUMBERS = itertools.count()
_PROC = Path("/proc/self")
_LIMITS = ("memory.max", "memory.high", "memory.swap.max", "cpu.max")
"""Files of a group of version 2; their first word is ``max`` where nothing is limited."""
_JOINED_S = 60.0  # a group this old that is empty is not one that somebody is about to join


@contextmanager
def walled(argv: Sequence[str], tasks: int, parent: Path | None = None) -> Iterator[list[str]]:
    """What to execute instead of `argv`, so that all it starts is behind a wall: at most `tasks` processes and threads.

    It is `argv` itself where there is no wall. `parent` is the group to make one in, if not where this process belongs.
    What was executed must have ended when the block is left. Walls that killed hosts left behind are taken away.
    """
    folder = _built(tasks, parent)
    if folder is None:
        yield list(argv)
        return
    try:
        yield ["/bin/sh", "-c", _JOIN, str(folder / "cgroup.procs"), *argv]
    finally:
        with suppress(OSError):  # the last processes are still dying: the next wall takes it away
            folder.rmdir()


def _built(tasks: int, parent: Path | None) -> Path | None:
    if os.geteuid() != 0 and parent is None:
        return None
    home = parent or _home()
    if home is None:
        return None
    _sweep(home)
    folder = home / f"{_NAME}{os.getpid()}-{next(_NUMBERS)}"
    try:
        folder.mkdir()
        (folder / "pids.max").write_text(f"{tasks}\n", "ascii")
    except OSError:  # read-only, or without the controller
        with suppress(OSError):
            folder.rmdir()
        return None
    return folder


def _home(proc: Path = _PROC) -> Path | None:
    """The nearest group at or above our own whose children have the controller ``pids``.

    In version 2 a command leaves the groups in between, so that none of them may have set a limit to what we use.
    """
    for point, root, own, unified in _hierarchies(proc):
        below = own.removeprefix(root).strip("/") if own.startswith(root) else ""
        group = Path(point, below)
        while group.is_relative_to(point):
            if not unified or "pids" in _words(group / "cgroup.subtree_control"):
                return group if group.is_dir() else None
            if group == Path(point) or any(_words(group / name)[:1] not in ([], ["max"]) for name in _LIMITS):
                break
            group = group.parent
    return None


def _hierarchies(proc: Path) -> Iterator[tuple[str, str, str, bool]]:
    """Hierarchies that may have the controller: mount point, what is mounted there, our own group, if version 2."""
    own = [line.split(":", 2) for line in _lines(proc / "cgroup") if line.count(":") >= 2]
    for line in _lines(proc / "mountinfo"):
        left, _, right = line.partition(" - ")
        fields, kind = left.split(), right.split()
        if len(fields) < 5 or len(kind) < 3 or kind[0] not in ("cgroup", "cgroup2"):
            continue
        unified = kind[0] == "cgroup2"
        if unified or "pids" in kind[2].split(","):
            for _, controllers, path in own:
                if controllers == "" if unified else "pids" in controllers.split(","):
                    yield fields[4], fields[3], path, unified


def _sweep(home: Path) -> None:
    """Take away empty groups whose host is gone, or whose command must be. One with processes in it stays anyway."""
    for folder in home.glob(f"{_NAME}*"):
        host, _, number = folder.name.removeprefix(_NAME).partition("-")
        with suppress(OSError):
            if number and (not Path("/proc", host).exists() or time.time() - folder.stat().st_mtime > _JOINED_S):
                folder.rmdir()


def _lines(path: Path) -> list[str]:
    with suppress(OSError):
        return path.read_text("utf-8", "replace").splitlines()
    return []


def _words(path: Path) -> list[str]:
    return [word for line in _lines(path) for word in line.split()]
