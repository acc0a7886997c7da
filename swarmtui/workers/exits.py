"""Tells when processes have ended, without polling where the system says so (pidfd_open(2)) and without taking their
exit codes: until that is done a process' id stays its own, and signals reach nobody else."""

from __future__ import annotations

import asyncio
import os
import select
import subprocess
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress

_POLL_S = 0.02
"""How often is looked where nothing tells of an end: not Linux, or no descriptor is left."""


def has_exited(process: subprocess.Popen[bytes]) -> bool:
    """Whether a child has ended. Its exit code is taken only where the system cannot leave it."""
    if process.returncode is not None:
        return True
    if hasattr(os, "waitid"):
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
    return process.poll() is not None


def await_exit(process: subprocess.Popen[bytes]) -> None:
    """Blocks until a child has ended, its exit code taken as by :func:`has_exited`."""
    if hasattr(os, "waitid") and process.returncode is None:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    else:
        process.wait()


async def exits(process: subprocess.Popen[bytes], within_s: float | None = None) -> bool:
    """Waits until a child has ended, at most `within_s`; whether it has."""
    if has_exited(process):
        return True
    descriptor = exit_descriptor(process.pid)
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            if descriptor is None:
                while not has_exited(process):  # noqa: ASYNC110  # nothing tells of it here
                    await asyncio.sleep(_POLL_S)
            else:
                await _readable(descriptor)
    return has_exited(process)


async def _readable(descriptor: int) -> None:
    """Waits until `descriptor` can be read, and closes it."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def wait_for_an_exit(pids: Iterable[int], within_s: float) -> None:
    """Blocks until one of these processes has ended, whosever child it is, or there is none of them, at most
    `within_s`. Where nothing tells of an end it returns after a moment, for the caller to look."""
    with ExitStack() as closing:
        ends = select.poll()
        for pid in pids:
            try:
                descriptor = exit_descriptor(pid)
            except ProcessLookupError:
                return
            if descriptor is None:
                time.sleep(min(within_s, _POLL_S))
                return
            closing.callback(os.close, descriptor)
            ends.register(descriptor, select.POLLIN)
        ends.poll(max(within_s, 0.0) * 1e3)


def exit_descriptor(pid: int) -> int | None:
    """A descriptor that can be read once the process has ended, to be closed by the caller; None where the system gives
    none. Raises ProcessLookupError if there is no such process."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:
        raise
    except (OSError, AttributeError):
        return None
