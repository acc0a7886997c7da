"""A session as lines of JSON, from which :mod:`swarmtui.session.imports.own` makes the same session again.

The first line is a header and the last one says that nothing is missing. Between them come the events, each as scripts
see it and with its hash, so that a change shows; then the blobs and the files that events name, in pieces where they
are large::

    {"type": "swarmtui_session", "version": 1, "id": …, "head_seq": …, "head_hash": …, "state_hash": …, …}
    {"seq": 1, "ts": …, "mono": …, "type": "session_created", "hash": …, "data": {…}}
    {"blob": KEY, "size": …, "text": …}            or  {"blob": KEY, "size": …, "offset": …, "base64": …}
    {"file": "artefacts/…", "size": …, "text": …}  or  …
    {"type": "swarmtui_end", "events": …, "blobs": …, "files": …}
"""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from swarmtui.plan.model import JSON
from swarmtui.safety.paths import PathRefused, open_inside
from swarmtui.session.events import AttemptFailed, AttemptSucceeded, MapFinished, ReportWritten
from swarmtui.session.folder import ARTEFACTS
from swarmtui.session.imports import IMPORTED
from swarmtui.session.reader import Reader
from swarmtui.session.rows import Row, blobs_named, row_to_line
from swarmtui.session.state_json import state_hash

HEADER, END = "swarmtui_session", "swarmtui_end"
VERSION = 1
PIECE_BYTES = 1024 * 1024
"""Of a blob or a file; what is longer takes several lines."""
_WITH_FILES = frozenset({AttemptSucceeded.TYPE, AttemptFailed.TYPE, MapFinished.TYPE, ReportWritten.TYPE})


def export_lines(reader: Reader, folder: Path, session_id: str, *, files: bool = True) -> Iterator[str]:
    """The lines of the session that `reader` reads and whose folder is `folder`, without line ends, all ASCII.

    The session is taken as it is now, whether or not a host goes on with it; without `files` those that events name
    are left out. Raises LogError where the file is not what was written, OSError. Blocks.
    """
    head = reader.last_seq()
    yield _line(_header(reader, head, session_id))
    keys: set[str] = set()
    names: dict[str, None] = {}
    for row in reader.rows(1, head):
        yield _event(row)
        keys.update(key for key, _ in blobs_named(row.data))
        if files and row.type in _WITH_FILES:
            names.update(dict.fromkeys(_files(row)))
    kept = 0
    for key in sorted(keys):
        data = reader.blob(key)
        if data is not None:
            kept += 1
            yield from _pieces({"blob": key}, data)
    found = 0
    for name in names:
        content = _content(folder, name)
        if content is not None:
            found += 1
            yield from _pieces({"file": name}, content)
    yield _line({"type": END, "events": head, "blobs": kept, "files": found})


def _header(reader: Reader, head: int, session_id: str) -> dict[str, JSON]:
    state = reader.state(head)
    last = reader.query("SELECT hash FROM events WHERE seq = ?", (head,))
    return {
        "type": HEADER,
        "version": VERSION,
        "id": session_id,
        "app": reader.meta("app"),
        "title": state.title or state.goal,
        "status": state.status.value,
        "simulated": state.simulated,
        "head_seq": head,
        "head_hash": last[0][0].hex() if last else None,
        "state_hash": state_hash(state),
        "imported": reader.meta(IMPORTED),
    }


def _event(row: Row) -> str:
    """The line that viewers get, with the event's hash before its data, which stay as the file has them."""
    head, data = row_to_line(row).split(',"data":', 1)
    return f'{head},"hash":"{row.hash.hex()}","data":{data}'


def _files(row: Row) -> Iterator[str]:
    data = json.loads(row.data)
    output = data.get("output")
    for found in (data.get("path"), output.get("path") if isinstance(output, dict) else None):
        if isinstance(found, str) and found.startswith(f"{ARTEFACTS}/"):
            yield found


def _content(folder: Path, name: str) -> bytes | None:
    """What is in a file of the session; None if there is no such file in its folder."""
    try:
        fd = open_inside(folder, name, os.O_RDONLY | os.O_NONBLOCK)
    except (PathRefused, OSError, ValueError):
        return None
    with os.fdopen(fd, "rb") as file:
        return file.read() if stat.S_ISREG(os.fstat(fd).st_mode) else None


def _pieces(head: dict[str, JSON], data: bytes) -> Iterator[str]:
    head = {**head, "size": len(data)}
    if len(data) <= PIECE_BYTES:
        try:
            yield _line({**head, "text": data.decode("utf-8")})
            return
        except UnicodeDecodeError:
            pass
    for offset in range(0, len(data), PIECE_BYTES):
        piece = base64.b64encode(data[offset : offset + PIECE_BYTES]).decode("ascii")
        yield _line({**head, "offset": offset, "base64": piece})


def _line(value: JSON) -> str:
    return json.dumps(value, separators=(",", ":"))
