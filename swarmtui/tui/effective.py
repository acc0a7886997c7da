"""The settings as they are in effect: each with its value, where that comes from, and what it means; and as a file."""

from __future__ import annotations

import ast
import inspect
import os
from collections.abc import Mapping
from dataclasses import fields
from enum import StrEnum
from functools import cache
from pathlib import Path
from textwrap import dedent

from swarmtui.frozen import frozen
from swarmtui.tui.memory import Memory
from swarmtui.tui.settings import SECTION, Motion, Settings, parse_settings
from swarmtui.tui.themes import DEFAULT

BY_DEFAULT = "default"


@frozen
class Effective:
    """One setting."""

    name: str
    value: str
    """As the file would have it."""
    source: str
    """The file with its line, a variable, what is remembered, or :data:`BY_DEFAULT`."""
    told: str


@cache
def meanings() -> dict[str, str]:
    """What each setting means: the text under its field, in one line."""
    body = ast.parse(dedent(inspect.getsource(Settings))).body[0]
    found: dict[str, str] = {}
    name = ""
    for part in body.body if isinstance(body, ast.ClassDef) else ():
        match part:
            case ast.AnnAssign(target=ast.Name(id=field)):
                name = field
            case ast.Expr(value=ast.Constant(value=str(text))) if name:
                found[name] = " ".join(text.replace("``", "`").split())
    return found


def effective(path: Path, memory: Memory, environ: Mapping[str, str] = os.environ) -> list[Effective]:
    """Every setting, in the order of its declaration. What is wrong with the file is passed over here."""
    text = _text(path)
    settings = parse_settings(text, path).settings
    lines = _lines(text, path)
    found: list[Effective] = []
    for one in fields(Settings):
        value, source = getattr(settings, one.name), BY_DEFAULT
        if one.name in lines and value != getattr(Settings(), one.name):
            source = f"{path}:{lines[one.name]}"
        shown = _shown(value)
        if one.name == "theme":
            shown, source = _theme(settings, memory, source, environ)
        elif one.name == "characters" and environ.get("SWARMTUI_ASCII", "") not in ("", "0"):
            shown, source = "ascii", "SWARMTUI_ASCII"
        elif one.name == "motion" and environ.get("SWARMTUI_MOTION", "") in tuple(Motion):
            shown, source = environ["SWARMTUI_MOTION"], "SWARMTUI_MOTION"
        found.append(Effective(one.name, shown, source, meanings().get(one.name, "")))
    return found


def _theme(settings: Settings, memory: Memory, source: str, environ: Mapping[str, str]) -> tuple[str, str]:
    if environ.get("SWARMTUI_THEME"):
        return environ["SWARMTUI_THEME"], "SWARMTUI_THEME"
    if settings.theme:
        return settings.theme, source
    remembered = memory.get("theme", "")
    return (remembered, "chosen last") if remembered else (DEFAULT, BY_DEFAULT)


def commented() -> str:
    """A config file in which every setting stands as it comes, or with an example of it, behind ``#``."""
    lines = [
        "# swarmtui: your settings. Each stands as it comes, or with an example that says so: take away a # to set it.",
        "# `swarmtui config check` says what is wrong, and `swarmtui config` what is in effect.",
        "",
        f"# {SECTION}:",
    ]
    default = Settings()
    examples = {
        "theme": DEFAULT, "keys": "{pause_node: [p, f9]}", "columns": "{nodes: [state, node, took, cost]}",
        "layout": "{view: table, log: false, graph_percent: 50}",
        "hosts": "[build.example]",
    }  # fmt: skip
    for one in fields(Settings):
        example = examples.get(one.name)
        lines.append(f"#   # {meanings().get(one.name, '')}")
        if example:
            lines.append("#   # An example: as it comes nothing is set.")
        lines.append(f"#   {one.name}: {example or _shown(getattr(default, one.name))}")
    lines += [
        "",
        "# Other sections: `models` adds providers and prices, `programs` says how programs that are agents are",
        "# called, `sandbox: landlock` accepts a partial sandbox where bubblewrap does not work.",
    ]
    return "\n".join(lines) + "\n"


def _shown(value: object) -> str:
    """A value as YAML has it, on one line."""
    match value:
        case StrEnum():
            return f"'{value}'" if value in ("off", "on") else str(value)
        case bool():
            return str(value).lower()
        case tuple():
            return f"[{', '.join(map(_shown, value))}]"
        case Mapping():
            return f"{{{', '.join(f'{key}: {_shown(one)}' for key, one in value.items())}}}"
        case str() if not value or not value.replace("_", "").replace("-", "").isalnum():
            return f"'{value}'"
        case _:
            return str(value)


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _lines(text: bytes, path: Path) -> dict[str, int]:
    """In which line of the file each setting stands."""
    from swarmtui.plan.problems import TaskError
    from swarmtui.plan.yaml_source import read_yaml

    try:
        source, _ = read_yaml(text, str(path))
    except TaskError:
        return {}
    table = source.data.get(SECTION) if isinstance(source.data, dict) else None
    return {name: source.at((SECTION, name), key=True)[0] for name in table} if isinstance(table, dict) else {}
