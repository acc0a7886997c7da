"""What happens next in a run, without anybody who does it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui import Agent, Result
from swarmtui.agents.swarm.loop import Ask, Conversation, Done, Invoke, failure_text
from tests.agents.swarm.scripted import USER, calls, says


def asked(conversation: Conversation) -> Ask:
    action = conversation.next()
    assert isinstance(action, Ask)
    return action


def wanted(conversation: Conversation) -> Invoke:
    action = conversation.next()
    assert isinstance(action, Invoke)
    return action


def test_asking_comes_first_and_stays_until_it_is_answered():
    conversation = Conversation(Agent(name="A"), USER)
    assert asked(conversation) is asked(conversation)
    conversation.answered(says("hi"))
    done = conversation.next()
    assert isinstance(done, Done)
    assert done.response.messages == [{**says("hi"), "sender": "A"}]


def test_calls_are_wanted_one_after_the_other_in_order():
    def one():
        pass

    def two():
        pass

    conversation = Conversation(Agent(functions=[one, two]), USER)
    asked(conversation)
    conversation.answered(calls(("two", {}), ("one", {})))
    assert wanted(conversation).function is two
    conversation.returned("2")
    assert wanted(conversation).function is one
    conversation.raised(KeyError("k"))
    assert [m["content"] for m in asked(conversation).parameters["messages"][3:]] == ["2", "Error: KeyError: 'k'"]


def test_the_context_a_function_gets_is_the_runs_own():
    def take(context_variables):
        pass

    conversation = Conversation(Agent(functions=[take]), USER, {"a": 1})
    asked(conversation)
    conversation.answered(calls(("take", {})))
    wanted(conversation).arguments["context_variables"]["b"] = 2
    conversation.returned(Result(context_variables={"c": 3}))
    asked(conversation)
    conversation.answered(says("x"))
    done = conversation.next()
    assert isinstance(done, Done)
    assert done.response.context_variables == {"a": 1, "b": 2, "c": 3}


def test_a_report_that_nobody_asked_for_is_a_mistake():
    conversation = Conversation(Agent(), USER)
    for report in (lambda: conversation.answered(says("x")), lambda: conversation.returned(1)):
        with pytest.raises(RuntimeError):
            report()
    asked(conversation)
    with pytest.raises(RuntimeError):
        conversation.returned(1)


def test_async_instructions_are_refused_in_words():
    async def instructions(context):
        return "x"

    with pytest.raises(TypeError, match="instructions of agent A are an async function"):
        Conversation(Agent(name="A", instructions=instructions), USER).next()


def test_a_failure_is_told_in_one_short_clean_line():
    told = failure_text(ValueError("a\x1b[31mb\n" + "c" * 10_000))
    assert told.startswith("Error: ValueError: ab ccc")
    assert len(told) < 700
    assert failure_text(KeyError()) == "Error: KeyError"


def ok() -> str:
    return "ok"


def bad() -> str:
    raise OSError("bad")


_CALLS = st.lists(
    st.tuples(st.sampled_from(["ok", "bad", "missing", ""]), st.sampled_from(["{}", "", "[", "3", '{"x": 1}'])),
    max_size=4,
)


@given(st.lists(_CALLS, max_size=6), st.integers(0, 5) | st.just(float("inf")))
def test_every_call_is_answered_once_in_order_and_no_more_turns_are_taken_than_allowed(script, max_turns):
    conversation = Conversation(Agent(functions=[ok, bad]), USER, max_turns=max_turns)
    left, turns = iter(script), 0
    while not isinstance(action := conversation.next(), Done):
        if isinstance(action, Ask):
            turns += 1
            conversation.answered(calls(*next(left, ())))
        else:
            try:
                conversation.returned(action.function(**action.arguments))
            except (OSError, TypeError) as error:
                conversation.raised(error)
    assert turns <= max_turns
    messages = action.response.messages
    while messages:
        turn = messages.pop(0)
        answers = [messages.pop(0) for _ in turn["tool_calls"]]
        assert [m["role"] for m in (turn, *answers)] == ["assistant", *["tool"] * len(answers)]
        assert [m["tool_call_id"] for m in answers] == [call["id"] for call in turn["tool_calls"]]
    json.dumps(action.response.messages)


def test_whoever_is_asked_cannot_change_the_callers_messages():
    messages = [{"role": "user", "content": "hello"}]
    conversation = Conversation(Agent(), messages)
    asked(conversation).parameters["messages"][1]["content"] = "changed"
    assert messages == [{"role": "user", "content": "hello"}]
