"""Items of a map: read from a source once, kept in the session file in chunks, fetched one by one.

A malformed or repeated entry is counted, reported with its place and does not stop the others: the first ones are part
of what is recorded, all of them are in files beside the results.
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from hashlib import blake2b
from itertools import accumulate, islice
from pathlib import Path
from typing import TextIO

from swarmtui.engine.sources import Entries, ItemsError, Malformed
from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON
from swarmtui.session.vocabulary import Chunk

CHUNK_BYTES = 256 * 1024
CACHED_CHUNKS = 8
KEPT = 100
"""Malformed and repeated entries of which the event itself tells."""
MALFORMED_FILE = "malformed.jsonl"
DUPLICATES_FILE = "duplicates.jsonl"

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_CANONICAL = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)


class Seen:
    """Where each value was first seen, by a hash of 128 bits: an open table of some 40 bytes per value."""

    def __init__(self) -> None:
        self._mask = (1 << 10) - 1
        self._high = array("Q", bytes(8 << 10))
        self._low = array("Q", bytes(8 << 10))
        self._place = array("Q", bytes(8 << 10))
        self._count = 0

    def first(self, value: JSON, place: int) -> int | None:
        """The place at which an equal value was seen before; None if it is new, which is then noted."""
        digest = blake2b(_CANONICAL.encode(value).encode(), digest_size=16).digest()
        high, low = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")
        at = self._slot(high, low)
        if self._place[at]:
            return self._place[at]
        self._high[at], self._low[at], self._place[at] = high, low, place
        self._count += 1
        if self._count * 3 > self._mask * 2:
            self._grow()
        return None

    def _slot(self, high: int, low: int) -> int:
        at = low & self._mask
        while self._place[at] and (self._low[at] != low or self._high[at] != high):
            at = (at + 1) & self._mask
        return at

    def _grow(self) -> None:
        old = zip(self._high, self._low, self._place, strict=True)
        size = 2 * (self._mask + 1)
        self._mask = size - 1
        self._high, self._low, self._place = (array("Q", bytes(8 * size)) for _ in range(3))
        for high, low, place in old:
            if place:
                at = self._slot(high, low)
                self._high[at], self._low[at], self._place[at] = high, low, place


class Reports:
    """What was wrong with the entries of a source: counted, the first kept, all written to files in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, TextIO] = {}
        self._open = ExitStack()
        self.malformed: list[tuple[int, str]] = []
        self.malformed_total = 0
        self.duplicates: list[tuple[int, int]] = []
        self.duplicates_total = 0

    def __enter__(self) -> Reports:
        for name in (MALFORMED_FILE, DUPLICATES_FILE):
            (self._folder / name).unlink(missing_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add_malformed(self, place: int, why: Malformed) -> None:
        """An entry could not be read. Raises OSError if the file takes no more."""
        self.malformed_total += 1
        if len(self.malformed) < KEPT:
            self.malformed.append((place, str(why)))
        self._write(MALFORMED_FILE, {"line": place, "error": str(why)})

    def add_duplicate(self, place: int, first: int, item: int) -> None:
        """Item `item` equals the one whose place is `first`. Raises OSError."""
        self.duplicates_total += 1
        if len(self.duplicates) < KEPT:
            self.duplicates.append((place, first))
        self._write(DUPLICATES_FILE, {"line": place, "equals_line": first, "item": item})

    def _write(self, name: str, line: JSON) -> None:
        file = self._files.get(name)
        if file is None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = self._folder / name
            path.touch(0o600)
            file = self._files[name] = self._open.enter_context(path.open("w", encoding="utf-8", errors="replace"))
        file.write(json.dumps(line, ensure_ascii=False) + "\n")


@frozen
class ReadChunk:
    """A run of items as JSON lines."""

    data: bytes
    count: int
    line: int
    """Place of the first one."""
    lines: bytes | None
    """JSON array of all their places, where they do not follow each other."""


class ItemReader:
    """Reads a source chunk by chunk. With `skip_duplicates` the items that equal an earlier one are in `skipped`."""

    def __init__(
        self, source: Entries, reports: Reports, limit: int | None = None, *, skip_duplicates: bool = False
    ) -> None:
        self._source = source
        self._reports = reports
        self._limit = limit
        self._skip_duplicates = skip_duplicates
        self._seen = Seen()
        self.total = 0
        self.skipped: list[int] = []

    def next_chunk(self) -> ReadChunk | None:
        """Up to 256 KiB of items; None at the end, the source closed. May block. Raises ItemsError and OSError."""
        lines: list[bytes] = []
        places: list[int] = []
        size = 0
        while size < CHUNK_BYTES and self.total != self._limit:
            entry = next(self._source, None)
            if entry is None:
                break
            place, value = entry
            if isinstance(value, Malformed):
                self._reports.add_malformed(place, value)
                continue
            encoded = _ENCODER.encode(value).encode()
            lines.append(encoded)
            places.append(place)
            size += len(encoded) + 1
            self._compare(place, value)
            self.total += 1
        if not lines:
            self._source.close()
            return None
        gapless = places[-1] - places[0] == len(places) - 1
        kept = None if gapless else _ENCODER.encode(places).encode()
        return ReadChunk(b"\n".join(lines), len(lines), places[0], kept)

    def _compare(self, place: int, value: JSON) -> None:
        first = self._seen.first(value, place)
        if first is not None:
            self._reports.add_duplicate(place, first, self.total)
            if self._skip_duplicates:
                self.skipped.append(self.total)


class ItemStore:
    """Fetches single items of maps from their chunks; keeps the few chunks in use."""

    def __init__(self, blob: Callable[[str], Awaitable[bytes | None]]) -> None:
        self._blob = blob
        self._cache: OrderedDict[str, list[bytes]] = OrderedDict()
        self._ends: dict[int, tuple[tuple[Chunk, ...], list[int]]] = {}

    async def item(self, chunks: tuple[Chunk, ...], index: int) -> JSON:
        """Item `index` (from 0). Raises ItemsError if the session file does not hold it."""
        ends = self._ends_of(chunks)
        at = bisect_right(ends, index)
        if at >= len(chunks):
            raise ItemsError(f"the map has no item {index}")
        chunk = chunks[at]
        lines = await self._lines(chunk.sha)
        return json.loads(lines[index - ends[at] + chunk.count])

    def _ends_of(self, chunks: tuple[Chunk, ...]) -> list[int]:
        """For each chunk the index after its last item; made once per map, whose chunks are one object."""
        known = self._ends.get(id(chunks))
        if known is None or known[0] is not chunks:
            if len(self._ends) >= 64:
                self._ends.clear()
            known = self._ends[id(chunks)] = (chunks, list(accumulate(chunk.count for chunk in chunks)))
        return known[1]

    async def _lines(self, sha: str) -> list[bytes]:
        lines = self._cache.get(sha)
        if lines is None:
            data = await self._blob(sha)
            if data is None:
                raise ItemsError(f"the session file lacks blob {sha}")
            lines = self._cache[sha] = data.split(b"\n")
            for old in list(islice(self._cache, max(0, len(self._cache) - CACHED_CHUNKS))):
                del self._cache[old]
        else:
            self._cache.move_to_end(sha)
        return lines
