"""The forecast on the approval screen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from swarmtui.session import events as ev
from swarmtui.tui.view.forecast import forecast_lines
from swarmtui.tui.view.lines import Line, width
from tests.tui.opening import opened, settled, text
from tests.tui.scripted_feed import REVIEW, SIMULATED, awaiting_approval, begun, forecasted


def plain(lines: list[Line]) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def test_a_column_for_each_concurrency_with_its_range_and_the_cost_once() -> None:
    shown = plain(forecast_lines(awaiting_approval().state, 70, short=False))
    assert shown[0].split() == ["at", "once", "1", "4", "8", "16", "32", "auto"]
    assert shown[1].split() == ["time", "30:40", "8:22", "4:34", "2:51", "2:38", "4:34"]
    assert shown[2].split()[:2] == ["from", "21:28"]
    assert shown[3].split()[:2] == ["to", "49:04"]
    assert "$0.31 ($0.21 – $0.55), 141k tokens" in shown[4]
    assert any("five from assumptions" in line or "from assumptions" in line for line in shown)


@pytest.mark.parametrize("size", [50, 60, 78, 120])
@pytest.mark.parametrize("short", [True, False])
def test_no_line_is_wider_than_its_place(size: int, short: bool) -> None:
    state = awaiting_approval().state
    assert all(width(line) <= size for line in forecast_lines(state, size, short=short)[:2])


def test_what_the_limits_allow_now_stands_out() -> None:
    time = forecast_lines(awaiting_approval().state, 70, short=False)[1]
    assert [role for _, role in time] == ["muted", "text", "text", "text", "text", "text", "strong"]


def test_an_unknown_price_is_told_and_never_zero() -> None:
    feed = begun(REVIEW)
    told = forecasted(1)
    feed.play(replace(told, rows=tuple(replace(row, usd=None) for row in told.rows)))
    assert "unknown price, 141k tokens" in plain(forecast_lines(feed.state, 78, short=True))[2]
    feed = begun(REVIEW, models=SIMULATED)
    feed.play(replace(told, rows=tuple(replace(row, usd=None) for row in told.rows)))
    assert "costs nothing (simulated)" in plain(forecast_lines(feed.state, 78, short=True))[2]


def test_before_there_is_one_the_place_says_what_will_come_there() -> None:
    assert plain(forecast_lines(begun(REVIEW).state, 60, short=False)) == [
        "how long it takes and what it costs is being worked out"
    ]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.chaos
async def test_the_approval_screen_shows_time_and_cost(size: tuple[int, int]) -> None:
    async with opened(awaiting_approval(), size) as pilot:
        shown = text(pilot)
        assert "forecast" in shown
        assert "4:34" in shown
        assert "$0.31" in shown
        assert "check before you approve" in shown


async def test_a_forecast_that_comes_later_is_drawn() -> None:
    feed = begun(REVIEW)
    async with opened(feed, (120, 40), review=True) as pilot:
        assert "30:40" not in text(pilot)
        feed.play(ev.Forecasted(1, forecasted(1).rows))
        await pilot.pause()
        await settled(pilot)
        assert "30:40" in text(pilot)
