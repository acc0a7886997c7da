"""YAML as plain data with places, and what is refused in it."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.plan.problems import TaskError
from swarmtui.plan.yaml_source import read_yaml

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="ascii", categories=["L", "Nd"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=4),
    max_leaves=12,
)


def problems(text: str | bytes) -> list[str]:
    try:
        _, found = read_yaml(text, "f")
    except TaskError as error:
        found = list(error.problems)
    return [str(problem) for problem in found]


@given(VALUES)
def test_json_reads_as_itself(value):
    source, found = read_yaml(json.dumps(value), "f")
    assert (source.data, found) == (value, [])


def test_every_value_and_key_has_its_place():
    source, _ = read_yaml("a:\n  b: [x, {c: y}]\n  d: |\n    text\n", "f")
    assert source.at(("a", "b", 1, "c")) == (2, 14)
    assert source.at(("a", "b", 1, "c"), key=True) == (2, 11)
    assert source.at(("a", "d")) == (3, 6)
    assert source.at(()) == (1, 1)


def test_what_is_not_there_has_the_place_of_what_it_would_be_part_of():
    source, _ = read_yaml("a:\n  b: [x]\n", "f")
    assert source.at(("a", "b", "argv", 0)) == (2, 7)
    assert source.at(("a", "missing")) == (1, 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &x 1\nb: *x\n", ["f:1:4: anchor &x", "f:2:4: alias *x"]),
        ("a: 1\nb: 2\na: 3\n", ["f:3:1: key `a` is there twice: it was set in line 1"]),
        ("a: !!python/object/apply:os.system [ls]\n", ["f:1:4: tag tag:yaml.org,2002:python/object/apply:os.system"]),
        ("a: !secret x\n", ["f:1:4: tag !secret"]),
        ("a: {<<: {b: 1}}\n", ["f:1:5: merge keys"]),
        ("1: a\n? [x]\n: b\n", ["f:1:1: key `1` is not text: quote it", "f:2:3: a key is a mapping or a list"]),
        ("true: a\n", ["f:1:1: key `true` is not text"]),
        ("a: no\n", ['f:1:4: `no` would be read as false: write false, or "no"']),
        ("a: [012, 12:30:45, 1e3, .inf, 1:2.5]\n", ["f:1:5: `012`", "f:1:10: `12:30:45`", "f:1:20: `1e3`",
                                                   "f:1:25: `.inf`", "f:1:31: `1:2.5`"]),
        ("a: 1\n---\nb: 2\n", ["f:2:1: a second document"]),
        ("a: [1\nb: 2", ["f:2:2: not YAML: did not find expected ',' or ']'"]),
        ("a: 'x\nb: 2\n", ["f:1:4: not YAML: the quote that begins here has no end: close it, or remove it"]),
        ("\ta: 1", ["f:1:1: not YAML: a tab: indent with spaces"]),
        ("a:\n  b:\n\tc: 1", ["f:3:1: not YAML: a tab: indent with spaces"]),
        ("a: @x", ["f:1:4: not YAML: found character that cannot start any token"]),
        ("a: b: c", ["f:1:5: not YAML: mapping values are not allowed in this context: quote a text that holds a"]),
        ("a: x\x07y", ["f:1:5: character '\\x07' is not allowed"]),
        ("", ["f:1:1: there is nothing in it"]),
        ("# only a comment\n", ["f:1:1: there is nothing in it"]),
        (b"a: 1\nb: \xff\n", ["f:2:4: byte 0xff is not UTF-8: save the file as UTF-8"]),
        ("a: \ud800", ["f:1:4: byte 0xed is not UTF-8"]),
        ("a: " + "[" * 40 + "]" * 40, ["f:1:35: nested more than 32 levels deep"]),
        (b"a: " + b"x" * 2_000_000, ["f:1:1: larger than 2 MB"]),
    ],
)  # fmt: skip
def test_what_is_unsafe_or_surprising_is_refused_where_it_stands(text, expected):
    found = problems(text)
    assert len(found) == len(expected)
    for problem, start in zip(found, expected, strict=True):
        assert problem.startswith(start)


def test_plain_values_are_what_they_look_like():
    text = "[1, -2, 0x1f, 2_000_000, 1.5, 1.0e+3, true, False, ~, null, abc, 2001-01-01, \"no\", '012', !!str 12, y, =]"
    source, found = read_yaml(text, "f")
    assert found == []
    assert source.data == [1, -2, 31, 2_000_000, 1.5, 1000.0, True, False, None, None, "abc", "2001-01-01", "no", "012",
                           "12", "y", "="]  # fmt: skip


def test_a_byte_order_mark_is_passed_over():
    assert read_yaml(b"\xef\xbb\xbfa: 1", "f")[0].data == {"a": 1}


@pytest.mark.parametrize("text", ["[" * 1_000_000, "{a: " * 400_000, "- " * 900_000, "&a [*a, *a]\n" + "x" * 100])
def test_a_bomb_is_refused_before_it_costs_anything(text):
    before = time.process_time()
    assert problems(text)
    assert time.process_time() - before < 2


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@`,? \n\t\\0"))
def test_any_text_gives_data_or_problems_on_one_line_each(text):
    assert all("\n" not in problem for problem in problems(text))
