"""The far end of a connection over ssh: what ``swarmtui dial-stdio ID`` does on the machine that has the session.

One line first, which tells the viewer that from here on it is swarmtui that speaks, and what it speaks about; whatever
a shell's start-up files have printed lies before it. Then bytes are carried between the host's socket and standard
input and output; of a session without a host, its file is served instead, to be read only.

It ends when either side does. Nothing heavy is imported for a live session: the viewer waits for this.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time

import swarmtui
from swarmtui.host.whereabouts import socket_of
from swarmtui.safety.paths import places
from swarmtui.session.folder import SessionFolder, find_session

MAGIC = "swarmtui-dial/"
DIAL_VERSION = 1
OVER_SSH = "over-ssh"
"""The command that carries another one out after saying :func:`opening`. One of a swarmtui that is older is refused
there as unknown, which tells that swarmtui from noise."""
CHUNK = 256 * 1024
LAST_BYTES_S = 1.0
"""How long what the host still says is carried on after the viewer has said its last."""
TAKEOVER_POLL_S = 1.0
BETWEEN_S = 5.0
"""How long a host may have its lock and not listen: one that begins, or that was killed while the machine is busy."""
BETWEEN_POLL_S = 0.1


def dial(id: str) -> None:
    """Connect standard input and output to the session that goes by `id`, until either side ends.

    Raises SessionMissing, PathRefused, LogError; OSError if a host lives and cannot be reached.
    """
    folder = find_session(places().state / "sessions", id)
    host = _host_of(folder)
    if host is None:
        _serve_recorded(folder)
        return
    with host:
        _write_all(1, _greeting(folder, "live"))
        _carry(host)


def _host_of(folder: SessionFolder) -> socket.socket | None:
    """A connection to the session's host; None where none lives. Raises ConnectionError, PathRefused.

    One that has its lock and does not take connections begins or leaves just now.
    """
    deadline = time.monotonic() + BETWEEN_S
    while folder.owned():
        host = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            host.connect(str(socket_of(folder)))
        except OSError as error:
            host.close()
            if time.monotonic() >= deadline and folder.owned():
                raise ConnectionError(f"the host of {folder.id} cannot be reached: {error.strerror or error}") from None
            time.sleep(BETWEEN_POLL_S)  # a socket that is not there yet has nothing to wait on
        else:
            return host
    return None


def opening() -> bytes:
    """The line after which all that is printed is swarmtui's own."""
    return _first_line({"version": swarmtui.__version__})


def _first_line(told: dict[str, str]) -> bytes:
    return f"{MAGIC}{DIAL_VERSION} {json.dumps(told)}\n".encode()


def _greeting(folder: SessionFolder, status: str) -> bytes:
    return _first_line({"status": status, "id": folder.id, "version": swarmtui.__version__})


def _carry(host: socket.socket) -> None:
    """Bytes both ways. What the host says is carried here; when it has said all, this process is done."""
    threading.Thread(target=_carry_in, args=(host,), daemon=True).start()
    try:
        while data := host.recv(CHUNK):
            _write_all(1, data)
    except OSError:
        pass  # one of the two is gone, which is how all of this ends


def _carry_in(host: socket.socket) -> None:
    """What the viewer says, until it says no more: then this process ends, whoever else still listens.

    Without that, a process whose ssh was killed would stay for as long as the session does.
    """
    try:
        while data := os.read(0, CHUNK):
            host.sendall(data)
        host.shutdown(socket.SHUT_WR)
    except OSError:
        pass
    threading.Event().wait(LAST_BYTES_S)
    os._exit(0)


def _write_all(fd: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]


def _serve_recorded(folder: SessionFolder) -> None:
    """Serve the file as a host would. Raises LogError before anything is said, if it cannot be read."""
    import asyncio

    from swarmtui.session.reader import Reader

    with Reader(folder.db):
        pass
    ours, theirs = socket.socketpair()
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            asyncio.run(_recorded(theirs, folder))
        except Exception as error:  # noqa: BLE001 - told by the main thread, which ends the command with it
            failures.append(error)
        finally:
            theirs.close()

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    _write_all(1, _greeting(folder, "recorded"))
    with ours:
        _carry(ours)
    server.join(LAST_BYTES_S)
    if failures:
        raise failures[0]


async def _recorded(theirs: socket.socket, folder: SessionFolder) -> None:
    """Serve the file until the viewer leaves, or a host takes the session up: then the viewer comes again, for that."""
    import asyncio

    from swarmtui.host.recorded import serve_recorded

    reader, writer = await asyncio.open_unix_connection(sock=theirs)
    serving = asyncio.create_task(serve_recorded(reader, writer, folder))
    while not serving.done() and not folder.owned():
        await asyncio.wait({serving}, timeout=TAKEOVER_POLL_S)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    writer.close()
    if not serving.cancelled() and (error := serving.exception()) is not None:
        raise error
