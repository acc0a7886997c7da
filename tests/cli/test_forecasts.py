"""Forecasts of tasks that have not begun rest on earlier sessions, and budgets say how to go on once they are spent."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Program

TASK = """\
goal: count
nodes:
  one: {run: ["true"]}
  two: {run: ["true"], needs: one}
"""


@pytest.mark.chaos
def test_a_task_is_forecast_from_what_it_took_before(swarmtui: Program) -> None:
    swarmtui.write("task.yaml", TASK)
    before = swarmtui("forecast", "task.yaml")
    assert before.returncode == 0, before.stderr
    assert "2 from assumptions\nassumed are run 10 s" in before.stdout
    assert "longest" in before.stdout
    assert swarmtui("run", "task.yaml", "--headless").returncode == 0
    swarmtui.until_no_host()
    told = json.loads(swarmtui("forecast", "task.yaml", "--json").stdout)
    assert "2 from earlier sessions (2 attempts)" in told["basis"]
    assert [row["concurrency"] for row in told["rows"]] == [1, 2, 4, None]
    assert told["rows"][0]["seconds"][2] < 10
    planned = swarmtui("plan", "task.yaml")
    assert "2 from earlier sessions" in planned.stderr
    assert planned.stdout.startswith("goal: count")


def test_what_is_neither_a_session_nor_a_task_is_told_so(swarmtui: Program) -> None:
    found = swarmtui("forecast", "nothing-such")
    assert found.returncode == 2
    assert "is neither a session nor a task file" in found.stderr


def test_a_node_that_has_used_up_its_budget_says_how_to_go_on(swarmtui: Program) -> None:
    fails = (
        'goal: g\nnodes:\n  y: {run: ["false"], retries: {limit: 3, base: 0.01, cap: 0.01}, budget: {attempts: 2}}\n'
    )
    swarmtui.write("task.yaml", fails)
    ran = swarmtui("run", "task.yaml", "--headless")
    assert ran.returncode == 7
    assert "y has used up its budget of 2 attempts" in ran.stderr
    assert "the budget of 2 attempts is spent: 2" in ran.stdout
    session = swarmtui.session().id
    assert f"`swarmtui ctl {session} change y budget.attempts=N` raises it" in ran.stderr
