"""Where an agent stands: the same from its recorded entries, wherever a crash cut them; nothing done twice."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.agents.actions import CallModel, CallTools, Fail, Finish, Record, Suspend, Work
from swarmtui.agents.control_tools import Powers
from swarmtui.agents.thread import Thread
from swarmtui.agents.turns import next_action
from swarmtui.engine.ports import Done, Suspended
from swarmtui.models.chat import ChatRequest, Message
from swarmtui.plan.model import JSON
from swarmtui.plan.team import AgentDef, AgentLimits, Team
from swarmtui.safety.permissions import Effect, Rule
from tests.agents.scripted import Course, Crash, Says, ScriptedModel, Toolbox, World

AGENTS = {
    "a": AgentDef(
        "I am a",
        tools=("read", "save", "risk", "ask_user", "create_subagent", "assign_task"),
        handoffs=("b",),
        limits=AgentLimits(steps=12, tool_calls=40, subagents=6),
    ),
    "b": AgentDef("I am b", tools=("read", "save", "risk"), handoffs=("a",)),
}

_calls = st.one_of(
    st.tuples(st.sampled_from(["read", "save", "risk"]), st.fixed_dictionaries({"n": st.integers(0, 9)})),
    st.just(("ask_user", {"question": "which?"})),
    st.tuples(st.just("create_subagent"), st.just({"name": "eva", "system_prompt": "read"})),
    st.tuples(
        st.just("assign_task"), st.fixed_dictionaries({"agent": st.just("eva"), "prompt": st.text("xy", max_size=2)})
    ),
    st.sampled_from([("transfer_to_b", {}), ("transfer_to_a", {}), ("nothing", {}), ("read", "no json")]),
)
_scripts = st.lists(st.lists(_calls, max_size=4).map(tuple), max_size=6)


def told(script: list[tuple[tuple[str, JSON], ...]], request: ChatRequest) -> Says:
    """The reply that `script` has for the turn that the request shows to have come."""
    turn = sum(message.role == "assistant" for message in request.messages)
    made = script[turn] if turn < len(script) and request.tools else ()
    offered = {tool.name for tool in request.tools} | {"nothing"}
    made = tuple(call for call in made if call[0] in offered)
    return Says("" if made else f"answer {turn}", made)


def world_of(script: list[tuple[tuple[str, JSON], ...]]) -> World:
    tools = Toolbox().add("read", "text", Effect.NETWORK, untrusted=True)
    tools.add("save", "saved", Effect.WRITE).add("risk", "done", Effect.WRITE)
    answers = {"question": "that one", "permission": "allow once"}
    model = ScriptedModel(lambda request: told(script, request))
    return World(model, tools, AGENTS, (Rule("allow", "save", untrusted=True),), answers=answers)


def well_formed(messages: tuple[Message, ...]) -> None:
    """Each call of an answer is followed by its one result, in the order of the calls."""
    waiting: list[str] = []
    for message in messages:
        if message.role == "tool":
            assert waiting
            assert message.tool_call_id == waiting.pop(0)
        else:
            assert not waiting
        waiting += [call.id for call in message.tool_calls]
    assert not waiting


async def run(world: World, crashes: list[int]) -> Any:
    """To the end, with a crash each time that so many entries are recorded."""
    left = sorted(set(crashes))
    while True:
        world.course.crash_at = next((at for at in left if at >= len(world.course.thread)), None)
        try:
            return await world.to_the_end()
        except BaseException as broke:
            if not crashed(broke):
                raise
            left = [at for at in left if at != world.course.crash_at]
            world.course.crash_at = None
            await _answer_what_waits(world)


def crashed(error: BaseException) -> bool:
    return isinstance(error, Crash) or (
        isinstance(error, BaseExceptionGroup) and all(crashed(one) for one in error.exceptions)
    )


async def _answer_what_waits(world: World) -> None:
    """A crash in mid-answer left tasks assigned, whose results come all the same: the engine knows what it made."""
    thread = world.course.thread
    results = {node["node"] for entry in thread if entry["role"] == "results" for node in entry["nodes"]}
    nodes = [node for entry in thread if entry["role"] == "assigned" for node in entry["nodes"] if node not in results]
    if nodes:
        world.course.keep(
            {"role": "results", "nodes": [{"node": node, "state": "succeeded", "output": "late"} for node in nodes]}
        )


@given(_scripts, st.data())
@settings(max_examples=40, deadline=None)
def test_after_crashes_anywhere_nothing_that_changes_something_is_done_twice(
    script: list[tuple[tuple[str, JSON], ...]], data: st.DataObject
) -> None:
    whole = world_of(script)
    asyncio.run(whole.to_the_end())
    entries = st.integers(0, len(whole.course.thread) - 1)
    world = world_of(script)
    asyncio.run(run(world, data.draw(st.lists(entries, min_size=1, max_size=5))))
    contexts = Counter(
        context.call for (name, _), context in zip(world.tools.ran, world.tools.contexts, strict=True) if name != "read"
    )
    assert all(count == 1 for count in contexts.values())
    for request in world.model.requests:
        well_formed(request.messages)


@given(_scripts)
@settings(max_examples=35, deadline=None)
def test_the_next_action_is_the_same_for_the_agent_that_goes_on_and_for_one_rebuilt_from_its_entries(
    script: list[tuple[tuple[str, JSON], ...]],
) -> None:
    world = world_of(script)
    asyncio.run(world.to_the_end())
    live = Thread("a")
    entries = [entry for entry in world.course.thread if entry["role"] != "called"]
    for cut, entry in enumerate(entries, 1):
        live.take(entry)
        rebuilt = Thread.of("a", {}, entries[:cut])
        assert next_action(live, work(world, live)) == next_action(rebuilt, work(world, rebuilt))
        assert live == rebuilt


@given(_scripts)
@settings(max_examples=25, deadline=None)
def test_every_call_has_exactly_one_answer_and_the_agent_comes_to_an_end(
    script: list[tuple[tuple[str, JSON], ...]],
) -> None:
    world = world_of(script)
    end = asyncio.run(world.to_the_end())
    thread = Thread.of("a", {}, world.course.thread)
    asked = [call.id for turn in thread.turns for call in turn.calls]
    assert len(asked) == len(set(asked))
    assert isinstance(end, Done) or thread.denials >= 3
    assert set(thread.answers) == set(asked)


def work(world: World, thread: Thread) -> Work:
    name = thread.caller
    powers = Powers(name, AGENTS[name], Team(AGENTS, rules=world.rules), may_wait=True)
    tools = {key: tool for key, tool in world.tools._tools.items() if key in AGENTS[name].tools}
    return Work("do it", powers, tools, limits=AGENTS["a"].limits)


# -- what a crash leaves -----------------------------------------------------------------------------------------


def turn(*made: tuple[str, str, JSON]) -> JSON:
    asked = [{"id": id, "name": name, "arguments": json.dumps(arguments)} for id, name, arguments in made]
    return {"role": "assistant", "agent": "a", "content": "", "calls": asked}


def action(*entries: JSON) -> Any:
    thread = Thread.of("a", {}, entries)
    return next_action(thread, work(world_of([]), thread))


def called(id: str, name: str) -> JSON:
    return {"role": "called", "call": id, "name": name}


def test_a_read_that_was_cut_off_is_made_again() -> None:
    found = action(turn(("1", "read", {})), called("1", "read"))
    assert isinstance(found, CallTools)


def test_a_change_that_was_cut_off_is_not_made_again_and_the_model_is_told() -> None:
    found = action(turn(("1", "save", {})), called("1", "save"))
    assert isinstance(found, Record)
    assert "not known whether" in found.entries[0]["content"]


@pytest.mark.parametrize("said", ["repeat", "yes"])
def test_a_change_that_was_cut_off_is_made_again_by_a_persons_word_for_it(said: str) -> None:
    answer = {"role": "answer", "call": "1", "content": said}
    found = action(turn(("1", "save", {})), called("1", "save"), answer)
    assert isinstance(found, CallTools)
    before = action(turn(("1", "risk", {})), {**answer, "content": "allow once"}, called("1", "risk"))
    assert isinstance(before, Record)  # that word was for the call that was cut off


def test_a_task_that_was_given_away_and_not_come_back_is_waited_for_still() -> None:
    made = {"name": "eva", "instructions": "x", "model": "small", "tools": [], "limits": {}}
    thread = [
        turn(("1", "create_subagent", {"name": "eva", "system_prompt": "x"})),
        {
            "role": "tool",
            "call": "1",
            "name": "create_subagent",
            "content": "made",
            "ok": True,
            "own": True,
            "made": made,
        },
        turn(("2", "assign_task", {"agent": "eva", "prompt": "x"})),
    ]
    found = action(*thread)
    assert isinstance(found, Suspend)
    assert action(*thread, {"role": "assigned", "call": "2", "nodes": ["n"]}) == found
    back = {"role": "results", "nodes": [{"node": "n", "state": "succeeded", "output": "there"}]}
    assert isinstance(action(*thread, {"role": "assigned", "call": "2", "nodes": ["n"]}, back), CallModel)


def test_an_answer_that_was_recorded_is_the_end_without_another_call() -> None:
    assert action({"role": "assistant", "agent": "a", "content": "so", "calls": []}) == Finish("so")


def test_three_denials_are_the_end_however_often_it_is_tried() -> None:
    denied = [
        entry
        for n in range(3)
        for entry in (
            turn((str(n), "save", {})),
            {"role": "tool", "call": str(n), "name": "save", "content": "no", "ok": False, "own": True, "denied": True},
        )
    ]
    assert isinstance(action(*denied), Fail)


def test_entries_of_roles_that_are_not_known_change_nothing() -> None:
    assert action({"role": "weather", "content": "rain"}) == action()


def test_a_second_result_of_a_call_is_ignored() -> None:
    first = {"role": "tool", "call": "1", "name": "read", "content": "one", "ok": True}
    thread = Thread.of("a", {}, [turn(("1", "read", {})), first, {**first, "content": "two"}])
    assert "one" in thread.answers["1"].text


def test_what_tools_set_is_found_by_the_instructions_of_the_next_agent() -> None:
    entry = {"role": "tool", "call": "1", "name": "read", "content": "x", "ok": True, "context": {"who": "Eva"}}
    assert Thread.of("a", {"who": "x"}, [turn(("1", "read", {})), entry]).context == {"who": "Eva"}


async def test_a_suspended_attempt_asks_for_all_at_once() -> None:
    script = [
        (("ask_user", {"question": "q"}), ("risk", {}), ("create_subagent", {"name": "eva", "system_prompt": "x"}))
    ]
    world = world_of([(*script[0], ("assign_task", {"agent": "eva", "prompt": "p"}))])
    end = await world.once()
    assert isinstance(end, Suspended)
    assert len(end.assignments) == 1
    assert [inquiry.kind for inquiry in end.inquiries] == ["question", "permission"]
    assert isinstance(world.course, Course)
