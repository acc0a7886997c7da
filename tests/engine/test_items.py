"""Reading items: whatever the bytes, a line is an item, a malformed entry with its cause, or blank; order is kept."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.engine import sources
from swarmtui.engine.items import DUPLICATES_FILE, MALFORMED_FILE, ItemReader, ItemStore, Reports, Seen
from swarmtui.engine.json_array import ArrayError, ArraySplitter
from swarmtui.engine.sources import Entry, ItemsError, Malformed, from_file, from_output, from_values, parse_item
from swarmtui.session.vocabulary import Chunk

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
).filter(lambda value: "\\ud" not in json.dumps(value))
BYTES = st.binary(max_size=60) | st.lists(
    st.sampled_from(
        [b"1", b'"a"', b"{", b"}", b"[", b"]", b",", b'"', b"\\", b"\n", b"\r", b"\0", b"\xff", b" ", b"a,b"]
    )
).map(b"".join)


def read(path: Path, data: bytes) -> list[Entry]:
    path.write_bytes(data)
    return list(from_file(path))


def good(entries: list[Entry]) -> list[Any]:
    return [value for _, value in entries if not isinstance(value, Malformed)]


def told(entries: list[Entry]) -> list[tuple[int, str]]:
    return [(place, str(value)) for place, value in entries if isinstance(value, Malformed)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("items")


# -- laws -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".jsonl", ".txt"])
@given(data=BYTES)
def test_every_line_of_any_bytes_is_an_item_a_malformed_entry_or_blank(folder: Path, suffix: str, data: bytes) -> None:
    entries = read(folder / f"any{suffix}", data)
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    assert [place for place, _ in entries] == [number for number, line in enumerate(lines, 1) if line.strip(b" \t\r\n")]
    for place, value in entries:
        line = lines[place - 1].strip(b" \t\r\n")
        if isinstance(value, Malformed):
            assert str(value)
        else:
            assert value == (json.loads(line) if suffix == ".jsonl" else line.decode())


@given(data=BYTES)
def test_every_line_of_any_csv_belongs_to_a_row_that_is_an_item_or_is_told(folder: Path, data: bytes) -> None:
    try:
        entries = read(folder / "any.csv", data)
    except ItemsError:  # the header is of no use: nothing runs
        return
    places = [place for place, _ in entries]
    assert places == sorted(set(places))
    assert all(isinstance(value, dict | Malformed) for _, value in entries)


@given(data=BYTES)
def test_any_bytes_where_an_array_was_expected_end_as_elements_or_in_one_clear_error(folder: Path, data: bytes) -> None:
    try:
        entries = read(folder / "any.json", data)
    except ItemsError:
        return
    assert [place for place, _ in entries] == sorted(place for place, _ in entries)
    try:
        whole = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(whole, list) and not told(entries):
        assert good(entries) == whole


@given(values=st.lists(VALUES, max_size=12), indent=st.sampled_from([None, 1]), cut=st.integers(1, 7))
def test_an_array_is_split_alike_however_its_bytes_come(values: list[Any], indent: int | None, cut: int) -> None:
    data = json.dumps(values, indent=indent, ensure_ascii=False).encode("utf-8", "surrogatepass")
    splitter = ArraySplitter(10_000)
    found = [element for at in range(0, len(data), cut) for element in splitter.feed(data[at : at + cut])]
    found += splitter.close()
    assert [json.loads(element.text) for element in found] == values
    assert all(element.whole for element in found)
    if indent and values:
        lines = data.split(b"\n")
        assert [lines[element.line - 1].strip()[:1] for element in found] == [e.text[:1] for e in found]


@given(values=st.lists(VALUES, max_size=12))
def test_what_was_written_as_lines_or_as_an_array_is_read_back_in_order(folder: Path, values: list[Any]) -> None:
    lines = "\n".join(json.dumps(value) for value in values)
    assert good(read(folder / "back.jsonl", lines.encode())) == values
    assert good(list(from_output(json.dumps(values), "x"))) == values
    assert good(list(from_values(values))) == values


@given(rows=st.lists(st.tuples(st.text(max_size=6), st.text(max_size=6)), max_size=8))
def test_what_the_csv_module_writes_is_read_back_in_order(folder: Path, rows: list[tuple[str, str]]) -> None:
    rows = [row for row in rows if "\0" not in "".join(row) and "".join(row).isprintable()]
    file = io.StringIO()
    csv.writer(file).writerows([("a", "b"), *rows])
    assert good(read(folder / "back.csv", file.getvalue().encode())) == [{"a": a, "b": b} for a, b in rows]


@given(values=st.lists(VALUES, max_size=30))
def test_a_value_is_seen_again_only_if_it_is_the_same_json(values: list[Any]) -> None:
    seen, first = Seen(), dict[str, int]()
    for place, value in enumerate(values, 1):
        text = json.dumps(value, sort_keys=True)
        assert seen.first(value, place) == first.get(text)
        first.setdefault(text, place)


def test_many_values_are_told_apart() -> None:
    seen = Seen()
    assert all(seen.first(value, value + 1) is None for value in range(5_000))
    assert [seen.first(value, 9_999) for value in (0, 2_500, 4_999)] == [1, 2_501, 5_000]


# -- single cases ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"nope", "not JSON: Expecting value at character 1"),
        (b"[1] 2", "not JSON: Extra data at character 5"),
        (b'{"a": 1, "a": 2}', "the key 'a' is there twice"),
        (b"NaN", "NaN is no number of JSON"),
        (b"1e999", "a number is too large"),
        (b"9" * 5_000, "not JSON: Exceeds the limit"),
        (b'"\\ud800"', "half of a surrogate pair"),
        (b'"\xff"', "not UTF-8: byte 0xff at 2"),
        (b'"a\0b"', "not JSON: Invalid control character"),
        (b"[" * 70 + b"]" * 70, "nested more than 64 deep"),
        (b"[" * 100_000, "nested more than 64 deep"),
        (b"\xff\xfea\0", "begins like UTF-16"),
    ],
)
def test_a_line_that_cannot_be_read_says_why(line: bytes, why: str) -> None:
    said = parse_item(line)
    assert isinstance(said, Malformed)
    assert why in str(said)
    assert "\n" not in str(said)
    assert len(str(said)) < 200


def test_64_levels_are_not_too_deep() -> None:
    assert not isinstance(parse_item(b"[" * 64 + b"]" * 64), Malformed)


def test_a_line_that_is_too_long_is_told_and_those_after_it_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "ITEM_BYTES", 1_000)
    entries = read(tmp_path / "x.jsonl", b'"' + b"a" * 200_000 + b'"\n1\n')
    assert good(entries) == [1]
    assert [place for place, _ in told(entries)] == [1]
    entries = read(tmp_path / "x.json", b'["' + b"a" * 200_000 + b'", 1, [2]]')
    assert good(entries) == [1, [2]]
    assert [place for place, _ in told(entries)] == [1]


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (b"a,b,a\n1,2,3\n", "x.csv:1: columns 1 and 3 are both called 'a': rename one"),
        (b"a,,b\n1,2,3\n", "x.csv:1: column 2 has no name in the header"),
        (b"\na,\xff\n", "x.csv:2: the header not UTF-8: byte 0xff at 3"),
    ],
)
def test_a_header_that_tells_no_columns_refuses_the_file_with_its_line(tmp_path: Path, header: bytes, why: str) -> None:
    with pytest.raises(ItemsError) as refused:
        read(tmp_path / "x.csv", header)
    assert why in str(refused.value)


def test_rows_of_csv_that_cannot_be_read_are_told_with_the_line_on_which_they_begin(tmp_path: Path) -> None:
    data = (
        b'\xef\xbb\xbfid,text\n1,"two\nlines"\n2\n3,a,b\n\n4,\xff\n5,x\0y\n6,"a" b\n7,'
        + b"z" * 1_100_000
        + b'\n8,ok\n9,"open\n'
    )
    entries = read(tmp_path / "x.csv", data)
    assert good(entries) == [{"id": "1", "text": "two\nlines"}, {"id": "8", "text": "ok"}]
    assert [place for place, _ in told(entries)] == [4, 5, 7, 8, 9, 10, 12]
    causes = " | ".join(why for _, why in told(entries))
    for cause in (
        "has 1 fields",
        "has 3 fields",
        "not UTF-8",
        "NUL",
        "expected after",
        "field larger",
        "unexpected end",
    ):
        assert cause in causes


@pytest.mark.parametrize(
    ("output", "items"),
    [
        ("", []),
        (" \n ", []),
        ("[]", []),
        ("[1, [2], {}]", [1, [2], {}]),
        ('{"a": 1}\n\n{"a": 2}\n', [{"a": 1}, {"a": 2}]),
        ("[1]\n[2]\n", [[1], [2]]),
        ("[1,\n2]\n\n", [1, 2]),
        ('Here they are:\n```json\n["a", "b",]\n```\nDone.', ["a", "b"]),
    ],
)
def test_an_output_is_an_array_or_lines_of_json(output: str, items: list[Any]) -> None:
    entries = list(from_output(output, "the output of a"))
    assert good(entries) == items
    assert not told(entries)


@pytest.mark.parametrize(
    ("output", "items", "causes"),
    [
        ("[1, nope, 3]", [1, 3], [(2, "not JSON")]),
        ("[1,, 3]", [1, 3], [(2, "nothing between two commas")]),
        ("[1, 2", [1, 2], [(3, "the array is not closed")]),
        ("[1] and more", [1], [(2, "more after the end")]),
        ('[1,\n {"a": },\n 3]', [1, 3], [(2, "(line 2)")]),
        ('{"a": 1}\nnope', [{"a": 1}], [(2, "not JSON")]),
        ('["\ud800", 1]', [1], [(1, "not UTF-8")]),
    ],
)
def test_an_element_that_cannot_be_read_does_not_spoil_the_others(
    output: str, items: list[Any], causes: list[tuple[int, str]]
) -> None:
    entries = list(from_output(output, "x"))
    assert good(entries) == items
    assert [place for place, _ in told(entries)] == [place for place, _ in causes]
    assert all(cause in said for (_, cause), (_, said) in zip(causes, told(entries), strict=True))


@pytest.mark.parametrize("output", ["I found nothing.", '{"a": 1', "nope\n1\n"])
def test_an_output_that_holds_no_items_is_refused_with_how_it_begins(output: str) -> None:
    with pytest.raises(ItemsError, match="the output of a: expected a JSON array or a JSON value a line, found '"):
        list(from_output(output, "the output of a"))


def test_a_splitter_that_has_seen_nothing_says_so() -> None:
    with pytest.raises(ArrayError, match="empty"):
        list(ArraySplitter(10).close())


def test_what_is_listed_in_the_task_file_is_checked_too() -> None:
    entries = list(from_values([1, float("nan"), "\ud800", {"a": 1}]))
    assert good(entries) == [1, {"a": 1}]
    assert [place for place, _ in told(entries)] == [2, 3]


# -- the reader -----------------------------------------------------------------------------------------------


async def test_items_are_kept_in_chunks_with_their_lines_and_fetched_one_by_one(tmp_path: Path) -> None:
    lines = [json.dumps({"n": n, "text": "x" * 500}) if n % 7 else "nope" for n in range(3_000)]
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    blobs: dict[str, bytes] = {}
    chunks = []
    with Reports(tmp_path / "node") as reports:
        reader = ItemReader(from_file(tmp_path / "x.jsonl"), reports)
        while (read := reader.next_chunk()) is not None:
            blobs[str(len(blobs))] = read.data
            chunks.append(Chunk(str(len(blobs) - 1), read.count))
            places = json.loads(read.lines or b"[]")
            assert [json.loads(line)["n"] + 1 for line in read.data.split(b"\n")] == places
    assert len(chunks) > 3

    async def blob(sha: str) -> bytes | None:
        return blobs.get(sha)

    store, expected = ItemStore(blob), [n for n in range(3_000) if n % 7]
    kept = tuple(chunks)
    assert reader.total == len(expected)
    for index in (0, 1, len(expected) // 2, len(expected) - 1):
        assert (await store.item(kept, index))["n"] == expected[index]
    for index in range(0, len(expected), 97):
        assert (await store.item(kept, index))["n"] == expected[index]
    with pytest.raises(ItemsError):
        await store.item(kept, len(expected))


def test_malformed_and_repeated_entries_are_counted_kept_in_part_and_written_in_full(tmp_path: Path) -> None:
    lines = ["nope"] * 150 + ['{"a": 1, "b": 2}', '{"b": 2, "a": 1}', "2", '{"a": 1, "b": 2}']
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    with Reports(tmp_path / "node") as reports:
        reader = ItemReader(from_file(tmp_path / "x.jsonl"), reports, skip_duplicates=True)
        while reader.next_chunk() is not None:
            pass
    assert (reports.malformed_total, len(reports.malformed)) == (150, 100)
    assert reports.duplicates == [(152, 151), (154, 151)]
    assert (reader.total, reader.skipped) == (4, [1, 3])
    written = [json.loads(line) for line in (tmp_path / "node" / MALFORMED_FILE).read_text().splitlines()]
    assert [line["line"] for line in written] == list(range(1, 151))
    repeated = [json.loads(line) for line in (tmp_path / "node" / DUPLICATES_FILE).read_text().splitlines()]
    assert repeated[0] == {"line": 152, "equals_line": 151, "item": 1}


def test_a_limit_reads_no_further(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("1\n2\n3\nnope\n")
    with Reports(tmp_path) as reports:
        reader = ItemReader(from_file(tmp_path / "x.jsonl"), reports, limit=2)
        assert [chunk.data if (chunk := reader.next_chunk()) else None for _ in range(2)] == [b"1\n2", None]
    assert reports.malformed_total == 0
