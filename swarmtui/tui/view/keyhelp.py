"""What the help shows: keys and what they do, by group; first what can be done now, then what cannot, and why. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from swarmtui.frozen import frozen
from swarmtui.tui.actions.action import GROUPS, HOME_GROUP, NODE_GROUP, Action, Mode, Scope
from swarmtui.tui.actions.dialogs import ANYWHERE, INTERRUPT, DialogKeys
from swarmtui.tui.actions.names import key_name
from swarmtui.tui.actions.table import Keys
from swarmtui.tui.view import document
from swarmtui.tui.view.lines import Line

_NUMBERED = re.compile(r"(\D*)(\d{1,3})", re.ASCII)
BY_NAME = "by name"
"""Stands where keys do for what has none, and is in the palette alone."""
_LABEL = 14


@frozen
class Entry:
    """Keys that do something, or would."""

    keys: tuple[str, ...]
    """As Textual calls them."""
    label: str
    description: str
    group: str
    why_not: str = ""


def entries(keys: Keys, scope: Scope, mode: Mode, refusal: Callable[[Action], str | None]) -> list[Entry]:
    """Everything that a screen offers in a mode; of a replay only what it has a use for."""
    offered = sorted(keys.in_scope(scope, mode), key=lambda action: GROUPS.index(_group(action, scope)))
    return [
        Entry(
            keys.keys_in(action, mode), action.label, action.description, _group(action, scope), refusal(action) or ""
        )
        for action in offered
        if not (mode is Mode.REPLAY and (action.commands or action.present))
    ]


def _group(action: Action, scope: Scope) -> str:
    """What is done with a node elsewhere is done with a session in the list."""
    return HOME_GROUP if scope is Scope.HOME and action.group == NODE_GROUP else action.group


def dialog_entries(group: DialogKeys, keys: Keys) -> list[Entry]:
    """The keys of a dialog."""
    return [Entry(keys.own.get(one.id, one.keys), "", one.description, group.title) for one in group.keys]


MOUSE = "Selects text in logs and documents, {copy} copies it; with shift held down the terminal selects, anywhere"


def everywhere(keys: Keys) -> list[Entry]:
    """The keys that are the same on all screens and in all dialogs."""
    by_hand = (
        Entry(("ctrl+c",), "", INTERRUPT, ANYWHERE.title),
        Entry(("drag",), "", keys.in_words(MOUSE), ANYWHERE.title),
    )
    return [*dialog_entries(ANYWHERE, keys), *by_hand]


def help_lines(shown: Iterable[Entry], words: Sequence[str], width: int, *, ascii_only: bool = False) -> list[Line]:
    """The entries that match all of `words` (folded), group by group, what does not apply last and greyed."""
    by_group: dict[str, list[Entry]] = {}
    for entry in shown:
        told = " ".join((_named(entry, ascii_only), entry.label, entry.description, entry.group, entry.why_not))
        if all(word in told.casefold() for word in words):
            by_group.setdefault(entry.group, []).append(entry)
    lines: list[Line] = []
    for group, members in by_group.items():
        lines += [(), ((group, "strong"),)] if lines else [((group, "strong"),)]
        for entry in sorted(members, key=lambda entry: bool(entry.why_not)):
            lines += _entry(entry, width, ascii_only=ascii_only)
    return lines


def _entry(entry: Entry, width: int, *, ascii_only: bool) -> list[Line]:
    named = _named(entry, ascii_only)
    if not entry.why_not:
        rows = document.facts([(f"  {named}", entry.description, "text")], width, _LABEL)
        return [((rows[0][0][0], "accent"), *rows[0][1:]), *rows[1:]]
    told = f"{entry.description} {'-' if ascii_only else '–'} {entry.why_not}"
    return [
        tuple((text, "faint") for text, _ in row)
        for row in document.facts([(f"  {named}", told, "faint")], width, _LABEL)
    ]


def in_a_row(names: Sequence[str]) -> str:
    """Keys by what is printed on them, three or more that follow each other by their numbers as ``F2 to F8``."""
    rows: list[list[str]] = []
    for name in names:
        if rows and _follows(rows[-1][-1], name):
            rows[-1].append(name)
        else:
            rows.append([name])
    return ", ".join(f"{row[0]} to {row[-1]}" if len(row) > 2 else ", ".join(row) for row in rows)


def _follows(before: str, name: str) -> bool:
    """Whether a key is the next one to another: ``4`` to ``3``, ``F10`` to ``F9``."""
    one, other = _NUMBERED.fullmatch(before), _NUMBERED.fullmatch(name)
    return one is not None and other is not None and (one[1], int(one[2]) + 1) == (other[1], int(other[2]))


def _named(entry: Entry, ascii_only: bool) -> str:
    if len(entry.keys) == 10 and all(key.isdigit() for key in entry.keys):
        return "0 to 9"
    return " ".join(key_name(key, ascii_only=ascii_only) for key in entry.keys) or BY_NAME
