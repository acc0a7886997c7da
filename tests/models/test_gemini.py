"""Gemini's dialect without a socket: what is asked, and what its responses mean."""

import json
from typing import Any

import pytest

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
from swarmtui.models.gemini import GenerateStream
from swarmtui.models.gemini_request import build_request
from swarmtui.plan.model import JSON, ModelRef
from swarmtui.session.vocabulary import ErrorKind

REF = ModelRef("gemini", "gemini-2.5-flash", "gemini")
KNOWN = load_catalog().quirks(REF)
SHAPE: JSON = {"type": "object", "properties": {"n": {"type": ["integer", "null"]}}, "additionalProperties": False}
CLOCK = Tool("clock", "tells time", {"type": "object", "properties": {}, "additionalProperties": False})
ZONE = Tool("zone", "", SHAPE)


def body(*talk: Message, quirks: Quirks = Quirks(), ref: ModelRef = REF, **more: Any) -> dict[str, JSON]:  # noqa: B008
    return build_request(ChatRequest(ref, talk, **more), quirks)


def read(*responses: JSON, tag: str = "") -> list[StreamItem]:
    parser = GenerateStream(REF, "h", tag=tag)
    items = [item for response in responses for item in parser.feed(json.dumps(response))]
    return [*items, *parser.finish()]


def told(*parts: JSON, reason: str | None = None, **more: JSON) -> JSON:
    candidate: dict[str, JSON] = {"content": {"role": "model", "parts": list(parts)}}
    if reason:
        candidate["finishReason"] = reason
    return {"candidates": [candidate], **more}


def call(name: str, args: JSON, **more: JSON) -> JSON:
    return {"functionCall": {"name": name, "args": args, **more}}


# -- what is asked --------------------------------------------------------------------------------------------


def test_system_turns_and_limits_have_their_places() -> None:
    made = body(
        *(Message("system", "be brief"), Message("user", "a"), Message("user", "b"), Message("assistant", "c")),
        quirks=KNOWN,
        max_tokens=9,
        temperature=0.5,
        seed=3,
    )
    assert made["systemInstruction"] == {"parts": [{"text": "be brief"}]}
    assert made["contents"] == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "c"}]},
    ]
    config = made["generationConfig"]
    assert (config["maxOutputTokens"], config["temperature"], config["seed"]) == (9, 0.5, 3)
    assert config["thinkingConfig"] == {"includeThoughts": True}


def test_functions_are_declared_with_what_is_taken_of_their_schemas() -> None:
    (tools,) = body(Message("user", "x"), tools=(CLOCK, ZONE))["tools"]
    clock, zone = tools["functionDeclarations"]
    assert clock == {"name": "clock", "description": "tells time"}
    assert zone["parameters"] == {
        "type": "OBJECT",
        "properties": {"n": {"type": "INTEGER", "nullable": True}},
        "propertyOrdering": ["n"],
    }


def test_json_is_asked_for_by_schema_and_beside_tools_in_words() -> None:
    config = body(Message("user", "n?"), quirks=KNOWN, schema=SHAPE)["generationConfig"]
    assert config["responseMimeType"] == "application/json"
    assert config["responseSchema"]["type"] == "OBJECT"
    made = body(Message("user", "n?"), quirks=KNOWN, schema=SHAPE, tools=(ZONE,))
    assert "responseSchema" not in made.get("generationConfig", {})
    assert json.dumps(SHAPE) in made["systemInstruction"]["parts"][0]["text"]


def test_results_are_answers_by_name_in_one_turn_without_ids_that_we_made_up() -> None:
    calls = (ToolCall("call_0", "clock", "{}"), ToolCall("theirs", "zone", '{"n": 1}'))
    extra: JSON = {"gemini": REF.model, "ids": ["theirs"]}
    made = body(
        Message("user", "when?"),
        Message("assistant", "", calls, extra=extra),
        Message("tool", "noon", tool_call_id="call_0"),
        Message("tool", "utc", tool_call_id="theirs"),
    )
    assert made["contents"][1]["parts"] == [
        {"functionCall": {"name": "clock", "args": {}}},
        {"functionCall": {"id": "theirs", "name": "zone", "args": {"n": 1}}},
    ]
    assert made["contents"][2]["parts"] == [
        {"functionResponse": {"name": "clock", "response": {"output": "noon"}}},
        {"functionResponse": {"id": "theirs", "name": "zone", "response": {"output": "utc"}}},
    ]


# -- what comes -----------------------------------------------------------------------------------------------


def test_text_thoughts_and_parallel_calls_come_as_items() -> None:
    usage = {
        "promptTokenCount": 8,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 20,
        "cachedContentTokenCount": 4,
        "toolUsePromptTokenCount": 2,
    }
    items = read(
        told({"text": "hm", "thought": True}),
        told({"text": "so"}),
        told(call("f", {"a": 1}), call("f", {"a": 2}), reason="STOP", usageMetadata=usage),
        tag="x",
    )
    assert items[:2] == [ReasoningDelta("hm"), TextDelta("so")]
    assert items[2:4] == [ToolCall("call_x0", "f", '{"a": 1}'), ToolCall("call_x1", "f", '{"a": 2}')]
    end = items[4]
    assert isinstance(end, Finished)
    assert (end.usage.tokens_in, end.usage.tokens_out, end.usage.tokens_cached) == (10, 25, 4)
    assert (end.finish_reason, end.reasoning_tokens) == (FinishReason.TOOL_CALLS, 20)


def test_signatures_go_back_on_the_parts_that_had_them() -> None:
    end = read(
        told({"text": "thinking", "thought": True}, {"text": "I "}),
        told({"text": "look"}),
        told({**call("zone", {"n": 1}, id="z"), "thoughtSignature": "s-1"}, call("clock", {}), reason="STOP"),
        tag="t",
    )[-1]
    assert isinstance(end, Finished)
    extra = json.loads(json.dumps(end.extra))
    calls = (ToolCall("z", "zone", '{"n": 1}'), ToolCall("call_t1", "clock", "{}"))
    said = Message("assistant", "I look", calls, extra=extra)
    assert body(Message("user", "q"), said)["contents"][1]["parts"] == [
        {"text": "I look"},
        {"functionCall": {"id": "z", "name": "zone", "args": {"n": 1}}, "thoughtSignature": "s-1"},
        {"functionCall": {"name": "clock", "args": {}}},
    ]
    assert "s-1" not in json.dumps(body(Message("user", "q"), said, ref=ModelRef("gemini", "another")))
    changed = Message("assistant", "I look", calls[:1], extra=extra)
    assert "s-1" not in json.dumps(body(Message("user", "q"), changed))


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "PROHIBITED_CONTENT", "SPII", "BLOCKLIST"])
def test_what_is_withheld_for_its_content_is_told_so(reason: str) -> None:
    end = read(told({"text": "x"}, reason=reason))[-1]
    assert isinstance(end, Finished)
    assert end.finish_reason is FinishReason.FILTERED


def test_a_prompt_that_is_blocked_is_refused() -> None:
    with pytest.raises(ModelError, match="PROHIBITED") as raised:
        read({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {}})
    assert raised.value.info.kind is ErrorKind.REFUSED


def test_a_call_that_the_provider_could_not_read_is_a_fault_of_this_try() -> None:
    with pytest.raises(ModelError) as raised:
        read(told(reason="MALFORMED_FUNCTION_CALL"))
    assert raised.value.info.kind is ErrorKind.MALFORMED


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Please retry in 1.5s."}, ErrorKind.THROTTLED),
        ({"status": "UNAVAILABLE", "message": "overloaded"}, ErrorKind.OUTAGE),
        ({"code": 400, "message": "API key not valid. Please pass a valid API key."}, ErrorKind.REFUSED),
        ({"code": 400, "message": "The input token count (9) exceeds the maximum number"}, ErrorKind.TOO_LONG),
        ("odd", ErrorKind.OUTAGE),
    ],
)
def test_errors_in_the_stream(error: JSON, kind: ErrorKind) -> None:
    with pytest.raises(ModelError) as raised:
        read({"error": error})
    assert raised.value.info.kind is kind


def test_a_stream_without_a_reason_to_stop_was_cut() -> None:
    with pytest.raises(ModelError, match="in the middle"):
        read(told({"text": "x"}))
    with pytest.raises(ModelError, match="in the middle"):
        read()


def test_a_list_of_responses_instead_of_a_stream_is_read_as_well() -> None:
    whole = json.dumps([told({"text": "a"}), told({"text": "b"}, reason="STOP")])
    items = GenerateStream(REF, "h").whole(whole)
    assert items[:2] == [TextDelta("a"), TextDelta("b")]
    assert isinstance(items[2], Finished)


def test_two_calls_under_one_id_are_told_apart() -> None:
    items = read(
        told(call("f", {}, id="x"), call("g", {}, id="x"), call("h", {}, id="call_2"), call("i", {}), reason="STOP")
    )
    calls = [item for item in items if isinstance(item, ToolCall)]
    assert [one.name for one in calls] == ["f", "g", "h", "i"]
    assert len({one.id for one in calls}) == 4


def test_a_text_that_is_signed_stays_apart_from_the_next_and_odd_signatures_are_none() -> None:
    end = read(
        told({"text": "a", "thoughtSignature": "s-1"}, {"text": "b", "thoughtSignature": 3}, {"text": "c"}),
        told(call("f", {}), reason="STOP"),
    )[-1]
    assert isinstance(end, Finished)
    assert end.extra["parts"] == [{"text": "a", "signature": "s-1"}, {"text": "bc"}, {"call": "call_0"}]


@pytest.mark.parametrize("odd", [-1, 10**12, True, "7", 1.5, None])
def test_figures_that_cannot_be_are_not_known(odd: JSON) -> None:
    usage = {"promptTokenCount": odd, "candidatesTokenCount": odd, "cachedContentTokenCount": odd}
    end = read(told({"text": "x"}, reason="STOP", usageMetadata=usage))[-1]
    assert isinstance(end, Finished)
    assert (end.usage.tokens_in, end.usage.tokens_out, end.usage.tokens_cached) == (None, None, None)
