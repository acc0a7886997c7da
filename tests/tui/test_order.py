"""Names stand as people count, wherever they are sorted."""

from __future__ import annotations

from random import Random

from hypothesis import example, given
from hypothesis import strategies as st

from swarmtui.plan.model import Plan
from swarmtui.tui.view.lines import cells, width
from swarmtui.tui.view.matching import filter_of, lit
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.order import natural
from swarmtui.tui.view.plan_table import PlanRows
from swarmtui.tui.view.table import NodeRows
from tests.tui.scripted_feed import approved, prompt

NAMES = ("n218", "n22", "N3", "n22b", "n1")
AS_COUNTED = ["n1", "N3", "n22", "n22b", "n218"]


def test_every_filter_takes_words_that_must_and_words_that_must_not_occur() -> None:
    for typed, fits in (("", True), ("ABC x", True), ("!y", True), ("abc !x", False), ("!", True), ("z", False)):
        assert filter_of(typed)("x Abc") is fits


FAMILY = "👩\u200d👩\u200d👧"


@given(
    st.lists(st.text("ab👩\u200d", min_size=1, max_size=3), max_size=3),
    st.lists(st.sampled_from([*"abAB ß日", FAMILY, "e\u0301"]), max_size=9).map("".join),
)
@example(["\u200d"], FAMILY)
@example(["👧"], f"a {FAMILY}")
def test_a_line_says_the_same_with_words_lit_in_it_in_as_many_cells(words: list[str], text: str) -> None:
    line = lit(words, ((text, "text"),))
    assert "".join(part for part, _ in line) == text
    assert width(line) == cells(text)


def test_figures_in_names_count_by_their_value() -> None:
    assert sorted(NAMES, key=natural) == AS_COUNTED
    assert natural("a") != natural("A"), "no two names rank the same"
    assert sorted(["b", "10", "a1", "9", "a"], key=natural) == ["9", "10", "a", "a1", "b"]


def test_a_table_of_nodes_sorted_by_name_stands_as_people_count() -> None:
    state = approved(Plan("goal", tuple(prompt(name) for name in NAMES))).state
    rows = NodeRows()
    rows.state, rows.sort = state, ("node", False)
    rows.choose(Moment(0.0, 0.0))
    assert list(rows.ids) == AS_COUNTED
    plan_rows = PlanRows()
    plan_rows.state, plan_rows.sort = state, ("node", True)
    plan_rows.choose()
    assert list(plan_rows.ids) == AS_COUNTED[::-1]


@given(st.lists(st.text("aAb0123456789٣²", max_size=30), max_size=8, unique=True), st.randoms(use_true_random=False))
def test_any_names_have_one_order(names: list[str], chance: Random) -> None:
    shuffled = chance.sample(names, len(names))
    assert sorted(names, key=natural) == sorted(shuffled, key=natural)
