"""The splitter of server-sent events: WHATWG's rules, whatever the chunks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.models.sse import SSESplitter, SSEvent


def split(data: bytes, *cuts: int) -> list[SSEvent]:
    splitter = SSESplitter()
    events: list[SSEvent] = []
    at = 0
    for cut in [*sorted(cuts), len(data)]:
        events += splitter.feed(data[at:cut])
        at = cut
    return events + splitter.finish()


def test_an_event_is_its_data_lines_joined_until_a_blank_line() -> None:
    assert split(b"data: a\ndata: b\n\ndata:c\n\n") == [SSEvent("a\nb"), SSEvent("c")]


def test_only_one_space_after_the_colon_is_dropped() -> None:
    assert split(b"data:  a\n\n") == [SSEvent(" a")]


def test_a_name_belongs_to_its_event_alone() -> None:
    assert split(b"event: ping\ndata: 1\n\ndata: 2\n\n") == [SSEvent("1", "ping"), SSEvent("2")]


def test_comments_ids_and_unknown_fields_are_no_events_but_count_as_lines() -> None:
    splitter = SSESplitter()
    assert splitter.feed(b": keep-alive\n\nid: 7\nretry: 10\nfoo\n\n") == []
    assert splitter.lines == 6


def test_a_byte_without_a_line_end_is_no_line() -> None:
    splitter = SSESplitter()
    for _ in range(100):
        splitter.feed(b"x")
    assert splitter.lines == 0


def test_a_byte_order_mark_is_skipped_only_at_the_start() -> None:
    assert split(b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n") == [SSEvent("a")]


def test_the_last_event_counts_without_its_blank_line() -> None:
    assert split(b"data: a\n\ndata: [DONE]") == [SSEvent("a"), SSEvent("[DONE]")]


def test_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(UnicodeDecodeError):
        split(b"data: \xff\xfe\n\n")


def test_a_long_line_in_many_pieces_is_one_event() -> None:
    splitter = SSESplitter()
    splitter.feed(b"data: ")
    for _ in range(100_000):
        splitter.feed(b"xy")
    assert splitter.feed(b"\n\n") == [SSEvent("xy" * 100_000)]


LINES = st.lists(
    st.one_of(
        st.sampled_from(["data: a", "data:", "data", "data: {}", ": c", "", "event: e", "id: 1", "datax: 1", "é"]),
        st.text(alphabet=st.characters(blacklist_characters="\r\n", blacklist_categories=("Cs",)), max_size=8),
    ),
    max_size=20,
)


@given(LINES, st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=20, max_size=20), st.data())
def test_any_chunking_gives_the_same_events(lines: list[str], ends: list[str], data: st.DataObject) -> None:
    text = "".join(line + end for line, end in zip(lines, ends, strict=False)).encode()
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=10))
    byte_by_byte = split(text, *range(len(text)))
    assert split(text, *cuts) == split(text) == byte_by_byte


@given(LINES)
def test_the_kind_of_line_end_makes_no_difference(lines: list[str]) -> None:
    forms = [split("".join(line + end for line in lines).encode()) for end in ("\n", "\r\n", "\r")]
    assert forms[0] == forms[1] == forms[2]
