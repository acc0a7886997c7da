"""``docs/keys.md``, from the tables that the keys are bound by.

``python -m swarmtui.tui.actions.docs > docs/keys.md``
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from swarmtui.tui.actions.action import GROUPS, Action, Mode, Scope
from swarmtui.tui.actions.dialogs import ANYWHERE, DIALOGS, HELP, INTERRUPT, DialogKeys
from swarmtui.tui.actions.names import key_name
from swarmtui.tui.actions.table import Keys

_SCREENS = {
    Scope.HOME: "sessions", Scope.PLAN: "plan", Scope.RUN: "run", Scope.NODE: "node", Scope.COMPARE: "compare",
}  # fmt: skip
_MODES = {
    Mode.BROKEN: "while the link is lost", Mode.CRASHED: "of a crashed session", Mode.REPLAY: "in a replay",
}  # fmt: skip
_HEAD = """\
# Keys

This page is made from the table that the workbench binds its keys by; `swarmtui config keys` prints it with your own.
`?` shows the keys of the screen you are on, and `F1` those of a dialog; typing filters both. `:` finds everything by
name, also what has no key, and `'` puts a label on everything that can be jumped to.

An action has the same key on every screen that offers it. A key that does not apply says why.

## Your own keys

In `config.yaml` (`swarmtui config` says where that is), by the IDs in the tables below:

```yaml
workbench:
  keys:
    pause_node: [f9, z]
    theme: ctrl+t
    rerun_stale: []        # no key; it is still found by name
```

Keys are written as they are printed (`?`, `A`, `esc`, `space`, `pgup`, `f9`, `ctrl+k`). Given keys replace an action's
own. A key that would mean two things on one screen, one that is not known, and an empty list for what nobody can do
without are told when the workbench starts (`swarmtui config check` tells them, too), with the line; what they were
given to keeps its own keys then. Keys that terminals send as others cannot be given to anything: `ctrl+i` is tab,
`ctrl+m` and `ctrl+j` are enter, `ctrl+h` is backspace; nor can `ctrl+enter` or `shift+enter`, which most do not send.
"""


def markdown(keys: Keys) -> str:
    """The page, for `keys`."""
    parts = [_HEAD, *_actions(keys), *_dialogs(keys)]
    return "\n".join(parts)


def plain(keys: Keys) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """ID, keys as they are printed, and what they do: of every action and of every dialog."""
    for action in keys.all:
        yield action.id, tuple(map(_spelt, action.keys)), action.description
    for group in (ANYWHERE, *DIALOGS):
        for one in group.keys:
            if one.ours:
                yield one.id, tuple(map(_spelt, keys.own.get(one.id, one.keys))), one.description


def _actions(keys: Keys) -> Iterator[str]:
    for group in GROUPS:
        members = [action for action in keys.all if action.group == group]
        if not members:
            continue
        yield f"## {group}\n"
        yield "| key | what it does | where | ID |\n|---|---|---|---|"
        for action in members:
            yield f"| {_named(action, keys)} | {_cell(action.description)} | {_where(action)} | `{action.id}` |"
        yield ""


def _named(action: Action, keys: Keys) -> str:
    """Its keys; those that it has in one mode alone are told with it."""
    shown = _digits(action.keys) or _keys(action.keys)
    if action.besides is not None:
        mode, more = action.besides
        shown += f"; {_MODES[mode]} {_keys(more)}"
    return shown or "by name"


def _where(action: Action) -> str:
    if action.mode is not None:
        return _MODES[action.mode]
    if len(action.scopes) == len(_SCREENS):
        return "everywhere"
    return ", ".join(name for scope, name in _SCREENS.items() if scope in action.scopes)


def _dialogs(keys: Keys) -> Iterator[str]:
    yield "## Dialogs\n"
    yield from _table(ANYWHERE, keys, f"| {_keys(('ctrl+c',))} | {INTERRUPT} | |")
    for group in DIALOGS:
        yield from _table(group, keys, f"| {_keys((HELP,))} | These keys | |" if group.explained else "")


def _table(group: DialogKeys, keys: Keys, last: str) -> Iterator[str]:
    yield f"### {group.title}\n"
    yield "| key | what it does | ID |\n|---|---|---|"
    for one in group.keys:
        id = f"`{one.id}`" if one.ours else ""
        yield f"| {_keys(keys.own.get(one.id, one.keys)) or 'a label'} | {_cell(one.description)} | {id} |"
    yield from [last] if last else []
    yield ""


def _digits(keys: tuple[str, ...]) -> str:
    return "`0` to `9`" if len(keys) == 10 and all(key.isdigit() for key in keys) else ""


def _keys(keys: tuple[str, ...]) -> str:
    return " ".join(_code(_spelt(key)) for key in keys)


def _spelt(key: str) -> str:
    """For people who read: ``ctrl+p`` rather than ``^p``."""
    if key.startswith(("ctrl+", "shift+", "alt+")):
        return key
    return key_name(key)


def _code(name: str) -> str:
    shown = name.replace("|", "\\|")
    return f"`` {shown} ``" if "`" in name else f"`{shown}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(markdown(Keys()))
