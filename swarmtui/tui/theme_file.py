"""A theme as its YAML file says it, taken apart with every mistake told at its line and column.

::

    name: my-dark
    extends: swarm-dark          # another theme; what this file says replaces what that one says
    colors: {accent: "#b48ead"}
    roles: {border: "#30363d"}
    nodes: {running: "#b48ead"}
    styles: {failed: bold reverse}
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swarmtui.frozen import frozen
from swarmtui.tui.view.lines import ROLES, Role

if TYPE_CHECKING:
    from swarmtui.plan.problems import Finding, Problem

MAX_BYTES = 64_000
NODE_ROLES: tuple[Role, ...] = (
    "waiting", "ready", "running", "retrying", "throttled", "held", "succeeded", "failed", "skipped", "cancelled",
    "interrupted", "stale", "ask",
)  # fmt: skip
COLORS = (
    "primary", "secondary", "accent", "success", "warning", "error", "foreground", "background", "surface", "panel",
)  # fmt: skip
SAME_COLOUR: Mapping[Role, Role] = {"em": "text", "code": "ok"}
"""Roles that have the colour of another one, and a style of their own."""
_PLAIN_ROLES = (role for role in ROLES if role not in (*NODE_ROLES, *SAME_COLOUR))
OTHER_ROLES = (*_PLAIN_ROLES, "badge-text", "border", "border-focus")
STYLES = ("bold", "dim", "italic", "underline", "reverse", "none")
ANSI_NAMES = ("default", *(
    f"{bright}{name}"
    for bright in ("", "bright_")
    for name in ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
))  # fmt: skip
_HEX = re.compile(r"#[0-9a-fA-F]{6}\Z")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}\Z")
_KEYS = ("name", "extends", "dark", "ansi", "colors", "roles", "nodes", "styles")


class Unusable(Exception):
    """A theme file cannot be used; `problems` has a line for each reason, with place and cure."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


@frozen
class ThemeFile:
    """What one file says; of what it leaves out, `extends` has its say."""

    path: Path
    name: str
    extends: str = ""
    dark: bool | None = None
    ansi: bool | None = None
    """Whether colours are the terminal's own sixteen, by name."""
    colors: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    nodes: Mapping[str, str] = field(default_factory=dict)
    styles: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Line and column of each value (``name``, ``roles.text``), for what only shows once all files are known."""

    def problem(self, key: str, message: str, fix: str) -> str:
        """A line about `key`, with its place."""
        line, column = self.places.get(key, (1, 1))
        return f"{self.path}:{line}:{column}: {message}: {fix}"

    def on(self, base: ThemeFile) -> ThemeFile:
        """This one, with what it leaves out taken from `base`."""
        return ThemeFile(
            self.path,
            self.name,
            "",
            base.dark if self.dark is None else self.dark,
            base.ansi,
            {**base.colors, **self.colors},
            {**base.roles, **self.roles},
            {**base.nodes, **self.nodes},
            {**base.styles, **self.styles},
            self.places,
        )


def read_theme_file(path: Path) -> ThemeFile:
    """What the file at `path` says. Raises Unusable."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Unusable([f"{path}: is larger than {MAX_BYTES:,} bytes: a theme is a few dozen colours"])
        text = path.read_bytes()
    except OSError as error:
        raise Unusable([f"{path}: cannot be read: {error.strerror}"]) from error
    return parse_theme(text, path)


def parse_theme(text: bytes, path: Path) -> ThemeFile:
    """What `text`, the content of the file at `path`, says. Raises Unusable."""
    from swarmtui.plan.problems import TaskError
    from swarmtui.plan.yaml_source import in_order, read_yaml

    if not text.strip():
        raise Unusable([f"{path}:1:1: there is nothing in it: copy swarm-dark.yaml and change it"])
    try:
        source, wrong = read_yaml(text, str(path))
    except TaskError as error:
        raise Unusable([str(problem) for problem in error.problems]) from None
    checking = _Checking()
    found = checking.theme(source.data, path)
    problems: list[Problem] = in_order(wrong, [source.locate(one) for one in checking.found])
    if problems or found is None:
        raise Unusable([str(problem) for problem in problems])
    top = source.data if isinstance(source.data, dict) else {}
    at = {key: source.at((key,)) for key in top}
    tables = {key: table for key, table in top.items() if isinstance(table, dict)}
    at |= {f"{key}.{name}": source.at((key, name)) for key, table in tables.items() for name in table}
    return ThemeFile(**{**found, "places": at})


class _Checking:
    """Takes the data of a theme apart, and notes what is wrong with it."""

    def __init__(self) -> None:
        self.found: list[Finding] = []

    def theme(self, data: object, path: Path) -> dict[str, Any] | None:
        """The fields of a ThemeFile."""
        if not isinstance(data, dict):
            self._wrong((), "is not a mapping", "it has name, colors, roles, nodes")
            return None
        for key in data:
            if key not in _KEYS:
                self._unknown((key,), key, _KEYS)
        name = data.get("name")
        if not isinstance(name, str) or not _NAME.match(name):
            self._wrong(("name",), "name must be letters, digits, - and _", "as name: my-dark")
        fields: dict[str, Any] = {"path": path, "name": str(name), "extends": self._extends(data.get("extends"))}
        for key in ("dark", "ansi"):
            fields[key] = self._flag(key, data.get(key))
        ansi = fields["ansi"] if fields["extends"] else bool(fields["ansi"])
        fields["colors"] = self._colours(data, "colors", COLORS, ansi)
        fields["roles"] = self._colours(data, "roles", OTHER_ROLES, ansi)
        fields["nodes"] = self._colours(data, "nodes", NODE_ROLES, ansi)
        fields["styles"] = self._styles(data)
        given = data.get("colors", {})
        if not data.get("extends") and isinstance(given, dict) and "primary" not in given:
            self._wrong(("colors",), "colors.primary is missing", "give it, or build on a theme: extends: swarm-dark")
        return fields

    def _extends(self, value: object) -> str:
        if value is None or (isinstance(value, str) and _NAME.match(value)):
            return value or ""
        self._wrong(("extends",), "must be the name of a theme", "swarmtui themes lists them")
        return ""

    def _flag(self, key: str, value: object) -> bool | None:
        if value is None or isinstance(value, bool):
            return value
        self._wrong((key,), f"{key} must be true or false", "leave it out for true" if key == "dark" else "as true")
        return None

    def _colours(self, data: dict[str, Any], key: str, known: Sequence[str], ansi: bool | None) -> dict[str, str]:
        colours: dict[str, str] = {}
        for name, value in self._table(data, key, known):
            if isinstance(value, str) and value in ANSI_NAMES and ansi is not False:
                colours[name] = f"ansi_{value}"
            elif isinstance(value, str) and _HEX.match(value) and not ansi:
                colours[name] = value
            else:
                way = "one of " + ", ".join(ANSI_NAMES) if ansi else 'as "#6cb6ff", in quotes'
                self._wrong((key, name), f"{key}.{name} must be a colour", way)
        return colours

    def _styles(self, data: dict[str, Any]) -> dict[str, str]:
        styles: dict[str, str] = {}
        for name, value in self._table(data, "styles", ROLES):
            words = value.split() if isinstance(value, str) else []
            if words and all(word in STYLES for word in words):
                styles[name] = " ".join(words)
            else:
                self._wrong(("styles", name), f"styles.{name} must be words", "of " + ", ".join(STYLES))
        return styles

    def _table(self, data: dict[str, Any], key: str, known: Sequence[str]) -> list[tuple[str, object]]:
        table = data.get(key, {})
        if not isinstance(table, dict):
            self._wrong((key,), f"{key} is not a mapping", "of names to values")
            return []
        for name in table:
            if name not in known:
                self._unknown((key, name), f"{key}.{name}", known)
        return [(name, value) for name, value in table.items() if name in known]

    def _unknown(self, path: tuple[str, ...], called: str, known: Sequence[str]) -> None:
        from difflib import get_close_matches

        near = get_close_matches(path[-1], known, 1)
        fix = f"did you mean {near[0]}?" if near else "known are " + ", ".join(known)
        self._wrong(path, f"{called[:60]} is not known", fix, at_key=True)

    def _wrong(self, path: tuple[str, ...], message: str, fix: str, *, at_key: bool = False) -> None:
        from swarmtui.plan.problems import Finding

        self.found.append(Finding(path, message, fix, at_key))
