"""What a screen says of the actions that it does not offer and another one does: where that is."""

from __future__ import annotations

from collections.abc import Mapping

from swarmtui.tui.actions.action import EVERYWHERE, MOVE, Action, Scope
from swarmtui.tui.actions.table import BY_ID, Keys

_FROM_OUTSIDE = {
    Scope.HOME: "on the list of sessions", Scope.RUN: "in a session", Scope.PLAN: "on the plan of a session",
    Scope.NODE: "on a node of a session", Scope.COMPARE: "where two sessions are compared",
}  # fmt: skip
_WITHIN = {
    Scope.RUN: ("on the run", "view_run", "leads there"),
    Scope.PLAN: ("on the plan", "view_plan", "leads there"),
    Scope.NODE: ("on a node", "open", "opens it"),
}
"""Over one session: where it is, and the action that leads there."""
LEAVING = ("detach", "quit", "leave")
"""What leaves a screen, wherever one is: each screen has one of these."""
_SCOPES = tuple(Scope)
"""The nearest to a session first."""


def elsewhere(action: Action, scope: Scope) -> str:
    """Where an action is that the screen of `scope` does not offer: a sentence for :meth:`Keys.in_words`."""
    nearest = _nearest(action)
    if action.id in LEAVING:
        return f"here {{{next(one for one in LEAVING if scope in BY_ID[one].scopes)}}} leaves"
    if scope not in EVERYWHERE or nearest not in _WITHIN:
        return f"that is {_FROM_OUTSIDE[nearest]}"
    where, way, does = _WITHIN[nearest]
    return f"that is {where}: {{{way}}} {does}"


def keys_elsewhere(keys: Keys, scope: Scope) -> Mapping[str, list[Action]]:
    """The keys that do nothing on the screen of `scope`, each with what it does on others, the nearest first. Keys that
    move about, and those of one mode, say nothing where there is nothing to move in."""
    here = {key for action in keys.in_scope(scope) for key in action.keys}
    found: dict[str, list[Action]] = {}
    for action in sorted(keys.all, key=lambda one: _SCOPES.index(_nearest(one))):
        if scope not in action.scopes and action.group != MOVE and action.mode is None:
            for key in action.keys:
                if key not in here:
                    found.setdefault(key, []).append(action)
    return found


def _nearest(action: Action) -> Scope:
    return min(action.scopes, key=_SCOPES.index)
