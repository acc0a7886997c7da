"""``swarmtui recover``: a new session of what is intact of a damaged file, which itself stays as it is."""

from __future__ import annotations

import math
import shutil
import sys
import time
from argparse import ArgumentParser, Namespace
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.session.folder import SessionFolder
    from swarmtui.session.recover import Kept


LEAVES_S = 4.0
"""So long a host may be there still whose session is over: it stays a while for viewers."""
LOOK_S = 0.05


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("what", metavar="ID|FILE", help="a session, or the path of a session file")
    parser.add_argument("-o", dest="new", metavar="NEW", help="ID of the new session; made up unless given")


def run(arguments: Namespace, console: Console) -> int:
    """Save what can be saved, and say what was kept and lost."""
    import swarmtui
    from swarmtui.cli.failures import UsageError
    from swarmtui.host.exits import Exit
    from swarmtui.host.locate import sessions_root
    from swarmtui.session.errors import NewerVersion
    from swarmtui.session.placing import placed
    from swarmtui.session.recover import Unusable, recover

    source = _source(arguments.what)
    try:
        with placed(sessions_root(), arguments.new) as new:
            kept = recover(source, new.folder.db, swarmtui.__version__, new.scratch)
            _complete(source, new.folder, kept)
    except Unusable as error:
        raise UsageError(str(error)) from error
    except NewerVersion as error:
        raise UsageError(str(error), Exit.VERSION) from error
    _tell(source, new.id, kept, console)
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
        if not source.is_file():
            raise UsageError(f"{source}: {'is no file' if source.exists() else 'there is no such file'}")
    if _stays_hosted(SessionFolder(source.parent)):
        raise UsageError(f"{source}: a host runs this session: end that first, with `swarmtui ctl`, or wait for it")
    return source


def _stays_hosted(folder: SessionFolder) -> bool:
    """Whether a host lives, and does not leave just now."""
    until = time.monotonic() + LEAVES_S
    while folder.owned():
        if time.monotonic() >= until:
            return True
        time.sleep(LOOK_S)
    return False


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


def _tell(source: Path, new: str, kept: Kept, console: Console) -> None:
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
    console.say(f"the file itself is as it was; go on with: swarmtui resume {new}")


def _when(ts: float) -> str:
    """Epoch seconds, whatever a damaged file says they are, as a local time."""
    known = 0.0 if math.isnan(ts) else ts
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(max(0.0, min(known, float(sys.maxsize >> 32)))))
