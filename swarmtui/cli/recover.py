"""``swarmtui recover``: a new session of what is intact of a damaged file, which itself stays as it is."""

from __future__ import annotations

import errno
import fcntl
import math
import os
import shutil
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.cli.failures import UsageError
    from swarmtui.session.folder import SessionFolder
    from swarmtui.session.recover import Kept

_WORKPLACE = ".recover-"


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("what", metavar="ID|FILE", help="a session, or the path of a session file")
    parser.add_argument("-o", dest="new", metavar="NEW", help="ID of the new session; made up unless given")


def run(arguments: Namespace, console: Console) -> int:
    """Save what can be saved, and say what was kept and lost."""
    import swarmtui
    from swarmtui.cli.failures import UsageError
    from swarmtui.host.exits import Exit
    from swarmtui.session.errors import NewerVersion
    from swarmtui.session.folder import SessionFolder
    from swarmtui.session.recover import Unusable, recover

    source = _source(arguments.what)
    root = _root(arguments.new)
    try:
        with _workplace(root) as place:
            made = SessionFolder(place / "new")
            made.path.mkdir(mode=0o700)
            (place / "scratch").mkdir(mode=0o700)
            kept = recover(source, made.db, swarmtui.__version__, place / "scratch")
            _complete(source, made, kept)
            folder = _named(made, root, arguments.new)
    except Unusable as error:
        raise UsageError(str(error)) from error
    except NewerVersion as error:
        raise UsageError(str(error), Exit.VERSION) from error
    _tell(source, folder, kept, console)
    return Exit.OK


@contextmanager
def _workplace(root: Path) -> Iterator[Path]:
    """A folder among the sessions that is none, gone afterwards; those that died before that are cleared away."""
    for left in root.glob(f"{_WORKPLACE}*"):
        with suppress(OSError), _held(left):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_WORKPLACE, dir=root) as place, _held(Path(place)):
        yield Path(place)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which the kernel frees whatever becomes of us. Raises OSError if somebody has it."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(fd)


def _source(word: str) -> Path:
    """The file that `word` means. Raises UsageError, SessionMissing."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.cli.targets import as_utf8
    from swarmtui.host.locate import locate
    from swarmtui.session.folder import SessionFolder

    path = Path(as_utf8(word, "a session or file"))
    if "/" in word or path.is_file():
        if not path.is_file():
            raise UsageError(f"{path}: there is no such file")
        source = path
    else:
        source = locate(word).db
        if not source.is_file():
            raise UsageError(f"{source}: {'is no file' if source.exists() else 'there is no such file'}")
    if SessionFolder(source.parent).owned():
        raise UsageError(f"{source}: a host runs this session: end that first, with `swarmtui ctl`, or wait for it")
    return source


def _root(name: str | None) -> Path:
    """The folder of all sessions, of which none may be called `name`. Raises UsageError, PathRefused."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.host.locate import sessions_root
    from swarmtui.safety.paths import ensure_private
    from swarmtui.session.folder import is_session_id

    ensure_private(sessions_root().parent)
    root = ensure_private(sessions_root())
    if name is not None and not is_session_id(name):
        raise UsageError(f"{name!r} cannot be a session's ID: letters, digits, '.', '_' and '-', at most 64")
    if name is not None and os.path.lexists(root / name):
        raise _taken(name)
    return root


def _named(made: SessionFolder, root: Path, name: str | None) -> SessionFolder:
    """Give the new session its place, whole or not at all. Raises UsageError."""
    from swarmtui.session.file import sync_folder
    from swarmtui.session.folder import SessionFolder, new_session_folder

    folder = new_session_folder(root) if name is None else SessionFolder(root / name)
    try:
        made.path.rename(folder.path)  # over an empty folder, if there is one
    except (FileExistsError, NotADirectoryError):
        raise _taken(folder.id) from None
    except OSError as error:
        if error.errno == errno.ENOTEMPTY:
            raise _taken(folder.id) from None
        raise
    sync_folder(root)
    return folder


def _taken(name: str) -> UsageError:
    from swarmtui.cli.failures import UsageError

    return UsageError(f"there is a session {name} already: give another ID")


def _complete(source: Path, folder: SessionFolder, kept: Kept) -> None:
    """Give the new session what a host needs besides: how it was launched, and the files that it had written."""
    from swarmtui.host.spec import LaunchSpec
    from swarmtui.session.folder import SessionFolder

    old = SessionFolder(source.parent)
    state = kept.state
    spec = LaunchSpec(cwd=state.cwd or str(Path.cwd()), goal=state.goal, path=state.task_path, inputs=state.inputs)
    if source.name == old.db.name:
        with suppress(OSError, ValueError):
            spec = LaunchSpec.read(old)
        if old.artefacts.is_dir():
            shutil.copytree(old.artefacts, folder.artefacts, symlinks=True)
    spec.write(folder)


def _tell(source: Path, folder: SessionFolder, kept: Kept, console: Console) -> None:
    console.say(f"{source}: {'; '.join(kept.wrong) or 'intact'}")
    until = _when(kept.head.ts)
    texts = f" and {kept.blobs} recorded texts" if kept.blobs else ""
    console.say(f"kept: events 1 to {kept.head.seq}{texts}, until {until}")
    if kept.lost is None:
        console.say("lost: nothing that there is a trace of")
    else:
        last = kept.last_known_ts
        to = f" to {_when(last)}" if last is not None and last > kept.head.ts else ""
        console.say(f"lost: events {kept.lost[0]} to {kept.lost[1]}, from after {until}{to}")
    console.say(f"the file itself is as it was; go on with: swarmtui resume {folder.id}")


def _when(ts: float) -> str:
    """Epoch seconds, whatever a damaged file says they are, as a local time."""
    known = 0.0 if math.isnan(ts) else ts
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(max(0.0, min(known, float(sys.maxsize >> 32)))))
