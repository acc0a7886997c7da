"""What other systems call a task, from the shell."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Program

TASK = """\
task_type: classification
prompt_template: "Label {{seed}}"
worker_model: simulated/instant
stagger: 0.1
"""
MARKDOWN = "# One\n- Est. time: 10 s\n\n## Description\nDo it.\n"


@pytest.mark.chaos
def test_a_deepswarm_file_is_validated_drawn_printed_and_run(swarmtui: Program) -> None:
    swarmtui.write("task.yaml", TASK)
    missing = swarmtui("validate", "task.yaml")
    assert missing.returncode == 2
    assert "task.yaml:1:12: `seeds_file` is missing" in missing.stdout
    assert swarmtui("seed", "--count", "2", "--template", "s{{seed}}", "--task", "task.yaml").returncode == 0
    valid = swarmtui("validate", "task.yaml", "--json")
    told = json.loads(valid.stdout)
    assert told["valid"] is True
    assert "stagger: 0.1 s is kept as the least time between starts of workers" in told["warnings"]
    assert "ramp: 0.1" in swarmtui("plan", "task.yaml").stdout
    assert "classify" in swarmtui("graph", "task.yaml").stdout
    assert "{{ seed }}" in swarmtui("plan", "task.yaml").stdout
    done = swarmtui("run", "task.yaml", "--headless")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = (swarmtui.folder / "output" / "clean.jsonl").read_text().splitlines()
    assert [json.loads(line)["input"] for line in lines] == ["s1", "s2"]


def test_a_mistake_of_a_deepswarm_file_keeps_it_from_running(swarmtui: Program) -> None:
    swarmtui.write("task.yaml", TASK.replace("stagger", "staggr"))
    swarmtui.write("seeds.jsonl", '"a"\n')
    done = swarmtui("run", "task.yaml", "--headless")
    assert done.returncode == 2
    assert "task.yaml:4:1: unknown key `staggr`: did you mean stagger?" in done.stderr
    assert swarmtui.sessions() == []


@pytest.mark.chaos
def test_a_project_with_an_orchestrator_folder_is_run_and_shows_its_results_at_once(swarmtui: Program) -> None:
    tasks = swarmtui.folder / ".orchestrator" / "agent_tasks"
    tasks.mkdir(parents=True)
    (tasks / "one.md").write_text(MARKDOWN)
    valid = swarmtui("validate", ".")
    assert valid.returncode == 0
    assert "warning: one: 10 s is short" in valid.stdout
    done = swarmtui("run", ".orchestrator", "--model", "worker=simulated/instant", "--headless")
    assert done.returncode == 0, done.stdout + done.stderr
    folder = swarmtui.folder / ".orchestrator"
    assert "[simulated]" in (folder / "final_output.md").read_text()
    assert "[simulated]" in (folder / "results" / "one-result.md").read_text()
    swarmtui.until_no_host()
    assert ": succeeded" in (folder / "status.md").read_text()


def test_a_worker_that_nobody_knows_is_told(swarmtui: Program) -> None:
    tasks = swarmtui.folder / ".orchestrator" / "agent_tasks"
    tasks.mkdir(parents=True)
    (tasks / "one.md").write_text(MARKDOWN)
    done = swarmtui("run", ".", "--set", "worker=bob")
    assert done.returncode == 2
    assert "there is no worker `bob`" in done.stderr


@pytest.mark.chaos
def test_a_folder_that_is_run_again_goes_on_with_what_is_left(swarmtui: Program) -> None:
    tasks = swarmtui.folder / ".orchestrator" / "agent_tasks"
    tasks.mkdir(parents=True)
    (tasks / "agent-01.md").write_text("# One\n- ID: task-1\n- Status: Pending\n\n## Description\nDo it.\n")
    agent = swarmtui.write("claude", "#!/bin/sh\nread -r title\ncat >/dev/null\necho $title >> calls\necho done\n")
    agent.chmod(0o755)
    swarmtui.env["PATH"] = f"{swarmtui.folder}:{swarmtui.env['PATH']}"
    words = ("run", ".", "--set", "worker=claude", "--headless")
    assert swarmtui(*words).returncode == 0
    swarmtui.until_no_host()
    assert "- Status: Completed" in (tasks / "agent-01.md").read_text()
    (tasks / "agent-02.md").write_text("# Two\n- Dependencies: task-1\n\n## Description\nDo more.\n")
    done = swarmtui(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "agent-01: taken over from an earlier session" in done.stdout
    assert (swarmtui.folder / "calls").read_text().splitlines() == ["# One", "# Two"]
