"""Cleaning: each line ends in exactly one place, in order, and cleaning what is clean changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.workers.filter import Cleaner, Kept, Rejected, Rules, dumped

PLAIN = Rules()
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "item", "output"]), inner),
    max_leaves=8,
)
LINES = st.lists(
    JSON_VALUES.map(json.dumps)
    | JSON_VALUES.map(lambda value: json.dumps({"item": 0, "output": json.dumps(value)}))
    | st.text(max_size=8).map(lambda text: json.dumps({"item": 0, "output": f"so: ```json\n{{a: '{text}',}}\n```"}))
    | st.text(alphabet="{}[]\",:a1 \t'", max_size=12)
    | st.sampled_from(["", "  ", "{", "[1, 2", '{"a": 1,}', '{"item": 1, "error": "no"}', '{"a": "\\ud800"}', "NaN"]),
    max_size=12,
)
RULES = st.builds(
    Rules,
    min_chars=st.none() | st.integers(0, 6),
    max_chars=st.none() | st.integers(4, 40),
    require=st.sampled_from([(), ("a",), ("a", "b"), ("a.b",)]),
    schema=st.sampled_from([None, {"type": "object"}, {"type": ["array", "string"]}]),
    structured=st.booleans(),
    unique=st.booleans(),
)


def cleaned(lines: Iterable[str], rules: Rules = PLAIN) -> list[Kept | Rejected]:
    return list(Cleaner(rules).clean(lines))


def kept(lines: Iterable[str], rules: Rules = PLAIN) -> list[object]:
    return [one.value for one in cleaned(lines, rules) if isinstance(one, Kept)]


def reason(line: str, rules: Rules = PLAIN) -> str:
    (one,) = cleaned([line], rules)
    assert isinstance(one, Rejected), one
    return one.reason


@given(LINES, RULES)
@settings(deadline=None)
def test_every_line_ends_in_exactly_one_place_with_its_number_and_in_order(lines: list[str], rules: Rules) -> None:
    ends = cleaned(lines, rules)
    assert [one.line for one in ends] == list(range(1, len(lines) + 1))
    assert all(one.text == lines[one.line - 1] for one in ends if isinstance(one, Rejected))


@given(LINES, RULES)
@settings(deadline=None)
def test_cleaning_what_is_clean_changes_nothing(lines: list[str], rules: Rules) -> None:
    once = [dumped(value) for value in kept(lines, rules)]
    again = cleaned(once, rules)
    assert [dumped(one.value) if isinstance(one, Kept) else one for one in again] == once
    assert not any(one.repaired for one in again if isinstance(one, Kept))


@given(LINES, RULES)
@settings(deadline=None)
def test_what_is_kept_keeps_every_rule(lines: list[str], rules: Rules) -> None:
    texts = []
    for value in kept(lines, rules):
        payload = value["output"] if isinstance(value, dict) and {"item", "output"} <= value.keys() else value
        text = (
            payload.strip()
            if isinstance(payload, str)
            else json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
        )
        texts.append(json.dumps(payload, sort_keys=True))
        assert rules.min_chars is None or len(text) >= rules.min_chars
        assert rules.max_chars is None or len(text) <= rules.max_chars
        assert not rules.structured or isinstance(payload, dict | list)
    assert not rules.unique or len(set(texts)) == len(texts)


def test_carelessly_written_json_is_mended() -> None:
    (one,) = cleaned(["{'a': 1, b: [2, 3,],}"])
    assert one == Kept(1, {"a": 1, "b": [2, 3]}, repaired=True)


def test_the_json_in_an_items_output_is_taken_out_when_structure_is_asked_for() -> None:
    line = json.dumps({"item": 3, "output": 'Here it is:\n```json\n{"label": "ham",}\n```'})
    assert kept([line], Rules(require=("label",))) == [{"item": 3, "output": {"label": "ham"}}]
    assert kept([line]) == [json.loads(line)]


def test_an_output_without_json_is_left_out_when_structure_is_asked_for() -> None:
    assert "no JSON" in reason('{"item": 1, "output": "just words"}', Rules(structured=True))


@pytest.mark.parametrize(
    ("line", "rules", "why"),
    [
        ("", Rules(), "empty"),
        ("hello", Rules(), "not JSON"),
        ('"abc"', Rules(min_chars=4), "3 characters, fewer than 4"),
        ('"   abc   "', Rules(min_chars=4), "3 characters"),
        ('{"a": 1}', Rules(max_chars=6), "7 characters, more than 6"),
        ('{"a": 1}', Rules(require=("b",)), "no field b"),
        ('{"a": " "}', Rules(require=("a",)), "field a is empty"),
        ('{"a": {"b": null}}', Rules(require=("a.b",)), "field a.b is empty"),
        ("[1]", Rules(require=("a",)), "not an object"),
        ('{"a": 1}', Rules(schema={"properties": {"a": {"type": "string"}}}), "schema at $.a"),
        ('{"item": 4, "state": "failed", "error": "timeout"}', Rules(), "the item failed: timeout"),
        ('{"a": 1}{"a": 2}', Rules(), "more than one value"),
        ("[1], [2]", Rules(), "more than one value"),
        ('{"line": 9, "error": "not JSON"}', Rules(), "line 9 of the items is no item: not JSON"),
        ('{"file": "a", "line": 9, "error": "bad", "text": "x"}', Rules(), "left out before: bad"),
        ('{"item": 4, "output": "half", "truncated": true}', Rules(), "too large to be kept whole"),
    ],
)
def test_a_line_that_is_left_out_is_told_why(line: str, rules: Rules, why: str) -> None:
    assert why in reason(line, rules)


def test_equal_answers_to_different_items_are_all_kept_unless_asked_otherwise() -> None:
    lines = [json.dumps({"item": item, "output": "positive"}) for item in range(3)]
    assert len(kept(lines)) == 3
    assert len(kept(lines, Rules(unique=True))) == 1


def test_records_that_are_equal_are_kept_once_whatever_the_order_of_their_keys() -> None:
    lines = ['{"a": 1, "b": 2}', '{"b": 2, "a": 1}', '{"item": 0, "output": "x"}', '{"item": 1, "output": "x"}']
    first, second, third, fourth = cleaned(lines, Rules(unique=True))
    assert isinstance(first, Kept)
    assert isinstance(third, Kept)
    assert isinstance(second, Rejected)
    assert second.reason == "the same as line 1"
    assert isinstance(fourth, Rejected)
    assert fourth.reason == "the same as line 3"
    assert len(kept(lines)) == 4


def test_a_record_repeats_one_of_another_input() -> None:
    cleaner = Cleaner(Rules(unique=True))
    assert [type(one) for one in cleaner.clean(["1", "2"], "a.jsonl")] == [Kept, Kept]
    (one,) = cleaner.clean(["2"], "b.jsonl")
    assert one == Rejected(1, "the same as line 2 of a.jsonl", "2")


def test_what_could_not_be_read_again_is_left_out() -> None:
    deep = "[" * 64 + "]" * 64
    assert "nested" in reason(json.dumps({"item": 0, "output": deep}), Rules(structured=True))
