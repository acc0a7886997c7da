"""Schemas as models are asked for them: references resolved, cut to what is taken, checked without surprises."""

import pytest

from swarmtui.models.schemas import MOST_NODES, TooLarge, gemini_schema, inlined, shape_of
from swarmtui.models.structured import MOST_ERRORS, Shape
from swarmtui.plan.model import JSON
from swarmtui.plan.schemas import BUILTIN_SCHEMAS

TREE: JSON = {
    "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "n": {"type": "integer"}}}},
    "$ref": "#/$defs/node",
}


def test_references_are_replaced_by_what_they_mean_and_circles_end() -> None:
    assert inlined(TREE) == {
        "type": "object",
        "properties": {"next": {}, "n": {"type": "integer"}},
    }
    assert inlined({"items": {"$ref": "#/nowhere/x"}}) == {"items": {}}
    assert inlined({"items": {"$ref": "https://elsewhere/x"}}) == {"items": {}}


def test_a_schema_that_grows_without_end_is_refused() -> None:
    grows: JSON = {"$defs": {"a0": {"type": "string"}}, "$ref": "#/$defs/a30"}
    for number in range(1, 31):
        both = [{"$ref": f"#/$defs/a{number - 1}"}] * 2
        grows["$defs"][f"a{number}"] = {"allOf": both}
    with pytest.raises(TooLarge):
        inlined(grows)
    assert MOST_NODES < 10_000
    assert Shape(grows).read('{"any": "thing"}')[1] == []


def test_a_pattern_that_would_never_end_is_not_tried() -> None:
    evil: JSON = {"type": "object", "properties": {"x": {"type": "string", "pattern": "^(a+)+$"}}}
    assert Shape(evil).read('{"x": "' + "a" * 60 + '!"}')[1] == []
    assert shape_of({"patternProperties": {"^a": {}}, "additionalProperties": False}) == {}
    assert shape_of({"properties": {"pattern": {"type": "string"}}}) == {"properties": {"pattern": {"type": "string"}}}


def test_a_shape_tells_what_is_wrong_and_where() -> None:
    shape = Shape({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}}})
    assert shape.read('Sure: {"a": [1, 2,]}') == ({"a": [1, 2]}, [])
    assert shape.read('{"a": [1, "x"]}')[1] == ["$.a[1]: 'x' is not of type 'integer'"]
    assert len(shape.read('{"a": ' + str(["x"] * 99).replace("'", '"') + "}")[1]) == MOST_ERRORS
    assert "not JSON" in shape.read("no")[1][0]


@pytest.mark.parametrize("broken", [3, "x", None, [], {"type": "nonsense"}, {"properties": 3}, {"required": 5}])
def test_a_schema_that_is_none_finds_nothing_wrong(broken: JSON) -> None:
    assert Shape(broken).read('{"a": 1}')[1] == []


@pytest.mark.parametrize(
    ("schema", "taken"),
    [
        ({"type": ["string", "null"], "format": "uri"}, {"type": "STRING", "nullable": True}),
        ({"const": "x"}, {"type": "STRING", "enum": ["x"]}),
        ({"enum": ["a", "", 3]}, {"type": "STRING", "enum": ["a"]}),
        ({"type": "integer", "enum": [1, 2]}, {"type": "INTEGER"}),
        ({"type": "array"}, {"type": "ARRAY", "items": {"type": "STRING"}}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, {"type": "INTEGER", "nullable": True}),
        ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, {"anyOf": [{"type": "INTEGER"}, {"type": "STRING"}]}),
        ({"type": ["integer", "string"]}, {"anyOf": [{"type": "INTEGER"}, {"type": "STRING"}]}),
        (
            {"type": "string", "exclusiveMinimum": 1, "$comment": "x", "minLength": 2},
            {"type": "STRING", "minLength": 2},
        ),
        (True, {"type": "STRING"}),
        (
            {"allOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"required": ["b"]}]},
            {"type": "OBJECT", "properties": {"a": {"type": "STRING"}}, "propertyOrdering": ["a"], "required": ["a"]},
        ),
    ],
)
def test_gemini_takes_a_subset(schema: JSON, taken: JSON) -> None:
    assert gemini_schema(schema) == taken


def test_our_own_schemas_pass() -> None:
    for schema in BUILTIN_SCHEMAS.values():
        assert gemini_schema(schema)["type"] in ("OBJECT", "ARRAY")
        assert shape_of(schema)
