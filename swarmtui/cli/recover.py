"""``swarmtui recover``: a new session of what is intact of a damaged file, which itself stays as it is."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.session.folder import SessionFolder
    from swarmtui.session.recover import Kept


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
    from swarmtui.session.recover import Unusable, recover

    source = _source(arguments.what)
    folder = _new_folder(arguments.new)
    try:
        with tempfile.TemporaryDirectory(prefix=".recover-", dir=folder.path.parent) as scratch:
            kept = recover(source, folder.db, swarmtui.__version__, Path(scratch))
        _complete(source, folder, kept)
    except BaseException as error:
        shutil.rmtree(folder.path, ignore_errors=True)
        if isinstance(error, Unusable):
            raise UsageError(str(error)) from error
        if isinstance(error, NewerVersion):
            raise UsageError(str(error), Exit.VERSION) from error
        raise
    _tell(source, folder, kept, console)
    return Exit.OK


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
        if not source.exists():
            raise UsageError(f"{source}: there is no such file")
    if SessionFolder(source.parent).owned():
        raise UsageError(f"{source}: a host runs this session: end that first, with `swarmtui ctl`, or wait for it")
    return source


def _new_folder(name: str | None) -> SessionFolder:
    """The folder of the new session, made. Raises UsageError, PathRefused."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.host.locate import sessions_root
    from swarmtui.safety.paths import ensure_private
    from swarmtui.session.folder import SessionFolder, is_session_id, new_session_folder

    ensure_private(sessions_root().parent)
    root = ensure_private(sessions_root())
    if name is None:
        return new_session_folder(root)
    if not is_session_id(name):
        raise UsageError(f"{name!r} cannot be a session's ID: letters, digits, '.', '_' and '-', at most 64")
    try:
        (root / name).mkdir(mode=0o700)
    except FileExistsError:
        raise UsageError(f"there is a session {name} already: give another ID") from None
    return SessionFolder(root / name)


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
    until = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(max(0.0, min(kept.head.ts, float(sys.maxsize >> 32)))))
    texts = f" and {kept.blobs} recorded texts" if kept.blobs else ""
    console.say(f"kept: events 1 to {kept.head.seq}{texts}, until {until}")
    if kept.lost is None:
        console.say("lost: nothing that there is a trace of")
    else:
        console.say(f"lost: events {kept.lost[0]} to {kept.lost[1]}, from after {until}")
    console.say(f"the file itself is as it was; go on with: swarmtui resume {folder.id}")
