"""Where pictures and recording are taken: a folder and a home of their own, real sessions, nothing of this machine."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
SWARMTUI = [sys.executable, "-m", "swarmtui"]
MODEL = "simulated/fast"
NAME = "pc"
"""What the machine is called on pictures."""
KEPT = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV")


def environment(folder: Path) -> dict[str, str]:
    """What the program is told: no key, no setting and no name of whoever runs this."""
    return {name: os.environ[name] for name in KEPT if name in os.environ} | {
        "HOME": str(folder),
        "USER": "you",
        "LOGNAME": "you",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LANG": "C.UTF-8",
        "SWARMTUI_HOME": str(folder / "home"),
        "SWARMTUI_MODEL": MODEL,
        "SWARMTUI_TOUR": "0",
        "PAGER": "cat",
        "EDITOR": "true",
    }


@contextmanager
def staged() -> Iterator[Path]:
    """A folder with the task in it, which is the current one; its sessions end with it."""
    folder = Path(tempfile.mkdtemp(prefix="tour-"))
    before, back = dict(os.environ), Path.cwd()
    project = folder / "databases"
    project.mkdir()
    for name in ("tour.yaml", "tour_tools.py"):
        shutil.copy(HERE / name, project)
    try:
        os.environ.clear()
        os.environ.update(environment(folder))
        os.chdir(project)
        yield folder
        for session in sessions():
            if session["status"] not in ("succeeded", "failed", "cancelled"):
                run("ctl", session["id"], "cancel")
                run("wait", session["id"], "--timeout", "20")
    finally:
        os.chdir(back)
        os.environ.clear()
        os.environ.update(before)
        shutil.rmtree(folder, ignore_errors=True)


def run(*arguments: str) -> str:
    """What a command prints; how it ends is no matter, since sessions with failures are wanted here."""
    done = subprocess.run(
        [*SWARMTUI, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    return done.stdout


def launched(*arguments: str) -> str:
    """The ID of a session that was started and left alone."""
    return str(json.loads(run(*arguments, "--detach").splitlines()[0])["id"])


def under_way(session: str, done: int) -> None:
    """Wait until so many nodes of a session are done, or it rests."""
    with subprocess.Popen([*SWARMTUI, "events", session, "--follow"], stdout=subprocess.PIPE, text=True) as events:
        for line in events.stdout or ():
            done -= json.loads(line)["type"] == "attempt_succeeded"
            if done <= 0:
                break
        events.terminate()


def sessions() -> list[dict[str, str]]:
    """As ``swarmtui ls --json`` tells them."""
    return [json.loads(line) for line in run("ls", "--json").splitlines()]


def scrubber(folder: Path) -> Callable[[str], str]:
    """What takes the folder, the machine's name and the user's out of a text. Raises ValueError if one is left."""
    paths = [re.escape(str(path)) for path in (folder.resolve(), folder, Path(sys.prefix), HERE.parent.parent)]
    user, host = pwd.getpwuid(os.getuid()).pw_name, socket.gethostname()
    author = f"{user}@{host}"
    words = re.compile(rf"\b{re.escape(host)}\b")

    def scrub(text: str) -> str:
        for path in paths:
            text = re.sub(path, "~", text)
        text = text.replace(author, f"you@{NAME}".ljust(len(author)))
        text = words.sub(NAME.ljust(len(host)), text)  # as wide as it was: columns stay where they are
        if str(folder) in text or folder.name in text:
            raise ValueError(f"{folder.name} is still in it: a path that is broken over lines?")
        return text

    return scrub
