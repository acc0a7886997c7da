"""A program in a terminal of its own, whose bytes go elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import pty
import signal
import struct
import termios
from collections.abc import Mapping, Sequence

CHUNK = 65_536
HANG_UP_S = 5.0
"""How long a program has to leave once its terminal is gone."""
SMALLEST, LARGEST = 2, 1_000


class Terminal:
    """Runs a program as the leader of a session of processes with a pseudo-terminal."""

    def __init__(self, master: int, process: asyncio.subprocess.Process) -> None:
        self._master, self._process = master, process
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._closed = False

    @classmethod
    async def start(
        cls, argv: Sequence[str], environ: Mapping[str, str], columns: int, rows: int, folder: str | None = None
    ) -> Terminal:
        """Start `argv`. Raises OSError if that cannot be done."""
        master, slave = pty.openpty()
        try:
            _resize(master, columns, rows)
            os.set_blocking(master, False)
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=dict(environ),
                cwd=folder,
                start_new_session=True,
                preexec_fn=_take_terminal,
            )
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        return cls(master, process)

    async def read(self) -> bytes:
        """What the program has written since; empty once it has ended, or this was closed. Who is slow to read slows
        it."""
        while not self._closed:
            try:
                return os.read(self._master, CHUNK)
            except BlockingIOError:
                await self._ready(self._readable, reading=True)
            except OSError as error:
                if error.errno == errno.EIO:  # the last one that had it open is gone
                    return b""
                raise
        return b""

    async def write(self, data: bytes) -> None:
        """Type `data`."""
        while data and not self._closed:
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:
                await self._ready(self._writable, reading=False)
            except OSError as error:
                if error.errno == errno.EIO:
                    return
                raise

    async def _ready(self, event: asyncio.Event, *, reading: bool) -> None:
        event.clear()
        add = self._loop.add_reader if reading else self._loop.add_writer
        remove = self._loop.remove_reader if reading else self._loop.remove_writer
        add(self._master, event.set)
        try:
            await event.wait()
        finally:
            if not self._closed:  # else its number may be that of another file by now
                remove(self._master)

    def resize(self, columns: int, rows: int) -> None:
        """Tell the program of another size, in cells."""
        if not self._closed:
            _resize(self._master, columns, rows)

    async def close(self) -> None:
        """Hang up, as a window that is closed does, and wait for the program to leave."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGHUP)
        self._hang_up()
        try:
            async with asyncio.timeout(HANG_UP_S):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()

    def _hang_up(self) -> None:
        """At once: what reads from it there would not hear the signal, what writes to it would wait. Whoever reads or
        writes here goes on."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._master)
            self._loop.remove_writer(self._master)
            os.close(self._master)
            self._readable.set()
            self._writable.set()


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _resize(master: int, columns: int, rows: int) -> None:
    wide, high = (max(SMALLEST, min(LARGEST, value)) for value in (columns, rows))
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", high, wide, 0, 0))
