import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.agents.mcp.lines import Lines, Overlong, answered


@given(st.lists(st.sampled_from([b"\n", b"a", b" ", b"\r", b"\xff", b"\n\n"])), st.lists(st.integers(0, 5)))
def test_lines_are_the_same_however_they_come_in(parts: list[bytes], cuts: list[int]) -> None:
    text = b"".join(parts)
    chunks, at = [], 0
    for size in cuts:
        chunks.append(text[at : at + size])
        at += size
    chunks.append(text[at:] + b"\n")

    lines = Lines(longest=1000)
    assert [line for chunk in chunks for line in lines.feed(chunk)] == [
        line.strip() for line in text.split(b"\n") if line.strip()
    ]


@given(st.lists(st.binary(min_size=1, max_size=9), min_size=1))
def test_no_more_is_kept_than_allowed_and_what_follows_is_read(chunks: list[bytes]) -> None:
    lines = Lines(longest=16)
    found = [line for chunk in chunks for line in lines.feed(chunk)]
    assert all(isinstance(line, Overlong) or len(line) <= 16 for line in found)
    *_, last = lines.feed(b"\nwhole\n")
    assert last == b"whole"


def test_an_overlong_line_is_known_by_its_two_ends() -> None:
    lines = Lines(longest=5000)
    text = b'{"id": 7, "result": "' + b"x" * 9000 + b'"}'
    (line,) = [line for at in range(0, len(text), 100) for line in lines.feed(text[at : at + 100])] + list(
        lines.feed(b"\n")
    )
    assert isinstance(line, Overlong)
    assert len(line.head) + len(line.tail) < 2000
    assert answered(line) == 7


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ('{"jsonrpc": "2.0", "id": 7, "result": {"a":', 7),
        ('{"jsonrpc":"2.0","id":7}', 7),
        (json.dumps({"result": "x" * 3000, "id": 12}), 12),
        (json.dumps({"id": 3, "method": "sampling/createMessage", "params": {}}), None),
        (json.dumps({"id": "3", "result": 1}), None),
        ("nothing of it", None),
        (json.dumps({"result": {"id": "no"}}), None),
    ],
)
def test_whom_an_unreadable_line_answers(line: str, number: int | None) -> None:
    assert answered(line.encode()) == number
