"""The head file: where the chain of a session file ends, noted beside it, so that the loss of its end is seen.

``seq`` and ``hash`` are of the last event that was synced to the disk: the session file has it whatever happened to
the machine. ``latest`` is the last event that was committed; it has that one too as long as the machine, told by its
boot id, has not been off since. A file that ends before is missing something.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from swarmtui.frozen import frozen
from swarmtui.session.rows import Head

_WIDTH = 320  # every note has the same length, so that writing one over another leaves nothing of that


@frozen
class Noted:
    """An event that the session file must have."""

    seq: int
    hash: str


class HeadFile:
    """Writer of the head file, which is kept open and written in place: noting must cost nothing."""

    def __init__(self, path: Path, head: Head) -> None:
        """`head` is the end of the chain, which is in the session file and synced."""
        self._path = path
        self._synced = head
        self._boot = boot_id()
        self._fd: int | None = None

    def note(self, head: Head, *, synced: bool) -> None:
        """The session file has everything up to `head`, on the disk if `synced`. Raises OSError."""
        if synced:
            self._synced = head
        if self._fd is None:
            self._fd = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        os.pwrite(self._fd, _text(self._synced, head, self._boot), 0)

    def close(self, *, sync: bool) -> None:
        """Let go of the file. Raises OSError."""
        fd, self._fd = self._fd, None
        if fd is not None:
            try:
                if sync:
                    os.fsync(fd)
            finally:
                os.close(fd)


def write_head(path: Path, head: Head) -> None:
    """Record that everything up to `head` is on the disk. Raises OSError."""
    file = HeadFile(path, head)
    file.note(head, synced=True)
    file.close(sync=True)


def read_noted(path: Path) -> list[Noted]:
    """The events that the session file must have according to the head file at `path`; none if it says nothing."""
    found: list[Noted] = []
    with suppress(OSError, ValueError, LookupError, TypeError):
        noted = json.loads(path.read_bytes())
        found.append(Noted(int(noted["seq"]), str(noted["hash"])))
        latest = noted["latest"]
        if latest["boot"] and latest["boot"] == boot_id():
            found.append(Noted(int(latest["seq"]), str(latest["hash"])))
    return found


def boot_id() -> str:
    """What tells this run of the machine from others; empty where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _text(synced: Head, latest: Head, boot: str) -> bytes:
    newest = f'{{"seq": {latest.seq}, "hash": "{latest.hash.hex()}", "boot": {json.dumps(boot)}}}'
    noted = f'{{"seq": {synced.seq}, "hash": "{synced.hash.hex()}", "latest": {newest}}}'
    return noted.ljust(_WIDTH - 1).encode() + b"\n"
