"""Budgets of sessions, nodes and maps: a soft line warns once, a hard line stops new starts and nothing else."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.plan.model import AskSpec, Budget, Limits, MapSpec, ModelRef, Node, PromptSpec, Retry, RunSpec
from swarmtui.session import budgets, fold
from swarmtui.session.events import (
    AttemptStarted,
    AttemptSucceeded,
    BudgetReached,
    BudgetWarned,
    Event,
    MapFinished,
    PlanProposed,
    QuestionAsked,
)
from swarmtui.session.vocabulary import Output, State, Status, Usage
from tests.engine.virtual import VirtualSession
from tests.engine.world import created, node, plan


def lines(session: VirtualSession) -> list[BudgetReached | BudgetWarned]:
    return [event.body for event in session.events if isinstance(event.body, BudgetReached | BudgetWarned)]


def started(session: VirtualSession, name: str) -> int:
    return sum(isinstance(event.body, AttemptStarted) and event.body.node == name for event in session.events)


def many(count: int = 6) -> tuple[Node, ...]:
    return tuple(node(f"n{index}") for index in range(count))


@pytest.mark.parametrize(
    ("limits", "kind"),
    [(Limits(1, tokens=6), "tokens"), (Limits(1, usd=3.0), "usd"), (Limits(1, attempts=3), "attempts")],
)
def test_a_session_stops_starting_at_the_hard_line_and_says_which(limits: Limits, kind: str) -> None:
    session = VirtualSession(plan(*many()), limits, usage=Usage(tokens_in=1, tokens_out=1, cost_usd=1.0))
    session.run_dry()
    assert session.state.status is Status.PAUSED
    assert session.state.budget is not None
    assert session.state.budget.kind == kind
    assert sum(isinstance(event.body, AttemptStarted) for event in session.events) == 3


def test_a_soft_line_warns_once_and_again_only_of_another_limit() -> None:
    session = VirtualSession(plan(*many(10)), Limits(1, attempts=10, warn=0.5))
    for _ in range(6):
        session.end(next(iter(session.running)), "ok")
    assert [(line.kind, line.spent, line.limit) for line in lines(session)] == [("attempts", 5.0, 10.0)]
    session.command("limits.set", attempts=12)
    for _ in range(2):
        session.end(next(iter(session.running)), "ok")
    assert [line.limit for line in lines(session)] == [10.0, 12.0]


def test_attempts_count_retries_and_not_what_a_provider_refused() -> None:
    session = VirtualSession(plan(node("a", retry=Retry(1, base_s=1.0)), *many()), Limits(1, attempts=3))
    session.end(("a", None, 1), "throttle")
    session.advance(5.0)
    session.end(("a", None, 2), "fail")
    assert session.state.starts == 2
    session.run_dry()
    assert session.state.starts == 3


def test_what_is_in_flight_when_the_line_is_passed_runs_to_its_end() -> None:
    session = VirtualSession(plan(*many()), Limits(3))
    assert len(session.running) == 3
    session.command("limits.set", tokens=2)
    session.end(next(iter(session.running)), "ok")
    assert session.state.status is Status.PAUSED
    assert session.state.budget is not None
    assert (session.state.budget.in_flight, session.state.budget.expected) == (2, 4.0)
    assert len(session.running) == 2
    session.run_dry()
    assert session.state.spent.tokens == 6


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_however_many_run_at_once_a_budget_is_passed_by_less_than_a_call(calls: int, limit: int, at_once: int) -> None:
    usage = Usage(tokens_in=1, tokens_out=500, cost_usd=1.5)
    models = {"worker": ModelRef("p", "m", price_in=0.0, price_out=3_000.0)}
    limits = Limits(at_once, usd=float(limit))
    session = VirtualSession(plan(*many(calls)), limits, usage=usage, models=models)
    session.run_dry()
    assert session.state.spent.cost_usd < limit + 1.5
    assert session.state.spent.cost_usd == min(calls * 1.5, math.ceil(limit / 1.5) * 1.5)


def test_a_map_near_its_budget_waits_for_what_runs_of_it_while_the_rest_goes_on() -> None:
    the_map = Node("m", PromptSpec("x"), map=MapSpec(values=()), budget=Budget(tokens=2_000))
    session = VirtualSession(plan(the_map, *many(3)), Limits(8), usage=Usage(400, 400), items=10)
    flying = [which for which in session.running if which[0] == "m"]
    assert 1 <= len(flying) < 5  # guessed from the prompt: a few hundred tokens each
    assert sum(which[0] != "m" for which in session.running) == 3
    while any(which[0] == "m" for which in session.running):
        session.end(next(which for which in session.running if which[0] == "m"), "ok")
    assert session.state.nodes["m"].spent.tokens == 2_400
    assert session.state.nodes["m"].state is State.HELD


def test_commands_start_while_calls_wait_for_what_is_in_flight() -> None:
    commands = [Node(f"c{at}", RunSpec(("true",))) for at in range(3)]
    session = VirtualSession(plan(*many(4), *commands), Limits(20, tokens=600), usage=Usage(200, 200))
    kinds = sorted(which[0][0] for which in session.running)
    assert kinds == ["c", "c", "c", "n"]


def test_minutes_are_time_of_work_without_pauses() -> None:
    session = VirtualSession(plan(*many()), Limits(1, minutes=1.0))
    session.now = 30.0
    session.command("session.pause")
    session.now = 1_000.0
    session.command("session.resume")
    session.now = 1_029.0
    session.end(next(iter(session.running)), "ok")
    session.end(next(iter(session.running)), "ok")
    assert session.state.active_s == pytest.approx(59.0)
    assert session.state.status is Status.RUNNING
    session.now = 1_031.0
    session.end(next(iter(session.running)), "ok")
    assert session.state.budget is not None
    assert session.state.budget.kind == "minutes"


def test_waiting_for_a_person_is_no_work() -> None:
    session = VirtualSession(plan(Node("q", AskSpec("which?")), node("after", "q")))
    session.record(QuestionAsked("q", "which?"))
    session.now = 500.0
    session.end(("q", None, 1), "ok")
    assert session.state.active_s == pytest.approx(0.0)


def test_a_map_that_reaches_its_budget_is_held_and_the_rest_goes_on() -> None:
    the_map = Node("m", PromptSpec("x"), map=MapSpec(values=()), budget=Budget(attempts=3, warn=0.5))
    session = VirtualSession(plan(the_map, *many(3)), items=10)
    session.run_dry()
    held = session.state.nodes["m"]
    assert (held.state, held.held, started(session, "m")) == (State.HELD, True, 3)
    assert held.budget is not None
    assert (held.budget.kind, held.budget.limit) == ("attempts", 3.0)
    assert all(session.state.nodes[f"n{index}"].state is State.SUCCEEDED for index in range(3))
    assert [type(line) for line in lines(session) if line.node == "m"] == [BudgetWarned, BudgetReached]
    assert session.state.reason == "stuck"


def test_a_node_that_its_budget_holds_goes_on_beyond_it_once_the_user_releases_it() -> None:
    the_map = Node("m", PromptSpec("x"), map=MapSpec(values=()), budget=Budget(attempts=3))
    session = VirtualSession(plan(the_map), items=6)
    session.run_dry()
    session.command("node.resume", node="m")
    session.run_dry()
    assert session.state.nodes["m"].waived == ("attempts",)
    assert session.state.status is Status.SUCCEEDED
    assert started(session, "m") == 6


def test_raising_the_budget_of_a_node_lets_it_go_on_up_to_the_new_one() -> None:
    the_map = Node("m", PromptSpec("x"), map=MapSpec(values=(1,)), budget=Budget(attempts=3))
    session = VirtualSession(plan(the_map), items=9)
    session.run_dry()
    op = {"op": "set", "node": "m", "field": "budget", "value": {"attempts": 5}}
    assert session.command("plan.patch", base_rev=1, ops=[op])
    session.run_dry()
    assert started(session, "m") == 5
    assert session.state.nodes["m"].budget is not None


def test_raising_the_budget_of_a_node_that_was_cancelled_meanwhile_does_not_bring_it_back() -> None:
    the_map = Node("m", PromptSpec("x"), map=MapSpec(values=(1,)), budget=Budget(attempts=3))
    session = VirtualSession(plan(the_map, node("other")), items=9)
    for which in [one for one in session.running if one[0] == "m"]:
        session.end(which, "ok")
    assert session.state.nodes["m"].budget is not None
    assert session.command("node.cancel", node="m")
    op = {"op": "set", "node": "m", "field": "budget", "value": {"attempts": 5}}
    assert session.command("plan.patch", base_rev=1, ops=[op])
    assert session.state.nodes["m"].state is State.CANCELLED
    assert sum(isinstance(event.body, MapFinished) for event in session.events) == 1


def test_a_nodes_minutes_are_those_in_which_something_of_it_runs() -> None:
    the_map = Node("m", PromptSpec("x"), map=MapSpec(values=()), budget=Budget(minutes=1.0))
    session = VirtualSession(plan(the_map), Limits(2), items=9)
    session.now = 61.0
    assert budgets.used_by_node(session.state.nodes["m"], session.now).minutes == pytest.approx(61 / 60)
    for which in list(session.running):
        session.end(which, "ok")
    assert session.state.nodes["m"].active_s == pytest.approx(61.0)
    assert session.state.nodes["m"].state is State.HELD


def test_a_budget_of_nothing_lets_nothing_start() -> None:
    session = VirtualSession(plan(node("a")), Limits(usd=0.0))
    assert not session.running
    assert session.state.status is Status.PAUSED


def test_what_is_taken_over_counts_against_no_budget() -> None:
    session = VirtualSession(plan(*many(3)), Limits(1, attempts=2))
    (name, item, number) = next(iter(session.running))
    session.running.clear()
    session.record(AttemptSucceeded(name, number, Output("ok", 2), item, reused_from="s/a//1"))
    session.step()
    session.run_dry()
    assert session.state.starts == 2
    assert session.state.status is Status.SUCCEEDED


def test_models_whose_price_is_not_known_are_named_where_a_budget_of_money_rests_on_them() -> None:
    models = {"worker": ModelRef("p", "free"), "spare": ModelRef("q", "m"), "planner": ModelRef("r", "unused")}
    retried = node("a", retry=Retry(1, models=("spare",)))
    bodies = [replace(created(Limits(usd=1.0)), models=models), PlanProposed(1, plan(retried))]
    state = fold.fold(Event(seq, 0.0, 0.0, body) for seq, body in enumerate(bodies, 1))
    assert budgets.uncounted_models(state) == ["p/free", "q/m"]
    bodies[0] = replace(created(), models=models)
    state = fold.fold(Event(seq, 0.0, 0.0, body) for seq, body in enumerate(bodies, 1))
    assert budgets.uncounted_models(state) == []
