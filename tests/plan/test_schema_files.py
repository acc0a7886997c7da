"""Schemas of checks in files of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from swarmtui.plan.model import Author, Plan
from swarmtui.plan.problems import TaskError
from swarmtui.plan.taskfile import load_task, parse_task

TASK = "goal: g\nnodes:\n  a:\n    prompt: x\n    check: {schema: shapes/point.json, min_chars: 2}\n"
POINT = {"type": "object", "required": ["x"]}


def loaded(folder: Path, schema: str | None) -> Plan:
    (folder / "task.yaml").write_text(TASK)
    (folder / "shapes").mkdir()
    if schema is not None:
        (folder / "shapes" / "point.json").write_text(schema)
    plan = load_task(folder / "task.yaml").plan
    assert plan is not None
    return plan


def test_the_plan_holds_the_schema_itself(tmp_path: Path) -> None:
    check = loaded(tmp_path, json.dumps(POINT)).nodes[0].check
    assert check is not None
    assert check.schema == POINT
    assert check.min_chars == 2


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (None, "No such file"),
        ("{", "is not JSON"),
        ("[1]", "holds a list"),
        ('{"type": "nonsense"}', "not a JSON Schema"),
        ("{}" + " " * 2_000_000, "larger than"),
    ],
)
def test_what_is_wrong_with_the_file_is_told_at_its_place_in_the_task(
    tmp_path: Path, schema: str | None, told: str
) -> None:
    with pytest.raises(TaskError, match=told) as caught:
        loaded(tmp_path, schema)
    assert "task.yaml:5:" in str(caught.value)


def test_a_planner_has_no_file_read(tmp_path: Path) -> None:
    (tmp_path / "shapes").mkdir()
    (tmp_path / "shapes" / "point.json").write_text("{}")
    with pytest.raises(TaskError, match="no file is read from here"):
        parse_task(TASK, path=str(tmp_path / "task.yaml"), author=Author.PLANNER)


def test_a_name_that_no_file_can_have_is_told_at_its_place(tmp_path: Path) -> None:
    (tmp_path / "task.yaml").write_text(TASK.replace("shapes/point.json", r'"a\0b.json"'))
    with pytest.raises(TaskError, match=r"task\.yaml:5:\d+: a\\x00b\.json: .*: check the path"):
        load_task(tmp_path / "task.yaml")
