"""The sample tasks as they ship: each loads, and says what it needs."""

from __future__ import annotations

import json

import pytest

from swarmtui.plan.lookup import render
from swarmtui.plan.model import MergeSpec, PythonSpec, When
from swarmtui.plan.taskfile import load_task
from swarmtui.safety.permissions import Effect, decide
from tests.samples.reviewing import SAMPLES


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.glob("*.yaml")))
def test_every_sample_is_valid_and_listed(name: str) -> None:
    task = load_task(SAMPLES / name)
    assert task.title
    assert f"`{name}`" in (SAMPLES / "README.md").read_text()
    assert all(given.help for given in task.inputs)
    assert not any(given.required for given in task.inputs)


def test_the_review_runs_its_analysers_in_parallel_and_reports_whatever_becomes_of_them() -> None:
    plan = load_task(SAMPLES / "code_review.yaml").plan
    assert plan is not None
    analysers = [node for node in plan.nodes if node.needs == ("inventory",)]
    assert len(analysers) == 6
    report = plan.node("report")
    assert isinstance(report.spec, MergeSpec)
    assert report.when is When.ALL_DONE
    assert set(report.needs) == {"inventory", *(node.id for node in analysers)}


def test_every_script_that_the_review_names_is_there() -> None:
    plan = load_task(SAMPLES / "code_review.yaml").plan
    assert plan is not None
    files = [node.spec.file for node in plan.nodes if isinstance(node.spec, PythonSpec)]
    assert len(files) == 7
    assert all((SAMPLES / str(file)).is_file() for file in files)


def test_the_planner_writes_the_nodes_of_a_goal() -> None:
    task = load_task(SAMPLES / "goal.yaml")
    assert task.plan is None
    assert {given.name for given in task.inputs} == {"topic", "words"}


def test_the_research_branches_on_what_the_coordinator_says() -> None:
    plan = load_task(SAMPLES / "research.yaml").plan
    assert plan is not None
    asks = {node.id: node.only_if[0].values for node in plan.nodes if node.only_if}
    assert asks == {
        "answer": ("answer", "refuse"),
        "background": ("research",),
        "research": ("research",),
        "report": ("research",),
    }
    assert all(agent.instructions and not agent.instructions.endswith(".md") for agent in plan.team.agents.values())
    assert [node.id for node in plan.nodes if node.report] == ["answer", "report"]


def test_every_agent_in_python_is_listed() -> None:
    assert "`agents/*.py`" in (SAMPLES / "README.md").read_text()
    assert all(f"`{path.name}`" in (SAMPLES / "README.md").read_text() for path in (SAMPLES / "agents").glob("*.py"))


@pytest.mark.parametrize("name", ["swarm_airline", "swarm_triage"])
def test_a_swarm_s_tools_are_there_and_its_rules_ask_for_none_of_them(name: str) -> None:
    plan = load_task(SAMPLES / f"{name}.yaml").plan
    assert plan is not None
    tools = [tool for agent in plan.team.agents.values() for tool in agent.tools]
    assert len(set(tools)) >= 3
    for tool in tools:
        file, _, function = tool.partition(":")
        assert f"\ndef {function}(" in (SAMPLES / file).read_text()
        assert decide(plan.team.rules, tool, {"invoice": "R-1"}, Effect.WRITE, tainted=True).action != "ask"
    handed = {target for agent in plan.team.agents.values() for target in agent.handoffs}
    assert handed == set(plan.team.agents)


def test_the_wide_search_says_how_far_it_may_go() -> None:
    task = load_task(SAMPLES / "wide_search.yaml")
    assert task.plan is not None
    lead = task.plan.team.agents["lead"]
    assert {"create_subagent", "assign_task"} <= set(lead.tools)
    assert (lead.limits.steps, lead.limits.depth) == (8, 1)
    assert len(task.inputs[0].default) <= lead.limits.subagents, "each thing counts as one"
    assert task.plan.node("table").budget is not None
    assert "{{ item }}" in render(lead.instructions, {}), "what the model reads are braces, not a lookup"


def test_the_documents_to_translate_have_what_the_prompt_looks_up() -> None:
    documents = [json.loads(line) for line in (SAMPLES / "translate_docs.jsonl").read_text().splitlines()]
    assert len(documents) == 24
    assert all({"id", "kind", "title", "text"} == document.keys() for document in documents)
    assert len({document["title"] for document in documents}) == 24
