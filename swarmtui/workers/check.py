"""Judges an output by the node's check: success is defined, not assumed."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from swarmtui.frozen import frozen
from swarmtui.plan.model import JSON, Check
from swarmtui.plan.repair import loads_lenient
from swarmtui.plan.schemas import BUILTIN_SCHEMAS
from swarmtui.safety.text import one_line
from swarmtui.session.vocabulary import ErrorKind

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_SHOWN = 60


@frozen
class Wrong:
    """What an output lacks."""

    kind: ErrorKind
    """SCHEMA: it has not the shape; CHECK: it is not what was asked for; INPUT: the check itself is none."""
    message: str
    """One line."""


def problem(output: str, check: Check) -> Wrong | None:
    """What `output` lacks of what `check` asks for, but for its command; None if it passes.

    The JSON of an output may be wrapped in prose or a fence and carelessly written, as models do. May take long for
    a large output.
    """
    if check.min_chars is not None and len(output) < check.min_chars:
        told = f"the output has {len(output)} characters, fewer than the {check.min_chars} that check asks for"
        return Wrong(ErrorKind.CHECK, told)
    if check.max_chars is not None and len(output) > check.max_chars:
        told = f"the output has {len(output)} characters, more than the {check.max_chars} that check allows"
        return Wrong(ErrorKind.CHECK, told)
    if check.regex is not None:
        try:
            if not re.search(check.regex, output):
                told = f"the output does not match the regex of check: {one_line(check.regex, _SHOWN)}"
                return Wrong(ErrorKind.CHECK, told + _came(output))
        except (re.error, OverflowError, RecursionError) as error:
            return Wrong(ErrorKind.INPUT, f"the regex of check is not one: {error}")
    return None if check.schema is None else _schema_problem(output, check.schema)


def _came(output: str) -> str:
    """What came instead, in a few words."""
    begins = one_line(output[: 4 * _SHOWN].strip(), _SHOWN)
    return f"; it begins: {begins}" if begins else "; it is empty"


def _schema_problem(output: str, schema: JSON) -> Wrong | None:
    if isinstance(schema, str):
        if schema not in BUILTIN_SCHEMAS:
            known = ", ".join(sorted(BUILTIN_SCHEMAS))
            return Wrong(ErrorKind.INPUT, f"check names an unknown schema: {one_line(schema, _SHOWN)} (known: {known})")
        validator = _builtin(schema)
    else:
        validator = _validator(schema)
    try:
        value = loads_lenient(output)
    except ValueError as error:
        return Wrong(ErrorKind.SCHEMA, f"the output is not the JSON that check asks for: {error}{_came(output)}")
    from jsonschema.exceptions import UnknownType, best_match
    from referencing.exceptions import Unresolvable

    try:
        worst: ValidationError | None = best_match(validator.iter_errors(value))
    except (UnknownType, Unresolvable, re.error, RecursionError) as error:
        return Wrong(ErrorKind.INPUT, f"the schema of check cannot be applied: {one_line(str(error), 200)}")
    if worst is None:
        return None
    place = one_line(worst.json_path, _SHOWN)
    told = f"the output does not fit the schema of check at {place}: {one_line(worst.message, 200)}"
    return Wrong(ErrorKind.SCHEMA, told)


def _validator(schema: JSON) -> Any:
    """A validator that fetches nothing from elsewhere: a schema may come from a planner."""
    from jsonschema.validators import Draft202012Validator, validator_for
    from referencing.jsonschema import EMPTY_REGISTRY

    return validator_for(schema, default=Draft202012Validator)(schema, registry=EMPTY_REGISTRY)


@lru_cache(maxsize=16)
def _builtin(name: str) -> Any:
    return _validator(BUILTIN_SCHEMAS[name])
