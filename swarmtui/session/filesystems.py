"""Which file systems a session cannot be kept on: those that other machines write to at the same time."""

from __future__ import annotations

import os
from pathlib import Path

from swarmtui.session.errors import LogError

NETWORKED = frozenset(
    {"nfs", "nfs3", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "davfs", "fuse.sshfs", "fuse.s3fs"}
)
"""Types whose locks or shared memory do not hold between machines: SQLite's log (WAL) needs both."""

MOUNTS = Path("/proc/self/mountinfo")


def file_system_of(path: Path, mounts: Path = MOUNTS) -> str:
    """The type of the file system that `path` lies on, as the kernel names it; empty where it does not tell."""
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    real = os.path.realpath(path)
    best, found = -1, ""
    for line in lines:
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or not kind:
            continue
        point = _plain(fields[4])
        inside = point in ("/", real) or real.startswith(f"{point}/")
        if inside and len(point) >= best:  # of two on the same point the later one covers the other
            best, found = len(point), kind[0]
    return found


def refuse_network_folder(path: Path, mounts: Path = MOUNTS) -> None:
    """Raises LogError if `path` lies where a session file would be at risk."""
    kind = file_system_of(path, mounts)
    if kind in NETWORKED:
        raise LogError(
            f"{path}: lies on a network file system ({kind}), on which no session file is safe: "
            "have SWARMTUI_HOME name a folder on a local disk"
        )


def _plain(word: str) -> str:
    """A field of mountinfo without the octal escapes of proc(5)."""
    for escaped, plain in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        word = word.replace(escaped, plain)
    return word
