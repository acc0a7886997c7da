"""Two texts are told apart to the word, and nothing of either is lost."""

from __future__ import annotations

import time
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.safety.text import clean
from swarmtui.tui.view.glyphs import ASCII, UNICODE
from swarmtui.tui.view.lines import Line, cells
from swarmtui.tui.view.wording import Piece, differ, difference_lines, flow
from tests.tui.scripted_feed import HOSTILE

WORDS = st.lists(st.sampled_from(["a", "b ", "word ", "\n", "\r\n", "x", "  ", "表 ", "é", "\u2028"]), max_size=30)
TEXTS = WORDS.map("".join) | st.text(max_size=40)


def shown(lines: list[Line]) -> list[str]:
    return ["".join(part for part, _ in line) for line in lines]


@settings(max_examples=150, deadline=None)
@given(TEXTS, TEXTS)
def test_the_pieces_make_both_texts_again(first: str, second: str) -> None:
    pieces = differ(first, second)
    assert "".join(piece.text for piece in pieces if piece.kind != "new") == first
    assert "".join(piece.text for piece in pieces if piece.kind != "gone") == second


@settings(max_examples=50, deadline=None)
@given(TEXTS)
def test_a_text_and_itself_differ_in_nothing(text: str) -> None:
    assert all(piece.kind == "same" for piece in differ(text, text))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=30).map(lambda part: clean(part, keep_newlines=False))), st.integers(8, 40))
def test_a_line_that_flows_loses_nothing_and_keeps_to_the_width(parts: list[str], width: int) -> None:
    rows = ["".join(part for part, _ in row) for row in flow([(part, "text") for part in parts], width)]
    assert "".join(rows) == "".join(parts)
    assert all(cells(row) <= width for row in rows)


def test_what_is_drawn_as_one_is_not_broken_in_two() -> None:
    family = "\N{WOMAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
    rows = flow([(family * 6, "text")], 8)
    assert ["".join(part for part, _ in row) for row in rows] == [family * 4, family * 2]


def spent_on(work: Callable[[], object]) -> float:
    """CPU seconds, the least of some."""
    times = []
    for _ in range(2):
        before = time.thread_time()
        work()
        times.append(time.thread_time() - before)
    return min(times)


def test_a_line_as_long_as_a_model_makes_it_flows_in_a_moment() -> None:
    def flowed(times: int) -> list[Line]:
        return flow([("漢字テキスト" * times, "text")], 60)

    assert spent_on(lambda: flowed(2_400)) < 25 * spent_on(lambda: flowed(300))


def test_texts_in_which_every_other_word_is_another_one_are_told_apart_in_a_moment() -> None:
    def told_apart(number: int) -> list[Piece]:
        words = [f"w{at}" for at in range(number)]
        return differ(" ".join(words), " ".join(word if at % 2 else "new" for at, word in enumerate(words)))

    assert spent_on(lambda: told_apart(600)) < 32 * spent_on(lambda: told_apart(150))


def test_words_that_differ_are_marked_within_their_lines_without_colour_too() -> None:
    lines = shown(difference_lines("the cat sat\nsame", "the dog sat\nsame", 60, ASCII, ("try 1", "try 2")))
    assert lines[0] == "- try 1   + try 2"
    assert "- the [-cat-] sat" in lines
    assert "+ the {+dog+} sat" in lines
    assert lines[-1] == "  same"
    added = shown(difference_lines("same\n", "same\nall of it new\n", 60, ASCII, ("try 1", "try 2")))
    assert "+ all of it new" in added, "where all of a line is new its sign says so"


def test_the_roles_tell_what_one_text_has_alone() -> None:
    lines = difference_lines("one two", "one three", 60, UNICODE, ("a", "b"))
    assert (("- ", "bad"), ("one ", "muted"), ("two", "bad")) in lines
    assert (("+ ", "ok"), ("one ", "muted"), ("three", "ok")) in lines


def test_long_stretches_that_are_the_same_are_counted_and_not_shown() -> None:
    same = [f"line {at}" for at in range(40)]
    lines = shown(difference_lines("\n".join([*same, "old"]), "\n".join([*same, "new"]), 60, UNICODE, ("a", "b")))
    assert "  … 38 lines the same in both" in lines
    assert len(lines) < 10
    few = shown(difference_lines("x\n1\n2\n3\ny", "X\n1\n2\n3\nY", 60, UNICODE, ("a", "b")))
    assert [line for line in few if line[2:] in ("1", "2", "3")] == ["  1", "  2", "  3"]


def test_equal_texts_are_said_to_be_equal() -> None:
    assert "both gave the same" in shown(difference_lines("x", "x", 60, UNICODE, ("a", "b")))[0]


def test_texts_of_a_megabyte_are_told_apart_in_a_moment() -> None:
    long = "\n".join(f"word {at} and {at * 7}" for at in range(30_000))
    pieces = differ(long, long.replace("word 15000 ", "term 15000 "))
    assert [piece.text for piece in pieces if piece.kind != "same"] == ["word", "term"]


def test_hostile_text_is_clean_in_the_lines() -> None:
    lines = shown(difference_lines("\n".join(HOSTILE), "\n".join(reversed(HOSTILE)), 60, UNICODE, ("a", "b")))
    assert all(line.replace("\u200d", "").isprintable() for line in lines)
