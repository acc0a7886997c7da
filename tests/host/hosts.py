"""Real host processes, run as children of the test so that their exit codes are seen."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from swarmtui.host.history import History
from swarmtui.host.spec import LaunchSpec
from swarmtui.session.errors import LogError
from swarmtui.session.folder import SessionFolder, new_session_folder
from swarmtui.session.state import SessionState


@dataclass
class Host:
    """A host process and its session."""

    folder: SessionFolder
    process: subprocess.Popen[bytes]
    work: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def state(self) -> SessionState:
        """What is recorded by now."""
        return History(self.folder).state()

    def until(self, true: Callable[[SessionState], object], timeout_s: float = 30.0) -> SessionState:
        """Wait until what is recorded is so. It is looked for: a host tells of its commits to viewers alone, and one
        more viewer would change what is tested."""
        deadline = time.monotonic() + timeout_s
        while True:
            with contextlib.suppress(LogError):
                state = self.state
                if true(state):
                    return state
            assert self.process.poll() is None or time.monotonic() < deadline, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)

    def until_logged(self, part: str, timeout_s: float = 30.0) -> None:
        """Wait until the host's log says it. It is looked for: nothing portable tells that a file has grown."""
        deadline = time.monotonic() + timeout_s
        while part not in self.log():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.02)

    def log(self) -> str:
        return self.folder.host_log.read_text("utf-8", "replace")

    def longest_stall_s(self) -> float:
        """How long the host's event loop stood still at the most, as far as it took note."""
        return max((float(found) for found in re.findall(r"stood still for ([0-9.]+) s", self.log())), default=0.0)

    def ends(self, timeout_s: float = 30.0) -> int:
        """The exit code."""
        return self.process.wait(timeout_s)


def until_left(folder: SessionFolder) -> None:
    """Wait until no host has the session, as the kernel tells whoever waits for its lock. Blocks."""
    with contextlib.suppress(FileNotFoundError), folder.lock.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)


def made(root: Path, task: dict[str, object]) -> SessionFolder:
    """A session that no host has run yet, with every directory below `root`."""
    sessions = root / "home" / "state" / "sessions"
    sessions.mkdir(parents=True, mode=0o700, exist_ok=True)
    for folder in (root / "home", root / "home" / "state", sessions):
        folder.chmod(0o700)
    (root / "work").mkdir(exist_ok=True)
    session = new_session_folder(sessions)
    LaunchSpec(cwd=str(root / "work"), text=json.dumps(task), viewer=False).write(session)
    return session


@contextlib.contextmanager
def hosted(root: Path, session: SessionFolder, *words: str, open_files: int | None = None) -> Iterator[Host]:
    """A host over `session` that can be attached to; killed at the end if it still runs."""
    env = {name: value for name, value in os.environ.items() if not name.endswith(("_KEY", "_TOKEN"))}
    env |= {"SWARMTUI_HOME": str(root / "home"), "SWARMTUI_MODEL": "simulated/instant"}
    read_end, write_end = os.pipe()
    argv = [
        sys.executable,
        "-P",
        "-m",
        "swarmtui.host.process",
        str(session.path),
        "--ready-fd",
        str(write_end),
        *words,
    ]
    with session.host_log.open("ab") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, pass_fds=(write_end,), env=env, start_new_session=True)
    if open_files is not None:
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (open_files, open_files))
    os.close(write_end)
    try:
        with os.fdopen(read_end, "rb") as pipe:
            told = json.loads(pipe.readline() or b'{"error": "nothing was said"}')
        assert told.get("ready"), told
        yield Host(session, process, root / "work")
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
