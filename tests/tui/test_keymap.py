"""The user's own keys: how they are written, which are refused and why, and that the rest works in every mode."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.tui.actions.action import Mode, Scope
from swarmtui.tui.actions.dialogs import ANYWHERE, BY_NAME, DIALOG_KEYS, DIALOGS, bindings_of
from swarmtui.tui.actions.keymap import REQUIRED, _all_clashes, fit_keys, known_ids
from swarmtui.tui.actions.names import UnusableKey, key_name, parse_key, prints
from swarmtui.tui.actions.table import ACTIONS, BY_ID, Keys
from swarmtui.tui.settings import parse_settings

OWN_KEYS = {key for action in ACTIONS for key in action.keys} | {
    key for one in DIALOG_KEYS.values() for key in one.keys
}


@pytest.mark.parametrize("key", sorted(OWN_KEYS))
def test_a_key_can_be_written_as_it_is_printed_and_as_textual_calls_it(key: str) -> None:
    assert parse_key(key) == key
    assert parse_key(key_name(key)) == key
    assert parse_key(key_name(key, ascii_only=True)) == key


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("?", "question_mark"), ("+", "plus"), ("-", "minus"), ("ctrl+K", "ctrl+k"), ("^k", "ctrl+k"), ("F7", "f7"),
        ("C-k", "ctrl+k"), ("esc", "escape"), ("Space", "space"), (" ", "space"), ("A", "A"), ("shift+a", "A"),
        ("S-tab", "shift+tab"), ("PgUp", "pageup"), ("shift+f3", "shift+f3"), ("alt+x", "alt+x"), ("é", "é"),
    ],
)  # fmt: skip
def test_keys_are_understood_as_people_write_them(written: str, key: str) -> None:
    assert parse_key(written) == key


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("ctrl+enter", "most terminals do not send"),
        ("ctrl+i", "as tab"), ("ctrl+m", "as enter"), ("ctrl+h", "as backspace"), ("ctrl+j", "as enter"),
        ("^M", "as enter"), ("ctrl+[", "as esc"), ("shift+enter", "as enter alone"), ("ctrl+c", "leaves, everywhere"),
        ("ctrl+5", "most terminals do not"), ("ctrl+shift+x", "not sent"), ("shift+?", "depends on the keyboard"),
        ("qestion_mark", "is no key"), ("", "is no key"), ("pp", "is no key"),
    ],
)  # fmt: skip
def test_what_terminals_cannot_send_is_refused_with_why(written: str, why: str) -> None:
    with pytest.raises(UnusableKey, match=why) as caught:
        parse_key(written)
    assert caught.value.fix


def test_a_function_key_is_called_what_is_printed_on_it_wherever_it_is_told() -> None:
    assert [key_name(key) for key in ("f5", "shift+f3", "f", "ctrl+k", "plus")] == ["F5", "shift+F3", "f", "^k", "+"]
    assert Keys().called("edit.propose") == "F2"
    assert Keys({"edit.propose": ("ctrl+k",)}).called("edit.propose") == "^k"
    assert Keys({"theme": ("f9",)}).in_words("{theme}: themes") == "F9: themes"


def test_a_name_that_is_nearly_one_is_hinted_at() -> None:
    with pytest.raises(UnusableKey) as caught:
        parse_key("qestion_mark")
    assert caught.value.fix == "did you mean question_mark?"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{pause_node: x}", "config.yaml:2:22: x is `cancel_node` already"),
        ("{theme: [f20, hulp]}", "config.yaml:2:23: 'hulp' is no key"),
        ("{help: []}", "config.yaml:2:16: help needs a key: give it one; help stays on ?, F1"),
        ("{detach: []}", "detach needs a key"),
        ("{retry_node: ctrl+m}", "terminals send 'ctrl+m' as enter"),
        ("{retry_node: ctrl+m}", "retry_node stays on r"),
        ("{line.leave: z}", "z is typed there"),
        ("{approve: enter}", "enter is pressed too easily"),
        ("{bulk.yes: enter}", "enter is pressed too easily"),
        ("{caught.retry: space}", "space is pressed too easily"),
        ("{several.once: enter}", "enter is pressed too easily"),
        ("{confirm.yes: n}", "n is `confirm.no` already in a question before"),
        (
            "{pause_node: x}",
            "or let the two change places with `cancel_node: p`; pause_node stays on p",
        ),
        ("{anywhere.leave: f10}", "F10 is `take` already"),
        ("{theme: f20, palette: f20}", "config.yaml:2:31: F20 is `theme` already"),
        ("{pause_nod: p}", "did you mean pause_node?"),
        ("{seek_share: z}", "only 0 to 9"),
    ],
)
def test_a_key_that_cannot_be_used_is_told_with_its_place_and_what_is_used_instead(line: str, told: str) -> None:
    read = parse_settings(f"workbench:\n  keys: {line}\n".encode(), Path("config.yaml"))
    assert [problem for problem in read.problems if told in problem], read.problems
    keys = Keys(read.settings.keys)
    assert not list(keys.clashing())
    assert {action.id: action.keys for action in keys.all} == {
        action.id: ("f20",) if action.id == "theme" and "f20" in line else action.keys for action in ACTIONS
    }


@pytest.mark.parametrize("key", ["f6", "f7", "f8"])
def test_a_second_key_of_what_has_another_one_gives_way_to_the_users(key: str) -> None:
    read = parse_settings(f"workbench: {{keys: {{pause_node: {key}}}}}\n".encode(), Path("config.yaml"))
    assert not read.problems
    keys = Keys(read.settings.keys)
    assert not list(keys.clashing())
    assert keys.keys_in(BY_ID["pause_node"], Mode.LIVE) == (key,)
    other = next(action for action in ACTIONS if key in action.keys)
    assert keys.keys_in(other, Mode.LIVE) == tuple(one for one in other.keys if one != key)
    assert read.hints == (
        f"config.yaml:1:32: {key.upper()} is taken from `{other.id}`: {other.id} keeps {other.keys[0]}",
    )


def test_each_key_that_gave_way_is_told_once_where_it_was_given_and_none_that_was_refused() -> None:
    text = b"workbench:\n  keys:\n    concurrency.hold: [x, down]\n    pause_node: [f7, d, f6]\n    cancel_node: [f6]\n"
    read = parse_settings(text, Path("config.yaml"))
    assert sorted(hint.partition("yaml:")[2] for hint in read.hints) == [
        "3:27: ↓ is taken from `concurrency.down`: concurrency.down keeps j",
        "4:18: F7 is taken from `view_timeline`: view_timeline keeps 6",
        "4:25: F6 is taken from `view_log`: view_log keeps 5",
    ]
    assert [problem for problem in read.problems if "F6 is `pause_node` already" in problem]


def test_a_key_that_gave_way_to_one_that_was_refused_since_is_told_where_it_stayed() -> None:
    text = b"workbench:\n  keys:\n    theme: [f6]\n    pause_node: [f6]\n"
    read = parse_settings(text, Path("config.yaml"))
    assert ["F6 is `theme` already" in problem for problem in read.problems] == [True]
    assert read.hints == ("config.yaml:3:13: F6 is taken from `view_log`: view_log keeps 5",)


def test_what_has_keys_of_the_users_has_lost_none() -> None:
    fitted = fit_keys({"help": ("f20",), "pause_node": ("f1",), "concurrency.hold": ("f1",)})
    assert [one.id for one in fitted.refused] == ["concurrency.hold"]
    assert fitted.lost == ()


def test_a_second_key_of_a_dialog_gives_way_but_not_f1_which_tells_its_keys() -> None:
    fitted = fit_keys({"concurrency.hold": ("down",)})
    assert not fitted.refused
    assert fitted.own == {"concurrency.hold": ("down",), "concurrency.down": ("j",)}
    assert "F1 is `help` already" in fit_keys({"concurrency.hold": ("f1",)}).refused[0].why


def test_a_second_key_that_the_user_gave_is_a_clash_like_any_other() -> None:
    fitted = fit_keys({"view_log": ("5", "f6"), "pause_node": ("f6",)})
    assert fitted.own == {"view_log": ("5", "f6")}
    assert fitted.refused[0].fix == "give one of the two another key; pause_node stays on p"


def test_what_is_left_of_a_list_is_used() -> None:
    fitted = fit_keys({"pause_node": ("x", "ctrl+m", "f11", "f11")})
    assert fitted.own == {"pause_node": ("f11",)}
    assert {one.at for one in fitted.refused} == {0, 1}


def test_two_actions_can_change_keys() -> None:
    fitted = fit_keys({"pause_node": ("x",), "cancel_node": ("p",)})
    assert not fitted.refused
    assert Keys(fitted.own).keys_in(BY_ID["cancel_node"], Mode.LIVE) == ("p",)


def test_an_empty_list_takes_the_keys_of_what_is_not_needed_to_get_about() -> None:
    assert fit_keys({"retry_node": ()}).own == {"retry_node": ()}
    assert fit_keys(dict.fromkeys(REQUIRED, ())).own == {}


def test_a_mode_takes_its_keys_also_when_they_are_the_users() -> None:
    keys = Keys(fit_keys({"toggle_play": ("f20",), "theme": ("comma",)}).own)
    by_id = {action.id: action for action in keys.all}
    assert keys.keys_in(by_id["toggle_play"], Mode.REPLAY) == ("f20",)
    assert keys.keys_in(by_id["theme"], Mode.LIVE) == ("comma",)
    assert keys.keys_in(by_id["theme"], Mode.REPLAY) == ()  # there it is a step back
    assert keys.keys_in(by_id["resume"], Mode.CRASHED)[0] == "r"


WRITTEN = st.one_of(st.sampled_from(sorted(OWN_KEYS)), st.text(max_size=12))


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(sorted(known_ids())), st.lists(WRITTEN, max_size=3).map(tuple), max_size=12))
@pytest.mark.chaos
def test_whatever_keys_are_given_none_means_two_things_and_there_is_always_a_way_out(
    wanted: dict[str, tuple[str, ...]],
) -> None:
    fitted = fit_keys(wanted)
    assert list(_all_clashes(fitted.own)) == []
    for id in REQUIRED:
        assert fitted.own.get(id, ("its own",))
    given = sum(len(keys) for keys in wanted.values())
    assert len(fitted.refused) <= given + len(wanted)
    for id in set(fitted.own) - set(wanted):  # what has given way
        default = BY_ID[id].keys if id in BY_ID else DIALOG_KEYS[id].keys
        assert fitted.own[id][0] == default[0]
        assert set(fitted.own[id]) < set(default)


def test_as_they_come_no_keys_clash() -> None:
    assert list(_all_clashes({})) == []


def test_ids_are_unique_and_every_dialog_can_be_left() -> None:
    ids = [*BY_ID, *(one.id for group in (*DIALOGS, ANYWHERE) for one in group.keys)]
    assert len(ids) == len(set(ids))
    for group in DIALOGS:
        assert group.leave in {one.does for one in group.keys}
        assert {binding.action for binding in bindings_of(group.name, {})} >= {
            one.does for one in group.keys if one.ours
        }


def test_where_one_types_no_key_is_what_is_typed() -> None:
    for group in DIALOGS:
        if group.typed:
            assert not [key for one in group.keys for key in one.keys if prints(key)]
    assert BY_NAME["edit"].typed


@pytest.mark.parametrize("scope", Scope)
def test_the_users_keys_are_bound_on_the_screen(scope: Scope) -> None:
    keys = Keys(fit_keys({"theme": ("f20",)}).own)
    bound = {binding.key for binding in keys.bindings(scope) if "'theme'" in binding.action}
    assert bound == {"f20"}
