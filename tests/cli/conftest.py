"""The program as a subprocess, with directories of its own; no host outlives a test."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from swarmtui.session.folder import SessionFolder, session_folders
from tests.host.hosts import until_left


@dataclass
class Program:
    """Runs ``swarmtui`` in a folder, with a home that is the test's own."""

    folder: Path
    home: Path
    env: dict[str, str] = field(default_factory=dict)

    def __call__(self, *words: str, timeout: float = 40, **options: Any) -> subprocess.CompletedProcess[str]:
        options = {"capture_output": True, "stdin": subprocess.DEVNULL, "check": False, **options}
        return subprocess.run(self.argv(*words), cwd=self.folder, env=self.env, text=True, timeout=timeout, **options)  # noqa: PLW1510

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "swarmtui", *words]

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.argv(*words),
            cwd=self.folder,
            env=self.env,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def sessions(self) -> list[SessionFolder]:
        return list(session_folders(self.home / "state" / "sessions"))

    def session(self) -> SessionFolder:
        (only,) = self.sessions()
        return only

    def pid(self) -> int:
        """Of the host of the only session, which must live."""
        assert self.session().owned()
        return int(self.session().lock.read_text())

    def kill(self, number: int) -> None:
        """Signal the host and wait until it is gone."""
        os.kill(self.pid(), number)
        self.until_no_host()

    def until_no_host(self) -> None:
        for folder in self.sessions():
            until_left(folder)


@contextlib.contextmanager
def program_in(tmp_path: Path) -> Iterator[Program]:
    """The program in a new folder below `tmp_path`; its hosts are ended afterwards."""
    folder, home = tmp_path / "work", tmp_path / "home"
    folder.mkdir()
    keep = {name: value for name, value in os.environ.items() if not name.endswith(("_KEY", "_TOKEN"))}
    keep.pop("PYTHONUNBUFFERED", None)  # users have what is printed buffered
    keep.pop("SWARMTUI_MODEL", None)
    program = Program(folder, home, {**keep, "SWARMTUI_HOME": str(home), "PYTHONWARNINGS": "error"})
    try:
        yield program
    finally:
        _end_hosts(program)


def _end_hosts(program: Program) -> None:
    for session in program.sessions():
        for _ in range(2):  # the second one does not wait for what runs
            if session.owned():
                os.kill(int(session.lock.read_text()), signal.SIGTERM)
    program.until_no_host()


@pytest.fixture
def swarmtui(tmp_path: Path) -> Iterator[Program]:
    with program_in(tmp_path) as program:
        yield program


@pytest.fixture
def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the sessions of a user who has none yet."""
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    sessions = tmp_path / "home" / "state" / "sessions"
    sessions.mkdir(parents=True, mode=0o700)
    sessions.parent.chmod(0o700)
    return sessions
