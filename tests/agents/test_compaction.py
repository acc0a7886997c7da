"""A conversation that gets too long for its model is made shorter, and stays one that providers take."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.agents.actions import CallModel, Fail, Record, Work
from swarmtui.agents.control_tools import Powers
from swarmtui.agents.thread import Thread
from swarmtui.agents.turns import next_action
from swarmtui.engine.ports import Done, Failed
from swarmtui.models.chat import model_error
from swarmtui.models.window import estimate_tokens
from swarmtui.plan.model import JSON, ModelRef
from swarmtui.plan.team import AgentDef, AgentLimits, Team
from swarmtui.session.vocabulary import ErrorKind
from tests.agents.scripted import Says, Toolbox, calls, world
from tests.agents.test_thread import well_formed

SMALL = ModelRef("acme", "m", context=3000)
MANY = AgentLimits(steps=200, tool_calls=1000)


def pages(size: int) -> Toolbox:
    return Toolbox().add("page", "word " * (size // 5))


def read(turns: int) -> list[Says]:
    return [calls(("page", {"n": n})) for n in range(turns)]


async def test_the_oldest_results_are_left_out_first_and_it_is_said() -> None:
    what = world(*read(5), "done", tools=pages(3000), ref=SMALL)
    assert isinstance(await what.to_the_end(), Done)
    results = [text for role, text in what.messages if role == "tool"]
    assert "left out to save room: a result of 3," in results[0]
    assert "word" in results[-1]
    assert any(entry["role"] == "cut" for entry in what.course.entries)


async def test_what_came_before_is_summed_up_by_the_model_when_that_is_not_enough() -> None:
    def reply(request):  # type: ignore[no-untyped-def]
        if "Sum it up." in request.messages[-1].content:
            return "the sum"
        assert estimate_tokens(request.messages, request.tools) <= 3000
        return (
            calls(("page", {"n": len(what.model.requests), "why": "y" * 900}))
            if what.model.requests[30:] == []
            else "end"
        )

    what = world(tools=pages(100), ref=SMALL, agent={"limits": MANY})
    what.model._replies = reply
    end = await what.to_the_end()
    assert isinstance(end, Done)
    assert any(entry["role"] == "summary" for entry in what.course.entries)
    assert "the sum" in what.messages[1][1]
    assert what.messages[1][1].startswith("do it\n\n<summary>")
    assert "the sum" not in what.course.text()  # it is no part of what the agent says


async def test_what_cannot_be_made_short_enough_is_an_error_before_the_call() -> None:
    what = world("never", ref=SMALL, prompt="word " * 5000)
    end = await what.to_the_end()
    assert isinstance(end, Failed)
    assert end.error.kind is ErrorKind.TOO_LONG
    assert "larger window" in end.error.message
    assert what.model.requests == []


async def test_where_the_window_is_not_known_the_providers_word_is_taken() -> None:
    long = model_error(ErrorKind.TOO_LONG, "too long")
    what = world(*read(4), long, "done", tools=pages(3000))
    assert isinstance(await what.to_the_end(), Done)
    assert estimate_tokens(what.model.requests[-1].messages) < estimate_tokens(what.model.requests[-2].messages)
    never = world(*read(3), *[long] * 20, tools=pages(3000))
    end = await never.to_the_end()
    assert isinstance(end, Failed)
    assert end.error.kind is ErrorKind.TOO_LONG


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 800)), max_size=25), st.integers(600, 6000))
def test_whatever_comes_the_model_is_never_sent_more_than_its_window_and_it_ends(
    turns: list[tuple[int, int]], window: int
) -> None:
    thread = Thread("a")
    powers = Powers("a", AgentDef(limits=MANY), Team(), may_wait=True)
    work = Work("do it", powers, window=window, limits=MANY)
    for number, (result, said) in enumerate(turns):
        for _ in range(100):
            action = next_action(thread, work)
            if isinstance(action, CallModel):
                assert estimate_tokens(action.messages, action.tools) <= window
                well_formed(action.messages)
                if action.summary_before is None:
                    break
                thread.take({"role": "summary", "before": action.summary_before, "content": "sum " * 20})
            elif isinstance(action, Fail):
                assert action.error.kind is ErrorKind.TOO_LONG
                return
            else:
                assert isinstance(action, Record)
                for entry in action.entries:
                    thread.take(entry)
        else:
            pytest.fail("it makes room without end")
        for entry in turn_of(number, said, result):
            thread.take(entry)


def turn_of(number: int, said: int, result: int) -> list[JSON]:
    call = {"id": f"c{number}", "name": "page", "arguments": f'{{"n": {number}}}'}
    return [
        {"role": "assistant", "agent": "a", "content": "w " * said, "calls": [call]},
        {"role": "tool", "call": f"c{number}", "name": "page", "content": "x" * result, "ok": True},
    ]
