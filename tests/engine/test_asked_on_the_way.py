"""A program that asks waits where it is: its attempt goes on, keeps its place, and is told the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from swarmtui.engine.ports import Asked, Attempt, Inquiry
from swarmtui.plan.model import AgentSpec, Node, Plan
from swarmtui.session import events as ev
from swarmtui.session import fold
from swarmtui.session.state_json import state_hash
from swarmtui.session.vocabulary import ErrorKind, State, Status
from tests.engine.world import ScriptedExecutor, World, failure, running

CHOICES = ("allow once", "allow always", "deny")
LEAVE = Inquiry("acp-1", "May claude call acp/execute?", CHOICES, "permission", "acp/execute {}", "acp/execute")
PLAN = Plan("test", (Node("fix", AgentSpec("claude", "fix it")),))


def asking(executor: ScriptedExecutor) -> Any:
    async def script(attempt: Attempt) -> str:
        executor.tell(Asked(attempt.id, LEAVE))
        return f"told: {await executor.answer(attempt.id, 'acp-1')}"

    return script


def executor() -> ScriptedExecutor:
    made = ScriptedExecutor()
    made.script = asking(made)
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
