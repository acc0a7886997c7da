"""Rows with a cursor: it stays on a row, and a search that matches nothing leads nowhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.tui.actions.table import BY_ID
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.widgets.rows import RowView
from tests.tui.opening import lines, notices, opened, press, text
from tests.tui.scripted_feed import awaiting_approval, mid_run


class Rows(RowView):
    """So many rows, as if drawn."""

    def __init__(self, count: int, searched: str = "x") -> None:
        super().__init__()
        self.count, self.words = count, searched

    @property
    def row_count(self) -> int:
        return self.count

    @property
    def searched(self) -> str:
        return self.words

    def _moved(self) -> None:
        pass


@given(st.integers(0, 5), st.integers(-3, 9))
def test_the_cursor_is_on_a_row_wherever_it_is_sent(count: int, at: int) -> None:
    rows = Rows(count)
    rows.go_to(at)
    assert rows.cursor == max(0, min(at, count - 1))
    rows.go_to_end(last=True)
    assert rows.cursor == max(0, count - 1)
    rows.go(0, 1)
    assert rows.cursor == max(0, count - 1)
    rows.go_to_end(last=False)
    assert rows.cursor == 0


@given(st.integers(0, 5), st.sampled_from(["", "x"]), st.lists(st.sampled_from([1, -1]), max_size=12))
def test_matches_are_gone_round_and_there_is_none_of_nothing(count: int, words: str, steps: list[int]) -> None:
    rows = Rows(count, words)
    for step in steps:
        before = rows.cursor
        assert rows.next_match(step) == bool(count and words)
        assert rows.cursor == ((before + step) % count if count and words else before)


@pytest.mark.parametrize(("view", "feed"), [("4", mid_run), ("6", mid_run), ("1", awaiting_approval)])
async def test_n_after_a_search_that_matches_nothing_says_so(view: str, feed: type) -> None:
    async with opened(feed()) as pilot:
        await press(pilot, view)
        if view == "1":
            await press(pilot, "v")
        await press(pilot, "slash", "z", "z", "z", "z", "enter")
        assert "nothing matches" in text(pilot)
        for key in ("n", "N"):
            await press(pilot, key)
            assert "nothing is searched for, or nothing matches" in notices(pilot)[-1]


async def test_at_eighty_columns_the_graph_is_there_at_a_glance_and_its_keys_act_on_it() -> None:
    async with opened(mid_run(), size=(80, 24)) as pilot:
        await press(pilot, "2")
        screen = pilot.app.screen
        assert isinstance(screen, RunScreen)
        assert "graph" in lines(pilot)[1]
        for action in ("form", "zoom", "focus_graph", "follow_front", "fold_group"):
            assert "is shown here" not in (screen.refusal(BY_ID[action]) or ""), action
        await press(pilot, "6")
        assert "no table is shown here" in (screen.refusal(BY_ID["columns"]) or ""), "the timeline has no columns"
        assert screen.refusal(BY_ID["sort"]) is None
