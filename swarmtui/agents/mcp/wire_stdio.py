"""A server as a child process: one JSON-RPC message per line on its standard input and output.

The transport of the ``mcp`` package is not used here since it passes on parts of the host's environment, keeps lines of
any length, and ends with the first byte that is no UTF-8. This one keeps to what a hostile or broken program needs:
a small environment, a session of its own, capped lines, what is no message skipped and noted, standard error drained
into a capped log, and an end within bounds: its input is closed, then it is asked, then killed, with all its children.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from asyncio import StreamReader, StreamWriter
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import cast

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client._transport import TransportStreams
from mcp.shared.message import SessionMessage
from mcp_types import ErrorData, JSONRPCError, jsonrpc_message_adapter

from swarmtui.agents.mcp.lines import LONGEST, Lines, Overlong, answered
from swarmtui.agents.mcp.log import ServerLog
from swarmtui.agents.mcp.wire import WireFailed
from swarmtui.safety.text import one_line

GRACE_S = 2.0
"""Time in which a server may end by itself once its input is closed."""
TERM_S = 1.0
"""Time that it has, with all its children, once it was asked to."""
_SETTLE_S = 0.5
_POLL_S = 0.01
_CHUNK = 64 * 1024
_QUEUED = 256
_UNREADABLE = 20

_Inbox = MemoryObjectSendStream[SessionMessage | Exception]
_Outbox = MemoryObjectReceiveStream[SessionMessage]


class StdioWire:
    """The messages of one process; see :class:`swarmtui.agents.mcp.wire.Wire`."""

    def __init__(
        self, argv: Sequence[str], cwd: str, env: Mapping[str, str], log: ServerLog, *, umask: int = -1
    ) -> None:
        self.lost: str | None = None
        self.patient = False
        self._argv = list(argv)
        self._cwd = cwd
        self._env = dict(env)
        self._log = log
        self._umask = umask
        self._pid: int | None = None
        self._unreadable = 0
        self._ending = False

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[TransportStreams, None]:
        """Starts the process, and ends it with the context. Raises WireFailed."""
        process = await self._start()
        inbox, read_stream = anyio.create_memory_object_stream[SessionMessage | Exception](64)
        write_stream, outbox = anyio.create_memory_object_stream[SessionMessage](_QUEUED)
        said = asyncio.create_task(self._drain(process))
        tasks = (
            asyncio.create_task(self._receive(process, inbox, said)),
            asyncio.create_task(self._send(process, outbox, inbox, said)),
            said,
        )
        try:
            yield read_stream, write_stream
        except BaseException:
            self.patient = False
            raise
        finally:
            self._ending = True
            for stream in (read_stream, write_stream):
                stream.close()
            try:
                await self._end(process)
            finally:
                for task in tasks:
                    task.cancel()
                for end in (inbox, outbox):
                    end.close()
                await asyncio.gather(*tasks, return_exceptions=True)

    def kill(self) -> None:
        """Ends the process and all its children at once."""
        self.patient = False
        self._signal(signal.SIGKILL)

    async def _start(self) -> Process:
        program = one_line(self._argv[0], 100)
        try:
            process = await asyncio.create_subprocess_exec(
                *self._argv,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                cwd=self._cwd,
                env=self._env,
                start_new_session=True,
                umask=self._umask,
                limit=1024 * 1024,
            )
        except FileNotFoundError as error:
            raise WireFailed(f"there is no program {program} on PATH; install it, or give its whole path") from error
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            busy = isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE, errno.EAGAIN)
            mend = "lower the concurrency" if busy else "check the command"
            raise WireFailed(f"{program} cannot be started ({one_line(str(why), 100)}); {mend}") from error
        self._pid = process.pid
        return process

    async def _receive(self, process: Process, inbox: _Inbox, said: asyncio.Task[None]) -> None:
        """Passes on what the server says until its output ends, which is its end."""
        stdout = cast("StreamReader", process.stdout)
        lines = Lines()
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, ConnectionError):
            while chunk := await stdout.read(_CHUNK):
                for line in lines.feed(chunk):
                    message = self._read(line)
                    if message is not None:
                        await inbox.send(message)
        await self._lose(process, said, "it closed its standard output")
        inbox.close()

    def _read(self, line: bytes | Overlong) -> SessionMessage | None:
        """The message of a line. Whoever waits for one that cannot be read is told so; anything else is skipped."""
        if isinstance(line, Overlong):
            why = f"its answer is larger than {LONGEST:,} bytes"
        else:
            try:
                return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
            except ValueError:
                why = "its answer is no JSON-RPC message"
        number = answered(line) if isinstance(line, Overlong) or line.startswith(b"{") else None
        self._note_unreadable(line, why if number is not None else "no message on its standard output")
        if number is None:
            return None
        return SessionMessage(JSONRPCError(jsonrpc="2.0", id=number, error=ErrorData(code=-32700, message=why)))

    def _note_unreadable(self, line: bytes | Overlong, why: str) -> None:
        self._unreadable += 1
        if self._unreadable <= _UNREADABLE:
            start = line.head if isinstance(line, Overlong) else line
            self._log.note(f"{why}: {start[:200].decode('utf-8', 'replace')}")
        if self._unreadable == _UNREADABLE:
            self._log.note("further ones are not noted")

    async def _send(self, process: Process, outbox: _Outbox, inbox: _Inbox, said: asyncio.Task[None]) -> None:
        """Writes what is to be said to the server."""
        stdin = cast("StreamWriter", process.stdin)
        try:
            async for message in outbox:
                stdin.write(message.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")
                await stdin.drain()
        except (BrokenPipeError, ConnectionError, anyio.ClosedResourceError):
            await self._lose(process, said, "it closed its standard input")
            inbox.close()

    async def _drain(self, process: Process) -> None:
        """Keeps the server's standard error flowing, and what fits of it in the log."""
        stderr = cast("StreamReader", process.stderr)
        while chunk := await stderr.read(_CHUNK):
            self._log.feed(chunk)
        self._log.flush()

    async def _lose(self, process: Process, said: asyncio.Task[None], how: str) -> None:
        """Nothing more can be said to the server, or by it: finds out what came of it, and what it said last."""
        if self._ending or self.lost is not None:
            return
        await _exited(process, _SETTLE_S)
        await asyncio.wait({said}, timeout=_SETTLE_S)
        code = process.returncode
        if code is not None:
            how = f"it ended with exit code {code}" if code >= 0 else f"it was ended by {_signal_name(-code)}"
        words = self._log.last_line()
        how = f"{how}: {words}" if words else how
        if not self._ending and self.lost is None:
            self.lost = how
            self._log.note(how)

    async def _end(self, process: Process) -> None:
        """Ends the process within bounds; nothing of it is left, unless it hid on purpose."""
        cast("StreamWriter", process.stdin).close()
        if self.patient:
            await _exited(process, GRACE_S, lambda: not self.patient)
            self._signal(signal.SIGTERM)
            await self._gone(process, TERM_S)
        self._signal(signal.SIGKILL)
        await _exited(process, GRACE_S)
        transport = getattr(process, "_transport", None)  # a child that hid may hold the pipes for ever
        if transport is not None:
            transport.close()

    async def _gone(self, process: Process, within_s: float) -> None:
        """Waits until no process of the group is left."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within_s
        while self.patient and loop.time() < until and (process.returncode is None or self._signal(0)):  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)  # the system tells of children alone, not of theirs

    def _signal(self, number: int) -> bool:
        """Sends a signal to the process and all its children; whether there was any of them."""
        if self._pid is None:
            return False
        try:
            os.killpg(self._pid, number)
        except ProcessLookupError:
            return False
        except PermissionError:  # what is left is a zombie that nobody waits for
            return False
        return True


async def _exited(process: Process, within_s: float, unless: Callable[[], bool] | None = None) -> None:
    """Waits until the process itself has ended; `Process.wait` would wait for its pipes too."""
    loop = asyncio.get_running_loop()
    until = loop.time() + within_s
    while process.returncode is None and loop.time() < until:
        if unless is not None and unless():
            return
        await asyncio.sleep(_POLL_S)


def _signal_name(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"
