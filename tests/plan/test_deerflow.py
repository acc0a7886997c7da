"""DeerFlow plans: mended as their readers expect, and run as a graph instead of one step after the other."""

from __future__ import annotations

import json

import pytest

from swarmtui.plan.importers import import_deerflow
from swarmtui.plan.importers.deerflow import mended
from swarmtui.plan.model import AgentSpec, MergeSpec, PromptSpec, RunSpec, When
from swarmtui.plan.problems import TaskError
from swarmtui.plan.render import task_to_yaml
from swarmtui.plan.taskfile import parse_task


def step(title: str = "t", **more: object) -> dict[str, object]:
    return {"title": title, "description": f"do {title}", **more}


def types(data: object) -> list[tuple[str, bool]]:
    return [(one["step_type"], one["need_search"]) for one in data["steps"]]  # type: ignore[index]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"need_search": True}, ("research", True)),
        ({"need_search": False}, ("analysis", False)),
        ({}, ("analysis", False)),
        ({"need_search": True, "step_type": None}, ("research", True)),
        ({"need_search": False, "step_type": ""}, ("analysis", False)),
        ({"need_search": False, "step_type": "  "}, ("analysis", False)),
        ({"need_search": False, "step_type": "Processing"}, ("processing", False)),
        ({"need_search": True, "step_type": "processing"}, ("processing", True)),
        ({"need_search": True, "step_type": "cooking"}, ("research", True)),
        ({"need_search": True, "step_type": 7}, ("research", True)),
        ({"need_web_search": True}, ("research", True)),
    ],
)
def test_a_step_without_a_type_gets_one(written, read):
    assert types(mended({"steps": [step(**written)]})) == [read]


class TestAnEnforcedSearch:
    def test_falls_to_the_first_step_that_looks_things_up(self):
        plan = {"steps": [step("a", step_type="analysis"), step("b", step_type="research", need_search=False)]}
        assert types(mended(plan, enforce_search=True)) == [("analysis", False), ("research", True)]

    def test_turns_the_first_step_into_one_where_none_does(self):
        plan = {"steps": [step("a", step_type="analysis"), step("b", step_type="processing")]}
        assert types(mended(plan, enforce_search=True)) == [("research", True), ("processing", False)]

    def test_adds_a_step_to_a_plan_without_any(self):
        fixed = mended({"title": "owls", "steps": []}, enforce_search=True)
        assert types(fixed) == [("research", True)]
        assert "owls" in fixed["steps"][0]["description"]
        assert types(mended({"title": "owls"}, enforce_search=True)) == [("research", True)]

    def test_changes_nothing_where_a_step_searches(self):
        plan = {"steps": [step("a", step_type="analysis"), step("b", need_search=True)]}
        assert types(mended(plan, enforce_search=True)) == [("analysis", False), ("research", True)]

    def test_loses_against_a_search_that_is_switched_off(self):
        plan = {"steps": [step("a", need_search=True)]}
        assert types(mended(plan, enforce_search=True, search=False)) == [("research", False)]


@pytest.mark.parametrize("data", [None, 7, "text", [], [1, 2], {"steps": "x"}, {"steps": ["x", 3]}])
def test_what_is_no_plan_is_left_alone(data):
    assert mended(data) == data


def test_a_plan_without_steps_is_none_to_mend_unless_a_search_is_demanded():
    assert mended({"title": "owls"}) == {"title": "owls"}
    assert mended({"title": "owls"}, enforce_search=True, search=False) == {"title": "owls"}


def test_what_is_no_step_stays_where_it_is():
    assert mended({"steps": ["x", 3]}, enforce_search=True)["steps"][1:] == ["x", 3]


def test_the_old_name_of_a_search_is_replaced():
    (fixed,) = mended({"steps": [step(need_web_search=True)]})["steps"]
    assert fixed == step(step_type="research", need_search=True)


def test_a_plan_in_a_list_or_under_a_key_is_taken_out():
    plan = {"steps": [step(need_search=True)]}
    assert types(mended([plan])) == types(mended({"plan": plan})) == [("research", True)]


PLAN = {
    "locale": "de-DE",
    "has_enough_context": False,
    "thought": "two things are missing",
    "title": "Heat pumps {{ x }}",
    "steps": [
        step("Market size", need_search=True, step_type="research"),
        step("Rules", need_search=True, step_type="research"),
        step("Known", step_type="research", execution_res="Found {{ this }}."),
        step("Compare", step_type="analysis"),
        step("Compute", step_type="processing"),
        step("Failed", step_type="research", need_search=True, execution_res="[ERROR] timeout"),
    ],
}


def test_steps_become_a_graph_of_agents():
    imported = import_deerflow(json.dumps(PLAN))
    assert imported is not None
    plan = imported.task.plan
    assert plan is not None
    kinds = {node.id: node.spec.agent if isinstance(node.spec, AgentSpec) else node.kind for node in plan.nodes}
    assert kinds == {
        "market_size": "researcher",
        "rules": "researcher",
        "known": "run",
        "compare": "analyst",
        "compute": "coder",
        "failed": "researcher",
        "report": "merge",
    }
    assert plan.node("market_size").needs == plan.node("rules").needs == ()
    assert plan.node("compare").needs == ("market_size", "rules", "known")
    assert plan.node("compute").needs == ("market_size", "rules", "known", "compare")
    report = plan.node("report")
    assert report.spec == MergeSpec(title='Heat pumps {{ "{{" }} x }}', summary="planner")
    assert (report.needs, report.when) == (tuple(node.id for node in plan.nodes[:-1]), When.ALL_DONE)


def agent_of(more: dict[str, object], **plan: object) -> AgentSpec:
    """The agent that the last step becomes."""
    imported = import_deerflow(json.dumps({**PLAN, **plan, "steps": [*PLAN["steps"], step("Last", **more)]}))
    assert imported is not None
    assert imported.task.plan is not None
    spec = imported.task.plan.node("last").spec
    assert isinstance(spec, AgentSpec)
    return spec


def test_an_agent_that_works_on_findings_is_given_each_of_them():
    prompt = agent_of({"step_type": "analysis"}).prompt
    for finding in ("market_size", "rules", "known", "compare", "compute", "failed"):
        assert f"# Finding: {finding}\n{{{{ {finding}.output }}}}" in prompt
    assert "# Finding" not in agent_of({"step_type": "research"}).prompt


def test_agents_write_in_the_language_of_the_plan():
    assert agent_of({}).context == {"locale": "de-DE"}
    assert agent_of({}, locale=None).context == {"locale": "en-US"}


def test_a_step_that_needs_a_search_is_for_who_can_search_whatever_its_type():
    assert agent_of({"step_type": "processing", "need_search": True}).agent == "researcher"


def test_every_node_has_an_id_of_its_own_that_a_task_file_takes():
    titles = ["A 3", "A", "A", "Report", "2024", "\u4e2d\u6587", "x" * 60]
    imported = import_deerflow(json.dumps({"thought": "x", "title": "t", "steps": [step(title) for title in titles]}))
    assert imported is not None
    plan = imported.task.plan
    assert plan is not None
    assert [node.id for node in plan.nodes] == ["a_3", "a", "a_3_3", "report_4", "step_5", "step_6", "x" * 40, "report"]
    assert parse_task(task_to_yaml(imported.task)).plan == plan


def test_a_result_that_is_there_is_handed_on_and_not_found_again():
    imported = import_deerflow(json.dumps(PLAN))
    assert imported is not None
    assert imported.task.plan is not None
    known = imported.task.plan.node("known")
    assert known.spec == RunSpec(("cat",), stdin='Found {{ "{{" }} this }}.')
    assert not known.changes_world


def test_it_is_a_task_file_like_any_other():
    imported = import_deerflow(json.dumps(PLAN))
    assert imported is not None
    assert parse_task(task_to_yaml(imported.task)).plan == imported.task.plan
    assert parse_task(json.dumps(PLAN)).plan == imported.task.plan


def test_a_plan_that_knows_enough_is_a_report():
    imported = import_deerflow(
        json.dumps({"title": "owls", "has_enough_context": True, "thought": "easy", "steps": []})
    )
    assert imported is not None
    assert imported.task.plan is not None
    (node,) = imported.task.plan.nodes
    assert node.spec == PromptSpec("Write a report on: owls. easy\nLanguage: en-US", model="planner")
    assert any("rests on what the model knows" in remark for remark in imported.remarks)
    with_steps = import_deerflow(json.dumps({**PLAN, "has_enough_context": True}))
    assert with_steps is not None
    assert not any("rests on what the model knows" in remark for remark in with_steps.remarks)


@pytest.mark.parametrize("text", ["", "hello", '{"goal": "x"}', '{"steps": []}', '{"steps": [1], "nodes": {}}', "[1]"])
def test_other_documents_are_none(text):
    assert import_deerflow(text) is None


def test_a_step_that_says_nothing_is_told_with_its_place():
    with pytest.raises(TaskError) as caught:
        import_deerflow(json.dumps({"thought": "x", "steps": [step(), {"title": ""}, "y"]}), file="p.json")
    assert [str(problem) for problem in caught.value.problems] == [
        "p.json: steps[1]: a step says nothing: give it a title and a description",
        "p.json: steps[2]: a step says nothing: give it a title and a description",
    ]
