"""Schemas of checks that lie in files of their own: read when the task is, so that the plan is whole without them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from swarmtui.plan.checks import Scope
from swarmtui.plan.model import JSON
from swarmtui.plan.named_files import read_named
from swarmtui.plan.problems import shown
from swarmtui.plan.wording import described

SUFFIX = ".json"
MAX_BYTES = 1024 * 1024


def with_schema_files(scope: Scope, nodes: Mapping[str, JSON], folder: Path | None) -> dict[str, JSON]:
    """`nodes` as written, with the schema itself wherever a check names a file of it, relative to the task's `folder`.

    What is wrong with a file is reported, and its check left without a schema so that the rest is looked at all the
    same.
    """
    return {name: _with_schema(scope, name, node, folder) for name, node in nodes.items()}


def _with_schema(scope: Scope, name: str, node: JSON, folder: Path | None) -> JSON:
    check = node.get("check") if isinstance(node, dict) else None
    named = check.get("schema") if isinstance(check, dict) else None
    if not isinstance(named, str) or not named.endswith(SUFFIX):
        return node
    schema = _read(scope, ("nodes", name, "check", "schema"), named, folder)
    rest = {key: value for key, value in check.items() if key != "schema"} if isinstance(check, dict) else {}
    return {**node, "check": rest if schema is None else {**rest, "schema": schema}}


def _read(scope: Scope, at: tuple[str, ...], named: str, folder: Path | None) -> JSON | None:
    itself, smaller = "write the schema itself", "a schema is smaller"
    text = read_named(scope, at, named, folder, MAX_BYTES, itself=itself, smaller=smaller)
    if text is None:
        return None
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        scope.report(at, f"{shown(named)} is not JSON: {shown(str(error), 100)}", "a JSON Schema is an object in JSON")
    else:
        if isinstance(schema, dict):
            return schema
        scope.report(at, f"{shown(named)} holds {described(schema)}", "a JSON Schema is an object in JSON")
    return None
