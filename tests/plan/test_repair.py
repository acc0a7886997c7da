"""JSON as models write it."""

from __future__ import annotations

import contextlib
import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from swarmtui.plan.repair import loads_lenient

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)
CONTAINERS = st.lists(VALUES, max_size=4) | st.dictionaries(st.text(), VALUES, max_size=4)
PROSE = st.text(alphabet=st.characters(exclude_characters="{}[]`", exclude_categories=["Cs"]), max_size=40)


@given(VALUES, st.booleans())
def test_json_is_read_as_it_is(value, ascii_only):
    assert loads_lenient(json.dumps(value, ensure_ascii=ascii_only)) == value


@example("{", "json", False, None)
@given(VALUES, st.sampled_from(["json", "JSON", "Json", "", "jsonc"]), st.booleans(), st.sampled_from([None, 2]))
def test_a_fence_around_it_changes_nothing(value, word, closed, indent):
    text = f"```{word}\n{json.dumps(value, indent=indent)}\n" + ("```" if closed else "")
    assert loads_lenient(text) == value


@given(CONTAINERS.filter(bool), PROSE, PROSE)
def test_prose_around_it_changes_nothing(value, before, after):
    assert loads_lenient(f"{before}\n{json.dumps(value)}\n{after}") == value


@given(st.dictionaries(st.text(), VALUES, min_size=1), st.data())
def test_a_text_cut_anywhere_never_crashes(value, data):
    text = json.dumps(value, indent=data.draw(st.sampled_from([None, 1])))
    cut = text[: data.draw(st.integers(1, len(text)))]
    assert isinstance(loads_lenient(cut), dict)


@given(st.text(alphabet="{}[]\",:\\ \n`'/#*truefalsnN0123.eE-u", max_size=80))
def test_any_text_gives_a_value_or_a_value_error(text):
    value = None
    with contextlib.suppress(ValueError):
        value = loads_lenient(text)
    assert json.loads(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('   ```JSON\n{"a": 1}\n```', {"a": 1}),
        ('Here is the plan:\n```json\n{"a": [1, 2]}\n```\nHope it helps!', {"a": [1, 2]}),
        ('```json\n{"a": 1}', {"a": 1}),
        ('{"a": "```"} ```', {"a": "```"}),
        ('{"a": 1}]} trailing', {"a": 1}),
        ('[{"a": 1}] and } more', [{"a": 1}]),
        ('As [1] and {2} say: {"nodes": [1, 2, 3]}', {"nodes": [1, 2, 3]}),
        ('{"a": [1, 2,], "b": {"c": 3,},}', {"a": [1, 2], "b": {"c": 3}}),
        ('{"a": 1 "b": 2}', {"a": 1, "b": 2}),
        ('{"a": 1\n "b": 2}', {"a": 1, "b": 2}),
        ("{'a': None, 'b': [True, False], 'it': 'say \"hi\"'}", {"a": None, "b": [True, False], "it": 'say "hi"'}),
        ('{a: 1, b-c: "x"}', {"a": 1, "b-c": "x"}),
        ('{"a": 1, // one\n "b": 2, /* two */ # three\n}', {"a": 1, "b": 2}),
        ('{"url": "http://x//y # z"} x', {"url": "http://x//y # z"}),
        ('{"a": "line\nbreak",}', {"a": "line\nbreak"}),
        ('{"a": "}{][ \\" \\\\"} x', {"a": '}{][ " \\'}),
        ('{"a": {"b": [1, {"c": "cut of', {"a": {"b": [1, {"c": "cut of"}]}}),
        ('{"a": 1, "b', {"a": 1}),
        ('{"a": 1, "b":', {"a": 1}),
        ('{"a": tru', {}),
        ('{"a": "x\\u00e', {"a": "x"}),
        ('{"a": 1e', {"a": 1}),
        ('{"a": [1, 2}', {"a": [1, 2]}),
        ('{"a": "é ü 漢 \\ud83d\\ude00",}', {"a": "é ü 漢 😀"}),
        ('<think>maybe {"a": 0, "more": "text"}?</think>{"a": 1}', {"a": 1}),
        ("\ufeff[1]", [1]),
        ('{"a": NaN}', None),
    ],
)
def test_what_models_write(text, value):
    if value is None:
        with pytest.raises(ValueError):
            loads_lenient(text)
    else:
        assert loads_lenient(text) == value


@pytest.mark.parametrize("text", ["", "   ", "no JSON here", "a [link] and (more)", "{foo}", "[see above]", "```\n```"])
def test_text_without_json_is_an_error(text):
    with pytest.raises(ValueError, match="no JSON"):
        loads_lenient(text)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "[" * 65 + "]" * 65, "x" + "[" * 65 + "1,]"])
def test_deep_nesting_is_refused(text):
    with pytest.raises(ValueError, match="deep"):
        loads_lenient(text)


def test_what_was_read_can_always_be_stored():
    assert loads_lenient('{"a\\ud800": ["\\udc00", "\\ud83d\\ude00"]}') == {"a\ufffd": ["\ufffd", "😀"]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"q": "missing" "a": "comma"}', {"q": "missing", "a": "comma"}),
        ('{"q": 1 "a" : 2}', {"q": 1, "a": 2}),
        (
            "{\u201cq\u201d: \u201csaid \u2018so\u2019\u201d, 'a': \u2018x\u2019}",
            {"q": "said \u2018so\u2019", "a": "x"},
        ),
    ],
)
def test_what_models_get_wrong_without_leaving_a_doubt_is_mended(text: str, value: object) -> None:
    assert loads_lenient(text) == value


@pytest.mark.parametrize("text", ['{"q": "un"escaped" quotes"}', '{"q": "a" "b"}', '{"q" "a": 1}', '{"q": "a""b": 1}'])
def test_what_could_mean_two_things_is_not_guessed_at(text: str) -> None:
    with pytest.raises(ValueError, match="no JSON"):
        loads_lenient(text)


HOSTILE = {
    "fences that hold nothing": "```json\n{",
    "fences that hold little": "```json\n{}\n",
    "brackets": "[",
    "objects left open": '{"a": ',
    "texts without an end": '["a',
    "words": "[1 a ",
    "comments": "{/*",
    "escapes": '{"a": "\\u12',
}


@pytest.mark.parametrize("part", HOSTILE.values(), ids=HOSTILE.keys())
def test_no_text_takes_longer_than_its_length_explains(part: str) -> None:
    """What a model wrote is read where everything else waits for it."""
    text = part * (1_000_000 // len(part))
    assert _seconds(text) < 1.0


def test_a_mend_that_fails_far_from_its_start_is_not_tried_from_everywhere() -> None:
    text = "1,\n" * 100_000 + "!"
    assert _seconds("[" * 60 + text) < 4 * _seconds("[" + text) + 0.5


def _seconds(text: str) -> float:
    began = time.process_time()
    with contextlib.suppress(ValueError):
        loads_lenient(text)
    return time.process_time() - began


def test_the_last_of_very_many_fences_is_still_found() -> None:
    text = "```python\nx = 1\n```\n" * 500 + '```json\n"the answer"\n```'
    assert loads_lenient(text) == "the answer"
