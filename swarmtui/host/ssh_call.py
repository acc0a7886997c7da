"""One ssh that runs ``swarmtui dial-stdio`` on another machine: what it says first, what it complains of, its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from swarmtui.host.address import Address
from swarmtui.host.dial import DIAL_VERSION, MAGIC
from swarmtui.host.dialling import Dialled, Unreachable
from swarmtui.host.exits import Exit
from swarmtui.host.ssh import STDERR_BYTES, failure_of, last_line, own_screen, ssh_argv
from swarmtui.safety.text import clean, one_line
from swarmtui.session.folder import is_session_id

NOISE_BYTES = 64 * 1024
"""How much the other machine may print before swarmtui speaks."""
GOODBYE_S = 1.0
"""How long ssh may take to end once the other side has closed the connection."""
PROMPTLY_S = 0.2
"""The same where we have closed it: nothing more is to be learned."""
EXIT_S = 2.0
ECHO_LAG_S = 0.3
_MAGIC = MAGIC.encode()


@dataclass(frozen=True, slots=True)
class Greeting:
    """What the other machine says of the session before anything else."""

    live: bool
    """Whether a host lives; else the file is served."""
    id: str
    version: str


class SshCall:
    """One ssh that runs ``swarmtui dial-stdio`` on the other machine. Its standard input and output are a socket here.

    Blocking; a context manager that ends the process unless :meth:`hand_over` has given it away.
    """

    def __init__(
        self, address: Address, *, batch: bool, again: bool = False, environ: Mapping[str, str] = os.environ
    ) -> None:
        """`batch`: nobody is asked for anything. `again`: the session had been reached before."""
        self.address = address
        self._again = again
        self._batch = batch
        argv = ssh_argv(address, ["dial-stdio", address.id], batch=batch, environ=environ)
        self._socket, theirs = socket.socketpair()
        read_end, write_end = os.pipe()
        try:
            with theirs, os.fdopen(write_end, "wb") as stderr:
                # A group of its own: the terminal's ^C is for us alone. Without a session of its own it can still ask.
                self.process = subprocess.Popen(
                    argv,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=stderr,
                    env=dict(environ),
                    start_new_session=batch,
                    process_group=None if batch else 0,
                )
        except OSError as error:
            self._socket.close()
            os.close(read_end)
            raise Unreachable(
                f"{argv[0]} cannot be run ({error.strerror}): install an ssh client, or name one in SWARMTUI_SSH",
                Exit.NOT_INSTALLED,
            ) from None
        self._tail = Tail(read_end, echo=not batch)
        self._rest = b""
        self._reader: asyncio.StreamReader | None = None
        self._stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def greeted(self, patience_s: float) -> Greeting:
        """What the other machine says, once it speaks; what its shell printed before is dropped. Raises Unreachable."""
        deadline = time.monotonic() + patience_s
        noise = 0
        while True:
            line = self._line(deadline)
            at = line.find(_MAGIC)
            if at >= 0:
                self._tail.quiet()
                return self._greeting(line[at + len(_MAGIC) :])
            noise += len(line)
            if noise > NOISE_BYTES:
                self.kill()
                raise Unreachable(
                    f"{self.address.machine} printed {NOISE_BYTES // 1024} KiB of something else before swarmtui "
                    f"spoke: `{self.address.by_hand} true` shows it; have its shell's start-up files be silent",
                    Exit.LOST,
                )

    def _greeting(self, said: bytes) -> Greeting:
        version, _, told = said.partition(b" ")
        try:
            if int(version) != DIAL_VERSION:
                raise Unreachable(
                    f"{self.address.machine}: its swarmtui is connected to in another way (dial {int(version)}, here "
                    f"{DIAL_VERSION}); {own_screen(self.address)}",
                    Exit.VERSION,
                )
            found = json.loads(told)
            if not is_session_id(found["id"]):  # it becomes a word of command lines, here too
                raise ValueError(found["id"])
            return Greeting(found["status"] == "live", found["id"], one_line(str(found["version"]), 40))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Unreachable(f"{self.address.machine}: what its swarmtui says cannot be read", Exit.LOST) from None

    def _line(self, deadline: float) -> bytes:
        """The next line, or as much of an endless one as counts as noise."""
        while b"\n" not in self._rest and len(self._rest) <= NOISE_BYTES:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                self.kill()
                raise Unreachable(
                    f"{self.address.machine}: swarmtui did not speak in time"
                    f"{f' ({said})' if (said := last_line(self._tail.text)) else ''}: see whether "
                    f"`{self.address.by_hand} true` ends by itself",
                    Exit.LOST,
                )
            data = self._received()
            if not data:
                raise self._no_word()
            self._rest += data
        line, newline, self._rest = self._rest.partition(b"\n")
        return line + newline

    def _received(self) -> bytes:
        try:
            return self._socket.recv(65_536)
        except ConnectionResetError:
            return b""

    def _no_word(self) -> BaseException:
        """Why it ended without a word of swarmtui's."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(EXIT_S)
        if not self._batch and self.process.returncode in (-signal.SIGINT, 128 + signal.SIGINT):
            return KeyboardInterrupt()
        return self.failure() or Unreachable(
            f"{self.address.machine} answers, but not with swarmtui: see what "
            f"`{self.address.by_hand} swarmtui --version` prints",
            Exit.LOST,
        )

    def failure(self) -> Unreachable | None:
        """Why it has ended; None where it has not, or in good order, or by our own hand."""
        code = self.process.poll()
        if code is None or self._stopped:
            return None
        if code >= 0:
            self._tail.wait()
        return failure_of(code, self._tail.text, self.address, batch=self._batch, again=self._again)

    async def hand_over(self) -> Dialled:
        """The connection, from here on the caller's to end."""
        reader = self._reader = asyncio.StreamReader()
        reader.feed_data(self._rest)
        protocol = asyncio.StreamReaderProtocol(reader)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_unix_connection(lambda: protocol, sock=self._socket)
        return Dialled(reader, asyncio.StreamWriter(transport, protocol, reader, loop), self.end, self.failure)

    async def end(self) -> None:
        """End ssh, if it has not ended by itself: the far end ends with it."""
        left_first = self._reader is not None and self._reader.at_eof()
        await asyncio.to_thread(self._end, GOODBYE_S if left_first else PROMPTLY_S)

    def _end(self, patience_s: float) -> None:
        """Wait for the exit code, which says why; then end it, politely and then not: it may be frozen."""
        for stop in (None, signal.SIGTERM, signal.SIGKILL):
            if stop is not None:
                self._stopped = True
                self.process.send_signal(stop)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(EXIT_S if stop is signal.SIGKILL else patience_s)
                return

    def abandon(self) -> None:
        """End ssh at once, while another thread may wait for what it says, which then ends, too."""
        self._stopped = True
        self.process.kill()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def kill(self) -> None:
        """End ssh at once."""
        self._stopped = True
        self._socket.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


class Tail:
    """The last few KiB of what a process says on standard error, read by a thread so that it never has to wait for us.

    What it says while it still runs a moment later is shown, cleaned: a question has its explanation there. What it
    says as it ends can become part of one line instead.
    """

    def __init__(self, fd: int, *, echo: bool) -> None:
        """`fd` is the reading end of a pipe, from here on this object's to close."""
        self._fd = fd
        self._echo = echo
        self._held = b""
        self._unsaid = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def text(self) -> str:
        """What is held."""
        return self._held.decode("utf-8", "replace")

    def quiet(self) -> None:
        """Show nothing more."""
        self._echo = False

    def wait(self) -> None:
        """Until all is read, or for a moment: another process may hold the pipe open."""
        self._thread.join(ECHO_LAG_S)

    def say(self) -> None:
        """Show what was not shown yet."""
        unsaid, self._unsaid = self._unsaid, b""
        with contextlib.suppress(OSError):
            sys.stderr.write(clean(unsaid.decode("utf-8", "replace")))
            sys.stderr.flush()

    def _read(self) -> None:
        try:
            while True:
                if self._echo and self._unsaid and not select.select([self._fd], [], [], ECHO_LAG_S)[0]:
                    self.say()
                data = os.read(self._fd, STDERR_BYTES)
                if not data:
                    return
                self._held = (self._held + data)[-STDERR_BYTES:]
                self._unsaid = (self._unsaid + data)[-STDERR_BYTES:]
        finally:
            os.close(self._fd)
