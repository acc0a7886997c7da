"""Figures of agents."""

from __future__ import annotations

from dataclasses import replace

from swarmtui.plan.model import AgentSpec, Check, Node, Plan, plan_hash
from swarmtui.plan.team import AgentDef
from swarmtui.session import events as ev
from swarmtui.session import fold
from swarmtui.session.events import Body, Event
from swarmtui.session.metrics import metrics
from swarmtui.session.vocabulary import Output

SUB = AgentDef()


def sub(name: str, **more: str) -> Node:
    return Node(name, AgentSpec("self", "x", SUB), parent="boss", **more)  # type: ignore[arg-type]


def steps(node: str, count: int) -> list[Body]:
    return [ev.AgentStepped(node, 1, "assistant", "0") for _ in range(count)]


def carried_out(node: str, count: int) -> list[Body]:
    return [ev.AttemptStarted(node, 1), *steps(node, count), ev.AttemptSucceeded(node, 1, Output("x", 1))]


def test_critical_steps_are_those_of_the_worked_example() -> None:
    """Three stages, each one step of the orchestrator; in the second a cohort of 6, 9, 4 and 7 steps: 12."""
    boss = Node("boss", AgentSpec("self", "x", SUB))
    plan = Plan("test", (boss,))
    subs = tuple(sub(f"s{number}") for number in range(4))
    waits = Node("boss", boss.spec, needs=tuple(node.id for node in subs))
    bodies: list[Body] = [
        ev.SessionCreated("s", "g", "t", "/", "0"),
        ev.PlanProposed(1, plan),
        ev.PlanApproved(1, plan_hash(plan)),
        ev.AttemptStarted("boss", 1),
        *steps("boss", 2),
        ev.PlanPatched(2, (*subs, waits), by="boss"),
        ev.TaskAssigned("boss", 1, "c", tuple(node.id for node in subs)),
        ev.AttemptSuspended("boss", 1, "subagents"),
        *(body for node, count in zip(subs, (6, 9, 4, 7), strict=True) for body in carried_out(node.id, count)),
        ev.AttemptStarted("boss", 2),
        *steps("boss", 1),
        ev.AttemptSucceeded("boss", 2, Output("x", 1)),
    ]
    state = fold.fold(Event(seq, 0.0, 0.0, body) for seq, body in enumerate(bodies, 1))
    found = metrics(state)["agents"]
    assert found["boss"] == {
        "steps": 3,
        "tool_calls": 0,
        "spawn_count": 4,
        "stages": 1,
        "critical_steps": 12,
        "subtasks_succeeded": 4,
        "subtask_finish_rate": None,
    }
    assert found["s1"]["critical_steps"] == 9


def test_stages_follow_each_other_and_so_do_nodes_of_one_that_need_each_other() -> None:
    """1 + (2, then 3 that need it) + 1 + a program, which has no steps of its own and counts as one + 1."""
    boss = Node("boss", AgentSpec("self", "x", SUB))
    first, second = sub("a"), replace(sub("b"), needs=("a",))
    third = replace(sub("c"), check=Check(regex="x"))
    bodies: list[Body] = [
        ev.SessionCreated("s", "g", "t", "/", "0"),
        ev.PlanProposed(1, Plan("test", (boss,))),
        ev.PlanApproved(1, plan_hash(Plan("test", (boss,)))),
        ev.AttemptStarted("boss", 1),
        *steps("boss", 1),
        ev.PlanPatched(2, (first, second, replace(boss, needs=("a", "b"))), by="boss"),
        ev.TaskAssigned("boss", 1, "c1", ("a", "b")),
        ev.AttemptSuspended("boss", 1, "subagents"),
        *carried_out("a", 2),
        *carried_out("b", 3),
        ev.AttemptStarted("boss", 2),
        *steps("boss", 1),
        ev.PlanPatched(3, (third, replace(boss, needs=("a", "b", "c"))), by="boss"),
        ev.TaskAssigned("boss", 2, "c2", ("c",)),
        ev.AttemptSuspended("boss", 2, "subagents"),
        *carried_out("c", 0),
        ev.AttemptStarted("boss", 3),
        *steps("boss", 1),
        ev.AttemptSucceeded("boss", 3, Output("x", 1)),
    ]
    state = fold.fold(Event(seq, 0.0, 0.0, body) for seq, body in enumerate(bodies, 1))
    found = metrics(state)["agents"]
    assert (found["boss"]["stages"], found["boss"]["critical_steps"]) == (2, 9)
    assert (found["boss"]["subtasks_succeeded"], found["boss"]["subtask_finish_rate"]) == (3, 1 / 3)
    assert "c" not in found
