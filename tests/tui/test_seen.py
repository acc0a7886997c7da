"""No key acts on what is not shown: a node among the gauges of pools, the graph beside a table alone."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from swarmtui.tui.actions.table import BY_ID
from swarmtui.tui.screens.run import RunScreen
from tests.tui.opening import lines, notices, opened, press
from tests.tui.scripted_feed import mid_run


def run_screen(pilot: Pilot[int]) -> RunScreen:
    screen = pilot.app.screen
    assert isinstance(screen, RunScreen)
    return screen


@pytest.mark.chaos
async def test_where_no_node_is_shown_no_key_acts_on_one_and_where_no_graph_is_none_on_that() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        screen = run_screen(pilot)
        screen.select("lint")
        await press(pilot, "7")
        form = screen.graph.graph.wanted
        for key in ("r", "s", "x", "enter", "space", "y"):
            await press(pilot, key)
            assert notices(pilot)[-1].endswith("no node is chosen here: 2 shows the graph"), key
        for key in ("v", "f", "B", "Z"):
            await press(pilot, key)
            assert notices(pilot)[-1].endswith("no graph is shown here: 2 shows it"), key
        assert screen.graph.graph.wanted == form
        assert " r retry" not in lines(pilot)[-1]
        assert pilot.app.screen is screen
        assert feed.commands == []


@pytest.mark.parametrize(
    ("size", "view", "why"),
    [((80, 24), "2", "no table"), ((120, 40), "2", ""), ((80, 24), "7", "no table"), ((80, 24), "4", "")],
)
async def test_where_there_is_no_table_nothing_is_sorted_unseen(size: tuple[int, int], view: str, why: str) -> None:
    async with opened(mid_run(), size=size) as pilot:
        screen = run_screen(pilot)
        await press(pilot, view)
        before = screen.table.sort
        for action in ("sort", "reverse", "columns"):
            assert (screen.refusal(BY_ID[action]) or "") == (why and f"{why} is shown here: 4 shows it"), action
        await press(pilot, "S")
        assert (screen.table.sort == before) == bool(why)


async def test_what_is_marked_is_acted_on_wherever_one_is() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        screen = run_screen(pilot)
        screen.table.turn(["lint"])
        await press(pilot, "7")
        assert screen.refusal(BY_ID["retry_node"]) is None
        await press(pilot, "r")
        assert feed.commands == [("node.retry", {"node": "lint"})]


@pytest.mark.chaos
async def test_in_the_log_alone_keys_are_about_the_node_of_the_line_that_was_gone_to() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        screen = run_screen(pilot)
        screen.select("scan")
        await press(pilot, "5", "r")
        assert "no line of a node is chosen here" in notices(pilot)[-1]
        log = screen.log_part.widget
        while log.node != "lint":
            await press(pilot, "k")
        await press(pilot, "r")
        assert feed.commands[-1] == ("node.retry", {"node": "lint"})
