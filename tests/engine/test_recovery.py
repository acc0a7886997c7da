"""What a crash left open: repeated, held, given up; what a resume says of it; and errors that must not end a host."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from swarmtui.engine import recovery
from swarmtui.engine.commands import Refused
from swarmtui.engine.ports import Attempt, Draft, Failed, PlanRequest
from swarmtui.engine.scarcity import Scarcity, scarce_error, scarcity_of
from swarmtui.plan.model import ModelRef, Node, RunSpec
from swarmtui.session import fold
from swarmtui.session.events import (
    AttemptFailed,
    AttemptInterrupted,
    AttemptSucceeded,
    AttemptThrottled,
    LimitsSet,
    Noted,
    PlanningFailed,
    SessionCreated,
    SessionTakenOver,
)
from swarmtui.session.log import Log, SessionClock
from swarmtui.session.reader import Reader
from swarmtui.session.state_json import state_from_json, state_hash, state_to_json
from tests.engine.virtual import VirtualSession
from tests.engine.world import (
    ErrorKind,
    Limits,
    MapSpec,
    Retry,
    State,
    Status,
    World,
    failure,
    host,
    node,
    plan,
    running,
)

CHANGES = Node("world", RunSpec(("deploy",)))


async def for_ever(attempt: Attempt) -> str:
    await asyncio.Event().wait()
    return ""


@asynccontextmanager
async def resumed(world: World, script: Callable[[Attempt], Any], **setup: Any) -> AsyncIterator[World]:
    """Another host over a copy of what `world` has recorded by now, as if its host had been killed here."""
    await world.conductor.log.flushed()
    folder = world.folder / "again"
    folder.mkdir()
    with (
        closing(sqlite3.connect(world.folder / "session.db")) as source,
        closing(sqlite3.connect(folder / "session.db")) as copy,
    ):
        source.backup(copy)
    with Reader(folder / "session.db") as reader:
        head, state = reader.verify(), reader.state()
    log = await Log.open(folder / "session.db", head)
    async with host(folder, log, state, script, **setup) as again:
        yield again


def caught(world: World) -> bool:
    return all(node.running for node in world.state.nodes.values())


async def test_a_resume_says_what_was_kept_repeated_and_held(tmp_path: Path) -> None:
    script = lambda attempt: "ok" if attempt.node == "done" else for_ever(attempt)  # noqa: E731
    async with running(tmp_path, plan(node("done"), node("call", "done"), CHANGES), script) as world:
        await world.until(lambda: {"call//1", "world//1"} <= set(world.executor.running))
        async with resumed(world, lambda attempt: "ok", leftovers=2) as again:
            await again.until(lambda: again.state.nodes["call"].state is State.SUCCEEDED)
            told = [event.body for event in await again.recorded() if isinstance(event.body, SessionTakenOver)]
            assert told == [SessionTakenOver(True, 1, 1, 1, 0, 2, ("world",))]
            assert again.executor.started == ["call//2"], "nothing that is recorded, or changes the world"
            assert again.state.status is Status.RUNNING


async def test_a_resume_with_somebody_there_waits_for_a_decision(tmp_path: Path) -> None:
    async with running(tmp_path, plan(node("call"), CHANGES, node("after", "world")), for_ever) as world:
        await world.until(lambda: {"call//1", "world//1"} <= set(world.executor.running))
        async with resumed(world, lambda attempt: "ok", wait_if_interrupted=True) as again:
            await again.until(lambda: again.state.status is Status.PAUSED)
            assert again.state.reason == "resumed"
            assert again.executor.started == []
            await again.do("node.mark_done", node="world", output="it was done")
            assert again.state.nodes["world"].state is State.SUCCEEDED
            await again.do("session.resume")
            assert await again.finished() is Status.SUCCEEDED
            assert sorted(again.executor.started) == ["after//1", "call//2"]
            done = [event for event in await again.recorded() if isinstance(event.body, AttemptSucceeded)]
            assert [event.actor for event in done if event.body.node == "world"] == ["tester"]
            assert state_hash(fold.fold(await again.recorded())) == state_hash(again.state)


async def test_an_item_that_was_done_is_marked_and_its_output_is_in_the_results(tmp_path: Path) -> None:
    the_map = Node("m", RunSpec(("deploy", "{{ n }}")), map=MapSpec(name="n", values=(0, 1)))
    script = lambda attempt: "ok" if attempt.item == 0 else for_ever(attempt)  # noqa: E731
    async with running(tmp_path, plan(the_map), script) as world:
        await world.until(lambda: world.state.nodes["m"].items and world.state.nodes["m"].items.ended == 1)
        await world.until(lambda: "m/1/1" in world.executor.running)
        async with resumed(world, lambda attempt: "ok") as again:
            with pytest.raises(Refused, match="only what was cut short"):
                await again.do("node.mark_done", node="m", item=0)
            await again.do("node.mark_done", node="m", output="by hand")  # the one item that a crash caught
            assert await again.finished() is Status.SUCCEEDED
            output = again.state.nodes["m"].output
            assert output is not None
            assert "by hand" in output.text


def crash_and_resume(session: VirtualSession) -> list[recovery.Caught]:
    """The host dies and another one does what recovery says."""
    bodies = recovery.caught_by_crash(session.state)
    for body in bodies:
        session.record(body)
    session.running.clear()
    session.step()
    return bodies


def test_what_ends_the_host_again_and_again_is_given_up_and_says_how_to_go_on() -> None:
    session = VirtualSession(plan(node("poison"), node("after", "poison")))
    for _ in range(recovery.REPEATS):
        (body,) = crash_and_resume(session)
        assert isinstance(body, AttemptInterrupted)
        assert body.repeat
    (body,) = crash_and_resume(session)
    assert isinstance(body, AttemptFailed)
    assert body.error.kind is ErrorKind.LOST
    assert "retry poison" in body.error.message
    assert session.state.nodes["poison"].state is State.FAILED
    assert session.command("node.retry", node="poison")
    (body,) = crash_and_resume(session)
    assert isinstance(body, AttemptInterrupted), "asked for by the user it has as many crashes as before"


def test_crashes_are_counted_per_item_and_forgotten_when_it_ends() -> None:
    session = VirtualSession(plan(node("m", map=MapSpec(values=(1, 2, 3)))), Limits(concurrency=2), items=3)
    for _ in range(recovery.REPEATS):
        crash_and_resume(session)
    session.end(("m", 0, session.state.nodes["m"].attempts_of(0)), "ok")
    bodies = crash_and_resume(session)
    kinds = {body.item: type(body) for body in bodies}
    assert kinds == {1: AttemptFailed}, "which ran alone"
    assert session.state.nodes["m"].items.repeats == {}  # type: ignore[union-attr]
    restored = state_from_json(state_to_json(session.state))
    assert state_hash(restored) == state_hash(session.state)


def test_a_call_that_a_crash_caught_is_booked_as_cost_that_nobody_knows() -> None:
    real = ModelRef("deepseek", "chat")
    state = fold.empty()
    session = VirtualSession(plan(node("a")))
    assert session.state.spent.orphans == 0
    crash_and_resume(session)
    assert session.state.spent.orphans == 0, "the simulated model costs nothing"
    state.models = {"worker": real}
    assert state.is_simulated("simulated/instant") is False
    created = SessionCreated("x", "g", "t", "/", "0", models={"worker": real})
    from swarmtui.session.events import AttemptStarted, Event, HostStarted, PlanApproved, PlanProposed

    fresh = fold.empty()
    the_plan = plan(node("a"))
    from swarmtui.plan.model import plan_hash

    bodies = [
        created,
        HostStarted(1, "b", "0"),
        PlanProposed(1, the_plan),
        PlanApproved(1, plan_hash(the_plan)),
        AttemptStarted("a", 1, None, "p", real.name),
        AttemptInterrupted("a", 1),
    ]
    for seq, body in enumerate(bodies, 1):
        fold.apply(fresh, Event(seq, 1.0, 1.0, body))
    assert fresh.spent.orphans == fresh.nodes["a"].spent.orphans == 1
    assert fresh.spent.cost_usd == 0.0


class BrokenPlanner:
    async def propose(self, request: PlanRequest, on_delta: Callable[[str], None]) -> Draft:
        raise RuntimeError("a defect")


async def test_a_planner_with_a_defect_fails_the_plan_and_not_the_host(tmp_path: Path) -> None:
    async with running(tmp_path, None, planner=BrokenPlanner()) as world:  # type: ignore[arg-type]
        assert await world.finished() is Status.FAILED
        (failed,) = [event.body for event in await world.recorded() if isinstance(event.body, PlanningFailed)]
        assert failed.error.kind is ErrorKind.INTERNAL
        assert "a defect" in failed.error.message


async def test_what_is_likely_to_go_wrong_is_recorded_before_anything_runs(tmp_path: Path) -> None:
    async with running(tmp_path, plan(node("a")), warnings=("DEEPSEEK_API_KEY is not set",)) as world:
        await world.finished()
        notes = [event for event in await world.recorded() if isinstance(event.body, Noted)]
        assert [note.body.message for note in notes] == ["DEEPSEEK_API_KEY is not set"]


async def test_attempts_that_find_no_open_file_are_put_back_and_fewer_run_at_once(tmp_path: Path) -> None:
    nodes = [node(f"n{index}") for index in range(8)]
    executor_open = {"now": 0}

    async def script(attempt: Attempt) -> object:
        if executor_open["now"] >= 4:
            return Failed(attempt.id, scarce_error(Scarcity.FILES), scarcity=Scarcity.FILES)
        executor_open["now"] += 1
        await asyncio.sleep(0.01)
        executor_open["now"] -= 1
        return "ok"

    async with running(tmp_path, plan(*nodes), script, limits=Limits(concurrency=8)) as world:
        assert await world.finished() is Status.SUCCEEDED
        events = [event.body for event in await world.recorded()]
        assert not [body for body in events if isinstance(body, AttemptFailed)]
        assert {body.by for body in events if isinstance(body, AttemptThrottled)} == {"machine"}
        limits = [body.limits.concurrency for body in events if isinstance(body, LimitsSet)]
        assert limits == [6]


def test_scarcity_is_found_however_deep_the_error_lies() -> None:
    def wrapped() -> None:
        try:
            raise ExceptionGroup("connect", [OSError(errno.EMFILE, "Too many open files")])
        except ExceptionGroup:
            raise ConnectionError("could not connect") from None

    with pytest.raises(ConnectionError) as raised:
        wrapped()
    assert scarcity_of(raised.value) is Scarcity.FILES
    assert scarcity_of(OSError(errno.ENOSPC, "full")) is Scarcity.DISK
    assert scarcity_of(OSError(errno.ECONNREFUSED, "no")) is None


@pytest.mark.parametrize("jump_s", [86_400.0, -86_400.0, -3_600.0])
async def test_a_jump_of_the_wall_clock_changes_nothing_but_what_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump_s: float
) -> None:
    wall = SessionClock.wall
    jumped = {"by": 0.0}
    monkeypatch.setattr(SessionClock, "wall", lambda self: wall(self) + jumped["by"])

    def script(attempt: Attempt) -> object:
        jumped["by"] = jump_s
        return failure(ErrorKind.OUTAGE) if attempt.id == "flaky//1" else "ok"

    flaky = node("flaky", retry=Retry(limit=1, base_s=0.2))
    async with running(tmp_path, plan(flaky, node("after", "flaky")), script) as world:
        async with asyncio.timeout(5):
            assert await world.finished() is Status.SUCCEEDED
        events = await world.recorded()
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    monos = [event.mono for event in events]
    assert monos == sorted(monos)
    (failed,) = [event for event in events if isinstance(event.body, AttemptFailed)]
    again = next(event for event in events[failed.seq :] if event.body.TYPE == "attempt_started")
    assert failed.body.retry_in_s is not None
    assert 0 <= again.mono - failed.mono - failed.body.retry_in_s < 1.0, "the timer went by the clock that never jumps"


def test_after_two_minutes_of_standstill_nothing_is_made_up_for() -> None:
    items = 40
    session = VirtualSession(
        plan(node("m", map=MapSpec(values=tuple(range(items))))), Limits(concurrency=4), items=items
    )
    for turn in range(16):
        session.end(min(session.running, key=str), "throttle" if turn % 2 else "ok")
        session.advance(3.0)
    most = 0
    session.advance(120.0)  # the process was stopped, or the machine slept: every timer is due at once
    while session.running:
        most = max(most, len(session.running))
        session.end(min(session.running, key=str), "ok")
    assert most == 4
    assert session.state.status is Status.SUCCEEDED
