"""All actions together, and the keys that they have: their own, or those that the user's config gives them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from textual.binding import Binding

from swarmtui.tui.actions import general, home, moving, node, plan, replay, session, view
from swarmtui.tui.actions.action import Action, Mode, Scope
from swarmtui.tui.actions.dialogs import DIALOG_KEYS
from swarmtui.tui.actions.names import key_name, restored

ACTIONS: tuple[Action, ...] = (
    *home.ACTIONS,
    *plan.ACTIONS,
    *node.ACTIONS,
    *session.ACTIONS,
    *replay.ACTIONS,
    *view.ACTIONS,
    *moving.ACTIONS,
    *general.ACTIONS,
)
BY_ID: Mapping[str, Action] = {action.id: action for action in ACTIONS}
FIRST = {action.id: at for at, action in enumerate(ACTIONS)}
"""The order of the footer."""
_WANTED = ("new_goal", "approve", "change", "attend", "retry_link", "resume", "retry_failed")
"""What the footer begins with, where it applies: what needs the user."""
_LEADS = {
    mode: {id: at - len(ACTIONS) for at, id in enumerate(replay.FOOTER if mode is Mode.REPLAY else _WANTED)}
    for mode in Mode
}
_LESS = {(Scope.PLAN, "attend"): 55, (Scope.HOME, "attend"): 57, (Scope.RUN, "edit"): 48, (Scope.RUN, "select"): 38}
"""What belongs less in the footer of one screen than in those of others."""
_NAMED = re.compile(r"\{([a-z_.]+)\}")


def place(action: Action, mode: Mode) -> int:
    """Where in the footer an action stands: first what needs the user, in a replay what is about that; then in the
    order of the table."""
    return _LEADS[mode].get(action.id, FIRST[action.id])


def worth(action: Action, scope: Scope, mode: Mode) -> int:
    """How much an action belongs in the footer of a screen in a mode; 0: not there."""
    if mode is Mode.REPLAY and action.id in replay.FOOTER:
        return 100 - replay.FOOTER.index(action.id)
    return _LESS.get((scope, action.id), action.footer)


class Clash(NamedTuple):
    """A key that would mean two things."""

    key: str
    ids: tuple[str, str]
    """Of what it would do."""
    where: str
    """As the end of a sentence: `` on the screen run``."""


class Keys:
    """Which keys an action has on which screen, in which mode."""

    def __init__(self, own: Mapping[str, tuple[str, ...]] | None = None) -> None:
        """`own`: keys that the user gave to actions, by their IDs; none takes an action's keys away.

        As :func:`swarmtui.tui.actions.keymap.fit_keys` made them: of any others some may mean two things.
        """
        given = self.own = dict(own or {})
        self._actions = tuple(
            replace(action, keys=given[action.id]) if action.id in given else action for action in ACTIONS
        )
        self._by_id = {action.id: action for action in self._actions}
        self._taken = {
            mode: frozenset(key for action in self._actions for key in _own_keys(action, mode)) for mode in Mode
        }
        self._actions = tuple(map(self._described, self._actions))

    def _described(self, action: Action) -> Action:
        told = self.in_words(action.description, action.mode or Mode.LIVE)
        return action if told == action.description else replace(action, description=told)

    @property
    def all(self) -> tuple[Action, ...]:
        """Every action, with the keys it has here."""
        return self._actions

    def in_scope(self, scope: Scope, mode: Mode = Mode.LIVE) -> tuple[Action, ...]:
        """The actions that a screen offers in a mode, in the order of the table."""
        return tuple(action for action in self._actions if scope in action.scopes and action.mode in (None, mode))

    def keys_in(self, action: Action, mode: Mode) -> tuple[str, ...]:
        """The keys that an action has in a mode; what has none is still in the palette."""
        action = self._by_id.get(action.id, action)
        own = _own_keys(action, mode)
        if action.mode is not None:
            return own
        return own + tuple(key for key in action.keys if key not in self._taken[mode])

    def called(self, id: str, mode: Mode = Mode.LIVE, *, ascii_only: bool = False) -> str:
        """What is printed on the first key of an action, or of what a dialog does (``line.leave``); empty without."""
        own = self.keys_in(BY_ID[id], mode) if id in BY_ID else self.own.get(id, DIALOG_KEYS[id].keys)
        return key_name(own[0], ascii_only=ascii_only) if own else ""

    def in_words(self, text: str, mode: Mode = Mode.LIVE, *, ascii_only: bool = False) -> str:
        """`text` with the key of an action in place of ``{its_id}``; of one without, the name by which it is found.

        What others wrote must have gone into it as :func:`~swarmtui.tui.actions.names.verbatim` text.
        """

        def told(found: re.Match[str]) -> str:
            id = found[1]
            if id not in BY_ID and id not in DIALOG_KEYS:
                return found[0]
            return self.called(id, mode, ascii_only=ascii_only) or f":{id.replace('_', ' ')}"

        return restored(_NAMED.sub(told, text))

    def bindings(self, scope: Scope) -> list[Binding]:
        """The bindings of a screen: each key with the modes in which it is the action's."""
        bound: list[Binding] = []
        for action in self._actions:
            if scope not in action.scopes:
                continue
            for key in (*action.keys, *(action.besides[1] if action.besides else ())):
                modes = " ".join(mode for mode in Mode if key in self.keys_in(action, mode))
                name = f"{scope}.{action.id}"
                press = f"press('{action.id}', '{key}', '{modes}')"
                bound.append(Binding(key, press, action.label, show=False, id=name))
        return bound

    def clashing(self) -> Iterator[Clash]:
        """Each key that would mean two things on one screen in one mode."""
        for scope in Scope:
            for mode in Mode:
                seen: dict[str, str] = {}
                for action in self.in_scope(scope, mode):
                    for key in self.keys_in(action, mode):
                        other = seen.setdefault(key, action.id)
                        if other != action.id:
                            yield Clash(key, (other, action.id), f" on the screen {scope}")


def _own_keys(action: Action, mode: Mode) -> tuple[str, ...]:
    """Keys that are the action's because of the mode."""
    if action.besides is not None and action.besides[0] is mode:
        return action.besides[1]
    return action.keys if action.mode is mode else ()


def footer(keys: Keys, scope: Scope, mode: Mode, refusal: Callable[[Action], str | None]) -> list[Action]:
    """The actions worth a place in the footer now, those that `refusal` lets through, the most important first."""
    shown = [
        action
        for action in keys.in_scope(scope, mode)
        if worth(action, scope, mode) and keys.keys_in(action, mode) and refusal(action) is None
    ]
    return sorted(shown, key=lambda action: -worth(action, scope, mode))
