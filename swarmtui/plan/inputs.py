"""The values that a user sets for a task's inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping

from swarmtui.plan.model import JSON, Input, Task
from swarmtui.plan.problems import Nearest, Problem, TaskError, listed, shown
from swarmtui.plan.wording import described
from swarmtui.plan.yaml_source import read_yaml

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def bind_inputs(task: Task, values: Mapping[str, JSON]) -> dict[str, JSON]:
    """Every input of `task` with its value: from `values`, else its default, in the order of the task file.

    A text (as ``--set`` gives it) is read as the type of the default: true/false, a number, YAML for a list or a
    mapping; without a default it stays text. Other values must be of that type. Raises TaskError with every unknown
    name, wrong type and missing required input.
    """
    inputs = {one.name: one for one in task.inputs}
    nearest = Nearest()
    problems: list[Problem] = []
    for name in values:
        if name not in inputs:
            known = f"the inputs are {listed(inputs)}" if inputs else "the task has no inputs"
            problems.append(_problem(name, "there is no such input", nearest.hint(name, inputs, known)))
    bound: dict[str, JSON] = {}
    for name, one in inputs.items():
        if name in values:
            try:
                bound[name] = _typed(one, values[name])
            except ValueError as error:
                problems.append(_problem(name, str(error), ""))
        elif one.required:
            about = f" ({shown(one.help)})" if one.help else ""
            problems.append(_problem(name, f"this input is required{about}", f"add --set {name}=…"))
        else:
            bound[name] = one.default
    if problems:
        raise TaskError(problems)
    return bound


def _problem(name: str, message: str, fix: str) -> Problem:
    return Problem(None, None, None, message, fix, f"input {shown(name)}")


def _typed(one: Input, value: JSON) -> JSON:
    """`value` as the type of the input's default. Raises ValueError that says what is wanted."""
    default = one.default
    if default is None or (isinstance(default, str) and isinstance(value, str)):
        return value
    if isinstance(value, str):
        value = _read_text(default, value)
    if _same_type(default, value):
        return float(value) if isinstance(default, float) else value
    raise ValueError(f"must be {_wanted(default)}, not {described(value)}")


def _read_text(default: JSON, text: str) -> JSON:
    if isinstance(default, bool):
        word = text.strip().lower()
        return True if word in _TRUE else False if word in _FALSE else text
    try:
        source, problems = read_yaml(text, "value")
    except TaskError as error:
        if not text.strip():
            return text
        problem = error.problems[0]
        raise ValueError(f"{problem.message} (column {problem.column})") from None
    if problems:
        raise ValueError(f"{problems[0].message}: {problems[0].fix}")
    return source.data


def _same_type(default: JSON, value: JSON) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    if isinstance(default, float):
        return isinstance(value, int | float)
    return isinstance(value, type(default))


def _wanted(default: JSON) -> str:
    match default:
        case bool():
            return "true or false"
        case int():
            return "a whole number"
        case float():
            return "a number"
        case str():
            return "text"
        case list():
            return f"a list such as {shown(json.dumps(default, ensure_ascii=False))}"
        case _:
            return "a mapping such as {key: value}"
