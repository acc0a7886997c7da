"""One event as a row of the file and as a line of the wire, and the hash that chains rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON
from swarmtui.session.codec import decode_text, encode_text, happened
from swarmtui.session.events import Body, Event, type_of

GENESIS = b"\0" * 16
"""What the first event is chained to."""

APPLICATION_ID = 0x53574D54
SCHEMA = 1
"""Version of the tables; readers refuse what is newer."""

TABLES = """
CREATE TABLE events(
    seq INTEGER PRIMARY KEY, ts REAL NOT NULL, mono REAL NOT NULL, type TEXT NOT NULL,
    node TEXT, item INTEGER, attempt INTEGER, actor TEXT, data TEXT NOT NULL, hash BLOB NOT NULL);
CREATE TABLE blobs(sha TEXT PRIMARY KEY, size INTEGER NOT NULL, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE snapshots(seq INTEGER PRIMARY KEY, size INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


_BLOB_KEY = re.compile(r'"(?:(sha|lines)":")?([0-9a-f]{32})"')
"""What may be the key of a blob in an event's data; under these names it is one."""


class Row(NamedTuple):
    """An event as stored."""

    seq: int
    ts: float
    mono: float
    type: str
    node: str | None
    item: int | None
    attempt: int | None
    actor: str | None
    data: str
    hash: bytes


def chain(previous: bytes, row: tuple[Any, ...]) -> bytes:
    """BLAKE2b-16 over the previous hash and every column of `row` up to its data."""
    return blake2b(previous + repr(row[:8]).encode() + row[8].encode(), digest_size=16).digest()


def fits(previous: bytes, row: Row) -> bool:
    """Whether `row`, as a file gave it, is what was chained to `previous`. Takes anything for a row's columns."""
    return chained([row], previous, row.seq) == 1


def chained(page: Sequence[tuple[Any, ...]], previous: bytes, seq: int) -> int:
    """How many rows at the start of `page`, as a file gave them, are what was chained to `previous`, from `seq` on.

    Takes anything for a row's columns.
    """
    for at, row in enumerate(page):
        if row[0] != seq + at or not (isinstance(row[8], str) and isinstance(row[3], str)):
            return at
        if row[9] != chain(previous, row):
            return at
        previous = row[9]
    return len(page)


def sealed(chained: bytes, data: bytes) -> bytes:
    """`data`, a snapshot after the event whose hash is `chained`, behind the hash of both."""
    return blake2b(chained + data, digest_size=16).digest() + data


def unsealed(chained: bytes, found: bytes) -> bytes | None:
    """The inverse of :func:`sealed`; None if `found` is not what was sealed after that event."""
    data = bytes(found[16:])
    return data if sealed(chained, data) == found else None


def clean_surrogates(text: str) -> str:
    """`text` with lone surrogates, which no UTF-8 file can hold, as U+FFFD."""
    return text.encode("utf-8", "replace").decode() if any("\ud800" <= char <= "\udfff" for char in text) else text


def make_row(event: Event, previous: bytes) -> Row:
    """The row that records `event` after the one whose hash is `previous`."""
    body: Body = event.body
    row = (
        event.seq,
        event.ts,
        event.mono,
        type_of(body),
        getattr(body, "node", None),
        getattr(body, "item", None),
        getattr(body, "attempt", None),
        None if event.actor is None else clean_surrogates(event.actor),
        encode_text(body),
    )
    return Row(*row, chain(previous, row))


def row_to_event(row: Row) -> Event:
    """The event that `row` records. Raises ValueError (``pydantic.ValidationError``) if its data is no event's."""
    body = decode_text(row.type, row.data, row.node, row.item, row.attempt)
    return happened(row.seq, row.ts, row.mono, body, row.actor)


def row_to_line(row: Row) -> str:
    """The event as one line of JSON for viewers and scripts, made without decoding its data."""
    head: dict[str, JSON] = {"seq": row.seq, "ts": row.ts, "mono": row.mono, "type": row.type}
    for name, value in (("node", row.node), ("item", row.item), ("attempt", row.attempt), ("actor", row.actor)):
        if value is not None:
            head[name] = value
    return f'{json.dumps(head, separators=(",", ":"))[:-1]},"data":{row.data}}}'


def blob_sha(data: bytes) -> str:
    """The key of a blob: BLAKE2b-16 in hex."""
    return blake2b(data, digest_size=16).hexdigest()


def blobs_named(data: str) -> Iterator[tuple[str, bool]]:
    """Keys of blobs in an event's data, each with whether it is surely one: a text of that form may be anything."""
    for name, key in _BLOB_KEY.findall(data):
        yield key, bool(name)


def log_id(first_hash: bytes, session_id: str) -> str:
    """What tells the log of one session from all others, though they may have begun with the same events.

    `first_hash` is that of event 1. A fork and its parent have that one in common, and a seq of one says nothing in
    the other.
    """
    return blake2b(first_hash + session_id.encode(), digest_size=16).hexdigest()


@frozen
class Head:
    """Where a chain ends."""

    seq: int
    hash: bytes
    ts: float
    mono: float
