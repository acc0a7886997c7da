"""The process of a program that speaks the Agent Client Protocol: its pipes in the event loop, and its end."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

from swarmtui.workers.cli_agents.streams import LINE_BYTES
from swarmtui.workers.exits import await_exit, exits, has_exited
from swarmtui.workers.orphans import MARK, Family


class PipedProcess:
    """A child in a session of its own, together with whatever comes of it. Has to be killed and closed, whatever
    happens."""

    def __init__(self, argv: Sequence[str], *, cwd: str, env: Mapping[str, str], mark: str, umask: int) -> None:
        """Starts it; by `mark` its orphans are known. Raises OSError if it cannot be started."""
        self._process = subprocess.Popen(
            argv,
            cwd=cwd,
            env={**env, MARK: mark},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            umask=umask,
        )
        self._family = Family(self._process.pid, mark)
        self._pipes: list[asyncio.BaseTransport] = []

    async def connect(self) -> tuple[asyncio.StreamWriter, asyncio.StreamReader, asyncio.StreamReader]:
        """Its input, output and errors."""
        loop = asyncio.get_running_loop()
        readers: list[asyncio.StreamReader] = []
        for pipe, limit in ((self._process.stdout, LINE_BYTES), (self._process.stderr, 1 << 16)):
            reader = asyncio.StreamReader(limit=limit)
            read, _ = await loop.connect_read_pipe(partial(asyncio.StreamReaderProtocol, reader), pipe)
            self._pipes.append(read)
            readers.append(reader)
        transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, self._process.stdin)
        self._pipes.append(transport)
        return asyncio.StreamWriter(transport, protocol, None, loop), readers[0], readers[1]

    @property
    def exited(self) -> bool:
        """Whether it has; what it left behind may still be at work."""
        return has_exited(self._process)

    async def exits(self, within_s: float | None = None) -> bool:
        """Waits until it has exited; whether it has."""
        return await exits(self._process, within_s)

    def ask_to_stop(self, number: int) -> None:
        """Sends a signal to it and to all that came of it, also to what is stopped."""
        self._family.signal(number)
        self._family.signal(signal.SIGCONT)

    def kill(self) -> int:
        """Kills what is left, and takes its exit code, which is negative after a signal. Blocks."""
        self._family.signal(signal.SIGKILL)
        await_exit(self._process)
        self._family.end()
        code = self._process.wait()
        self._family.settle()
        return code

    async def close(self) -> None:
        """Lets go of its pipes."""
        for transport in self._pipes:
            transport.close()
        await asyncio.sleep(0)  # the pipes are closed in the loop's next turn
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
