"""What ``--set`` gives to a task's inputs."""

from __future__ import annotations

import pytest

from swarmtui.plan.inputs import bind_inputs
from swarmtui.plan.problems import TaskError
from swarmtui.plan.taskfile import parse_task

TASK = parse_task(
    "goal: g\n"
    "inputs: {path: ., deep: false, depth: 3, share: 0.5, tags: [a], more: {default: {k: v}}, free: null,"
    " token: {required: true, help: whose}}\n"
)
GIVEN = {"token": "t"}


def problems(**values) -> list[str]:
    with pytest.raises(TaskError) as caught:
        bind_inputs(TASK, values)
    return [str(problem) for problem in caught.value.problems]


def test_what_is_not_set_has_its_default():
    assert bind_inputs(TASK, GIVEN) == {
        "path": ".", "deep": False, "depth": 3, "share": 0.5, "tags": ["a"], "more": {"k": "v"}, "free": None,
        "token": "t",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("path", "no", "no"),
        ("path", "012", "012"),
        ("deep", "true", True),
        ("deep", "no", False),
        ("depth", "7", 7),
        ("share", "1", 1.0),
        ("share", "0.25", 0.25),
        ("tags", "[x, y]", ["x", "y"]),
        ("more", "{a: 1}", {"a": 1}),
        ("free", "12", "12"),
        ("tags", ["x"], ["x"]),
        ("depth", 7, 7),
    ],
)
def test_a_value_takes_the_type_of_the_default(name, text, value):
    bound = bind_inputs(TASK, {**GIVEN, name: text})[name]
    assert bound == value
    assert type(bound) is type(value)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({**GIVEN, "pth": "x"}, ["input pth: there is no such input: did you mean path?"]),
        ({}, ["input token: this input is required (whose): add --set token=…"]),
        ({**GIVEN, "depth": "deep"}, ["input depth: must be a whole number, not `deep`"]),
        ({**GIVEN, "depth": "1.5"}, ["input depth: must be a whole number, not the number 1.5"]),
        ({**GIVEN, "depth": True}, ["input depth: must be a whole number, not true"]),
        ({**GIVEN, "depth": ""}, ["input depth: must be a whole number, not ``"]),
        ({**GIVEN, "deep": "maybe"}, ["input deep: must be true or false, not `maybe`"]),
        ({**GIVEN, "tags": "a"}, ['input tags: must be a list such as ["a"], not `a`']),
        ({**GIVEN, "tags": "[a"}, ["input tags: not YAML: "]),
        ({**GIVEN, "tags": "[012]"}, ["input tags: `012` would be read as another number"]),
        ({**GIVEN, "path": 3}, ["input path: must be text, not the number 3"]),
        ({"x": "1", "depth": "y"}, ["input x: there is no such", "input depth: must be", "input token: this input is"]),
    ],
)
def test_every_wrong_value_is_told(values, expected):
    found = problems(**values)
    assert [one.startswith(start) for one, start in zip(found, expected, strict=True)] == [True] * len(expected), found
