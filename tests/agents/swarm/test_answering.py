"""Who answers for a name, and what swarmtui's own models look like to a swarm."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from swarmtui import Agent, Swarm
from swarmtui.agents.swarm.answering import ModelClient, Models
from swarmtui.models.catalog import CatalogError
from swarmtui.models.chat import (
    Accepted,
    ChatRequest,
    Finished,
    Message,
    ModelError,
    ReasoningDelta,
    StreamItem,
    TextDelta,
    ToolCall,
    model_error,
)
from swarmtui.models.net import Net
from swarmtui.plan.model import ModelRef
from swarmtui.session.vocabulary import ErrorKind, Usage
from tests.agents.swarm.scripted import USER
from tests.fakes.llm import FakeLLM


class Offline(Net):
    """No local server answers, whatever runs on this machine."""

    async def request_json(self, *_: Any, **__: Any) -> Any:
        raise model_error(ErrorKind.OUTAGE, "nobody there")


class Scripted:
    """A ChatModel that says what it is given, and what it was asked."""

    def __init__(self, *replies: list[StreamItem | ModelError]) -> None:
        self.replies = list(replies)
        self.asked: list[ChatRequest] = []

    async def stream(self, request: ChatRequest) -> AsyncGenerator[StreamItem, None]:
        self.asked.append(request)
        for item in self.replies.pop(0):
            if isinstance(item, ModelError):
                raise item
            yield item


END = Finished(Usage())


def found(given: Any, name: str, **environ: str) -> str:
    async def find() -> ModelRef:
        async with Offline() as net:
            return (await Models(given, environ).find(name, net))[1]

    return asyncio.run(find()).name


@pytest.mark.parametrize(
    ("given", "name", "environ", "answers"),
    [
        (None, "deepseek/deepseek-chat", {}, "deepseek/deepseek-chat"),
        ("simulated/instant", "deepseek/deepseek-chat", {}, "deepseek/deepseek-chat"),
        ("simulated/instant", "gpt-4o", {"OPENAI_API_KEY": "k"}, "simulated/instant"),
        (ModelRef("custom", "mine"), "gpt-4o", {}, "custom/mine"),
        (Scripted(), "gpt-4o", {}, "custom/gpt-4o"),
        (None, "gpt-4o", {"OPENAI_API_KEY": "k"}, "openai/gpt-4o"),
        (None, "gpt-4o", {"OPENAI_API_KEY": "k", "SWARMTUI_MODEL": "groq/x"}, "groq/x"),
        (None, "gpt-4o", {"DEEPSEEK_API_KEY": "k"}, "deepseek/deepseek-chat"),
        (None, "planner", {"DEEPSEEK_API_KEY": "k"}, "deepseek/deepseek-reasoner"),
        ("large", "gpt-4o", {"DEEPSEEK_API_KEY": "k"}, "deepseek/deepseek-reasoner"),
        (None, "gpt-4o", {}, "simulated/normal"),
    ],
)
def test_who_answers_for_a_name(given: Any, name: str, environ: dict[str, str], answers: str):
    assert found(given, name, **environ) == answers


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"OPENAI_API_KEY": "k"}, []),
        ({"DEEPSEEK_API_KEY": "k"}, ["deepseek/deepseek-chat answers for gpt-4o (there is no OPENAI_API_KEY)"]),
        ({}, ["nobody answers for gpt-4o here: replies are made up and marked [simulated]"]),
    ],
)
def test_that_another_model_answers_is_said_once(caplog, environ: dict[str, str], told: list[str]):
    async def twice() -> None:
        models = Models(None, environ)
        async with Offline() as net:
            for _ in range(2):
                await models.find("gpt-4o", net)

    with caplog.at_level(logging.WARNING):
        asyncio.run(twice())
    assert len(caplog.messages) == len(told)
    assert all(said.startswith(start) for said, start in zip(caplog.messages, told, strict=True))


def test_a_model_that_swarmtui_does_not_know_is_named_with_what_it_does():
    with pytest.raises(CatalogError, match="did you mean simulated/"):
        Swarm("simulatd/instant").run(Agent(), USER)


def test_the_simulated_model_plays_a_whole_run_in_every_way():
    def look_up(city):
        return "rain"

    agent, swarm = Agent(functions=[look_up]), Swarm("simulated/instant")
    response = swarm.run(agent, USER)
    assert [m["role"] for m in response.messages] == ["assistant", "tool", "assistant"]
    assert all(m["content"].startswith("[simulated]") for m in response.messages if m["role"] == "assistant")
    *_, last = swarm.run(agent, USER, stream=True)
    assert [m["content"] for m in last["response"].messages] == [m["content"] for m in response.messages]
    assert asyncio.run(swarm.arun(agent, USER)).messages == response.messages


def test_a_chat_model_gets_the_history_in_its_own_words():
    def look_up(city):
        """Looks."""
        return "rain"

    model = Scripted(
        [TextDelta("I look."), ToolCall("c1", "look_up", '{"city": "Ulm"}'), END], [TextDelta("Rain."), END]
    )
    said = [
        {"role": "developer", "content": "d"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    ]
    Swarm(model).run(Agent(instructions="i", functions=[look_up]), said)
    assert model.asked[1].messages == (
        Message("system", "i"),
        Message("system", "d"),
        Message("user", "ab"),
        Message("assistant", "I look.", (ToolCall("c1", "look_up", '{"city": "Ulm"}'),)),
        Message("tool", "rain", (), "c1"),
    )
    (tool,) = model.asked[0].tools
    assert (tool.name, tool.description, list(tool.parameters["properties"])) == ("look_up", "Looks.", ["city"])


def test_a_message_of_no_known_role_is_refused_in_words():
    with pytest.raises(ValueError, match="a message has the role 'robot': it must be one of system, "):
        Swarm("simulated/instant").run(Agent(), [{"role": "robot", "content": "x"}])


def two_calls() -> list[StreamItem | ModelError]:
    return [ToolCall("c1", "one", "{}"), ToolCall("c2", "two", "{}"), END]


def one():
    return "1"


def two():
    return "2"


@pytest.mark.parametrize("stream", [False, True])
def test_without_parallel_calls_only_the_first_is_made(stream: bool):
    for parallel, told in ((True, ["1", "2"]), (False, ["1"])):
        model = Scripted(two_calls(), [END])
        agent = Agent(functions=[one, two], parallel_tool_calls=parallel)
        response = Swarm(model).run(agent, USER, stream=stream)
        response = list(response)[-1]["response"] if stream else response
        assert [m["content"] for m in response.messages if m["role"] == "tool"] == told


def test_tool_choice_decides_what_is_offered():
    named = {"type": "function", "function": {"name": "two"}}
    for choice, offered in ((None, ["one", "two"]), ("none", []), ("required", ["one", "two"]), (named, ["two"])):
        model = Scripted([TextDelta("x"), END])
        Swarm(model).run(Agent(functions=[one, two], tool_choice=choice), USER)
        assert [tool.name for tool in model.asked[0].tools] == offered


def test_thoughts_are_streamed_apart_from_the_answer():
    model = Scripted([ReasoningDelta("hm"), TextDelta("yes"), END])
    steps = list(Swarm(model).run(Agent(), USER, stream=True))
    assert [s["reasoning_content"] for s in steps if s.get("reasoning_content")] == ["hm"]
    assert steps[-1]["response"].messages[0]["content"] == "yes"


async def create(model: Scripted, waits: list[float]) -> Any:
    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    client = ModelClient(Models(model, {}), sleep)
    try:
        return await client.create(model="m", messages=USER)
    finally:
        await client.aclose()


async def test_what_fails_by_chance_is_asked_again_after_the_providers_wait():
    throttled = model_error(ErrorKind.THROTTLED, "slow down", retry_after_s=7)
    waits: list[float] = []
    reply = await create(Scripted([throttled], [Accepted(), throttled], [TextDelta("hi"), END]), waits)
    assert reply["choices"][0]["message"]["content"] == "hi"
    assert waits == [7, 7]


@pytest.mark.parametrize(
    "failing",
    [
        [[model_error(ErrorKind.OUTAGE, "down")]] * 3,
        [[model_error(ErrorKind.REFUSED, "down")]],
        [[TextDelta("begun"), model_error(ErrorKind.OUTAGE, "down")]],
    ],
)
async def test_the_failure_comes_out_when_trying_again_does_not_help(failing: Any):
    model = Scripted(*failing)
    with pytest.raises(ModelError, match="down"):
        await create(model, [])
    assert model.replies == []


async def test_over_http_a_run_and_its_stream_say_the_same():
    async with FakeLLM() as provider:
        swarm = Swarm(ModelRef("custom", "m-1", base_url=provider.base_url))
        at_once = await asyncio.to_thread(swarm.run, Agent(), USER)
        again = await asyncio.to_thread(swarm.run, Agent(), USER)
        steps = [step async for step in swarm.arun(Agent(), USER, stream=True)]
    assert at_once.messages[0]["content"]
    assert again.messages == at_once.messages
    assert steps[-1]["response"].messages[0]["content"] == at_once.messages[0]["content"]
