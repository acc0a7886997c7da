"""Making a session file, whole or not at all, and connecting to one."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import aiosqlite

from swarmtui.session.errors import LogError
from swarmtui.session.faults import Faults
from swarmtui.session.rows import APPLICATION_ID, SCHEMA, TABLES

DB_ERRORS = (sqlite3.Error, OverflowError, UnicodeDecodeError)
"""What a question to a damaged file raises: also its error messages may hold bytes that are no text."""


def make(path: Path, app: str, faults: Faults) -> None:
    """A new session file at `path`, mode 0600, with its tables. Raises LogError, and leaves nothing then.

    It gets its name once it is whole and on the disk: whatever has the name has tables and a mark. Blocks.
    """
    temporary = path.with_name(f"{path.name}.new")
    try:
        temporary.unlink(missing_ok=True)  # of a host that died here; the caller's lock keeps every other one away
        if path.exists():
            raise LogError(f"{path}: cannot make the session file: there is one already")
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW, 0o600))
        fill(temporary, app)
        faults.at("create.made")
        for rest in ("-wal", "-shm"):  # of a file that is gone: SQLite would take it for this one's
            path.with_name(f"{path.name}{rest}").unlink(missing_ok=True)
        temporary.rename(path)
        sync_folder(path.parent)
        faults.at("create.named")
    except (sqlite3.Error, OSError) as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise LogError(f"{path}: cannot make the session file: {why}") from error


def fill(path: Path, app: str) -> None:
    """Give the empty file at `path` the tables of a session file. Raises sqlite3.Error."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(f"PRAGMA synchronous=FULL; PRAGMA application_id={APPLICATION_ID}; BEGIN; {TABLES} COMMIT;")
        meta = {"schema": SCHEMA, "min_reader": SCHEMA, "app": app}
        db.executemany("INSERT INTO meta VALUES(?, ?)", [(key, json.dumps(value)) for key, value in meta.items()])
        db.commit()


def sync_folder(folder: Path) -> None:
    """Have the names in `folder` on the disk. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


async def connect(path: Path, busy_s: float) -> aiosqlite.Connection:
    """The one connection that writes. Raises LogError."""
    db: aiosqlite.Connection | None = None
    try:
        db = await aiosqlite.connect(path)
        await db.execute(f"PRAGMA busy_timeout={int(busy_s * 1000)}")
        await db.execute("PRAGMA journal_mode=WAL")
        await db.execute("PRAGMA synchronous=NORMAL")
        await db.execute("PRAGMA trusted_schema=OFF")
    except sqlite3.Error as error:
        if db is not None:
            await db.close()
        raise LogError(f"{path}: cannot be written: {error}") from error
    return db
