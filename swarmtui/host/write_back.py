"""Keeps the folder that a session came from in step with it, as one more reader of its log."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from swarmtui.engine.conductor import Conductor
from swarmtui.engine.orchestrator_folder import OrchestratorFolder
from swarmtui.session.folder import SessionFolder
from swarmtui.session.reader import Reader
from swarmtui.session.rows import Row, row_to_event

REST_S = 0.5
"""The folder is written at most this often while the session runs, and once more at its end."""
PAGE_ROWS = 1_000
TROUBLES = frozenset({"attempt_failed", "attempt_throttled", "attempt_interrupted", "node_skipped"})


@contextlib.asynccontextmanager
async def written_back(conductor: Conductor, back: OrchestratorFolder, folder: SessionFolder) -> AsyncIterator[None]:
    """Within the block `back` follows the session; after it, the folder shows how the session stands."""
    follower = _Follower(conductor, back)
    following = asyncio.create_task(follower.run(), name="write back")
    try:
        yield
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        await asyncio.to_thread(follower.finish, folder.db)


class _Follower:
    def __init__(self, conductor: Conductor, back: OrchestratorFolder) -> None:
        self._conductor = conductor
        self._back = back
        self._seq = 0
        """Of the last event noted."""

    async def run(self) -> None:
        """Note what is recorded and write it, until the log closes."""
        log = self._conductor.log
        while not log.closing:
            await log.after(self._seq)
            while not log.closing and (rows := await log.rows(self._seq + 1, PAGE_ROWS)):
                self._note(rows)
            self._back(self._conductor.state)
            await asyncio.sleep(REST_S)

    def finish(self, db: Path) -> None:
        """Note what the file holds besides and write the end. Blocks."""
        with Reader(db) as reader:
            self._note(reader.rows(self._seq + 1))
        self._back(self._conductor.state)

    def _note(self, rows: Iterable[Row]) -> None:
        for row in rows:
            if row.type in TROUBLES:
                self._back.note(row_to_event(row))
            self._seq = row.seq
