"""What is typed at home: what it means, what it can be completed to, what was typed before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.safety.text import clean
from swarmtui.tui.view.prompt import (
    MOST_CHARS,
    MOST_TYPED,
    Entry,
    InputTold,
    Kind,
    Meaning,
    Typed,
    applied,
    command,
    meaning,
    offers,
    quoted,
    words,
)

NAMES = frozenset({"code_review", "translate"})
ENTRIES = [
    Entry("jobs/nightly.yaml", Kind.RECENT, "ran 3h ago"),
    Entry("code_review", Kind.SAMPLE, "Code review"),
    Entry("translate", Kind.SAMPLE, "Translate documents"),
    Entry("my job.yaml", Kind.FILE),
    Entry("docs/", Kind.FOLDER),
]
INPUTS = (InputTold("language", "French", "the language to translate into"), InputTold("documents", "docs.jsonl"))
TYPED = st.text(st.characters(codec="utf-8"), max_size=40)
PARTS = [
    "co",
    "translate",
    "x.yaml",
    "--set",
    "language=",
    "doc",
    "docs/",
    "path=.",
    "'my",
    "  ",
    "\n",
    "--set=d",
    "a",
    '"',
]
LINES = st.lists(st.sampled_from(PARTS), max_size=5).map(" ".join) | st.text("ab c.yaml'\"\\=/-\n", max_size=40)


def shown(text: str, cursor: int | None = None) -> list[str]:
    return [one.shown for one in offers(text, len(text) if cursor is None else cursor, ENTRIES, INPUTS, NAMES)]


def taken(text: str, cursor: int | None = None) -> str:
    at = len(text) if cursor is None else cursor
    return applied(text, offers(text, at, ENTRIES, INPUTS, NAMES)[0])[0]


# -- what it means ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ("compare three queues", ("run", "compare three queues")),
        ("code_review", ("run", "code_review")),
        ("  jobs/x.yaml ", ("run", "jobs/x.yaml")),
        ("code_review --set path=~/src", ("run", "code_review", "--set", "path=~/src")),
        ("translate language=Italian", ("run", "translate", "--set", "language=Italian")),
        ("translate --set language='High German'", ("run", "translate", "--set", "language=High German")),
        ("translate --concurrency 4 --review", ("run", "translate", "--concurrency", "4", "--review")),
        ("'my job.yaml'", ("run", "my job.yaml")),
        ("swarmtui run code_review --set path=.", ("run", "code_review", "--set", "path=.")),
        ("-v.yaml", ("run", "./-v.yaml")),
        ("--help me with this", ("run", "--", "--help me with this")),
    ],
)
def test_what_was_typed_is_the_command_that_it_stands_for(text: str, argv: tuple[str, ...]) -> None:
    meant = meaning(text, NAMES)
    assert meant is not None
    assert meant.argv == argv


@pytest.mark.parametrize("text", ["translate the docs", "code_review and then fix it", "x.yaml is broken: mend it"])
def test_a_goal_that_begins_with_the_name_of_a_task_is_a_goal_word_by_word(text: str) -> None:
    assert meaning(text, NAMES) == Meaning(goal=text)


def test_nothing_typed_means_nothing() -> None:
    assert meaning(" \n ", NAMES) is None


@given(TYPED)
def test_a_goal_is_never_another_than_what_was_typed(text: str) -> None:
    meant = meaning(text, NAMES)
    assert meant is None or meant.task or meant.goal in text


@given(st.text("ab '\"\\", min_size=1, max_size=8))
def test_a_quoted_name_is_read_as_that_name(name: str) -> None:
    assert [word.text for word in words(quoted(name))] == [name]


def test_a_command_is_shown_as_a_shell_would_take_it() -> None:
    assert command(("run", "it's; rm -rf /")) == """swarmtui run 'it'"'"'s; rm -rf /'"""


# -- completion -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "first"),
    [("co", "code_review"), ("night", "jobs/nightly.yaml"), ("trl", "translate"), ("docs", "docs/"), ("Docum", "")],
)
def test_tasks_are_found_by_beginning_by_a_part_of_their_name_and_by_scattered_letters(typed: str, first: str) -> None:
    found = shown(typed)
    assert (found[0] == first) if first else ("translate" in found)


def test_what_ran_lately_comes_first_where_nothing_is_typed() -> None:
    assert shown("")[:2] == ["jobs/nightly.yaml", "code_review"]


def test_a_name_with_spaces_is_put_in_as_one_word() -> None:
    assert taken("my") == "'my job.yaml' "


def test_a_folder_is_gone_on_from() -> None:
    assert taken("docs") == "docs/"


def test_inputs_of_a_task_are_named_and_their_defaults_put_in() -> None:
    assert shown("translate ") == ["language", "documents"]
    assert taken("translate ") == "translate --set language="
    assert taken("translate --set doc") == "translate --set documents="
    assert taken("translate --set language=") == "translate --set language=French "
    assert shown("translate --set language=Italian ") == ["documents"]
    assert shown("translate --set=doc") == ["documents"]


def test_words_of_a_goal_are_completed_to_nothing() -> None:
    assert shown("write a report on ") == []
    assert shown("translate the docs") == []


def test_a_name_that_no_line_can_hold_is_shown_clean_and_cannot_be_taken() -> None:
    (offer,) = offers("evil", 4, [Entry("evil\x1b]52;c;aGk=\x07\u202e.yaml", Kind.FILE)])
    assert not offer.usable
    assert "rename it" in offer.told
    assert all(sign not in offer.shown for sign in ("\x1b", "\u202e", "\x07"))


def test_a_task_can_be_changed_while_its_inputs_stay() -> None:
    assert taken("co --set path=src", 2) == "code_review --set path=src"


@given(LINES, st.integers(0, 40), st.lists(TYPED, max_size=4))
def test_completion_never_loses_what_stands_around_the_word(text: str, cursor: int, names: list[str]) -> None:
    at = min(cursor, len(text))
    entries = [*ENTRIES, *(Entry(name, Kind.FILE) for name in names)]
    for offer in offers(text, at, entries, INPUTS, NAMES):
        whole, after = applied(text, offer)
        assert whole.startswith(text[: offer.start])
        assert whole.endswith(text[offer.end :])
        assert offer.start <= at <= offer.end
        assert whole[:after].endswith(offer.put)


@given(LINES, st.integers(0, 40))
def test_what_completes_a_word_takes_the_place_of_that_word_alone(text: str, cursor: int) -> None:
    at = min(cursor, len(text))
    spans = {(word.start, word.end) for word in words(text)}
    for offer in offers(text, at, ENTRIES, INPUTS, NAMES):
        assert offer.start == offer.end or (offer.start, offer.end) in spans


# -- what was typed before --------------------------------------------------------------------------------------------


@given(st.lists(TYPED, max_size=30))
def test_what_was_typed_is_kept_once_the_newest_first(lines: list[str]) -> None:
    typed = Typed()
    for line in lines:
        typed.add(line)
    said = [clean(line).strip() for line in lines]
    wanted = list(dict.fromkeys(line for line in reversed(said) if line))
    assert typed.entries == wanted


def test_no_more_is_kept_than_there_is_room_for() -> None:
    typed = Typed([str(number) for number in range(MOST_TYPED + 50)])
    assert len(typed.entries) == MOST_TYPED
    assert typed.entries[0] == "0"
    assert not typed.add("x" * (MOST_CHARS + 1))


@given(st.lists(st.text("abc", min_size=1, max_size=3), max_size=8), st.lists(st.booleans(), max_size=30), TYPED)
def test_going_back_and_forth_always_leads_to_what_was_being_typed(
    lines: list[str], ups: list[bool], draft: str
) -> None:
    typed, now = Typed(lines), draft
    for up in ups:
        found = typed.older(now) if up else typed.newer()
        now = now if found is None else found
        assert now == draft or now in typed.entries
    while (newer := typed.newer()) is not None:
        now = newer
    assert now == draft


def test_what_was_typed_is_found_by_its_words() -> None:
    typed = Typed(["compare three queues", "review the queues", "translate"])
    found = typed.found("queues rev", "queues rev")
    assert [one.put for one in found] == ["review the queues"]
    assert applied("queues rev", found[0])[0] == "review the queues"


def test_a_name_with_spaces_that_is_known_is_a_task_and_no_goal() -> None:
    assert meaning("my job", {"my job"}) == Meaning(task="my job")
    assert meaning("my job", ()) == Meaning(goal="my job")
