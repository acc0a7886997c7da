"""An ``.orchestrator`` folder as a plan: Markdown read as people write it, mistakes told with their place."""

from __future__ import annotations

import contextlib
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from swarmtui.plan.importers import Imported, find_folder, import_folder
from swarmtui.plan.importers.agent_task import duration, read_agent_task
from swarmtui.plan.importers.orchestrator import AGENT_POOL
from swarmtui.plan.model import MergeSpec, Node, PromptSpec, RunSpec, When
from swarmtui.plan.problems import TaskError
from swarmtui.plan.render import task_to_yaml
from swarmtui.plan.taskfile import load_task, parse_task, validate_plan

READ = """\
# Task: Read the code

| Field | Value |
|---|---|
| **Task ID** | agent-01 |
| Priority | High |
| Est. Time | 3 min |

## INPUTS
| Param | Type | Source task/file | Value |
|---|---|---|---|
| code | file | `src/main.py` | |
| style | text | - | be {{ strict }} |

## Description
Say what the code does.

## Expected Output
A paragraph.
"""
RISKS = """\
# Find risks
- **ID**: agent-02
- **Priority:** low
- Estimated time: 2-4 minutes

### inputs
* summary: from agent-01
* depth: 3

### description
List the risks.
"""
ADVISE = """\
# Give advice
**Dependencies**: agent-01, Find risks

## Task Description
Advise.
"""


def project(tmp_path: Path, **tasks: str) -> Path:
    """A project with an ``.orchestrator`` folder; its path."""
    folder = tmp_path / ".orchestrator" / "agent_tasks"
    folder.mkdir(parents=True)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.py").write_text("print('hi')\n")
    for name, text in tasks.items():
        (folder / f"{name}.md").write_text(textwrap.dedent(text))
    return tmp_path


def imported(tmp_path: Path, *, worker: str | None = None, **tasks: str) -> Imported:
    return import_folder(project(tmp_path, **tasks) / ".orchestrator", worker=worker)


def nodes(found: Imported) -> dict[str, Node]:
    assert found.task.plan is not None
    return {node.id: node for node in found.task.plan.nodes}


def problems(tmp_path: Path, **tasks: str) -> list[str]:
    with pytest.raises(TaskError) as raised:
        imported(tmp_path, **tasks)
    return [str(problem).removeprefix(f"{tmp_path}/.orchestrator/agent_tasks/") for problem in raised.value.problems]


def test_each_task_is_a_node_that_needs_where_its_inputs_come_from(tmp_path: Path) -> None:
    found = nodes(imported(tmp_path, a=READ, b=RISKS, c=ADVISE))
    assert list(found) == ["read-main", "agent-01", "agent-02", "c", "final_output"]
    assert found["agent-01"].needs == ("read-main",)
    assert found["agent-02"].needs == ("agent-01",)
    assert found["c"].needs == ("agent-01", "agent-02")
    assert (found["agent-01"].title, found["agent-01"].estimate_s) == ("Read the code", 180.0)
    assert found["agent-02"].estimate_s == 180.0
    assert found["agent-01"].priority > found["c"].priority > found["agent-02"].priority


def test_a_worker_is_told_the_task_its_inputs_and_what_is_expected(tmp_path: Path) -> None:
    spec = nodes(imported(tmp_path, a=READ))["agent-01"].spec
    assert isinstance(spec, PromptSpec)
    assert spec.model == "worker"
    for part in ("Say what the code does.", "{{ read-main.output }}", "A paragraph.", 'be {{ "{{" }} strict }}'):
        assert part in spec.prompt


def test_everything_is_joined_at_the_end_whatever_failed(tmp_path: Path) -> None:
    final = nodes(imported(tmp_path, a=READ, b=RISKS))["final_output"]
    assert isinstance(final.spec, MergeSpec)
    assert (final.needs, final.when) == (("agent-01", "agent-02"), When.ALL_DONE)
    assert final.spec.dedupe
    assert final.spec.summary == "planner"


def test_tasks_are_retried_and_have_a_timeout(tmp_path: Path) -> None:
    node = nodes(imported(tmp_path, a=READ))["agent-01"]
    assert node.retry.limit == 2
    assert node.timeout_s == 540.0


def test_a_cli_agent_gets_the_prompt_on_its_input_and_few_run_at_once(tmp_path: Path) -> None:
    found = imported(tmp_path, worker="claude", a=READ, b=RISKS.replace("- **ID**", "- Worker: planner\n- **ID**"))
    first, second = nodes(found)["agent-01"], nodes(found)["agent-02"]
    assert isinstance(first.spec, RunSpec)
    assert first.spec.argv == ("claude", "-p")
    assert first.spec.stdin is not None
    assert "Say what the code does." in first.spec.stdin
    assert first.pool == AGENT_POOL
    assert 4 <= found.task.limits.pools[AGENT_POOL] <= 8
    assert isinstance(second.spec, PromptSpec)
    assert second.spec.model == "planner"


def test_estimates_that_are_too_short_or_too_long_are_remarked_on(tmp_path: Path) -> None:
    short, long = READ.replace("3 min", "20 s"), RISKS.replace("2-4 minutes", "1 h")
    assert [remark.partition(":")[0] for remark in imported(tmp_path, a=short, b=long).remarks] == [
        "agent-01",
        "agent-02",
    ]


def test_a_file_is_read_once_for_all_who_want_it(tmp_path: Path) -> None:
    found = nodes(imported(tmp_path, a=READ, b=READ.replace("agent-01", "agent-09")))
    readers = [node for node in found.values() if isinstance(node.spec, RunSpec)]
    assert [node.spec.argv for node in readers] == [("cat", "--", str(tmp_path / "src" / "main.py"))]  # type: ignore[union-attr]
    assert not readers[0].changes_world


@pytest.mark.parametrize(
    "source",
    [
        *("agent-01", "`agent-01`", "results/agent-01-result.md", "a.md", "Read the code", "agent-01 (summary)"),
        *("output of agent-01", "result from `agent-01`", "agent-01 output", "agent-01's result", "agent-01.output"),
        *("来自 agent-01", "任务agent-01", "agent-01的输出", ".orchestrator/results/a-result.md", "AGENT-01"),
    ],
)
def test_a_task_goes_by_its_id_its_file_its_result_and_its_name(tmp_path: Path, source: str) -> None:
    text = f"# Two\n## Inputs\n| name | source |\n|--|--|\n| x | {source} |\n\n## Description\nDo.\n"
    assert nodes(imported(tmp_path, a=READ, b=text))["b"].needs == ("agent-01",)


def test_a_file_that_is_called_after_an_agent_gives_the_node_its_name(tmp_path: Path) -> None:
    first = "# One\n- ID: task-001\n\nDo.\n"
    second = "# Two\n- Dependencies: task-001, agent-1-result.md\n\nDo.\n"
    found = nodes(imported(tmp_path, **{"agent-1": first, "Agent_two": second}))
    assert list(found) == ["Agent_two", "agent-1", "final_output"]
    assert found["Agent_two"].needs == ("agent-1",)


def test_a_status_is_no_part_of_what_the_worker_is_told(tmp_path: Path) -> None:
    plain = "# One\n- ID: a\n\nDo.\n"
    spec = nodes(imported(tmp_path / "x", a=plain))["a"].spec
    assert nodes(imported(tmp_path / "y", a=plain.replace("- ID: a", "- ID: a\n- Status: Completed")))["a"].spec == spec


def test_what_is_imported_is_a_valid_task_of_ours(tmp_path: Path) -> None:
    task = imported(tmp_path, worker="claude", a=READ, b=RISKS, c=ADVISE).task
    assert task.plan is not None
    assert validate_plan(task.plan) == []
    assert parse_task(task_to_yaml(task)) == replace(task, path=None)


def test_the_folder_is_found_in_its_project_too(tmp_path: Path) -> None:
    root = project(tmp_path, a=READ)
    assert find_folder(root) == find_folder(root / ".orchestrator") == root / ".orchestrator"
    assert find_folder(root / "src") is None
    assert load_task(root) == load_task(root / ".orchestrator")


# -- Markdown -------------------------------------------------------------------------------------------------


def test_headings_in_code_are_no_headings() -> None:
    task = read_agent_task("## Description\nDo\n```\n## Inputs\n| a | b |\n```\nit.\n", "t.md", "t")
    assert task.inputs == []
    assert task.description.endswith("it.")


def test_what_has_an_unknown_heading_stays_part_of_the_description() -> None:
    text = "# T\n## Description\nDo it.\n\n## Constraints\n- Time: must be short\n- Id: keep it\n"
    task = read_agent_task(text, "t.md", "t")
    assert "## Constraints\n\n- Time: must be short\n- Id: keep it" in task.description
    assert (task.id, task.estimate_s, task.problems) == ("t", None, [])


@pytest.mark.parametrize("title", ["# Task: Read it", "# Agent Task 07 - Read it", "# Task 3: Read it", "# Read it"])
def test_the_name_is_the_title_without_the_word_task(title: str) -> None:
    assert read_agent_task(f"{title}\n## Description\nx\n", "t.md", "t").name == "Read it"


@pytest.mark.parametrize("form", ["Priority: high", "- priority: HIGH", "**Priority**: `High`", "| Priority | P1 |"])
def test_fields_are_read_in_any_form(form: str) -> None:
    assert read_agent_task(f"# T\n{form}\n## Description\nx\n", "t.md", "t").priority == 10


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("3 min", 180), ("2-4 minutes", 180), ("~5 mins", 300), ("1.5 h", 5400), ("5", 300), ("soon", None)],
)
def test_durations_are_read_as_people_write_them(text: str, seconds: float | None) -> None:
    assert duration(text) == seconds


# -- mistakes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# T\nJust: words\n## Description\n\n", None),
        ("# T\n\n## Inputs\n", "a.md:1:1: there is no description"),
        ("# T\nEst. time: soon\n## Description\nx\n", "a.md:2:1: `soon` is no duration"),
        ("# T\nPriority: big\n## Description\nx\n", "a.md:2:1: `big` is no priority"),
        ("# T\nWorker: bob\n## Description\nx\n", "a.md:2:1: there is no worker `bob`"),
        ("# T\nDepends on: agent-99\n## Description\nx\n", "a.md:2:1: `agent-99` is no task"),
        ("# T\n## Description\nx\n## Inputs\n|name|source|\n|-|-|\n|c|src/mian.py|\n", "a.md:7:1: `src/mian.py` is"),
        ("# T\n## Description\nx\n## Inputs\n|name|source|\n|-|-|\n|c|/etc/passwd|\n", "a.md:7:1: '/etc/passwd'"),
        ("# T\n## Description\nx\n## Inputs\n|name|source|\n|-|-|\n|c|a|\n", "a.md:7:1: a needs itself"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_column(tmp_path: Path, text: str, told: str | None) -> None:
    if told is None:
        assert nodes(imported(tmp_path, a=text))["a"]
    else:
        (problem,) = problems(tmp_path, a=text)
        assert problem.startswith(told)


def test_a_link_that_leads_out_of_the_project_is_no_input(tmp_path: Path) -> None:
    root = project(tmp_path / "project", a=READ.replace("src/main.py", "src/out.txt"))
    (tmp_path / "secret.txt").write_text("secret")
    (root / "src" / "out.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(TaskError, match=r"neither a task nor a file|leads out"):
        import_folder(root / ".orchestrator")


def test_ids_that_are_there_twice_and_cycles_are_told(tmp_path: Path) -> None:
    assert any("there twice" in problem for problem in problems(tmp_path, a=READ, b=READ))
    first = READ.replace("`src/main.py`", "agent-02")
    (tmp_path / "x").mkdir()
    assert any("agent-01 -> agent-02 -> agent-01" in one for one in problems(tmp_path / "x", a=first, b=RISKS))


def test_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    bad = "# T\nPriority: big\n## Description\nx\n"
    assert [problem.partition(":")[0] for problem in problems(tmp_path, a=bad, b=bad)] == ["a.md", "b.md"]


def test_a_file_that_is_not_utf_8_is_told_with_its_line(tmp_path: Path) -> None:
    root = project(tmp_path, a=READ)
    (root / ".orchestrator" / "agent_tasks" / "b.md").write_bytes(b"# T\n\xff\n")
    with pytest.raises(TaskError, match=r"b\.md:2:1: is not UTF-8"):
        import_folder(root / ".orchestrator")


def test_a_folder_without_tasks_is_told(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="no tasks in it"):
        imported(tmp_path)


# -- hostile files --------------------------------------------------------------------------------------------


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("begin", "unit", "end"),
    [
        ("# A\n# ", "#" * 300_000 + " ", "x\n"),
        ("# A\n## ", "(", "\n"),
        ("# Task ", "1", "\n"),
        ("# A\n- Priority: ", "(", "\n"),
        ("# A\n- Est. time: ", "1", "\n"),
        ("# A\n", "|", "\n"),
        ("# A\n", "a ", ":\n"),
        ("# A\n## Inputs\n| name | source |\n|--|--|\n| x | ", "a  ", "output |\n"),
    ],
    ids=range(8),
)
def test_no_text_keeps_the_reader_busy_for_long(tmp_path: Path, begin: str, unit: str, end: str) -> None:
    text = f"{begin}{unit * (600_000 // len(unit))}{end}\n## Description\nDo.\n"
    task = read_agent_task(text, "a.md", "a")
    assert all(len(str(problem)) < 1_000 for problem in task.problems)
    folder = project(tmp_path, a="# A\n\nDo.\n") / ".orchestrator"
    (folder / "agent_tasks" / "a.md").write_text(text)
    with contextlib.suppress(TaskError):
        import_folder(folder)


def test_a_huge_file_is_told_and_not_read_to_its_end(tmp_path: Path) -> None:
    folder = project(tmp_path, b="# B\n\nDo.\n") / ".orchestrator"
    with (folder / "agent_tasks" / "a.md").open("wb") as file:
        file.truncate(50_000_000_000)
    with pytest.raises(TaskError, match=r"a\.md:1:1: has more than 1,000,000 bytes"):
        import_folder(folder)


def test_links_that_lead_out_or_nowhere_are_told_and_a_readme_is_no_task(tmp_path: Path) -> None:
    folder = project(tmp_path, b="# B\n\nDo.\n", README="# About\n\nTasks are here.\n") / ".orchestrator"
    assert list(nodes(import_folder(folder))) == ["b", "final_output"]
    (folder / "agent_tasks" / "a.md").symlink_to("/etc/passwd")
    (folder / "agent_tasks" / "c.md").symlink_to("c.md")
    with pytest.raises(TaskError) as raised:
        import_folder(folder)
    assert [Path(problem.file or "").name for problem in raised.value.problems] == ["a.md", "c.md"]


def test_ids_are_made_into_names_that_lead_nowhere(tmp_path: Path) -> None:
    texts = {"a": "../../etc/x", "b": "-rf", "c": "x" * 5000, "d": "任务一", "e": "{{ b }}"}
    found = nodes(imported(tmp_path, **{name: f"# T\n- ID: {text}\n\nDo.\n" for name, text in texts.items()}))
    assert list(found) == ["etc-x", "rf", "x" * 60, "task", "b", "final_output"]


@pytest.mark.parametrize("written", ["- [x] a (must be done)", "- [ ] Task a: the first", "1. a", "- a.md; b"])
def test_dependencies_are_read_from_lists_as_people_keep_them(tmp_path: Path, written: str) -> None:
    text = f"# C\n## Dependencies\n{written}\n## Description\nDo.\n"
    found = nodes(imported(tmp_path, a="# A\n\nDo.\n", b="# B\n\nDo.\n", c=text))
    assert found["c"].needs[0] == "a"


def test_all_that_is_wrong_on_one_line_is_told(tmp_path: Path) -> None:
    found = problems(tmp_path, a="# A\n- Needs: zzz, yyy\n\nDo.\n")
    assert [problem.partition(": ")[2].partition(" is")[0] for problem in found] == ["`zzz`", "`yyy`"]
