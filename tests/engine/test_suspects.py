"""What crash after crash caught: the culprit is found, and nothing else is given up with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.engine import recovery
from swarmtui.engine.scheduler import Scheduler
from swarmtui.engine.suspects import ALONE, FEW
from swarmtui.plan.model import Node, PromptSpec, RunSpec
from swarmtui.session.events import AttemptFailed, AttemptInterrupted, AttemptStarted
from swarmtui.session.state_json import state_from_json, state_hash, state_to_json
from swarmtui.session.vocabulary import ErrorKind, State, Status
from tests.engine.virtual import Running, VirtualSession
from tests.engine.world import Limits, MapSpec, node, plan

Place = tuple[str, int | None]


def crash(session: VirtualSession) -> list[recovery.Caught]:
    """The host dies, and another one with a scheduler of its own does what recovery says."""
    session.running.clear()
    session.cancelling.clear()
    session.scheduler = Scheduler(session.state, session.durations, session.gate)
    bodies = recovery.caught_by_crash(session.state)
    for body in bodies:
        session.record(body)
    session.step()
    return bodies


def survive(session: VirtualSession, poison: set[Place], pick: Callable[[list[Running]], Running]) -> int:
    """Attempts end in the order of `pick`; one of the poisonous ends the host instead. How many hosts that took."""
    crashes = 0
    for _ in range(10_000):
        if session.state.status is not Status.RUNNING:
            return crashes
        if not session.running:
            wake = session.scheduler.wake_at(session.now)
            assert wake is not None, "the session stands still"
            session.advance(wake - session.now)
            continue
        which = pick(sorted(session.running, key=str))
        if which[:2] not in poison:
            session.end(which, "ok")
            continue
        crashes += 1
        at_once = list(session.running)
        for body in crash(session):
            if isinstance(body, AttemptFailed):
                assert [one[:2] for one in at_once] == [(body.node, body.item)], "given up, and it was not alone"
    raise AssertionError("the session does not come to an end")


def states(session: VirtualSession, of: str = "m") -> dict[int, State]:
    items = session.state.nodes[of].items
    assert items is not None
    return {item: items.state(item) for item in range(items.total)}


def test_one_poisonous_item_is_given_up_and_every_neighbour_gets_its_result() -> None:
    session = VirtualSession(plan(node("m", map=MapSpec(values=tuple(range(60))))), Limits(concurrency=24), items=60)
    crashes = survive(session, {("m", 7)}, lambda running: next((one for one in running if one[1] == 7), running[0]))
    assert crashes == recovery.REPEATS + 1
    assert {item for item, state in states(session).items() if state is State.FAILED} == {7}
    assert sum(state is State.SUCCEEDED for state in states(session).values()) == 59
    items = session.state.nodes["m"].items
    assert items is not None
    assert items.errors[7].kind is ErrorKind.LOST
    assert "with nothing else in flight" in items.errors[7].message
    assert "retry m/7" in items.errors[7].message


@settings(max_examples=40, deadline=None)
@given(
    poison=st.sets(st.integers(0, 29), max_size=6),
    poisonous_node=st.booleans(),
    concurrency=st.integers(1, 16),
    seed=st.randoms(use_true_random=False),
)
def test_only_what_ends_the_host_alone_is_ever_given_up(
    poison: set[int], poisonous_node: bool, concurrency: int, seed: object
) -> None:
    the_plan = plan(node("a"), node("b"), node("m", map=MapSpec(values=tuple(range(30)))), node("c", "a"))
    session = VirtualSession(the_plan, Limits(concurrency=concurrency), items=30)
    deadly: set[Place] = {("m", item) for item in poison} | ({("b", None)} if poisonous_node else set())
    survive(session, deadly, seed.choice)  # type: ignore[attr-defined]
    assert {item for item, state in states(session).items() if state is State.FAILED} == poison
    assert all(state in (State.SUCCEEDED, State.FAILED) for state in states(session).values())
    nodes = {id: known.state for id, known in session.state.nodes.items() if id != "m"}
    wanted = State.FAILED if poisonous_node else State.SUCCEEDED
    assert nodes == {"a": State.SUCCEEDED, "b": wanted, "c": State.SUCCEEDED}


def test_what_two_crashes_caught_runs_a_few_at_a_time_and_what_three_caught_alone() -> None:
    session = VirtualSession(plan(node("m", map=MapSpec(values=tuple(range(40))))), Limits(concurrency=10), items=40)
    crash(session)
    assert len(session.running) == 10
    first = {which[1] for which in session.running}
    crash(session)
    assert len(session.running) == 10, "others have the places that suspects leave"
    assert len(first & {which[1] for which in session.running}) == FEW
    told = [event.body for event in session.events if isinstance(event.body, AttemptInterrupted)]
    assert {body.item for body in told} == first
    few = sorted(first & {which[1] for which in session.running})
    crash(session)
    for _ in range(2 * 10):
        levels = [recovery.caught_times(session.state.nodes["m"], which[1]) for which in session.running]
        if ALONE in levels:
            assert len(session.running) == 1
            break
        session.end(min(session.running, key=str), "ok")
    while any(which[1] in few for which in session.running):
        assert len(session.running) == 1, "one after the other, each alone"
        session.end(min(session.running), "ok")
    assert session.run_dry().status is Status.SUCCEEDED
    assert all(state is State.SUCCEEDED for state in states(session).values())


def running(session: VirtualSession) -> set[str]:
    return {which[0] for which in session.running}


def test_a_suspect_that_is_held_keeps_nothing_else_from_starting_and_runs_alone_once_it_may() -> None:
    session = VirtualSession(plan(node("a"), node("b"), node("c", "a"), node("d", "a")), Limits(concurrency=4))
    for _ in range(ALONE):
        crash(session)
    assert running(session) == {"a"}
    assert session.command("node.pause", node="b")
    session.end(min(session.running), "ok")
    assert running(session) == {"c", "d"}
    assert session.command("node.resume", node="b")
    assert running(session) == {"c", "d"}, "it waits for them to end"
    session.end(min(session.running), "ok")
    session.end(min(session.running), "ok")
    assert running(session) == {"b"}
    session.end(min(session.running), "throttle")
    session.advance(100)
    assert running(session) == {"b"}, "a refusal does not clear it"
    assert session.run_dry().status is Status.SUCCEEDED


@pytest.mark.parametrize("changes", [False, True])
def test_the_cancel_of_an_item_that_a_crash_overtakes_is_carried_out(changes: bool) -> None:
    spec = RunSpec(("deploy", "{{ n }}")) if changes else PromptSpec("say {{ n }}")
    session = VirtualSession(plan(Node("m", spec, map=MapSpec(name="n", values=(0, 1, 2)))), items=3)
    assert session.command("node.cancel", node="m", item=1)
    assert states(session)[1] is State.RUNNING
    restored = state_from_json(state_to_json(session.state))
    assert state_hash(restored) == state_hash(session.state)
    bodies = {body.item: body for body in crash(session)}
    assert bodies[1] == AttemptInterrupted("m", 1, 1, cancelled=True)
    assert states(session)[1] is State.CANCELLED
    wanted = State.INTERRUPTED if changes else State.RUNNING
    assert (states(session)[0], states(session)[2]) == (wanted, wanted)
    items = session.state.nodes["m"].items
    assert items is not None
    assert items.cancelled == []
    assert session.command("node.retry", node="m", item=1)
    assert states(session)[1] is State.RUNNING, "asked for again it runs"
    crash(session)
    assert states(session)[1] is not State.CANCELLED, "the cancel was of the attempt before"


def test_an_item_that_ends_although_it_was_to_be_cancelled_is_forgotten_as_such() -> None:
    session = VirtualSession(plan(node("m", map=MapSpec(values=(0, 1)))), items=2)
    assert session.command("node.cancel", node="m", item=1)
    session.cancelling.clear()  # the answer was quicker than the cancel
    session.end(("m", 1, 1), "ok")
    items = session.state.nodes["m"].items
    assert items is not None
    assert (states(session)[1], items.cancelled) == (State.SUCCEEDED, [])


def test_a_host_that_dies_again_and_again_spends_no_more_than_the_budget() -> None:
    session = VirtualSession(plan(*(node(f"n{at}") for at in range(6))), Limits(concurrency=2, attempts=5))
    for _ in range(20):
        crash(session)
    starts = sum(isinstance(event.body, AttemptStarted) for event in session.events)
    assert starts == session.state.starts == 5
    assert session.state.status is Status.PAUSED
    assert session.state.reason == "budget"
