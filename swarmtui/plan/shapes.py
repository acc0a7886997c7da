"""How values are written in what comes from outside: texts, names, durations, and which of several forms one has."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

TEXT_LIMIT = 1_000_000
"""Bytes that one text (prompt, question, code, script) may have; more belongs into a file."""

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def refusal(what: str, fix: str) -> PydanticCustomError:
    """An error of ours, whose words reach the user as they are."""
    return PydanticCustomError("refused", "{what}", {"what": what, "fix": fix})


def _bounded(text: str) -> str:
    if len(text) > TEXT_LIMIT // 4 and len(text.encode("utf-8", "replace")) > TEXT_LIMIT:
        raise refusal("this text has more than 1 MB", "put it into a file and let a node read it")
    return text


def _not_blank(text: str) -> str:
    if not text.strip():
        raise refusal("this text is empty", "say something here")
    return text


def _argument(value: Any) -> Any:
    return str(value) if type(value) is int else value


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise refusal("a NUL character cannot be passed to a command", "remove it")
    return text


def _seconds(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found = _DURATION.fullmatch(value.strip())
    if not value.strip() or found is None:
        raise refusal("this is not a duration", "write seconds, or such as 90s, 5m, 1h30m")
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def env_names(env: dict[str, str]) -> dict[str, str]:
    """`env`, all of whose names can be set. Raises what :func:`refusal` gives."""
    for name in env:
        if not _ENV_NAME.fullmatch(name):
            raise refusal(f"{name[:60]!r} is no name for an environment variable", "use letters, digits and _")
    return env


def all_of(value: list[str] | str) -> list[str]:
    """One text or several as several."""
    return [value] if isinstance(value, str) else value


Bounded = Annotated[str, AfterValidator(_bounded)]
Text = Annotated[str, AfterValidator(_bounded), AfterValidator(_not_blank)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Argument = Annotated[
    str,
    BeforeValidator(_argument),
    AfterValidator(_without_nul),
    AfterValidator(_bounded),
    WithJsonSchema({"type": ["string", "integer"]}),
]
_DURATION_SCHEMA = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^(\d+(\.\d+)?[hms])+$"}]
}
Seconds = Annotated[float, BeforeValidator(_seconds), Field(ge=0), WithJsonSchema(_DURATION_SCHEMA)]
PositiveSeconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0), WithJsonSchema(_DURATION_SCHEMA)]


def one_of(wanted: str, fix: str, **shapes: type | tuple[type, ...]) -> Discriminator:
    """Chooses among forms by the type of what was written, so that only the chosen one complains."""

    def choose(value: Any) -> str | None:
        for tag, types in shapes.items():
            if isinstance(value, types) and (bool in _tuple(types) or not isinstance(value, bool)):
                return tag
        return None

    return Discriminator(
        choose,
        custom_error_type="refused",
        custom_error_message="{what}",
        custom_error_context={"what": f"must be {wanted}", "fix": fix},
    )


def _tuple(types: type | tuple[type, ...]) -> tuple[type, ...]:
    return types if isinstance(types, tuple) else (types,)


def optional(description: str, **more: Any) -> Any:
    """A key that may be left out; written, it must say something."""
    return Field(default=None, description=description, **more)


def without_null(schema: dict[str, Any]) -> None:
    """Leave defaults of keys that may be left out, out of a JSON Schema too."""
    for entry in schema.get("properties", {}).values():
        if entry.get("default", ...) is None:
            del entry["default"]


class Outside(BaseModel):
    """What all models here share: no unknown keys, no values of another type turned into the wanted one."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra=without_null,
        hide_input_in_errors=True,
        defer_build=True,
    )
