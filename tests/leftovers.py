"""What a test run has left behind: processes of the program below this one, and files outside its temporary folder."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from swarmtui.safety.paths import places
from swarmtui.workers.orphans import descendants, start_time

PATIENCE_S = 20.0
"""A host that expected a viewer waits for one longer than any other process lingers."""
NAMES = frozenset({"swarmtui", "swarmtui.host.process", "dial-stdio", "ssh", "sshd", "sshd-session"})


def left_running() -> dict[int, str]:
    """Hosts, viewers, and both ends of ssh that came of this process and live: pid -> command line.

    An orphan is found only where this process has become a subreaper before.
    """
    found = {pid: _words(pid) for pid in descendants(os.getpid()) if start_time(pid) is not None}
    return {pid: " ".join(words) for pid, words in found.items() if _is_ours(words)}


def ended(patience_s: float = PATIENCE_S) -> dict[int, str]:
    """What is left running although it had so long to end, and has been killed for that."""
    deadline = time.monotonic() + patience_s
    while left := left_running():
        if time.monotonic() > deadline:
            for pid in left:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            return left
        time.sleep(0.05)  # some may be children of children: nothing tells that the last one has gone
    return {}


def take_away() -> None:
    """End what hosts that tests have killed left at work: commands of nodes, which only a resume would have ended."""
    for pid in descendants(os.getpid()):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def kept(repository: Path) -> frozenset[Path]:
    """What lies where the program writes, and ssh, when no test has told them to write elsewhere."""
    where = places({name: value for name, value in os.environ.items() if name != "SWARMTUI_HOME"})
    folders = (where.config, where.state, where.state / "sessions", where.cache, Path.home() / ".ssh", repository)
    return frozenset(path for folder in folders for path in _entries(folder))


def made_outside(before: frozenset[Path], repository: Path, temporary: Path) -> list[Path]:
    """What has come since :func:`kept` gave `before`. Of sessions those that were started below `temporary`: others may
    be somebody's who works meanwhile."""
    new = kept(repository) - before
    return sorted(path for path in new if path.parent.name != "sessions" or _begun_below(temporary, path))


def _begun_below(temporary: Path, session: Path) -> bool:
    try:
        return str(temporary) in (session / "launch.json").read_text("utf-8", "replace")
    except OSError:
        return False


def _entries(folder: Path) -> Iterator[Path]:
    """What is in a folder, but for what tools keep to themselves, and sockets, which hosts that live may have."""
    with suppress(OSError):
        for path in folder.iterdir():
            if not path.name.startswith((".", "__pycache__")) and path.name != "run":
                yield path


def _words(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace").rstrip("\0").split("\0")
    except OSError:
        return []


def _is_ours(words: list[str]) -> bool:
    return any(word.rpartition("/")[2] in NAMES or word.startswith("sshd:") for word in words)
