"""A disk that takes nothing for a while: told, waited out, and made room on if there is something to give up."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from swarmtui.session.trouble import Reserve, Trouble, TroubleKind, kind_of

CLOSING_RETRY_S = 0.2


class Outage:
    """Whether one session file can be written, who is told of it, and when it is tried again.

    States: none <-> trouble. `path` is the session file, beside which a reserve of `reserve_bytes` is kept.
    """

    def __init__(
        self, path: Path, retry_s: float, reserve_bytes: int, on_trouble: Callable[[str | None], None]
    ) -> None:
        self._path = path
        self._retry_s = retry_s
        self._reserve = Reserve(path.with_name("reserve"), reserve_bytes)
        self._on_trouble = on_trouble
        self._watchers: list[Callable[[Trouble | None], None]] = []
        self._trouble: Trouble | None = None
        self._failed_at = float("-inf")

    @property
    def trouble(self) -> Trouble | None:
        """Why nothing can be written for now; None if it can."""
        return self._trouble

    def watch(self, tell: Callable[[Trouble | None], None]) -> None:
        """Have `tell` called when trouble begins or changes kind, and with None once it is over."""
        self._watchers.append(tell)

    def prepare(self) -> None:
        """Hold the reserve, if there is room for it. Blocks."""
        self._reserve.take()

    def met(self, error: sqlite3.Error | OSError) -> bool:
        """Whether `error`, with which writing failed, is one to wait out. Then it is told, and room made."""
        kind = kind_of(error, self._path.parent)
        if kind is None:
            return False
        if self._trouble is None or self._trouble.kind is not kind:
            tries = f"nothing is lost, writing is tried again every {self._retry_s:g} s"
            self._tell(Trouble(kind, time.time(), f"{self._path}: {error}: {tries}"))
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
