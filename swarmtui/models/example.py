"""The smallest value that a JSON Schema admits, made without a model: what the simulated one fills forms with."""

from __future__ import annotations

from collections.abc import Mapping

from swarmtui.plan.model import JSON

_DEEPEST = 12


def example_of(schema: JSON, text: str) -> JSON:
    """A value for `schema`, whose free texts are `text`. Lists get one element, so that `text` shows somewhere.

    Covers type, enum, const, required properties, items, lengths, bounds, ``$ref`` within the schema and the first of
    anyOf, oneOf, allOf; a pattern or format is not kept to. Never raises.
    """
    return _Maker(schema, text).make(schema, 0)


class _Maker:
    def __init__(self, root: JSON, text: str) -> None:
        self.root = root
        self.text = text

    def make(self, schema: JSON, depth: int) -> JSON:
        if not isinstance(schema, Mapping) or depth > _DEEPEST:
            return self.text
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return schema["enum"][0]
        if isinstance(schema.get("$ref"), str):
            return self.make(self._find(schema["$ref"]), depth + 1)
        for key in ("anyOf", "oneOf", "allOf"):
            if isinstance(schema.get(key), list) and schema[key]:
                return self.make(schema[key][0], depth + 1)
        kind = schema.get("type", "object" if "properties" in schema else "array" if "items" in schema else "string")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        return self._of(kind, schema, depth)

    def _of(self, kind: JSON, schema: Mapping[str, JSON], depth: int) -> JSON:
        match kind:
            case "object":
                properties, required = schema.get("properties"), schema.get("required")
                named = properties if isinstance(properties, Mapping) else {}
                names = required if isinstance(required, list) and required else list(named)
                return {str(name): self.make(named.get(name, {}), depth + 1) for name in names}
            case "array":
                count = 0 if schema.get("maxItems") == 0 else min(max(_whole(schema.get("minItems"), 1), 1), 20)
                return [self.make(schema.get("items", {}), depth + 1) for _ in range(count)]
            case "integer" | "number":
                return _number(schema)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                short = self.text[: max(_whole(schema.get("maxLength"), len(self.text)), 0)]
                return short.ljust(min(_whole(schema.get("minLength"), 0), 10_000), ".")

    def _find(self, ref: str) -> JSON:
        found = self.root
        for part in ref.removeprefix("#").strip("/").split("/"):
            if part and isinstance(found, Mapping):
                found = found.get(part.replace("~1", "/").replace("~0", "~"))
        return found


def _number(schema: Mapping[str, JSON]) -> JSON:
    above, low, high = (schema.get(key) for key in ("exclusiveMinimum", "minimum", "maximum"))
    if isinstance(above, int | float):
        return above + 1
    if isinstance(low, int | float):
        return low
    return min(1, high) if isinstance(high, int | float) else 1


def _whole(value: JSON, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default
