"""A budget is changed while the session runs: the line that says what it shall be, and what comes of it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Static

from swarmtui.plan.model import JSON, Limits
from swarmtui.session import events as ev
from swarmtui.session.budgets import KINDS
from swarmtui.session.vocabulary import Status
from swarmtui.tui.screens.dialogs import LineScreen
from swarmtui.tui.view import budget_words as words
from swarmtui.tui.widgets.one_line import OneLine
from tests.tui.opening import lines, notices, opened, press, text
from tests.tui.scripted_feed import ScriptedFeed, mid_run


def spent(limit: float = 0.01) -> ScriptedFeed:
    """A session that stands still since its money is used up."""
    feed = mid_run()
    feed.play(ev.LimitsSet(Limits(usd=limit, minutes=30.0)))
    return feed.play(ev.BudgetReached("usd", feed.state.spent.cost_usd, limit))


@pytest.mark.parametrize(
    ("typed", "asked"),
    [
        ("5", {"usd": 5.0}),
        ("$2.50", {"usd": 2.5}),
        ("usd=none", {"usd": None}),
        ("USD = 5, tokens=200k", {"usd": 5.0, "tokens": 200_000}),
        ("tokens=1.5M attempts=50", {"tokens": 1_500_000, "attempts": 50}),
        ("minutes=.5", {"minutes": 0.5}),
        ("usd=0", {"usd": 0.0}),
        ("usd=1e-05", {"usd": 0.00001}),
    ],
)
def test_what_is_typed_is_what_is_asked_for(typed: str, asked: dict[str, float | None]) -> None:
    assert words.read(typed) == asked


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("usd=lots", "usd=lots is no budget: such as usd=5"),
        ("dollars=5", "'dollars' is no budget: there are usd, tokens, minutes, attempts"),
        ("usd=5 usd=6", "usd is there twice"),
        ("5 6", "usd is there twice"),
        ("usd=5k", "usd=5k is no budget"),
        ("attempts=1.5", "attempts are counted"),
        ("usd=-1", "usd=-1 is no budget"),
        ("usd=nan", "usd=nan is no budget"),
        ("minutes=", "is no budget"),
        ("usd=1e9999", "is no budget"),
        ("9" * 400, "usd=9999999"),
        ("tokens=" + "9" * 400, "is no budget"),
        ("x" * 5_000 + "=1", "is no budget: there are"),
    ],
)
def test_what_is_no_budget_is_told_in_one_line_with_what_is(typed: str, why: str) -> None:
    with pytest.raises(ValueError, match=why.replace("$", r"\$")) as refused:
        words.read(typed)
    assert len(str(refused.value)) < 200


@given(st.text(max_size=30))
def test_whatever_is_typed_is_read_or_refused(typed: str) -> None:
    found: dict[str, JSON] = {}
    with suppress(ValueError):
        found = words.read(typed)
    assert found.keys() <= set(KINDS)
    assert all(limit is None or (isinstance(limit, int | float) and limit >= 0) for limit in found.values())


AMOUNTS = st.none() | st.floats(0, 1e9)
COUNTS = st.none() | st.integers(0, 10**12)


@given(AMOUNTS, COUNTS, AMOUNTS, COUNTS)
def test_the_line_that_is_offered_changes_nothing(
    usd: float | None, tokens: int | None, minutes: float | None, attempts: int | None
) -> None:
    limits = Limits(usd=usd, tokens=tokens, minutes=minutes, attempts=attempts)
    given_ = {kind: limit for kind in KINDS if (limit := getattr(limits, kind)) is not None}
    assert words.read(words.written(limits)) == pytest.approx(given_)


def test_what_changed_is_told_and_nothing_else() -> None:
    limits = Limits(usd=2.0, minutes=30.0)
    asked = words.read("usd=5 minutes=30 tokens=200k")
    assert words.changed(limits, asked, "→") == "budget: usd 2 → 5, tokens no limit → 200,000"
    assert words.changed(limits, {"usd": None}, "->") == "budget: usd 2 -> no limit"


async def test_a_budget_that_is_used_up_says_in_the_header_what_raises_it_and_that_does() -> None:
    feed = spent()
    async with opened(feed, (160, 40)) as pilot:
        assert "usd budget reached" in lines(pilot)[0]
        assert "$ raises it" in lines(pilot)[0]
        await press(pilot, "P")
        assert notices(pilot)[-1].endswith("its budget of 0.01 usd is used up: $ raises it, and it goes on")
        assert feed.commands == []
        await press(pilot, "dollar_sign")
        assert isinstance(pilot.app.screen, LineScreen)
        field = pilot.app.screen.query_one(OneLine)
        assert field.value == "usd=0.01 minutes=30"
        assert "Used so far: $" in text(pilot)
        await press(pilot, "enter")
        assert notices(pilot)[-1] == "nothing is changed yet"
        field.value = "usd=lots"
        await press(pilot, "enter")
        assert "usd=lots is no budget" in notices(pilot)[-1]
        assert field.value == "usd=lots", "what was written is there to be mended"
        field.value = "usd=5 minutes=30"
        await press(pilot, "enter")
        assert notices(pilot)[-1] == "budget: usd 0.01 → 5"
    assert feed.commands == [("limits.set", {"usd": 5.0, "minutes": 30.0})]


async def test_a_number_alone_is_of_the_budget_that_is_used_up() -> None:
    feed = mid_run()
    feed.play(ev.LimitsSet(Limits(attempts=3)), ev.BudgetReached("attempts", feed.state.starts, 3))
    async with opened(feed) as pilot:
        await press(pilot, "dollar_sign")
        hint = str(pilot.app.screen.query_one(".hint", Static).render())
        assert "or a number alone, of attempts;" in hint
        await press(pilot, "7", "enter")
    assert feed.commands == [("limits.set", {"attempts": 7})]


async def test_who_cannot_raise_it_is_not_told_to() -> None:
    feed = spent()
    feed.status.role = "observe"
    async with opened(feed, (160, 40)) as pilot:
        assert "usd budget reached" in lines(pilot)[0]
        assert "raises it" not in lines(pilot)[0]


async def test_a_session_that_is_paused_for_another_reason_can_go_on() -> None:
    feed = mid_run()
    feed.play(ev.LimitsSet(Limits(usd=0.01)), ev.SessionPaused("user"))
    async with opened(feed) as pilot:
        assert feed.state.status is Status.PAUSED
        await press(pilot, "P")
    assert feed.commands == [("session.resume", {})]
