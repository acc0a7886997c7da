"""What pydantic complains about, in the words of somebody who writes a task file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from swarmtui.plan.language import known_keys
from swarmtui.plan.model import JSON
from swarmtui.plan.problems import Finding, Nearest, Path, listed, shown

_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}

Wording = Callable[[Mapping[str, Any]], tuple[str, str]]

_LIMITS: dict[str, Wording] = {
    "greater_than": lambda c: (f"must be more than {c['gt']}", ""),
    "greater_than_equal": lambda c: ("must not be negative" if c["ge"] == 0 else f"must be at least {c['ge']}", ""),
    "less_than_equal": lambda c: (f"must be at most {c['le']}", ""),
    "string_too_short": lambda c: ("is empty", "say something here, or leave the key out"),
    "string_too_long": lambda c: (f"is longer than {c['max_length']} characters", "make it shorter"),
    "too_short": lambda c: ("is empty", "list at least one, or leave the key out"),
    "finite_number": lambda c: ("must be a finite number", ""),
}

_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?")
_FLAG = re.compile("true|false")
_PATTERNS = {
    "base_url": ("is not an http or https address", "write such as http://localhost:8000/v1"),
    "worker_api_base": ("is not an http or https address", "write such as http://localhost:8000/v1"),
    "api_key_env": ("is no name of an environment variable", "write the variable's name, never the key itself"),
    "as": ("is no name for the item", "begin with a letter; then letters, digits, _ and -"),
    "provider": ("is no name of a provider", "write it without blanks and slashes"),
    "url": ("is not an http or https address", "write such as https://tools.example/mcp"),
}


def findings_of(error: ValidationError, at: Path, data: JSON, nearest: Nearest) -> list[Finding]:
    """`error` as findings. `at` is the path of the `data` that was validated."""
    return [_finding(dict(one), at, data, nearest) for one in error.errors(include_url=False)]


def _finding(error: Mapping[str, Any], at: Path, data: JSON, nearest: Nearest) -> Finding:
    kind, context = error["type"], error.get("ctx", {})
    path, value = _real_path(error["loc"], data)
    name = next((str(part) for part in reversed(path) if isinstance(part, str)), "this")
    if kind == "extra_forbidden":
        known = known_keys((*at, *path[:-1]))
        fix = nearest.hint(name, known, f"known here: {listed(known, 30)}")
        return Finding((*at, *path), f"unknown key `{shown(name)}`", fix, at_key=True)
    if kind == "missing":
        key = str(error["loc"][-1])
        return Finding((*at, *path, key), f"`{key}` is missing", f"add `{key}: …`")
    message, fix = _words(kind, context, name, value)
    return Finding((*at, *path), f"{shown(name)}: {message}", fix)


def _words(kind: str, context: Mapping[str, Any], name: str, value: JSON) -> tuple[str, str]:
    """What is wrong with `value`, and how to mend it."""
    if kind == "refused":
        message, fix = str(context["what"]), str(context["fix"])
    elif kind in _LIMITS:
        message, fix = _LIMITS[kind](context)
    elif kind == "string_pattern_mismatch":
        message, fix = _PATTERNS.get(name, ("must be provider/model", "write such as deepseek/deepseek-chat"))
    elif kind in _TYPES:
        message, fix = f"must be {_TYPES[kind]}", _type_fix(_TYPES[kind], value)
    elif kind == "literal_error":
        message, fix = f"must be {context['expected'].replace('True', 'true')}", _unquoted(value, _NUMBER)
    else:
        message, fix = f"cannot be used ({kind.replace('_', ' ')})", ""
    return (f"{message}, not {described(value)}" if message.startswith("must ") else message), fix


def _type_fix(wanted: str, value: JSON) -> str:
    if value is None:
        return "say something here, or leave the key out"
    if wanted == "text" and not isinstance(value, dict | list):
        return f'put it in quotes: "{described(value).removeprefix("the number ")}"'
    bare = {"a number": _NUMBER, "a whole number": _NUMBER, "true or false": _FLAG}.get(wanted)
    return (bare and _unquoted(value, bare)) or f"write {wanted}"


def _unquoted(value: JSON, bare: re.Pattern[str]) -> str:
    """How to mend a text that would be what is wanted, as `bare` has it, without its quotes; empty if it would not."""
    return "remove the quotes" if isinstance(value, str) and bare.fullmatch(value.strip()) else ""


def _real_path(location: tuple[str | int, ...], data: JSON) -> tuple[Path, JSON]:
    """`location` without what is not in the data, which is where pydantic names the form that it tried; and the value
    at the end of it. A last step that is missing from the data is left out too."""
    path: list[str | int] = []
    value = data
    for part in location:
        inside = part in value if isinstance(value, dict) else isinstance(value, list) and part in range(len(value))
        if not inside:
            continue
        value = value[part]
        path.append(part)
    return tuple(path), value


def described(value: JSON) -> str:
    """What `value` is, in a few words."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {shown(str(value))}"
        case str():
            return f"`{shown(value)}`"
        case list():
            return "a list"
        case _:
            return "a mapping"
