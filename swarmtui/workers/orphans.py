"""Finds and ends the processes that a command leaves behind, also those that made a session of their own.

Three nets, each with its own holes: the process group (a child may leave it with setsid), the tree below the command
as /proc shows it (a child may detach itself by a double fork), and, once :func:`become_subreaper` was called, the
orphans that Linux hands to this process, told apart by a variable in their environment. Elsewhere than on Linux only
the first one is there.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from swarmtui.workers.exits import wait_for_an_exit

MARK = "SWARMTUI_ATTEMPT"
"""Variable by whose value an orphan is known as a command's."""

EXEC_S = 0.1
"""How long a process may take to become another program, on a machine that is busy."""

_PR_SET_CHILD_SUBREAPER = 36
_VARIABLES = slice(47, 49)
"""Where in what :func:`_stat` gives the variables begin and end: fields 50 and 51, 0 as long as there are none yet."""


def become_subreaper() -> bool:
    """Has Linux hand the orphans among this process's descendants to it instead of to init. False if it cannot."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


class Family:
    """The processes of one command: its process group and whatever came of it."""

    def __init__(self, leader: int, mark: str) -> None:
        self._leader = leader
        self._mark = f"{MARK}={mark}".encode()
        self._strays: dict[int, str] = {}  # pid -> start time, so that a pid used anew is left alone

    def signal(self, number: int) -> None:
        """Sends a signal to every process of the family. The leader must not have been waited for yet."""
        self._look_around()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._leader, number)
        for pid, started in self._strays.items():
            if start_time(pid) == started:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, number)

    def end(self, patience_s: float = 1.0) -> bool:
        """Kills what is left once the leader has ended, and takes the exit codes of those who were handed to us.

        Blocks until they are gone, at most `patience_s`; returns whether they are. Costs some 100 µs if there are none.
        """
        deadline = time.monotonic() + patience_s
        while True:
            self.signal(signal.SIGKILL)
            adopted = list(self._adopted())
            for pid in adopted:
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
            left = [pid for pid, started in self._strays.items() if start_time(pid) == started]
            if not adopted and not left:
                return True
            within_s = deadline - time.monotonic()
            if within_s < 0:
                return False
            wait_for_an_exit([*adopted, *left], within_s)  # whoever is gone by now ends the wait at once

    def settle(self, patience_s: float = 0.25) -> None:
        """Waits until the process group is empty, once the leader was waited for: being killed takes a moment."""
        deadline = time.monotonic() + patience_s
        with suppress(ProcessLookupError, PermissionError):
            while time.monotonic() < deadline:  # members may stay as zombies where init does not care for them
                os.killpg(self._leader, 0)
                time.sleep(0.001)  # nothing tells that a group is empty: its last members may be anybody's children

    def _look_around(self) -> None:
        for pid in (*descendants(self._leader), *self._adopted()):
            started = start_time(pid)
            if started is not None:
                self._strays.setdefault(pid, started)
                for below in descendants(pid):
                    self._strays.setdefault(below, start_time(below) or "")

    def _adopted(self) -> Iterator[int]:
        """Children of this process that it did not start itself: orphans of the family."""
        me = os.getpid()
        for pid in _children(me, me):
            if pid != self._leader and (_session(pid) == self._leader or pid in self._strays or self._is_marked(pid)):
                yield pid

    def _is_marked(self, pid: int) -> bool:
        return self._mark in _environment(pid).split(b"\0")


def _environment(pid: int) -> bytes:
    """The variables of a process, as it was given them; nothing if there is none, or they cannot be read.

    Of one that is about to become another program Linux shows none for a moment: that moment is waited for, or an
    orphan would pass for somebody else's.
    """
    deadline, none = time.monotonic() + EXEC_S, False
    while True:
        try:
            variables = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return b""
        fields = _stat(pid)
        if variables or not fields or fields[0] in "ZX" or time.monotonic() > deadline:
            return variables
        start, end = fields[_VARIABLES]
        if none and start == end != "0":  # twice: while they are put there they end where they begin, too
            return b""
        none = start == end != "0"
        time.sleep(0.0002)  # nothing tells that it is over


def descendants(pid: int) -> Iterator[int]:
    """Everything below a process, parents first."""
    try:
        threads = [int(entry.name) for entry in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return
    for thread in threads:
        for child in _children(pid, thread):
            yield child
            yield from descendants(child)


def _children(pid: int, thread: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{thread}/children").read_bytes().split()]
    except OSError:
        return []


def _stat(pid: int) -> list[str]:
    """Fields 3 and following of /proc/PID/stat (proc(5)); none if there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return []
    return text[text.rindex(")") + 2 :].split()


def _session(pid: int) -> int | None:
    fields = _stat(pid)
    return int(fields[3]) if fields else None


def start_time(pid: int) -> str | None:
    """When a process was started, in ticks; None if there is none, or but its exit code is left of it."""
    fields = _stat(pid)
    return fields[19] if fields and fields[0] not in "ZX" else None
