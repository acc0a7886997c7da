"""Plans that do not come from a task file: the planner's JSON, edits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from swarmtui.plan.model import Author, Check, Input, MapSpec, MergeSpec, Node, Plan, PromptSpec, Retry, RunSpec
from swarmtui.plan.problems import TaskError
from swarmtui.plan.taskfile import parse_plan_json, validate_plan


def problems(data: object, **more) -> list[str]:
    with pytest.raises(TaskError) as caught:
        parse_plan_json(data, "g", **more)
    return [str(problem) for problem in caught.value.problems]


def test_nodes_come_by_id_or_as_a_list():
    by_id = {"title": "T", "nodes": {"a": {"run": ["x"]}, "b": {"prompt": "{{ a.output }}"}}}
    listed = {"title": "T", "nodes": [{"id": "a", "run": ["x"]}, {"id": "b", "prompt": "{{ a.output }}"}]}
    expected = Plan(
        "g", (Node("a", RunSpec(("x",))), Node("b", PromptSpec("{{ a.output }}"), ("a",))), "T", Author.PLANNER
    )
    assert parse_plan_json(by_id, "g") == parse_plan_json(listed, "g") == expected


def test_keys_that_are_null_count_as_left_out():
    plan = parse_plan_json({"title": None, "nodes": {"a": {"prompt": "x", "map": None, "needs": None}}}, "g")
    assert plan.nodes == (Node("a", PromptSpec("x")),)


def test_inputs_and_models_of_the_task_can_be_named():
    data = {"nodes": {"a": {"prompt": "{{ path }}", "model": "mine"}}}
    assert len(problems(data)) == 2
    assert parse_plan_json(data, "g", inputs=[Input("path", ".")], models=["mine"]).nodes


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (["x"], ["the plan: a plan must be an object, not a list"]),
        ({"nodes": {}}, ["nodes: nodes is empty"]),
        ({"title": "t"}, ["nodes: nodes must be an object, not nothing"]),
        ({"steps": [], "nodes": {"a": {"prompt": "x"}}}, ["steps: unknown key `steps`: known here: title, nodes"]),
        ({"nodes": [{"prompt": "x"}, "y"]}, ["nodes[0]: a node without an id", "nodes[1]: a node without an id"]),
        ({"nodes": [{"id": "a", "prompt": "x"}] * 2}, ["nodes[1].id: id `a` is there twice"]),
        ({"nodes": {"a": {"prompt": "x", "needs": ["b"]}}}, ["nodes.a.needs[0]: there is no node `b`"]),
        ({"nodes": {"a": {"run": ["sh", "-c", "echo {{ b.output }}"]}, "b": {"prompt": "x"}}},
         ["nodes.a.run.argv[2]: a lookup inside a script"]),
        ({"title": 3, "nodes": {"a": {"prompt": "x"}}}, ["title: title must be text, not the number 3"]),
    ],
)  # fmt: skip
def test_mistakes_are_told_by_json_path(data, expected):
    found = problems(data)
    assert [one.startswith(start) for one, start in zip(found, expected, strict=True)] == [True] * len(expected), found


def chain(length: int) -> dict:
    return {"nodes": {f"n{i}": {"prompt": "x", "needs": [f"n{i - 1}"] if i else []} for i in range(length)}}


def test_a_planner_may_write_so_many_nodes_and_no_more():
    wide = {"nodes": {f"n{i}": {"prompt": "x"} for i in range(201)}}
    assert problems(wide) == ["nodes: 201 nodes, and a planner may write 200: use map for steps that are alike"]
    assert parse_plan_json(wide, "g", Author.USER).nodes
    del wide["nodes"]["n200"]
    assert parse_plan_json(wide, "g").nodes


def test_a_planner_may_write_so_deep_and_no_deeper():
    assert parse_plan_json(chain(20), "g").nodes
    assert problems(chain(21))[0].startswith("nodes: 21 steps one after the other, and a planner may write 20")


GOOD = Plan("g", (Node("a", PromptSpec("x")), Node("b", PromptSpec("{{ a.output }}"), ("a",))))


def test_a_valid_plan_has_no_problems():
    assert validate_plan(GOOD) == []
    with_input = Plan("g", (Node("a", PromptSpec("{{ path }}", model="mine")),))
    assert validate_plan(with_input, inputs=[Input("path")], models={"mine"}) == []
    assert len(validate_plan(with_input)) == 2


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (Node("b", PromptSpec("x"), ("a", "gone")), "nodes.b.needs[1]: there is no node `gone`"),
        (Node("b", PromptSpec("{{ a.output }}")), "nodes.b: looks up a without needing it"),
        (Node("a", PromptSpec("x")), "nodes[1].id: id `a` is there twice"),
        (Node("A", PromptSpec("x")), "nodes.A: `A` and `a` differ only in case"),
        (Node("b", PromptSpec("x"), ("b",)), "nodes.b.needs[0]: b needs itself"),
        (Node("b", PromptSpec("x"), retry=Retry(-1)), "nodes.b.retries: retries: must not be negative"),
        (Node("b", PromptSpec("x"), map=MapSpec(path="a")), "nodes.b: its items are not exactly one of"),
        (
            Node("b", PromptSpec("x"), ("a",), map=MapSpec(path="f", node="a")),
            "nodes.b: its items are not exactly one of",
        ),
        (Node("b", PromptSpec("x"), check=Check(schema="nope")), "nodes.b.check.schema: there is no built-in schema"),
        (
            Node("b", RunSpec(("echo",), shell="echo {{ a.output }}"), ("a",)),
            "nodes.b.run.shell: {{ a.output }} inside",
        ),
        (Node("b", RunSpec(())), "nodes.b.run: run: is empty"),
        (Node("b", MergeSpec(summary="nope")), "nodes.b.merge.summary: there is no model `nope`"),
    ],
)
def test_an_invalid_plan_is_told_so(node, expected):
    found = [str(problem) for problem in validate_plan(replace(GOOD, nodes=(GOOD.nodes[0], node)))]
    assert found
    assert found[0].startswith(expected)


def test_a_cycle_made_by_an_edit_is_found():
    plan = Plan("g", (Node("a", PromptSpec("x"), ("b",)), Node("b", PromptSpec("x"), ("a",))))
    assert str(validate_plan(plan)[0]).startswith("nodes.a.needs: these nodes wait for each other: a -> b -> a")
