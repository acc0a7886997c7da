"""A prompt of several turns: it goes on until the model says task_complete or the turns are used up."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from swarmtui.engine.ports import Done, Failed
from swarmtui.models.chat import ToolCall
from swarmtui.models.discover import make_model
from swarmtui.models.net import Net
from swarmtui.plan.model import Check, ModelRef, PromptSpec
from swarmtui.session.vocabulary import ErrorKind
from swarmtui.workers.conversation import CONTINUE, SIMULATED_RESPONSE, says_complete, tool_asked_for
from swarmtui.workers.prompt import PromptWorker
from tests.fakes.llm import Answer, FakeLLM, Status
from tests.workers.building import attempt, carry_out


@pytest.fixture
async def llm() -> AsyncIterator[FakeLLM]:
    async with FakeLLM() as server:
        yield server


async def converse(llm: FakeLLM, turns: int, **more: Any) -> Done | Failed:
    model = ModelRef("acme", "m", base_url=llm.base_url, price_in=1.0, price_out=1.0)
    async with Net() as net:
        worker = PromptWorker(lambda ref: make_model(ref, net, {}))
        return await carry_out(worker, attempt(PromptSpec("do it", turns=turns), model=model, **more))


def told(llm: FakeLLM, call: int) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in llm.ledger[call].body["messages"]]


async def test_a_conversation_ends_when_an_answer_says_task_complete(llm: FakeLLM) -> None:
    llm.will(Answer("first step"), Answer('{"task_complete": true}'), Answer("never asked"))
    done = await converse(llm, 20)
    assert isinstance(done, Done)
    record = json.loads(done.output)
    assert (record["turns"], record["task_complete"], record["answer"]) == (2, True, '{"task_complete": true}')
    assert [message["role"] for message in record["messages"]] == ["user", "assistant", "user", "assistant"]
    assert len(llm.ledger) == 2
    assert told(llm, 1) == [("user", "do it"), ("assistant", "first step"), ("user", CONTINUE)]


async def test_it_ends_after_its_turns_and_says_that_it_is_not_complete(llm: FakeLLM) -> None:
    done = await converse(llm, 3)
    assert isinstance(done, Done)
    record = json.loads(done.output)
    assert (record["turns"], record["task_complete"]) == (3, False)
    assert len(llm.ledger) == 3


async def test_one_turn_gives_the_answer_itself(llm: FakeLLM) -> None:
    llm.will(Answer("just this"))
    done = await converse(llm, 1)
    assert isinstance(done, Done)
    assert done.output == "just this"


async def test_who_asks_for_a_tool_is_given_a_response_that_is_labelled_as_simulated(llm: FakeLLM) -> None:
    llm.will(Answer('{"tool": "search", "arguments": {"q": "rivers"}}'), Answer("task_complete"))
    await converse(llm, 5)
    role, content = told(llm, 1)[-1]
    assert role == "user"
    assert content.startswith(SIMULATED_RESPONSE)
    assert "search" in content


async def test_a_tool_call_proper_is_answered_too(llm: FakeLLM) -> None:
    call = {"index": 0, "id": "c", "function": {"name": "lookup", "arguments": "{}"}}
    llm.will(Answer(tool_calls=(call,), finish_reason="tool_calls"), Answer("task_complete"))
    done = await converse(llm, 5)
    assert isinstance(done, Done)
    assert "lookup" in told(llm, 1)[-1][1]
    assert json.loads(done.output)["task_complete"] is True


async def test_usage_is_that_of_all_turns(llm: FakeLLM) -> None:
    done = await converse(llm, 3)
    assert (done.usage.tokens_in, done.usage.tokens_out) == (33, 21)
    assert done.usage.cost_usd == pytest.approx(3 * 18 / 1e6)


async def test_a_failed_turn_fails_the_attempt_with_what_was_said_before(llm: FakeLLM) -> None:
    llm.will(Answer("first step"), Status(500))
    failed = await converse(llm, 5)
    assert isinstance(failed, Failed)
    assert failed.error.kind is ErrorKind.OUTAGE
    assert failed.output.startswith("first step")
    assert (failed.usage.tokens_in, failed.usage.tokens_out) == (11, 7)
    assert (failed.usage.calls, failed.usage.untold) == (2, 1)  # of the second turn nobody knows


async def test_the_schema_of_the_check_is_not_asked_of_single_turns(llm: FakeLLM) -> None:
    llm.will(Answer("task_complete"))
    await converse(llm, 2, check=Check(schema={"type": "object", "title": "mine"}))
    assert "mine" not in json.dumps(llm.ledger[0].body)


@pytest.mark.parametrize(
    ("answer", "complete"),
    [
        ("All done. TASK_COMPLETE", True),
        ('{"task_complete": true, "x": 1}', True),
        ("task_complete = true", True),
        ('{"task_complete": false}', False),
        ("task_complete: no", False),
        ('{"task_complete":null}', False),
        ("not yet task_completed", False),
        ("the task is complete", False),
    ],
)
def test_what_counts_as_complete(answer: str, complete: bool) -> None:
    assert says_complete(answer) is complete


@pytest.mark.parametrize(
    ("answer", "tool"),
    [
        ('I call: {"tool_calls": [{"function": {"name": "grep"}}]}', "grep"),
        ('<tool_call>{"name": "ls", "arguments": {}}</tool_call>', "ls"),
        ("<tool_call>garbled", "a tool"),
        ('{"name": "Ada", "born": 1815}', None),
        ("the tool is a hammer", None),
        ('{"tool_call": null}', None),
    ],
)
def test_what_counts_as_asking_for_a_tool(answer: str, tool: str | None) -> None:
    assert tool_asked_for(answer) == tool
    assert tool_asked_for(answer, [ToolCall("1", "proper", "{}")]) == "proper"
