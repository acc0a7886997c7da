"""A disk that takes nothing more for now: what kind of trouble it is, and the reserve kept for it."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from swarmtui.frozen import frozen

SCARCE = 64 * 1024
"""Bytes free on a disk below which an I/O error is taken for a full disk."""
LITTLE = 64 * 1024 * 1024
"""Bytes free below which a session that begins warns."""

_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT)
_NOWHERE = (errno.ENOENT, errno.ENOTDIR)
_CODES = {
    sqlite3.SQLITE_FULL: "disk_full",
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_IOERR: "io",
    sqlite3.SQLITE_READONLY: "io",
    sqlite3.SQLITE_CANTOPEN: "io",
    sqlite3.SQLITE_PERM: "io",
    sqlite3.SQLITE_NOMEM: "io",
    sqlite3.SQLITE_PROTOCOL: "locked",
}
_WORDS = {"is full": "disk_full", "is locked": "locked", "I/O error": "io", "readonly": "io", "unable to open": "io"}


class TroubleKind(StrEnum):
    """Why nothing can be written."""

    DISK_FULL = "disk_full"
    IO = "io"
    LOCKED = "locked"
    GONE = "gone"


@frozen
class Trouble:
    """The session file cannot be written for now; nothing is lost meanwhile, and writing is tried again."""

    kind: TroubleKind
    since: float
    """Epoch seconds."""
    message: str
    """For the user, in one line."""

    @property
    def gone(self) -> bool:
        """Whether somebody removed the session's files."""
        return self.kind is TroubleKind.GONE


def kind_of(error: sqlite3.Error | OSError, folder: Path) -> TroubleKind | None:
    """What kind of trouble `error` is; None if trying again cannot help (damage, a second writer, a defect)."""
    if isinstance(error, FileNotFoundError):
        return TroubleKind.GONE
    if isinstance(error, OSError):
        return TroubleKind.DISK_FULL if error.errno in _FULL_ERRNOS else TroubleKind.IO
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        name = next((name for words, name in _WORDS.items() if words in str(error)), None)
    else:
        name = _CODES.get(code & 0xFF)
    if name == "io" and free_bytes(folder) < SCARCE:
        name = "disk_full"
    return None if name is None else TroubleKind(name)


def free_bytes(folder: Path) -> int:
    """What the disk of `folder` still takes; nothing if that cannot be told."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize


def whereabouts(path: Path) -> tuple[int, int] | None:
    """Which file has the name `path` (device, inode); None if there is none. Raises OSError if that cannot be told."""
    try:
        found = path.stat()
    except OSError as error:
        if error.errno in _NOWHERE:
            return None
        raise
    return found.st_dev, found.st_ino


def little_room(folder: Path) -> str | None:
    """What to tell the user before a session begins on a disk that is nearly full; None if it is not."""
    free = free_bytes(folder)
    if free >= LITTLE:
        return None
    mib = free // 1024**2
    return f"{folder}: {mib} MiB are free on its disk: once that is full the session pauses until there is room"


class Reserve:
    """A file of no meaning beside the session file, given up so that the last few events fit on a full disk.

    It takes a quarter of what is free at most, so that a small disk is not full because of it.
    """

    def __init__(self, path: Path, most: int) -> None:
        self._path = path
        self._most = most
        self._size: int | None = None
        self._held = False

    def take(self) -> bool:
        """Hold the reserve, of the size that it first had. False if there is no room for it."""
        if self._held:
            return True
        if self._size is None:
            held = self._left()
            self._size = min(self._most, max(held, free_bytes(self._path.parent) // 4 // 4096 * 4096))
        if self._size:
            try:
                self._write(self._size)
            except OSError:
                self.drop()
                return False
        self._held = True
        return True

    def free(self) -> bool:
        """Give it up. False if there was nothing to give."""
        had = self._held and bool(self._size)
        self.drop()
        return had

    def drop(self) -> None:
        """Let go of it for good."""
        self._held = False
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _left(self) -> int:
        """Bytes of the reserve that a host which died has left."""
        try:
            found = os.lstat(self._path)
        except OSError:
            return 0
        return found.st_blocks * 512 if stat.S_ISREG(found.st_mode) else 0

    def _write(self, size: int) -> None:
        fd = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(fd, 0, size)
            else:
                os.pwrite(fd, b"\0" * size, 0)
        finally:
            os.close(fd)
