"""One ssh that runs swarmtui on another machine: what it says first, what it complains of, its end."""

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
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Self

from swarmtui.frozen import frozen
from swarmtui.host.address import Address
from swarmtui.host.dial import DIAL_VERSION, MAGIC, OVER_SSH
from swarmtui.host.dialling import Dialled, Unreachable
from swarmtui.host.exits import Exit
from swarmtui.host.ssh import STDERR_BYTES, failure_of, last_line, no_ssh, own_screen, ssh_argv
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


@frozen
class Greeting:
    """What the other machine says of the session before anything else."""

    live: bool
    """Whether a host lives; else the file is served."""
    id: str
    version: str


class SshCall:
    """One ssh that runs swarmtui on the other machine. Its standard input and output are a socket here.

    Blocking; a context manager that ends the process, and whatever it has started, unless :meth:`hand_over` has given
    it away.
    """

    def __init__(
        self,
        address: Address,
        words: Sequence[str] = (),
        *,
        batch: bool,
        again: bool = False,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """`words`: a command for swarmtui there; without any it is ``dial-stdio``, for the session of `address`.

        `batch`: nobody is asked for anything. `again`: the session had been reached before. Raises Unreachable.
        """
        self.address = address
        self._again = again
        self.batch = batch
        asked = [OVER_SSH, *words] if words else ["dial-stdio", address.id]
        argv = ssh_argv(address, asked, batch=batch, environ=environ)
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
            raise no_ssh(argv[0], error) from None
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
        """What the other machine says of the session, once swarmtui speaks there. Raises Unreachable."""
        return self._greeting(self.heard(patience_s))

    def heard(self, patience_s: float) -> bytes:
        """Wait for swarmtui's first line; what the shell there printed before it is dropped. Raises Unreachable.

        The rest of that line is returned.
        """
        deadline = time.monotonic() + patience_s
        noise = 0
        while True:
            line = self._line(deadline)
            at = line.find(_MAGIC)
            if at >= 0:
                self._tail.quiet()
                return line[at + len(_MAGIC) :]
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

    def give(self, data: bytes) -> None:
        """Have the command read `data`, and then the end. One that ends before it has is told by its end."""

        def give() -> None:
            with contextlib.suppress(OSError):
                self._socket.sendall(data)
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)

        if data:
            threading.Thread(target=give, daemon=True).start()  # what it says is read meanwhile
        else:
            give()

    def said(self, patience_s: float | None = None) -> Iterator[bytes]:
        """What it prints after its first line, as it comes. Raises TimeoutError if that takes longer than so long."""
        deadline = None if patience_s is None else time.monotonic() + patience_s
        data, self._rest = self._rest, b""
        while True:
            if data:
                yield data
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not _readable(self._socket, left):
                raise TimeoutError
            data = self._received()
            if not data:
                return

    def code(self, patience_s: float | None = None) -> int:
        """The exit code, when all was said. Raises TimeoutError."""
        try:
            code = self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        self._tail.wait()
        return code

    @property
    def complaint(self) -> str:
        """The end of what was said on standard error."""
        return self._tail.text

    def unsaid(self) -> str:
        """What of it the user has not seen; from now on that counts as shown."""
        return self._tail.unsaid()

    def _line(self, deadline: float) -> bytes:
        """The next line, or as much of an endless one as counts as noise."""
        while b"\n" not in self._rest and len(self._rest) <= NOISE_BYTES:
            left = deadline - time.monotonic()
            if left <= 0 or not _readable(self._socket, left):
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
        if not self.batch and self.process.returncode in (-signal.SIGINT, 128 + signal.SIGINT):
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
        return failure_of(code, self._tail.text, self.address, batch=self.batch, again=self._again)

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
                self._signal(stop)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(EXIT_S if stop is signal.SIGKILL else patience_s)
                return

    def abandon(self) -> None:
        """End ssh at once, while another thread may wait for what it says, which then ends, too."""
        self._stopped = True
        self._signal(signal.SIGKILL)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def kill(self) -> None:
        """End ssh at once."""
        self._stopped = True
        self._socket.close()
        self._signal(signal.SIGKILL)
        self.process.wait()

    def _signal(self, number: signal.Signals) -> None:
        """Send it to ssh, and to what it has started: a ProxyCommand, what a script that stands in for ssh runs."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)


def _readable(connection: socket.socket, patience_s: float | None) -> bool:
    poll = select.poll()  # unlike select() it takes descriptors of any number
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(None if patience_s is None else patience_s * 1000))


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

    def unsaid(self) -> str:
        """What was not shown yet, cleaned; it is whoever asks that shows it."""
        unsaid, self._unsaid = self._unsaid, b""
        return clean(unsaid.decode("utf-8", "replace"))

    def say(self) -> None:
        """Show what was not shown yet."""
        with contextlib.suppress(OSError):
            sys.stderr.write(self.unsaid())
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
