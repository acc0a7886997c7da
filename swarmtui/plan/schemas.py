"""Built-in JSON Schemas that a node's ``check: {schema: NAME}`` may name.

A finding says one thing about one place. It is what analysers' output is converted to, what a model is asked for in a
review, and what ``merge`` understands as more than text.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from swarmtui.plan.model import JSON

SEVERITIES: tuple[str, ...] = ("critical", "high", "medium", "low", "info")
"""Every severity of a finding, worst first.

critical: exploitable or certain to fail as it stands. high: probably a hole or a bug, or code that cannot run.
medium: worth a look in review. low: upkeep. info: a fact, nothing to mend.
"""

_PLACE: dict[str, JSON] = {
    "path": {"type": ["string", "null"], "description": "file, relative to the project; null: about the whole project"},
    "line": {"type": ["integer", "null"], "minimum": 1, "description": "null: about the whole file"},
    "column": {"type": ["integer", "null"], "minimum": 1},
    "end_line": {"type": ["integer", "null"], "minimum": 1},
}

_FINDING: dict[str, JSON] = {
    "type": "object",
    "properties": {
        **_PLACE,
        "severity": {"enum": list(SEVERITIES)},
        "rule": {"type": "string", "minLength": 1, "description": "the tool's own name of what it looks for"},
        "message": {"type": "string", "minLength": 1},
        "tool": {"type": "string", "minLength": 1},
        "category": {"type": ["string", "null"], "description": "for example security, bugs, complexity"},
        "fix": {"type": ["string", "null"], "description": "how to mend it, in a sentence"},
        "related": {
            "type": "array",
            "description": "other places that the finding is about",
            "items": {"type": "object", "properties": _PLACE, "required": ["path"]},
        },
    },
    "required": ["path", "line", "severity", "rule", "message", "tool"],
}

BUILTIN_SCHEMAS: Mapping[str, dict[str, JSON]] = MappingProxyType(
    {
        "findings": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "findings",
            "type": "array",
            "items": _FINDING,
        },
    }
)
"""Name -> schema (draft 2020-12)."""
