"""Laws of what the list of sessions shows: what is remembered, machines, what applies to which."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.session.vocabulary import Status
from swarmtui.tui.actions.table import Keys
from swarmtui.tui.view.bulk import Bulk, How, Verb, pausing, why_not
from swarmtui.tui.view.column import fit_columns
from swarmtui.tui.view.glyphs import ASCII, UNICODE, Glyphs
from swarmtui.tui.view.home import REASONS, headline, refusal
from swarmtui.tui.view.lines import cells, width
from swarmtui.tui.view.machines import Hosts, Machines
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.session_detail import detail_lines
from swarmtui.tui.view.sessions import COLUMNS, SHOWN, SORTS, Looking, SessionRows, key_of, took_s
from tests.tui.browsing import session
from tests.tui.scripted_feed import HOSTILE, START

KEYS = Keys()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.builds(
        Looking,
        words=st.text("ab !", max_size=9),
        shown=st.sampled_from(list(SHOWN)),
        sort=st.tuples(st.sampled_from(SORTS), st.booleans()),
        tree=st.booleans(),
        selected=st.text("ab/", max_size=9),
    )
)
def test_how_sessions_are_looked_at_is_recalled_as_it_was_kept(looking: Looking) -> None:
    recalled = Looking.recalled(looking.kept())
    assert recalled.kept() | {"words": ""} == looking.kept() | {"words": ""}
    assert recalled.words.split() == looking.words.split()


@given(st.dictionaries(st.sampled_from(["words", "shown", "sort", "tree", "selected", "added", "off"]), JSON))
@pytest.mark.chaos
def test_whatever_the_memory_holds_there_is_a_way_to_look(kept: dict[str, Any]) -> None:
    assert Looking.recalled(kept).shown in SHOWN
    assert Hosts.recalled(kept, ("box",)).all[0] == "box"


def test_what_is_known_of_a_session_that_somebody_was_in_is_told_as_asked_again_until_its_machine_answers() -> None:
    machines = Machines()
    machines.keep(("box",), 10.0)
    waits = session("b", "awaiting_approval", 1, needs_you=1)
    machines.answered("box", [waits, session("c", "running", 3)], 11.0)
    machines.outdated("box/b")
    first, second = machines.rows()
    assert (first["needs_you"], second.get("again")) == (0, None)
    shown = SessionRows()
    shown.take([first, second])
    assert shown.cells(0, Moment(START, 0.0), UNICODE)["status"][0].split() == ["asked", "again"]
    assert "asked again" in str(detail_lines(first, [first], START, 80, UNICODE))
    machines.answered("box", [waits], 12.0)
    assert [row.get("again") for row in machines.rows()] == [None]


def test_the_name_of_a_session_has_room_whatever_its_characters_are_wide() -> None:
    row = {**session("abc", "running", 1), "far": True, "host": "計算機計算機"}
    rows = SessionRows()
    rows.take([row, session("b", "running", 1)])
    for told in (rows, Bulk.of(Verb.CANCEL, [row])):
        wide = next(column.width for column in told.columns if column.key == "id")
        assert wide >= cells(told.cells(0, Moment(START, 0.0), UNICODE)["id"][0]) == 16


def test_what_is_paused_or_awaits_approval_is_not_counted_among_what_goes_on() -> None:
    rows = [session(status, status, 1) for status in Status]
    (told,) = [part for part, _ in headline(rows, 0, read=True, prompted=True) if "go on" in part]
    assert told.strip() == "2 go on"


def test_before_anybody_agrees_nothing_is_called_asked_and_a_status_has_its_one_name() -> None:
    bulk = Bulk.of(Verb.CANCEL, [session("a", "awaiting_approval", 1), session("b", "succeeded", 1)])

    def told(at: int, glyphs: Glyphs) -> str:
        return bulk.cells(at, Moment(START, 0.0), glyphs)["how"][0]

    assert (told(0, UNICODE), told(0, ASCII)) == ("○ to be done", "to be done")
    assert bulk.cells(0, Moment(START, 0.0), UNICODE)["status"][0] == "awaits approval"
    assert told(1, ASCII) == "left alone"
    bulk.note("a", How.ASKED)
    assert told(0, ASCII) == "asked"


def test_machines_are_one_list_newest_first_and_silent_ones_last() -> None:
    machines = Machines([session("a", "running", 2)])
    machines.keep(("box", "down"), 10.0)
    assert [row["error"] for row in machines.rows() if "error" in row] == ["", ""]
    machines.answered("box", [session("b", "running", 1), session("c", "running", 3)], 11.0)
    machines.answered("down", [{"host": "down", "error": "refused"}], 11.0)
    machines.answered("who?", [session("d", "running", 1)], 11.0)
    assert [key_of(row) for row in machines.rows()] == ["box/b", "a", "box/c", "down/"]
    assert machines.rows()[-1]["since"] == 10.0
    machines.answered("box", [{"host": "box", "error": "gone"}], 30.0)
    assert {row["since"] for row in machines.rows() if "error" in row} == {10.0, 30.0}
    machines.keep((), 31.0)
    assert [key_of(row) for row in machines.rows()] == ["a"]


def test_a_machine_of_the_config_file_is_switched_off_one_that_was_added_is_forgotten() -> None:
    hosts = Hosts(("box",))
    hosts.add("gpu1")
    hosts.remove("box")
    assert (hosts.all, hosts.listed) == (("box", "gpu1"), ("gpu1",))
    hosts.remove("gpu1")
    hosts.add("box")
    assert (hosts.all, hosts.listed) == (("box",), ("box",))


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("status", Status)
def test_of_every_session_it_is_told_whether_each_thing_can_be_done_with_it(verb: Verb, status: Status) -> None:
    for more in ({}, {"hosted": False}, {"hosted": True}, {"imported": "deerflow"}, {"counts": {"failed": 1}}):
        why = why_not(verb, session("a", status.value, 1, **more))
        assert why is None or why.strip()
        if more.get("hosted") is True and verb is Verb.REMOVE:
            assert why is not None
    assert why_not(verb, session("a", "of a version to come", 1)) is not None
    assert why_not(verb, {"host": "box", "error": "refused"}) is not None


@pytest.mark.parametrize(
    ("status", "more", "why"),
    [
        ("running", {"viewers": 1}, "its host lives: {cancel_session} cancels it first"),
        ("succeeded", {"viewers": 1}, "somebody still watches it"),
        ("failed", {}, "its host is about to leave: try again in a moment"),
    ],
)
def test_what_is_not_removed_says_what_would_make_it_removable(status: str, more: dict[str, int], why: str) -> None:
    assert why_not(Verb.REMOVE, session("a", status, 1, hosted=True, **more)) == why


@pytest.mark.parametrize("verb", Verb)
@pytest.mark.parametrize("status", Status)
def test_why_not_is_a_sentence_about_it_for_one_session_and_for_several(verb: Verb, status: Status) -> None:
    for more in ({}, {"hosted": False}, {"hosted": True}, {"imported": "x"}, {"counts": {"failed": 1}, "hosted": True}):
        why = why_not(verb, session("a", status.value, 1, **more)) or "it"
        assert why.split()[0] in ("it", "its", "a", "no", "nothing", "somebody"), why
        assert KEYS.in_words(why) == KEYS.in_words(KEYS.in_words(why))
        assert "{" not in KEYS.in_words(why)


def test_a_dialog_says_with_the_users_keys_why_a_session_is_left_alone() -> None:
    own = Keys({"cancel_session": ("f20",)})
    bulk = Bulk.of(Verb.REMOVE, [session("a", "running", 1, hosted=True)], own.in_words)
    assert bulk.all[0].told == "its host lives: F20 cancels it first"


def test_whether_a_host_lives_is_read_from_the_status_where_an_older_version_does_not_tell() -> None:
    assert why_not(Verb.PAUSE, session("a", "running", 1)) is None
    assert why_not(Verb.PAUSE, session("a", "running", 1, hosted=False)) == "no host runs it: {resume} starts one"
    assert why_not(Verb.REMOVE, session("a", "failed", 1)) is None


def test_what_failed_is_run_again_in_what_is_over_and_in_what_a_host_runs() -> None:
    for status, more in (("failed", {"hosted": False}), ("running", {"hosted": True}), ("paused", {"hosted": True})):
        assert why_not(Verb.RETRY, session("a", status, 1, counts={"failed": 1}, **more)) is None
    assert why_not(Verb.RETRY, session("a", "paused", 1, counts={"failed": 1}, hosted=False)) is not None


def test_nothing_but_removing_can_be_done_with_a_damaged_file() -> None:
    row = session("a", "failed", 1, reason="damaged: `swarmtui recover a`", counts={"failed": 1}, hosted=False)
    assert [verb for verb in Verb if why_not(verb, row) is None] == [Verb.REMOVE]


def test_where_none_can_be_acted_on_each_reason_is_given_once_with_how_many_the_most_frequent_first() -> None:
    over = [session(f"a{at}", "succeeded", 1, hosted=True, viewers=1) for at in range(3)]
    runs = [session("b", "running", 1, hosted=True), *over]
    assert refusal("remove", None, runs, able=True) == (
        "none of the 4 sessions: somebody still watches it (3); its host lives: {cancel_session} cancels it first (1)"
    )
    assert refusal("remove", None, over[:1], able=True) == "a0: somebody still watches it"
    many = [session(f"{at}", "of a version to come", 1) for at in range(2)]
    assert refusal("remove", None, many, able=True) == "none of the 2 sessions: its status is not known to this version"
    damaged = [session(f"{at}", "failed", 1, reason="damaged: `swarmtui recover") for at in range(9)]
    told = refusal("export", None, damaged, able=True)
    assert told is not None
    assert told.count("saves what is intact") == REASONS
    assert told.endswith("; something else (6)")


def test_the_pause_key_pauses_where_anything_can_be_paused_and_else_lets_go_on() -> None:
    runs, paused, over = (session("a", status, 1, hosted=True) for status in ("running", "paused", "failed"))
    assert pausing([runs, paused, over]) is Verb.PAUSE
    assert pausing([paused, over]) is Verb.GO_ON
    assert pausing([over]) is Verb.PAUSE
    assert refusal("pause_session", over, [over], able=True) == "a: it has failed"
    assert refusal("pause_session", None, [], able=True) == "no session is selected"
    assert refusal("open", {"host": "box", "error": ""}, [], able=True) == "no session is selected"
    assert "swarmtui --help" in (refusal("remove", over, [over], able=False) or "")


def test_why_a_session_is_paused_is_told_in_words_and_why_it_failed_as_it_was_recorded() -> None:
    def pane(status: str, reason: str) -> str:
        found = {"id": "a", "title": "t", "status": status, "reason": reason}
        return " ".join(text for line in detail_lines(found, [found], 50.0, 80, UNICODE) for text, _ in line)

    assert "what was cut short waits for you" in pane("paused", "resumed")
    assert "because" not in pane("paused", "user")
    assert "disk takes nothing more" not in pane("failed", "disk")
    assert "because   user" in pane("cancelled", "user")


def test_what_is_hostile_in_a_row_is_harmless_in_the_pane_and_in_the_dialog() -> None:
    nasty = " ".join(HOSTILE)
    row = session(
        "a", "failed", 1, title=nasty, reason=nasty, last_failure={"node": nasty, "error": nasty}, host=nasty,
        parent={"id": nasty, "seq": "x"}, items={"done": nasty, "total": None}, counts={"failed": 2, nasty: 3},
    )  # fmt: skip
    odd = {"id": "b", "counts": {"failed": "x"}, "parent": 3, "last_failure": [], "items": []}
    for glyphs in (UNICODE, ASCII):
        for one in (row, odd, {"host": nasty, "error": nasty}, None):
            for wide in (8, 40, 120):
                told = detail_lines(one, [row, odd], START, wide, glyphs)
                assert all("\x1b" not in part for line in told for part, _ in line)
        bulk = Bulk.of(Verb.RETRY, [row])
        bulk.note("a", How.FAILED, nasty)
        assert all("\x1b" not in part for part, _ in bulk.cells(0, Moment(START, 0.0), glyphs).values())


def test_no_line_of_the_pane_is_wider_than_the_pane() -> None:
    counts = {"succeeded": 900, "failed": 12, "running": 40, "waiting": 300, "skipped": 3, "retrying": 9}
    row = session("a", "running", 1, counts=counts, items={"done": 315, "total": 2_000}, reason="word " * 90)
    for wide in (30, 58, 118):
        assert max(width(line) for line in detail_lines(row, [row], START, wide, UNICODE)) <= wide


def test_what_is_over_took_as_long_as_it_lasted_however_long_ago() -> None:
    over = session("a", "succeeded", 100)
    assert took_s(over, START) == 754.0
    assert took_s(session("b", "running", 2), START) == 7_200.0
    assert took_s(session("c", "crashed", 2), START) is None


def test_forks_are_those_that_were_made_on_the_same_machine() -> None:
    parent = session("a", "succeeded", 9)
    forks = [
        session(name, "running", 1, parent={"id": "a", "seq": 3}, host=host)
        for name, host in (("b", "here"), ("c", "box"))
    ]
    told = "".join(part for line in detail_lines(parent, [parent, *forks], START, 80, UNICODE) for part, _ in line)
    assert "forks    b" in told
    assert "c" not in told.partition("forks")[2]


def test_on_the_narrowest_screen_sessions_are_told_by_their_titles() -> None:
    for size in (30, 40, 50, 60):
        kept = [column.key for column, _ in fit_columns(COLUMNS, size)]
        assert kept[0] == "status"
        assert "title" in kept, size
    assert "id" in [column.key for column, _ in fit_columns(COLUMNS, 76)], "it is what commands are given"
