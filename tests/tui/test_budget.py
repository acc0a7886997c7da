"""Budget and time left: what is projected, and how much of it the header has room for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from swarmtui.plan.model import AskSpec, Limits, MapSpec, Node, Plan
from swarmtui.session import events as ev
from swarmtui.session.progress import progress
from swarmtui.session.state import SessionState
from swarmtui.tui.view.budget import Budgeted, Outlook, budget_lines, eta_words, header_parts, outlook
from swarmtui.tui.view.figures import figures, header, session_time
from swarmtui.tui.view.glyphs import ASCII, UNICODE, Glyphs
from swarmtui.tui.view.lines import width
from tests.tui.scripted_feed import (
    REVIEW,
    SIMULATED,
    START,
    WORKER,
    ScriptedFeed,
    approved,
    awaiting_approval,
    finished,
    mid_run,
    output,
    prompt,
)
from tests.tui.scripted_pools import busy, forecast


def now_of(feed: ScriptedFeed) -> float:
    return session_time(feed.state, feed.now)


def told(feed: ScriptedFeed, size: int, *, ascii_only: bool = False) -> str:
    shown = figures(feed.state, feed.status, feed.now, ascii_only=ascii_only)
    line = header(shown, size, ASCII if ascii_only else UNICODE)
    assert width(line) == size
    return "".join(text for text, _ in line)


def test_what_it_will_come_to_is_what_was_used_and_what_was_forecast_of_the_rest() -> None:
    feed = busy()
    found = outlook(feed.state, now_of(feed))
    assert found.eta_s is not None
    assert found.eta_s[1] == pytest.approx(140 - (now_of(feed) - 10.2), abs=0.5)
    assert found.of("usd").at_end == (0.28, 0.36, 0.52)
    assert found.of("usd").over
    assert not found.of("minutes").over
    assert found.of("attempts").at_end is None


def test_it_never_comes_to_less_than_was_used() -> None:
    feed = busy()
    feed.state.spent.cost_usd = 0.45
    feed.state.spent.tokens_in = 10**6
    found = outlook(feed.state, now_of(feed))
    assert found.of("usd").at_end == (0.45, 0.45, 0.52)
    assert found.of("tokens").at_end == (found.of("tokens").used,) * 3


@pytest.mark.parametrize(("middle", "over"), [(9.0, False), (10.0, False), (10.5, True)])
def test_a_limit_is_exceeded_where_that_is_more_likely_than_not(middle: float, over: bool) -> None:
    assert Budgeted("usd", 1.0, 10.0, (5.0, middle, 12.0)).over is over


@pytest.mark.parametrize(("used", "shown"), [(4.9, False), (5.0, True)])
def test_the_header_tells_minutes_from_half_of_those_that_are_allowed_on(used: float, shown: bool) -> None:
    others = (Budgeted(kind, 0.0, None, None) for kind in ("usd", "tokens"))
    parts = header_parts(Outlook(None, (Budgeted("minutes", used, 10.0, None), *others)), "", UNICODE)
    assert ["/10:00" in text for part in parts for text, _ in part.line] == ([False, True] if shown else [])


def test_where_there_is_little_room_the_time_left_is_told_without_its_range_first() -> None:
    shown = [told(busy(), size) for size in range(60, 200)]
    assert any("eta" in line and "–" not in line for line in shown)


@pytest.mark.parametrize("why", ["none", "late", "changed", "over", "unpriced"])
def test_what_is_not_known_is_not_projected(why: str) -> None:
    feed = mid_run() if why == "none" else finished() if why == "over" else busy()
    if why == "late":
        feed.wait_until(1_000)
    if why == "changed":
        feed.state.plan_rev = 2
    if why == "unpriced":
        row = replace(forecast().rows[1], usd=None)
        feed.play(ev.Forecasted(1, (row,)))
    found = outlook(feed.state, now_of(feed))
    assert found.of("usd").at_end is None
    assert (found.eta_s is None) == (why != "unpriced")
    words = "\n".join(
        "".join(text for text, _ in line) for line in budget_lines(feed.state, now_of(feed), 100, UNICODE)
    )
    assert "n/a" in words or why == "over"
    assert "eta" not in told(feed, 200) or why == "unpriced"


def eta_line(feed: ScriptedFeed) -> str:
    lines = budget_lines(feed.state, now_of(feed), 100, UNICODE)
    return next(line for line in ("".join(text for text, _ in line) for line in lines) if line.startswith(" eta"))


@pytest.mark.parametrize(("glyphs", "cut"), [(UNICODE, " eta      counts from…"), (ASCII, " eta      counts from~")])
def test_where_there_is_no_room_for_all_of_when_it_will_be_done_that_is_seen(glyphs: Glyphs, cut: str) -> None:
    feed = awaiting_approval()
    shown = budget_lines(feed.state, now_of(feed), 22, glyphs)[-1]
    assert "".join(text for text, _ in shown) == cut


def test_what_waits_for_approval_is_not_said_to_take_longer_than_was_forecast() -> None:
    assert eta_line(awaiting_approval()) == " eta      counts from your approval"


def test_a_number_at_once_that_nothing_was_forecast_of_is_told_as_that() -> None:
    feed = busy()
    feed.play(ev.Forecasted(1, (replace(forecast().rows[0], concurrency=4),)))
    feed.play(ev.LimitsSet(Limits(concurrency=17)))
    assert "nothing was forecast of so many at once" in eta_line(feed)


def test_times_are_as_wide_as_the_longest_of_them() -> None:
    assert eta_words((100.0, 130.0, 185.0), dash="–") == "2:10 (1:40–3:05)"
    assert eta_words((0.0, 9.0, 3_700.0), dash="-", ranged=False) == "   0:09"


@pytest.mark.parametrize("size", range(60, 201, 10))
@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_header_keeps_what_matters_most_whatever_the_width(size: int, ascii_only: bool) -> None:
    line = told(busy(), size, ascii_only=ascii_only)
    assert "running" in line
    assert "2/7 ok" in line
    assert ascii_only is False or line.isascii()
    assert size < 80 or "$0.12" in line
    assert size < 100 or "eta 1:10" in line
    assert size < 140 or ("(0:20" in line and "w 4/" in line)


def test_a_projection_above_the_budget_is_in_the_header_in_words_and_warns() -> None:
    feed = busy()
    shown = header(figures(feed.state, feed.status, feed.now), 160, UNICODE)
    assert (" ≈$0.36", "warn") in shown
    assert "≈" not in told(busy(Limits(usd=5.0)), 160)
    assert "~$0.36" in told(feed, 160, ascii_only=True)


def test_tokens_and_minutes_have_a_place_where_they_are_limited() -> None:
    line = told(busy(Limits(tokens=50_000, minutes=2)), 200)
    assert "/50.0k tok ≈90.0k" in line
    assert "/2:00 ≈2:2" in line


def test_the_budget_is_told_line_by_line() -> None:
    feed = busy()
    lines = ["".join(text for text, _ in line) for line in budget_lines(feed.state, now_of(feed), 100, UNICODE)]
    assert "of $0.30" in lines[0]
    assert "over budget: $0.36" in lines[0]
    assert "of 30:00" in lines[2]
    assert "1:10 (0:20–2:40)" in lines[-1]
    assert not SessionState().forecast


def test_a_forecast_is_offered_where_one_can_be_made_and_nowhere_else() -> None:
    state = approved(REVIEW).state

    def eta(**more: str) -> str:
        lines = budget_lines(state, 10.0, 100, UNICODE, **more)
        return "".join(text for text, _ in lines[-1])

    assert "no forecast was made (F makes one)" in eta()
    assert eta(forecasts="").endswith("no forecast was made")


def test_what_is_simulated_costs_nothing_and_is_not_projected() -> None:
    feed = mid_run(SIMULATED)
    assert "≈" not in told(feed, 200)


def test_what_takes_longer_than_was_thought_is_overdue_and_says_by_how_much() -> None:
    feed = busy()
    ahead = outlook(feed.state, now_of(feed))
    assert ahead.late_s == 0
    assert ahead.eta_s is not None
    feed.wait_until(feed.now - START + ahead.eta_s[1] + 5)
    late = outlook(feed.state, now_of(feed))
    assert late.late_s == pytest.approx(5)
    assert late.eta_s is not None, "four times in five it takes no longer than this"
    assert "overdue 0:05" in told(feed, 160)
    assert "eta 0:00" not in told(feed, 160)
    words = "".join(text for line in budget_lines(feed.state, now_of(feed), 100, ASCII) for text, _ in line)
    assert "longer than thought by 0:05" in words
    feed.wait_until(100_000)
    assert "overdue 27:" in told(feed, 160)


def mapping(*others: Node) -> ScriptedFeed:
    """A map of forty, of which ten have ended, one a second; slower than was forecast."""
    feed = approved(Plan("g", title="t", nodes=(prompt("each", map=MapSpec("doc", path="docs.jsonl")), *others)))
    feed.play(replace(forecast(), rows=(ev.ForecastRow(None, (5.0, 8.0, 20.0), None, None),)))
    feed.play(ev.MapExpanded("each", 40))
    for item in range(11):
        feed.play(ev.AttemptStarted("each", 1, item, pool=WORKER, model=WORKER))
        if item < 10:
            feed.play(ev.AttemptSucceeded("each", 1, output("x"), item, 1.0), after=1.0)
    return feed


@pytest.mark.parametrize("later", [0, 5, 30])
def test_where_a_map_is_all_that_is_left_the_header_says_what_the_map_says(later: float) -> None:
    feed = mapping()
    feed.now += later
    row = progress(feed.state.nodes["each"], now_of(feed))
    found = outlook(feed.state, now_of(feed))
    assert row is not None
    assert row.left_s is not None
    assert found.eta_s == (row.range_s[0], row.left_s, row.range_s[1]) if row.range_s else False
    assert found.late_s == 0


def test_where_more_is_left_than_a_map_it_is_done_when_the_forecast_says_but_not_before_the_map() -> None:
    feed = mapping(prompt("after", "each"))
    row = progress(feed.state.nodes["each"], now_of(feed))
    assert row is not None
    assert row.range_s is not None
    assert row.left_s is not None
    found = outlook(feed.state, now_of(feed))
    assert found.eta_s == (row.range_s[0], row.left_s, row.range_s[1]), "the forecast ran out two seconds ago"
    assert found.late_s == 0
    assert "overdue" not in told(feed, 160), "what takes longer is known, and for how long"
    slow = forecast_of(feed, 500.0, 800.0, 900.0)
    assert outlook(slow.state, now_of(slow)).eta_s == pytest.approx((490, 790, 890))


def forecast_of(feed: ScriptedFeed, *seconds: float) -> ScriptedFeed:
    """`feed` as if so much had been forecast at its beginning."""
    first = feed.state.forecast
    assert first is not None
    low, middle, high = seconds
    row = ev.ForecastRow(None, (low, middle, high), None, None)
    feed.state.forecast = replace(first, forecast=replace(first.forecast, rows=(row,)))
    return feed


def test_while_all_waits_for_an_answer_the_header_knows_no_time() -> None:
    feed = approved(
        Plan("g", title="t", nodes=(Node("scope", AskSpec("Which?", ("a", "b"))), prompt("write", "scope")))
    )
    feed.play(forecast(), ev.QuestionAsked("scope", "Which?", ("a", "b")))
    feed.play(ev.AttemptStarted("scope", 1, pool="questions"))
    feed.now += 780
    assert "eta after you answer" in told(feed, 160)
    assert "eta 2:" not in told(feed, 160)
    assert eta_line(feed) == " eta      after you answer: nothing else goes on"
    feed.play(ev.QuestionAnswered("scope", "a"), ev.AttemptSucceeded("scope", 1, output("a"), took_s=780))
    assert "eta 2:20" in told(feed, 160)
