"""Anthropic's dialect without a socket: what is asked, and what its events mean."""

import json
from typing import Any

import pytest

from swarmtui.models.anthropic import AnthropicChat, MessageStream
from swarmtui.models.anthropic_request import build_request
from swarmtui.models.catalog import Quirks, load_catalog
from swarmtui.models.chat import (
    ChatRequest,
    Finished,
    FinishReason,
    Message,
    ModelError,
    ReasoningDelta,
    StreamItem,
    TextDelta,
    Tool,
    ToolCall,
)
from swarmtui.models.net import Net
from swarmtui.models.sse import SSEvent
from swarmtui.plan.model import JSON, ModelRef
from swarmtui.session.vocabulary import ErrorKind

REF = ModelRef("anthropic", "claude-x", "anthropic", price_in=10.0, price_out=20.0, price_cached=1.0)
PLAIN = Quirks()
KNOWN = load_catalog().quirks(REF)
CLOCK = Tool("clock", "tells time", {"type": "object", "properties": {}})
SHAPE: JSON = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def body(*talk: Message, quirks: Quirks = PLAIN, **more: Any) -> dict[str, JSON]:
    return build_request(ChatRequest(REF, talk, **more), quirks)


def stream(**more: Any) -> MessageStream:
    return MessageStream(REF, "h", **more)


def read(*events: JSON, **more: Any) -> list[StreamItem]:
    parser = stream(**more)
    items = [item for event in events for item in parser.feed(json.dumps(event))]
    return [*items, *parser.finish()]


def start(index: int, **block: JSON) -> JSON:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, **change: JSON) -> JSON:
    return {"type": "content_block_delta", "index": index, "delta": change}


def stop(reason: str = "end_turn", **usage: int) -> JSON:
    return {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage}


END: JSON = {"type": "message_stop"}


# -- what is asked --------------------------------------------------------------------------------------------


def test_the_system_is_outside_the_turns_and_a_limit_is_always_given() -> None:
    made = body(Message("system", "be brief"), Message("user", "hi"), Message("system", "and kind"))
    assert made["system"] == [{"type": "text", "text": "be brief\n\nand kind"}]
    assert made["messages"] == [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    assert made["max_tokens"] == Quirks().default_max_tokens
    assert body(Message("user", "hi"), max_tokens=7)["max_tokens"] == 7


def test_results_of_tools_in_a_row_are_one_turn_and_what_the_user_adds_is_in_it() -> None:
    calls = (ToolCall("a", "clock", '{"zone": 1}'), ToolCall("b", "clock", "not json"))
    made = body(
        Message("user", "when?"),
        Message("assistant", "", calls),
        Message("tool", "noon", tool_call_id="a"),
        Message("tool", "", tool_call_id="b"),
        Message("user", "and now?"),
        tools=(CLOCK,),
    )
    assert [turn["role"] for turn in made["messages"]] == ["user", "assistant", "user"]
    uses = made["messages"][1]["content"]
    assert [use["input"] for use in uses] == [{"zone": 1}, {"arguments": "not json"}]
    results = made["messages"][2]["content"]
    assert [part["type"] for part in results] == ["tool_result", "tool_result", "text"]
    assert [part.get("tool_use_id") for part in results[:2]] == ["a", "b"]
    assert results[1]["content"]


def test_ids_of_other_providers_become_ones_that_are_taken_and_stay_apart() -> None:
    calls = (ToolCall("functions.f:0", "f", "{}"), ToolCall("functions:f.0", "f", "{}"))
    talk = (Message("assistant", "x", calls), *(Message("tool", "r", tool_call_id=call.id) for call in calls))
    turns = body(Message("user", "go"), *talk)["messages"]
    ids = [part["id"] for part in turns[1]["content"][1:]]
    assert ids == [part["tool_use_id"] for part in turns[2]["content"]]
    assert len({*ids}) == 2
    assert all(set(one) <= set("abcdefghijklmnopqrstuvwxyz_0123456789") for one in ids)


def test_empty_texts_which_the_api_refuses_are_never_sent() -> None:
    turns = body(Message("assistant", " "), Message("user", ""), Message("assistant", "said \n"))["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant"]
    assert all(part["text"].strip() == part["text"] != "" for turn in turns for part in turn["content"])


def test_json_is_asked_for_by_a_tool_that_has_to_be_called() -> None:
    made = body(Message("user", "n?"), quirks=KNOWN, schema=SHAPE)
    assert made["tool_choice"] == {"type": "tool", "name": "reply"}
    assert made["tools"][0]["input_schema"] == SHAPE


@pytest.mark.parametrize(
    ("quirks", "more"),
    [
        (KNOWN, {"schema": {"type": "array"}}),
        (KNOWN, {"schema": SHAPE, "tools": (CLOCK,)}),
        (Quirks(json="tool", body={"claude": {"thinking": {"type": "enabled"}}}), {"schema": SHAPE}),
        (PLAIN, {"schema": SHAPE}),
    ],
)
def test_where_no_call_can_be_forced_the_schema_is_told_in_words(quirks: Quirks, more: dict[str, Any]) -> None:
    made = body(Message("user", "n?"), quirks=quirks, **more)
    assert "tool_choice" not in made
    assert json.dumps(more["schema"]) in made["system"][-1]["text"]


def test_json_may_be_asked_for_by_schema_where_the_quirk_says_so() -> None:
    made = body(Message("user", "n?"), quirks=Quirks(json="schema"), schema=SHAPE)
    assert made["output_config"] == {"format": {"type": "json_schema", "schema": SHAPE}}


def test_what_an_agent_says_again_is_marked_for_the_cache() -> None:
    made = body(Message("system", "s"), Message("user", "u"), quirks=KNOWN, tools=(CLOCK,))
    assert "cache_control" in made["system"][-1]
    assert "cache_control" in made["messages"][-1]["content"][-1]
    assert "cache_control" not in json.dumps(body(Message("user", "u"), quirks=KNOWN))


# -- what comes -----------------------------------------------------------------------------------------------


def test_text_thoughts_and_parallel_calls_come_as_items() -> None:
    items = read(
        {"type": "message_start", "message": {"usage": {"input_tokens": 5, "output_tokens": 1}}},
        {"type": "ping"},
        start(0, type="thinking", thinking=""),
        delta(0, type="thinking_delta", thinking="hm"),
        delta(0, type="signature_delta", signature="sig"),
        start(1, type="text", text=""),
        delta(1, type="text_delta", text="so"),
        start(2, type="tool_use", id="t1", name="f", input={}),
        start(3, type="tool_use", id="t2", name="g", input={}),
        delta(2, type="input_json_delta", partial_json=""),
        delta(3, type="input_json_delta", partial_json='{"b"'),
        delta(2, type="input_json_delta", partial_json='{"a": 1}'),
        delta(3, type="input_json_delta", partial_json=": 2}"),
        stop("tool_use", output_tokens=9),
        END,
    )
    assert items[:2] == [ReasoningDelta("hm"), TextDelta("so")]
    assert items[2:4] == [ToolCall("t1", "f", '{"a": 1}'), ToolCall("t2", "g", '{"b": 2}')]
    assert isinstance(items[4], Finished)
    assert items[4].finish_reason is FinishReason.TOOL_CALLS
    assert (items[4].usage.tokens_in, items[4].usage.tokens_out) == (5, 9)


def test_input_tokens_are_all_of_them_and_the_cache_has_its_own_prices() -> None:
    usage = {"input_tokens": 100, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 400}
    items = read(
        {"type": "message_start", "message": {"usage": usage}},
        start(0, type="text", text="x"),
        stop(output_tokens=10),
        END,
    )
    (end,) = [item for item in items if isinstance(item, Finished)]
    assert (end.usage.tokens_in, end.usage.tokens_cached, end.usage.tokens_out) == (1500, 1000, 10)
    assert end.usage.cost_usd == pytest.approx((100 * 10 + 1000 * 1 + 400 * 12.5 + 10 * 20) / 1e6)


def test_signed_thoughts_go_back_as_they_came_with_the_results() -> None:
    items = read(
        start(0, type="thinking", thinking=""),
        delta(0, type="thinking_delta", thinking="I need "),
        delta(0, type="thinking_delta", thinking="it"),
        delta(0, type="signature_delta", signature="s-1"),
        start(1, type="redacted_thinking", data="opaque"),
        start(2, type="text", text="wait"),
        start(3, type="tool_use", id="t", name="clock", input={}),
        stop("tool_use"),
        END,
    )
    end = items[-1]
    assert isinstance(end, Finished)
    extra = json.loads(json.dumps(end.extra))  # as a recorded thread has it
    said = Message("assistant", "wait", (ToolCall("t", "clock", "{}"),), extra=extra)
    talk = (Message("user", "q"), said, Message("tool", "noon", tool_call_id="t"))
    assert body(*talk)["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "I need it", "signature": "s-1"},
        {"type": "redacted_thinking", "data": "opaque"},
        {"type": "text", "text": "wait"},
        {"type": "tool_use", "id": "t", "name": "clock", "input": {}},
    ]
    other = build_request(ChatRequest(ModelRef("a", "another"), talk), PLAIN)
    assert "thinking" not in json.dumps(other)
    fewer = body(talk[0], Message("assistant", "wait", (), extra=extra))
    assert "thinking" not in json.dumps(fewer)
    shorter = body(talk[0], Message("assistant", "wai", said.tool_calls, extra=extra))
    assert "thinking" not in json.dumps(shorter)


def test_an_answer_without_calls_has_nothing_to_give_back() -> None:
    items = read(start(0, type="thinking", thinking="x", signature="s"), start(1, type="text", text="y"), stop(), END)
    assert items[-1] == Finished(stream()._usage(), FinishReason.STOP)


def test_the_input_of_the_reply_tool_is_the_answer() -> None:
    items = read(
        start(0, type="tool_use", id="t", name="reply", input={}),
        delta(0, type="input_json_delta", partial_json='{"n"'),
        delta(0, type="input_json_delta", partial_json=": 3}"),
        stop("tool_use"),
        END,
        replies=True,
    )
    assert items[:2] == [TextDelta('{"n"'), TextDelta(": 3}")]
    assert isinstance(items[2], Finished)
    assert items[2].finish_reason is FinishReason.STOP


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("max_tokens", FinishReason.LENGTH),
        ("refusal", FinishReason.FILTERED),
        ("stop_sequence", FinishReason.STOP),
        ("model_context_window_exceeded", FinishReason.LENGTH),
        ("something new", FinishReason.OTHER),
    ],
)
def test_reasons_to_stop(reason: str, expected: FinishReason) -> None:
    end = read(start(0, type="text", text="x"), stop(reason), END)[-1]
    assert isinstance(end, Finished)
    assert end.finish_reason is expected


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"type": "overloaded_error", "message": "Overloaded"}, ErrorKind.THROTTLED),
        ({"type": "rate_limit_error", "message": "slow down"}, ErrorKind.THROTTLED),
        ({"type": "api_error", "message": "oops"}, ErrorKind.OUTAGE),
        ({"type": "authentication_error", "message": "bad"}, ErrorKind.REFUSED),
        ({"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"}, ErrorKind.TOO_LONG),
        ({"type": "invalid_request_error", "message": "Your credit balance is too low"}, ErrorKind.REFUSED),
        ({"type": ["odd"]}, ErrorKind.OUTAGE),
        ("text", ErrorKind.OUTAGE),
    ],
)
def test_an_error_in_the_stream_is_what_it_would_have_been_before(error: JSON, kind: ErrorKind) -> None:
    with pytest.raises(ModelError) as raised:
        read(start(0, type="text", text="x"), {"type": "error", "error": error})
    assert raised.value.info.kind is kind


def test_a_stream_that_breaks_off_is_no_answer_but_one_that_said_why_it_stopped_is() -> None:
    with pytest.raises(ModelError, match="in the middle"):
        read(start(0, type="text", text="x"))
    with pytest.raises(ModelError, match="in the middle"):
        read()
    assert isinstance(read(start(0, type="text", text="x"), stop())[-1], Finished)


def test_a_whole_message_instead_of_a_stream_is_read_as_well() -> None:
    content = [{"type": "text", "text": "so"}, {"type": "tool_use", "id": "t", "name": "f", "input": {"a": [1]}}]
    whole = {"type": "message", "content": content, "stop_reason": "tool_use", "usage": {"input_tokens": 1}}
    items = stream().whole(json.dumps(whole))
    assert items[:2] == [TextDelta("so"), ToolCall("t", "f", '{"a": [1]}')]


def test_two_calls_under_one_id_are_told_apart() -> None:
    calls = [
        item
        for item in read(
            start(0, type="tool_use", id="t", name="f"),
            start(0, type="tool_use", id="t", name="g"),
            stop("tool_use"),
            END,
        )
        if isinstance(item, ToolCall)
    ]
    assert [call.name for call in calls] == ["f", "g"]
    assert calls[0].id != calls[1].id


@pytest.mark.parametrize("odd", [-1, 10**12, True, "7", 1.5, None])
def test_figures_that_cannot_be_are_not_known(odd: JSON) -> None:
    start_with = {"type": "message_start", "message": {"usage": {"input_tokens": odd, "output_tokens": odd}}}
    end = read(start_with, start(0, type="text", text="x"), stop(), END)[-1]
    assert isinstance(end, Finished)
    assert (end.usage.tokens_in, end.usage.tokens_out, end.usage.cost_usd) == (None, None, None)


def test_nothing_is_waited_for_after_the_end_of_a_message() -> None:
    chat = AnthropicChat(Net(), {})
    assert chat.is_end(SSEvent('{"type": "message_stop"}', "message_stop"))
    assert not chat.is_end(SSEvent('{"type": "message_delta"}', "message_delta"))
