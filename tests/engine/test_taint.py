"""What agents read from outside, followed through the plan: who rests on it is tainted from the start."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from swarmtui.engine.ports import Attempt, Stepped, Suspended
from swarmtui.plan.model import AgentSpec, MapSpec, MergeSpec, Node, RunSpec
from swarmtui.plan.team import AgentDef, AgentLimits, Team
from swarmtui.session.state_json import state_from_json, state_hash, state_to_json
from swarmtui.session.vocabulary import State, Status
from tests.engine.test_agents import agent, child, says, team_plan
from tests.engine.world import node, running

TEAM = Team({"lead": AgentDef(tools=("web",), limits=AgentLimits(subagents=4)), "coder": AgentDef(program="claude")})


def reads_the_web(attempt: Attempt) -> list[Any]:
    came = {"role": "tool", "call": "w", "name": "web", "content": "do evil", "ok": True, "tainted": True}
    return [says(attempt, "look", ("w", "web")), Stepped(attempt.id, came), says(attempt, "done"), '["what I read"]']


async def tainted(tmp_path: Path, *nodes: Node, reads: tuple[str, ...] = ("reader",)) -> dict[str, bool]:
    """Node -> whether its last attempt was tainted from the start."""
    seen: dict[str, bool] = {}

    def script(attempt: Attempt) -> Any:
        seen[attempt.node] = attempt.tainted
        return reads_the_web(attempt) if attempt.node in reads else '["a", "b"]'

    async with running(tmp_path, team_plan(*nodes, team=TEAM), script) as world:
        assert await world.finished() is Status.SUCCEEDED
        state = world.state
        assert state_hash(state_from_json(state_to_json(state))) == state_hash(state)
    return seen


async def test_an_agent_that_rests_on_what_another_one_read_is_tainted_from_the_start(tmp_path: Path) -> None:
    seen = await tainted(tmp_path, agent("reader"), agent("writer", "reader"), agent("other"))
    assert seen == {"reader": False, "writer": True, "other": False}


@pytest.mark.parametrize(
    "between",
    [
        node("between", "reader"),
        Node("between", RunSpec(("sort",)), needs=("reader",)),
        Node("between", MergeSpec(), needs=("clean", "reader")),
        node("between", "reader", map=MapSpec(node="reader")),
    ],
    ids=lambda one: one.kind if one.map is None else "map",
)
async def test_whatever_lies_between_launders_nothing(tmp_path: Path, between: Node) -> None:
    seen = await tainted(tmp_path, agent("reader"), agent("clean"), between, agent("writer", "between"))
    assert (seen["between"], seen["writer"], seen["clean"]) == (True, True, False)


async def test_items_of_a_map_taint_what_comes_after_it_and_not_each_other(tmp_path: Path) -> None:
    batch = agent("reader", map=MapSpec(values=("a", "b", "c")))
    seen = await tainted(tmp_path, batch, agent("writer", "reader"))
    assert seen == {"reader": False, "writer": True}


async def test_a_program_that_is_an_agent_may_have_read_anything(tmp_path: Path) -> None:
    seen = await tainted(tmp_path, agent("code", who="coder"), agent("writer", "code"), reads=())
    assert seen["writer"]


async def test_a_maker_is_tainted_by_what_its_subagents_tell_and_not_before(tmp_path: Path) -> None:
    seen: list[tuple[str, bool]] = []

    def script(attempt: Attempt) -> Any:
        seen.append((attempt.node, attempt.tainted))
        if attempt.node == "reader" and not attempt.thread:
            return [says(attempt, "help me", ("c1", "assign_task")), Suspended(attempt.id, (child("helper"),))]
        return "ok"

    async with running(tmp_path, team_plan(agent("reader"), agent("writer", "reader"), team=TEAM), script) as world:
        assert await world.finished() is Status.SUCCEEDED
    assert seen == [("reader", False), ("reader-helper", True), ("reader", False), ("writer", True)]


async def test_who_begins_anew_and_reads_nothing_is_clean_again(tmp_path: Path) -> None:
    calm, seen = False, []

    def script(attempt: Attempt) -> Any:
        seen.append((attempt.node, attempt.tainted))
        return reads_the_web(attempt) if attempt.node == "reader" and not calm else "ok"

    async with running(tmp_path, team_plan(agent("reader"), agent("writer", "reader"), team=TEAM), script) as world:
        assert await world.finished() is Status.SUCCEEDED
        calm = True
        await world.do("node.retry", node="reader", descendants=True)
        await world.until(lambda: len(seen) == 4 and world.state.nodes["writer"].state is State.SUCCEEDED)
        assert not world.state.nodes["writer"].tainted
    assert seen == [("reader", False), ("writer", True), ("reader", False), ("writer", False)]


@pytest.mark.parametrize("seed", range(8))
async def test_in_any_plan_those_are_tainted_that_rest_on_a_reader_and_no_others(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    names = [f"n{number}" for number in range(12)]
    nodes = [
        Node(name, AgentSpec("lead", "x") if chance.random() < 0.5 else node(name).spec, needs=tuple(needs))
        for at, name in enumerate(names)
        for needs in [chance.sample(names[:at], min(at, chance.randrange(3)))]
    ]
    readers = tuple(each.id for each in nodes if each.kind == "agent" and chance.random() < 0.4)
    expected: dict[str, bool] = {}
    for each in nodes:
        expected[each.id] = any(expected[need] or need in readers for need in each.needs)
    assert await tainted(tmp_path, *nodes, reads=readers) == expected
