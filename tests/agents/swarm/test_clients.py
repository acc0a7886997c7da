"""Clients of other people: real ones, mocks of them, and those that are neither."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest
from pydantic import BaseModel

from swarmtui import Agent, Swarm
from swarmtui.agents.swarm.replies import BadReply, Streamed, message_of
from tests.agents.swarm.scripted import (
    USER,
    AsyncScript,
    Script,
    awaited_streamed,
    calls,
    parts,
    says,
    streamed,
    whole,
)


class Function(BaseModel):
    name: str
    arguments: str


class Call(BaseModel, extra="allow"):
    id: str
    function: Function
    type: str = "function"


class ChatMessage(BaseModel, extra="allow"):
    role: str = "assistant"
    content: str | None = None
    tool_calls: list[Call] | None = None


def reply(message: Any) -> Any:
    return SimpleNamespace(choices=[SimpleNamespace(message=message)])


def mock_call(name: str, arguments: str) -> MagicMock:
    call = MagicMock(id="m1", type="function")
    call.function.name, call.function.arguments = name, arguments
    return call


def shout(text):
    return text.upper()


FORMS = {
    "dicts": [whole(calls(("shout", {"text": "a"}))), whole(says("end"))],
    "models": [
        reply(ChatMessage(tool_calls=[Call(id="c", function=Function(name="shout", arguments='{"text": "a"}'))])),
        reply(ChatMessage(content="end")),
    ],
    "namespaces": [
        reply(
            SimpleNamespace(
                content=None,
                tool_calls=[SimpleNamespace(id="c", function=SimpleNamespace(name="shout", arguments={"text": "a"}))],
            )
        ),
        reply(SimpleNamespace(role="assistant", content="end", tool_calls=None)),
    ],
    "mocks": [
        reply(MagicMock(content="", tool_calls=[mock_call("shout", '{"text": "a"}')])),
        reply(MagicMock(content="end")),
    ],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [MagicMock, AsyncMock])
def test_replies_of_every_form_are_read(form: str, kind: type[MagicMock]):
    client = MagicMock()
    client.chat.completions.create = kind(side_effect=FORMS[form])
    agent = Agent(functions=[shout])
    response = Swarm(client).run(agent, USER)
    assert [message["content"] for message in response.messages][1:] == ["A", "end"]
    client.chat.completions.create = kind(side_effect=FORMS[form])
    assert asyncio.run(Swarm(client).arun(agent, USER)).messages == response.messages


def test_what_else_a_provider_says_is_kept_and_given_back():
    signed = Call(id="c", function=Function(name="shout", arguments='{"text": "a"}'), signature="s")  # type: ignore[call-arg]
    first = ChatMessage(tool_calls=[signed], annotations=[1])  # type: ignore[call-arg]
    client = MagicMock()
    client.chat.completions.create.side_effect = [reply(first), reply(ChatMessage(content="end"))]
    Swarm(client).run(Agent(functions=[shout]), USER)
    given = client.chat.completions.create.call_args.kwargs["messages"][2]
    assert given["annotations"] == [1]
    assert given["tool_calls"][0]["signature"] == "s"


@pytest.mark.parametrize("nothing", [None, {}, {"choices": []}, SimpleNamespace(choices=None), {"choices": [{}]}, "hi"])
def test_what_is_no_completion_is_refused_in_one_line(nothing: Any):
    with pytest.raises(BadReply, match=r"has no choices\[0\]\.message: it is a"):
        message_of(nothing)
    client = MagicMock()
    client.chat.completions.create.return_value = [SimpleNamespace(delta=1)]
    with pytest.raises(BadReply, match="gave a SimpleNamespace without choices"):
        list(Swarm(client).run(Agent(), USER, stream=True))


def test_a_client_that_cannot_answer_is_refused_at_once():
    with pytest.raises(TypeError, match=r"a int cannot answer: client must be an object with chat\.completions"):
        Swarm(42)


def test_what_a_client_raises_comes_out():
    client = MagicMock()
    client.chat.completions.create.side_effect = ConnectionError("down")
    with pytest.raises(ConnectionError, match="down"):
        Swarm(client).run(Agent(), USER)
    with pytest.raises(ConnectionError, match="down"):
        asyncio.run(Swarm(client).arun(Agent(), USER))


def chunk(**delta: Any) -> dict[str, Any]:
    return {"choices": [{"delta": delta}]}


def test_calls_that_come_in_pieces_side_by_side_are_put_together():
    pieces = Streamed("A")
    for index, name in enumerate(("one", "two")):
        head = {"index": index, "id": f"c{index}", "function": {"name": name, "arguments": ""}}
        pieces.feed(chunk(role="assistant", tool_calls=[head]))
    for one, two in zip(parts('{"a": 1}'), parts('{"b": 2}'), strict=True):
        both = [{"index": 0, "function": {"arguments": one}}, {"index": 1, "function": {"arguments": two}}]
        pieces.feed(chunk(tool_calls=both))
    made = [(c["id"], c["function"]["name"], c["function"]["arguments"]) for c in pieces.finish()["tool_calls"]]
    assert made == [("c0", "one", '{"a": 1}'), ("c1", "two", '{"b": 2}')]


def test_providers_that_number_no_calls_and_repeat_their_heads_are_understood():
    pieces = Streamed("A")
    for call_id in ("x", "y"):
        for part in ("{", "}"):
            head = {"id": call_id, "type": "function", "function": {"name": f"do_{call_id}", "arguments": part}}
            delta = pieces.feed(chunk(role="assistant", tool_calls=[head]))
            assert delta is not None
            assert delta["sender"] == "A"
    made = [(c["function"]["name"], c["function"]["arguments"]) for c in pieces.finish()["tool_calls"]]
    assert made == [("do_x", "{}"), ("do_y", "{}")]


def test_a_stream_that_names_no_role_is_labelled_all_the_same():
    pieces = Streamed("A")
    first, second = (pieces.feed(chunk(content=text)) for text in "xy")
    assert first is not None
    assert (first["role"], first["sender"]) == ("assistant", "A")
    assert second is not None
    assert "sender" not in second


@pytest.mark.parametrize("run", [streamed, awaited_streamed])
def test_an_async_stream_may_come_without_an_await(run: Any):
    async def chunks():
        yield chunk(content="hi")

    client = MagicMock()
    client.chat.completions.create.side_effect = lambda **_: chunks()
    response, _ = run(client, Agent(), USER)
    assert response.messages[0]["content"] == "hi"


def test_a_stream_of_mocks_is_read():
    client = MagicMock()
    part = MagicMock()
    part.choices[0].delta.content = "hi"
    client.chat.completions.create.return_value.__iter__.return_value = iter([part, part])
    *_, last = Swarm(client).run(Agent(), USER, stream=True)
    assert last["response"].messages[0]["content"] == "hihi"


def test_a_stream_that_nobody_reads_to_its_end_is_closed():
    stream = MagicMock()
    stream.__iter__.return_value = iter([chunk(content="a"), chunk(content="b")])
    client = MagicMock()
    client.chat.completions.create.return_value = stream
    steps = Swarm(client).run(Agent(), USER, stream=True)
    assert [next(steps) for _ in range(2)][1]["content"] == "a"
    steps.close()
    stream.close.assert_called_once_with()


async def test_an_async_stream_that_nobody_reads_to_its_end_is_closed():
    ended: list[bool] = []

    async def chunks():
        try:
            while True:
                yield chunk(content="a")
        finally:
            ended.append(True)

    client = MagicMock()
    client.chat.completions.create = AsyncMock(side_effect=lambda **_: chunks())
    streaming = await Swarm(client).arun(Agent(), USER, stream=True)
    async for step in streaming:
        if step.get("content"):
            break
    await streaming.aclose()
    assert ended == [True]

    steps = Swarm(client).run(Agent(), USER, stream=True)
    assert [next(steps) for _ in range(2)][1]["content"] == "a"
    steps.close()
    assert ended == [True, True]


async def test_run_waits_for_async_functions_within_a_running_loop():
    async def give():
        await asyncio.sleep(0)
        return "given"

    response = Swarm(AsyncScript([calls(("give", {})), says("x")])).run(Agent(functions=[give]), USER)
    assert response.messages[1]["content"] == "given"


def test_an_async_function_may_run_the_same_swarm():
    swarm = Swarm(AsyncScript([calls(("ask", {})), says("inner"), says("outer")]))

    async def ask():
        return swarm.run(Agent(), USER).messages[-1]["content"]

    response = swarm.run(Agent(functions=[ask]), USER)
    assert [m["content"] for m in response.messages][1:] == ["inner", "outer"]


def test_functions_see_the_callers_context_and_arun_keeps_the_loop_free():
    variable: ContextVar[str] = ContextVar("variable")
    where: list[int] = []

    def plain():
        where.append(threading.get_ident())
        return variable.get()

    async def other():
        return variable.get()

    variable.set("mine")
    agent = Agent(functions=[plain, other])
    script = [calls(("plain", {}), ("other", {})), says("x")]
    responses = [Swarm(Script(script)).run(agent, USER), asyncio.run(Swarm(Script(script)).arun(agent, USER))]
    assert [[m["content"] for m in response.messages[1:3]] for response in responses] == [["mine", "mine"]] * 2
    assert [one == threading.get_ident() for one in where] == [True, False]


def test_a_swarm_leaves_no_thread_behind():
    swarm = Swarm(AsyncScript([says("x")]))
    swarm.run(Agent(), USER)
    names = [thread.name for thread in threading.enumerate()]
    assert "swarm-portal" in names
    before = names.count("swarm-portal")
    del swarm
    assert [thread.name for thread in threading.enumerate()].count("swarm-portal") == before - 1


def test_debug_goes_to_standard_error_and_is_clean(capsys):
    Swarm(Script([says("\x1b[2Jgone")])).run(Agent(name="Ann"), USER, debug=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "Ann asks gpt-4o" in err
    assert "gone" in err
    assert "\x1b" not in err
