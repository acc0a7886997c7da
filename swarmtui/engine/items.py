"""Items of a map: read from a file, a list or an output, kept in the session file in chunks, fetched one by one.

A malformed or repeated line is reported with its number and does not stop the others.
"""

from __future__ import annotations

import csv
import io
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from swarmtui.plan.model import JSON
from swarmtui.session.vocabulary import Chunk

CHUNK_BYTES = 256 * 1024
CACHED_CHUNKS = 8
MALFORMED_KEPT = 1_000


class ItemsError(Exception):
    """The items cannot be read at all; the text says why and what is expected."""


@dataclass(slots=True)
class ItemReader:
    """Yields chunks of JSON lines from a source, counting items and noting lines that cannot be read."""

    source: Iterator[tuple[int, JSON | ValueError]]
    limit: int | None = None
    total: int = 0
    malformed: list[tuple[int, str]] = field(default_factory=list)

    def next_chunk(self) -> tuple[bytes, int] | None:
        """Up to 256 KiB of items as JSON lines, and how many; None at the end. May block on the file."""
        lines: list[bytes] = []
        size = 0
        for line, value in self.source:
            if isinstance(value, ValueError):
                if len(self.malformed) < MALFORMED_KEPT:
                    self.malformed.append((line, str(value)))
                continue
            encoded = json.dumps(value, separators=(",", ":")).encode()
            lines.append(encoded)
            size += len(encoded) + 1
            self.total += 1
            if size >= CHUNK_BYTES or self.total == self.limit:
                break
        if self.limit is not None and self.total >= self.limit:
            self.source = iter(())
        return (b"\n".join(lines), len(lines)) if lines else None


def from_file(path: Path) -> Iterator[tuple[int, JSON | ValueError]]:
    """Items of a JSONL, CSV (one mapping per row) or JSON (an array) file, with line numbers, streamed.

    Raises ItemsError if the file cannot be read or its name tells none of the three.
    """
    suffix = path.suffix.lower()
    try:
        file = path.open(encoding="utf-8-sig", errors="replace", newline="" if suffix == ".csv" else None)
    except OSError as error:
        raise ItemsError(f"{path}: cannot read the items: {error.strerror}") from error
    if suffix in (".jsonl", ".ndjson", ".txt"):
        return _json_lines(file, plain=suffix == ".txt")
    if suffix == ".csv":
        return _csv_rows(file)
    if suffix == ".json":
        with file:
            return from_text(file.read(), str(path))
    file.close()
    raise ItemsError(f"{path}: items are read from .jsonl, .csv, .json or .txt (a line each) files")


def from_text(text: str, name: str) -> Iterator[tuple[int, JSON | ValueError]]:
    """Items of an output: a JSON array, or a JSON value a line. Raises ItemsError if it is neither."""
    stripped = text.strip()
    if stripped.startswith("["):
        try:
            values = json.loads(stripped)
        except (ValueError, RecursionError) as error:
            raise ItemsError(f"{name}: not a JSON array: {error}") from error
        return ((index + 1, value) for index, value in enumerate(values))
    lines = _json_lines(io.StringIO(text), plain=False)
    first = next(lines, None)
    if first is None:
        return iter(())
    if isinstance(first[1], ValueError):
        raise ItemsError(f"{name}: expected a JSON array or a JSON value a line, found {stripped[:60]!r}")
    return _chained(first, lines)


def from_values(values: Iterable[JSON]) -> Iterator[tuple[int, JSON | ValueError]]:
    """Items listed in the task file itself."""
    return ((index + 1, value) for index, value in enumerate(values))


def _chained(
    first: tuple[int, JSON | ValueError], rest: Iterator[tuple[int, JSON | ValueError]]
) -> Iterator[tuple[int, JSON | ValueError]]:
    yield first
    yield from rest


def _json_lines(file: io.TextIOBase | io.TextIOWrapper, *, plain: bool) -> Iterator[tuple[int, JSON | ValueError]]:
    with file:
        for number, line in enumerate(file, 1):
            text = line.strip()
            if not text:
                continue
            if plain:
                yield number, text
                continue
            try:
                yield number, json.loads(text)
            except (ValueError, RecursionError) as error:
                yield number, ValueError(f"not JSON: {error}")


def _csv_rows(file: io.TextIOWrapper) -> Iterator[tuple[int, JSON | ValueError]]:
    with file:
        reader = csv.DictReader(file)
        try:
            for row in reader:
                if None in row or None in row.values():
                    yield reader.line_num, ValueError(f"has not {len(reader.fieldnames or ())} fields like the header")
                else:
                    yield reader.line_num, row
        except csv.Error as error:
            yield reader.line_num, ValueError(f"not CSV: {error}")


class ItemStore:
    """Fetches single items of maps from their chunks; keeps the few chunks in use."""

    def __init__(self, blob: Callable[[str], Awaitable[bytes | None]]) -> None:
        self._blob = blob
        self._cache: OrderedDict[str, list[bytes]] = OrderedDict()

    async def item(self, chunks: tuple[Chunk, ...], index: int) -> JSON:
        """Item `index` (from 0). Raises ItemsError if the session file does not hold it."""
        at = index
        for chunk in chunks:
            if at < chunk.count:
                lines = await self._lines(chunk.sha)
                return json.loads(lines[at])
            at -= chunk.count
        raise ItemsError(f"the map has no item {index}")

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
