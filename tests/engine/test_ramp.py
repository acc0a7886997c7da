"""The launch ramp in virtual time."""

from __future__ import annotations

import pytest

from swarmtui.plan.model import Limits, MapSpec, Node, RunSpec
from swarmtui.session.events import AttemptStarted
from tests.engine.virtual import VirtualSession
from tests.engine.world import node, plan


def a_map(limits: Limits, items: int = 12) -> VirtualSession:
    return VirtualSession(plan(node("m", map=MapSpec(values=()))), limits, items)


def starts(session: VirtualSession) -> list[float]:
    return [event.mono for event in session.events if isinstance(event.body, AttemptStarted)]


def until(session: VirtualSession, second: float) -> None:
    """Let time pass as the host does, from one wake to the next."""
    while (wake := session.scheduler.wake_at(session.now)) is not None and wake <= second:
        session.advance(wake - session.now)
    session.advance(second - session.now)


def test_a_pool_grows_by_one_each_ramp_until_its_places_are_taken() -> None:
    session = a_map(Limits(concurrency=4, ramp_s=5.0))
    until(session, 60.0)
    assert starts(session) == [0.0, 5.0, 10.0, 15.0]


def test_a_place_that_falls_free_is_taken_at_once_while_the_ramp_goes_on() -> None:
    session = a_map(Limits(concurrency=4, ramp_s=5.0))
    session.advance(1.0)
    session.end(min(session.running), "ok")
    assert starts(session) == [0.0, 1.0]
    until(session, 5.0)
    assert starts(session) == [0.0, 1.0, 5.0]


def test_once_it_is_up_the_ramp_costs_nothing() -> None:
    session = a_map(Limits(concurrency=2, ramp_s=5.0), items=6)
    until(session, 6.0)
    for _ in range(2):
        for which in sorted(session.running):
            session.end(which, "ok")
    assert starts(session) == [0.0, 5.0, 6.0, 6.0, 6.0, 6.0]


def test_each_pool_has_a_ramp_of_its_own() -> None:
    commands = [Node(name, RunSpec(("true",))) for name in "ab"]
    session = VirtualSession(plan(*commands, node("c"), node("d")), Limits(ramp_s=5.0))
    assert {name for name, _, _ in session.running} == {"a", "c"}
    until(session, 5.0)
    assert {name for name, _, _ in session.running} == {"a", "b", "c", "d"}


def test_without_a_ramp_everything_starts_at_once() -> None:
    assert starts(a_map(Limits(concurrency=4))) == [0.0] * 4


def test_a_raised_limit_is_grown_into_by_the_ramp() -> None:
    session = a_map(Limits(concurrency=1, ramp_s=5.0))
    until(session, 60.0)
    session.command("limits.set", concurrency=3)
    until(session, 100.0)
    assert starts(session) == [0.0, 60.0, 65.0]


def test_a_ramp_that_is_taken_away_or_shortened_holds_nothing_back_any_more() -> None:
    session = a_map(Limits(concurrency=4, ramp_s=50.0))
    session.advance(3.0)
    session.command("limits.set", ramp=2)
    assert starts(session) == [0.0, 3.0]
    session.command("limits.set", ramp=None)
    assert starts(session) == [0.0, 3.0, 3.0, 3.0]
    assert not session.command("limits.set", ramp=-1)


@pytest.mark.parametrize("how", ["pause", "crash"])
def test_after_a_pause_or_a_crash_it_ramps_up_again(how: str) -> None:
    session = a_map(Limits(concurrency=3, ramp_s=5.0))
    until(session, 20.0)
    if how == "crash":
        session.crash()
    else:
        session.command("session.pause")
        for which in sorted(session.running):
            session.end(which, "ok")
        session.command("session.resume")
    until(session, 60.0)
    assert starts(session)[3:] == [20.0, 25.0, 30.0]


def test_a_patch_of_the_plan_does_not_begin_the_ramp_anew() -> None:
    session = a_map(Limits(concurrency=3, ramp_s=5.0))
    until(session, 20.0)
    op = {"op": "set", "node": "m", "field": "title", "value": "new"}
    assert session.command("plan.patch", base_rev=1, ops=[op])
    for which in sorted(session.running):
        session.end(which, "ok")
    assert starts(session)[3:] == [20.0, 20.0, 20.0]


def test_waiting_for_the_ramp_is_waiting_for_a_place_not_for_the_provider() -> None:
    session = a_map(Limits(concurrency=2, ramp_s=5.0))
    until(session, 5.0)
    last = session.events[-1].body
    assert isinstance(last, AttemptStarted)
    assert (last.queue_s, last.throttle_s) == (5.0, 0.0)


def test_a_session_in_which_nothing_runs_is_never_stuck_on_its_ramp() -> None:
    session = a_map(Limits(concurrency=8, ramp_s=1_000.0), items=4)
    assert session.run_dry().status.value == "succeeded"
