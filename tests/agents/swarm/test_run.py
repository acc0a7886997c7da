"""What a run does, the same in all eight ways of carrying it out."""

from __future__ import annotations

import asyncio
import json
from copy import deepcopy
from typing import Any

import pytest

from swarmtui import Agent, Result
from tests.agents.swarm.conftest import Way
from tests.agents.swarm.scripted import USER, WAYS, calls, says


def tool_texts(response: Any) -> list[str]:
    return [message["content"] for message in response.messages if message["role"] == "tool"]


def test_an_answer_without_calls_ends_the_run(way: Way):
    response = way(Agent(), says("hi"))
    (message,) = response.messages
    assert (message["role"], message["content"], message["sender"]) == ("assistant", "hi", "Agent")
    assert response.agent == Agent()


def test_a_function_is_called_once_with_its_arguments_and_the_model_told(way: Way):
    got: list[str] = []

    def look_up(city):
        got.append(city)
        return f"sunny in {city}"

    response = way(Agent(functions=[look_up]), calls(("look_up", {"city": "Ulm"})), says("It is sunny."))
    assert got == ["Ulm"]
    assert [m["role"] for m in response.messages] == ["assistant", "tool", "assistant"]
    told = response.messages[1]
    assert told == {"role": "tool", "tool_call_id": "c0", "tool_name": "look_up", "content": "sunny in Ulm"}
    assert response.messages[-1]["content"] == "It is sunny."


def test_without_execute_tools_the_first_answer_is_the_last(way: Way):
    def never():
        raise AssertionError

    response = way(Agent(functions=[never]), calls(("never", {})), execute_tools=False)
    (message,) = response.messages
    assert message["tool_calls"][0]["function"] == {"name": "never", "arguments": "{}"}


def test_a_function_that_returns_an_agent_hands_over(way: Way):
    second = Agent(name="Second", instructions="I am second.", model="m2")
    first = Agent(name="First", functions=[lambda: None], instructions="I am first.")

    def to_second():
        return second

    first.functions.append(to_second)
    response = way(first, calls(("to_second", {})), says("here"))
    assert response.agent is second
    assert json.loads(tool_texts(response)[0]) == {"assistant": "Second"}
    assert [m.get("sender") for m in response.messages] == ["First", None, "Second"]
    assert way.asked[1]["messages"][0] == {"role": "system", "content": "I am second."}
    assert way.asked[1]["model"] == "m2"
    assert way.asked[1]["tools"] is None
    assert [m["role"] for m in way.asked[1]["messages"]] == ["system", "user", "assistant", "tool"]


def test_of_several_handoffs_in_a_turn_all_are_told_and_the_last_wins(way: Way):
    one, two = Agent(name="One"), Agent(name="Two")

    def to_one():
        return one

    def to_two():
        return two

    agent = Agent(functions=[to_one, to_two])
    response = way(agent, calls(("to_one", {}), ("to_two", {})), says("done"))
    assert [json.loads(text)["assistant"] for text in tool_texts(response)] == ["One", "Two"]
    assert response.agent is two


def test_calls_after_a_handoff_are_still_those_of_the_agent_that_made_them(way: Way):
    def to_other():
        return Agent(name="Other")

    def mine():
        return "mine"

    response = way(Agent(functions=[to_other, mine]), calls(("to_other", {}), ("mine", {})), says("x"))
    assert tool_texts(response)[1] == "mine"


@pytest.mark.parametrize(
    ("value", "told"), [(None, "None"), ({"a": 1}, "{'a': 1}"), (7, "7"), (Result(value="v"), "v"), (Result(), "")]
)
def test_what_a_function_returns_is_told_as_text(way: Way, value: Any, told: str):
    def give():
        return value

    assert tool_texts(way(Agent(functions=[give]), calls(("give", {})), says("x"))) == [told]


def test_an_async_function_is_awaited(way: Way):
    async def give(n: int):
        await asyncio.sleep(0)
        return n + 1

    assert tool_texts(way(Agent(functions=[give]), calls(("give", {"n": 1})), says("x"))) == ["2"]


def test_an_unknown_function_is_told_and_the_others_are_called(way: Way):
    def known():
        return "yes"

    response = way(Agent(functions=[known]), calls(("missing", {}), ("known", {})), says("x"))
    assert tool_texts(response) == ["Error: Tool missing not found.", "yes"]


def test_a_function_that_raises_is_one_line_for_the_model_and_the_run_goes_on(way: Way):
    def fails():
        raise ValueError("no such\nitem")

    def stops():
        raise StopIteration

    response = way(Agent(functions=[fails, stops]), calls(("fails", {}), ("stops", {})), says("sorry"))
    assert tool_texts(response) == ["Error: ValueError: no such item", "Error: StopIteration"]
    assert response.messages[-1]["content"] == "sorry"


def test_a_value_that_cannot_be_text_is_told_like_any_other_failure(way: Way):
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    def give():
        return Odd()

    assert tool_texts(way(Agent(functions=[give]), calls(("give", {})), says("x"))) == ["Error: RuntimeError: no text"]


def test_arguments_that_do_not_fit_the_function_are_told(way: Way):
    def add(a, b):
        return a + b

    (told,) = tool_texts(way(Agent(functions=[add]), calls(("add", {"a": 1})), says("x")))
    assert told.startswith("Error: TypeError: ")
    assert "'b'" in told


@pytest.mark.parametrize("written", ['{"a": 1', "[1]", '"a"', "null", pytest.param("[" * 100_000, id="deep")])
def test_arguments_that_are_no_json_object_are_told(way: Way, written: str):
    def take(**given):
        raise AssertionError

    (told,) = tool_texts(way(Agent(functions=[take]), calls(("take", written)), says("x")))
    assert told.startswith("Error: the arguments of take are ")
    assert "\n" not in told


@pytest.mark.parametrize("written", ["", "  ", "{}"])
def test_no_arguments_at_all_stand_for_none(way: Way, written: str):
    def take():
        return "taken"

    assert tool_texts(way(Agent(functions=[take]), calls(("take", written)), says("x"))) == ["taken"]


def test_max_turns_counts_model_calls(way: Way):
    def again():
        return "more"

    script = [calls(("again", {})) for _ in range(10)]
    response = way(Agent(functions=[again]), *script, max_turns=4)
    assert len(way.asked) == 4
    assert [m["role"] for m in response.messages] == ["assistant", "tool"] * 4


def test_no_turns_ask_nobody(way: Way):
    response = way(Agent(), says("x"), max_turns=0)
    assert response.messages == []
    assert way.asked == []


def test_context_variables_are_injected_and_never_shown(way: Way):
    seen: list[Any] = []

    def greet(name, context_variables):
        seen.append((name, context_variables["mood"]))
        return "done"

    way(Agent(functions=[greet]), calls(("greet", {"name": "Ann"})), says("x"), context_variables={"mood": "good"})
    assert seen == [("Ann", "good")]
    parameters = way.asked[0]["tools"][0]["function"]["parameters"]
    assert parameters == {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def test_what_the_model_writes_as_context_is_not_believed(way: Way):
    def whoami(context_variables):
        return context_variables.get("user")

    made_up = calls(("whoami", {"context_variables": {"user": "root"}}))
    response = way(Agent(functions=[whoami]), made_up, says("x"), context_variables={"user": "ann"})
    assert tool_texts(response) == ["ann"]


def test_a_local_variable_of_that_name_asks_for_nothing(way: Way):
    def count():
        context_variables = {"n": 1}
        return len(context_variables)

    def forward(**given):
        return sorted(given)

    agent = Agent(functions=[count, forward])
    response = way(agent, calls(("count", {}), ("forward", {"a": 1})), says("x"), context_variables={"n": 5})
    assert tool_texts(response) == ["1", "['a']"]


def test_what_functions_learn_is_seen_after_the_turn(way: Way):
    def count(context_variables):
        n = context_variables["n"]
        return Result(value=str(n), context_variables={"n": n + 1})

    twice = calls(("count", {}), ("count", {}))
    response = way(Agent(functions=[count]), twice, calls(("count", {})), says("x"), context_variables={"n": 1})
    assert tool_texts(response) == ["1", "1", "2"]
    assert response.context_variables == {"n": 3}


def test_instructions_are_asked_of_the_context_before_each_model_call(way: Way):
    def learn():
        return Result(context_variables={"name": "Ann"})

    agent = Agent(instructions=lambda context: f"Help {context['name']}{context['missing']}.", functions=[learn])
    way(agent, calls(("learn", {})), says("x"), context_variables={"name": "Bob"})
    assert [asked["messages"][0]["content"] for asked in way.asked] == ["Help Bob.", "Help Ann."]


def test_instructions_that_take_nothing_are_called_with_nothing(way: Way):
    way(Agent(instructions=lambda: "Be brief."), says("x"))
    assert way.asked[0]["messages"][0] == {"role": "system", "content": "Be brief."}


def test_the_client_is_asked_as_openai_swarm_asks_it(way: Way):
    def f():
        """Does it."""

    plain = Agent(model="m", instructions="i")
    way(plain, says("x"))
    assert set(way.asked[0]) == {"model", "messages", "tools", "tool_choice", "stream"}
    way(Agent(functions=[f], tool_choice="required", parallel_tool_calls=False), says("x"), model_override="other")
    asked = way.asked[0]
    assert (asked["model"], asked["tool_choice"], asked["parallel_tool_calls"]) == ("other", "required", False)
    assert asked["tools"][0]["function"]["description"] == "Does it."


def test_nothing_of_the_callers_is_changed(way: Way):
    def spoil(context_variables):
        context_variables["list"].append(2)
        return Result(context_variables={"new": 1})

    messages, context = deepcopy(USER), {"list": [1]}
    response = way(
        Agent(functions=[spoil]), calls(("spoil", {})), says("x"), messages=messages, context_variables=context
    )
    assert messages == USER
    assert context == {"list": [1]}
    assert response.context_variables == {"list": [1, 2], "new": 1}


def test_the_history_can_be_given_back_for_the_next_run(way: Way):
    response = way(Agent(), says("one"))
    history = [*USER, *response.messages, {"role": "user", "content": "and?"}]
    response = way(Agent(), says("two"), messages=history)
    assert [m["content"] for m in response.messages] == ["two"]
    assert way.asked[0]["messages"][1:] == history


def test_what_the_instructions_raise_comes_out(way: Way):
    def broken(context):
        return context["a"]["b"]["c"]

    with pytest.raises(TypeError):
        way(Agent(instructions=broken), says("x"))


@pytest.mark.parametrize("way", [way for way in WAYS if "streamed" in way[1].__name__], indirect=True)
def test_a_stream_is_delimited_labelled_and_ends_with_the_response(way: Way):
    second = Agent(name="Second")

    def to_second():
        return second

    way(Agent(name="First", functions=[to_second]), calls(("to_second", {}), content="ok"), says("hi"))
    delims = [step["delim"] for step in way.steps if "delim" in step]
    assert delims == ["start", "end"] * 2
    middle = way.steps.index({"delim": "end"})
    turns = way.steps[1:middle], way.steps[middle + 2 : -1]
    assert ["".join(d["content"] or "" for d in turn) for turn in turns] == ["ok", "hi"]
    assert [{d["sender"] for d in turn if "sender" in d} for turn in turns] == [{"First"}, {"Second"}]
    assert all(turn[0]["role"] == "assistant" and turn[0]["sender"] for turn in turns)
    written = "".join(c["function"]["arguments"] or "" for d in turns[0] for c in d["tool_calls"] or ())
    assert json.loads(written) == {}
