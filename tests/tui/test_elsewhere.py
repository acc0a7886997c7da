"""Keys of actions that another screen offers say where that is; letters that are typed stay letters."""

from __future__ import annotations

import pytest
from textual.widgets import Input

from swarmtui.tui.actions.action import MOVE, Scope
from swarmtui.tui.actions.elsewhere import elsewhere, keys_elsewhere
from swarmtui.tui.actions.keymap import fit_keys
from swarmtui.tui.actions.table import ACTIONS, BY_ID, Keys
from tests.tui.browsing import press as press_there
from tests.tui.opening import notices, opened, press
from tests.tui.scripted_feed import finished, mid_run
from tests.tui.scripted_past import replayed
from tests.tui.test_home import home, told

KEYS = Keys()


@pytest.mark.parametrize("scope", list(Scope))
def test_a_key_says_where_it_does_something_unless_it_does_something_here(scope: Scope) -> None:
    found = keys_elsewhere(KEYS, scope)
    here = {key for action in KEYS.in_scope(scope) for key in action.keys}
    others = {key for one in ACTIONS if one.group != MOVE and one.mode is None for key in one.keys}
    assert set(found) == others - here
    assert all(scope not in action.scopes for actions in found.values() for action in actions)


@pytest.mark.parametrize(
    ("id", "scope", "says"),
    [
        ("retry_node", Scope.HOME, "that is in a session"),
        ("remove", Scope.RUN, "that is on the list of sessions"),
        ("connect", Scope.RUN, "that is on the plan: 1 leads there"),
        ("widen", Scope.NODE, "that is on the run: 2 leads there"),
        ("save", Scope.PLAN, "that is on a node: enter opens it"),
        ("leave", Scope.RUN, "here d leaves"),
    ],
)
def test_where_it_is_depends_on_where_one_is(id: str, scope: Scope, says: str) -> None:
    assert KEYS.in_words(elsewhere(BY_ID[id], scope)) == says


def test_the_users_own_keys_are_told_and_say_it() -> None:
    own = Keys(fit_keys({"view_plan": ("f20",), "remove": ("f19",)}).own)
    assert own.in_words(elsewhere(BY_ID["connect"], Scope.RUN)) == "that is on the plan: F20 leads there"
    found = keys_elsewhere(own, Scope.RUN)
    assert [one.id for one in found["f19"]] == ["remove"]
    assert [one.id for one in found["W"]] == ["remove_node"]


async def test_in_the_list_a_key_of_a_session_says_so_and_what_is_typed_stays_typed() -> None:
    async with home() as pilot:
        await press_there(pilot, "r")
        assert told(pilot) == "retry: that is in a session"
        said = len(pilot.app._notifications)
        await press_there(pilot, "slash", *"reyx6$K")
        assert pilot.app.screen.query_one("#sessions-find", Input).value == "reyx6$K"
        assert len(pilot.app._notifications) == said


async def test_in_a_session_a_key_of_the_list_says_so_and_one_that_is_none_says_nothing() -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, "f19", "W")
        told_at = "remove: that is on the plan: 1 leads there; or on the list of sessions"
        assert notices(pilot) == [told_at]


async def test_in_a_replay_the_way_there_is_by_the_keys_of_a_replay() -> None:
    async with opened(replayed(finished(), at=9)) as pilot:
        await press(pilot, "W")
        assert "remove: that is on the plan: F2 leads there" in notices(pilot)[-1]
