"""No test of a whole program may leave a host behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest


def hosts_below(folder: Path) -> list[int]:
    """Processes that run a session whose folder is below `folder`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"swarmtui.host.process" in words and any(word.startswith(bytes(folder)) for word in words):
                found.append(int(entry.name))
    return found


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder for one test; hosts of its sessions that still run at the end are ended."""
    yield tmp_path
    for pid in hosts_below(tmp_path):
        os.kill(pid, signal.SIGKILL)
