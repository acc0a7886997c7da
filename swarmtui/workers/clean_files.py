"""Cleaning files: a folder or file of results in, a clean file and one of errors out; JSONL, a JSON array, or Parquet.

Everything streams; what is written appears under its name only once it is whole. Errors tell file, line and reason,
and keep the line as it was.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TextIO

from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON
from swarmtui.workers.filter import Cleaner, Kept, Rejected, Rules, dumped

Format = Literal["jsonl", "json", "parquet"]
FORMATS: tuple[Format, ...] = ("jsonl", "json", "parquet")
SUFFIXES = (".jsonl", ".ndjson", ".json")
BATCH_ROWS = 1_000
RESULTS, OTHERS = "results.jsonl", ("failures.jsonl", "malformed.jsonl")
"""How the engine calls the files that a map leaves beside each other."""


class FilterError(Exception):
    """The files cannot be cleaned; the text says why and how to mend it, in one line."""


@frozen
class Cleaned:
    """What came of it."""

    kept: int
    repaired: int
    rejected: int
    output: Path
    """Where the clean records are: not always where they were asked for."""
    note: str = ""
    """Why they are in another form than asked for, and how to get that one."""


def form_of(output: Path) -> Format:
    """The form that a file's name tells; JSONL where it tells none."""
    return next((form for form in FORMATS if output.suffix.lower() == f".{form}"), "jsonl")


def clean_files(source: Path, output: Path, errors: Path, rules: Rules, form: Format = "jsonl") -> Cleaned:
    """Clean what is in `source`, a file or a folder of files. Existing `output` and `errors` are replaced.

    Without pyarrow the form ``parquet`` becomes JSONL, and the result says so. Raises FilterError, OSError.
    """
    note = ""
    if form == "parquet" and find_spec("pyarrow") is None:
        form, output = "jsonl", output.with_suffix(".jsonl")
        note = f"Parquet needs pyarrow: pip install pyarrow; the clean records are kept as JSONL in {output}"
    inputs = inputs_of(source, (output, errors))
    for path in (output, errors):
        if path.is_dir():
            raise FilterError(f"{path}: is a folder; name a file in it")
    kept = repaired = rejected = 0
    cleaner = Cleaner(rules)
    with ExitStack() as files:
        bad = files.enter_context(_replacing(errors))
        good = files.enter_context(_clean_file(output, form))
        for path in inputs:
            for record in cleaner.clean(_lines(path), path.name):
                if isinstance(record, Kept):
                    kept += 1
                    repaired += record.repaired
                    good.write(dumped(record.value) + "\n")
                else:
                    rejected += 1
                    bad.write(_error(path, record) + "\n")
    return Cleaned(kept, repaired, rejected, output, note)


def inputs_of(source: Path, written: Iterable[Path] = ()) -> list[Path]:
    """The files that `source` means, in order of name. What will be written is not read. Raises FilterError.

    A map's ``results.jsonl`` brings with it what tells of items that failed, and of entries that were no items, so
    that they are among the errors.
    """
    own = {path.resolve() for path in written}
    if source.is_dir():
        found = sorted(path for path in source.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
        found = [path for path in found if path.resolve() not in own]
        if not found:
            raise FilterError(f"{source}: no {', '.join(SUFFIXES)} files are in this folder")
        return found
    if not source.is_file():
        raise FilterError(f"{source}: there is no such file or folder; give the results to clean with --input")
    if source.resolve() in own:
        raise FilterError(f"{source}: is the input and is to be written as well; give another --output or --errors")
    beside = map(source.with_name, OTHERS if source.name == RESULTS else ())
    return [source, *(path for path in beside if path.is_file())]


def _lines(path: Path) -> Iterator[str]:
    """The records of a file as lines. Of a JSON file these are the entries of its array, or the one value in it."""
    if path.suffix.lower() != ".json":
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            yield from file
        return
    text = path.read_text("utf-8-sig", "replace")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, list):
        yield from (json.dumps(entry, ensure_ascii=False) for entry in value)
    else:
        yield text


def _error(path: Path, record: Rejected) -> str:
    told = {"file": path.name, "line": record.line, "error": record.reason, "text": record.text}
    return json.dumps(told, ensure_ascii=False)


# -- writing --------------------------------------------------------------------------------------------------


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    """A file that takes the name `path` once it is whole; nothing of it is left otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:200]}.{secrets.token_hex(6)}")
    try:
        with temporary.open("x", encoding="utf-8", errors="replace") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


@contextmanager
def _clean_file(path: Path, form: Format) -> Iterator[TextIO]:
    """Takes records as JSON lines; at the end they are in `path`, in the form asked for."""
    if form == "jsonl":
        with _replacing(path) as file:
            yield file
        return
    lines = path.with_name(f".{path.name[:200]}.{secrets.token_hex(6)}.lines")
    try:
        with _replacing(lines) as file:
            yield file
        if form == "json":
            _write_array(lines, path)
        else:
            _write_parquet(lines, path)
    finally:
        with suppress(OSError):
            lines.unlink()


def _write_array(lines: Path, path: Path) -> None:
    with lines.open(encoding="utf-8") as source, _replacing(path) as target:
        target.write("[")
        for number, line in enumerate(source):
            target.write((",\n" if number else "\n") + line.rstrip("\n"))
        target.write("\n]\n")


# -- Parquet --------------------------------------------------------------------------------------------------

_SCALARS: dict[type, str] = {str: "string", bool: "bool", int: "int64", float: "float64"}
_INT64 = 1 << 63


def _row(value: JSON) -> dict[str, JSON]:
    return value if isinstance(value, dict) else {"value": value}


def _kind(value: JSON) -> str | None:
    if value is None:
        return None
    kind = _SCALARS.get(type(value), "json")
    return "json" if kind == "int64" and not -_INT64 <= value < _INT64 else kind


def columns_of(lines: Iterable[str]) -> dict[str, str]:
    """The columns that hold all records, with their kinds: ``string``, ``bool``, ``int64``, ``float64``, or ``json``
    for what is nested or of several kinds, which is stored as JSON text."""
    columns: dict[str, str | None] = {}
    for line in lines:
        for name, value in _row(json.loads(line)).items():
            kind, before = _kind(value), columns.get(name)
            if before is None or kind is None:
                columns[name] = before or kind
            elif before != kind:
                columns[name] = "float64" if {before, kind} == {"int64", "float64"} else "json"
    return {name: kind or "string" for name, kind in columns.items()}


def _cell(value: JSON, kind: str) -> JSON:
    if value is None:
        return None
    if kind == "json":
        return json.dumps(value, ensure_ascii=False)
    return float(value) if kind == "float64" else value


def _write_parquet(lines: Path, path: Path) -> None:
    """Two passes over the lines: which columns there are, then the rows, a batch at a time."""
    arrow: Any = import_module("pyarrow")
    parquet: Any = import_module("pyarrow.parquet")
    with lines.open(encoding="utf-8") as source:
        columns = columns_of(source)
    names = {"json": "string"}
    schema = arrow.schema([(name, arrow.type_for_alias(names.get(kind, kind))) for name, kind in columns.items()])
    temporary = path.with_name(f".{path.name[:200]}.{secrets.token_hex(6)}")
    try:
        with lines.open(encoding="utf-8") as source, parquet.ParquetWriter(str(temporary), schema) as writer:
            while batch := [_row(json.loads(line)) for line in islice(source, BATCH_ROWS)]:
                arrays = {name: [_cell(row.get(name), kind) for row in batch] for name, kind in columns.items()}
                writer.write_table(arrow.table(arrays, schema=schema))
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink()
