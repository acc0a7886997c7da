"""Each dialect over real HTTP: a streamed chat, parallel calls, JSON of a schema; and every kind of sickness."""

import json
import logging
from dataclasses import replace
from typing import Any

import pytest

from swarmtui.models.chat import (
    ChatRequest,
    FinishReason,
    Message,
    ModelError,
    ReasoningDelta,
    Reply,
    TextDelta,
    Tool,
    ToolCall,
    complete,
)
from swarmtui.models.discover import make_model
from swarmtui.models.net import Net, Timeouts
from swarmtui.models.structured import structured
from swarmtui.plan.model import JSON
from swarmtui.session.vocabulary import ErrorKind
from tests.fakes.llm import Answer, Behaviour, Call, Cut, Drip, FakeLLM, Huge, Raw, Reset, Silence, SlowHeaders, Status
from tests.models.dialects import ENV, KEY, SPOKEN, Spoken, odd_events

QUICK = Timeouts(connect_s=1.0, first_s=0.4, idle_s=0.3, total_s=0.8)
PATIENT = Timeouts()
LOOK = Tool("look", "looks at something", {"type": "object", "properties": {"at": {"type": "string"}}})
SHAPE: JSON = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

pytestmark = pytest.mark.parametrize("spoken", SPOKEN, ids=lambda spoken: spoken.name)


def ask(spoken: Spoken, llm: FakeLLM, *talk: Message, **more: Any) -> ChatRequest:
    return ChatRequest(spoken.ref(llm), talk or (Message("user", "hello"),), **more)


async def failure(spoken: Spoken, llm: FakeLLM, net: Net, timeouts: Timeouts = QUICK) -> ModelError:
    model = make_model(spoken.ref(llm), net, ENV)
    model._timeouts = timeouts  # type: ignore[attr-defined]
    with pytest.raises(ModelError) as raised:
        await complete(model, ask(spoken, llm))
    message = raised.value.info.message
    assert KEY not in message
    assert "\n" not in message
    return raised.value


async def test_a_chat_streams_piece_by_piece(spoken: Spoken, llm: FakeLLM, net: Net) -> None:
    usage = {"prompt_tokens": 20, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 12}}
    llm.will(Answer("one two é", reasoning="let me", usage=usage))
    deltas: list[object] = []
    reply = await complete(
        spoken.model(net, llm), ask(spoken, llm, Message("system", "be brief"), Message("user", "hi")), deltas.append
    )
    assert deltas[:2] == [ReasoningDelta("let "), ReasoningDelta("me")]
    assert deltas[2:] == [TextDelta("one "), TextDelta("two "), TextDelta("é")]
    assert (reply.usage.tokens_in, reply.usage.tokens_out, reply.usage.tokens_cached) == (20, 9, 12)
    assert reply.usage.first_token_s is not None
    assert reply.finish_reason is FinishReason.STOP
    assert llm.ledger[0].said == [("system", "be brief"), ("user", "hi")]
    sent = {name for name, value in llm.ledger[0].headers.items() if KEY in value}
    assert sent == {{"openai-chat": "authorization", "anthropic": "x-api-key", "gemini": "x-goog-api-key"}[spoken.name]}
    assert KEY not in llm.ledger[0].path


async def test_connections_are_used_again(spoken: Spoken, llm: FakeLLM, net: Net) -> None:
    for _ in range(3):
        await complete(spoken.model(net, llm), ask(spoken, llm))
    assert llm.connections == 1


async def test_parallel_calls_are_told_whole_and_their_results_given_back(
    spoken: Spoken, llm: FakeLLM, net: Net
) -> None:
    calls = (Call("look", {"at": "é"}, id="c-1"), Call("look", {"at": "b"}, id="c-2"))
    llm.will(Answer("wait", calls=calls, reasoning="I must look", signature="c2ln"), Answer("seen"))
    model = spoken.model(net, llm)
    first = await complete(model, ask(spoken, llm, tools=(LOOK,)))
    assert [(call.id, json.loads(call.arguments)) for call in first.tool_calls] == [
        ("c-1", {"at": "é"}),
        ("c-2", {"at": "b"}),
    ]
    assert first.finish_reason is FinishReason.TOOL_CALLS
    results = tuple(Message("tool", f"result {call.id}", tool_call_id=call.id) for call in first.tool_calls)
    talk = (Message("user", "hello"), first.message(), *results)
    assert (await complete(model, ask(spoken, llm, *talk, tools=(LOOK,)))).text == "seen"
    again = json.dumps(llm.ledger[1].body)
    assert again.index("result c-1") < again.index("result c-2")
    if spoken.name != "openai-chat":
        assert "c2ln" in again  # the signature


async def test_calls_without_ids_get_ones_that_differ_between_answers(spoken: Spoken, llm: FakeLLM, net: Net) -> None:
    events = b"".join(spoken.fake.stream(Answer(calls=(Call("look"),)), {}, "m-1"))
    nameless = events.replace(b'"id": "toolu_0"', b'"id": ""').replace(b'"id": "call_0"', b'"id": null')
    llm.will(Raw(nameless), Raw(nameless))
    ids = [(await complete(spoken.model(net, llm), ask(spoken, llm))).tool_calls[0].id for _ in range(2)]
    assert ids[0] != ids[1]


async def test_json_of_a_schema_comes_as_a_value(spoken: Spoken, llm: FakeLLM, net: Net) -> None:
    good = Answer(calls=(Call("reply", {"n": 3}),)) if spoken.name == "anthropic" else Answer('{"n": 3}')
    llm.will(good)
    found = await structured(ask(spoken, llm, schema=SHAPE), spoken.model(net, llm))
    assert (found.value, found.repaired) == ({"n": 3}, False)
    asked = llm.ledger[0].body
    by_itself = {
        "openai-chat": lambda: asked["response_format"]["json_schema"]["schema"] == SHAPE,
        "anthropic": lambda: asked["tool_choice"]["name"] == "reply" and asked["tools"][0]["input_schema"] == SHAPE,
        "gemini": lambda: asked["generationConfig"]["responseSchema"]["required"] == ["n"],
    }
    assert by_itself[spoken.name]()


async def test_json_that_is_wrong_is_asked_for_once_more(spoken: Spoken, llm: FakeLLM, net: Net) -> None:
    llm.will(Answer("I cannot say"), Answer('```json\n{"n": 4,}\n```'))
    found = await structured(ask(spoken, llm, schema=SHAPE), spoken.model(net, llm))
    assert (found.value, found.repaired) == ({"n": 4}, True)
    assert (found.usage.tokens_in, found.usage.calls) == (22, 2)
    assert "not JSON" in llm.ledger[1].prompt
    llm.will(Answer('{"n": "x"}'), Answer('{"n": "y"}'))
    with pytest.raises(ModelError, match=r"\$\.n: 'y' is not of type 'integer'") as raised:
        await structured(ask(spoken, llm, schema=SHAPE), spoken.model(net, llm))
    assert raised.value.info.kind is ErrorKind.MALFORMED
    assert len(llm.ledger) == 4


# -- sickness -------------------------------------------------------------------------------------------------

SICK: dict[str, tuple[Behaviour, ErrorKind]] = {
    "429": (Status(429, {"retry-after": "7"}), ErrorKind.THROTTLED),
    "529": (Status(529), ErrorKind.THROTTLED),
    "500": (Status(500), ErrorKind.OUTAGE),
    "503 in HTML": (Status(503, body="<html>down</html>", content_type="text/html"), ErrorKind.OUTAGE),
    "401": (Status(401, body={"error": {"message": f"bad key {KEY}"}}), ErrorKind.REFUSED),
    "400": (Status(400, body={"error": {"message": f"odd: {KEY}", "type": "x"}}), ErrorKind.REFUSED),
    "404": (Status(404), ErrorKind.REFUSED),
    "cut": (Cut(after=2), ErrorKind.OUTAGE),
    "cut clean": (Cut(after=2, clean=True), ErrorKind.MALFORMED),
    "reset": (Reset(after=2), ErrorKind.OUTAGE),
    "silence": (Silence(), ErrorKind.OUTAGE),
    "stall": (Silence(after=2), ErrorKind.OUTAGE),
    "slow head": (SlowHeaders(), ErrorKind.OUTAGE),
    "drip": (Drip(), ErrorKind.OUTAGE),
    "comments": (Drip(every_s=0.1, comments=True), ErrorKind.OUTAGE),
    "endless line": (Huge(size=64 << 20), ErrorKind.MALFORMED),
    "endless events": (Huge(size=64 << 20, events=True), ErrorKind.MALFORMED),
    "no JSON": (Raw(b"data: {oops\n\n"), ErrorKind.MALFORMED),
    "key in no JSON": (Raw(f"data: {KEY}\n\n".encode()), ErrorKind.MALFORMED),
    "not UTF-8": (Raw(b"data: \xff\xfe\n\n"), ErrorKind.MALFORMED),
    "empty": (Raw(b""), ErrorKind.MALFORMED),
    "a page": (Raw(b"<html>", "text/html"), ErrorKind.MALFORMED),
    "a list": (Raw(b"data: [1]\n\n"), ErrorKind.MALFORMED),
    "an empty document": (Raw(b"{}", "application/json"), ErrorKind.MALFORMED),
}


SLOW = ("endless line", "endless events", "silence", "slow head", "drip", "comments")
"""What the connection has to bear, whatever is spoken over it: by default it does so in one dialect, elsewhere."""


@pytest.mark.parametrize(
    "sick", [pytest.param(name, marks=pytest.mark.chaos) if name in SLOW else name for name in SICK]
)
async def test_every_sickness_is_an_error_of_its_kind_in_one_line_without_the_key(
    sick: str, spoken: Spoken, llm: FakeLLM, net: Net
) -> None:
    behaviour, kind = SICK[sick]
    llm.will(behaviour)
    error = await failure(spoken, llm, net, PATIENT if isinstance(behaviour, Huge) else QUICK)
    assert error.info.kind is kind, error.info.message
    if sick == "429":
        assert error.info.retry_after_s == 7
    assert len(llm.ledger) == 1


async def test_odd_events_end_in_an_answer_or_an_error_of_the_model(spoken: Spoken, llm: FakeLLM, net: Net) -> None:
    odd = odd_events(spoken)
    model = spoken.model(net, llm)
    ends: set[str] = set()
    for at in range(0, len(odd), 12):
        llm.will(Raw(spoken.good()[:-400] + odd[at] + b"".join(odd[at + 1 : at + 12]) + spoken.good(), pieces=3))
        try:
            reply = await complete(model, ask(spoken, llm))
        except ModelError as error:
            ends.add(error.info.kind)
        else:
            assert isinstance(reply, Reply)
            json.dumps([reply.text, reply.reasoning, reply.extra], ensure_ascii=False).encode()
            ends.add("answered")
    assert ErrorKind.MALFORMED in ends


async def test_who_stops_listening_closes_the_connection(spoken: Spoken, llm: FakeLLM, net: Net) -> None:
    llm.will(Answer(tokens=5000, tokens_per_s=500))
    stream = spoken.model(net, llm).stream(ask(spoken, llm))
    async for item in stream:
        if isinstance(item, TextDelta):
            break
    await stream.aclose()
    await llm.until_closed()
    assert llm.ledger[0].ended == "gone"


async def test_the_key_is_in_no_log(spoken: Spoken, llm: FakeLLM, net: Net, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await complete(spoken.model(net, llm), ask(spoken, llm))
    llm.will(Status(401, body={"error": {"message": f"bad key {KEY}"}}))
    await failure(spoken, llm, net)
    assert KEY not in caplog.text


async def test_a_request_that_surely_does_not_fit_is_not_sent(spoken: Spoken, llm: FakeLLM, net: Net) -> None:
    ref = replace(spoken.ref(llm), context=1000)
    request = ChatRequest(ref, (Message("user", "word " * 2000),))
    with pytest.raises(ModelError, match=r"about 2,5.. tokens do not fit the 1,000 of acme/m-1") as raised:
        await complete(spoken.model(net, llm), request)
    assert raised.value.info.kind is ErrorKind.TOO_LONG
    assert llm.ledger == []


async def test_a_whole_document_instead_of_a_stream_is_read(spoken: Spoken, llm: FakeLLM, net: Net) -> None:
    answer = Answer("so it is", calls=(Call("look", {"at": "x"}, id="c-9"),))
    document = spoken.fake.whole(answer, {}, "m-1")
    llm.will(Raw(json.dumps(document).encode(), "application/json"))
    reply = await complete(spoken.model(net, llm), ask(spoken, llm))
    assert (reply.text, reply.tool_calls) == ("so it is", (ToolCall("c-9", "look", '{"at": "x"}'),))
    assert reply.usage.tokens_out == 7
