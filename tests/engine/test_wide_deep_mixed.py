"""Three shapes of graphs with makespans that can be checked by hand, and what schedulers in ticks get wrong.

Durations are whole seconds of virtual time; one branch of each shape fails once. With four places the wide shape takes
2 + 9 + 2 seconds (nine times three seconds of work on four places), the mixed one 2 + 7 + 7, the deep one 34 however
many places there are. One after the other they take 31, 31 and 34.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from swarmtui.plan.model import Limits, Node, Plan, PromptSpec, Retry, When
from swarmtui.session.vocabulary import State, Status
from tests.engine.virtual import VirtualSession
from tests.engine.world import plan

ONCE = Retry(1, base_s=0.0)


def step(name: str, *needs: str, **more: object) -> Node:
    return Node(name, PromptSpec(f"do {name}"), needs, retry=ONCE, **more)  # type: ignore[arg-type]


def wide(width: int = 8) -> tuple[Plan, dict[str, float]]:
    names = [f"branch{number}" for number in range(1, width + 1)]
    nodes = (step("discover"), *(step(name, "discover") for name in names), step("synthesize", *names))
    return plan(*nodes), {"discover": 2, "synthesize": 2, **dict.fromkeys(names, 3)}


def mixed(width: int = 8) -> tuple[Plan, dict[str, float]]:
    names = [f"branch{number}" for number in range(1, width + 1)]
    ends = (step("merge", *names), step("validate", "merge"), step("finalize", "validate"))
    took = {name: 3.0 if number % 2 else 2.0 for number, name in enumerate(names)}
    nodes = (step("discover"), *(step(name, "discover") for name in names), *ends)
    return plan(*nodes), {"discover": 2, "merge": 2, "validate": 3, "finalize": 2, **took}


def deep(width: int = 8) -> tuple[Plan, dict[str, float]]:
    names = [f"branch{number}" for number in range(1, width + 2)]
    hops = [step(name, before) for name, before in zip(names, ["seed", *names], strict=False)]
    return plan(step("seed"), *hops, step("finalize", names[-1])), {"seed": 2, "finalize": 2, **dict.fromkeys(names, 3)}


def played(
    the_plan: Plan, took: Mapping[str, float], places: int, fails: Mapping[str, int] | None = None
) -> VirtualSession:
    """The session with every attempt taking its time; `fails` says how often each node does so first."""
    session = VirtualSession(the_plan, Limits(concurrency=places))
    left = dict(fails or {})
    while session.running:
        which = min(session.running, key=lambda one: (session.running[one] + took[one[0]], one[0]))
        session.now = session.running[which] + took[which[0]]
        bad = left.get(which[0], 0) > 0
        left[which[0]] = left.get(which[0], 0) - 1
        session.end(which, "fail" if bad else "ok")
        if not session.running:
            session.run_dry()
    return session


@pytest.mark.parametrize(
    ("shape", "fails", "serial", "parallel"),
    [(wide, "branch1", 31, 13), (mixed, "branch1", 31, 16), (deep, "branch2", 34, 34)],
    ids=["wide", "mixed", "deep"],
)
def test_the_makespan_is_the_one_that_can_be_reckoned_by_hand(shape, fails, serial, parallel):
    the_plan, took = shape()
    one, four = played(the_plan, took, 1, {fails: 1}), played(the_plan, took, 4, {fails: 1})
    assert (one.now, four.now) == (serial, parallel)
    for session in (one, four):
        assert session.state.status is Status.SUCCEEDED
        assert session.state.nodes[fails].attempts == 2
        assert sum(node.attempts for node in session.state.nodes.values()) == len(the_plan.nodes) + 1


def test_no_schedule_needs_more_places_than_it_may_have():
    the_plan, took = wide(16)
    session = VirtualSession(the_plan, Limits(concurrency=4))
    session.now = took["discover"]
    session.end(next(iter(session.running)), "ok")
    assert len(session.running) == 4


def test_a_node_does_not_wait_for_a_node_that_it_does_not_need():
    the_plan = plan(step("slow"), step("quick"), step("after", "quick"))
    session = played(the_plan, {"slow": 0.5, "quick": 0.05, "after": 0.45}, 2)
    assert session.now == pytest.approx(0.5)


def test_what_rests_on_a_failure_is_skipped_with_its_cause_and_the_rest_goes_on():
    the_plan = plan(step("a"), step("b", "a"), step("c", "b"), step("d"), step("e", "a", "d", when=When.ALL_DONE))
    session = played(the_plan, dict.fromkeys("abcde", 1.0), 4, {"a": 2})
    states = {name: node.state for name, node in session.state.nodes.items()}
    ok, skipped = State.SUCCEEDED, State.SKIPPED
    assert states == {"a": State.FAILED, "b": skipped, "c": skipped, "d": ok, "e": ok}
    assert {session.state.nodes[name].cause for name in "bc"} == {"a"}
    assert session.state.status is Status.FAILED


def test_a_pause_before_a_retry_holds_nothing_else_up():
    the_plan = plan(Node("a", PromptSpec("a"), retry=Retry(1, base_s=60.0)), step("b"), step("c", "b"))
    session = VirtualSession(the_plan, Limits(concurrency=1))
    first = next(iter(session.running))
    session.now = 1.0
    session.end(first, "fail" if first[0] == "a" else "ok")
    second = next(iter(session.running))
    assert second[0] != first[0]
    assert session.now == 1.0


def test_a_limit_of_one_kind_of_work_is_never_lent_to_another():
    the_plan = plan(step("gpu1", tags=("gpu",)), step("gpu2", tags=("gpu",)), step("cpu1"), step("cpu2"))
    session = VirtualSession(the_plan, Limits(concurrency=4, tags={"gpu": 1}))
    assert sorted(which[0] for which in session.running) == ["cpu1", "cpu2", "gpu1"]


def test_a_run_that_is_cut_short_is_never_told_as_a_speed_up():
    from swarmtui.session.metrics import metrics

    the_plan, took = wide()
    session = VirtualSession(the_plan, Limits(concurrency=4))
    for _ in range(3):
        which = next(iter(session.running))
        session.now += took[which[0]]
        session.end(which, "ok")
    figures = metrics(session.state)
    assert 0 < figures["coverage"] < 1
