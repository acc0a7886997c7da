"""Clean files: what goes in, what comes out, and in which form."""

from __future__ import annotations

import json
import sys
import tracemalloc
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from swarmtui.workers import clean_files as module
from swarmtui.workers.clean_files import FilterError, clean_files, columns_of, form_of, inputs_of
from swarmtui.workers.filter import Rules


def write(path: Path, *values: object) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_clean_and_errors_are_written_apart(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"a": 1}\nbroken\n{"a": 2,}\n{"a": 1}\n')
    done = clean_files(source, tmp_path / "new" / "clean.jsonl", tmp_path / "errors.jsonl", Rules(unique=True))
    assert (done.kept, done.repaired, done.rejected) == (2, 1, 2)
    assert lines(done.output) == [{"a": 1}, {"a": 2}]
    errors = lines(tmp_path / "errors.jsonl")
    assert [(one["file"], one["line"], one["text"]) for one in errors] == [
        ("in.jsonl", 2, "broken"),
        ("in.jsonl", 4, '{"a": 1}'),
    ]


def test_a_folder_is_read_in_order_of_name_and_without_what_is_written(tmp_path: Path) -> None:
    write(tmp_path / "b.jsonl", 2)
    write(tmp_path / "a.jsonl", 1)
    (tmp_path / "c.json").write_text("[3, 4]")
    (tmp_path / "notes.txt").write_text("no")
    output, errors = tmp_path / "clean.jsonl", tmp_path / "errors.jsonl"
    for _ in range(2):
        done = clean_files(tmp_path, output, errors, Rules())
        assert lines(output) == [1, 2, 3, 4]
        assert done.rejected == 0


def test_what_failed_in_a_map_and_what_was_no_item_of_it_are_among_the_errors(tmp_path: Path) -> None:
    results = write(tmp_path / "results.jsonl", {"item": 0, "output": "yes"})
    write(tmp_path / "failures.jsonl", {"item": 1, "state": "failed", "error": "it broke"})
    write(tmp_path / "malformed.jsonl", {"line": 7, "error": "not JSON"})
    clean_files(results, tmp_path / "clean.jsonl", tmp_path / "errors.jsonl", Rules())
    failed, malformed = lines(tmp_path / "errors.jsonl")
    assert (failed["file"], failed["error"]) == ("failures.jsonl", "the item failed: it broke")
    assert malformed["error"] == "line 7 of the items is no item: not JSON"


@pytest.mark.parametrize(("name", "form"), [("a.json", "json"), ("a.PARQUET", "parquet"), ("a", "jsonl")])
def test_the_form_is_that_of_the_name_unless_said(name: str, form: str) -> None:
    assert form_of(Path(name)) == form


def test_the_form_json_is_one_array(tmp_path: Path) -> None:
    output = tmp_path / "clean.json"
    clean_files(write(tmp_path / "in.jsonl", 1, {"é": "ü"}), output, tmp_path / "e.jsonl", Rules(), "json")
    assert json.loads(output.read_text("utf-8")) == [1, {"é": "ü"}]
    clean_files(write(tmp_path / "in.jsonl"), output, tmp_path / "e.jsonl", Rules(), "json")
    assert json.loads(output.read_text("utf-8")) == []


@pytest.mark.parametrize("missing", ["nothing.jsonl", "."])
def test_inputs_that_are_not_there_are_told(tmp_path: Path, missing: str) -> None:
    with pytest.raises(FilterError, match="no "):
        inputs_of(tmp_path / missing)


def test_a_folder_is_no_file_to_write_to(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", 1)
    with pytest.raises(FilterError, match="is a folder; name a file in it"):
        clean_files(source, tmp_path, tmp_path / "errors.jsonl", Rules())


def test_the_input_is_never_overwritten(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", 1)
    with pytest.raises(FilterError, match="another --output"):
        clean_files(source, source, tmp_path / "e.jsonl", Rules())
    assert lines(source) == [1]


def test_nothing_half_written_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path / "in.jsonl", 1, 2)

    def broken(value: object) -> str:
        raise OSError("disk full")

    monkeypatch.setattr(module, "dumped", broken)
    with pytest.raises(OSError, match="disk full"):
        clean_files(source, tmp_path / "clean.json", tmp_path / "e.jsonl", Rules(), "json")
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def most_memory(tmp_path: Path, count: int) -> int:
    """Bytes held at the most while `count` lines of 2 kB are cleaned."""
    source = tmp_path / "in.jsonl"
    with source.open("w") as file:
        file.writelines(f'{{"item": {number}, "output": "{"x" * 2000}{number}"}}\n' for number in range(count))
    tracemalloc.start()
    try:
        done = clean_files(source, tmp_path / "clean.json", tmp_path / "e.jsonl", Rules(), "json")
        assert done.kept == count
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_input(tmp_path: Path) -> None:
    most_memory(tmp_path, 10)  # what is imported and cached on the way
    assert most_memory(tmp_path, 2_000) < most_memory(tmp_path, 200) + 100_000


# -- Parquet --------------------------------------------------------------------------------------------------


def test_without_pyarrow_the_records_are_kept_as_jsonl_and_the_fix_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    source = write(tmp_path / "in.jsonl", {"a": 1})
    done = clean_files(source, tmp_path / "clean.parquet", tmp_path / "e.jsonl", Rules(), "parquet")
    assert done.output == tmp_path / "clean.jsonl"
    assert lines(done.output) == [{"a": 1}]
    assert "pip install pyarrow" in done.note
    assert "\n" not in done.note


def test_columns_hold_whatever_their_values_are() -> None:
    rows = [{"a": 1, "b": "x", "c": [1], "d": None}, {"a": 1.5, "b": 2, "e": True}, {"a": None}]
    kinds = {"a": "float64", "b": "json", "c": "json", "d": "string", "e": "bool"}
    assert columns_of(map(json.dumps, rows)) == kinds
    assert columns_of(["5", str(1 << 80)]) == {"value": "json"}


def test_parquet_is_written_a_batch_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = fake_pyarrow(monkeypatch)
    monkeypatch.setattr(module, "BATCH_ROWS", 2)
    source = write(tmp_path / "in.jsonl", {"a": 1, "b": {"c": 2}}, {"a": 2}, {"a": 3, "b": "x"})
    done = clean_files(source, tmp_path / "clean.parquet", tmp_path / "e.jsonl", Rules(), "parquet")
    assert done.output == tmp_path / "clean.parquet"
    assert done.output.read_text() == "parquet"
    assert written == [{"a": [1, 2], "b": ['{"c": 2}', None]}, {"a": [3], "b": ['"x"']}]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clean.parquet", "e.jsonl", "in.jsonl"]


def fake_pyarrow(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, list[Any]]]:
    """Stands in for pyarrow, which is not among the dependencies; the list gets each batch."""
    batches: list[dict[str, list[Any]]] = []

    class Writer:
        def __init__(self, path: str, schema: object) -> None:
            self.path = Path(path)

        def __enter__(self) -> Writer:
            return self

        def __exit__(self, *_: object) -> None:
            self.path.write_text("parquet")

        def write_table(self, table: dict[str, list[Any]]) -> None:
            batches.append(table)

    arrow: Any = ModuleType("pyarrow")
    parquet: Any = ModuleType("pyarrow.parquet")
    arrow.schema, arrow.type_for_alias = list, str
    arrow.table = lambda arrays, schema: arrays
    parquet.ParquetWriter = Writer
    monkeypatch.setitem(sys.modules, "pyarrow", arrow)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", parquet)
    monkeypatch.setattr(module, "find_spec", lambda name: object())
    return batches
