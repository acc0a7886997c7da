"""The JSON Schema of task files, for editors (``swarmtui schema``)."""

from __future__ import annotations

from swarmtui.plan.language import TaskModel
from swarmtui.plan.model import JSON, NAME

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"

_NAMED = ("inputs", "models", "nodes")


def task_schema() -> dict[str, JSON]:
    """A JSON Schema (2020-12) that every valid task file satisfies, with a description for each key.

    It is generated from the models that read task files, so the two agree. What spans several places (unknown needs,
    cycles, lookups) is left to ``swarmtui validate``.
    """
    schema = TaskModel.model_json_schema(by_alias=True)
    for key in _NAMED:
        schema["properties"][key]["propertyNames"] = {"pattern": f"^{NAME.pattern}$"}
    return {"$schema": SCHEMA_DIALECT, **schema, "title": "swarmtui task file"}
