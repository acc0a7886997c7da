"""Our own JSON lines (see :mod:`swarmtui.session.exports.jsonl`) as the session that they were written from.

Events keep their hashes, so that a line which was changed is found, and the new file gives the same state. Lines of
events alone, as ``swarmtui events`` prints them, are read too; nothing can be told then of what was changed.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import field
from hashlib import blake2b
from pathlib import Path, PurePosixPath

from swarmtui.frozen import frozen, mutable
from swarmtui.plan import graph
from swarmtui.plan.model import JSON
from swarmtui.session.build import FileBuilder
from swarmtui.session.codec import encode_text
from swarmtui.session.errors import first_line
from swarmtui.session.events import PlanPatched, PlanProposed, SessionCreated
from swarmtui.session.exports.jsonl import END, HEADER, VERSION
from swarmtui.session.folder import ARTEFACTS, SessionFolder, is_session_id
from swarmtui.session.imports import IMPORTED
from swarmtui.session.imports.lines import BadInput, Problems, loads, numbered, text_of
from swarmtui.session.reader import UNREADABLE
from swarmtui.session.rows import Head, Row, chain, row_to_event
from swarmtui.session.state import SessionState
from swarmtui.session.state_json import state_hash

_TYPES: dict[str, type] = {"seq": int, "type": str, "node": str, "item": int, "attempt": int, "actor": str}
_PLANS = (PlanProposed.TYPE, PlanPatched.TYPE)
_BIGGEST = 2**62


@frozen
class ImportedSession:
    """What was made of a file."""

    head: Head
    state: SessionState
    problems: Problems
    blobs: int
    files: int
    remarks: tuple[str, ...]
    """What the user should know of it."""
    was: str
    """ID of the session that was exported."""


@mutable
class _Piecemeal:
    """A blob or a file of which the lines are being read."""

    name: str
    is_blob: bool
    size: int
    data: bytearray = field(default_factory=bytearray)


@mutable
class _Reading:
    builder: FileBuilder
    folder: SessionFolder
    problems: Problems
    last: int
    """Events after this one are not wanted."""
    header: dict[str, JSON] | None = None
    broken: int | None = None
    """Seq of the first event that is not what was exported: nothing after it follows anything."""
    half_folded: bool = False
    unhashed: bool = False
    ended: bool = False
    counted: dict[str, int] = field(default_factory=lambda: {"events": 0, "blobs": 0, "files": 0})
    open: _Piecemeal | None = None
    lines: int = 0

    def take(self, number: int, line: bytes | None) -> None:
        """One line. Raises ValueError with what is wrong with it."""
        self.lines = number
        text = text_of(line)
        if not text.strip():
            return
        value = loads(text)
        if not isinstance(value, dict):
            raise ValueError("is no JSON object")
        if "blob" in value or "file" in value:
            self._take_piece(value)
        elif value.get("type") == HEADER and "seq" not in value:
            self._take_header(value)
        elif value.get("type") == END and "seq" not in value:
            self._take_end(value)
        else:
            self._take_event(text, value)

    def close(self) -> None:
        """All lines were read."""
        if self.open is not None:
            self.problems.add(self.lines, f"the end of {self.open.name} is missing")
        if self.header is not None and not self.ended:
            self.problems.add(self.lines, "the file ends in the middle: its last lines are missing")
        if not self.counted["events"] and not self.problems.total:
            self.problems.add(max(1, self.lines), "there is no event in it")

    def _take_header(self, value: dict[str, JSON]) -> None:
        if self.header is not None or self.counted["events"]:
            raise ValueError("is a second beginning: is this more than one session?")
        version = value.get("version")
        if not isinstance(version, int) or version > VERSION:
            raise ValueError(f"is of a newer version ({version!r}): update swarmtui to import it")
        self.header = value

    def _take_end(self, value: dict[str, JSON]) -> None:
        self.ended = True
        lacking = [
            f"{told - count} {what}"
            for what, count in self.counted.items()
            if isinstance(told := value.get(what), int) and told > count
        ]
        if lacking and self.broken is None:
            raise ValueError(f"says that {', '.join(lacking)} more were before it")

    # -- events -----------------------------------------------------------------------------------------------

    def _take_event(self, text: str, value: dict[str, JSON]) -> None:
        if self.broken is not None or self.builder.head.seq >= self.last:
            return
        expected = self.builder.head.seq + 1
        try:
            row = self._row(text, value, expected)
        except ValueError:
            self.broken = expected
            raise
        try:
            self.builder.copy(row)
            if row.type in _PLANS:
                _check_plan(self.builder.state)
        except UNREADABLE as error:
            self.broken, self.half_folded = expected, True
            raise ValueError(f"event {expected} does not fit what was before it: {first_line(error)}") from error
        self.counted["events"] += 1

    def _row(self, text: str, value: dict[str, JSON], expected: int) -> Row:
        for name, kind in _TYPES.items():
            _check_column(name, value.get(name), kind)
        if value["seq"] != expected:
            raise ValueError(f"is event {value['seq']}, and event {expected} comes next")
        if expected == 1 and value["type"] != SessionCreated.TYPE:
            raise ValueError("is no beginning of a session")
        ts, mono = _time(value.get("ts")), _time(value.get("mono"))
        if mono < self.builder.head.mono:
            raise ValueError("is earlier on the session's clock than the event before it")
        if not isinstance(value.get("data"), dict):
            raise ValueError("has no data")
        where = value.get("node"), value.get("item"), value.get("attempt")
        head = Row(expected, ts, mono, value["type"], *where, value.get("actor"), "", b"")
        row = self._hashed(head, text, value)
        try:
            row_to_event(row)
        except UNREADABLE as error:
            raise ValueError(f"is no event of type {value['type']!r}: {first_line(error)}") from error
        return row

    def _hashed(self, head: Row, text: str, value: dict[str, JSON]) -> Row:
        """The row as it was exported: its data may have been written anew on the way, with other blanks."""
        before, told = self.builder.head.hash, value.get("hash")
        for data in _spellings(head, text, value["data"]):
            row = head._replace(data=data)
            row = row._replace(hash=chain(before, row))
            if told is None:
                self.unhashed = True
                return row
            if row.hash.hex() == told:
                return row
        raise ValueError(f"event {head.seq} was changed since it was exported: its hash is another")

    # -- blobs and files --------------------------------------------------------------------------------------

    def _take_piece(self, value: dict[str, JSON]) -> None:
        is_blob = "blob" in value
        name, size, offset = value["blob" if is_blob else "file"], value.get("size"), value.get("offset", 0)
        if not (isinstance(name, str) and isinstance(size, int) and isinstance(offset, int)):
            raise ValueError("is no piece of a blob or file: it needs a name, a size and an offset")
        before, self.open = self.open, None
        if before is None or (before.name, before.is_blob) != (name, is_blob):
            if before is not None:
                self.problems.add(self.lines, f"comes before the end of {before.name[:80]!r}, which is missing")
            before = _Piecemeal(name, is_blob, size)
        if offset != len(before.data):
            raise ValueError(f"{name[:80]!r}: the piece from byte {len(before.data)} on is missing")
        before.data += _piece(value)
        if len(before.data) > before.size:
            raise ValueError(f"{name[:80]!r} is longer than it says")
        if len(before.data) < before.size:
            self.open = before
        elif is_blob:
            self._keep_blob(name, bytes(before.data))
        else:
            self._keep_file(name, bytes(before.data))

    def _keep_blob(self, key: str, data: bytes) -> None:
        if blake2b(data, digest_size=16).hexdigest() != key:
            raise ValueError(f"blob {key[:40]!r} is not what was exported")
        self.builder.blob(data)
        self.counted["blobs"] += 1

    def _keep_file(self, name: str, data: bytes) -> None:
        """Write a file below the new session's folder, which is ours alone, and only there."""
        path = self.folder.path.joinpath(*_parts(name))
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise ValueError(f"file {name[:80]!r} is there twice") from None
        with os.fdopen(fd, "wb") as file:
            file.write(data)
        self.counted["files"] += 1


def import_own(
    path: Path, folder: SessionFolder, app: str, *, source: str | None = None, partial: bool = False
) -> ImportedSession:
    """Make the session of the lines at `path` in `folder`, which holds none; `source` is how the file is called.

    Raises BadInput with every line that is wrong, and nothing is made then; with `partial` what comes before the first
    event that is wrong is taken, and blobs and files that are right. LogError, OSError if it cannot be written. Blocks.
    """
    last, problems = _BIGGEST, Problems(source or str(path))
    while True:
        with FileBuilder(folder.db, app) as builder:
            reading = _Reading(builder, folder, problems if last == _BIGGEST else Problems(problems.file), last)
            _read(path, reading)
            if problems.total and not partial:
                raise BadInput("\n".join([*problems.lines(), "nothing was imported; --partial takes what is intact"]))
            if reading.half_folded and (reading.broken or 1) > 1:  # the state that was made cannot be relied on
                _clear(folder)
                last = (reading.broken or 1) - 1
                continue
            reading.problems = problems
            if reading.half_folded or not builder.head.seq:
                raise BadInput("\n".join([*problems.lines(), f"{problems.file}: nothing of it can be imported"]))
            return _finish(reading, builder)


def _read(path: Path, reading: _Reading) -> None:
    with path.open("rb") as file:
        for number, line in numbered(file):
            try:
                reading.take(number, line)
            except ValueError as error:
                reading.problems.add(number, str(error))
    reading.close()


def _finish(reading: _Reading, builder: FileBuilder) -> ImportedSession:
    header, state, remarks = reading.header or {}, builder.state, []
    if reading.unhashed:
        remarks.append("its events have no hashes: whether they were changed cannot be seen")
    whole = header.get("head_seq") == builder.head.seq
    if whole and header.get("state_hash") not in (None, state_hash(state)):
        remarks.append("this version makes another state of the events than the one that exported them")
    told = header.get("id")
    was = told if isinstance(told, str) and is_session_id(told) else state.id
    meta = {
        "from": Path(reading.problems.file).name,
        "format": "swarmtui",
        "id": was,
        "malformed": reading.problems.total,
        "origin": header.get("imported") if isinstance(header.get("imported"), dict) else None,
    }
    builder.meta(IMPORTED, meta)
    head = builder.done()
    counted = reading.counted
    return ImportedSession(head, state, reading.problems, counted["blobs"], counted["files"], tuple(remarks), was)


def _clear(folder: SessionFolder) -> None:
    """Take back the files that a first reading has written."""
    for place, folders, names in os.walk(folder.artefacts, topdown=False):
        for name in names:
            Path(place, name).unlink()
        for name in folders:
            Path(place, name).rmdir()


def _check_column(name: str, value: JSON, kind: type) -> None:
    """Raises ValueError if an event cannot have this value."""
    if value is None:
        if name in ("seq", "type"):
            raise ValueError(f"has no {name}: it is neither an event nor anything else that is exported")
    elif not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{name} is no {'number' if kind is int else 'text'}")
    elif isinstance(value, int) and not 0 <= value < _BIGGEST:
        raise ValueError(f"{name} is out of bounds")
    elif isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
        raise ValueError(f"{name} holds half a character")


def _spellings(head: Row, text: str, data: dict[str, JSON]) -> Iterator[str]:
    """How the data of an event may have been written when it was hashed, likely ones first."""
    verbatim = text.rstrip()[:-1].partition(',"data":')[2]
    if _is_json(verbatim, data):
        yield verbatim
    compact = json.dumps(data, separators=(",", ":"))
    yield compact
    with suppress(*UNREADABLE):
        yield encode_text(row_to_event(head._replace(data=compact)).body)


def _time(value: JSON) -> float:
    """Raises ValueError for what is no time."""
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _BIGGEST:  # no NaN is
        return float(value)
    raise ValueError("has no times (ts, mono)")


def _check_plan(state: SessionState) -> None:
    """Raises ValueError if the plan is none that a session can have."""
    if state.plan is None:
        return
    needs = graph.needs_of(state.plan)
    if len(needs) < len(state.plan.nodes):
        raise ValueError("two nodes of its plan have the same name")
    graph.topological_order(needs)


def _is_json(text: str, value: JSON) -> bool:
    try:
        return text != "" and bool(loads(text) == value)
    except ValueError:
        return False


def _piece(value: dict[str, JSON]) -> bytes:
    text, encoded = value.get("text"), value.get("base64")
    if isinstance(text, str):
        return text.encode("utf-8")
    if not isinstance(encoded, str):
        raise ValueError("has neither text nor base64")
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raise ValueError("its base64 cannot be read") from None


def _parts(name: str) -> tuple[str, ...]:
    """The parts of a path below the session's folder. Raises ValueError for one that leads anywhere else."""
    path = PurePosixPath(name)
    parts = path.parts
    odd = any(not part.isprintable() or len(part.encode("utf-8", "replace")) > 255 for part in parts)
    if path.is_absolute() or ".." in parts or len(parts) < 2 or len(parts) > 32 or parts[0] != ARTEFACTS or odd:
        raise ValueError(f"{name[:80]!a} is no path of a session's file: it has to lie in {ARTEFACTS}/")
    return parts
