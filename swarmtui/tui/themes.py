"""Themes from YAML files: Textual's colours, and the looks of the roles that the view model speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.style import Style
from textual.color import Color
from textual.theme import Theme

from swarmtui.safety.paths import data_dir, places
from swarmtui.safety.text import one_line
from swarmtui.tui.content import Palette
from swarmtui.tui.view.lines import ROLES, Role

DEFAULT = "swarm-dark"
MAX_BYTES = 64_000
_HEX = re.compile(r"#[0-9a-fA-F]{6}\Z")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}\Z")
_COLORS = (
    "primary", "secondary", "accent", "success", "warning", "error", "foreground", "background", "surface", "panel",
)  # fmt: skip
NODE_ROLES: tuple[Role, ...] = (
    "waiting", "ready", "running", "retrying", "throttled", "held", "succeeded", "failed", "skipped", "cancelled",
    "interrupted", "stale", "ask",
)  # fmt: skip
_EXTRA = ("badge-text", "border", "border-focus")
_BOLD: frozenset[Role] = frozenset({"strong", "badge", "failed", "ask"})


@dataclass(frozen=True, slots=True)
class Loaded:
    """The themes that could be read, and one sentence for each problem."""

    themes: tuple[Theme, ...]
    problems: tuple[str, ...] = field(default_factory=tuple)


def load_themes(folders: Iterable[Path] | None = None) -> Loaded:
    """Read all theme files: those that ship, then the user's, which win over shipped ones of the same name."""
    themes: dict[str, Theme] = {}
    problems: list[str] = []
    for folder in _folders() if folders is None else folders:
        for path in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
            try:
                theme = _read(path)
            except _Unusable as error:
                problems.append(f"{path}: {error}")
            else:
                themes[theme.name] = theme
    return Loaded(tuple(themes.values()), tuple(one_line(problem, 300) for problem in problems))


class _Unusable(Exception):
    """A theme file cannot be used; the text says why and how to mend it."""


def _folders() -> tuple[Path, Path]:
    return data_dir("themes"), places().config / "themes"


def _read(path: Path) -> Theme:
    import yaml

    try:
        if path.stat().st_size > MAX_BYTES:
            raise _Unusable(f"is larger than {MAX_BYTES} bytes")
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _Unusable(f"cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _Unusable(f"is not YAML: {one_line(str(error), 120)}") from error
    if not isinstance(data, dict):
        raise _Unusable("is not a mapping with name, colors, roles and nodes")
    return _theme(data)


def _theme(data: dict[str, Any]) -> Theme:
    wrong = [f"unknown key {key!r}" for key in data if key not in ("name", "dark", "colors", "roles", "nodes")]
    name = data.get("name")
    if not isinstance(name, str) or not _NAME.match(name):
        wrong.append("name must be letters, digits, - and _")
    colors = _table(data, "colors", _COLORS, wrong)
    roles = _table(data, "roles", (*(role for role in ROLES if role not in NODE_ROLES), *_EXTRA), wrong)
    nodes = _table(data, "nodes", NODE_ROLES, wrong)
    if "primary" not in colors:
        wrong.append("colors.primary is missing")
    if wrong:
        raise _Unusable("; ".join(wrong))
    variables = {f"role-{key}": value for key, value in roles.items()}
    variables |= {f"node-{key}": value for key, value in nodes.items()}
    return Theme(name=str(name), dark=data.get("dark") is not False, variables=variables, **_colors(colors))


def _colors(colors: dict[str, str]) -> Any:
    return {name: colors[name] for name in _COLORS if name in colors}


def _table(data: dict[str, Any], key: str, known: tuple[str, ...], wrong: list[str]) -> dict[str, str]:
    table = data.get(key, {})
    if not isinstance(table, dict):
        wrong.append(f"{key} is not a mapping of names to colours")
        return {}
    for name, value in table.items():
        if name not in known:
            wrong.append(f"{key}.{name} is not known")
        elif not isinstance(value, str) or not _HEX.match(value):
            wrong.append(f'{key}.{name} must be a colour such as "#6cb6ff" (in quotes)')
    return {str(name): value for name, value in table.items() if isinstance(value, str)}


def variable_defaults(theme: Theme) -> dict[str, str]:
    """Every variable that stylesheets and palette use, derived from a theme that does not know them (Textual's own)."""
    text = theme.foreground or ("#e0e0e0" if theme.dark else "#202020")
    ok, warn = theme.success or theme.primary, theme.warning or theme.primary
    bad, accent = theme.error or theme.primary, theme.accent or theme.primary
    quiet, edge = ("#9aa5b1", "#5d6b7a") if theme.dark else ("#4d5966", "#8a97a5")
    surface = theme.surface or ("#1e1e1e" if theme.dark else "#f0f0f0")
    roles = {
        "text": text, "strong": text, "muted": quiet, "faint": quiet, "accent": accent, "ok": ok, "warn": warn,
        "bad": bad, "edge": edge, "critical": quiet, "bar": accent, "rest": edge, "badge": warn, "badge-text": surface,
        "cursor": "#2b3a4d" if theme.dark else "#cfe0f2", "border": edge, "border-focus": accent,
    }  # fmt: skip
    nodes = {
        "waiting": quiet, "ready": text, "running": accent, "retrying": warn, "throttled": warn, "held": accent,
        "succeeded": ok, "failed": bad, "skipped": quiet, "cancelled": quiet, "interrupted": bad, "stale": warn,
        "ask": warn,
    }  # fmt: skip
    return {f"role-{key}": value for key, value in roles.items()} | {
        f"node-{key}": value for key, value in nodes.items()
    }


def palette_of(variables: Mapping[str, str], *, no_color: bool = False) -> Palette:
    """The style of every role under a theme. Without colours, emphasis and the cursor show by bold and reverse."""
    styles: dict[Role, Style] = {}
    for role in ROLES:
        colour = variables[f"node-{role}" if role in NODE_ROLES else f"role-{role}"]
        styles[role] = Style(color=Color.parse(colour).rich_color, bold=True if role in _BOLD else None)
    styles["badge"] = Style(
        color=Color.parse(variables["role-badge-text"]).rich_color,
        bgcolor=Color.parse(variables["role-badge"]).rich_color,
        bold=True,
    )
    styles["cursor"] = (
        Style(reverse=True) if no_color else Style(bgcolor=Color.parse(variables["role-cursor"]).rich_color)
    )
    return styles
