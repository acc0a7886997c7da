"""A disk that takes nothing for a while: told, waited out, and made room on if there is something to give up."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from swarmtui.frozen import frozen
from swarmtui.session.trouble import Reserve, Trouble, TroubleKind, kind_of, whereabouts

CLOSING_RETRY_S = 0.2
GONE = "the session's files are gone: nothing is recorded, nothing more starts until they are back"


@frozen
class LogSettings:
    """How patient the log is with its disk."""

    retry_s: float = 5.0
    """Seconds between tries while nothing can be written."""
    busy_s: float = 5.0
    """How long another connection may keep the file locked before that is trouble."""
    close_s: float = 5.0
    """How long :meth:`Log.close` goes on trying."""
    ram_bytes: int = 64 * 1024 * 1024
    """What may wait in memory while nothing can be written."""
    reserve_bytes: int = 4 * 1024 * 1024
    """Size of the file that is given up when the disk is full."""
    look_s: float = 2.0
    """How often it is looked whether the file is still where it was."""


USUAL = LogSettings()


class Outage:
    """Whether one session file can be written, who is told of it, and when it is tried again.

    States: none <-> trouble. `path` is the session file, beside which a reserve is kept.
    """

    def __init__(self, path: Path, settings: LogSettings, on_trouble: Callable[[str | None], None]) -> None:
        self._path = path
        self._retry_s, self._look_s = settings.retry_s, settings.look_s
        self._reserve = Reserve(path.with_name("reserve"), settings.reserve_bytes)
        self._on_trouble = on_trouble
        self._watchers: list[Callable[[Trouble | None], None]] = []
        self._trouble: Trouble | None = None
        self._failed_at = float("-inf")
        self._file: tuple[int, int] | None = None
        """What the session file was when it was opened."""
        self._look_at = float("-inf")

    @property
    def trouble(self) -> Trouble | None:
        """Why nothing can be written for now; None if it can."""
        return self._trouble

    def watch(self, tell: Callable[[Trouble | None], None]) -> None:
        """Have `tell` called when trouble begins or changes kind, and with None once it is over."""
        self._watchers.append(tell)

    def prepare(self) -> None:
        """Know the file, and hold the reserve, if there is room for it. Blocks."""
        with suppress(OSError):
            self._file = whereabouts(self._path)
        self._reserve.take()

    def look(self) -> None:
        """Look whether the file is still where it was, if that is due. Raises FileNotFoundError if it is not: SQLite
        would go on writing to what nobody can open any more."""
        now = time.monotonic()
        if self._file is None or (now < self._look_at and self._trouble is None):
            return
        self._look_at = now + self._look_s
        with suppress(PermissionError):
            if whereabouts(self._path) != self._file:
                raise FileNotFoundError(errno.ENOENT, "was removed or moved away")

    def met(self, error: sqlite3.Error | OSError) -> bool:
        """Whether `error`, with which writing failed, is one to wait out. Then it is told, and room made."""
        kind = kind_of(error, self._path.parent)
        if kind is None:
            return False
        if self._trouble is None or self._trouble.kind is not kind:
            tries = f"nothing is lost, writing is tried again every {self._retry_s:g} s"
            told = f"{self._path}: {error}: {tries}" if kind is not TroubleKind.GONE else f"{GONE} ({self._path})"
            self._tell(Trouble(kind, time.time(), told))
        if not (kind is TroubleKind.DISK_FULL and self._reserve.free()):
            self._failed_at = time.monotonic()
        return True

    def before_retry(self, *, closing: bool) -> float:
        """Seconds until the next try after one that failed; none or less if it is due."""
        retry_s = min(self._retry_s, CLOSING_RETRY_S) if closing else self._retry_s
        return self._failed_at + retry_s - time.monotonic()

    async def over(self) -> None:
        """Something was written: if there is room for the reserve as well, the trouble is over."""
        if self._trouble is not None and await asyncio.to_thread(self._reserve.take):
            self._tell(None)

    def close(self) -> None:
        """Let go of the reserve."""
        self._reserve.drop()

    def _tell(self, trouble: Trouble | None) -> None:
        self._trouble = trouble
        self._on_trouble(None if trouble is None else trouble.message)
        for watcher in self._watchers:
            watcher(trouble)
