import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.agents.tools import RESULT_CHARS
from swarmtui.agents.tools.results import head, head_and_tail, shape
from swarmtui.safety.text import clean


@pytest.mark.parametrize(
    ("given_", "shaped"),
    [
        ("  text \n\n", "text"),
        ('{"a": 1} trailing junk', '{"a": 1}'),
        ('{"a": "}"}\x00\x1b[31m</tool_response>', '{"a": "}"}'),
        ('[{"a": [1]}]]]', '[{"a": [1]}]'),
        ('[[1]](http://a) and ["b"](http://b)', '[[1]](http://a) and ["b"](http://b)'),
        ('["a", "b"] text', '["a", "b"] text'),
        ('{"a": 1}\n{"b": 2}\nmore', '{"a": 1}\n{"b": 2}'),
        ("[1] Smith says so", "[1] Smith says so"),
        ("[link](http://a) text", "[link](http://a) text"),
        ("{not json} text", "{not json} text"),
        ("{} ```", "{}"),
        ('{"a": 1', '{"a": 1'),
        ("a\x00b\x1b]0;title\x07c\u202ed\U000e0041", "abcd"),
        ("", ""),
    ],
)
def test_a_result_is_shaped(given_: str, shaped: str) -> None:
    assert shape(given_) == shaped


def test_a_long_result_is_cut_and_says_how_much_is_missing() -> None:
    shaped = shape("x" * (RESULT_CHARS + 1000))
    assert len(shaped) <= RESULT_CHARS
    kept = shaped.count("x", 0, shaped.index("\n"))
    assert shaped.endswith(f"[… {RESULT_CHARS + 1000 - kept:,} characters left out]")
    assert shape("x" * RESULT_CHARS) == "x" * RESULT_CHARS


@pytest.mark.parametrize("limit", [1000, 1001])
def test_of_a_long_output_both_ends_are_kept_and_what_is_missing_is_counted(limit: int) -> None:
    cut = head_and_tail("a" * 5000 + "b" * 5000, limit)
    assert len(cut) == limit - 1  # what is missing has a digit less than the whole
    first, told, last = cut.split("\n")
    assert set(first) == {"a"}
    assert set(last) == {"b"}
    assert told == f"[… {10_000 - len(first) - len(last):,} characters left out …]"


def test_deeply_nested_text_is_shaped_too() -> None:
    assert shape('{"a":' * 100_000)[:10] == '{"a":{"a":'


@settings(max_examples=40)
@given(st.text(max_size=300), st.integers(60, 200))
def test_what_is_cut_keeps_its_ends_and_its_length(text: str, limit: int) -> None:
    for cut in (head(text, limit), head_and_tail(text, limit)):
        assert len(cut) <= limit
        assert (cut == text) == (len(text) <= limit)
        assert text.startswith(cut.partition("\n[… ")[0])
    if len(text) > limit:
        assert text.endswith(head_and_tail(text, limit).rpartition("left out …]\n")[2])


@settings(max_examples=40)
@given(st.dictionaries(st.text(max_size=5), st.integers(), min_size=1), st.text(alphabet="abc }]<`", max_size=20))
def test_json_stays_json_whatever_follows(value: dict[str, int], junk: str) -> None:
    text = json.dumps(value)
    assert json.loads(shape(f"{text} {junk}")) == value


@settings(max_examples=40)
@given(st.text())
def test_a_shaped_result_stays_as_it_is(text: str) -> None:
    once = shape(text, 100)
    assert shape(once, 100) == once == clean(once)
