"""The folder of one session: which file is what."""

from __future__ import annotations

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from swarmtui.frozen import frozen

ARTEFACTS = "artefacts"
"""The folder of plain files within a session's."""
_ALPHABET = "abcdefghjkmnpqrstvwxyz23456789"  # without what is mistaken for something else
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


class SessionMissing(Exception):
    """No session goes by the ID given, or several do; the text says which."""


class SessionAmbiguous(SessionMissing):
    """Several sessions begin with what was given; the text says which."""


@frozen
class SessionFolder:
    """Paths inside one session's folder."""

    path: Path

    @property
    def id(self) -> str:
        """The session's ID is the folder's name."""
        return self.path.name

    @property
    def db(self) -> Path:
        """The session file."""
        return self.path / "session.db"

    @property
    def lock(self) -> Path:
        """Locked (flock) by the host for as long as it lives."""
        return self.path / "lock"

    @property
    def launch(self) -> Path:
        """What the host is told to run; read once, when there is no session file yet."""
        return self.path / "launch.json"

    @property
    def host_log(self) -> Path:
        """Standard output and error of the host."""
        return self.path / "host.log"

    @property
    def host_json(self) -> Path:
        """Who the host is and where it listens."""
        return self.path / "host.json"

    @property
    def head(self) -> Path:
        """Last seq and hash, synced when a host lets go: shows when the file has lost its tail since."""
        return self.path / "head"

    @property
    def reserve(self) -> Path:
        """Of no meaning: given up when the disk is full, so that the last few events fit."""
        return self.path / "reserve"

    @property
    def artefacts(self) -> Path:
        """Plain files that people and agents can read: output and log per node, report, status."""
        return self.path / ARTEFACTS

    def removed(self) -> bool:
        """Whether there is no session file any more; not where that cannot be told."""
        try:
            self.db.stat()
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False
        return False

    def owned(self) -> bool:
        """Whether a host lives. The kernel frees the lock however the host ended, so no pid is asked."""
        try:
            fd = os.open(self.lock, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            return False
        finally:
            os.close(fd)


def is_session_id(word: str) -> bool:
    """Whether `word` can be the ID of a session."""
    return _ID.match(word) is not None


def new_session_id() -> str:
    """An ID that no session has, as far as chance allows."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(8))


def new_session_folder(sessions: Path) -> SessionFolder:
    """Make the folder of a new session under `sessions`, mode 0700."""
    while True:
        path = sessions / new_session_id()
        try:
            path.mkdir(mode=0o700, parents=True)
        except FileExistsError:
            continue
        return SessionFolder(path)


def session_folders(sessions: Path) -> Iterator[SessionFolder]:
    """Folders of all sessions under `sessions`, newest first."""
    made: list[tuple[float, str]] = []
    with suppress(FileNotFoundError):
        for entry in os.scandir(sessions):
            with suppress(FileNotFoundError):  # one that is removed just now, or a place where one was being made
                if entry.is_dir(follow_symlinks=False):
                    made.append((entry.stat(follow_symlinks=False).st_ctime, entry.path))
    for _, path in sorted(made, reverse=True):
        folder = SessionFolder(Path(path))
        if folder.db.exists() or folder.launch.exists():
            yield folder


def find_session(sessions: Path, prefix: str) -> SessionFolder:
    """The session whose ID is or uniquely begins with `prefix`. Raises SessionMissing."""
    if not _ID.match(prefix):
        raise SessionMissing(f"{prefix!r} is no session ID: see `swarmtui ls`")
    exact = SessionFolder(sessions / prefix)
    if exact.db.exists():
        return exact
    matches = [folder for folder in session_folders(sessions) if folder.id.startswith(prefix)]
    if not matches:
        raise SessionMissing(f"no session {prefix!r}: `swarmtui ls` lists those there are")
    if len(matches) > 1:
        ids = ", ".join(folder.id for folder in matches[:5])
        raise SessionAmbiguous(f"{prefix!r} begins several sessions ({ids}): give more of the ID")
    return matches[0]
