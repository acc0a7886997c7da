"""How long attempts took in earlier sessions: one small file per user, shared by all hosts.

    known = read(path)                       when a session begins: a mapping that does not change any more
    learn(path, ranks.observed(state), now)  when a host lets go of it

What the file says is a hint for the order of starts and for forecasts, never more: if it is missing, locked for long,
or not what it should be, nothing is known. A file that is no database of ours is put aside (``.broken``) and begun
anew; one of a newer version is left alone. Old attempts count less: half after :data:`HALF_LIFE_S`, and all together
no more than :data:`MOST` attempts, so that what is new can change the picture.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import sqlite3
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from swarmtui.engine.ranks import Key, Known, Took

logger = logging.getLogger(__name__)

HALF_LIFE_S = 30 * 86_400.0
MOST = 1_000.0
ROWS = 20_000
"""Rows kept; those that were not seen for longest go first."""
TEXT = 200
VERSION = 1
PATIENCE_S = 2.0
LARGEST = 64 * 1024 * 1024

_TABLE = """CREATE TABLE durations (
    kind TEXT NOT NULL, profile TEXT NOT NULL, task TEXT NOT NULL, node TEXT NOT NULL,
    n REAL NOT NULL, mean REAL NOT NULL, variance REAL NOT NULL, at REAL NOT NULL,
    PRIMARY KEY (kind, profile, task, node)) WITHOUT ROWID"""


class Earlier:
    """What is known from earlier sessions, as forecasts ask for it."""

    def __init__(self, durations: Known) -> None:
        self._durations = durations

    def known(self, kind: str, profile: str, task: str = "", node: str = "") -> tuple[float, float, int] | None:
        """(median seconds, sigma of the logarithm, attempts it rests on) of a kind of node and its model, or with
        `task` and `node` of that node of that task alone."""
        took = self._durations.get(Key(kind, profile, task, node))
        if took is None or took.n < 1:
            return None
        return math.exp(took.mean), math.sqrt(took.variance), int(took.n)


class _NotOurs(Exception):
    """The file is no database of durations."""


class _Newer(Exception):
    """The file was written by a later version."""


def read(path: Path) -> Known:
    """Everything that is known; empty if nothing can be had."""
    if not path.exists():
        return MappingProxyType({})
    try:
        with _opened(path) as db:
            rows = db.execute("SELECT * FROM durations LIMIT ?", (ROWS,)).fetchall()
    except (sqlite3.Error, OSError, _NotOurs, _Newer) as error:
        logger.warning("durations of earlier sessions are not known: %s", error)
        return MappingProxyType({})
    return MappingProxyType(dict(_sound(rows)))


def learn(path: Path, seen: Mapping[Key, Took], now: float) -> bool:
    """Add what was seen by epoch second `now`; whether that was done. Hosts that do so at once take turns."""
    if not seen:
        return True
    try:
        try:
            _write(path, seen, now)
        except (_NotOurs, sqlite3.DatabaseError) as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            logger.warning("%s is not what it should be (%s) and is put aside", path, error)
            _put_aside(path)
            _write(path, seen, now)
    except (sqlite3.Error, OSError, _NotOurs, _Newer) as error:
        logger.warning("durations of this session are not kept: %s", error)
        return False
    return True


def _write(path: Path, seen: Mapping[Key, Took], now: float) -> None:
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
    with _opened(path, write=True) as db:
        for key, took in seen.items():
            if any(len(part) > TEXT for part in key):
                continue
            row = db.execute("SELECT * FROM durations WHERE (kind, profile, task, node) = (?, ?, ?, ?)", key).fetchone()
            both = took
            for _, known in _sound([row] if row else []):
                both = _faded(known, now - row[7]).with_(took)
            values = (*key, min(both.n, MOST), both.mean, both.variance, now)
            db.execute("INSERT OR REPLACE INTO durations VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        spare = db.execute("SELECT max(0, count(*) - ?) FROM durations", (ROWS,)).fetchone()[0]
        if spare:
            oldest = "SELECT kind, profile, task, node FROM durations ORDER BY at LIMIT ?"
            db.execute(f"DELETE FROM durations WHERE (kind, profile, task, node) IN ({oldest})", (spare,))  # noqa: S608


@contextlib.contextmanager
def _opened(path: Path, *, write: bool = False) -> Iterator[sqlite3.Connection]:
    """A transaction over the file, which is checked to be ours before anything in it is believed."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_size > LARGEST:
        raise _NotOurs(f"{path} is no file of ours")
    if write and stat.S_IMODE(found.st_mode) != 0o600:
        path.chmod(0o600)
    mode = "rw" if write else "ro"
    with contextlib.closing(
        sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=PATIENCE_S, isolation_level=None)
    ) as db:
        db.execute("PRAGMA trusted_schema = OFF")
        db.execute("BEGIN IMMEDIATE" if write else "BEGIN")
        _check(db, write=write)
        yield db
        db.execute("COMMIT")


def _check(db: sqlite3.Connection, *, write: bool) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise _Newer(f"the file is of version {version}, and this one knows {VERSION}")
    there = db.execute("SELECT sql FROM sqlite_master").fetchall()
    if not there and version == 0 and write:
        db.execute(_TABLE)
        db.execute(f"PRAGMA user_version = {VERSION}")
    elif there != [(_TABLE,)]:
        raise _NotOurs("it holds something else")


def _sound(rows: list[tuple[object, ...]]) -> Iterator[tuple[Key, Took]]:
    """Rows whose values can be true."""
    for row in rows:
        texts, numbers = row[:4], row[4:]
        if not all(isinstance(text, str) for text in texts):
            continue
        if not all(isinstance(number, float) and math.isfinite(number) for number in numbers):
            continue
        n, mean, variance, _ = (float(str(number)) for number in numbers)
        if 0 < n <= MOST and abs(mean) < 20 and 0 <= variance < 100:
            yield Key(*(str(text) for text in texts)), Took(n, mean, variance)


def _faded(took: Took, age_s: float) -> Took:
    """What is left of it after so long; a clock that was set back takes nothing away."""
    return took._replace(n=min(took.n, MOST) * 0.5 ** (max(0.0, age_s) / HALF_LIFE_S))


def _put_aside(path: Path) -> None:
    for suffix in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    path.replace(path.with_name(path.name + ".broken"))
