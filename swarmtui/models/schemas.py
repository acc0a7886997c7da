"""JSON Schemas as models are asked for them: with their references resolved, and cut to what a provider takes. Pure."""

from __future__ import annotations

import json

from swarmtui.plan.model import JSON

MOST_NODES = 4_000
"""Schemas that are larger with their references resolved are not handled: nobody writes such for a model."""
_DEEPEST = 40
_COSTLY = (
    *("pattern", "patternProperties", "uniqueItems", "format", "propertyNames"),
    *("unevaluatedProperties", "unevaluatedItems"),
)
"""Keywords whose check takes longer than the size of schema and value, or asks for no shape."""
_NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
"""Keywords whose values are schemas by name."""


def wish(schema: JSON) -> str:
    """What a model is told where its provider cannot be told it otherwise."""
    told = "Reply with JSON only, without any text around it, that matches this JSON Schema:\n"
    return told + json.dumps(schema, ensure_ascii=False)


def is_object(schema: JSON) -> bool:
    """Whether what fits `schema` is an object, as arguments of tools are and most providers want an answer to be."""
    return isinstance(schema, dict) and schema.get("type") == "object"


class TooLarge(ValueError):
    """A schema has more than MOST_NODES parts once its references are resolved."""


def inlined(schema: JSON) -> JSON:
    """`schema` with each local reference (``#/…``) replaced by what it means.

    Where one leads back to itself it becomes ``{}``, which anything fits; so does one that leads nowhere. Raises
    TooLarge.
    """
    return _Inliner(schema).value(schema, ())


class _Inliner:
    def __init__(self, root: JSON) -> None:
        self._root = root
        self._left = MOST_NODES

    def value(self, value: JSON, open_refs: tuple[str, ...], depth: int = 0) -> JSON:
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            raise TooLarge(f"the schema has more than {MOST_NODES:,} parts, or is nested too deeply")
        if isinstance(value, list):
            return [self.value(one, open_refs, depth + 1) for one in value]
        if not isinstance(value, dict):
            return value
        ref = value.get("$ref")
        if isinstance(ref, str):
            rest = {key: one for key, one in value.items() if key != "$ref"}
            target = {} if ref in open_refs else self.value(self._target(ref), (*open_refs, ref), depth + 1)
            beside = self.value(rest, open_refs, depth + 1)
            return {**target, **beside} if isinstance(target, dict) and isinstance(beside, dict) else target
        return {
            key: self.value(one, open_refs, depth + 1)
            for key, one in value.items()
            if key not in ("$defs", "definitions", "$schema", "$id", "$anchor", "$dynamicAnchor", "$dynamicRef")
        }

    def _target(self, ref: str) -> JSON:
        found = self._root
        for part in ref.removeprefix("#").split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            found = found.get(name, {}) if isinstance(found, dict) else {}
        return found if ref.startswith("#") else {}


def shape_of(schema: JSON) -> JSON:
    """What of `schema` can be checked in a time that grows with its size and the value's: no patterns, no references.

    A schema may come from a planner, whose patterns would otherwise stop the whole program. Raises TooLarge.
    """
    return _without(inlined(schema), _COSTLY)


def _without(schema: JSON, keywords: tuple[str, ...]) -> JSON:
    if isinstance(schema, list):
        return [_without(one, keywords) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, JSON] = {}
    for key, value in schema.items():
        if key in _NAMED and isinstance(value, dict) and key not in keywords:
            kept[key] = {name: _without(one, keywords) for name, one in value.items()}
        elif key in ("enum", "const", "required", "default", "examples"):
            kept[key] = value
        elif key == "additionalProperties" and "patternProperties" in schema and key not in keywords:
            continue  # without the patterns it would say more than it did
        elif key not in keywords:
            kept[key] = _without(value, keywords)
    return kept


# -- Gemini ---------------------------------------------------------------------------------------------------

_KEPT = (
    *("title", "description", "nullable", "minItems", "maxItems", "minLength", "maxLength", "minimum", "maximum"),
    *("minProperties", "maxProperties", "pattern"),
)
_FORMATS = {"string": ("date-time", "enum"), "number": ("float", "double"), "integer": ("int32", "int64")}
_TYPES = ("string", "number", "integer", "boolean", "array", "object")


def gemini_schema(schema: JSON) -> JSON:
    """The nearest that Gemini takes: an OpenAPI subset without references, unions of types and most keywords.

    What it cannot say is left out, so that the value has to be validated all the same. Raises TooLarge.
    """
    return _gemini(inlined(schema))


def _gemini(schema: JSON) -> dict[str, JSON]:
    if not isinstance(schema, dict):  # true and false are schemas too
        return {"type": "STRING"}
    schema = _merged(schema)
    told: dict[str, JSON] = {key: schema[key] for key in _KEPT if key in schema}
    options = schema.get("anyOf") or schema.get("oneOf")
    kinds = _kinds(schema)
    if "null" in kinds:
        told["nullable"] = True
        kinds = [kind for kind in kinds if kind != "null"]
    if isinstance(options, list) and options:
        return {**told, **_one_of(options)}
    if len(kinds) > 1:
        return {**told, **_one_of([{**schema, "type": kind} for kind in kinds])}
    kind = kinds[0] if kinds else _guessed(schema)
    told["type"] = kind.upper()
    if schema.get("format") in _FORMATS.get(kind, ()):
        told["format"] = schema["format"]
    _add_parts(told, kind, schema)
    return told


def _add_parts(told: dict[str, JSON], kind: str, schema: dict[str, JSON]) -> None:
    """What belongs to one kind of value: its choices, items or properties."""
    choices = [schema["const"]] if "const" in schema else schema.get("enum")
    if kind == "string" and isinstance(choices, list):
        told["enum"] = [one for one in choices if isinstance(one, str) and one]
        if not told["enum"]:
            del told["enum"]
    elif kind == "array":
        told["items"] = _gemini(schema.get("items", {}))
    elif kind == "object" and isinstance(schema.get("properties"), dict) and schema["properties"]:
        told["properties"] = {name: _gemini(part) for name, part in schema["properties"].items()}
        told["propertyOrdering"] = list(schema["properties"])
        wanted = schema.get("required")
        required = [name for name in wanted if name in told["properties"]] if isinstance(wanted, list) else []
        if required:
            told["required"] = required


def _kinds(schema: dict[str, JSON]) -> list[str]:
    kind = schema.get("type")
    listed = kind if isinstance(kind, list) else [kind]
    return [one.lower() for one in listed if isinstance(one, str) and one.lower() in (*_TYPES, "null")]


def _guessed(schema: dict[str, JSON]) -> str:
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _one_of(options: list[JSON]) -> dict[str, JSON]:
    """A choice, in which null is no option of its own but a word on the others."""
    nulls = [one for one in options if isinstance(one, dict) and one.get("type") == "null"]
    rest = [_gemini(one) for one in options if one not in nulls]
    told: dict[str, JSON] = {"nullable": True} if nulls else {}
    if len(rest) == 1:
        return {**rest[0], **told}
    return {**told, "anyOf": rest} if rest else {"type": "STRING", **told}


def _merged(schema: dict[str, JSON]) -> dict[str, JSON]:
    """`schema` with what its ``allOf`` says in itself."""
    parts = schema.get("allOf")
    if not isinstance(parts, list):
        return schema
    whole = {key: value for key, value in schema.items() if key != "allOf"}
    for part in parts:
        if not isinstance(part, dict):
            continue
        for key, value in _merged(part).items():
            old = whole.get(key)
            if isinstance(old, dict) and isinstance(value, dict):
                whole[key] = {**old, **value}
            elif key == "required" and isinstance(old, list) and isinstance(value, list):
                whole[key] = [*old, *(one for one in value if one not in old)]
            else:
                whole.setdefault(key, value)
    return whole
