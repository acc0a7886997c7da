"""What the session file and folder hold of the past: pages of events, whole outputs, ends of logs.

Every call opens the file read-only for itself and blocks, so that a host can ask from a thread while its writer goes
on, and a viewer without a host can ask just the same. Names that come from recorded events are opened without
following links.
"""

from __future__ import annotations

import os
from itertools import accumulate
from pathlib import Path
from stat import S_ISREG
from typing import Any

from swarmtui.frozen import frozen
from swarmtui.host.shelf import FILES_LIMIT, NodeFile
from swarmtui.safety.paths import PathRefused, open_inside
from swarmtui.safety.text import one_line
from swarmtui.session.events import (
    AttemptFailed,
    AttemptSucceeded,
    Event,
    MapFinished,
    PlanApproved,
    PlanRejected,
)
from swarmtui.session.folder import SessionFolder
from swarmtui.session.log import LogError
from swarmtui.session.reader import Reader
from swarmtui.session.rows import Row, row_to_event
from swarmtui.session.state import SessionState
from swarmtui.session.vocabulary import Output

LOG_NAME = "log.txt"
"""What a command's log is called, in the node's folder or that of a later attempt."""
OUTPUT_CAP = 64 * 1024 * 1024
"""Bytes of one output that are read at most."""


class OutputMissing(Exception):
    """There is no such output; the text says what was looked for."""


@frozen
class History:
    """The recorded past of one session."""

    folder: SessionFolder

    def state(self, at: int | None = None) -> SessionState:
        """The state after event `at`, or the last. Raises LogError, also when an event is not what it should be."""
        try:
            with Reader(self.folder.db) as reader:
                state = reader.state(at)
            state.id = self.folder.id  # of a session that was recovered, events name the one it was
            return state
        except (ValueError, KeyError, IndexError) as error:
            raise LogError(f"{self.folder.db}: damaged: an event cannot be read ({_first_line(error)})") from error

    def events(self, from_seq: int, limit: int) -> list[Event]:
        """Up to `limit` events from `from_seq` on. Raises LogError as :meth:`state` does."""
        try:
            with Reader(self.folder.db) as reader:
                return [row_to_event(row) for row in reader.rows(from_seq, from_seq + limit - 1)]
        except ValueError as error:
            raise LogError(f"{self.folder.db}: damaged: an event cannot be read ({_first_line(error)})") from error

    def before(self, seq: int, limit: int, node: str | None = None, weight: int | None = None) -> list[Row]:
        """Up to `limit` rows before `seq`, oldest first; of one node if given; with `weight` the latest of so many
        bytes of data, one row at least."""
        sql = "SELECT * FROM events WHERE seq < ?1 AND (?2 IS NULL OR node = ?2) ORDER BY seq DESC LIMIT ?3"
        return self._page(sql, (seq, node, limit), weight)[::-1]

    def rows(self, from_seq: int, limit: int, node: str | None = None, weight: int | None = None) -> list[Row]:
        """Up to `limit` rows from `from_seq` on, in order; `node` and `weight` as of :meth:`before`."""
        sql = "SELECT * FROM events WHERE seq >= ?1 AND (?2 IS NULL OR node = ?2) ORDER BY seq LIMIT ?3"
        return self._page(sql, (from_seq, node, limit), weight)

    def seq_at_ts(self, ts: float) -> int:
        """Seq of the last event at or before `ts`, epoch seconds; 1 before the first."""
        found = self._query("SELECT coalesce(max(seq), 1) FROM events WHERE ts <= ?", (ts,))
        return int(found[0][0])

    def decision(self) -> Row | None:
        """The last decision on a plan; None if there is none."""
        types = (PlanApproved.TYPE, PlanRejected.TYPE)
        found = self._query("SELECT * FROM events WHERE type IN (?, ?) ORDER BY seq DESC LIMIT 1", types)
        return Row(*found[0]) if found else None

    def last_type(self) -> str | None:
        """Type of the last event; None if there is none."""
        found = self._query("SELECT type FROM events ORDER BY seq DESC LIMIT 1", ())
        return str(found[0][0]) if found else None

    def output(self, node: str, item: int | None = None) -> str:
        """The whole of what a node or item last gave. Raises OutputMissing, LogError."""
        types = (AttemptSucceeded.TYPE, AttemptFailed.TYPE, MapFinished.TYPE)
        sql = (
            "SELECT * FROM events WHERE node = ? AND item IS ? AND type IN (?, ?, ?) "
            "AND json_extract(data, '$.output') IS NOT NULL ORDER BY seq DESC LIMIT 1"
        )
        found = self._query(sql, (node, item, *types))
        if not found:
            what = node if item is None else f"{node}, item {item}"
            raise OutputMissing(f"{what}: there is no output yet")
        output = getattr(row_to_event(Row(*found[0])).body, "output", None)
        return self._whole(output) if isinstance(output, Output) else ""

    def blob(self, sha: str, offset: int, length: int) -> bytes | None:
        """`length` bytes of a recorded blob from `offset`; None if there is no such blob."""
        found = self._query("SELECT substr(data, ?, ?) FROM blobs WHERE sha = ?", (offset + 1, length, sha))
        return bytes(found[0][0]) if found else None

    def log_tail(self, node: str, limit: int) -> str:
        """The last `limit` bytes of the newest log among the node's artefacts; empty if there is none."""
        logs = sorted((path for path in self._logs(node)), key=lambda path: path.lstat().st_mtime)
        if not logs:
            return ""
        fd = open_inside(self.folder.path, str(logs[-1].relative_to(self.folder.path)), os.O_RDONLY)
        with os.fdopen(fd, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - limit))
            return file.read(limit).decode("utf-8", "replace")

    def files(self, node: str) -> list[NodeFile]:
        """The node's artefacts by name, links left out; none of a name that is no node's. Raises PathRefused."""
        folder = self._node_folder(node)
        if folder is None:
            return []
        if folder.is_symlink():
            raise PathRefused(f"{node!a}: a symbolic link stands where its files should be")
        found: list[NodeFile] = []
        for path in folder.rglob("*"):
            if path.is_symlink() or not path.is_file():
                continue
            stat = path.lstat()
            found.append(NodeFile(str(path.relative_to(folder)), stat.st_size, stat.st_mtime))
            if len(found) == FILES_LIMIT:
                break
        return sorted(found, key=lambda file: file.name)

    def file(self, node: str, name: str, offset: int, length: int) -> bytes:
        """`length` bytes from `offset` of one of the node's artefacts. Raises PathRefused, OSError."""
        if self._node_folder(node) is None:
            raise PathRefused(f"{node!a}: there are no files of such a node")
        fd = open_inside(self.folder.artefacts, f"{node}/{name}", os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(fd, "rb") as file:
            if not S_ISREG(os.fstat(file.fileno()).st_mode):
                raise PathRefused(f"{name!a}: is no file")
            file.seek(max(0, offset))
            return file.read(max(0, length))

    def _node_folder(self, node: str) -> Path | None:
        """The folder of a node's artefacts; None if there is none, or no node can be called so."""
        folder = self.folder.artefacts / node
        if node in ("", ".", "..") or "/" in node or "\0" in node or not folder.is_dir():
            return None
        return folder

    def _logs(self, node: str) -> list[Path]:
        folder = self._node_folder(node)
        return (
            []
            if folder is None
            else [path for path in folder.rglob(LOG_NAME) if path.is_file() and not path.is_symlink()]
        )

    def _whole(self, output: Output) -> str:
        if output.whole:
            return output.text
        if output.sha is not None:
            found = self._query("SELECT substr(data, 1, ?) FROM blobs WHERE sha = ?", (OUTPUT_CAP, output.sha))
            if found:
                return bytes(found[0][0]).decode("utf-8", "replace")
        if output.path is not None:
            try:
                fd = open_inside(self.folder.path, output.path, os.O_RDONLY)
            except (PathRefused, OSError):
                return output.text
            with os.fdopen(fd, "rb") as file:
                return file.read(OUTPUT_CAP).decode("utf-8", "replace")
        return output.text

    def _page(self, sql: str, values: tuple[object, ...], weight: int | None) -> list[Row]:
        """The rows of a page, in the order of `sql`."""
        if weight is None:
            return [Row(*row) for row in self._query(sql, values)]
        sizes = self._query(sql.replace("SELECT *", "SELECT length(data)", 1), values)
        fitting = next(
            (at for at, sum_ in enumerate(accumulate(size for (size,) in sizes)) if sum_ > weight), len(sizes)
        )
        return [Row(*row) for row in self._query(sql, (*values[:-1], max(1, fitting)))]

    def _query(self, sql: str, values: tuple[object, ...]) -> list[tuple[Any, ...]]:
        if any(isinstance(value, int) and abs(value) >= 2**63 for value in values):
            raise OverflowError("a figure is beyond what the file can hold")  # the asker's fault, not the file's
        with Reader(self.folder.db) as reader:
            return reader.query(sql, values)


def _first_line(error: Exception) -> str:
    return one_line(str(error).partition("\n")[0], 120)
