"""Ends what a host that died left running: before a session goes on, nothing of its past may still be at work."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from swarmtui.workers.orphans import MARK

PATIENCE_S = 5.0


def end_leftovers(session: str, proc: Path = Path("/proc")) -> int:
    """Kill every process that an attempt of `session` started, and wait until they are gone; how many there were.

    They are known by the variable that every command of an attempt gets. Nothing is found where the system has no
    ``/proc``. The caller holds the session's lock.
    """
    killed: set[int] = set()
    deadline = time.monotonic() + PATIENCE_S
    while found := set(_marked(f"{MARK}={session}/".encode(), proc)):
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        killed |= found
        if time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return len(killed)


def _marked(mark: bytes, proc: Path) -> Iterator[int]:
    try:
        entries = [entry.name for entry in os.scandir(proc) if entry.name.isdigit()]
    except FileNotFoundError:
        return
    for name in entries:
        try:
            environ = (proc / name / "environ").read_bytes()
        except OSError:  # somebody else's, or gone
            continue
        if (environ.startswith(mark) or b"\0" + mark in environ) and int(name) != os.getpid():
            yield int(name)
