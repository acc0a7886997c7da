"""A program that asks waits where it is: its attempt goes on, keeps its place, and is told the answer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from swarmtui.engine.ports import Asked, Attempt, Inquiry
from swarmtui.plan.model import AgentSpec, MapSpec, Node, Plan
from swarmtui.safety.redact import Redactor, Secret
from swarmtui.session import events as ev
from swarmtui.session import fold
from swarmtui.session.state_json import state_hash
from swarmtui.session.vocabulary import ErrorKind, State, Status
from tests.engine.world import ScriptedExecutor, World, failure, running

CHOICES = ("allow once", "allow always", "deny")
LEAVE = Inquiry("acp-1", "May claude call acp/execute?", CHOICES, "permission", "acp/execute {}", "acp/execute")
PLAN = Plan("test", (Node("fix", AgentSpec("claude", "fix it")),))


def asking(executor: ScriptedExecutor, *inquiries: Inquiry) -> Any:
    async def script(attempt: Attempt) -> str:
        told = []
        for inquiry in inquiries:
            executor.tell(Asked(attempt.id, inquiry))
            told.append(await executor.answer(attempt.id, inquiry.call))
        return f"told: {', '.join(told)}"

    return script


def executor(*inquiries: Inquiry) -> ScriptedExecutor:
    made = ScriptedExecutor()
    made.script = asking(made, *(inquiries or (LEAVE,)))
    return made


async def is_asked(world: World) -> None:
    await world.until(lambda: "fix:acp-1" in world.state.pending)


async def test_the_answer_reaches_the_attempt_that_asked(tmp_path: Path) -> None:
    made = executor()
    async with running(tmp_path, PLAN, executor=made) as world:
        await is_asked(world)
        node = world.state.nodes["fix"]
        assert (node.state, node.running, node.asks) == (State.RUNNING, 1, 1)
        pending = world.state.pending["fix:acp-1"]
        assert (pending.kind, pending.tool, pending.choices) == ("permission", "acp/execute", CHOICES)
        await world.do("answer", pending="fix", text="allow once")
        assert await world.finished() is Status.SUCCEEDED
        assert (node.attempts, node.asks, world.state.pending) == (1, 0, {})
        assert node.output is not None
        assert node.output.text == "told: allow once"
        assert made.started == ["fix//1"]
        assert state_hash(fold.fold(await world.recorded())) == state_hash(world.state)


async def test_where_nobody_is_the_answer_is_no_at_once(tmp_path: Path) -> None:
    async with running(tmp_path, PLAN, executor=executor(), unattended=True) as world:
        assert await world.finished() is Status.SUCCEEDED
        assert world.state.nodes["fix"].output.text == "told: deny"  # type: ignore[union-attr]
        answered = [event for event in await world.recorded() if isinstance(event.body, ev.QuestionAnswered)]
        assert [event.actor for event in answered] == ["headless"]


async def test_a_question_that_asks_no_leave_waits_even_where_nobody_is(tmp_path: Path) -> None:
    asked = replace(LEAVE, kind="question", question="Which branch?", choices=())
    async with running(tmp_path, PLAN, executor=executor(asked), unattended=True) as world:
        await is_asked(world)
        await world.do("answer", pending="fix", text="main")
        assert await world.finished() is Status.SUCCEEDED
        assert world.state.nodes["fix"].output.text == "told: main"  # type: ignore[union-attr]


async def test_an_item_of_a_map_is_told_no_at_once(tmp_path: Path) -> None:
    batch = Plan("test", (replace(PLAN.nodes[0], map=MapSpec(values=("x",))),))
    async with running(tmp_path, batch, executor=executor()) as world:
        assert await world.finished() is Status.SUCCEEDED
        bodies = [event.body for event in await world.recorded()]
    (done,) = [body for body in bodies if isinstance(body, ev.AttemptSucceeded)]
    assert done.output.text == "told: deny: an item of a map cannot wait for anybody"
    assert not any(isinstance(body, ev.QuestionAsked) for body in bodies)


async def test_secrets_are_kept_out_of_what_is_asked(tmp_path: Path) -> None:
    secret = "k-secret-12345"
    asked = replace(LEAVE, question=f"May it send {secret}?", detail=f"acp/execute {secret}")
    redactor = Redactor([Secret(secret)])
    async with running(tmp_path, PLAN, executor=executor(asked), redactor=redactor) as world:
        await is_asked(world)
        pending = world.state.pending["fix:acp-1"]
    assert pending.question.startswith("May it send ")
    assert pending.detail.startswith("acp/execute ")
    assert secret not in pending.question + pending.detail


async def test_leave_for_good_is_kept_once_and_leave_for_once_is_not(tmp_path: Path) -> None:
    asked = [replace(LEAVE, call=f"acp-{number}") for number in range(3)]
    async with running(tmp_path, PLAN, executor=executor(*asked)) as world:
        for number, answer in enumerate(("allow once", "allow always", "allow always")):
            await world.until(lambda number=number: f"fix:acp-{number}" in world.state.pending)  # type: ignore[misc]
            assert len(world.state.granted) == (number == 2)
            await world.do("answer", pending="fix", text=answer)
        assert await world.finished() is Status.SUCCEEDED
        assert [grant.tool for grant in world.state.granted] == ["acp/execute"]


@pytest.mark.parametrize("how", ["fails", "stopped"])
async def test_what_has_ended_asks_nothing_any_more(tmp_path: Path, how: str) -> None:
    made = ScriptedExecutor()

    async def script(attempt: Attempt) -> Any:
        made.tell(Asked(attempt.id, LEAVE))
        await made.answer(attempt.id, "end")
        return failure(ErrorKind.EXIT, "it went away")

    made.script = script
    async with running(tmp_path, PLAN, executor=made) as world:
        await is_asked(world)
        if how == "fails":
            made.answers["fix//1", "end"].set_result("")
        else:
            await world.do("node.cancel", node="fix")
        await world.finished()
        assert world.state.pending == {}
        assert world.state.nodes["fix"].asks == 0


async def test_a_crash_ends_the_question_with_the_program(tmp_path: Path) -> None:
    from swarmtui.engine.recovery import caught_by_crash

    async with running(tmp_path, PLAN, executor=executor()) as world:
        await is_asked(world)
        (caught,) = caught_by_crash(world.state)
        state = fold.fold(await world.recorded())
        fold.apply(state, ev.Event(state.seq + 1, 0.0, state.mono, caught))
        assert state.pending == {}
        assert state.nodes["fix"].state is State.INTERRUPTED
