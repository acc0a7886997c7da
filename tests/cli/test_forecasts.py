"""Forecasts of tasks that have not begun: what earlier sessions showed counts, and what is not known is said."""

from __future__ import annotations

import json

from tests.cli.conftest import Program

TASK = """\
goal: count
nodes:
  one: {run: ["true"]}
  two: {run: ["true"], needs: one}
"""


def test_a_task_is_forecast_from_what_it_took_before(swarmtui: Program) -> None:
    swarmtui.write("task.yaml", TASK)
    before = swarmtui("forecast", "task.yaml")
    assert before.returncode == 0, before.stderr
    assert "2 from assumptions; assumed are run 10 s" in before.stdout
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
