"""Starting a host in a process session of its own, and knowing for sure whether it started."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time

from swarmtui.frozen import frozen
from swarmtui.host.exits import Exit
from swarmtui.host.spec import LaunchSpec
from swarmtui.safety.paths import PathRefused, Places, ensure_private, places, socket_path
from swarmtui.session.folder import SessionFolder, new_session_folder
from swarmtui.session.imports import imported_from

START_S = 60.0
_BEGINNINGS = ("planning_started", "attempt_started")


@frozen
class Launched:
    """A host that can be attached to."""

    id: str
    pid: int
    socket: str


class LaunchFailed(Exception):
    """The host did not start; the text is its own last word, for the user. Nothing is left running."""

    def __init__(self, message: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.code = code


def launch(spec: LaunchSpec, where: Places | None = None, *, unsandboxed: bool = False) -> Launched:
    """Start a new session. Blocks until it can be attached to. Raises LaunchFailed, PathRefused, OSError.

    A session that did not get as far as its first event leaves no trace; nor does one whose host was not waited for,
    unless a model has been asked or a node has begun by then. `unsandboxed`: see :func:`start_host`.
    """
    where = where or places()
    ensure_private(where.state)
    folder = new_session_folder(ensure_private(where.state / "sessions"))
    try:
        spec.write(folder)
        return start_host(folder, unsandboxed=unsandboxed)
    except BaseException as error:
        if not (folder.db.exists() if isinstance(error, LaunchFailed) else _has_begun(folder)):
            shutil.rmtree(folder.path, ignore_errors=True)
        raise


def _has_begun(folder: SessionFolder) -> bool:
    """Whether a host has done anything in the session that counts. What cannot be read may have."""
    from swarmtui.session.errors import LogError
    from swarmtui.session.reader import Reader

    if not folder.db.exists():
        return False
    try:
        with Reader(folder.db) as reader:
            return bool(reader.query("SELECT 1 FROM events WHERE type IN (?, ?) LIMIT 1", _BEGINNINGS))
    except LogError:
        return True


def start_host(
    folder: SessionFolder, *, wait_if_interrupted: bool = False, steal: bool = False, unsandboxed: bool = False
) -> Launched:
    """Start a host over a session that exists. Blocks until it can be attached to. Raises LaunchFailed, OSError.

    With `wait_if_interrupted` the session stays paused when a crash caught what may have changed something; with
    `steal` the lock of a host that is dead, and that something else still holds, is taken. `unsandboxed` is the user's
    word that this host, and no later one, runs commands that are not their own without a sandbox.
    """
    refuse_recording(folder)
    read_end, write_end = os.pipe()
    log = os.open(folder.host_log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        # -P: the folder in which the user works must not supply modules to the host.
        argv = [sys.executable, "-P", "-m", "swarmtui.host.process", str(folder.path), "--ready-fd", str(write_end)]
        argv += ["--wait-if-interrupted"] if wait_if_interrupted else []
        argv += ["--steal"] if steal else []
        argv += ["--unsafe-no-sandbox"] if unsandboxed else []
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(write_end,),
            start_new_session=True,
            cwd=folder.path,
        )
    finally:
        os.close(write_end)
        os.close(log)
    try:
        line = _read_line(read_end, START_S)
    except BaseException:
        _end(child, folder)
        raise
    finally:
        os.close(read_end)
    return _outcome(folder, child, line)


def refuse_recording(folder: SessionFolder) -> None:
    """What was imported ran elsewhere, with other models and files: nobody goes on with it by mistake.

    Raises LaunchFailed.
    """
    if folder.db.exists() and imported_from(folder.db) is not None:
        why = "was imported: it is a recording, and no host goes on with it"
        does = f"`swarmtui replay {folder.id}` plays it, `swarmtui fork {folder.id}` begins a session of yours with it"
        raise LaunchFailed(f"session {folder.id} {why}; {does}", Exit.USAGE)


def _outcome(folder: SessionFolder, child: subprocess.Popen[bytes], line: bytes | None) -> Launched:
    try:
        told = json.loads(line or b"")
    except ValueError:
        _end(child, folder)
        if line is None:
            raise LaunchFailed(f"the host was not ready after {START_S:.0f} s: see {folder.host_log}") from None
        raise LaunchFailed(f"the host ended before it was ready: {_last_word(folder)}") from None
    if "error" in told:
        child.wait(timeout=10)
        raise LaunchFailed(str(told["error"]), Exit(told.get("code", Exit.FAILED)))
    child.returncode = 0  # it lives on: it is not this process's to wait for
    return Launched(folder.id, child.pid, str(told["socket"]))


def _read_line(fd: int, patience_s: float) -> bytes | None:
    """What the child said before it closed the pipe; None if it did neither in time."""
    deadline = time.monotonic() + patience_s
    said = b""
    while b"\n" not in said:
        if not select.select([fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return None
        chunk = os.read(fd, 65_536)
        if not chunk:
            break
        said += chunk
    return said


def _end(child: subprocess.Popen[bytes], folder: SessionFolder) -> None:
    """End a host that is not to live: politely, then not; and clear away what it had no time to."""
    for number, patience_s in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        if child.poll() is None:
            child.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(patience_s)
            break
    if not folder.owned():
        with contextlib.suppress(OSError, PathRefused):
            socket_path(folder.id, places()).unlink(missing_ok=True)


def _last_word(folder: SessionFolder) -> str:
    try:
        lines = folder.host_log.read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else "it left no word"
