"""Which kind of recording a file is, by how it begins."""

from __future__ import annotations

import stat
from enum import StrEnum
from pathlib import Path

from swarmtui.frozen import frozen
from swarmtui.session.exports.jsonl import HEADER
from swarmtui.session.folder import is_session_id
from swarmtui.session.imports.deerflow_sse import is_deerflow_sse
from swarmtui.session.imports.lines import LINE_BYTES, BadInput, loads, numbered, text_of
from swarmtui.session.imports.swarmflight import is_checkpoint, is_trace

_HEAD = 256 * 1024
_PACKED = {b"\x1f\x8b": "gzip", b"PK\3\4": "zip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_SQLITE = b"SQLite format 3\0"


class Kind(StrEnum):
    """Kinds of files that can be imported."""

    OWN = "swarmtui"
    DEERFLOW = "deerflow"
    TRACE = "swarmflight-trace"
    CHECKPOINT = "swarmflight-checkpoint"


@frozen
class Recognised:
    """What a file is, and which session or run it says it is of."""

    kind: Kind
    id: str | None = None


def recognise(path: Path) -> Recognised:
    """What the file at `path` is. Raises BadInput if it is nothing that can be imported, OSError."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise BadInput(f"{path}: is no file")
    with path.open("rb") as file:
        head = file.read(_HEAD)
        file.seek(0)
        first = next((line for _, line in numbered(file, LINE_BYTES) if line is None or line.strip()), b"")
    if not head.strip():
        raise BadInput(f"{path}: is empty")
    if head.startswith(_SQLITE):
        raise BadInput(f"{path}: is a session file itself: `swarmtui replay` shows it as it is")
    for begins, packed in _PACKED.items():
        if head.startswith(begins):
            raise BadInput(f"{path}: is packed ({packed}): unpack it, and import what is in it")
    own = _own(first)
    if own is not None:
        return own
    if is_trace(first or b""):
        return Recognised(Kind.TRACE)
    if is_checkpoint(head):
        return Recognised(Kind.CHECKPOINT)
    if is_deerflow_sse(head):
        return Recognised(Kind.DEERFLOW)
    raise BadInput(
        f"{path}: is nothing that can be imported: what `swarmtui export` writes as jsonl, a recorded chat of DeerFlow "
        "(event: and data: lines), or a trace or checkpoint of SwarmFlight"
    )


def _own(first: bytes | None) -> Recognised | None:
    try:
        value = loads(text_of(first))
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    if value.get("type") == HEADER:
        told = value.get("id")
        return Recognised(Kind.OWN, told if isinstance(told, str) and is_session_id(told) else None)
    return Recognised(Kind.OWN) if "seq" in value and isinstance(value.get("data"), dict) else None
