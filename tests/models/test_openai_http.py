"""The client against a provider over real HTTP, in health and in every kind of sickness."""

import asyncio
import gc
import json
import logging
import sys
import tracemalloc
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing

import pytest

from swarmtui.models.catalog import Quirks
from swarmtui.models.chat import (
    ChatRequest,
    FinishReason,
    Message,
    ModelError,
    ReasoningDelta,
    Reply,
    TextDelta,
    Tool,
    complete,
)
from swarmtui.models.net import HTTPFailure, Net, Timeouts
from swarmtui.models.openai_chat import OpenAIChat
from swarmtui.models.sse import SSEvent
from swarmtui.plan.model import ModelRef
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind
from tests.fakes.llm import Answer, Cut, Drip, FakeLLM, Huge, Raw, Reset, Silence, SlowHeaders, Status

QUICK = Timeouts(connect_s=1.0, first_s=0.4, idle_s=0.3, total_s=1.5)
KEY = "sk-canary-0123456789abcdef"
ENV: Mapping[str, str] = {"ACME_API_KEY": KEY}


def ref(llm: FakeLLM) -> ModelRef:
    return ModelRef("acme", "m-1", base_url=llm.base_url, api_key_env="ACME_API_KEY")


def ask(llm: FakeLLM, prompt: str = "hello") -> ChatRequest:
    return ChatRequest(ref(llm), (Message("user", prompt),))


async def reply(llm: FakeLLM, net: Net, timeouts: Timeouts = Timeouts(), request: ChatRequest | None = None) -> Reply:
    return await complete(OpenAIChat(net, ENV, timeouts=timeouts), request or ask(llm))


async def failure(llm: FakeLLM, net: Net, timeouts: Timeouts = QUICK) -> ErrorInfo:
    with pytest.raises(ModelError) as raised:
        await reply(llm, net, timeouts)
    info = raised.value.info
    assert KEY not in info.message
    assert "\n" not in info.message
    return info


# -- health ---------------------------------------------------------------------------------------------------


async def test_a_reply_streams_piece_by_piece(llm: FakeLLM, net: Net) -> None:
    llm.will(Answer("one two three", reasoning="let me see"))
    deltas: list[object] = []
    whole = await complete(OpenAIChat(net, ENV), ask(llm), deltas.append)
    assert deltas[0] == ReasoningDelta("let ")
    assert deltas[-3:] == [TextDelta("one "), TextDelta("two "), TextDelta("three")]
    assert (whole.text, whole.reasoning) == ("one two three", "let me see")
    assert (whole.usage.tokens_in, whole.usage.tokens_out, whole.usage.model) == (11, 7, "acme/m-1")
    assert llm.ledger[0].path == "/v1/chat/completions"
    assert llm.ledger[0].headers["authorization"] == f"Bearer {KEY}"


async def test_the_first_token_is_timed_from_the_request(llm: FakeLLM, net: Net) -> None:
    llm.will(Answer("x", latency_s=0.15))
    took = (await reply(llm, net)).usage.first_token_s
    assert took is not None
    assert 0.15 <= took < 5


async def test_tool_calls_come_over_the_wire(llm: FakeLLM, net: Net) -> None:
    call = {"index": 0, "id": "c", "function": {"name": "clock", "arguments": "{}"}}
    llm.will(Answer(tool_calls=(call,), finish_reason="tool_calls"))
    tools = (Tool("clock", "tells time", {"type": "object"}),)
    whole = await reply(llm, net, request=ChatRequest(ref(llm), (Message("user", "?"),), tools=tools))
    assert [c.name for c in whole.tool_calls] == ["clock"]
    assert whole.finish_reason is FinishReason.TOOL_CALLS


async def test_what_a_prompt_may_hold_arrives_as_it_is_and_lone_surrogates_do_no_harm(llm: FakeLLM, net: Net) -> None:
    await reply(llm, net, request=ask(llm, "é 😀 \x00 \ud800 </goal>"))
    assert llm.ledger[0].prompt == "é 😀 \x00 ? </goal>"


async def test_connections_are_used_again(llm: FakeLLM, net: Net) -> None:
    for _ in range(5):
        await reply(llm, net)
    assert llm.connections == 1


async def test_a_kept_connection_that_the_server_closed_meanwhile_costs_no_call(llm: FakeLLM, net: Net) -> None:
    whole = b'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    llm.default = Raw(whole)  # in good order, and then it closes without having said so
    assert [(await reply(llm, net)).text for _ in range(20)] == ["x"] * 20
    assert len(llm.ledger) == 20


async def test_hundreds_of_streams_run_at_once(llm: FakeLLM, net: Net) -> None:
    llm.default = Answer("a b c", latency_s=0.3)
    texts = await asyncio.gather(*(reply(llm, net) for _ in range(300)))
    assert {r.text for r in texts} == {"a b c"}
    assert llm.most_open > 250


async def test_keep_alive_comments_count_as_life(llm: FakeLLM, net: Net) -> None:
    llm.will(Answer("late", keep_alives=8, keep_alive_s=0.1))
    assert (await reply(llm, net, QUICK)).text == "late"


async def test_a_document_instead_of_a_stream_is_read(llm: FakeLLM, net: Net) -> None:
    body = {"choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}]}
    llm.will(Status(200, body=body))
    assert (await reply(llm, net)).text == "whole"


async def test_a_cancelled_call_closes_its_connection(llm: FakeLLM, net: Net) -> None:
    llm.will(Silence(after=2))
    task = asyncio.create_task(reply(llm, net))
    await llm.until_asked()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await llm.until_closed()
    assert llm.ledger[0].ended == "gone"


async def test_a_reader_that_stops_early_closes_the_connection(llm: FakeLLM, net: Net) -> None:
    llm.will(Answer(tokens=10_000, tokens_per_s=100))
    async with aclosing(OpenAIChat(net, ENV).stream(ask(llm))) as items:
        async for _ in items:
            break
    await llm.until_closed()
    assert llm.ledger[0].ended == "gone"


async def test_a_connection_left_open_after_done_does_not_hold_the_reply_up(llm: FakeLLM, net: Net) -> None:
    text = b'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    llm.will(Raw(text + b": " + b"y" * 10))
    assert (await reply(llm, net)).text == "x"


# -- sickness -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"Retry-After": "-3"}, None),
        ({"retry-after": "1000000000"}, 600.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"retry-after-ms": "250"}, 0.25),
    ],
)
async def test_too_many_requests_is_throttled(
    llm: FakeLLM, net: Net, headers: dict[str, str], wait: float | None
) -> None:
    llm.will(Status(429, headers))
    info = await failure(llm, net)
    assert (info.kind, info.retry_after_s) == (ErrorKind.THROTTLED, wait)
    assert len(llm.ledger) == 1  # repeating is the scheduler's


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (500, None, ErrorKind.OUTAGE, "500"),
        (502, "<html>nginx</html>", ErrorKind.OUTAGE, "502"),
        (503, None, ErrorKind.OUTAGE, "503"),
        (529, None, ErrorKind.THROTTLED, "529"),
        (400, {"error": {"code": "context_length_exceeded", "message": "m"}}, ErrorKind.TOO_LONG, "acme/m-1"),
        (400, {"error": {"message": "bad temperature"}}, ErrorKind.REFUSED, "bad temperature"),
        (401, {"error": {"message": f"no such key {KEY}"}}, ErrorKind.REFUSED, "ACME_API_KEY"),
        (400, {"error": {"message": f"odd key {KEY}"}}, ErrorKind.REFUSED, "odd key ***"),
        (404, {"error": {"message": "not found"}}, ErrorKind.REFUSED, "m-1"),
        (302, None, ErrorKind.REFUSED, "base_url"),
    ],
)
async def test_an_error_status_has_its_kind(
    llm: FakeLLM, net: Net, status: int, body: object, kind: ErrorKind, says: str
) -> None:
    llm.will(Status(status, {"location": "http://127.0.0.1:1/evil"} if status == 302 else {}, body))
    info = await failure(llm, net)
    assert info.kind is kind
    assert says in info.message
    assert len(llm.ledger) == 1


@pytest.mark.parametrize(
    ("behaviour", "kind", "says"),
    [
        (SlowHeaders(), ErrorKind.OUTAGE, "silent for 0.4 s"),
        (Silence(), ErrorKind.OUTAGE, "silent for 0.4 s"),
        (Silence(after=2), ErrorKind.OUTAGE, "silent for 0.3 s"),
        (Drip(), ErrorKind.OUTAGE, "silent for 0.4 s"),
        (Drip(comments=True), ErrorKind.OUTAGE, "not finished its reply after 1.5 s"),
        (Answer(tokens=1000, tokens_per_s=20), ErrorKind.OUTAGE, "not finished its reply after 1.5 s"),
        (Reset(), ErrorKind.OUTAGE, "broke the connection"),
        (Reset(after=0), ErrorKind.OUTAGE, "broke the connection"),
        (Cut(), ErrorKind.OUTAGE, "broke the connection"),
        (Cut(clean=True), ErrorKind.MALFORMED, "in the middle"),
        (Raw(b"data: {not json}\n\n"), ErrorKind.MALFORMED, "not JSON"),
        (Raw(b"data: \xff\xfe\n\n"), ErrorKind.MALFORMED, "UTF-8"),
        (Raw(b'data: {"choices": []}\n\ndata: [DONE]\n\n'), ErrorKind.MALFORMED, "without any choice"),
        (Raw(b""), ErrorKind.MALFORMED, "in the middle"),
        (Raw(b"<html>hi</html>", "text/html"), ErrorKind.MALFORMED, "text/html"),
        (Raw(b"{", "application/json"), ErrorKind.MALFORMED, "not JSON"),
        (Raw(b"\x1f\x8b", headers={"content-encoding": "gzip"}), ErrorKind.MALFORMED, "compresses"),
        (Raw(b'data: {"error": {"message": "overloaded", "code": 529}}\n\n'), ErrorKind.THROTTLED, "overloaded"),
    ],
    ids=lambda value: repr(value)[:60],
)
async def test_a_sick_stream_ends_in_time_with_its_kind(
    llm: FakeLLM, net: Net, behaviour: Answer, kind: ErrorKind, says: str
) -> None:
    llm.will(behaviour)
    patient = Timeouts(first_s=10.0, idle_s=10.0, total_s=1.5 if "not finished" in says else 10.0)
    async with asyncio.timeout(20):
        info = await failure(llm, net, QUICK if "silent" in says else patient)  # a slow machine is no silence
    assert info.kind is kind
    assert says in info.message
    await llm.until_closed()


async def swallow(events: AsyncGenerator[SSEvent, None]) -> None:
    async with aclosing(events):
        async for _ in events:
            pass


@pytest.mark.chaos
@pytest.mark.parametrize("events", [False, True])
async def test_a_huge_body_is_cut_at_the_cap_without_filling_memory(llm: FakeLLM, net: Net, events: bool) -> None:
    llm.will(Huge(events=events))
    gc.collect()
    tracemalloc.start()
    try:
        with pytest.raises(ModelError) as raised:
            await swallow(net.stream_sse("POST", f"{llm.base_url}/chat/completions", {}, {}, Timeouts()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert raised.value.info.kind is ErrorKind.MALFORMED
    assert peak < 64 * 1024 * 1024
    await llm.until_closed()
    assert llm.ledger[0].sent < 64 * 1024 * 1024


async def test_an_endless_error_body_does_not_hide_the_status(net: Net) -> None:
    llm = FakeLLM()
    llm.will(Raw(b"x" * 5_000_000, "text/plain", status=503, pieces=100))
    async with llm:
        assert (await failure(llm, net)).kind is ErrorKind.OUTAGE


async def test_nobody_listening_is_an_outage(net: Net) -> None:
    llm = FakeLLM()
    await llm.start()
    await llm.stop()
    info = await failure(llm, net)
    assert info.kind is ErrorKind.OUTAGE
    assert str(llm.port) in info.message


@pytest.mark.parametrize("base_url", ["ftp://x", "nonsense", "http://[::1", "http://exa mple", "http://\ud800", ""])
async def test_an_impossible_address_is_refused(net: Net, base_url: str) -> None:
    request = ChatRequest(ModelRef("acme", "m", base_url=base_url), (Message("user", "x"),))
    with pytest.raises(ModelError) as raised:
        await complete(OpenAIChat(net, {}), request)
    assert raised.value.info.kind is ErrorKind.REFUSED
    assert "base_url" in raised.value.info.message or "address" in raised.value.info.message


async def test_a_missing_key_is_refused_before_anything_is_sent(llm: FakeLLM, net: Net) -> None:
    with pytest.raises(ModelError, match="ACME_API_KEY is not set"):
        await complete(OpenAIChat(net, {}), ask(llm))
    assert llm.ledger == []


async def test_without_a_key_variable_no_key_is_sent(llm: FakeLLM, net: Net) -> None:
    model = ModelRef("local", "m", base_url=llm.base_url)
    await complete(OpenAIChat(net, ENV, Quirks(key_optional=True)), ChatRequest(model, (Message("user", "x"),)))
    assert "authorization" not in llm.ledger[0].headers


async def test_neither_key_nor_address_reaches_the_log(
    llm: FakeLLM, net: Net, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await reply(llm, net)
        await reply(llm, net)
    assert KEY not in caplog.text
    assert llm.base_url not in caplog.text


async def test_loopback_is_reached_directly_whatever_proxy_the_environment_names(
    llm: FakeLLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with Net() as net:
        assert (await reply(llm, net)).text


async def test_after_each_sickness_the_client_is_as_good_as_new(llm: FakeLLM, net: Net) -> None:
    for behaviour in (Reset(), Cut(), Status(500), Raw(b"data: x\n\n"), Silence()):
        llm.will(behaviour)
        await failure(llm, net)
        assert (await reply(llm, net)).text


# -- documents ------------------------------------------------------------------------------------------------


async def test_a_json_document_is_fetched(llm: FakeLLM, net: Net) -> None:
    listing = await net.request_json("GET", f"{llm.base_url}/models", {})
    assert [entry["id"] for entry in listing["data"]] == ["fake-small", "fake-big"]


async def test_a_document_that_is_none_too_big_too_slow_or_refused_is_an_error(llm: FakeLLM, net: Net) -> None:
    url = f"{llm.base_url}/chat/completions"
    llm.will(Raw(b"<x>", "text/html"), Raw(json.dumps("x" * 9000).encode()), Silence(after=1), Status(403))
    kinds = []
    for _ in range(3):
        with pytest.raises(ModelError) as raised:
            await net.request_json("POST", url, {}, {}, QUICK, cap=8000)
        kinds.append(raised.value.info.kind)
    assert kinds == [ErrorKind.MALFORMED, ErrorKind.MALFORMED, ErrorKind.OUTAGE]
    with pytest.raises(HTTPFailure):
        await net.request_json("POST", url, {}, {}, QUICK)


@pytest.fixture
async def standalone() -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.llm", "--text", "from afar"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    yield json.loads(await process.stdout.readline())["base_url"]
    await process.communicate(b"")


async def test_the_fake_provider_runs_on_its_own(net: Net, standalone: str) -> None:
    request = ChatRequest(ModelRef("acme", "m", base_url=standalone), (Message("user", "x"),))
    assert (await complete(OpenAIChat(net, {}), request)).text == "from afar"
