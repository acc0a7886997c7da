"""``swarmtui rm``: remove sessions for good; never one that runs."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from swarmtui.cli.console import Console
    from swarmtui.session.folder import SessionFolder


def arguments(parser: ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("ids", metavar="ID", nargs="+", help="a session, or the beginning of its ID")
    parser.add_argument("--force", action="store_true", help="do not ask")
    parser.add_argument("--json", action="store_true", help="tell what was removed as JSON lines; needs --force")


def run(arguments: Namespace, console: Console) -> int:
    """Remove them: all, or where one of them may not be, none."""
    from swarmtui.cli.failures import UsageError
    from swarmtui.host.exits import Exit
    from swarmtui.host.locate import locate
    from swarmtui.safety.text import one_line

    folders = {folder.path: folder for folder in map(locate, arguments.ids)}.values()
    told = [(folder, size_of(folder.path)) for folder in folders]
    with ExitStack() as held:
        for folder in folders:
            held.enter_context(_held(folder))
        if not arguments.force:
            if not console.interactive or console.json:
                raise UsageError("removing is for good: say --force where nobody can be asked")
            for folder, size in told:
                console.say(f"{folder.id}  {_size(size)}  {one_line(_title(folder), 80)}")
            total = _size(sum(size for _, size in told))
            if input(f"remove {len(told)} for good, {total}? [y/N] ").strip().lower() not in ("y", "yes"):
                console.say("nothing was removed")
                return Exit.FAILED
        return _removed(told, console)


def _removed(told: list[tuple[SessionFolder, int]], console: Console) -> int:
    """Remove all of them; one of which something stays keeps none of the others."""
    from swarmtui.host.exits import Exit
    from swarmtui.session.placing import discard

    code = Exit.OK
    for folder, size in told:
        try:
            discard(folder)
        except OSError as error:
            at = f"{error.filename}: " if error.filename else ""
            console.warn(f"not all of session {folder.id} could be removed: {at}{error.strerror or error}")
            code = Exit.PERMISSION if isinstance(error, PermissionError) else Exit.DISK
            continue
        if console.json:
            console.emit({"type": "removed", "id": folder.id, "bytes": size})
        console.say(f"removed {folder.id}, {_size(size)}")
    return code


def size_of(folder: Path) -> int:
    """Bytes of all files in `folder`; links count for themselves."""
    total = 0
    for path in folder.rglob("*"):
        try:
            found = path.lstat()
        except OSError:  # gone meanwhile
            continue
        total += 0 if path.is_dir() and not path.is_symlink() else found.st_size
    return total


def _held(folder: SessionFolder) -> ExitStack:
    """Its host's lock, so that none starts meanwhile. Raises UsageError if one lives."""
    import fcntl
    import os

    from swarmtui.cli.failures import UsageError

    held = ExitStack()
    try:
        fd = os.open(folder.lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        held.callback(os.close, fd)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.close()
        end = f"`swarmtui ctl {folder.id} cancel` ends it"
        raise UsageError(f"session {folder.id} has a host: {end}; nothing was removed") from None
    return held


def _title(folder: SessionFolder) -> str:
    from swarmtui.session.errors import LogError
    from swarmtui.session.reader import Reader

    try:
        with Reader(folder.db) as reader:
            found = reader.meta("summary")
    except LogError as error:
        return str(error)
    return str(found.get("title") or "") if isinstance(found, dict) else ""


def _size(size: int) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024  # type: ignore[assignment]
    return f"{size:.1f} GiB"
