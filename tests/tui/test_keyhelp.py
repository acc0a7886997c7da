"""The help: what applies first, what does not behind it and greyed; of a replay what it has a use for."""

from __future__ import annotations

import pytest

from swarmtui.tui.actions.action import Mode, Scope
from swarmtui.tui.actions.table import Keys
from swarmtui.tui.view.keyhelp import BY_NAME, Entry, entries, everywhere, help_lines, in_a_row

SHOWN = (
    Entry(("p",), "pause", "Pause the node", "nodes", "nothing runs"),
    Entry(("r",), "retry", "Retry the node", "nodes"),
    Entry((), "tour", "Show what there is", "more"),
    Entry(tuple("0123456789"), "type", "A number", "more"),
)


def told(*words: str) -> list[str]:
    return ["".join(part for part, _ in line).rstrip() for line in help_lines(SHOWN, words, 80)]


def test_in_each_group_what_applies_comes_first_and_what_does_not_says_why_and_is_greyed() -> None:
    assert [line.split(maxsplit=1)[0] for line in told() if line] == ["nodes", "r", "p", "more", "by", "0"]
    assert told()[2] == f"  {'p':<12} Pause the node – nothing runs"
    assert {role for _, role in help_lines(SHOWN, (), 80)[2]} == {"faint"}
    assert any(BY_NAME in line for line in told())
    assert any("0 to 9" in line for line in told())


def test_words_are_looked_for_in_all_that_is_said() -> None:
    assert [line.split()[0] for line in told("nothing", "pause")] == ["nodes", "p"]
    assert told("nowhere") == []


def test_what_names_another_key_names_the_users() -> None:
    given = {"compare": ("f20",), "back": ("f19",), "form": ("f18",), "left": ("f17",), "right": ("f16",)}
    keys = Keys(given | {"copy": ("f15",), "view_plan": ("f14",)})
    told = {one.id: one.description for one in keys.all}
    assert told["select"].endswith("and F20 compares two")
    assert told["select_all"].endswith("F19 takes marks away")
    assert "(F18: side by side" in told["against"]
    assert told["zoom_out"].endswith("F17 and F16 move in it")
    assert told["seek_share"].endswith("views here: F14, F3, F4, F5, F6, F7, F8")
    assert "F15 copies it" in " ".join(one.description for one in everywhere(keys))
    assert not any("{" in words for words in told.values())


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["F2", "F3", "F4", "F5"], "F2 to F5"),
        (["1", "2", "3"], "1 to 3"),
        (["F9", "F10", "F11"], "F9 to F11"),
        (["F2", "F3"], "F2, F3"),
        ([":view plan", "F3", "F4", "F5"], ":view plan, F3 to F5"),
        (["F2", "F3", "F4", "x", "F6"], "F2 to F4, x, F6"),
        (["F14", "F3", "F4"], "F14, F3, F4"),
        (["^a", "b", "c"], "^a, b, c"),
        ([], ""),
    ],
)
def test_keys_are_told_as_a_row_where_they_are_one(names: list[str], told: str) -> None:
    assert in_a_row(names) == told


def test_a_replay_offers_nothing_that_is_asked_of_a_session() -> None:
    keys = Keys()
    live, past = (
        {entry.description for entry in entries(keys, Scope.RUN, mode, lambda action: None)}
        for mode in (Mode.LIVE, Mode.REPLAY)
    )
    asked = {
        action.description for action in keys.in_scope(Scope.RUN, Mode.REPLAY) if action.commands or action.present
    }
    assert asked & live
    assert not asked & past


def test_what_marks_is_among_what_is_done_with_nodes_on_a_run_and_with_sessions_in_the_list() -> None:
    keys = Keys()
    for scope, group in ((Scope.RUN, "Node"), (Scope.HOME, "Home")):
        found = {entry.keys[:1]: entry.group for entry in entries(keys, scope, Mode.LIVE, lambda action: None)}
        assert [found[key,] for key in ("space", "asterisk", "enter")] == [group] * 3
    assert "Home" not in {entry.group for entry in entries(keys, Scope.RUN, Mode.LIVE, lambda action: None)}
    assert "Node" not in {entry.group for entry in entries(keys, Scope.HOME, Mode.LIVE, lambda action: None)}
