"""What the user's ``config.yaml`` says of the workbench: theme, characters, motion, keys, columns.

The file lies in the directory for configuration (``swarmtui doctor`` names it)::

    workbench:
      theme: swarm-light
      motion: reduced
      notify: bell
      keys: {pause_node: [p, f7]}
      columns: {nodes: [state, node, took, cost]}
      layout: {view: table, log: false}

A mistake in it never keeps the workbench from starting: what can be used is, and each mistake is told with its line.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, fields
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from swarmtui.frozen import frozen
from swarmtui.safety.paths import places
from swarmtui.tui.at_start import LAYOUT, Told, fits

if TYPE_CHECKING:
    from swarmtui.plan.problems import Finding

FILE = "config.yaml"
SECTION = "workbench"
FEW = 12
"""So many names are told as they are, where one is not known."""
_NEAR = 0.75
"""How much of two names must be the same, of 1, for one to be the other with a slip or two."""


class Motion(StrEnum):
    """How much moves on the screen."""

    FULL = "full"
    REDUCED = "reduced"
    """Nothing moves but figures."""


class Notify(StrEnum):
    """How the terminal tells that somebody is needed while nobody looks."""

    DESKTOP = "desktop"
    """OSC 9 and 777, which many terminals show as a notification, and the bell."""
    BELL = "bell"
    OFF = "off"


class Characters(StrEnum):
    """What is drawn with."""

    AUTO = "auto"
    UNICODE = "unicode"
    ASCII = "ascii"


@frozen
class Settings:
    """The settings of the workbench; a field's docstring is what ``swarmtui config`` prints beside it."""

    theme: str = ""
    """A name that ``swarmtui themes`` lists; empty: the one chosen last, else swarm-dark."""
    characters: Characters = Characters.AUTO
    """auto, unicode or ascii."""
    motion: Motion = Motion.FULL
    """full or reduced."""
    notify: Notify = Notify.BELL
    """desktop, bell or off: how you are told that something waits for you while you look elsewhere."""
    notify_after_s: float = 30.0
    """Seconds after which you are told the same though the terminal seems to be looked at; 0: never."""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Keys of actions, by the IDs in docs/keys.md; an empty list takes an action's keys away."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Which columns the tables `nodes`, `items` and `sessions` show, in order."""
    layout: Told = field(default_factory=dict)
    """How a session is shown each time it is opened; what is not said here is as you left it last."""
    hosts: tuple[str, ...] = ()
    """Machines whose sessions are listed beside this one's, as ssh knows them."""


@frozen
class Read:
    """What could be used, and one line for each mistake."""

    settings: Settings
    problems: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    """What is as the user wants it, and has an effect elsewhere."""


def read_settings(environ: Mapping[str, str] = os.environ) -> Read:
    """The settings of the user's config file; the defaults where there is none."""
    path = places(environ).config / FILE
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return Read(Settings())
    except OSError as error:
        return Read(Settings(), (f"{path}: cannot be read: {error.strerror}",))
    return parse_settings(text, path)


def parse_settings(text: bytes, path: Path) -> Read:
    """The settings in the text of a config file."""
    from swarmtui.plan.problems import TaskError
    from swarmtui.plan.yaml_source import read_yaml

    if all(not line.strip() or line.lstrip().startswith(b"#") for line in text.splitlines()):
        return Read(Settings())
    try:
        source, wrong = read_yaml(text, str(path))
    except TaskError as error:
        return Read(Settings(), tuple(map(str, error.problems)))
    whole = source.data if isinstance(source.data, dict) else {}
    table = whole.get(SECTION)
    reading = _Reading()
    reading.astray(whole)
    settings = Settings() if table is None else reading.settings(table)
    problems = [*wrong, *(source.locate(found) for found in reading.found)]
    return Read(settings, tuple(map(str, problems)), tuple(str(source.locate(one)) for one in reading.hints))


class _Reading:
    """Takes a table apart, and notes what is wrong with it."""

    def __init__(self) -> None:
        self.found: list[Finding] = []
        self.hints: list[Finding] = []
        """What is not wrong, but worth knowing."""

    def astray(self, whole: Mapping[str, object]) -> None:
        """Settings of ours that stand beside the section they belong in: nothing comes of them, so they are told."""
        from swarmtui.plan.problems import Finding

        for name in whole:
            if name in Settings.__dataclass_fields__:
                message, fix = f"{name!r} means nothing here", f"put it below `{SECTION}:`, two spaces in"
                self.found.append(Finding((name,), message, fix, at_key=True))

    def settings(self, table: object) -> Settings:
        """What can be used of `table`."""
        if not isinstance(table, dict):
            self._wrong((), "must be a mapping", "as {theme: swarm-light}")
            return Settings()
        known = [one.name for one in fields(Settings)]
        values: dict[str, Any] = {}
        for name, value in table.items():
            if name not in known:
                hint = _nearest(str(name), known)
                self._wrong((str(name),), f"unknown key {str(name)[:60]!r}", hint, at_key=True)
                continue
            taken = self._value(name, value)
            if taken is not None:
                values[name] = taken
        return Settings(**values)

    def _value(self, name: str, value: object) -> object:
        match name:
            case "characters" | "motion" | "notify":
                kinds: dict[str, type[StrEnum]] = {"characters": Characters, "motion": Motion, "notify": Notify}
                return self._one_of(name, value, kinds[name])
            case "notify_after_s":
                if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 86_400:
                    return float(value)
                self._wrong((name,), "must be seconds, from 0 to 86400", "as 30, or 0 for never")
                return None
            case "keys":
                return self._keys(name, value)
            case "columns":
                return self._columns(name, value)
            case "layout":
                return self._layout(name, value)
            case "hosts":
                return self._hosts(name, value)
            case _:
                if isinstance(value, str):
                    return value
                self._wrong((name,), "must be a name", "as swarm-light")
                return None

    def _one_of(self, name: str, value: object, known: type[StrEnum]) -> object:
        if isinstance(value, str) and value in [one.value for one in known]:
            return known(value)
        hint = _meant(str(value), list(known)) or "one of " + ", ".join(known)
        self._wrong((name,), f"{str(value)[:60]!r} is not known", hint)
        return None

    def _lists(self, name: str, value: object, known: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        if not isinstance(value, dict):
            self._wrong((name,), "must be a mapping of names to lists", f"as {{{known[0]}: [...]}}")
            return {}
        lists: dict[str, tuple[str, ...]] = {}
        for key, one in value.items():
            if key not in known:
                few = "one of " + ", ".join(known) if len(known) < FEW else "docs/keys.md lists them"
                hint = _meant(str(key), known) or few
                self._wrong((name, str(key)), f"unknown name {str(key)[:60]!r}", hint, at_key=True)
                continue
            names = self._names((name, str(key)), one)
            if names is not None:
                lists[str(key)] = names
        return lists

    def _columns(self, name: str, value: object) -> dict[str, tuple[str, ...]]:
        """Those that there are; of a table of which none is left nothing is said."""
        from swarmtui.tui.view.sessions import COLUMNS
        from swarmtui.tui.view.table import ITEM_COLUMNS, NODE_COLUMNS

        tables = {"nodes": NODE_COLUMNS, "items": ITEM_COLUMNS, "sessions": COLUMNS}
        found: dict[str, tuple[str, ...]] = {}
        for table, names in self._lists(name, value, tuple(tables)).items():
            known = [column.key for column in tables[table]]
            listed = isinstance(value, dict) and isinstance(value.get(table), list)
            for at, one in enumerate(names):
                if one not in known:
                    where = (name, table, at) if listed else (name, table)
                    self._wrong(where, f"there is no column {one[:60]!r}", _nearest(one, known))
            kept = tuple(one for one in names if one in known)
            if kept:
                found[table] = kept
        return found

    def _layout(self, name: str, value: object) -> dict[str, str | bool | int]:
        if not isinstance(value, dict):
            self._wrong((name,), "must be a mapping", "as {view: table, log: false}")
            return {}
        for key, one in value.items():
            if key not in LAYOUT:
                hint = _nearest(str(key), LAYOUT)
                self._wrong((name, str(key)), f"unknown name {str(key)[:60]!r}", hint, at_key=True)
            elif not fits(key, one):
                known = LAYOUT[key]
                hint = _meant(str(one), known.words) or f"it is {known.known}"
                self._wrong((name, key), f"{str(one)[:60]!r} is not known", hint)
        return {key: one for key, one in value.items() if key in LAYOUT and fits(key, one)}

    def _hosts(self, name: str, value: object) -> tuple[str, ...]:
        from swarmtui.host.address import BadAddress, parse_machine

        names, found = self._names((name,), value) or (), list[str]()
        for at, one in enumerate(names):
            try:
                parse_machine(one)
            except BadAddress as error:
                self._wrong((name, at) if isinstance(value, list) else (name,), str(error), "as build.example")
            else:
                found.append(one)
        return tuple(found)

    def _names(self, path: tuple[str, ...], value: object) -> tuple[str, ...] | None:
        listed = [value] if isinstance(value, str) else value
        if isinstance(listed, list) and all(isinstance(one, str) and one for one in listed):
            return tuple(str(one) for one in listed)
        self._wrong(path, "must be a name or a list of names", "quote what is a number: ['1', f2]")
        return None

    def _keys(self, name: str, value: object) -> dict[str, tuple[str, ...]]:
        """Those that can be used, as Textual calls them; what they take from something else is told as a hint."""
        from swarmtui.plan.problems import Finding
        from swarmtui.tui.actions.keymap import fit_keys, known_ids

        fitted = fit_keys(self._lists(name, value, known_ids()))

        def place(id: str, at: int | None) -> tuple[str | int, ...]:
            listed = isinstance(value, dict) and isinstance(value.get(id), list)
            return (name, id, at) if listed and at is not None else (name, id)

        for one in fitted.refused:
            self._wrong(place(one.id, one.at), one.why, one.fix)
        for lost in fitted.lost:
            self.hints.append(Finding((SECTION, *place(lost.taker, lost.at)), lost.told, lost.rest))
        return dict(fitted.own)

    def _wrong(self, path: tuple[str | int, ...], message: str, fix: str, *, at_key: bool = False) -> None:
        from swarmtui.plan.problems import Finding

        self.found.append(Finding((SECTION, *path), message, fix, at_key))


def _nearest(name: str, known: Iterable[str]) -> str:
    """What was meant, or else all that there is."""
    listed = list(known)
    return _meant(name, listed) or "known are " + ", ".join(listed)


def _meant(name: str, known: Sequence[str]) -> str:
    """The question whether the one that is nearly `name` was meant: written wrongly, or begun; empty where none is."""
    begun = [one for one in known if one.startswith(f"{name}_")]
    near = get_close_matches(name, known, 1, _NEAR) or begun
    return f"did you mean {near[0]}?" if near else ""
