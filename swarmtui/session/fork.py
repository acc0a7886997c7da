"""What a fork takes over of its parent: events, the blobs that they name, and the files as they were at that point.

The parent is only read, whether a host runs it or not.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from swarmtui.frozen import frozen
from swarmtui.safety.paths import PathRefused, open_inside, write_atomic
from swarmtui.session.folder import ARTEFACTS, SessionFolder
from swarmtui.session.reader import Reader
from swarmtui.session.rows import blob_sha
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.vocabulary import Output

LATER_ATTEMPT = "attempt-"
"""How the folders of an attempt after the first begin, within that of the first."""
_CHUNK = 1024 * 1024


@frozen
class TakenFiles:
    """What became of the parent's files."""

    copied: int = 0
    restored: tuple[str, ...] = ()
    """Outputs whose file changed since, or is gone: the recorded text was written in its place."""
    lost: tuple[str, ...] = ()
    """Files that changed since, or are gone, and of which nothing else holds what was in them."""
    report: bool = False
    """Whether the report that was there is among them."""


def take_files(parent: SessionFolder, child: Path, state: SessionState, until_ts: float, reader: Reader) -> TakenFiles:
    """Copy the files of all attempts that had begun by event `state.seq`, at `until_ts`, to the folder `child`.

    An output is what its event says: where its file says otherwise by now, what was recorded is kept. Any other file
    counts as it was then unless it was written to later. `reader` reads the parent. Raises OSError, LogError. Blocks.
    """
    copied, restored, lost = 0, [], []
    outputs = {node.output.path: node.output for node in state.nodes.values() if node.output and node.output.path}
    for name in sorted(_files(parent, state.nodes.values())):
        if name not in outputs:
            if _copied(parent.path, child, name, until_ts):
                copied += 1
            elif not _at_work(state, name):
                lost.append(name)
    for name, output in sorted(outputs.items()):
        if not _is_inside(name):
            continue
        if _as_recorded(parent.path, name, output, until_ts):
            _copy(parent.path, child, name)
            copied += 1
        elif (data := _recorded(output, reader)) is not None:
            _write(child, name, data)
            restored.append(name)
        else:
            lost.append(name)
    report = _take_report(parent, child, state, until_ts)
    return TakenFiles(copied + report, tuple(restored), tuple(lost), report)


def _take_report(parent: SessionFolder, child: Path, state: SessionState, until_ts: float) -> bool:
    """Copy the report, unless a later one has taken its place."""
    name = state.report_path
    if name is None or not _is_inside(name):
        return False
    path = parent.path / name
    if not path.is_file() or path.is_symlink() or path.lstat().st_mtime > until_ts:
        return False
    _copy(parent.path, child, name)
    return True


def _files(parent: SessionFolder, nodes: Iterable[NodeState]) -> Iterator[str]:
    """Files of all attempts of these nodes, relative to the session's folder; no links, and nothing below them."""
    for node in nodes:
        root = parent.artefacts / node.id
        later = {f"{LATER_ATTEMPT}{number}" for number in range(2, node.attempts + 1)}
        for folder, folders, names in os.walk(root):
            if Path(folder) == root:
                folders[:] = [name for name in folders if name in later or not name.startswith(LATER_ATTEMPT)]
            # A copy of the user's repository belongs to the attempt that made it: git knows it by its place.
            folders[:] = [name for name in folders if not os.path.lexists(Path(folder, name, ".git"))]
            for name in names:
                path = Path(folder, name)
                if node.attempts and path.is_file() and not path.is_symlink():
                    yield str(path.relative_to(parent.path))


def _at_work(state: SessionState, name: str) -> bool:
    """Whether the file is of an attempt that was in flight: what was written later is none of the fork's."""
    parts = PurePosixPath(name).parts
    node = state.nodes.get(parts[1]) if len(parts) > 1 else None
    if node is None or not node.running:
        return False
    number = parts[2].removeprefix(LATER_ATTEMPT) if len(parts) > 3 and parts[2].startswith(LATER_ATTEMPT) else "1"
    return node.items is not None or number == str(node.attempts)


def _is_inside(name: str) -> bool:
    """Whether an event names a file among the session's artefacts: no other is taken, whatever an event says."""
    parts = PurePosixPath(name).parts
    return parts[:1] == (ARTEFACTS,) and len(parts) > 1 and ".." not in parts


def _as_recorded(root: Path, name: str, output: Output, until_ts: float) -> bool:
    """Whether the file holds what the event says that it does."""
    try:
        fd = open_inside(root, name, os.O_RDONLY)
    except (PathRefused, OSError):
        return False
    with os.fdopen(fd, "rb") as file:
        status = os.fstat(file.fileno())
        if output.whole:
            return status.st_size == output.size and file.read() == output.text.encode("utf-8", "replace")
        if output.sha is not None:
            return status.st_size == output.size and blob_sha(file.read()) == output.sha
        return status.st_mtime <= until_ts and (output.truncated or status.st_size == output.size)


def _recorded(output: Output, reader: Reader) -> bytes | None:
    """The whole output as the session file holds it; None if it does not."""
    if output.whole:
        return output.text.encode("utf-8", "replace")
    return None if output.sha is None else reader.blob(output.sha)


def _copied(root: Path, child: Path, name: str, until_ts: float) -> bool:
    """Copy a file unless it was written to later, or is gone: the parent may be at work."""
    try:
        if root.joinpath(name).lstat().st_mtime > until_ts:
            return False
        _copy(root, child, name)
    except (FileNotFoundError, PathRefused):
        return False
    return True


def _copy(root: Path, child: Path, name: str) -> None:
    fd = open_inside(root, name, os.O_RDONLY)
    with os.fdopen(fd, "rb") as read, (target := _place(child, name)).open("xb") as write:
        shutil.copyfileobj(read, write, _CHUNK)
        status = os.fstat(read.fileno())
        target.chmod(status.st_mode & 0o700)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))  # a fork of the fork asks for it, too


def _write(child: Path, name: str, data: bytes) -> None:
    target = _place(child, name)
    with suppress(FileNotFoundError):
        target.unlink()
    write_atomic(target, data)


def _place(child: Path, name: str) -> Path:
    """Where a file goes, in folders that are the user's alone."""
    folder = child
    *folders, last = PurePosixPath(name).parts
    for part in folders:
        folder = folder / part
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder / last
