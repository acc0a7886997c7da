"""Hosts by the hundred: a process that has imported what a host needs forks one whenever it is asked to.

A fork runs the host's own entry with a process session, standard streams and environment of its own: all that it lacks
of a real start is the seconds that imports and first uses take.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from swarmtui.session.folder import SessionFolder


class Nursery:
    """Starts hosts, kills them, waits for them."""

    def __init__(self, home: Path) -> None:
        env = {name: value for name, value in os.environ.items() if not name.endswith(("_KEY", "_TOKEN"))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.nursery"],
            env={**env, "SWARMTUI_HOME": str(home)},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait(30)
        self._process.stdout.close()  # type: ignore[union-attr]

    def start(self, folder: SessionFolder, fault: str = "") -> int:
        """A host over the session, with the fault armed; its pid."""
        return int(self._ask({"start": str(folder.path), "fault": fault}))

    def ended(self, pid: int, within_s: float) -> int | None:
        """The host's exit code once it has ended (negative: the signal that ended it); None if it has not in time."""
        found: int | None = self._ask({"wait": pid, "within_s": within_s})
        return found

    def kill(self, pid: int) -> int:
        """Kill the host, if it has not ended yet; its exit code."""
        code = self._ask({"kill": pid, "wait": pid, "within_s": 20})
        assert code is not None, f"host {pid} survived"
        return int(code)

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def _start(folder: SessionFolder, fault: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.setsid()
        os.environ["SWARMTUI_FAULT"] = fault
        log = os.open(folder.host_log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        for fd, stream in ((null, 0), (log, 1), (log, 2)):
            os.dup2(fd, stream)
        from swarmtui.host.process import main

        code = main([str(folder.path)])
    finally:
        os._exit(code)


def _wait(pid: int, within_s: float) -> int | None:
    deadline = time.monotonic() + within_s
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.002)


def serve() -> None:
    """Answer questions on standard input until it ends."""
    from swarmtui.host.api import run
    from swarmtui.models.openai_chat import OpenAIChat  # noqa: F401 - what a host comes to need

    warm = {"goal": "warm up", "nodes": {"m": {"prompt": "say {{ n }}", "map": {"items": ["a"], "as": "n"}}}}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(json.dumps(warm))
        file.flush()
        asyncio.run(run(file.name, models={"worker": "simulated/worker", "planner": "simulated/planner"}))
    for line in sys.stdin:
        asked = json.loads(line)
        if "start" in asked:
            answer: int | None = _start(SessionFolder(Path(asked["start"])), asked["fault"])
        else:
            if "kill" in asked:
                os.kill(asked["kill"], signal.SIGKILL)
            answer = _wait(asked["wait"], asked["within_s"])
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
