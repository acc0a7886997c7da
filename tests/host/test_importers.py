"""DeepSwarm files and ``.orchestrator`` folders carried out whole, with real workers and the simulated model."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from swarmtui.host.api import Session, run
from swarmtui.host.spec import LaunchSpec, read_task, translated
from swarmtui.plan.model import ModelRef
from swarmtui.session.events import Noted
from swarmtui.session.vocabulary import Status

WORKER = {"worker": "simulated/instant"}


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with a home of its own."""
    monkeypatch.setenv("SWARMTUI_HOME", str(tmp_path / "home"))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def deepswarm(folder: Path, text: str, *seeds: object) -> Path:
    path = folder / "task.yaml"
    path.write_text(textwrap.dedent(text))
    (folder / "seeds.jsonl").write_text("".join(json.dumps(seed) + "\n" for seed in seeds))
    return path


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def states(session: Session) -> dict[str, str]:
    return {name: node.state.value for name, node in session.state.nodes.items()}


@pytest.mark.parametrize(
    ("task_type", "node"),
    [
        ("generation", "generate"),
        ("translation", "translate"),
        ("summarization", "summarize"),
        ("classification", "classify"),
    ],
)
async def test_a_deepswarm_task_runs_unchanged(work: Path, task_type: str, node: str) -> None:
    text = f"""\
        task_type: {task_type}
        prompt_template: "Look at {{{{seed}}}} closely"
        worker_model: simulated/instant
        workers: 2
        output_dir: out
    """
    session = await run(deepswarm(work, text, "rivers", {"topic": "lakes"}, "mountains"))
    assert session.status is Status.SUCCEEDED
    assert states(session) == {node: "succeeded", "filter": "succeeded"}
    assert [one["item"] for one in lines(work / "out" / "clean.jsonl")] == [0, 1, 2]
    assert lines(work / "out" / "errors.jsonl") == []
    assert any("workers" in event.body.message for event in session.events if isinstance(event.body, Noted))


async def test_a_custom_task_runs_its_script_once_per_seed(work: Path) -> None:
    (work / "work.py").write_text(
        "import json, os, sys\n"
        "if sys.argv[1] == 'bad': sys.exit('cannot do this')\n"
        "print(json.dumps({'seed': sys.argv[1], 'prompt': sys.stdin.read(), 'model': os.environ['WORKER_MODEL']}))\n"
    )
    text = """\
        task_type: custom
        worker_script: work.py
        worker_model: any
        prompt_template: "Do {{seed}}"
    """
    path = deepswarm(work, text, "good", {"a": "$(touch pwned)"})
    session = await run(path)
    assert session.status is Status.SUCCEEDED
    told = [json.loads(one["output"]) for one in lines(work / "output" / "clean.jsonl")]
    assert told[0] == {"seed": "good", "prompt": "Do good", "model": "any"}
    assert told[1]["seed"] == '{"a":"$(touch pwned)"}'
    assert not (work / "pwned").exists()


async def test_items_that_fail_are_among_the_errors_and_do_not_stop_the_others(work: Path) -> None:
    text = "prompt_template: 'Say {{seed}}'\nworker_model: simulated/instant\n"
    session = await run(deepswarm(work, text, "one", "two [[fail:refused]]", "three"))
    assert states(session) == {"generate": "failed", "filter": "succeeded"}
    assert [one["item"] for one in lines(work / "output" / "clean.jsonl")] == [0, 2]
    (error,) = lines(work / "output" / "errors.jsonl")
    assert "the item failed" in error["error"]


async def test_a_multi_turn_task_leaves_whole_conversations(work: Path) -> None:
    text = """\
        prompt_template: "Explore {{seed}} step by step"
        worker_model: simulated/instant
        multi_turn: true
        max_turns: 3
        output_format: json
    """
    session = await run(deepswarm(work, text, "caves", "reefs"))
    assert session.status is Status.SUCCEEDED
    records = [one["output"] for one in json.loads((work / "output" / "clean.json").read_text())]
    for record, seed in zip(records, ("caves", "reefs"), strict=True):
        told, asked = record["messages"][:2]
        assert told["role"] == "system"
        assert "task_complete" in told["content"]
        assert asked == {"role": "user", "content": f"Explore {seed} step by step"}
        assert 1 < record["turns"] <= 3
        assert len(record["messages"]) == 1 + 2 * record["turns"]


async def test_items_given_on_the_command_line_stand_in_for_the_seeds(work: Path) -> None:
    (work / "task.yaml").write_text("prompt_template: 'Say {{seed}}'\n")
    items = work / "other.jsonl"
    items.write_text('"a"\n')
    text = (work / "task.yaml").read_text()
    spec = translated(LaunchSpec(str(work), text=text, path=str(work / "task.yaml"), items=str(items)))
    task, _ = read_task(spec)
    assert task.plan is not None
    assert task.plan.nodes[0].map is not None
    assert task.plan.nodes[0].map.path == str(items)


def test_the_key_of_a_provider_that_we_know_is_found_by_its_address(work: Path) -> None:
    text = "prompt_template: '{{seed}}'\nworker_model: m\nworker_api_base: https://api.deepseek.com/v1\n"
    deepswarm(work, text, "a")
    task, _ = read_task(translated(LaunchSpec(str(work), text=text, path=str(work / "task.yaml")), {}))
    worker = task.models["worker"]
    assert isinstance(worker, ModelRef)
    assert worker.api_key_env == "DEEPSEEK_API_KEY"


def test_a_model_that_is_asked_without_a_key_is_remarked_on(work: Path) -> None:
    for host, remarks in (("llm.example", 1), ("localhost:8000", 0)):
        text = f"prompt_template: '{{{{seed}}}}'\nworker_model: m\nworker_api_base: http://{host}/v1\n"
        deepswarm(work, text, "a")
        spec = translated(LaunchSpec(str(work), text=text, path=str(work / "task.yaml")), {})
        assert len(spec.remarks) == remarks


# -- .orchestrator --------------------------------------------------------------------------------------------


def orchestrator(folder: Path, **tasks: str) -> Path:
    place = folder / ".orchestrator" / "agent_tasks"
    place.mkdir(parents=True)
    for name, text in tasks.items():
        (place / f"{name}.md").write_text(textwrap.dedent(text))
    return folder / ".orchestrator"


FIRST = "# Look\n- Est. time: 2 min\n\n## Inputs\n- code: from main.py\n\n## Description\nLook at it.\n"
SECOND = "# Judge\n\n## Inputs\n- found: from first\n\n## Description\nJudge it.\n"


async def test_an_orchestrator_folder_runs_and_is_written_back(work: Path) -> None:
    folder = orchestrator(work, first=FIRST, second=SECOND)
    (work / "main.py").write_text("print('hello')\n")
    session = await run(folder, models=WORKER)
    assert session.status is Status.SUCCEEDED
    assert "[simulated]" in (folder / "results" / "first-result.md").read_text()
    assert "SIMULATED" in (folder / "results" / "second-result.md").read_text()
    assert "## Judge" in (folder / "final_output.md").read_text()
    status = (folder / "status.md").read_text()
    assert status.count("| Completed |") == 2
    assert f"Session {session.id}: succeeded" in status
    assert (folder / "error_log.md").is_file()


async def test_a_project_is_run_by_its_folder_and_a_cli_agent_works_in_it(
    work: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    agent = tools / "claude"
    agent.write_text('#!/bin/sh\ntest "$1" = -p || exit 9\necho "worked in $PWD on:"; cat\n')
    agent.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{Path('/usr/bin')}:/bin")
    folder = orchestrator(work, first="# One\n## Description\nFail not.\n")
    session = await run(str(work), inputs={"worker": "claude"})
    assert session.status is Status.SUCCEEDED, session.state.reason
    result = (folder / "results" / "first-result.md").read_text()
    assert f"worked in {work} on:" in result
    assert "Fail not." in result


async def test_a_failed_task_blocks_those_that_need_it_and_is_told_in_the_error_log(work: Path) -> None:
    broken = FIRST.replace("Look at it.", "Look at it. [[fail:refused]]").replace("- code: from main.py\n", "")
    folder = orchestrator(work, first=broken, second=SECOND)
    session = await run(folder, models=WORKER)
    assert session.status is Status.FAILED
    status = (folder / "status.md").read_text()
    assert "skipped, since first did not succeed" in status
    errors = (folder / "error_log.md").read_text()
    assert "| refused |" in errors
    assert errors.count("| first |") == 1
