"""Giving a new session its place among the others, whole or not at all; and taking one away from there."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from swarmtui.frozen import frozen
from swarmtui.safety.paths import ensure_private
from swarmtui.session.file import sync_folder
from swarmtui.session.folder import SessionFolder, is_session_id, new_session_id

_WORKPLACE = ".new-"


class NameRefused(Exception):
    """No new session can have this ID; the text says why."""


@frozen
class Placing:
    """A session that is being made."""

    folder: SessionFolder
    """Where it is made: nobody finds it there, and its name is the new ID."""
    scratch: Path
    """An empty folder to work in, gone afterwards."""
    final: SessionFolder
    """Where it is once the block has been left without an error."""

    @property
    def id(self) -> str:
        """The new session's ID."""
        return self.final.id


@contextmanager
def placed(root: Path, name: str | None = None) -> Iterator[Placing]:
    """Make a new session below `root`, the folder of all sessions, within the block; with an error nothing is left.

    Its ID is `name`, or is made up. Raises NameRefused, PathRefused, OSError. Blocks.
    """
    for folder in (root.parent, root):
        _close_to_others(folder)
        ensure_private(folder)
    if name is not None:
        _check(root, name)
    with _workplace(root) as place:
        new = new_session_id() if name is None else name
        made = SessionFolder(place / "made" / new)
        made.path.mkdir(mode=0o700, parents=True)
        scratch = place / "scratch"
        scratch.mkdir(mode=0o700)
        placing = Placing(made, scratch, SessionFolder(root / new))
        yield placing
        _rename(made, placing.final)


def _close_to_others(folder: Path) -> None:
    """A folder of ours that others may look into, as a copy of one often is, is closed to them; where others could have
    written, nothing is done: what they left would pass for ours."""
    with suppress(OSError):
        found = folder.lstat()
        mode = stat.S_IMODE(found.st_mode)
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and mode & 0o077 and not mode & 0o022:
            folder.chmod(0o700)


def discard(folder: SessionFolder) -> None:
    """Take the session out from among the others in one step, then delete it: a crash in between leaves no half of one.

    Whoever calls sees to it that no host has it. Raises OSError; where not all can be deleted, it is no session any
    more all the same. Blocks.
    """
    with _workplace(folder.path.parent) as place:
        gone = place / "gone"
        folder.path.rename(gone)
        _delete(gone)


def _delete(folder: Path) -> None:
    """Delete a folder; also where something in it was made read-only, as caches of modules are. Raises OSError."""
    try:
        shutil.rmtree(folder)
    except PermissionError:
        folder.chmod(0o700)
        for parent, names, _ in os.walk(folder):
            for path in (Path(parent, name) for name in names):
                if not path.is_symlink():
                    path.chmod(0o700)
        shutil.rmtree(folder)


def _check(root: Path, name: str) -> None:
    if not is_session_id(name):
        raise NameRefused(f"{name!r} cannot be a session's ID: letters, digits, '.', '_' and '-', at most 64")
    if os.path.lexists(root / name):
        raise _taken(name)


def _rename(made: SessionFolder, final: SessionFolder) -> None:
    sync_folder(made.path)
    try:
        made.path.rename(final.path)  # over an empty folder, if there is one
    except (FileExistsError, NotADirectoryError):
        raise _taken(final.id) from None
    except OSError as error:
        if error.errno == errno.ENOTEMPTY:
            raise _taken(final.id) from None
        raise
    sync_folder(final.path.parent)


def _taken(name: str) -> NameRefused:
    return NameRefused(f"there is a session {name} already: give another ID")


@contextmanager
def _workplace(root: Path) -> Iterator[Path]:
    """A folder among the sessions that is none, gone afterwards; those of who died before that are cleared away."""
    for left in root.glob(f"{_WORKPLACE}*"):
        with suppress(OSError):
            held = _hold(left)
            try:
                _delete(left)
            finally:
                os.close(held)
    place, held = _own_folder(root)
    try:
        yield place
    finally:
        with suppress(OSError):
            _delete(place)
        os.close(held)


def _own_folder(root: Path) -> tuple[Path, int]:
    """A new folder, and what holds its lock: somebody else may have taken it for one that was left, before it was."""
    while True:
        place = Path(tempfile.mkdtemp(prefix=_WORKPLACE, dir=root))
        with suppress(FileNotFoundError, BlockingIOError):
            held = _hold(place)
            if place.exists():
                return place, held
            os.close(held)


def _hold(folder: Path) -> int:
    """Hold the lock of a folder until what is returned is closed, which the kernel does whatever becomes of us.

    Raises BlockingIOError if somebody has it, OSError.
    """
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(fd)
        raise
    return fd
