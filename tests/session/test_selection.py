"""Filters of items: a regular expression that anybody may send never holds the host up."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.session.items import Items
from swarmtui.session.selection import FilterError, item_filter, select_items
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, State


def failed(*messages: str) -> Items:
    items = Items.fresh(len(messages))
    for at, message in enumerate(messages):
        items.move(at, State.FAILED)
        items.errors[at] = ErrorInfo(ErrorKind.CHECK, message)
    return items


def meant(pattern: str, *messages: str) -> tuple[int, ...]:
    return select_items(failed(*messages), item_filter({"error": pattern}))


@pytest.mark.parametrize(
    "pattern",
    [
        "time",
        "HTTP 5..",
        r"^5\d\d$",
        "(timeout|reset)",
        "a.*b",
        r"[]*+{]x",
        r"\*\+\{",
        "(?:a|b)?c",
        "[^]]+x",
        r"[\]*]",
        "a+?b|c|d|e|f|g|h",
    ],
)
def test_plain_expressions_mean_what_they_mean_in_python(pattern: str) -> None:
    messages = (
        "a time",
        "HTTP 503",
        "503",
        "connection reset",
        "axxb",
        "*+{",
        "bc",
        "say ax",
        "[x]",
        "aab",
        "h",
        "ZZZ",
        "]x",
    )
    expected = tuple(at for at, message in enumerate(messages) if re.search(pattern, message, re.IGNORECASE))
    assert meant(pattern, *messages) == expected
    assert expected


def test_what_matches_is_meant_whatever_its_case() -> None:
    assert meant("http 5..|reset", "HTTP 503 told", "HTTP 404", "Connection RESET") == (0, 2)


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|a)*$",
        "(a|aa){1,50}$",
        r"(a)\1",
        "(?P<n>a)(?P=n)",
        "(?=a*)b",
        "(?x)a * b",
        ".*.*.*x",
        "a{1,9}b{2,}c+",
        "((a))*",
        "(?:a*)*",
        "(a)(?(1)b|c)",
        "(a|a)" * 40,
        "a?" * 60 + "a" * 60,
    ],
)
def test_what_could_take_for_ever_is_refused_before_it_is_tried(pattern: str) -> None:
    with pytest.raises(FilterError, match="could take for ever"):
        meant(pattern, "a" * 300)


@given(st.text(alphabet="ab.*+?{},1|()[]^$\\-", max_size=12))
@settings(max_examples=300, deadline=None)
def test_whatever_is_taken_is_fast_on_the_longest_text_that_it_sees(pattern: str) -> None:
    try:
        chosen = item_filter({"error": pattern})
    except FilterError:
        return
    items, began = failed("a" * 299 + "!"), time.process_time()
    select_items(items, chosen)
    assert time.process_time() - began < 1.0


def test_many_slow_messages_are_given_up_in_time() -> None:
    messages = [f"{at:05} " + "a" * 290 for at in range(2_000)]
    with pytest.raises(FilterError, match="takes too long"):
        meant(".*.*!", *messages)
