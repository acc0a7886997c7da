"""The list of sessions, read again and again: a file is opened only where something was written since.

:func:`swarmtui.host.locate.list_sessions` says the same at once and keeps nothing; it opens every file. For a screen
that reads the list every two seconds, two thousand files would be two seconds of work each time.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from swarmtui.frozen import frozen
from swarmtui.host.locate import newest_first, session_row, sessions_root
from swarmtui.session.folder import SessionFolder, session_folders
from swarmtui.session.vocabulary import FINAL

if TYPE_CHECKING:
    from swarmtui.plan.model import JSON
    from swarmtui.safety.paths import Places

SETTLED_S = 1.0
"""What was written less long ago than this may be written once more within the same tick of the file system's clock."""

Row: TypeAlias = "dict[str, JSON]"
Stamp = tuple[tuple[int, int], ...]
"""When (nanoseconds) each file was written, and how large it is; last, whether a host lives."""


@frozen
class _Kept:
    stamp: Stamp
    row: Row


class Listing:
    """The sessions of this machine; not for two threads at once."""

    def __init__(self, where: Places | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._where, self._clock = where, clock
        self._kept: dict[str, _Kept] = {}
        self.behind = False
        """Whether the last reading has left sessions to the next one."""

    def read(self, patience_s: float = math.inf) -> list[Row]:
        """As :func:`swarmtui.host.locate.list_sessions`; a row of which nothing has changed is the very same object.

        Of a session whose host lives, figures may be a second old: they are those that the host keeps for lists. After
        `patience_s` of opening files no more are opened: the newest sessions come first, the others with the readings
        that follow. Blocks.
        """
        self._kept = dict(self._read(patience_s))
        return newest_first(one.row for one in self._kept.values())

    def _read(self, patience_s: float) -> Iterator[tuple[str, _Kept]]:
        root, unread, left = sessions_root(self._where), set[str](), False
        with suppress(FileNotFoundError):
            for name in os.listdir(root):  # noqa: PTH208 - a thousand paths are a thousand objects
                before = self._kept.get(name)
                stamp = None if before is None else _stamp(f"{root}/{name}", before)
                if before is not None and stamp == before.stamp:
                    yield name, before
                else:
                    unread.add(name)
        deadline = time.monotonic() + patience_s  # of the opening alone: each reading comes further than the one before
        for folder in session_folders(root) if unread else ():
            if folder.id not in unread:
                continue
            before = self._kept.get(folder.id)
            if time.monotonic() > deadline:
                left = True
                if before is not None:
                    yield folder.id, before
                continue
            yield folder.id, self._read_one(folder, before)
        self.behind = left

    def _read_one(self, folder: SessionFolder, before: _Kept | None) -> _Kept:
        stamp = _stamp(str(folder.path), None)  # before the row: what is written meanwhile is read the next time
        row = session_row(folder, fold=False)
        if before is not None and before.row == row:
            row = before.row
        newest = max(ts for ts, _ in stamp) / 1e9
        return _Kept(stamp if self._clock() - newest > SETTLED_S else (), row)


def _stamp(path: str, before: _Kept | None) -> Stamp:
    """What tells whether anything was written: of the file, and of what is beside it. That a host lives is in no file.

    Of a session that has ended this is asked only once its file has changed: a host that takes it up writes first.
    """
    files = _written(f"{path}/session.db"), _written(f"{path}/session.db-wal")
    if before is not None and before.stamp[:2] == files and before.row["status"] in FINAL and not before.row["hosted"]:
        return before.stamp
    owned = SessionFolder(Path(path)).owned()
    return (*files, *((_written(f"{path}/host.json"),) if owned else ()), (0, owned))


def _written(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)  # noqa: PTH116 - as above
    except OSError:
        return 0, 0
    return (found.st_mtime_ns, found.st_size) if found.st_size else (0, 0)  # an empty log is what reading leaves
