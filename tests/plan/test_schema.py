"""The JSON Schema for editors agrees with what is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from swarmtui.plan import language
from swarmtui.plan.language import MODELS_BY_PATH, known_keys
from swarmtui.plan.render import plan_document
from swarmtui.plan.schema import task_schema
from swarmtui.plan.shapes import Outside
from swarmtui.plan.yaml_source import read_yaml
from tests.plan.strategies import plans
from tests.plan.test_taskfile import DESIGN_EXAMPLE

VALIDATOR = Draft202012Validator(task_schema())
SAMPLES = sorted((Path(__file__).parents[2] / "sample_tasks").glob("*.yaml"))


def complaints(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(read_yaml(text, "t")[0].data)]


def test_it_is_a_json_schema():
    assert list(Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(task_schema())) == []


def test_the_example_of_the_design_satisfies_it():
    assert complaints(DESIGN_EXAMPLE) == []


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_sample_task_satisfies_it(path):
    assert complaints(path.read_text("utf-8")) == []


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60, deadline=None)
@given(plans())
def test_every_valid_plan_satisfies_it(plan):
    assert list(VALIDATOR.iter_errors(plan_document(plan))) == []


@pytest.mark.parametrize(
    "text",
    [
        "goal: 3",
        "title: t",
        "{goal: g, nods: {}}",
        "{goal: g, nodes: {a: {}}}",
        "{goal: g, nodes: {a: {prompt: x, run: [y]}}}",
        "{goal: g, nodes: {a: {prompt: x, timeout: soon}}}",
        "{goal: g, nodes: {a: {run: ls}}}",
        "{goal: g, nodes: {a.b: {prompt: x}}}",
        "{goal: g, limits: {concurrency: 0}}",
    ],
)
def test_what_is_an_error_in_a_task_file_is_one_for_the_editor(text):
    assert complaints(text)


def test_every_key_has_a_description():
    schema = task_schema()
    for name, part in [("TaskModel", schema), *schema["$defs"].items()]:
        assert part.get("description"), name
        for key, value in part["properties"].items():
            assert value.get("description"), f"{name}.{key}"
            assert "default" not in value or value["default"] is not None


def test_every_model_of_the_language_has_its_place():
    models = {value for value in vars(language).values() if isinstance(value, type) and issubclass(value, Outside)}
    assert models - {Outside} == set(MODELS_BY_PATH.values())
    assert "shell" in known_keys(("nodes", "any", "run"))
    assert known_keys(("nodes", "any", "run", "env")) == []
