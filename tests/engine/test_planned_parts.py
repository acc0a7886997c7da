"""Plan nodes: parts of a plan that are planned while it runs, each proposal decided on like a plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.engine.changes import bounded
from swarmtui.engine.commands import Refused
from swarmtui.engine.ports import Attempt, Draft, Suspended
from swarmtui.plan.lookup import references, render, texts
from swarmtui.plan.model import AgentSpec, Condition, MapSpec, Node, Plan, PlanSpec, PromptSpec, RunSpec
from swarmtui.plan.renaming import renamed
from swarmtui.plan.team import AgentDef, Team
from swarmtui.session import events as ev
from swarmtui.session import fold
from swarmtui.session.state_json import state_from_json, state_hash, state_to_json
from swarmtui.session.vocabulary import Status, Usage
from tests.engine.world import World, node, plan, running


def planned(name: str = "part", *needs: str, **spec: Any) -> Node:
    return Node(name, PlanSpec("find out", **spec), needs=tuple(needs))


PROPOSED = (
    Node("a", PromptSpec("look")),
    Node("b", PromptSpec("sum {{ a.output }} and {{ up.output }} up"), needs=("a", "up")),
)


def proposing(*proposals: tuple[Node, ...], seen: list[Attempt]) -> Callable[[Attempt], Any]:
    """Proposes these, one after another; a refused one again; then it joins."""

    def script(attempt: Attempt) -> Any:
        if not isinstance(attempt.spec, PlanSpec):
            return f"{attempt.node}: {attempt.spec.prompt}" if isinstance(attempt.spec, PromptSpec) else "ran"
        seen.append(attempt)
        made = sum(entry["role"] == "accepted" for entry in attempt.thread)
        if made == len(proposals):
            return "joined"
        draft = Draft(Plan("g", proposals[made]), "because", Usage(tokens_in=7, tokens_out=1), why={"a": "first"})
        return Suspended(attempt.id, proposal=draft)

    return script


async def proposed(world: World) -> ev.ChangeProposed:
    await world.until(lambda: world.state.proposed and not world.state.nodes["part"].running)
    return next(iter(world.state.proposed.values()))


async def test_an_accepted_proposal_runs_and_the_node_goes_on_with_its_results(tmp_path: Path) -> None:
    seen: list[Attempt] = []
    nodes = (node("up"), planned("part", "up"), node("a"), node("end", "part"))
    async with running(tmp_path, plan(*nodes), proposing(PROPOSED, seen=seen)) as world:
        change = await proposed(world)
        assert (change.id, change.base_rev, change.node, change.note) == ("change-1", 1, "part", "because")
        assert [one.id for one in change.put] == ["part-a", "b"], "an id that is taken gets another name"
        assert change.put[1].needs == ("part-a", "up")
        assert world.state.spent.tokens == 8
        await world.until(lambda: world.states()["a"] == "succeeded")
        assert (world.states()["part"], world.states()["end"]) == ("running", "waiting")
        text = state_to_json(world.state)
        assert state_hash(state_from_json(text)) == state_hash(world.state)
        with pytest.raises(Refused, match="changes revision 1, not 2"):
            await world.do("change.accept", id="change-1", base_rev=2)
        await world.do("change.accept", id="change-1", base_rev=1)
        assert await world.finished() is Status.SUCCEEDED
        state = world.state
        assert state.children == {"part": ["part-a", "b"]}
        assert state.nodes["b"].output is not None
        assert "part-a: look" in state.nodes["b"].output.text
        assert not state.proposed
        assert state_hash(fold.fold(await world.recorded())) == state_hash(state)
    assert [entry["role"] for entry in seen[-1].thread] == ["accepted", "results"]
    assert [told["node"] for told in seen[-1].thread[-1]["nodes"]] == ["part-a", "b"]


async def test_what_the_plan_lets_run_by_itself_asks_nobody(tmp_path: Path) -> None:
    seen: list[Attempt] = []
    more = (Node("c", PromptSpec("go on from {{ a.output }}"), needs=("a",)),)
    nodes = (node("up"), planned("part", "up", approve="auto", iterations=2))
    async with running(tmp_path, plan(*nodes), proposing(PROPOSED, more, seen=seen)) as world:
        assert await world.finished() is Status.SUCCEEDED
        assert world.states() == dict.fromkeys(("up", "part", "a", "b", "c"), "succeeded")
        decided = [event for event in await world.recorded() if isinstance(event.body, ev.ChangeDecided)]
        assert [event.actor for event in decided] == ["the plan says so", "the plan says so"]
        assert world.state.nodes["part"].proposals == 2


async def test_approve_accepts_proposals_too(tmp_path: Path) -> None:
    script = proposing(PROPOSED, seen=[])
    async with running(tmp_path, plan(node("up"), planned("part", "up")), script, approve=True) as world:
        assert await world.finished() is Status.SUCCEEDED


async def test_a_rejected_proposal_comes_back_with_what_was_said_and_is_made_anew(tmp_path: Path) -> None:
    seen: list[Attempt] = []
    async with running(tmp_path, plan(node("up"), planned("part", "up")), proposing(PROPOSED, seen=seen)) as world:
        await proposed(world)
        await world.do("change.reject", id="change-1", feedback="shorter")
        await world.until(lambda: "change-2" in world.state.proposed)
        with pytest.raises(Refused, match="no change 'change-1' waits"):
            await world.do("change.accept", id="change-1")
        await world.until(lambda: not world.state.nodes["part"].running)
        await world.do("change.reject", id="change-2")
        assert await world.finished() is Status.FAILED
        assert world.states() == {"up": "succeeded", "part": "cancelled"}
    assert seen[1].thread == ({"role": "feedback", "content": "shorter"},)


async def test_a_plan_within_a_plan_may_no_more_than_the_one_that_makes_it(tmp_path: Path) -> None:
    wide = PlanSpec("more", approve="auto", nodes=200, iterations=20, must_have=("ops", "scout"))
    other = PlanSpec("less", approve="ask", nodes=1, agents=("ops", "scout"))
    script = proposing((Node("wide", wide), Node("other", other)), seen=[])
    spec = PlanSpec("find out", agents=("scout", "reader"), nodes=3, iterations=2)
    team = Team({"scout": AgentDef(), "reader": AgentDef(), "ops": AgentDef()})
    limited = replace(plan(Node("part", spec)), team=team)
    async with running(tmp_path, limited, script) as world:
        change = await proposed(world)
        made = {node.id: node.spec for node in change.put}
        assert made["wide"] == PlanSpec(
            "more", approve="ask", nodes=3, iterations=2, agents=spec.agents, must_have=("scout",)
        )
        assert made["other"] == PlanSpec("less", approve="ask", nodes=1, agents=("scout",))
        with pytest.raises(Refused, match="wide may do more than part"):
            await world.do("change.edit", id="change-1", text="wide: {plan: {goal: x, approve: auto}}")


@given(
    st.builds(PlanSpec, st.just("g"), approve=st.sampled_from(("ask", "auto")), nodes=st.integers(1, 9)),
    st.lists(st.sets(st.sampled_from("abc")).map(lambda names: tuple(sorted(names))), min_size=2, max_size=2),
    st.integers(1, 3),
)
def test_bounds_are_within_those_of_the_maker_and_hold_once(
    made: PlanSpec, agents: list[tuple[str, ...]], iterations: int
) -> None:
    made = replace(made, agents=agents[0], must_have=("a", "b"), iterations=iterations)
    maker = PlanSpec("m", approve="ask", nodes=3, iterations=2, agents=agents[1])
    found = bounded(made, maker)
    assert found.approve == "ask"
    assert found.nodes <= 3
    assert found.iterations <= 2
    assert not maker.agents or set() < set(found.agents) <= set(maker.agents)
    assert not found.agents or set(found.must_have) <= set(found.agents)
    assert len(found.must_have) <= found.nodes
    assert bounded(found, maker) == found


async def test_a_proposal_is_edited_as_data_and_what_comes_of_it_is_what_is_accepted(tmp_path: Path) -> None:
    async with running(tmp_path, plan(node("up"), planned("part", "up")), proposing(PROPOSED, seen=[])) as world:
        await proposed(world)
        with pytest.raises(Refused, match="nowhere"):
            await world.do("change.edit", id="change-1", text="nodes: {x: {prompt: 'do {{ nowhere.output }}'}}")
        with pytest.raises(Refused, match="agent"):
            await world.do("change.edit", id="change-1", text="x: {agent: {instructions: be}, prompt: y}")
        await world.do("change.edit", id="change-1", text="nodes: {x: {prompt: 'do {{ up.output }}'}}")
        assert list(world.state.proposed) == ["change-2"]
        assert world.state.nodes["part"].asks == 1
        await world.do("change.accept", id="change-2")
        assert await world.finished() is Status.SUCCEEDED
        assert set(world.states()) == {"up", "part", "x"}
        assert world.state.plan_nodes["x"].parent == "part"


@pytest.mark.parametrize(
    ("nodes", "spec", "why"),
    [
        (tuple(Node(f"n{number}", PromptSpec("x")) for number in range(3)), {"nodes": 2}, "3 nodes, and may have 2"),
        ((Node("x", AgentSpec("nobody", "x")),), {}, "nobody"),
        ((Node("x", AgentSpec("self", "x", AgentDef())),), {}, "self"),
        ((Node("x", PromptSpec("x"), needs=("after",)),), {}, "needs after"),
        ((Node("x", PromptSpec("x", model="other/one")),), {}, "other/one"),
        ((Node("x", PromptSpec("x"), needs=("y",)), Node("y", PromptSpec("x"), needs=("x",))), {}, "circle"),
        ((), {}, "no nodes"),
    ],
)
async def test_a_proposal_beyond_what_is_allowed_fails_the_node(
    nodes: tuple[Node, ...], spec: dict[str, Any], why: str, tmp_path: Path
) -> None:
    script = proposing(nodes, seen=[])
    async with running(tmp_path, plan(planned("part", **spec), node("after", "part")), script) as world:
        assert await world.finished() is Status.FAILED
        error = world.state.nodes["part"].error
        assert error is not None
        assert error.kind.value == "blocked"
        assert why in error.message
        assert set(world.states()) == {"part", "after"}


async def test_commands_of_a_proposal_run_in_the_sandbox_and_plans_within_plans_end(tmp_path: Path) -> None:
    seen: list[Attempt] = []

    def script(attempt: Attempt) -> Any:
        seen.append(attempt)
        if not isinstance(attempt.spec, PlanSpec) or attempt.thread:
            return "ok"
        inner = (Node(f"p{attempt.depth}", PlanSpec("more", approve="auto")), Node("cmd", RunSpec(("ls",))))
        return Suspended(attempt.id, proposal=Draft(Plan("g", inner)))

    async with running(tmp_path, plan(planned("part", approve="auto")), script) as world:
        await world.finished()
        assert max(attempt.depth for attempt in seen) == 3
    trusted = {attempt.node for attempt in seen if attempt.trusted}
    assert trusted == {"part"}


# -- other names --------------------------------------------------------------------------------------------------

PIECES = st.lists(st.sampled_from(("{{ a.output }}", "{{ item.x }}", '{{ "{{" }}', "{", "}", "text", "{{ b.path }}")))


@given(PIECES)
def test_a_renamed_text_says_of_the_new_node_what_it_said_of_the_old(pieces: list[str]) -> None:
    text = "".join(pieces)
    try:
        references(text)
    except ValueError:
        return
    spec = PromptSpec(text)
    values = {"a": {"output": "A"}, "new": {"output": "A"}, "item": {"x": "I"}, "b": {"path": "B"}}
    (made,) = renamed([Node("n", spec)], {"a": "new"})
    assert isinstance(made.spec, PromptSpec)
    assert render(made.spec.prompt, values) == render(text, values)
    assert all(lookup.name != "a" for _, part in texts(made.spec) for lookup in references(part))


def test_everything_that_names_a_node_follows_it() -> None:
    before = Node(
        "m",
        RunSpec(("x", "{{ a.path }}"), env={"V": "{{ a.output }}"}),
        needs=("a", "b"),
        map=MapSpec(node="a"),
        only_if=(Condition("a.output.go", (True,)),),
    )
    (after,) = renamed([before], {"a": "n-a", "m": "n-m"})
    assert after == replace(
        before,
        id="n-m",
        needs=("n-a", "b"),
        spec=RunSpec(("x", "{{ n-a.path }}"), env={"V": "{{ n-a.output }}"}),
        map=MapSpec(node="n-a"),
        only_if=(Condition("n-a.output.go", (True,)),),
    )
