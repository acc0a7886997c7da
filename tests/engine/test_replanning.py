"""Plans of which something failed, planned anew."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from swarmtui.engine.commands import Refused
from swarmtui.engine.ports import Assignment, Attempt, Stepped, Suspended, ToolCalled
from swarmtui.plan.model import AgentSpec, Limits, Node, Plan, PromptSpec, RunSpec
from swarmtui.plan.render import task_to_yaml
from swarmtui.plan.taskfile import parse_task
from swarmtui.plan.team import AgentDef, Team
from swarmtui.safety.permissions import Effect
from swarmtui.session import events as ev
from swarmtui.session import fold
from swarmtui.session.replans import run_again
from swarmtui.session.state_json import state_from_json, state_hash, state_to_json
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, State, Status
from tests.engine.world import ScriptedPlanner, World, failure, node, plan, running

PLAN = plan(node("a"), node("b", "a"), node("c", "b"))
OTHER_WAY = Plan("test", (node("a"), Node("b2", PromptSpec("instead {{ a.output }}"), needs=("a",)), node("c", "b2")))
ASK, AUTO = Limits(replan=2), Limits(replan=2, replan_approve="auto")


def b_fails(attempt: Attempt) -> Any:
    return failure(ErrorKind.REFUSED, "b is no good") if attempt.node == "b" else "ok"


async def proposed(world: World) -> ev.ChangeProposed:
    await world.until(lambda: world.state.proposed)
    return next(iter(world.state.proposed.values()))


async def test_a_failed_step_is_replaced_by_what_the_planner_proposes_and_the_user_accepts(tmp_path: Path) -> None:
    planner = ScriptedPlanner([OTHER_WAY])
    seen: list[Attempt] = []

    def script(attempt: Attempt) -> Any:
        seen.append(attempt)
        return b_fails(attempt)

    async with running(tmp_path, PLAN, script, limits=ASK, planner=planner) as world:
        change = await proposed(world)
        assert [one.id for one in change.put] == ["b2", "c"], "what succeeded is left alone"
        assert (change.drop, change.again, change.node) == (("b",), (), None)
        assert world.state.status is Status.RUNNING
        text = state_to_json(world.state)
        assert state_hash(state_from_json(text)) == state_hash(world.state)
        await world.do("change.accept", id=change.id, base_rev=1)
        assert await world.finished() is Status.SUCCEEDED
        assert world.states() == {"a": "succeeded", "c": "succeeded", "b2": "succeeded"}
        assert world.state.nodes["a"].attempts == 1
        assert state_hash(fold.fold(await world.recorded())) == state_hash(world.state)
    (request,) = planner.requests
    assert request.previous == replace(PLAN, nodes=PLAN.nodes)
    assert "b is no good" in (request.feedback or "")
    assert [(told["node"], told["state"]) for told in request.results] == [
        ("a", "succeeded"),
        ("b", "failed"),
        ("c", "skipped"),
    ]
    assert {attempt.node for attempt in seen if attempt.trusted} == {"a", "b"}


async def test_what_may_run_by_itself_does_as_often_as_is_allowed_and_then_the_session_fails(tmp_path: Path) -> None:
    again = replace(PLAN, nodes=(node("a"), Node("b", PromptSpec("do it well")), node("c", "b")))
    planner = ScriptedPlanner(
        [again, replace(again, nodes=(node("a"), Node("b", PromptSpec("please")), node("c", "b")))]
    )
    async with running(tmp_path, PLAN, b_fails, limits=AUTO, planner=planner) as world:
        assert await world.finished() is Status.FAILED
        assert (world.state.nodes["b"].attempts, world.state.replans) == (3, 2)
        assert world.states()["c"] == "skipped"
    assert len(planner.requests) == 2


async def test_a_step_left_as_it_is_is_tried_once_more_and_stays_the_users(tmp_path: Path) -> None:
    tries: list[bool] = []

    def script(attempt: Attempt) -> Any:
        if attempt.node == "b":
            tries.append(attempt.trusted)
            return "ok" if len(tries) > 1 else failure(ErrorKind.REFUSED)
        return "ok"

    async with running(tmp_path, PLAN, script, limits=AUTO, planner=ScriptedPlanner([PLAN])) as world:
        assert await world.finished() is Status.SUCCEEDED
        assert world.state.plan_rev == 1
    assert tries == [True, True]


def writes(attempt: Attempt) -> ToolCalled:
    return ToolCalled(attempt.id, "a", "c1", "mail", "{}", Effect.WRITE, "the user allowed it")


def making(attempt: Attempt) -> Any:
    made = (Assignment("c1", AgentDef(), "kid", "mail it"),)
    return failure(ErrorKind.REFUSED) if attempt.thread else Suspended(attempt.id, made)


LEAD = {"lead": AgentDef(tools=("assign_task",))}
RISKY: list[tuple[Node, Callable[[Attempt], Any]]] = [
    (Node("b", RunSpec(("mail",)), needs=("a",)), b_fails),
    (Node("b", AgentSpec("claude", "mail it"), needs=("a",)), b_fails),
    (
        Node("b", AgentSpec("lead", "mail it"), needs=("a",)),
        lambda attempt: "ok" if attempt.node == "a" else [writes(attempt), came(attempt), failure(ErrorKind.REFUSED)],
    ),
    (
        Node("b", AgentSpec("lead", "have it mailed"), needs=("a",)),
        lambda attempt: (
            [writes(attempt), came(attempt), "sent"]
            if attempt.node == "b-kid"
            else making(attempt)
            if attempt.node == "b"
            else "ok"
        ),
    ),
]


def came(attempt: Attempt) -> Stepped:
    return Stepped(attempt.id, {"role": "tool", "call": "c1", "name": "mail", "content": "sent", "ok": True})


@pytest.mark.parametrize(("risky", "script"), RISKY, ids=["command", "program", "agent", "subagent"])
async def test_what_may_have_changed_something_is_not_run_again_by_itself(
    risky: Node, script: Callable[[Attempt], Any], tmp_path: Path
) -> None:
    before = replace(PLAN, nodes=(node("a"), risky, node("c", "b")), team=Team(LEAD))
    worded = replace(risky.spec, prompt="please") if isinstance(risky.spec, AgentSpec) else RunSpec(("mail", "-v"))
    other = replace(before, nodes=(node("a"), replace(risky, spec=worded), node("c", "b")))
    planner = ScriptedPlanner([before, other])
    async with running(tmp_path, before, script, limits=AUTO, planner=planner) as world:
        assert await world.finished() is Status.FAILED
        assert sum(one.startswith("b//") for one in world.executor.started) == (
            2 if risky.id in world.state.children else 1
        )
        noted = [event.body.message for event in await world.recorded() if isinstance(event.body, ev.Noted)]
        assert any("b may have changed something" in one for one in noted)
        assert not world.state.pending
        assert state_hash(fold.fold(await world.recorded())) == state_hash(world.state)
    assert "may have changed something: b" in (planner.requests[0].feedback or "")


async def test_what_may_have_changed_something_is_run_again_once_a_person_has_accepted_that(tmp_path: Path) -> None:
    before = replace(PLAN, nodes=(node("a"), RISKY[0][0], node("c", "b")))
    async with running(tmp_path, before, b_fails, limits=Limits(replan=1), planner=ScriptedPlanner([before])) as world:
        change = await proposed(world)
        assert run_again(world.state, change) == [("b", True)]
        await world.do("change.accept", id=change.id)
        assert await world.finished() is Status.FAILED
        assert world.state.nodes["b"].attempts == 2


async def test_what_does_no_harm_is_run_again_by_itself_and_what_does_is_left_out(tmp_path: Path) -> None:
    nodes = (
        Node("safe", RunSpec(("ls",)), retry_safe=True),
        Node("mail", RunSpec(("mail",))),
    )
    planner = ScriptedPlanner([plan(*nodes)])
    async with running(
        tmp_path, plan(*nodes), lambda attempt: failure(), limits=Limits(replan=1), planner=planner, approve=True
    ) as world:
        assert await world.finished() is Status.FAILED
        assert (world.state.nodes["safe"].attempts, world.state.nodes["mail"].attempts) == (2, 1)
        (change,) = [event.body for event in await world.recorded() if isinstance(event.body, ev.ChangeProposed)]
        assert change.again == ("safe",), "what is recorded is what is done"


async def test_a_rejected_change_is_asked_for_again_with_what_was_said_or_the_session_fails(tmp_path: Path) -> None:
    planner = ScriptedPlanner([OTHER_WAY, OTHER_WAY])
    async with running(tmp_path, PLAN, b_fails, limits=ASK, planner=planner) as world:
        await proposed(world)
        await world.do("change.reject", id="change-1", feedback="cheaper")
        await world.until(lambda: "change-2" in world.state.proposed)
        assert "cheaper" in (planner.requests[1].feedback or "")
        await world.do("change.reject", id="change-2")
        assert await world.finished() is Status.FAILED
        assert world.states() == {"a": "succeeded", "b": "failed", "c": "skipped"}


async def test_a_change_of_the_plan_is_edited_as_data(tmp_path: Path) -> None:
    async with running(tmp_path, PLAN, b_fails, limits=ASK, planner=ScriptedPlanner([OTHER_WAY])) as world:
        await proposed(world)
        with pytest.raises(Refused, match="stays as it is"):
            await world.do("change.edit", id="change-1", text="a: {prompt: x}")
        text = "nodes: {d: {prompt: 'x {{ a.output }}'}, c: {prompt: z, needs: d}}"
        await world.do("change.edit", id="change-1", text=text)
        await world.do("change.accept", id="change-2")
        assert await world.finished() is Status.SUCCEEDED
        assert world.states() == {"a": "succeeded", "c": "succeeded", "d": "succeeded"}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (ErrorInfo(ErrorKind.REFUSED, "no key"), "no key"),
        (replace(PLAN, nodes=(node("a"), Node("x", AgentSpec("nobody", "x")))), "nobody"),
        (replace(PLAN, nodes=(node("a"),)), "nothing else"),
    ],
)
async def test_where_no_change_comes_of_it_the_session_ends_as_it_would_have(
    answer: Any, why: str, tmp_path: Path
) -> None:
    planner = ScriptedPlanner([answer])
    async with running(tmp_path, PLAN, b_fails, limits=ASK, planner=planner) as world:
        assert await world.finished() is Status.FAILED
        noted = [event.body for event in await world.recorded() if isinstance(event.body, ev.Noted)]
        assert any(why in note.message for note in noted)
        assert not world.state.proposed


async def test_what_went_well_or_was_stopped_by_the_user_asks_no_planner(tmp_path: Path) -> None:
    async with running(tmp_path, PLAN, limits=ASK) as world:
        assert await world.finished() is Status.SUCCEEDED
        await world.do("node.retry", node="c")
        await world.finished()
        assert world.state.replans == 0


async def test_a_host_that_leaves_while_the_planner_is_asked_has_the_next_one_ask_again(tmp_path: Path) -> None:
    async with running(tmp_path, PLAN, b_fails, limits=ASK, planner=ScriptedPlanner([OTHER_WAY])) as world:
        await proposed(world)
        assert world.state.nodes["b"].state is State.FAILED
        assert not world.conductor.stopping
        with pytest.raises(Refused, match="changes revision 1, not 7"):
            await world.do("change.accept", id="change-1", base_rev=7)
        patch = [{"op": "set", "node": "c", "field": "title", "value": "x"}]
        await world.do("plan.patch", base_rev=1, ops=patch)
        with pytest.raises(Refused, match="revision 2 was made since"):
            await world.do("change.accept", id="change-1")


async def test_what_the_user_has_run_again_meanwhile_is_not_taken_away(tmp_path: Path) -> None:
    going = asyncio.Event()
    tries: list[str] = []

    async def script(attempt: Attempt) -> Any:
        if attempt.node != "b":
            return "ok"
        tries.append(attempt.id)
        if len(tries) == 1:
            return failure(ErrorKind.REFUSED)
        await going.wait()
        return "ok"

    async with running(tmp_path, PLAN, script, limits=ASK, planner=ScriptedPlanner([OTHER_WAY])) as world:
        await proposed(world)
        await world.do("node.retry", node="b")
        await world.until(lambda: len(tries) == 2)
        with pytest.raises(Refused, match="b is under way"):
            await world.do("change.accept", id="change-1")
        going.set()
        assert await world.finished() is Status.SUCCEEDED, "nobody needs the change any more"
        assert not world.state.pending


def test_a_task_file_says_how_often_and_who_decides() -> None:
    text = "goal: x\nlimits: {replan: 2, replan_approve: auto}\nnodes: {a: {prompt: b}}\n"
    task = parse_task(text, file="t")
    assert (task.limits.replan, task.limits.replan_approve) == (2, "auto")
    assert parse_task(task_to_yaml(task), file="t").limits == task.limits
