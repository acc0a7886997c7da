"""The fake provider itself: what programs that are driven against it rely on."""

import json

import pytest

from swarmtui.models.net import Net, Timeouts
from swarmtui.plan.model import JSON
from tests.fakes.llm import Answer, Call, FakeLLM, Status, rule_from_json

QUICK = Timeouts(first_s=5.0, idle_s=5.0, total_s=10.0)
HELLO: dict[str, JSON] = {
    "/v1/chat/completions": {"stream": True, "messages": [{"role": "user", "content": "hello"}]},
    "/v1/messages?beta=true": {"stream": True, "messages": [{"role": "user", "content": [{"text": "hello"}]}]},
    "/v1beta/models/m:streamGenerateContent?alt=sse": {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]},
    "/v1/responses": {
        "stream": True,
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}],
    },
}


async def events(llm: FakeLLM, net: Net, path: str, body: JSON) -> list[JSON]:
    """What is streamed, parsed, without the end marker."""
    stream = net.stream_sse("POST", llm.root_url + path, {}, body, QUICK)
    return [json.loads(event.data) async for event in stream if event.data != "[DONE]"]


@pytest.mark.parametrize("path", HELLO)
async def test_each_dialect_streams_the_same_answer_and_finds_the_prompt(llm: FakeLLM, net: Net, path: str) -> None:
    llm.when("hello", Answer("one two", calls=(Call("look", {"at": "it"}),)))
    told = json.dumps(await events(llm, net, path, HELLO[path]))
    assert "one " in told
    assert "two" in told
    assert "look" in told
    assert llm.ledger[0].prompt == "hello"


async def test_responses_end_with_all_of_the_output_and_its_usage(llm: FakeLLM, net: Net) -> None:
    llm.will(Answer("done now", reasoning="so", calls=(Call("shell", {"command": ["ls"]}, id="c1"),)))
    told = await events(llm, net, "/v1/responses", HELLO["/v1/responses"])
    last = told[-1]
    assert last["type"] == "response.completed"
    assert [item["type"] for item in last["response"]["output"]] == ["reasoning", "message", "function_call"]
    assert last["response"]["output"][-1]["call_id"] == "c1"
    assert json.loads(last["response"]["output"][-1]["arguments"]) == {"command": ["ls"]}
    assert last["response"]["usage"]["total_tokens"] == 18
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    said = "".join(event["delta"] for event in told if event["type"] == "response.output_text.delta")
    assert said == "done now"


@pytest.mark.parametrize("path", [path for path in HELLO if "stream" not in path])
async def test_who_wants_no_stream_gets_one_document(llm: FakeLLM, net: Net, path: str) -> None:
    llm.will(Answer("one two"))
    whole = await net.request_json("POST", llm.root_url + path, {}, {**HELLO[path], "stream": False}, QUICK)
    assert "one two" in json.dumps(whole)


async def test_a_request_for_a_count_takes_nothing_of_the_script(llm: FakeLLM, net: Net) -> None:
    llm.will(Status(500))
    path = "/v1/messages/count_tokens"
    counted = await net.request_json("POST", llm.root_url + path, {}, HELLO["/v1/messages?beta=true"], QUICK)
    assert counted["input_tokens"] > 0


def test_a_rule_from_a_file_may_call_tools() -> None:
    rule = rule_from_json({"do": {"kind": "Answer", "calls": [{"name": "shell", "arguments": {"a": 1}}]}})
    assert rule.do == Answer(calls=(Call("shell", {"a": 1}),))
