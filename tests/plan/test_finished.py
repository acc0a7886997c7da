"""Tasks of an orchestrator folder that need not be done again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from swarmtui.plan.importers import Imported, import_folder
from swarmtui.plan.importers.finished import earlier_key, keys_of, mark
from swarmtui.plan.model import Node, RunSpec
from tests.plan.test_orchestrator_folder import ADVISE, READ, RISKS, nodes, project

FIRST, SECOND, THIRD = "agent-01", "agent-02", "c"


def finish(root: Path, *names: str) -> None:
    """What a session leaves that has carried these tasks out."""
    found = nodes(import_folder(root / ".orchestrator"))
    code = (root / "src" / "main.py").read_text()
    keys = keys_of(found.values(), lambda _: code)
    for name in names:
        result = root / ".orchestrator" / "results" / f"{name}-result.md"
        result.parent.mkdir(exist_ok=True)
        result.write_text(f"# T\n\n{mark(keys[name])}\n\nfound by {name}\n")
        path = root / ".orchestrator" / "agent_tasks" / f"{ {FIRST: 'a', SECOND: 'b', THIRD: 'c'}[name] }.md"
        title, rest = path.read_text().split("\n", 1)
        path.write_text(f"{title}\n- Status: Completed\n{rest}")


def taken(root: Path) -> set[str]:
    found: Imported = import_folder(root / ".orchestrator")
    names = {name for name, node in nodes(found).items() if earlier_key(node) is not None}
    assert bool(names) is any("taken over" in remark for remark in found.remarks)
    return names


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return project(tmp_path, a=READ, b=RISKS, c=ADVISE)


def test_what_is_completed_and_unchanged_is_taken_over_with_its_result(root: Path) -> None:
    assert taken(root) == set()
    finish(root, FIRST, SECOND)
    assert taken(root) == {FIRST, SECOND}
    node: Node = nodes(import_folder(root / ".orchestrator"))[FIRST]
    assert isinstance(node.spec, RunSpec)
    assert not node.changes_world
    assert node.spec.argv[-1] == str(root / ".orchestrator" / "results" / "agent-01-result.md")


def test_once_all_is_done_nothing_is_done_again(root: Path) -> None:
    finish(root, FIRST, SECOND, THIRD)
    assert taken(root) == {FIRST, SECOND, THIRD}


def edit(root: Path, name: str, before: str, after: str) -> None:
    path = root / name
    assert before in path.read_text()
    path.write_text(path.read_text().replace(before, after))


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda root: edit(root, ".orchestrator/agent_tasks/a.md", "does.", "does, in short."), set()),
        (lambda root: edit(root, ".orchestrator/agent_tasks/a.md", "Completed", "Pending"), set()),
        (lambda root: edit(root, ".orchestrator/agent_tasks/a.md", "Completed", "Failed"), set()),
        (lambda root: edit(root, "src/main.py", "hi", "ho"), set()),
        (lambda root: (root / ".orchestrator/results/agent-01-result.md").unlink(), set()),
        (lambda root: (root / ".orchestrator/results/agent-02-result.md").write_text("by hand"), {FIRST}),
        (lambda root: edit(root, ".orchestrator/agent_tasks/b.md", "List", "Count"), {FIRST}),
        (lambda root: edit(root, ".orchestrator/agent_tasks/b.md", "low", "high"), {FIRST, SECOND, THIRD}),
    ],
)
def test_what_changed_is_done_again_and_so_is_all_that_rests_on_it(
    root: Path, change: Callable[[Path], object], left: set[str]
) -> None:
    finish(root, FIRST, SECOND, THIRD)
    change(root)
    assert taken(root) == left
