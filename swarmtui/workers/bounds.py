"""What all processes of one sandboxed command together may use, beyond what each of them may.

Limits of the kernel are those of a process, and the one on their number does not hold for root. So somebody looks, and
ends the command once it goes beyond: all of it at once, since its processes die with their namespace. What multiplies
faster than anybody looks is held by a wall (:mod:`swarmtui.workers.walls`).
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

from swarmtui.frozen import frozen
from swarmtui.workers.orphans import descendants, start_time

_MIB = 1 << 20
_PAGE = os.sysconf("SC_PAGE_SIZE")
_DISK_EVERY_S = 1.0


@frozen
class Bounds:
    """The most that a command may use, all its processes and files taken together."""

    processes: int = 512
    memory_bytes: int = 4096 * _MIB
    """Of its own: what it shares with others does not count."""
    disk_bytes: int = 4096 * _MIB
    files: int = 1_000_000

    @property
    def tasks(self) -> int:
        """The most processes and threads that it can have before somebody has looked."""
        return 4 * self.processes


class Warden(threading.Thread):
    """Looks after the command whose first process is `leader` and whose work folder is `folder`, until it is over.

    The leader must not be waited for before :meth:`dismiss` unless its number may not be used anew meanwhile.
    """

    def __init__(self, leader: int, folder: Path, bounds: Bounds, interval_s: float = 0.1) -> None:
        super().__init__(name=f"warden-{leader}", daemon=True)
        self.reason: str | None = None
        """Why the command was ended, in words for the user; None if it was not."""
        self._leader = leader
        self._born = start_time(leader)
        self._folder = folder
        self._bounds = bounds
        self._interval_s = interval_s
        self._over = threading.Event()

    def dismiss(self) -> None:
        """The command is over."""
        self._over.set()

    def run(self) -> None:
        """Look until the command is over or goes beyond what it may."""
        disk_at = time.monotonic() + _DISK_EVERY_S
        while not self._over.wait(self._interval_s):
            reason = self._processes()
            if reason is None and time.monotonic() >= disk_at:
                began = time.monotonic()
                reason = self._disk()
                disk_at = time.monotonic() + max(_DISK_EVERY_S, 10 * (time.monotonic() - began))
            if reason is not None:
                self.reason = reason
                if start_time(self._leader) == self._born:
                    with suppress(ProcessLookupError):
                        os.kill(self._leader, signal.SIGKILL)
                return

    def _processes(self) -> str | None:
        memory = 0
        for count, pid in enumerate(descendants(self._leader), 1):
            if count > self._bounds.processes:
                return f"it had more than {self._bounds.processes} processes at once"
            memory += _own_memory(pid)
            if memory > self._bounds.memory_bytes:
                return f"its processes used more than {self._bounds.memory_bytes // _MIB:,} MiB of memory"
        return None

    def _disk(self) -> str | None:
        used = files = 0
        for root, folders, names in os.walk(self._folder):
            for name in (*folders, *names):
                files += 1
                if files > self._bounds.files or self._over.is_set():
                    break
                with suppress(OSError):
                    used += os.lstat(f"{root}/{name}").st_blocks * 512
            if files > self._bounds.files:
                return f"it made more than {self._bounds.files:,} files"
            if used > self._bounds.disk_bytes:
                return f"its files took more than {self._bounds.disk_bytes // _MIB:,} MiB of disk"
        return None


def _own_memory(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/statm").read_bytes().split()
        return max(0, int(fields[1]) - int(fields[2])) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0
