"""How functions are described to a model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import partial, wraps
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from pydantic import Field

from swarmtui import function_to_json
from swarmtui.agents.swarm.functions import BadArguments, schema_of, takes_context, tool_of, validated


def annotated(function: Any, **annotations: Any) -> Any:
    """`function` with annotations that are types: those of this file are strings."""
    function.__annotations__ = annotations
    return function


def properties(function: Any) -> dict[str, Any]:
    return function_to_json(function)["function"]["parameters"]["properties"]


def test_without_annotations_all_are_strings_and_required():
    def add(one, two):
        return one + two

    assert function_to_json(add) == {
        "type": "function",
        "function": {
            "name": "add",
            "description": "",
            "parameters": {
                "type": "object",
                "properties": {"one": {"type": "string"}, "two": {"type": "string"}},
                "required": ["one", "two"],
            },
        },
    }


def test_plain_types_are_told_and_what_has_a_default_is_not_required():
    def mix(count, name, share=0.5, loud=False):
        """Mixes things."""

    told = function_to_json(annotated(mix, count=int, name=str, share=float, loud=bool))["function"]
    assert told["description"] == "Mixes things."
    kinds = {name: of["type"] for name, of in told["parameters"]["properties"].items()}
    assert kinds == {"count": "integer", "name": "string", "share": "number", "loud": "boolean"}
    assert told["parameters"]["required"] == ["count", "name"]


@pytest.mark.parametrize(
    ("annotation", "told"),
    [
        (list, "array"),
        (dict, "object"),
        (type(None), "null"),
        (list[int], "string"),
        ("int", "string"),
        (int | None, "string"),
        (Annotated[int, []], "string"),
    ],
)
def test_other_annotations_are_strings(annotation: Any, told: str):
    def take(a):
        pass

    assert properties(annotated(take, a=annotation)) == {"a": {"type": told}}


def test_variable_arguments_are_left_out():
    def take(a, *rest, **more):
        pass

    assert list(properties(take)) == ["a"]


def test_methods_partials_and_callable_objects_have_names():
    class Till:
        def pay(self, amount):
            pass

        def __call__(self, amount):
            pass

    for function, name in ((Till().pay, "pay"), (partial(Till().pay, amount=1), "pay"), (Till(), "Till")):
        assert function_to_json(function)["function"]["name"] == name
        assert list(properties(function)) == ["amount"]


def test_a_function_without_a_signature_says_so_in_one_line():
    with pytest.raises(ValueError, match="wrap it in a function of yours") as caught:
        function_to_json(dict)
    assert "\n" not in str(caught.value)


def test_the_context_is_in_the_description_and_hidden_from_the_model():
    def take(a, context_variables, *, b=1):
        pass

    assert list(properties(take)) == ["a", "context_variables", "b"]
    hidden = tool_of(take)["function"]["parameters"]
    assert list(hidden["properties"]) == ["a", "b"]
    assert hidden["required"] == ["a"]


def test_only_a_parameter_of_its_name_asks_for_the_context():
    def named(context_variables):
        pass

    def keyword(*, context_variables=None):
        pass

    def gathered(**context_variables):
        pass

    def first(context_variables, /):
        pass

    @wraps(named)
    def wrapped(*args, **kwargs):
        return named(*args, **kwargs)

    def local():
        context_variables = 1
        return [context_variables]

    asking = [
        function for function in (named, keyword, gathered, first, wrapped, local, dict) if takes_context(function)
    ]
    assert asking == [named, keyword, wrapped]


class Colour(Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: int = 0


def draw(
    at: list[Point],
    size: Annotated[int, Field(ge=1, description="in mm")],
    context_variables: dict[str, Any],
    colour: Colour = Colour.RED,
    style: Literal["line", "dots"] = "line",
    note: str | None = None,
    *,
    free=None,
) -> None:
    """Draws."""


def test_the_full_schema_says_all_that_the_annotations_say():
    schema = schema_of(draw)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["required"] == ["at", "size"]
    assert list(schema["properties"]) == ["at", "size", "colour", "style", "note", "free"]
    assert schema["properties"]["size"] == {"type": "integer", "minimum": 1, "description": "in mm"}
    assert schema["properties"]["style"]["default"] == "line"
    check = jsonschema.Draft202012Validator(schema)
    assert check.is_valid({"at": [{"x": 1}], "size": 2, "colour": "red", "free": [1, {}]})
    for wrong in ({"at": [{"y": 1}], "size": 2}, {"at": [], "size": 0}, {"at": [], "size": 1, "colour": "blue"}):
        assert not check.is_valid(wrong)
    assert not check.is_valid({"at": [], "size": 1, "context_variables": {}})


def test_arguments_become_what_the_function_wants():
    given = {"at": [{"x": 1}], "size": 2, "colour": "red"}
    assert validated(draw, given) == {"at": [Point(1, 0)], "size": 2, "colour": Colour.RED}


def test_all_that_is_wrong_with_arguments_is_told_in_one_line():
    with pytest.raises(BadArguments) as caught:
        validated(draw, {"at": [{"x": "left"}], "colour": "blue", "weight": 1})
    told = str(caught.value)
    assert all(part in told for part in ("at.0.x: ", "size: is missing", "colour: ", "weight: there is no such"))
    assert "\n" not in told


def test_a_class_and_a_partial_have_full_schemas_too():
    assert schema_of(Point)["properties"]["y"] == {"type": "integer", "default": 0}
    assert schema_of(partial(draw, size=3))["required"] == ["at"]


def test_what_cannot_be_described_is_refused_in_one_line():
    def positional(a, /):
        pass

    def unknown(a: Missing):  # type: ignore[name-defined]  # noqa: F821
        pass

    def odd(a):
        pass

    for function in (positional, unknown, annotated(odd, a=object.__subclasshook__)):
        with pytest.raises(ValueError) as caught:
            schema_of(function)
        assert str(caught.value).startswith(function.__name__)
        assert "\n" not in str(caught.value)
