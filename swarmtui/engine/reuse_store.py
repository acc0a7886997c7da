"""Results that any session of the user may take over: one SQLite file in the state directory, readable for them alone.

It is a cache: whatever is wrong with it costs a call that is made once more, never a session.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from swarmtui.frozen import frozen

logger = logging.getLogger(__name__)

BUSY_S = 2.0
MOST_BYTES = 256 * 1024 * 1024
"""Once the outputs weigh more than this together, the oldest are given up."""
PRUNE_EVERY = 100

_SCHEMA = """
create table if not exists results (
    id integer primary key, key blob not null, session text not null, ref text not null,
    output blob not null, exit_code integer, ts real not null, unique (key, ref)
)
"""

Got = TypeVar("Got")


@frozen
class Stored:
    """A result of another session."""

    text: str
    ref: str
    exit_code: int | None


class ReuseStore:
    """The file at `path`, made when it is first written to. Every access is a short connection in a thread."""

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._puts = 0

    async def get(self, key: str, session: str, nth: int) -> Stored | None:
        """The `nth` result (from 0) of equal work in other sessions than `session`, oldest first."""
        return await asyncio.to_thread(self._guarded, lambda: self._get(key, session, nth))

    async def put(self, key: str, session: str, ref: str, text: str, exit_code: int | None) -> None:
        """Keep a result."""
        await asyncio.to_thread(self._guarded, lambda: self._put(key, session, ref, text, exit_code))

    def _guarded(self, work: Callable[[], Got]) -> Got | None:
        try:
            return work()
        except (sqlite3.Error, OSError, zlib.error) as error:
            logger.warning("%s: results of other sessions are left out of account: %s", self._path, error)
            return None

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        if not self._path.exists():
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(self._path, timeout=BUSY_S)
        try:
            connection.execute(_SCHEMA)
            with connection:
                yield connection
        finally:
            connection.close()

    def _get(self, key: str, session: str, nth: int) -> Stored | None:
        if not self._path.exists():
            return None
        with self._open() as db:
            row = db.execute(
                "select output, ref, exit_code from results"
                " where key = ? and session != ? order by id limit 1 offset ?",
                (bytes.fromhex(key), session, nth),
            ).fetchone()
        if row is None:
            return None
        return Stored(zlib.decompress(row[0]).decode("utf-8", "replace"), row[1], row[2])

    def _put(self, key: str, session: str, ref: str, text: str, exit_code: int | None) -> None:
        packed = zlib.compress(text.encode("utf-8", "replace"), 1)
        with self._open() as db:
            db.execute(
                "insert or ignore into results (key, session, ref, output, exit_code, ts) values (?, ?, ?, ?, ?, ?)",
                (bytes.fromhex(key), session, ref, packed, exit_code, time.time()),
            )
            self._puts += 1
            if self._puts % PRUNE_EVERY == 1:
                self._prune(db)

    def _prune(self, db: sqlite3.Connection) -> None:
        kept = 0
        for row_id, weight in db.execute("select id, length(output) from results order by id desc"):
            kept += weight
            if kept > self._most_bytes:
                db.execute("delete from results where id <= ?", (row_id,))
                return
