"""Bringing a session file of an older version up to date, on the condition that nothing can be lost by it.

A file says in its header (the table ``meta``) which `schema` its tables have, which is the oldest that a reader must
know (`min_reader`), and what wrote it (`app`). Each step leads from one schema to the next. A host that opens an older
file first copies it to ``*.bak-vN``, then carries all steps out in one transaction that bumps the version last: after
a failure or a crash the file is what it was. Whoever only reads an older file is shown a copy that was brought up to
date in a temporary one. Event data are never rewritten here: they are upcast when they are read.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

from swarmtui.frozen import frozen
from swarmtui.session.errors import Damaged, Forbidden, LogError, NewerVersion, first_line
from swarmtui.session.faults import Faults
from swarmtui.session.file import DB_ERRORS, sync_folder
from swarmtui.session.rows import APPLICATION_ID, SCHEMA

Step = Callable[[sqlite3.Connection], None]
"""Changes the tables of schema N into those of N + 1, within a transaction that is not its own."""

STEPS: Mapping[int, Step] = MappingProxyType({})
"""N -> the step from schema N to N + 1. Every schema that was ever released has one here."""


@frozen
class Header:
    """What a session file says of itself."""

    schema: int
    min_reader: int
    app: str


def check_file(path: Path) -> None:
    """Whether there is anything at `path` that can be a session file. Raises LogError."""
    try:
        found = path.stat()
    except PermissionError as error:
        raise Forbidden(path) from error
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        raise LogError(f"{path}: {'no such session file' if missing else error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        raise LogError(f"{path}: is no file")
    if found.st_size == 0:
        raise Damaged(path, "is empty") if _has_log(path) else LogError(f"{path}: is no session file: it is empty")


def check_mark(path: Path, db: sqlite3.Connection) -> None:
    """Whether the file at `path`, open as `db`, is marked as one of ours. Raises LogError."""
    try:
        application = db.execute("PRAGMA application_id").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise unreadable(path, error) from error
    if application != APPLICATION_ID:
        raise Damaged(path, "not a swarmtui session file")


def _has_log(path: Path) -> bool:
    """Whether there is a log beside the file of which something may be saved."""
    log = path.with_name(f"{path.name}-wal")
    return log.is_file() and log.stat().st_size > 0


def _looks_like(path: Path) -> str:
    return {
        ".yaml": ": its name is that of a task file",
        ".yml": ": its name is that of a task file",
        ".jsonl": ": `swarmtui import` takes what was exported",
    }.get(path.suffix.lower(), ": it does not begin like one")


def unreadable(path: Path, error: BaseException) -> LogError:
    """What `error` means for a reader: a file that somebody keeps locked or a disk that fails is not damaged."""
    if path.exists() and not os.access(path, os.R_OK, effective_ids=True):
        return Forbidden(path)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB and not _has_log(path):
        return LogError(f"{path}: is no session file{_looks_like(path)}")
    if isinstance(error, OSError) or code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN):
        return LogError(f"{path}: cannot be read: {first_line(error)}")
    return Damaged(path, f"damaged: {first_line(error)}")


def header_of(path: Path, db: sqlite3.Connection) -> Header:
    """The header of the file at `path`, open as `db`. Raises Damaged."""
    try:
        found = {
            key: json.loads(value) for key, value in db.execute("SELECT key, value FROM meta WHERE key != 'summary'")
        }
        schema, oldest = found["schema"], found["min_reader"]
    except (*DB_ERRORS, ValueError, TypeError, LookupError) as error:
        raise Damaged(path, f"its header cannot be read: {first_line(error)}") from error
    if not isinstance(schema, int) or not isinstance(oldest, int) or schema < 1 or oldest < 1:
        raise Damaged(path, "its header makes no sense")
    return Header(schema, oldest, str(found.get("app", "")))


def bring_up(
    path: Path,
    app: str,
    *,
    steps: Mapping[int, Step] = STEPS,
    target: int = SCHEMA,
    faults: Faults | None = None,
) -> Path | None:
    """Bring the file at `path`, which nobody else may have open, up to schema `target`; the copy kept of what it was.

    None if it was up to date. Raises NewerVersion, Damaged, and LogError when it could not be done: the file is then
    what it was.
    """
    faults = faults or Faults()
    try:
        check_file(path)
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5.0)) as db:
            check_mark(path, db)
            header = header_of(path, db)
            if header.min_reader > target:
                raise NewerVersion(path, header.app)
            if header.schema >= target:
                return None
            copy = _copy(path, db, header.schema)
        faults.at("migrate.copied")
        with closing(sqlite3.connect(path, timeout=5.0, isolation_level=None)) as db:
            db.execute("PRAGMA synchronous=FULL")
            _step_through(path, db, header.schema, target, steps, app, faults)
        faults.at("migrate.committed")
    except (*DB_ERRORS, OSError) as error:
        raise LogError(f"{path}: cannot be brought up to date, and is as it was: {first_line(error)}") from error
    return copy


def brought_up_view(
    path: Path,
    db: sqlite3.Connection,
    header: Header,
    *,
    steps: Mapping[int, Step] = STEPS,
    target: int = SCHEMA,
) -> sqlite3.Connection:
    """A temporary copy of `db` at schema `target`, for readers. Raises LogError."""
    view = sqlite3.connect("", isolation_level=None)
    try:
        db.backup(view)
        _step_through(path, view, header.schema, target, steps, header.app, Faults())
        view.execute("PRAGMA query_only=ON")
    except DB_ERRORS as error:
        view.close()
        raise LogError(f"{path}: of an older version, and cannot be read: {first_line(error)}") from error
    except BaseException:
        view.close()
        raise
    return view


def _step_through(
    path: Path,
    db: sqlite3.Connection,
    schema: int,
    target: int,
    steps: Mapping[int, Step],
    app: str,
    faults: Faults,
) -> None:
    missing = [number for number in range(schema, target) if number not in steps]
    if missing:
        raise LogError(f"{path}: of schema {schema}, which this version cannot read any more: use one that knows both")
    db.execute("BEGIN IMMEDIATE")
    try:
        for number in range(schema, target):
            steps[number](db)
        faults.at("migrate.stepped")
        values = {"schema": target, "min_reader": target, "app": app}
        db.executemany("INSERT OR REPLACE INTO meta VALUES(?, ?)", [(k, json.dumps(v)) for k, v in values.items()])
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


def _copy(path: Path, db: sqlite3.Connection, schema: int) -> Path:
    """A copy of the whole file beside it, on the disk before it has its name."""
    copy = path.with_name(f"{path.name}.bak-v{schema}")
    temporary = copy.with_name(f"{copy.name}.new")
    temporary.unlink(missing_ok=True)
    fd = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW, 0o600)
    try:
        with closing(sqlite3.connect(temporary)) as backup:
            db.backup(backup)
        os.fsync(fd)
    finally:
        os.close(fd)
    temporary.rename(copy)
    sync_folder(path.parent)
    return copy
