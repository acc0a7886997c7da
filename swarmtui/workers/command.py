"""Runs one child process with care: a session of its own, a small environment, all its output, nothing left behind."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import subprocess
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from swarmtui.frozen import frozen
from swarmtui.safety.redact import Redactor
from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind
from swarmtui.workers.bounds import Bounds, Warden
from swarmtui.workers.orphans import MARK, Family
from swarmtui.workers.pump import KEEP_BYTES, Pump
from swarmtui.workers.walls import walled

GRACE_S = 30.0
"""A command that was asked to stop is killed after this time, or when it is cancelled a second time."""

_PASSED = ("HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "LANG", "NO_COLOR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_LARGEST_ARGUMENT = 131_072
"""Bytes of one argument that Linux refuses (MAX_ARG_STRLEN)."""
_BUSY = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)


class NotStarted(Exception):
    """The command could not be started; `error` is for the user."""

    def __init__(self, error: ErrorInfo) -> None:
        super().__init__(error.message)
        self.error = error


@frozen
class Command:
    """What to start."""

    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    """The whole environment: see :func:`child_env`."""
    stdin: str | None = None
    mark: str = ""
    """Tells the command's orphans apart from those of others; unique among what runs."""
    folder: Path | None = None
    """Where ``output.txt`` and ``log.txt`` are written; None: nowhere."""
    keep: int = KEEP_BYTES
    """How much of its output is kept in memory."""
    umask: int = -1
    """For the files that it makes; -1: as this process has it."""
    steps: tuple[tuple[int, float], ...] = ()
    """How it is asked to stop: signals, each with the seconds until the next one, and at last until it is killed.
    None of them: SIGTERM, and :data:`GRACE_S`."""
    watch: Callable[[bytes], None] | None = None
    """Gets every byte of its stdout as it comes, in a thread of its own; it must not raise."""
    bounds: Bounds | None = None
    """What all of its processes and the files in `cwd` may take together; None: whatever there is."""


@frozen
class Ran:
    """How a command ended. As in a shell, `exit_code` is 128 and the signal's number if a signal ended it."""

    exit_code: int
    output: str
    """Stdout, or its first and last part."""
    size: int
    """Bytes of stdout."""
    whole: bool
    """Whether `output` is all of it."""
    stderr: str
    """The end of stderr."""
    path: str | None
    """File with the whole of stdout, as far as it was kept; None if there is none."""
    lost: str | None = None
    """Why the file lacks a part, or is not there at all."""
    beyond: str | None = None
    """Why it was ended, where it went beyond its bounds."""


class CommandStopped(asyncio.CancelledError):
    """The command was cancelled and is gone; `ran` is what it had said by then."""

    def __init__(self, ran: Ran) -> None:
        super().__init__()
        self.ran = ran


def child_env(
    extra: Mapping[str, str] | None = None, *, key: str = "", environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The environment of a command: the few variables that any program needs, and `extra`. No keys, no tokens.

    The folder with the programs of swarmtui's own Python comes first in PATH. `key` is the attempt's key.
    """
    env = {name: environ[name] for name in _PASSED if name in environ}
    env |= {name: value for name, value in environ.items() if name.startswith("LC_")}
    env["PATH"] = os.pathsep.join((sysconfig.get_path("scripts"), environ.get("PATH") or os.defpath))
    env["TERM"] = "dumb"
    if key:
        env["SWARMTUI_IDEMPOTENCY_KEY"] = key
    return env | dict(extra or {})


async def run_command(command: Command, emit: Callable[[str, str], None], redactor: Redactor | None = None) -> Ran:
    """Runs `command` to its end and returns how that was. `emit` gets (channel, text), in the event loop's thread.

    What the command leaves running is killed once it has ended. When cancelled, all of it is asked to stop as its
    `steps` say, then, when they have passed or it is cancelled again, killed; CommandStopped is raised when it is gone.
    Raises NotStarted.
    """
    if command.bounds is None:
        return await _run(command, emit, redactor)
    with walled(command.argv, command.bounds.tasks) as argv:
        return await _run(replace(command, argv=argv), emit, redactor)


async def _run(command: Command, emit: Callable[[str, str], None], redactor: Redactor | None) -> Ran:
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def in_loop(act: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody is there to be told
            loop.call_soon_threadsafe(act)

    pump = _start(
        command,
        emit=lambda channel, text: in_loop(partial(emit, channel, text)),
        done=lambda: in_loop(partial(ended.set_result, None)),
        redactor=redactor,
    )
    try:
        warden = _guarded(command, pump)
    except RuntimeError as error:  # no more threads
        await _stop(pump, ended, ())
        raise NotStarted(_busy(str(error))) from error
    try:
        await asyncio.wait({ended})
    except asyncio.CancelledError:
        await _stop(pump, ended, command.steps or ((signal.SIGTERM, GRACE_S),))
        raise CommandStopped(_ran(pump)) from None
    finally:
        if warden is not None:
            warden.dismiss()
    if pump.broken:
        raise RuntimeError(f"{one_line(command.argv[0], 100)} ended, but its output was lost: see the host's log")
    return replace(_ran(pump), beyond=None if warden is None else warden.reason)


async def _stop(pump: Pump, ended: asyncio.Future[None], steps: Sequence[tuple[int, float]]) -> None:
    """Asks, then kills; returns when the command is gone, however often that is interrupted."""
    with suppress(asyncio.CancelledError):
        for number, wait_s in steps:
            pump.signal(number)
            pump.signal(signal.SIGCONT)  # a stopped process would not hear the first one
            await asyncio.wait({ended}, timeout=wait_s)
            if ended.done():
                return
    while not ended.done():
        pump.signal(signal.SIGKILL, last=True)
        with suppress(asyncio.CancelledError):
            await asyncio.wait({ended}, timeout=1.0)


def _start(
    command: Command, emit: Callable[[str, str], None], done: Callable[[], None], redactor: Redactor | None
) -> Pump:
    """Starts the process and its pump. Blocks for the millisecond that this takes.

    It is done in the loop's thread since bubblewrap dies together with the thread that started it.
    """
    env = {**command.env, MARK: command.mark} if command.env else {}
    try:
        process = subprocess.Popen(
            list(command.argv),
            cwd=command.cwd,
            env=env,
            stdin=subprocess.DEVNULL if command.stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            umask=command.umask,
        )
    except (OSError, ValueError) as error:
        raise NotStarted(_explain(error, command)) from error
    family = Family(process.pid, command.mark)
    pump = Pump(
        process,
        family,
        emit=emit,
        done=done,
        stdin=(command.stdin or "").encode("utf-8", "replace"),
        folder=command.folder,
        keep=command.keep,
        redactor=redactor,
        watch=command.watch,
    )
    try:
        pump.start()
    except RuntimeError as error:  # no more threads
        process.kill()
        process.communicate()
        raise NotStarted(_busy(str(error))) from error
    return pump


def _guarded(command: Command, pump: Pump) -> Warden | None:
    if command.bounds is None:
        return None
    warden = Warden(pump.pid, Path(command.cwd), command.bounds)
    warden.start()
    return warden


def _ran(pump: Pump) -> Ran:
    kept = pump.stdout.kept
    code = pump.returncode or 0
    return Ran(
        exit_code=code if code >= 0 else 128 - code,
        output=kept.text(),
        size=kept.size,
        whole=kept.whole,
        stderr=pump.stderr.kept.text(),
        path=str(pump.output.path) if pump.output.path and kept.size else None,
        lost=None if kept.whole else pump.output.lost,
    )


def _explain(error: OSError | ValueError, command: Command) -> ErrorInfo:
    """Why a command could not be started, as the user is told."""
    program = one_line(command.argv[0] if command.argv else "", 100)
    if isinstance(error, ValueError):
        return ErrorInfo(ErrorKind.INPUT, f"{program}: an argument or variable holds a NUL character")
    if not Path(command.cwd).is_dir():
        return ErrorInfo(ErrorKind.INPUT, f"the folder to run in is missing: {one_line(command.cwd, 200)}")
    if error.errno in _BUSY:
        return _busy(str(error.strerror))
    told = {
        errno.ENOENT: "there is no such program on PATH; install it or correct its name",
        errno.EACCES: "may not be executed; check its mode (chmod +x) and its folder",
        errno.ENOEXEC: "is no program that this system can run; does its first line name an interpreter (#!)?",
        errno.E2BIG: "the arguments are too large for the system; pass a file's name instead: {{ node.path }}",
    }
    return ErrorInfo(ErrorKind.INPUT, f"{program}: {told.get(_cause(error, command), error.strerror or str(error))}")


def _cause(error: OSError, command: Command) -> int:
    """What keeps a command from starting. A folder on PATH that may not be looked into, or a file in one that is no
    program, has the system say "not permitted" of whatever else is wrong."""
    program, path = next(iter(command.argv), ""), command.env.get("PATH", os.defpath)
    if error.errno != errno.EACCES or not program or os.sep in program:
        return error.errno or 0
    if shutil.which(program, os.F_OK, path) is None:
        return errno.ENOENT
    variables = (f"{name}={value}" for name, value in command.env.items())
    sizes = [len(os.fsencode(one)) + 1 for one in (*command.argv, *variables)]
    too_large = max(sizes) > _LARGEST_ARGUMENT or sum(sizes) > os.sysconf("SC_ARG_MAX")
    return errno.E2BIG if too_large and shutil.which(program, path=path) else errno.EACCES


def _busy(reason: str) -> ErrorInfo:
    """The machine is out of something: like a provider's 429, try later, with less at once."""
    message = f"the machine is too busy to start another command ({reason}); lower the concurrency"
    return ErrorInfo(ErrorKind.THROTTLED, message, retry_after_s=1.0)
