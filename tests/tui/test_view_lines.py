"""Text in cells: fitting, cropping, wrapping; figures as words."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.session.spent import Spent
from swarmtui.session.vocabulary import State
from swarmtui.tui.view import format as say
from swarmtui.tui.view.glyphs import ASCII, ASK, MARKS, UNICODE
from swarmtui.tui.view.lines import cells, crop, fit, joined, pad, shorten_line, skip, spread, width, wrap

texts = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "Zs", "So"), exclude_characters="\xad"), max_size=40
)


@given(texts, st.integers(1, 30), st.booleans())
def test_fit_takes_exactly_the_cells_asked_for(text: str, size: int, right: bool) -> None:
    assert cells(fit(text, size, right=right)) == size


@given(texts, texts, st.integers(0, 60))
def test_crop_skip_and_pad_measure_in_cells(one: str, other: str, size: int) -> None:
    line = ((one, "text"), (other, "muted"))
    whole = width(line)
    assert width(crop(line, size)) == min(size, whole)
    assert width(skip(line, size)) == max(0, whole - size)
    assert width(pad(line, size)) == size


@given(texts, st.integers(2, 30))
def test_wrapped_rows_fit_and_lose_nothing_but_space(text: str, size: int) -> None:
    rows = wrap(text, size)
    assert all(cells(row) <= size for row in rows)
    assert "".join("".join(rows).split()) == "".join(text.split())


signs = st.text(st.sampled_from("ab  é漢字🎉👩\u200d\ufe0f\u0301🇩🇪#\u20e3"), max_size=80)


@given(signs, st.integers(1, 20))
def test_a_row_is_the_same_whatever_follows_it_later_in_the_line(text: str, size: int) -> None:
    rows = wrap(text + " " + "b " * 60, size)
    longer = wrap(text + " " + "b " * 120, size)
    assert longer[: len(rows) - 1] == rows[:-1]


def test_wrapping_a_very_long_line_costs_what_it_is_long() -> None:
    def spent(chars: int) -> float:
        times = []
        for _ in range(3):
            before = time.thread_time()
            wrap("漢 a" * (chars // 3), 60)
            times.append(time.thread_time() - before)
        return min(times)

    assert spent(18_000) < 20 * spent(3_000)


def test_a_word_that_has_no_room_in_a_row_of_its_own_begins_where_it_stands() -> None:
    assert wrap("a " + "x" * 30, 12) == ["a " + "x" * 10, "x" * 12, "x" * 8]


@given(texts, texts, st.integers(0, 60))
def test_a_line_is_shortened_with_an_ellipsis_only_where_it_is_too_long(one: str, other: str, size: int) -> None:
    line = ((one, "text"), (other, "muted"))
    shown = shorten_line(line, size)
    assert width(shown) <= size
    assert shown == line if width(line) <= size else shown[-1][0].endswith("…" if size else "")


def test_a_cut_between_two_spans_is_seen_too() -> None:
    line = (("31 ok", "muted"), (", ", "muted"), ("5 fail", "bad"))
    assert shorten_line(line, 5) == (("31 o…", "muted"),)
    assert shorten_line(line, 8) == (("31 ok", "muted"), (", ", "muted"), ("…", "bad"))


def test_neighbours_of_one_role_are_one_span() -> None:
    assert joined([("a", "text"), ("b", "text"), ("c", "ok"), ("d", "text")]) == (
        ("ab", "text"), ("c", "ok"), ("d", "text"),
    )  # fmt: skip


def test_spread_keeps_the_right_end() -> None:
    line = spread((("a long title", "text"),), (("9/9", "text"),), 10)
    assert "".join(text for text, _ in line) == "a long 9/9"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0:00"), (12, "0:12"), (252.9, "4:12"), (3_723, "1:02:03"), (-5, "0:00")]
)
def test_clock(seconds: float, words: str) -> None:
    assert say.clock(seconds) == words


@pytest.mark.parametrize(("seconds", "words"), [(1.84, "1.8s"), (9.94, "9.9s"), (9.96, "0:09"), (75, "1:15")])
def test_took(seconds: float, words: str) -> None:
    assert say.took(seconds) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0"), (842, "842"), (999.7, "1.0k"), (2_100, "2.1k"), (99_960, "100k"), (1_300_000, "1.3M")],
)
def test_short(number: float, words: str) -> None:
    assert say.short(number) == words


@pytest.mark.parametrize(
    ("spent", "words"),
    [
        (Spent(), ""),
        (Spent(attempts=2, cost_usd=0.42), "$0.42"),
        (Spent(attempts=2, cost_usd=0.0042), "$0.0042"),
        (Spent(attempts=2, unpriced=2), "n/a"),
        (Spent(attempts=2, unpriced=1, cost_usd=0.5), "≥$0.50"),
        (Spent(attempts=2, simulated=2), ""),
        (Spent(attempts=2), "$0.00"),
    ],
)
def test_a_cost_that_is_unknown_is_never_shown_as_nothing(spent: Spent, words: str) -> None:
    assert say.money(spent) == words


@pytest.mark.parametrize(
    ("part", "whole", "words"), [(1220, 2000, "61%"), (1999, 2000, "99%"), (2, 2, "100%"), (0, 0, "0%")]
)
def test_percent_is_a_hundred_only_at_the_end(part: int, whole: int, words: str) -> None:
    assert say.percent(part, whole) == words


def test_every_state_has_a_shape_of_its_own_in_both_forms() -> None:
    marks = [*MARKS.values(), ASK]
    assert set(MARKS) == set(State)
    for form in (UNICODE, ASCII):
        icons = [form.icon(mark) for mark in marks]
        assert len(set(icons)) == len(icons)
        assert all(cells(icon) == form.icon_width for icon in icons)
    assert all(mark.ascii.isascii() for mark in marks)


def test_a_bar_is_full_only_when_all_is_done() -> None:
    assert UNICODE.bar(1999, 2000, 10) == ("━" * 9, "─")
    assert UNICODE.bar(2000, 2000, 10) == ("━" * 10, "")
    assert ASCII.bar(1, 2, 4) == ("##", "..")


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 B"), (999, "999 B"), (4_000, "4.0 kB"), (2_500_000, "2.5 MB"), (2_500_000_000, "2.5 GB")],
)
def test_sizes_stand_apart_from_their_unit(number: int, words: str) -> None:
    assert say.size(number) == words


@pytest.mark.parametrize("ts", [1e18, -1e18, float("inf"), float("nan"), 2.0**41])
def test_a_time_that_no_calendar_has_is_not_known(ts: float) -> None:
    assert {say.moment(ts), say.second(ts), say.time_of_day(ts)} == {"n/a"}
