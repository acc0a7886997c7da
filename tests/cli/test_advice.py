"""What could be better about a plan is told by `validate` and by `plan --explain`, and stops nothing."""

import json
from pathlib import Path

import pytest

from swarmtui.cli.main import main
from swarmtui.host.exits import Exit

TASK = "goal: g\nnodes:\n  a: {prompt: x}\n  b: {prompt: y, needs: a}\n  c: {needs: b, merge: {}}\n"


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    path = tmp_path / "task.yaml"
    path.write_text(TASK)
    return str(path)


def test_validate_adds_advice_to_what_is_valid(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", task]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{task}: advice: b: it waits for a and reads nothing of it: ")
    assert lines[-1].startswith(f"{task}: valid: ")
    assert main(["validate", task, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["valid"], found["advice"][0]["node"], found["advice"][0]["kind"]) == (True, "b", "chain")


def test_plan_explains_each_node_beside_the_plan(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", task, "--explain"]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("goal: g")
    assert "advice" not in told.out
    lines = told.err.splitlines()
    assert "swarmtui: a: for b" in lines
    assert "swarmtui: c: an end of the plan" in lines
    assert any(line.startswith("swarmtui:   advice: it waits for a") for line in lines)


@pytest.mark.chaos
def test_plan_explains_by_the_planners_own_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert main(["plan", "compare rivers and lakes", "--explain"]) == 0
    assert "report: what the user asked for (an end of the plan)" in capsys.readouterr().err


ITEMS = """
goal: count
nodes:
  each: {map: {items: things.jsonl, as: thing}, run: [echo, "{{ thing }}"]}
  other: {map: {items: other.csv, as: thing}, run: [echo, "{{ thing }}"]}
"""


def test_validate_tells_what_cannot_be_read_in_files_of_items(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task, items = tmp_path / "task.yaml", tmp_path / "things.jsonl"
    task.write_text(ITEMS)
    items.write_text('{"n": 1}\n{"n": oops}\n{"n": 3}\n')
    assert main(["validate", str(task)]) == Exit.USAGE
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{items}:2:7: an item of map each: not JSON")
    assert second == f"{tmp_path}/other.csv: there is no such file, and map other reads its items there"
    items.write_text('{"n": 1}\n')
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    assert main(["validate", str(task)]) == 0
    assert capsys.readouterr().out.endswith("valid: 2 nodes\n")
