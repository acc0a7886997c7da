import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.agents.mcp.answers import read_answer
from swarmtui.agents.tools import RESULT_CHARS, ToolResult


def text(*texts: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": part} for part in texts]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"content": text("one")}, "one"),
        ({"content": text("one", "two")}, "one\ntwo"),
        ({"content": []}, "(nothing)"),
        ({"content": [], "structuredContent": {"sum": 3}}, '{"sum": 3}'),
        ({"content": text('{"sum":3}'), "structuredContent": {"sum": 3}}, '{"sum":3}'),
        ({"content": text("a"), "structuredContent": {"result": "a"}}, "a"),
        ({"content": text("3"), "structuredContent": {"result": 3}}, "3"),
        ({"content": text("a", '{"b":1}'), "structuredContent": {"result": ["a", {"b": 1}]}}, 'a\n{"b":1}'),
        ({"content": text("a"), "structuredContent": {"result": "b"}}, 'a\n{"result": "b"}'),
        ({"content": text("three"), "structuredContent": {"sum": 3}}, 'three\n{"sum": 3}'),
        (
            {"content": [{"type": "image", "data": "AAAA", "mimeType": "image/png"}]},
            "[image left out: image/png, 3 bytes]",
        ),
        (
            {"content": [{"type": "audio", "data": "AAA=", "mimeType": "audio/wav"}]},
            "[audio left out: audio/wav, 2 bytes]",
        ),
        (
            {"content": [{"type": "resource", "resource": {"uri": "file:///a", "text": "inside"}}]},
            "[resource: file:///a]\ninside",
        ),
        (
            {"content": [{"type": "resource", "resource": {"uri": "file:///a", "blob": "AAAA"}}]},
            "[resource left out: file:///a, of unknown type, 3 bytes]",
        ),
        ({"content": [{"type": "resource_link", "uri": "file:///a", "name": "a"}]}, "[link: a, file:///a]"),
        ({"content": [{"type": "hologram"}]}, "[hologram left out]"),
    ],
)
def test_what_a_model_is_told(answer: Any, told: str) -> None:
    assert read_answer(answer) == ToolResult(told)


def test_an_error_by_the_servers_word_is_one() -> None:
    assert read_answer({"content": text("no such file"), "isError": True}) == ToolResult("no such file", ok=False)
    assert read_answer({"content": [], "isError": True}).ok is False
    assert read_answer({"content": [], "isError": True}).text


def test_a_server_that_wants_to_ask_first_is_refused() -> None:
    result = read_answer({"resultType": "input_required", "inputRequests": {}, "content": text("never")})
    assert not result.ok
    assert "not supported" in result.text


def test_a_long_text_is_cut_and_says_so() -> None:
    result = read_answer({"content": text("x" * 200_000)})
    assert result.ok
    assert len(result.text) <= RESULT_CHARS
    assert "left out" in result.text


def test_more_than_the_cap_is_an_error() -> None:
    result = read_answer({"content": text(*["x" * 1_000_000] * 11)})
    assert not result.ok
    assert "larger than" in result.text


@pytest.mark.parametrize(("levels", "fine"), [(62, True), (65, False), (500, False)])
def test_deeper_than_the_cap_is_an_error(levels: int, fine: bool) -> None:
    data = json.loads('{"a":' * levels + "1" + "}" * levels)
    assert read_answer({"content": [], "structuredContent": data}).ok is fine


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
KEYS = st.sampled_from(["type", "text", "data", "mimeType", "resource", "uri", "blob", "name"])
KINDS = st.sampled_from(["text", "image", "audio", "resource", "resource_link"])
BLOCKS = st.dictionaries(KEYS, VALUES | KINDS, max_size=4)


@settings(max_examples=50)
@given(VALUES | st.fixed_dictionaries({"content": st.lists(BLOCKS | VALUES)}, optional={"structuredContent": VALUES}))
def test_any_answer_comes_to_a_result(answer: Any) -> None:
    result = read_answer(answer)
    assert result.text
    assert "\x1b" not in result.text
