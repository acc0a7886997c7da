"""Two machines on one: commands that are given here, and sessions that are over there."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from swarmtui.host.history import History
from swarmtui.session.folder import SessionFolder, session_folders

PROGRAM = Path(sys.executable).with_name("swarmtui")
PATIENCE_S = 40.0

SLOW = """
goal: Take a while
nodes:
  slow:
    run: {shell: "i=0; while [ $i -lt 1200 ]; do i=$((i+1)); echo step $i; sleep 0.1; done"}
  after:
    needs: slow
    run: [echo, done]
"""
QUICK = """
goal: Be done at once
nodes:
  hello:
    run: [echo, hello]
"""
STEPS = """
goal: Take many small steps
nodes:
  steps:
    map: {items: [%s], as: n}
    run: [sh, -c, "sleep 0.0$(( $1 %% 3 + 2 )); echo $1", sh, "{{ n }}"]
limits: {concurrency: 4}
"""


def steps(count: int) -> str:
    """A task of `count` items that take a few hundredths of a second each."""
    return STEPS % ", ".join(map(str, range(count)))


class Machine:
    """Runs swarmtui here, or directly over there; a context manager that leaves no host behind."""

    def __init__(self, folder: Path, far_home: Path, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self.far_home = far_home
        keep = {
            name: value
            for name, value in os.environ.items()
            if not name.endswith(("_KEY", "_TOKEN")) and not name.startswith(("SWARMTUI", "SSH_"))
        }
        keep["PATH"] = f"{PROGRAM.parent}:{keep['PATH']}"
        self.env = {**keep, "SWARMTUI_HOME": str(folder / "home"), **environ}
        self.far_env = {**keep, "SWARMTUI_HOME": str(far_home), "SWARMTUI_MODEL": "simulated/instant"}
        self._started: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._started:
            process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
        for session in session_folders(self.far_home / "state" / "sessions"):
            if session.owned():
                with contextlib.suppress(ProcessLookupError, ValueError):
                    os.kill(int(session.lock.read_text()), signal.SIGKILL)

    def __call__(self, *words: str, timeout: float = 60, **options: Any) -> subprocess.CompletedProcess[str]:
        """A command that is given here."""
        options = {"stdin": subprocess.DEVNULL, **options}
        return subprocess.run(
            [str(PROGRAM), *words],
            env=self.env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            start_new_session=True,  # without a terminal that could be asked at
            **options,
        )

    def start(self, *words: str, stdout: Path | None = None, stderr: Path | None = None) -> subprocess.Popen[str]:
        """A command that is given here and goes on; what it prints goes into the files, or can be read."""
        with contextlib.ExitStack() as opened:
            files = [
                subprocess.PIPE if path is None else opened.enter_context(path.open("wb")) for path in (stdout, stderr)
            ]
            process = subprocess.Popen(
                [str(PROGRAM), *words],
                env=self.env,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=files[0],
                stderr=files[1],
                text=True,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def far(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command that is given over there."""
        return subprocess.run(
            [str(PROGRAM), *words],
            env=self.far_env,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    def session(self, task: str = SLOW) -> SessionFolder:
        """A session that has been started over there."""
        path = self.folder / "task.yaml"
        path.write_text(task)
        done = self.far("run", str(path), "--detach")
        assert done.returncode == 0, done.stderr
        return SessionFolder(self.far_home / "state" / "sessions" / json.loads(done.stdout)["id"])

    def ended(self, task: str = QUICK) -> SessionFolder:
        """A session over there that has ended, and whose host has left."""
        session = self.session(task)
        until(lambda: not session.owned() and History(session).state().ended_ts is not None)
        return session


def until(true: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Wait until it is so. It is looked for: what is waited for is in other processes."""
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline, "it never came to be so"
        time.sleep(0.02)


def running(part: str) -> list[int]:
    """Processes whose command line has `part`, but for those that have ended and were not waited for."""
    return [pid for pid, command in _commands() if part in command]


def _commands() -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                yield int(entry.name), (entry / "cmdline").read_bytes().decode("utf-8", "replace").replace("\0", " ")
