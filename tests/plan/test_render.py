"""A plan as YAML, and back."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from swarmtui.plan.model import Author, Node, Plan, PromptSpec, RunSpec, plan_from_json, plan_to_json
from swarmtui.plan.render import plan_to_yaml, task_to_yaml
from swarmtui.plan.taskfile import parse_task, validate_plan
from tests.plan.strategies import plans

RELAXED = settings(suppress_health_check=[HealthCheck.too_slow], max_examples=25, deadline=None)


@RELAXED
@given(plans())
def test_a_plan_written_as_yaml_reads_as_the_same_plan(plan):
    assert parse_task(plan_to_yaml(plan), author=plan.author).plan == plan


@RELAXED
@given(plans())
def test_every_plan_that_a_task_file_can_say_is_valid(plan):
    assert validate_plan(plan) == []


@RELAXED
@given(plans())
def test_a_plan_written_as_json_reads_as_the_same_plan(plan):
    assert plan_from_json(plan_to_json(plan)) == plan


def test_the_yaml_is_as_a_person_would_write_it():
    listing = Node("list", RunSpec(("git", "ls-files", "*.py")))
    prompt = PromptSpec("Review this.\n\n{{ list.output }}\n", model="planner")
    review = Node("review", prompt, ("list",), timeout_s=90.0)
    assert plan_to_yaml(Plan("Review: the code", (listing, review), "Review")) == (
        "title: Review\n"
        "goal: 'Review: the code'\n"
        "nodes:\n"
        "  list:\n"
        "    run: [git, ls-files, '*.py']\n"
        "  review:\n"
        "    needs: list\n"
        "    prompt: |\n"
        "      Review this.\n"
        "\n"
        "      {{ list.output }}\n"
        "    model: planner\n"
        "    timeout: 90\n"
    )


def test_a_whole_task_survives_the_editor():
    task = parse_task(
        "goal: g\ntitle: t\n"
        "inputs: {a: 1, b: {default: [x], help: h}, c: {required: true}, d: {default: {k: v}}, e: null}\n"
        "models: {worker: p/m, mine: {base_url: 'http://x/v1', model: m, api_key_env: KEY, price: {in: 1, out: 2.5},"
        " context: 8000}, fake: {dialect: simulated, model: s}, other: {provider: p, model: q}}\n"
        "limits: {concurrency: {all: 4, commands: 2}, budget: {usd: 1.5, tokens: 2_000, minutes: 3}}\n"
        "nodes: {n: {prompt: '{{ a }} {{ b.0 }}', model: mine}}\n"
    )
    assert parse_task(task_to_yaml(task)) == task


def test_a_goal_alone_stays_a_goal_alone():
    task = parse_task("goal: g\n")
    assert task.plan is None
    assert parse_task(task_to_yaml(task)) == task


def test_whose_plan_it_is_is_told_by_the_caller():
    plan = Plan("g", (Node("a", RunSpec(("true",))),), author=Author.PLANNER)
    assert parse_task(plan_to_yaml(plan), author=Author.PLANNER).plan == plan
