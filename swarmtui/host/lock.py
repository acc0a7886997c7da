"""The lock that makes a host the only one of its session: held for as long as the process lives, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator

from swarmtui.session.folder import SessionFolder

_PATIENCE_S = 1.0


class LockTaken(Exception):
    """Another host runs the session; the text names its process."""


@contextlib.contextmanager
def locked(folder: SessionFolder) -> Iterator[None]:
    """Hold the session's lock within the block. Raises LockTaken, OSError.

    Whoever asks whether a host lives holds the lock for an instant too, so that it is tried for a second.
    """
    fd = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    owner = os.pread(fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
                    raise LockTaken(f"session {folder.id} is run by another host already (pid {owner})") from None
                time.sleep(0.02)
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(fd)
