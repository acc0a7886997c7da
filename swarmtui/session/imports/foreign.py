"""What the recordings of other programs come to: events of ours with their times, written into a new session."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import field
from pathlib import Path

from swarmtui.frozen import frozen, mutable
from swarmtui.plan.model import JSON, Node
from swarmtui.session.build import FileBuilder
from swarmtui.session.events import Body, HostStopped, Noted, SessionPaused
from swarmtui.session.folder import SessionFolder
from swarmtui.session.imports import IMPORTED
from swarmtui.session.imports.lines import FILE_BYTES, BadInput, Problems
from swarmtui.session.rows import Head, blob_sha, clean_surrogates
from swarmtui.session.vocabulary import Output

INLINE_BYTES = 16 * 1024
"""Longer outputs are kept as blobs."""
NAME_CHARS = 48
"""Of a node's name."""
SOURCE = "artefacts/imported/source.txt"
"""Where the file itself is kept, as it was: nothing of it is lost, whatever could not be read."""
_ODD = re.compile(r"[^A-Za-z0-9]+")
_COPY = 1024 * 1024


@frozen
class Dated:
    """An event of ours at `at` seconds after the recording began."""

    at: float
    body: Body


@mutable
class Recording:
    """What was made of a file; the first event is a ``SessionCreated``."""

    format: str
    """The program and its kind of file, for people."""
    began: float
    """Epoch seconds."""
    problems: Problems
    events: list[Dated] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    """What the user should know of it."""
    run_id: str = ""

    def add(self, at: float, body: Body) -> None:
        """Add an event; they are put in the order of their times at the end, equal ones as they were added."""
        self.events.append(Dated(at, body))

    def output(self, text: str) -> Output:
        """`text` as an output, with a blob for what is long."""
        data = clean_surrogates(text).encode()
        if len(data) <= INLINE_BYTES:
            return Output(data.decode(), len(data))
        sha = self.blob(data)
        return Output(data[:INLINE_BYTES].decode("utf-8", "ignore"), len(data), sha)

    def blob(self, data: bytes) -> str:
        """Keep `data`; its key."""
        key = blob_sha(data)
        self.blobs[key] = data
        return key

    def not_ended(self, at: float) -> None:
        """The recording stops before the run does."""
        self.add(at, SessionPaused("the recording ends here"))
        self.add(at, HostStopped("imported"))


def names(wanted: Iterable[str], taken: set[str] | None = None) -> dict[str, str]:
    """A node name of ours for each name of theirs, whatever that may hold: two are never the same."""
    taken = set() if taken is None else taken
    found: dict[str, str] = {}
    numbers: dict[str, int] = {}  # many may come down to one word
    for name in wanted:
        if name in found:
            continue
        word = _ODD.sub("_", name).strip("_")[:NAME_CHARS].strip("_") or "node"
        word = word if word[0].isalpha() else f"n_{word}"
        unique, number = word, numbers.get(word.lower(), 1)
        while unique.lower() in taken:
            number += 1
            unique = f"{word}_{number}"
        numbers[word.lower()] = number
        taken.add(unique.lower())
        found[name] = unique
    return found


def titled(node: Node, name: str) -> str | None:
    """The title of a node that was called `name`: its own name where ours differs."""
    return None if name == node.id else name[:120]


def text_of_value(value: JSON) -> str:
    """What a result says, as text: a string as it is, anything else as JSON."""
    if value is None or value == {}:
        return ""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def check_size(path: Path) -> None:
    """Raises BadInput for a file that is too large to be known as a whole."""
    size = path.stat().st_size
    if size > FILE_BYTES:
        raise BadInput(f"{path}: is {size >> 20} MiB; at most {FILE_BYTES >> 20} MiB can be imported")


def write(recording: Recording, path: Path, folder: SessionFolder, app: str, *, source: str | None = None) -> Head:
    """Make the session of `recording` in `folder`, with the file at `path` itself; `app` is who writes it.

    Raises LogError, OSError. Blocks.
    """
    recording.events.sort(key=lambda dated: dated.at)
    with FileBuilder(folder.db, app) as builder:
        for data in recording.blobs.values():
            builder.blob(data)
        for number, dated in enumerate(recording.events):
            at = max(0.0, dated.at)
            builder.event(dated.body, recording.began + at, at)
            if not number:
                for note in _notes(recording):
                    builder.event(note, recording.began + at, at)
        builder.meta(
            IMPORTED,
            {
                "from": Path(source or path).name,
                "format": recording.format,
                "id": recording.run_id,
                "malformed": recording.problems.total,
                "origin": None,
            },
        )
        _keep_source(path, folder)
        return builder.done()


def _notes(recording: Recording) -> Iterable[Noted]:
    yield Noted("info", f"imported from {recording.format}: a recording, of which nothing was run here")
    yield from (Noted("info", remark) for remark in recording.remarks)
    yield from (Noted("warning", f"could not be read: {line}") for line in recording.problems.lines())


def _keep_source(path: Path, folder: SessionFolder) -> None:
    kept = folder.path / SOURCE
    kept.parent.mkdir(mode=0o700, parents=True)
    with path.open("rb") as read, kept.open("xb") as write_to:
        kept.chmod(0o600)
        while piece := read.read(_COPY):
            write_to.write(piece)
