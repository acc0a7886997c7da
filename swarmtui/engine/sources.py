"""Where the items of a map come from: files, lists and outputs, read as a stream of entries with their place.

An entry is (place, item), or (place, Malformed) for what cannot be read: the line of a file of lines (of a row of CSV
that spans several, the first), the position of an element of an array, both from 1. All sources are hostile: no byte
of them may stop the program, and none is left out without a word.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from swarmtui.engine.json_array import ArrayError, ArraySplitter, Element
from swarmtui.plan.model import JSON
from swarmtui.plan.repair import loads_lenient

ITEM_BYTES = 10 * 1024 * 1024
"""The largest item."""
FIELD_CHARS = 1024 * 1024
"""The largest field of a CSV file; also how much a quote that is never closed can swallow."""
DEPTH = 64
OUTPUT_BYTES = 16 * 1024 * 1024
"""Outputs up to this are searched for an array when they are not one."""

_BLOCK = 64 * 1024
_BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"
_TOO_DEEP = f"nested more than {DEPTH} deep"
_SURROGATE = "holds half of a surrogate pair (\\ud800 to \\udfff)"


class ItemsError(Exception):
    """The items cannot be read at all; the text says why and what is expected."""


class Malformed(ValueError):
    """One entry cannot be read; the text says why."""


Entry = tuple[int, JSON | Malformed]
Entries = Generator[Entry, None, None]
"""To be closed by whoever does not read it to its end."""


def from_file(path: Path) -> Entries:
    """Items of a JSONL, CSV (one mapping per row), JSON (an array) or text file (a line each), streamed.

    Raises ItemsError, once it is read, if the file cannot be opened, its name tells none of these, or a CSV file's
    header or an array's beginning is of no use.
    """
    suffix = path.suffix.lower()
    readers = {".jsonl": _json_lines, ".ndjson": _json_lines, ".txt": _text_lines, ".csv": _csv_rows, ".json": _values}
    reader = readers.get(suffix)
    if reader is None:
        raise ItemsError(f"{path}: items are read from .jsonl, .csv, .json or .txt (a line each) files")
    try:
        file = path.open("rb")
    except OSError as error:
        raise ItemsError(f"{path}: cannot read the items: {error.strerror}") from error
    with file:
        yield from reader(file, str(path))


def from_output(output: str | Path, name: str) -> Entries:
    """Items of an output, given itself or as its file: a JSON array, or a JSON value a line.

    Raises ItemsError if it is neither, not even after a look for an array in it, as models wrap and fence them.
    """
    if isinstance(output, str):
        file: BinaryIO = io.BytesIO(output.encode("utf-8", "surrogatepass"))
    else:
        try:
            file = output.open("rb")
        except OSError as error:
            raise ItemsError(f"{name}: cannot be read: {error.strerror}") from error
    with file:
        yield from _values(file, name)


def from_values(values: Iterable[JSON]) -> Entries:
    """Items listed in the task file itself."""
    for index, value in enumerate(values, 1):
        try:
            json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        except UnicodeEncodeError:
            yield index, Malformed(_SURROGATE)
        except (ValueError, RecursionError) as error:
            yield index, Malformed(f"cannot be written as JSON: {error}")
        else:
            yield index, value


def parse_item(text: bytes) -> JSON | Malformed:
    """The item that `text` holds, or why it holds none. Strict: what JSON leaves open is not guessed at."""
    try:
        return _parsed(text)
    except Malformed as malformed:
        return malformed
    except RecursionError:
        return Malformed(_TOO_DEEP)
    except UnicodeEncodeError:
        return Malformed(_SURROGATE)
    except UnicodeDecodeError as error:
        return not_utf8(error)
    except json.JSONDecodeError as error:
        return Malformed(f"not JSON: {error.msg} at character {error.pos + 1}")
    except ValueError as error:
        return Malformed(f"not JSON: {str(error).partition(';')[0]}")


def _parsed(text: bytes) -> JSON:
    decoded = text.decode("utf-8")
    value = _DECODER.decode(decoded)
    if decoded.count("[") + decoded.count("{") > DEPTH and _deeper(value, DEPTH):
        raise Malformed(_TOO_DEEP)
    if "\\u" in decoded:
        json.dumps(value, ensure_ascii=False).encode()
    return value


def not_utf8(error: UnicodeDecodeError) -> Malformed:
    """What to say of bytes that are no UTF-8."""
    wide = error.object[:2] in (b"\xff\xfe", b"\xfe\xff")
    hint = " (it begins like UTF-16: save it as UTF-8)" if wide else ""
    return Malformed(f"not UTF-8: byte 0x{error.object[error.start]:02x} at {error.start + 1}{hint}")


def _no_constant(name: str) -> JSON:
    raise ValueError(f"{name} is no number of JSON")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _object(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:40]!r} is there twice")
    return value


_DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_object)


def _deeper(value: JSON, levels: int) -> bool:
    """Whether `value` is nested more than `levels` deep; looks level by level, so that it needs no depth itself."""
    level = [value]
    for _ in range(levels + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


# -- lines ----------------------------------------------------------------------------------------------------


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | Malformed]]:
    """Lines with their numbers, without line ends and byte order mark; one that is too long is not kept."""
    number = 0
    while line := file.readline(ITEM_BYTES + 2):
        number += 1
        if number == 1:
            line = line.removeprefix(_BOM)
        if len(line) > ITEM_BYTES and not line.endswith(b"\n"):
            while (rest := file.readline(_BLOCK)) and not rest.endswith(b"\n"):
                pass
            yield number, Malformed(f"longer than {ITEM_BYTES // 1024**2} MiB")
        else:
            yield number, line.strip(_SPACE)


def _json_lines(file: BinaryIO, name: str) -> Iterator[Entry]:
    for number, line in _lines(file):
        if isinstance(line, Malformed):
            yield number, line
        elif line:
            yield number, parse_item(line)


def _text_lines(file: BinaryIO, name: str) -> Iterator[Entry]:
    for number, line in _lines(file):
        if isinstance(line, Malformed):
            yield number, line
        elif b"\0" in line:
            yield number, Malformed("holds a NUL byte")
        elif line:
            try:
                yield number, line.decode("utf-8")
            except UnicodeDecodeError as error:
                yield number, not_utf8(error)


# -- CSV ------------------------------------------------------------------------------------------------------


class _CsvLines:
    """Feeds the csv module lines, and knows what was wrong with the bytes of those of the present row."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.number = 0
        self.wrong: Malformed | None = None

    def __iter__(self) -> Iterator[str]:
        while line := self._file.readline(ITEM_BYTES + 2):
            self.number += 1
            if self.number == 1:
                line = line.removeprefix(_BOM)
            if len(line) > ITEM_BYTES and not line.endswith(b"\n"):
                while (rest := self._file.readline(_BLOCK)) and not rest.endswith(b"\n"):
                    pass
                self.wrong = Malformed(f"longer than {ITEM_BYTES // 1024**2} MiB")
                line = b"-\n"
            if b"\0" in line:
                self.wrong = self.wrong or Malformed("holds a NUL byte")
            try:
                yield line.decode("utf-8")
            except UnicodeDecodeError as error:
                self.wrong = self.wrong or not_utf8(error)
                yield line.decode("utf-8", "replace")


def _csv_rows(file: BinaryIO, name: str) -> Iterator[Entry]:
    csv.field_size_limit(FIELD_CHARS)
    lines = _CsvLines(file)
    rows = csv.reader(lines, strict=True)
    header: list[str] | None = None
    while True:
        lines.wrong = None
        began = lines.number + 1
        try:
            row = next(rows, None)
        except csv.Error as error:
            if header is None:
                raise ItemsError(f"{name}:{began}: the header is not CSV: {error}") from error
            last = f" (up to line {lines.number})" if lines.number > began else ""
            yield began, lines.wrong or Malformed(f"not CSV: {error}{last}")
            continue
        if row is None:
            return
        if header is None:
            header = _header(row, lines.wrong, f"{name}:{began}") if row else None
        elif row or lines.wrong is not None:
            yield began, _row(row, header, lines.wrong)


def _row(row: list[str], header: list[str], wrong: Malformed | None) -> JSON | Malformed:
    if wrong is not None:
        return wrong
    if len(row) != len(header):
        return Malformed(f"has {len(row)} fields, and the header names {len(header)}")
    return dict(zip(header, row, strict=True))


def _header(row: list[str], wrong: Malformed | None, place: str) -> list[str]:
    """Names of the columns. Raises ItemsError where rows could not be told by them."""
    if wrong is not None:
        raise ItemsError(f"{place}: the header {wrong}")
    seen: dict[str, int] = {}
    for column, name in enumerate(row, 1):
        if not name.strip():
            raise ItemsError(f"{place}: column {column} has no name in the header: give it one")
        if name in seen:
            raise ItemsError(f"{place}: columns {seen[name]} and {column} are both called {name[:60]!r}: rename one")
        seen[name] = column
    return row


# -- JSON -----------------------------------------------------------------------------------------------------


def _values(file: BinaryIO, name: str) -> Iterator[Entry]:
    """A JSON array, or a JSON value a line; told apart by how it begins."""
    lines = (pair for pair in _lines(file) if isinstance(pair[1], Malformed) or pair[1])
    first = next(lines, None)
    if first is None:
        return iter(())
    text = first[1]
    if isinstance(text, Malformed) or text.startswith(b"["):
        second = None if isinstance(text, Malformed) or not text.endswith(b"]") else next(lines, None)
        file.seek(0)
        if second is not None and isinstance(second[1], bytes) and second[1].startswith(b"["):
            return _json_lines(file, name)
        return _array(file, name)
    if isinstance(parse_item(text), Malformed):
        return _searched(file, name, text)
    file.seek(0)
    return _json_lines(file, name)


def _searched(file: BinaryIO, name: str, first: bytes) -> Iterator[Entry]:
    file.seek(0)
    text = file.read(OUTPUT_BYTES + 1)
    if len(text) <= OUTPUT_BYTES:
        try:
            found = loads_lenient(text.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, list):
            return from_values(found)
    shown = first.decode("utf-8", "replace")[:60]
    raise ItemsError(f"{name}: expected a JSON array or a JSON value a line, found {shown!r}")


def _array(file: BinaryIO, name: str) -> Iterator[Entry]:
    if file.read(len(_BOM)) != _BOM:
        file.seek(0)
    splitter = ArraySplitter(ITEM_BYTES)
    position = 0
    try:
        for element in _elements(file, splitter):
            position += 1
            value: JSON | Malformed = Malformed(f"longer than {ITEM_BYTES // 1024**2} MiB")
            if element.whole:
                value = parse_item(element.text) if element.text else Malformed("nothing between two commas")
            if isinstance(value, Malformed) and element.line > 1:
                value = Malformed(f"{value} (line {element.line})")
            yield position, value
    except ArrayError as error:
        if not splitter.begun:
            raise ItemsError(f"{name}: {error}") from error
        yield position + 1, Malformed(str(error))


def _elements(file: BinaryIO, splitter: ArraySplitter) -> Iterator[Element]:
    while block := file.read(_BLOCK):
        yield from splitter.feed(block)
    yield from splitter.close()
