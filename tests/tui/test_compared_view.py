"""Two sessions held against each other, as rows and lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from swarmtui.session.compare import Comparison, NodeRow, compare
from swarmtui.tui.view.compared import ComparedRows, diff_lines, totals
from swarmtui.tui.view.glyphs import ASCII, UNICODE, Glyphs
from swarmtui.tui.view.lines import width
from swarmtui.tui.view.moment import Moment
from tests.tui.scripted_feed import finished, mid_run

MOMENT = Moment(0.0, 0.0)


class Walked(tuple[NodeRow, ...]):
    """Rows that count how often all of them are gone through."""

    walks = 0

    def __iter__(self) -> Iterator[NodeRow]:
        self.walks += 1
        return super().__iter__()


def compared() -> Comparison:
    """All of them differ but the first."""
    a, b = mid_run().state, finished().state
    return replace(compare(a, b), rows=(compare(a, a).rows[0], *compare(a, b).rows[1:]))


def test_only_what_differs_is_shown_where_that_was_asked_for() -> None:
    found = compared()
    every, different = ComparedRows(found), ComparedRows(found, only_different=True)
    assert [every.key(at) for at in range(len(every))] == [row.id for row in found.rows]
    assert [different.key(at) for at in range(len(different))] == [row.id for row in found.rows if not row.equal]
    assert len(different) == len(every) - 1 > 0


@pytest.mark.parametrize("only_different", [False, True])
def test_going_through_the_rows_does_not_walk_all_of_them_for_each(only_different: bool) -> None:
    rows = Walked(compared().rows)
    shown = ComparedRows(replace(compared(), rows=rows), only_different=only_different)
    assert [shown.key(at) for at in range(len(shown))]
    assert rows.walks <= 1


def test_what_took_longer_in_the_second_has_a_plus() -> None:
    shown = ComparedRows(compared())
    cells = {shown.key(at): shown.cells(at, MOMENT, UNICODE) for at in range(len(shown))}
    assert cells["lint"]["took_a"][0] == "3.0s"
    assert cells["lint"]["took_b"][0] == "0.4s"
    assert cells["lint"]["took"] == ("-2.6s", "ok")
    assert cells["scope"]["b"] == ("not there", "faint")


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [(1.0, 1.3, ("+0.3s", "warn")), (1.0, 1.04, ("=", "faint")), (0.0, 3.0, ("", "faint")), (3.0, 0.0, ("", "faint"))],
)
def test_how_much_longer_it_took_is_told_where_it_ran_in_both(a: float, b: float, told: tuple[str, str]) -> None:
    row = compared().rows[1]
    assert row.a is not None
    sides = replace(row, a=replace(row.a, took_s=a), b=replace(row.a, took_s=b), shared=False)
    assert ComparedRows(replace(compared(), rows=(sides,))).cells(0, MOMENT, UNICODE)["took"] == told


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("size", [60, 80, 120])
def test_each_session_has_a_line_that_fits(size: int, glyphs: Glyphs) -> None:
    lines = totals(compared(), size, glyphs)
    told = ["".join(text for text, _ in line) for line in lines]
    assert [line[:3] for line in told] == [" A ", " B "]
    assert "running" in told[0]
    assert "failed" in told[1]
    assert all(width(line) <= size for line in lines)
    assert glyphs is UNICODE or all(line.isascii() for line in told)


def test_a_difference_keeps_its_signs_and_says_where_there_is_none() -> None:
    assert diff_lines((), 40) == [(("the outputs are the same", "faint"),)]
    assert diff_lines(("-a.py", "+b.py"), 40) == [(("-a.py", "bad"),), (("+b.py", "ok"),)]
