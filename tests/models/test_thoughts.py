"""Thoughts in the OpenAI-compatible dialect: shown, counted, and given back to who wants them."""

import json

import pytest

from swarmtui.models.catalog import Quirks, load_catalog
from swarmtui.models.chat import ChatRequest, Finished, Message, ReasoningDelta, StreamItem, ToolCall
from swarmtui.models.openai_chat import ChatStream, build_request
from swarmtui.models.thoughts import ThinkSplitter
from swarmtui.plan.model import JSON, ModelRef

REF = ModelRef("deepseek", "deepseek-reasoner", base_url="https://api.deepseek.com")
CONTENT = Quirks(give_back="reasoning_content")
DETAILS = Quirks(give_back="reasoning_details")
CALL: JSON = {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]}
USED: JSON = {
    "choices": [],
    "usage": {"prompt_tokens": 3, "completion_tokens": 50, "completion_tokens_details": {"reasoning_tokens": 40}},
}


def read(quirks: Quirks, *deltas: JSON, last: JSON = USED) -> tuple[list[StreamItem], Finished]:
    parser = ChatStream(REF, quirks, "h")
    chunks = [*({"choices": [{"index": 0, "delta": delta}]} for delta in deltas), last]
    items = [item for chunk in chunks for item in parser.feed(json.dumps(chunk))]
    *items, end = [*items, *parser.feed("[DONE]")]
    assert isinstance(end, Finished)
    return items, end


def again(quirks: Quirks, end: Finished, *after: Message, model: ModelRef = REF) -> list[dict[str, JSON]]:
    """The turns of the next request, where the answer called a tool."""
    extra = json.loads(json.dumps(end.extra))
    said = Message("assistant", "", (ToolCall("c", "f", "{}"),), extra=extra)
    talk = (Message("user", "q"), said, Message("tool", "r", tool_call_id="c"), *after)
    turns: list[dict[str, JSON]] = build_request(ChatRequest(model, talk), quirks)["messages"]
    return turns


def test_thoughts_are_shown_and_counted() -> None:
    items, end = read(Quirks(), {"reasoning_content": "hm"}, {"reasoning": "so"}, {"content": "x"})
    assert items[:2] == [ReasoningDelta("hm"), ReasoningDelta("so")]
    assert (end.reasoning_tokens, end.usage.tokens_out, end.extra) == (40, 50, None)


def test_who_wants_them_gets_them_back_with_the_results_of_the_same_question() -> None:
    _, end = read(CONTENT, {"reasoning_content": "I need "}, {"reasoning_content": "f"}, CALL)
    assert again(CONTENT, end)[1]["reasoning_content"] == "I need f"
    assert "reasoning_content" not in again(Quirks(), end)[1]
    assert "reasoning_content" not in again(CONTENT, end, Message("user", "another"))[1]
    assert "reasoning_content" not in again(CONTENT, end, model=ModelRef("x", "other"))[1]


def test_details_are_put_together_and_go_back_as_a_list() -> None:
    _, end = read(
        DETAILS,
        {"reasoning": "a", "reasoning_details": [{"type": "reasoning.text", "text": "a", "index": 0, "format": "f1"}]},
        {"reasoning_details": [{"type": "reasoning.text", "text": "b", "index": 0, "signature": None}]},
        {"reasoning_details": [{"type": "reasoning.text", "index": 0, "signature": "s"}]},
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "opaque", "index": 1, "id": "r"}]},
        CALL,
    )
    assert again(DETAILS, end)[1]["reasoning_details"] == [
        {"type": "reasoning.text", "text": "ab", "index": 0, "format": "f1", "signature": "s"},
        {"type": "reasoning.encrypted", "data": "opaque", "index": 1, "id": "r"},
    ]


def test_details_of_another_kind_or_number_are_others_and_nothing_said_later_takes_back_what_was() -> None:
    one, two = {"type": "reasoning.text", "index": 0}, {"type": "reasoning.text", "index": 1}
    summary = {"type": "reasoning.summary", "index": 0}
    told = [{**one, "text": "a", "format": "f"}, {**two, "text": "b"}, {**summary, "summary": "c"}]
    _, end = read(DETAILS, {"reasoning_details": told}, {"reasoning_details": [{**one, "format": None}]}, CALL)
    assert again(DETAILS, end)[1]["reasoning_details"] == told


@pytest.mark.parametrize(
    ("text", "fed", "left"),
    [("<think>a</thi", ("a", ""), ("</thi", "")), (" <thi", ("", ""), ("", " <thi"))],
)
def test_what_was_held_back_at_the_end_is_a_thought_only_where_one_had_begun(
    text: str, fed: tuple[str, str], left: tuple[str, str]
) -> None:
    splitter = ThinkSplitter()
    assert (splitter.feed(text), splitter.finish()) == (fed, left)


def test_an_answer_without_calls_has_nothing_to_give_back() -> None:
    assert read(CONTENT, {"reasoning_content": "hm"}, {"content": "x"})[1].extra is None


@pytest.mark.parametrize(
    ("provider", "field"),
    [
        ("deepseek", "reasoning_content"),
        ("moonshot", "reasoning_content"),
        ("openrouter", "reasoning_details"),
        ("openai", "none"),
    ],
)
def test_who_wants_what_is_data(provider: str, field: str) -> None:
    known = load_catalog().get(provider)
    assert known is not None
    assert known.quirks.give_back == field


def test_what_a_user_adds_to_requests_goes_to_the_models_that_fit() -> None:
    quirks = Quirks(body={"^deepseek-r": {"thinking": {"type": "on"}, "stream_options": {"extra": 1}}, "^x": {"y": 1}})
    made = build_request(ChatRequest(REF, (Message("user", "q"),)), quirks)
    assert made["thinking"] == {"type": "on"}
    assert made["stream_options"] == {"include_usage": True, "extra": 1}
    assert "y" not in made
