"""The lock that makes a host the only one of its session: held for as long as the process lives, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from swarmtui.session.folder import SessionFolder

_PATIENCE_S = 1.0


class LockTaken(Exception):
    """Another host runs the session; the text names its process."""


class LockUnknown(OSError):
    """The file system cannot say whether another host runs the session; the text says what to do."""


@contextlib.contextmanager
def locked(folder: SessionFolder, *, steal: bool = False) -> Iterator[None]:
    """Hold the session's lock within the block. Raises LockTaken, LockUnknown, OSError.

    Whoever asks whether a host lives holds the lock for an instant too, so that it is tried for a second. The kernel
    frees it when its host dies, unless a process that the host made without starting a program in it still holds it:
    with `steal` a lock whose host is dead is put out of use and a new one made.
    """
    fd = _lock(folder, time.monotonic() + _PATIENCE_S, steal=steal)
    try:
        if (owner := _runs_without(folder)) is not None:
            how = f"whose lock somebody removed: `kill {owner}` ends it"
            raise LockTaken(f"session {folder.id} is run by another host already (pid {owner}), {how}")
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(fd)


def _lock(folder: SessionFolder, deadline: float, *, steal: bool) -> int:
    fd = _open(folder)
    try:
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < deadline:
                    time.sleep(0.02)  # flock waits without any limit or not at all
                    continue
                owner = _owner(fd)
                if owner is None or _runs_the_session(owner, folder):
                    who = f"pid {owner or 'unknown'}"
                    raise LockTaken(f"session {folder.id} is run by another host already ({who})") from None
                if not steal:
                    raise LockTaken(
                        f"session {folder.id} is locked by a host that is dead (pid {owner}); a process that it left "
                        f"holds the lock: end that one, or `swarmtui resume {folder.id} --steal`"
                    ) from None
                folder.lock.unlink(missing_ok=True)
            except OSError as error:
                raise LockUnknown(
                    f"{folder.lock}: cannot be locked: {error.strerror}: its file system knows no locks, without which "
                    "two hosts could run one session: have SWARMTUI_HOME name a folder on a local disk"
                ) from error
            else:
                if _is_the_lock(fd, folder):
                    return fd
            os.close(fd)  # it was put out of use: the lock is another file now
            fd = _open(folder)
    except BaseException:
        os.close(fd)
        raise


def _open(folder: SessionFolder) -> int:
    return os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _is_the_lock(fd: int, folder: SessionFolder) -> bool:
    try:
        found = os.lstat(folder.lock)
    except FileNotFoundError:
        return False
    mine = os.fstat(fd)
    return (found.st_dev, found.st_ino) == (mine.st_dev, mine.st_ino)


def _owner(fd: int) -> int | None:
    word = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
    return int(word) if word.isdecimal() else None


def _runs_without(folder: SessionFolder) -> int | None:
    """Pid of a host that runs the session without its lock, the file of which was removed; None if there is none."""
    try:
        pid = int(json.loads(folder.host_json.read_text())["pid"])
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return pid if b"swarmtui.host.process" in words and os.fsencode(folder.path) in words else None


def _runs_the_session(pid: int, folder: SessionFolder) -> bool:
    """Whether `pid` is a live process that can be the host: pids are given out again, so that its name is asked."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        dead = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0] in (b"Z", b"X")
    except OSError:
        return True
    if dead:
        return False
    return b"swarmtui.host.process" not in words or os.fsencode(folder.path) in words
