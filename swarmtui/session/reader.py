"""Reading a session file without writing to it: for listing, showing, replay, resume and verification."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

from swarmtui.plan.model import JSON
from swarmtui.session import fold
from swarmtui.session.log import LogError
from swarmtui.session.rows import APPLICATION_ID, GENESIS, SCHEMA, Head, Row, chain, row_to_event
from swarmtui.session.state import SessionState, state_from_json


class Reader:
    """Read-only view of one session file; a context manager. Opening it never starts work and never changes it."""

    def __init__(self, path: Path) -> None:
        """Open `path`. Raises LogError if it is no session file, damaged beyond opening, or of a newer version."""
        self._path = path
        if not path.exists():
            raise LogError(f"{path}: no such session file")
        try:
            self._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)
            self._db.execute("PRAGMA trusted_schema=OFF")
            application = self._db.execute("PRAGMA application_id").fetchone()[0]
        except sqlite3.Error as error:
            raise LogError(f"{path}: cannot be read: {error}") from error
        if application != APPLICATION_ID:
            self._db.close()
            raise LogError(f"{path}: not a swarmtui session file")
        needed = self.meta("min_reader")
        if not isinstance(needed, int) or needed > SCHEMA:
            app = self.meta("app")
            self._db.close()
            raise LogError(f"{path}: written by swarmtui {app}, needs a newer version than this one to be read")

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def meta(self, key: str) -> JSON:
        """A value of the meta table; None if it is not there."""
        found = self._query("SELECT value FROM meta WHERE key = ?", (key,))
        return json.loads(found[0][0]) if found else None

    def rows(self, from_seq: int = 1, to_seq: int | None = None) -> Generator[Row]:
        """Rows in order, streamed; `to_seq` is included."""
        sql = "SELECT * FROM events WHERE seq >= ? AND seq <= ? ORDER BY seq"
        try:
            with closing(self._db.execute(sql, (from_seq, to_seq if to_seq is not None else 2**62))) as cursor:
                for row in cursor:
                    yield Row(*row)
        except sqlite3.Error as error:
            raise LogError(f"{self._path}: damaged: {error}") from error

    def last_seq(self) -> int:
        """Seq of the last event; 0 if there is none."""
        return int(self._query("SELECT coalesce(max(seq), 0) FROM events")[0][0])

    def blob(self, sha: str, offset: int = 0, length: int | None = None) -> bytes | None:
        """`length` bytes of a blob from `offset`; None if there is no such blob."""
        found = self._query("SELECT data FROM blobs WHERE sha = ?", (sha,))
        if not found:
            return None
        data = bytes(found[0][0])
        return data[offset:] if length is None else data[offset : offset + length]

    def state(self, at: int | None = None, *, use_snapshots: bool = True) -> SessionState:
        """The state after event `at` (None: the last), from the nearest snapshot before it."""
        limit = at if at is not None else 2**62
        state = fold.empty()
        if use_snapshots:
            found = self._query("SELECT data FROM snapshots WHERE seq <= ? ORDER BY seq DESC LIMIT 1", (limit,))
            if found:
                try:
                    state = state_from_json(json.loads(found[0][0]))
                except (ValueError, LookupError) as error:
                    raise LogError(f"{self._path}: its last snapshot cannot be read: {_first_line(error)}") from error
        with closing(self.rows(state.seq + 1, at)) as rows:
            for row in rows:
                try:
                    fold.apply(state, row_to_event(row))
                except (ValueError, LookupError) as error:
                    raise LogError(f"{self._path}: event {row.seq} cannot be read: {_first_line(error)}") from error
        return state

    def verify(self) -> Head:
        """Check every row against the chain, and the chain against the head file.

        Raises LogError naming the first event that does not fit. A file rewritten from one event on, hashes and all,
        fits itself; it does not fit the head that was noted when the session last paused or ended.
        """
        noted = self._noted_head()
        head = Head(0, GENESIS, 0.0, 0.0)
        with closing(self.rows()) as rows:
            for row in rows:
                fits = row.seq == head.seq + 1 and chain(head.hash, row) == row.hash
                if not fits or (noted is not None and noted[0] == row.seq and noted[1] != row.hash.hex()):
                    raise LogError(
                        f"{self._path}: event {head.seq + 1} is missing or was changed: the events before it are intact"
                        if not fits
                        else f"{self._path}: was rewritten: event {row.seq} is not the one that its head file names"
                    )
                head = Head(row.seq, row.hash, row.ts, row.mono)
        if noted is not None and noted[0] > head.seq:
            raise LogError(f"{self._path}: events {head.seq + 1} to {noted[0]} are missing from its end")
        return head

    def _noted_head(self) -> tuple[int, str] | None:
        """Seq and hash in the head file; None if there is none that can be read."""
        try:
            noted: dict[str, Any] = json.loads(self._path.with_name("head").read_text())
            return int(noted["seq"]), str(noted["hash"])
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def _query(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise LogError(f"{self._path}: damaged: {error}") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
