"""Carries the bytes of one child process: its input in, its output to memory, to files and to whoever watches.

One thread per process does all of it, with large reads from large pipes, since the event loop is ten times slower at
this and must stay free for the screen. The thread ends soon after the process does, even if something that the process
left behind still holds its output open.
"""

from __future__ import annotations

import codecs
import fcntl
import logging
import os
import selectors
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

from swarmtui.safety.redact import Redactor
from swarmtui.workers.exits import has_exited
from swarmtui.workers.orphans import Family

KEEP_BYTES = 2 << 20
"""What is kept of an output in memory: the first half and the last half of this."""
WHOLE_BYTES = 16 << 20
"""The same where no file has the rest: as much as the session file keeps."""
FILE_BYTES = 100_000_000
"""What is kept of an output in a file."""
DELTA_INTERVAL_S = 0.05
DELTA_BYTES = 64 * 1024
"""New text is passed on at most this often per stream and at most this much at a time; of more, the newest wins."""
DRAIN_S = 1.0
"""How long output is awaited after the process has ended."""

_READ = 1 << 20
_F_SETPIPE_SZ = getattr(fcntl, "F_SETPIPE_SZ", 1031)
_POLL_S = 0.02
_log = logging.getLogger(__name__)

Emit = Callable[[str, str], None]
"""Gets (channel, text) in the pump's thread."""


class Kept:
    """The first and the last part of a stream of bytes, and how long it was."""

    def __init__(self, limit: int = KEEP_BYTES) -> None:
        self.size = 0
        self._half = limit // 2
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0

    @property
    def whole(self) -> bool:
        """Whether nothing is missing; told by the size alone, however the bytes were cut when they came."""
        return self.size <= 2 * self._half

    def add(self, data: bytes) -> None:
        """Takes the next bytes of the stream."""
        self.size += len(data)
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if data:
            self._tail.append(data)
            self._tail_size += len(data)
            while self._tail_size - len(self._tail[0]) >= self._half:
                self._tail_size -= len(self._tail.popleft())

    def text(self) -> str:
        """What is kept, with a line in between that tells how much is missing."""
        tail = b"".join(self._tail)
        if self.whole:
            return (bytes(self._head) + tail).decode("utf-8", "replace")
        tail = tail[-self._half :]
        missing = self.size - len(self._head) - len(tail)
        first, last = self._head.decode("utf-8", "replace"), tail.decode("utf-8", "replace")
        return f"{first}\n… {missing:,} bytes left out …\n{last}"


class CappedFile:
    """A file that is made at the first write, and ends with a marker where more came than fits."""

    def __init__(self, path: Path | None, redactor: Redactor | None = None, limit: int = FILE_BYTES) -> None:
        self.path = path
        """None once the disk has refused a part: what is left of the file is not what was written."""
        self.whole = True
        """Whether the file holds all that was written to it."""
        self.lost: str | None = None
        """Why it does not."""
        self._limit = self._left = limit
        self._file = -1
        self._redacted = redactor.stream() if redactor and path else None
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def write(self, data: bytes) -> None:
        """Appends `data` as far as it fits. A disk that is full costs the file, not the command."""
        if self.path is None or not self.whole:
            self.whole = False
            return
        if self._redacted is not None:
            data = self._redacted.feed(self._decoder.decode(data)).encode("utf-8", "surrogateescape")
        self._append(self.path, data)

    def close(self) -> None:
        """Writes what is held back and closes the file."""
        if self._redacted is not None and self.path is not None and self.whole:
            rest = self._redacted.feed(self._decoder.decode(b"", final=True)) + self._redacted.flush()
            self._append(self.path, rest.encode("utf-8", "surrogateescape"))
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _append(self, path: Path, data: bytes) -> None:
        if not data:
            return
        try:
            if self._file < 0:
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
                self._file = os.open(path, flags, 0o600)
            fits = memoryview(data)[: self._left]
            self.whole = len(fits) == len(data)
            self._left -= len(fits)
            _write_all(self._file, fits)
            if not self.whole:
                self.lost = f"more than {self._limit / 1e6:g} MB came"
                _write_all(self._file, memoryview(b"\n[truncated: the output was larger than what is kept]\n"))
        except OSError as error:
            _log.warning("%s: the output is not kept: %s", path, error.strerror)
            self.path, self.whole, self.lost = None, False, str(error.strerror)


def _write_all(file: int, data: memoryview) -> None:
    while data:
        data = data[os.write(file, data) :]


class Stream:
    """Output that comes on one file descriptor, and the text of it that is due to whoever watches."""

    def __init__(self, channel: str, keep: int) -> None:
        self.channel = channel
        self.kept = Kept(keep)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._fresh = bytearray()
        self._passed_at = 0.0

    def add(self, data: bytes) -> None:
        """Takes what was read."""
        self.kept.add(data)
        self._fresh += data[-DELTA_BYTES:]
        del self._fresh[:-DELTA_BYTES]

    def due_in(self, now: float) -> float | None:
        """Seconds until text is due; None if there is none."""
        return max(0.0, self._passed_at + DELTA_INTERVAL_S - now) if self._fresh else None

    def take(self, now: float, *, final: bool = False) -> str:
        """The text that is due."""
        self._passed_at = now
        text = self._decoder.decode(bytes(self._fresh), final)
        self._fresh.clear()
        return text


class Pump(threading.Thread):
    """The thread for one process. `process` has pipes for stdout and stderr, and for stdin if there is input.

    `emit`, `watch` (with every byte of stdout, none left out) and, once at the end, `done` are called in this thread.
    When `done` is called the process has been waited for, what it left behind is gone, and `returncode` tells how it
    ended.
    """

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        family: Family,
        *,
        emit: Emit,
        done: Callable[[], None],
        stdin: bytes = b"",
        folder: Path | None = None,
        redactor: Redactor | None = None,
        keep: int = KEEP_BYTES,
        watch: Callable[[bytes], None] | None = None,
    ) -> None:
        super().__init__(name=f"pump-{process.pid}", daemon=True)
        self.stdout = Stream("output", keep)
        self.stderr = Stream("stderr", 64 * 1024)
        self.output = CappedFile(folder / "output.txt" if folder else None, redactor)
        self.log = CappedFile(folder / "log.txt" if folder else None, redactor)
        self.returncode: int | None = None
        self.broken = True
        """Whether the thread broke before it had read the output."""
        self._process = process
        self._family = family
        self._emit = emit
        self._done = done
        self._watch = watch
        self._input = memoryview(stdin)
        self._gone = threading.Lock()  # held while the leader is waited for: from then on its pid may be another's
        self._killed = False
        self._selector = getattr(selectors, "PollSelector", selectors.DefaultSelector)()  # needs no descriptor

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def signal(self, number: int, *, last: bool = False) -> None:
        """Sends a signal to the whole family, from any thread. With `last` no further output is awaited."""
        with self._gone:
            self._killed = self._killed or last
            if self.returncode is None:
                self._family.signal(number)

    def run(self) -> None:
        """Carries bytes until the process has ended and its output is read."""
        try:
            try:
                self._open()
                self._carry()
            finally:
                self._close()
            self.broken = False
        except Exception:  # noqa: BLE001 - logged here, and `broken` tells whoever awaits the command
            _log.exception("the output of process %d was lost", self._process.pid)
        finally:
            with self._gone:
                self._family.end()
                self.returncode = self._process.wait()
            self._family.settle()
            self._done()

    def _open(self) -> None:
        for pipe, stream in ((self._process.stdout, self.stdout), (self._process.stderr, self.stderr)):
            if pipe is not None:
                with suppress(OSError):  # the user may be out of large pipes
                    fcntl.fcntl(pipe.fileno(), _F_SETPIPE_SZ, _READ)
                os.set_blocking(pipe.fileno(), False)
                self._selector.register(pipe, selectors.EVENT_READ, stream)
        if self._process.stdin is not None:
            os.set_blocking(self._process.stdin.fileno(), False)
            self._selector.register(self._process.stdin, selectors.EVENT_WRITE, self._process.stdin)

    def _carry(self) -> None:
        watch = _ExitWatch(self._process, self._selector)
        deadline: float | None = None
        try:
            while True:
                now = time.monotonic()
                if deadline is None and watch.ended():
                    deadline = now + DRAIN_S
                if deadline is not None and (now >= deadline or self._killed or not self._has_output()):
                    break
                for key, _ in self._selector.select(self._wait_s(now, deadline, watch)):
                    self._turn(key)
                self._pass_on(time.monotonic())
        finally:
            watch.close()
        for key in list(self._selector.get_map().values()):
            if isinstance(key.data, Stream) and not self._killed:
                self._read(key, key.data)  # what a full pipe still holds was said in time, however late we are
        self._pass_on(time.monotonic(), final=True)

    def _has_output(self) -> bool:
        return any(isinstance(key.data, Stream) for key in self._selector.get_map().values())

    def _wait_s(self, now: float, deadline: float | None, watch: _ExitWatch) -> float | None:
        waits = [stream.due_in(now) for stream in (self.stdout, self.stderr)]
        waits.append(None if deadline is None else deadline - now)
        waits.append(watch.poll_s if deadline is None else None)
        return min((wait for wait in waits if wait is not None), default=None)

    def _turn(self, key: selectors.SelectorKey) -> None:
        if isinstance(key.data, Stream):
            self._read(key, key.data)
        elif isinstance(key.data, _ExitWatch):
            key.data.rest()
        else:
            self._write(key.data)

    def _read(self, key: selectors.SelectorKey, stream: Stream) -> None:
        try:
            data = os.read(key.fd, _READ)
        except BlockingIOError:
            return
        if not data:
            self._selector.unregister(key.fileobj)
            return
        stream.add(data)
        self.log.write(data)
        if stream is self.stdout:
            self.output.write(data)
            if self._watch is not None:
                self._watch(data)

    def _write(self, pipe: IO[bytes]) -> None:
        try:
            self._input = self._input[os.write(pipe.fileno(), self._input[:_READ]) :]
        except BlockingIOError:
            return
        except OSError:  # the process does not want its input: its own affair
            self._input = self._input[:0]
        if not self._input:
            self._selector.unregister(pipe)
            pipe.close()

    def _pass_on(self, now: float, *, final: bool = False) -> None:
        for stream in (self.stdout, self.stderr):
            if final or stream.due_in(now) == 0.0:
                text = stream.take(now, final=final)
                if text:
                    self._emit(stream.channel, text)

    def _close(self) -> None:
        with ExitStack() as closing:  # whichever of these breaks, the others are closed
            closing.callback(self.output.close)
            closing.callback(self.log.close)
            closing.callback(self._selector.close)
            for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()


class _ExitWatch:
    """Tells when a process has ended, without waiting for it, so that its pid stays its own."""

    def __init__(self, process: subprocess.Popen[bytes], selector: selectors.BaseSelector) -> None:
        self._process = process
        self._selector = selector
        self._fd = -1
        self._over = False
        with suppress(OSError, AttributeError):  # not Linux, or an old one: look every now and then
            self._fd = os.pidfd_open(process.pid)
            selector.register(self._fd, selectors.EVENT_READ, self)
        self.poll_s = _POLL_S if self._fd < 0 else None

    def ended(self) -> bool:
        """Whether the process has ended."""
        if not self._over and self._fd < 0:
            self._over = has_exited(self._process)
        return self._over

    def rest(self) -> None:
        """The process has ended: nothing more to watch."""
        self._over = True
        self._selector.unregister(self._fd)

    def close(self) -> None:
        """Lets go of the descriptor."""
        if self._fd >= 0:
            os.close(self._fd)
