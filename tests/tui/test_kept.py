"""The small files of what was typed and said: bounded, private, without secrets."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from swarmtui.safety.redact import Redactor, Secret
from swarmtui.tui.kept import MOST_BYTES, Kept


def test_lines_come_back_in_order_and_only_the_last_ones(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "state" / "x.jsonl", 3)
    for number in range(5):
        assert kept.add({"n": number}) == ""
    assert [line["n"] for line in kept.read()] == [2, 3, 4]


def test_what_is_added_at_once_is_all_there(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "state" / "x.jsonl", 99)
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda number: kept.add({"n": number}), range(40))) == {""}
    assert {line["n"] for line in kept.read()} == set(range(40))


def test_what_was_said_before_all_of_it_was_forgotten_is_not_kept_after_that(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "state" / "x.jsonl", 9)
    before = kept.cleared
    kept.add({"n": 1}, cleared=before)
    kept.clear()
    assert kept.add({"n": 2}, cleared=before) == ""
    assert kept.read() == []
    kept.add({"n": 3}, cleared=kept.cleared)
    assert kept.read() == [{"n": 3}]


def test_nobody_else_can_read_them(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "state" / "x.jsonl", 3)
    kept.add({"n": 1})
    assert stat.S_IMODE((tmp_path / "state" / "x.jsonl").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_no_secret_is_written(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "state" / "x.jsonl", 3, Redactor([Secret("hunter2-hunter2")]))
    kept.add({"text": "use hunter2-hunter2 and sk-abcdefghijklmnop1234567890"})
    written = (tmp_path / "state" / "x.jsonl").read_text()
    assert "hunter2" not in written
    assert "sk-abc" not in written


def test_what_is_the_same_is_kept_once_and_last(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "state" / "x.jsonl", 9)
    for text in ("a", "b", "a"):
        kept.add({"text": text}, lambda one, text=text: one.get("text") == text)  # type: ignore[misc]
    assert [line["text"] for line in kept.read()] == ["b", "a"]


def test_lines_that_are_damaged_are_passed_over_and_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"n": 1}\n[2]\nnonsense\n\xff\n{"n": 3}\n')
    kept = Kept(path, 9)
    assert [line["n"] for line in kept.read()] == [1, 3]
    path.write_text(json.dumps({"n": "x" * MOST_BYTES}) + "\n")
    assert kept.read() == []


def test_the_file_never_grows_beyond_what_would_be_read(tmp_path: Path) -> None:
    path = tmp_path / "state" / "x.jsonl"
    kept = Kept(path, 100)
    for number in range(4):
        kept.add({"n": number, "text": "x" * (MOST_BYTES // 3)})
    assert path.stat().st_size <= MOST_BYTES
    assert [line["n"] for line in kept.read()] == [2, 3]


def test_what_is_cleared_is_gone_and_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "state" / "x.jsonl", 3)
    kept.add({"n": 1})
    assert kept.clear() == ""
    assert (tmp_path / "state" / "x.jsonl").read_text() == ""
    (tmp_path / "file").write_text("")
    assert "x.jsonl was not kept" in Kept(tmp_path / "file" / "x.jsonl", 3).add({"n": 1})
    assert Kept(None, 3).add({"n": 1}) == ""
