"""The host process: ``python -m swarmtui.host.process FOLDER [--ready-fd N]``.

It takes the session's lock, listens, tells its launcher that it is ready, and runs the session beside its viewers until
that has ended and nobody watches any more, or until it is told to stop. SIGTERM lets what runs end within ten seconds,
a second one within one; closing a terminal (SIGHUP) means nothing to it.

Order: lock -> stale socket away, bind, listen -> session file opened, HostStarted recorded -> host.json -> ready.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, TypedDict, Unpack

from swarmtui.engine.scarcity import AGAIN_S, Scarcity, scarcity_of
from swarmtui.host.exits import Exit, of_status
from swarmtui.host.failures import explain
from swarmtui.host.lock import locked
from swarmtui.host.stalls import watched_loop
from swarmtui.session.errors import LogError, first_line, recover_command
from swarmtui.session.filesystems import refuse_network_folder
from swarmtui.session.folder import SessionFolder
from swarmtui.session.vocabulary import FINAL

if TYPE_CHECKING:
    from swarmtui.engine.conductor import Conductor
    from swarmtui.host.server import Server
    from swarmtui.host.spec import LaunchSpec
    from swarmtui.safety.redact import Redactor

DRAIN_S = 6.5
"""What runs may end by itself for so long; then it is stopped."""
STOP_S = 9.5
"""What has not stopped by then is killed."""
SECOND_STOP_S = 1.0
LINGER_AFTER_VIEWER_S = 2.0
LINGER_FOR_VIEWER_S = 10.0
LINGER_ALONE_S = 0.3
AT_REST_S = 0.5
"""How often a session that has ended is asked whether its last attempts are gone."""
GONE_S = 20.0
"""How long files that are gone may come back while somebody watches."""
OPEN_FILES = 65_536

logger = logging.getLogger(__name__)


class Ready:
    """The pipe to the launcher: one line, once; nothing when there is no launcher."""

    def __init__(self, fd: int | None) -> None:
        self._fd = fd

    def tell(self, line: dict[str, object]) -> None:
        """Say how it went and close the pipe. A launcher that has gone is none of the host's concern."""
        fd, self._fd = self._fd, None
        if fd is not None:
            with contextlib.suppress(OSError), os.fdopen(fd, "w") as pipe:
                pipe.write(json.dumps(line) + "\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one session to its end; the exit code."""
    parser = argparse.ArgumentParser(prog="swarmtui.host.process", description="Runs one session.")
    parser.add_argument("folder", type=Path, help="the session's folder")
    parser.add_argument("--ready-fd", type=int, help="file descriptor that is told when the session can be attached to")
    parser.add_argument("--wait-if-interrupted", action="store_true", help="stay paused if a crash caught a change")
    parser.add_argument("--steal", action="store_true", help="take the lock of a host that is dead")
    parser.add_argument("--unsafe-no-sandbox", action="store_true", help="run what is not the user's own without one")
    arguments = parser.parse_args(argv)
    umask = os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # before the session is opened there is nothing to let end
    redactor = _keep_secrets_out()
    ready = Ready(arguments.ready_fd)
    folder = SessionFolder(arguments.folder.absolute())
    try:
        refuse_network_folder(folder.path)
        with locked(folder, steal=arguments.steal):
            return _run(
                folder,
                ready,
                umask,
                wait_if_interrupted=arguments.wait_if_interrupted,
                unsandboxed=arguments.unsafe_no_sandbox,
                redactor=redactor,
            )
    except Exception as error:
        told = explain(error)
        if told is None:
            why = f"the host broke: {_named(error)}: {folder.host_log} says where"
            ready.tell({"error": why, "code": Exit.FAILED})
            raise
        ready.tell({"error": told[0], "code": told[1]})
        logger.error("%s", told[0])
        return told[1]


class How(TypedDict):
    """How a session is run, as :func:`swarmtui.host.assembly.assembled` takes it."""

    wait_if_interrupted: bool
    unsandboxed: bool
    redactor: Redactor


def _named(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {first_line(error)}"


def _run(folder: SessionFolder, ready: Ready, umask: int, **how: Unpack[How]) -> int:
    from swarmtui.workers.orphans import become_subreaper

    become_subreaper()
    _allow_open_files()
    return asyncio.run(_serve(folder, ready, umask, **how))


def _allow_open_files() -> None:
    """As many open files as the system lets this process have: every call and every command needs some."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


# -- running --------------------------------------------------------------------------------------------------


async def _serve(folder: SessionFolder, ready: Ready, umask: int, **how: Unpack[How]) -> int:
    from swarmtui.host.assembly import assembled, host_started, started
    from swarmtui.host.door import Door
    from swarmtui.host.leftovers import end_leftovers
    from swarmtui.host.server import Server
    from swarmtui.session.faults import Faults

    spec = _spec(folder)
    door = Door(folder)
    try:
        faults = Faults.from_environ(os.environ)
        made = assembled(folder, spec, faults=faults, umask=umask, **how)
        async with made as conductor, watched_loop():
            server = Server(conductor, folder)
            tell = partial(_publish, folder, server)
            async with server.listening(door.listener):
                # A host is started over a session that has ended only by somebody who is about to give it work.
                awaited = spec.viewer or conductor.state.status in FINAL
                host = _Host(conductor, server, viewer_expected=awaited)
                with host.signals():
                    conducting = asyncio.create_task(conductor.run(host_started(folder.id)), name="conductor")
                    await started(conductor, conducting)
                    await _told_where(partial(tell, door.path))
                    ready.tell({"ready": True, "pid": os.getpid(), "socket": str(door.path)})
                    async with door.kept_open(server.listen, tell), _company_told(server, lambda: tell(door.path)):
                        await host.run(conducting)
                if host.abandoned:
                    await asyncio.to_thread(end_leftovers, folder.id)
                await server.say_bye(host.reason, host.exit_code)
            return int(host.exit_code)
    finally:
        door.close()
        folder.host_json.unlink(missing_ok=True)


async def _told_where(tell: Callable[[], None]) -> None:
    """Once it has been told where the host is reached: what it runs may hold all files that may be open, for a while.

    Raises OSError where anything else keeps it from being told.
    """
    while True:
        try:
            tell()
        except OSError as error:
            if scarcity_of(error) is not Scarcity.FILES:
                raise
            await asyncio.sleep(AGAIN_S)
        else:
            return


@contextlib.asynccontextmanager
async def _company_told(server: Server, tell: Callable[[], None]) -> AsyncIterator[None]:
    """Within the block it is told, on the disk, whenever somebody comes or leaves; never after it."""

    async def watch() -> None:
        told = -1
        while True:
            if told == len(server.viewers):
                await server.viewers_changed()
            told = len(server.viewers)
            writing = asyncio.ensure_future(asyncio.to_thread(tell))
            try:
                await asyncio.shield(writing)
            except OSError:
                continue  # how many watch is no reason to stop
            finally:
                await asyncio.gather(writing, return_exceptions=True)

    watching = asyncio.create_task(watch(), name="company")
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


def _spec(folder: SessionFolder) -> LaunchSpec:
    """What the host is told to run. Raises LogError."""
    from swarmtui.host.spec import LaunchSpec

    try:
        return LaunchSpec.read(folder)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not what was written"
        text = f"{folder.launch}: cannot be read: {why}"
        if folder.db.exists():
            text += f"; `{recover_command(folder.db)}` makes a session of what was recorded, which can go on"
        raise LogError(text) from error


def _publish(folder: SessionFolder, server: Server, socket: Path) -> None:
    from swarmtui.host.protocol import PROTOCOL_MAX, PROTOCOL_MIN
    from swarmtui.safety.paths import write_atomic
    from swarmtui.session.heads import boot_id

    about = {
        "id": folder.id,
        "pid": os.getpid(),
        "boot_id": boot_id(),
        "started": server.info.started,
        "version": server.info.version,
        "protocol": {"min": PROTOCOL_MIN, "max": PROTOCOL_MAX},
        "argv0": server.info.argv0,
        "socket": str(socket),
        "viewers": len(server.viewers),
    }
    write_atomic(folder.host_json, json.dumps(about))


class _Host:
    """Runs the conductor until it is told to stop or nobody needs it."""

    def __init__(self, conductor: Conductor, server: Server, *, viewer_expected: bool) -> None:
        self._conductor = conductor
        self._server = server
        self._linger_s = LINGER_FOR_VIEWER_S if viewer_expected else LINGER_ALONE_S
        self._signals = 0
        self._conducting: asyncio.Task[None] | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._lost: BaseException | None = None
        self._interrupted = False
        self.reason = "finished"
        self.abandoned = False
        """Whether something did not stop in time."""

    @property
    def exit_code(self) -> Exit:
        """What the process ends with."""
        if self._lost is not None or self._conductor.log.trouble is not None:
            return Exit.DISK
        if self._signals:
            return Exit.INTERRUPTED if self._interrupted else Exit.SIGNALLED
        return of_status(self._conductor.state.status)

    async def run(self, conducting: asyncio.Task[None]) -> None:
        """Until the conductor has let go of the session."""
        self._conducting = conducting
        idle = asyncio.create_task(self._leave_when_idle(), name="idle watch")
        try:
            await conducting
        except asyncio.CancelledError:
            if not self._signals:
                raise
            logger.warning("what ran did not stop in time and was abandoned")
            self.abandoned = True
        except (LogError, OSError, BaseExceptionGroup) as error:
            told = explain(error)
            if told is None or told[1] is not Exit.DISK:
                raise
            logger.error("%s", told[0])
            self._lost, self.reason = error, "disk"
        finally:
            for timer in self._timers:
                timer.cancel()
            idle.cancel()
            await asyncio.gather(idle, return_exceptions=True)

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Obey SIGTERM and SIGINT within the block."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _on_signal(self, number: int) -> None:
        self._signals += 1
        self._interrupted = number == signal.SIGINT
        self.reason = "signal"
        first = self._signals == 1
        self._conductor.stop("signal", DRAIN_S if first else 0.0)
        if self._conducting is not None:
            loop = asyncio.get_running_loop()
            self._timers.append(loop.call_later(STOP_S if first else SECOND_STOP_S, self._conducting.cancel))

    async def _leave_when_idle(self) -> None:
        """Once it has ended leave as soon as nobody has watched for a while; where its files are gone, soon anyhow."""
        conductor, server = self._conductor, self._server
        eased = asyncio.Event()
        conductor.log.watch_trouble(lambda trouble: eased.set())
        while True:
            eased.clear()
            news = asyncio.create_task(conductor.log.after(conductor.state.seq))
            company = asyncio.ensure_future(server.viewers_changed())
            relief = asyncio.create_task(eased.wait())
            trouble = conductor.log.trouble
            gone = trouble is not None and trouble.gone
            # what is still to be written is waited for, unless what it would be written to is gone
            unwatched = not server.viewers and (gone or (trouble is None and conductor.state.status in FINAL))
            over = (unwatched or gone) and conductor.at_rest
            patience = AT_REST_S if unwatched or gone else None  # no event tells that the last attempt has been let go
            if over:
                linger = LINGER_AFTER_VIEWER_S if server.ever_seen else self._linger_s
                patience = GONE_S if server.viewers else linger  # a script's run would be watched for ever
            try:
                done, _ = await asyncio.wait(
                    (news, company, relief), timeout=patience, return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                for wait in (news, company, relief):
                    wait.cancel()
            if over and not done:
                conductor.stop("finished", 0.0)
                return
            if conductor.log.closing:
                return


# -- keeping secrets out of the host's own log ------------------------------------------------------------------


def _keep_secrets_out() -> Redactor:
    """Log records and tracebacks pass the redactor on their way to standard error, which is the session's host.log."""
    from swarmtui.safety.redact import RedactingFormatter, Redactor, secrets_from_env

    redactor = Redactor(secrets_from_env(os.environ))
    handler = logging.StreamHandler()
    formatter = RedactingFormatter(redactor, "%(asctime)s %(levelname)s %(name)s: %(message)s")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        logger.critical("the host broke", exc_info=(kind, error, trace))

    sys.excepthook = hook
    return redactor


def _leave(run: Callable[[], int]) -> NoReturn:
    """End the process with what `run` gives: no thread that something left behind may keep a host from ending."""
    code = int(Exit.FAILED)
    try:
        code = run()
    except SystemExit as asked:
        code = asked.code if isinstance(asked.code, int) else code
    finally:
        kind, error, trace = sys.exc_info()
        if kind is not None and error is not None:
            sys.excepthook(kind, error, trace)
        logging.shutdown()
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _leave(main)
