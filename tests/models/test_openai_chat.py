"""The OpenAI-compatible dialect without a socket: what is asked, and what a stream means."""

import json
import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.models.catalog import Quirks
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
from swarmtui.models.openai_chat import ChatStream, build_request
from swarmtui.models.sse import SSESplitter
from swarmtui.models.thoughts import ThinkSplitter
from swarmtui.plan.model import JSON, ModelRef
from swarmtui.session.vocabulary import ErrorKind

REF = ModelRef("acme", "m-1", base_url="https://acme.test/v1", api_key_env="ACME_API_KEY")


def request(**changes: object) -> ChatRequest:
    return ChatRequest(REF, (Message("system", "be brief"), Message("user", "hello")), **changes)  # type: ignore[arg-type]


def stream(quirks: Quirks = Quirks(), ref: ModelRef = REF) -> ChatStream:  # noqa: B008
    return ChatStream(ref, quirks, "acme.test", now=lambda: 0.0)


def chunk(delta: JSON, finish_reason: str | None = None, **more: JSON) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}], **more})


def read(*data: str, parser: ChatStream | None = None) -> list[StreamItem]:
    parser = parser or stream()
    items = [item for one in data for item in parser.feed(one)]
    return items + parser.finish()


def error_of(*data: str) -> ModelError:
    with pytest.raises(ModelError) as raised:
        read(*data)
    return raised.value


# -- what is asked --------------------------------------------------------------------------------------------


def test_a_request_streams_and_asks_for_usage() -> None:
    assert build_request(request(max_tokens=9, temperature=0.5, seed=3), Quirks()) == {
        "model": "m-1",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello"}],
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": 9,
        "temperature": 0.5,
        "seed": 3,
    }


def test_quirks_rename_or_leave_out_what_a_provider_does_not_take() -> None:
    quirks = Quirks("max_completion_tokens", stream_options=False, seed_field=None, no_temperature=("^m-",))
    body = build_request(request(max_tokens=9, temperature=0.5, seed=3), quirks)
    assert set(body) == {"model", "messages", "stream", "max_completion_tokens"}


def test_an_object_is_asked_for_by_schema_where_the_provider_takes_one() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    body = build_request(request(schema=schema), Quirks(json="schema"))
    assert body["response_format"]["json_schema"]["schema"] == schema
    assert body["messages"][0]["content"] == "be brief"


@pytest.mark.parametrize("form", ["schema", "object", "none"])
def test_a_list_is_asked_for_in_words_because_response_formats_take_objects_only(form: str) -> None:
    body = build_request(request(schema={"type": "array"}), Quirks(json=form))  # type: ignore[arg-type]
    assert "response_format" not in body
    assert '{"type": "array"}' in body["messages"][0]["content"]


def test_json_mode_is_told_the_schema_in_words_too() -> None:
    body = build_request(request(schema={"type": "object"}), Quirks(json="object"))
    assert body["response_format"] == {"type": "json_object"}
    assert "JSON" in body["messages"][0]["content"]


def test_tools_their_calls_and_their_answers_are_passed_on() -> None:
    talk = (
        Message("user", "time?"),
        Message("assistant", "", tool_calls=(ToolCall("c1", "clock", "{}"),)),
        Message("tool", "noon", tool_call_id="c1"),
    )
    body = build_request(ChatRequest(REF, talk, tools=(Tool("clock", "tells time", {"type": "object"}),)), Quirks())
    assert body["tools"][0]["function"]["name"] == "clock"
    assert body["messages"][1]["tool_calls"][0]["function"] == {"name": "clock", "arguments": "{}"}
    assert body["messages"][2]["tool_call_id"] == "c1"


# -- what a stream means --------------------------------------------------------------------------------------


def test_text_usage_and_the_end() -> None:
    items = read(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hel"}),
        chunk({"content": "lo"}),
        chunk({}, "stop"),
        json.dumps({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}),
        "[DONE]",
    )
    assert items[:-1] == [TextDelta("Hel"), TextDelta("lo")]
    end = items[-1]
    assert isinstance(end, Finished)
    assert (end.usage.tokens_in, end.usage.tokens_out, end.finish_reason) == (5, 2, FinishReason.STOP)


def test_usage_that_never_comes_is_unknown_and_not_zero() -> None:
    end = read(chunk({"content": "x"}, "stop"), "[DONE]")[-1]
    assert isinstance(end, Finished)
    assert (end.usage.tokens_in, end.usage.tokens_out, end.usage.cost_usd) == (None, None, None)


@pytest.mark.parametrize(
    ("usage", "cached"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 4}}, 4),
        ({"prompt_cache_hit_tokens": 4}, 4),
        ({"cached_tokens": 4}, 4),
        ({"prompt_tokens_details": {"cached_tokens": -4}}, None),
        ({"cached_tokens": True}, None),
        ({"prompt_tokens_details": None}, None),
    ],
)
def test_cached_tokens_are_found_under_each_providers_name(usage: JSON, cached: int | None) -> None:
    end = read(chunk({"content": "x"}, "stop", usage=usage), "[DONE]")[-1]
    assert isinstance(end, Finished)
    assert end.usage.tokens_cached == cached


def test_reasoning_tokens_and_usage_inside_a_choice_or_of_groq_are_read() -> None:
    usage = {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 6}}
    inside = json.dumps({"choices": [{"delta": {"content": "x"}, "finish_reason": "stop", "usage": usage}]})
    for data in (inside, chunk({"content": "x"}, "stop", usage=None, x_groq={"usage": usage})):
        end = read(data, "[DONE]")[-1]
        assert isinstance(end, Finished)
        assert (end.usage.tokens_out, end.reasoning_tokens) == (9, 6)


def test_the_cost_follows_from_the_prices_or_from_the_provider_that_reports_it() -> None:
    priced = ModelRef("acme", "m-1", price_in=1.0, price_out=4.0)
    usage = {"prompt_tokens": 1_000_000, "completion_tokens": 500_000, "cost": 0.25}
    data = (chunk({"content": "x"}, "stop", usage=usage), "[DONE]")
    ends = [read(*data, parser=stream(ref=priced))[-1], read(*data, parser=stream(Quirks(reports_cost=True)))[-1]]
    assert [end.usage.cost_usd for end in ends if isinstance(end, Finished)] == [3.0, 0.25]


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_is_kept_apart_from_the_answer(field: str) -> None:
    items = read(chunk({field: "hmm"}), chunk({"content": "yes"}, "stop"), "[DONE]")
    assert items[:2] == [ReasoningDelta("hmm"), TextDelta("yes")]


def test_content_in_parts_is_read() -> None:
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "yes"}, 3]
    assert read(chunk({"content": parts}, "stop"), "[DONE]")[:2] == [ReasoningDelta("hm"), TextDelta("yes")]


def test_tool_calls_are_assembled_from_their_pieces() -> None:
    items = read(
        chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"x"'}}]}),
        chunk({"tool_calls": [{"index": 1, "id": "b", "function": {"name": "g", "arguments": {"y": 2}}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]}),
        chunk({}, "tool_calls"),
        "[DONE]",
    )
    assert items[:-1] == [ToolCall("a", "f", '{"x": 1}'), ToolCall("b", "g", '{"y": 2}')]
    assert isinstance(items[-1], Finished)
    assert items[-1].finish_reason is FinishReason.TOOL_CALLS


def test_whole_calls_that_share_an_index_stay_two() -> None:
    calls = [{"index": 0, "id": i, "function": {"name": i, "arguments": "{}"}} for i in ("a", "b")]
    items = read(*(chunk({"tool_calls": [call]}) for call in calls), "[DONE]")
    assert items[:-1] == [ToolCall("a", "a", "{}"), ToolCall("b", "b", "{}")]


def test_a_reply_that_came_whole_is_read_as_well() -> None:
    body = {
        "choices": [{"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3},
    }
    items = stream().whole(json.dumps(body))
    assert items[0] == TextDelta("hi")
    assert isinstance(items[-1], Finished)
    assert items[-1].usage.tokens_in == 3


def test_a_stream_that_ends_without_an_end_is_malformed() -> None:
    assert error_of(chunk({"content": "half"})).info.kind is ErrorKind.MALFORMED


def test_a_missing_done_is_forgiven_after_a_finish_reason() -> None:
    assert read(chunk({"content": "x"}, "stop"))[0] == TextDelta("x")


def test_a_stream_without_choices_is_malformed() -> None:
    assert error_of(json.dumps({"choices": []}), "[DONE]").info.kind is ErrorKind.MALFORMED


@pytest.mark.parametrize("data", ["{", "null", "[]", "3", '"x"', "[" * 100_000, '{"a":' * 50_000, "1" * 5000])
def test_an_event_that_is_no_object_is_malformed(data: str) -> None:
    assert error_of(data).info.kind is ErrorKind.MALFORMED


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"error": {"message": "slow down", "code": 429}}, ErrorKind.THROTTLED),
        ({"error": {"message": "upstream", "code": 502}}, ErrorKind.OUTAGE),
        ({"error": {"message": "maximum context length is 9", "code": 400}}, ErrorKind.TOO_LONG),
        ({"error": "boom"}, ErrorKind.OUTAGE),
        ({"object": "error", "message": "no", "code": 400}, ErrorKind.REFUSED),
    ],
)
def test_an_error_in_mid_stream_has_the_kind_of_its_code(error: JSON, kind: ErrorKind) -> None:
    assert error_of(chunk({"content": "x"}), json.dumps(error)).info.kind is kind


def test_a_backend_that_gave_up_is_an_outage_and_a_refusal_is_one() -> None:
    assert error_of(chunk({}, "error")).info.kind is ErrorKind.OUTAGE
    refused = error_of(chunk({"refusal": "I "}), chunk({"refusal": "will not"}, "stop"), "[DONE]").info
    assert refused.kind is ErrorKind.REFUSED
    assert "I will not" in refused.message


def test_other_choices_than_the_first_are_ignored() -> None:
    other = json.dumps({"choices": [{"index": 1, "delta": {"content": "no"}}]})
    assert read(other, chunk({"content": "x"}, "stop"), "[DONE]")[0] == TextDelta("x")


def test_lone_surrogates_never_leave_the_parser() -> None:
    items = read('{"choices":[{"index":0,"delta":{"content":"a\\ud800"},"finish_reason":"stop"}]}', "[DONE]")
    assert items[0] == TextDelta("a\ufffd")


@given(st.text(alphabet="<think>/ \nab", max_size=60), st.lists(st.integers(0, 60), max_size=8))
def test_thinking_is_told_from_the_answer_whatever_the_pieces(text: str, cuts: list[int]) -> None:
    def texts(pieces: list[str]) -> tuple[str, str]:
        splitter = ThinkSplitter()
        parts = [*(splitter.feed(piece) for piece in pieces), splitter.finish()]
        return "".join(p[0] for p in parts), "".join(p[1] for p in parts)

    bounds = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    pieces = [text[a:b] for a, b in pairwise(bounds)]
    assert texts(pieces) == texts([text])


def test_a_thought_at_the_start_is_reasoning_and_one_later_is_text() -> None:
    items = read(chunk({"content": " <think>hm</thi"}), chunk({"content": "nk>\n\nyes <think>"}, "stop"), "[DONE]")
    assert [i for i in items if isinstance(i, ReasoningDelta)] == [ReasoningDelta("hm")]
    assert "".join(i.text for i in items if isinstance(i, TextDelta)) == "yes <think>"


# -- fuzz -----------------------------------------------------------------------------------------------------

VALUES: list[JSON] = [
    None,
    True,
    0,
    -1,
    1e308,
    10**30,
    "",
    "x",
    "\ud800",
    [],
    [None],
    {},
    {"a": []},
    [[[]]],
    "stop",
    429,
]
KEYS = ["choices", "delta", "message", "content", "tool_calls", "function", "index", "id", "name", "arguments", "usage"]
KEYS += [
    "prompt_tokens",
    "completion_tokens_details",
    "error",
    "code",
    "finish_reason",
    "reasoning",
    "refusal",
    "x_groq",
]


def mutated(value: JSON, rng: random.Random) -> JSON:
    """`value` with parts replaced, dropped, doubled or wrapped."""
    if rng.random() < 0.08:
        return rng.choice(VALUES)
    if isinstance(value, dict):
        changed = {k: mutated(v, rng) for k, v in value.items() if rng.random() > 0.03}
        if rng.random() < 0.1:
            changed[rng.choice(KEYS)] = rng.choice(VALUES)
        return changed
    if isinstance(value, list):
        return [mutated(v, rng) for v in value for _ in range(rng.choice((1, 1, 1, 1, 2, 0)))]
    return value


def sample_stream(rng: random.Random) -> bytes:
    """A plausible stream, then mutated as JSON, then as bytes."""
    events: list[JSON] = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": rng.choice(["", "<think>", "é", None])}}]},
        {"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}}]},
        {"choices": [{"index": 0, "delta": {"content": [{"type": "text", "text": "a"}]}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f"}}]}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens_details": {"reasoning_tokens": 1}}},
    ]
    chosen = [mutated(rng.choice(events), rng) for _ in range(rng.randint(0, 8))]
    data = b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in chosen) + rng.choice(
        [b"data: [DONE]\n\n", b""]
    )
    if rng.random() < 0.5:
        noise = bytearray(data)
        for _ in range(rng.randint(1, 6)):
            if noise:
                at = rng.randrange(len(noise))
                noise[at : at + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 3))
        data = bytes(noise)
    return data


@pytest.mark.parametrize("seed", range(10))
def test_no_stream_raises_anything_but_a_model_error(seed: int) -> None:
    rng = random.Random(seed)
    whole = 0
    for _ in range(500):
        parser, splitter = stream(), SSESplitter()
        data = sample_stream(rng)
        cut = rng.randint(0, len(data))
        try:
            events = splitter.feed(data[:cut]) + splitter.feed(data[cut:]) + splitter.finish()
        except UnicodeDecodeError:
            continue
        try:
            items = read(*(event.data for event in events), parser=parser)
        except ModelError as error:
            error.info.message.encode()
            assert "\n" not in error.info.message  # noqa: PT017
            continue
        assert [isinstance(item, Finished) for item in items] == [False] * (len(items) - 1) + [True]
        for item in items:
            if isinstance(item, TextDelta | ReasoningDelta):
                item.text.encode()
        whole += 1
    assert whole > 20  # the fuzz reaches the end often enough to mean something
