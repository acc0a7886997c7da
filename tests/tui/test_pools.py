"""The gauges of pools, and the dialog in which they are set."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.plan.model import JSON, Limits
from swarmtui.session import events as ev
from swarmtui.session.pools import COMMANDS
from swarmtui.session.vocabulary import State
from swarmtui.tui.commands import change_concurrency
from swarmtui.tui.screens.concurrency import ConcurrencyScreen
from swarmtui.tui.view.concurrency import TOTAL, Draft, draft_lines
from swarmtui.tui.view.figures import session_time
from swarmtui.tui.view.flights import Flights
from swarmtui.tui.view.glyphs import ASCII, UNICODE
from swarmtui.tui.view.lines import Line, width
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.nodes import detail, short_detail
from swarmtui.tui.view.pool_words import (
    binds_words,
    more_helps,
    pane_lines,
    pool_lines,
    refused_words,
    said,
    spark,
)
from swarmtui.tui.view.pools import BINDS, Gauge, gauges
from tests.tui.opening import notices, opened, press, settled, text
from tests.tui.scripted_feed import SIMULATED, WORKER, ScriptedFeed, finished, mid_run
from tests.tui.scripted_pools import PLANNER, SAID, busy


def flights_of(feed: ScriptedFeed) -> Flights:
    known = Flights()
    known.absorb(feed.events, feed.state)
    return known


def gauge_of(feed: ScriptedFeed, pool: str = WORKER) -> Gauge:
    found = gauges(feed.state, flights_of(feed), session_time(feed.state, feed.now))
    return next(gauge for gauge in found if gauge.pool == pool)


def words(lines: list[Line]) -> str:
    return "\n".join("".join(part for part, _ in line) for line in lines)


def test_a_gauge_tells_window_use_rate_and_what_binds_since_when_and_why() -> None:
    gauge = gauge_of(busy())
    assert (gauge.in_flight, gauge.limit, gauge.window, gauge.rate_per_min) == (4, 2, 2, 45.0)
    assert gauge.per_minute == pytest.approx(5, abs=2)
    told, _ = binds_words(gauge)
    assert told.startswith("wall since 0:30, the provider lets no more through at once: refused beyond 2")
    assert gauge.refused == 2
    assert gauge.refused_per_100 == pytest.approx(20.0)
    assert (gauge.waiting, gauge.throttled) == (32, 1)
    assert gauge.history
    assert max(gauge.history) == 5
    assert gauge.others == 1


def test_whoever_changes_how_many_run_at_once_is_told_from_what_to_what() -> None:
    for now, step, told in ((8, 1, "8 → 9"), (8, -1, "8 → 7"), (1, -1, "1 → 1")):
        assert change_concurrency(now, step).done == f"concurrency: {told}"


async def test_each_of_two_quick_steps_is_told_from_where_the_one_before_leads() -> None:
    feed, answer = mid_run(), asyncio.Event()
    feed.state.limits = Limits(concurrency=8)
    ask = feed.command

    async def command(method: str, params: dict[str, JSON]) -> int:
        await answer.wait()
        return await ask(method, params)

    feed.command = command  # type: ignore[method-assign]
    async with opened(feed) as pilot:
        await pilot.press("plus", "plus", "minus")
        answer.set()
        await settled(pilot)
        assert notices(pilot)[-3:] == ["concurrency: 8 → 9", "concurrency: 9 → 10", "concurrency: 10 → 9"]
        for limit, told in ((8, "8 → 9"), (20, "20 → 21")):  # as somebody else has set it since
            feed.state.limits = Limits(concurrency=limit)
            await press(pilot, "plus")
            assert notices(pilot)[-1] == f"concurrency: {told}"


async def test_a_step_that_is_answered_before_its_event_comes_counts_until_it_does() -> None:
    feed = mid_run()
    feed.state.limits = Limits(concurrency=8)

    async def command(method: str, params: dict[str, JSON]) -> int:
        return feed.state.seq + 1

    feed.command = command  # type: ignore[method-assign]
    async with opened(feed) as pilot:
        await press(pilot, "plus", "plus")
        assert notices(pilot)[-2:] == ["concurrency: 8 → 9", "concurrency: 9 → 10"]
        feed.play(ev.LimitsSet(replace(feed.state.limits, concurrency=8)))
        await press(pilot, "plus")
        assert notices(pilot)[-1] == "concurrency: 8 → 9"


def test_however_many_are_refused_it_is_a_share_of_the_calls_that_were_tried() -> None:
    for calls, refused, told in ((4, 22, "84.6 % of calls (22 in all)"), (0, 3, "100.0 % of calls (3 in all)")):
        gauge = replace(gauge_of(busy()), calls=calls, refused=refused)
        assert refused_words(gauge)[0] == told


def test_the_last_refusal_says_who_what_and_until_when() -> None:
    feed = busy()
    last = gauge_of(feed).last
    assert last is not None
    assert (last.node, last.message, last.again_s) == ("third", SAID, 24)


def test_what_no_host_has_told_is_not_made_up() -> None:
    feed = mid_run()
    gauge = gauge_of(feed)
    assert (gauge.window, gauge.limit, gauge.binding, gauge.since) == (None, None, "", None)
    shown = words(list(pool_lines(feed.state, gauge, 100, Moment(feed.now, 52), UNICODE)))
    assert shown.count("n/a") >= 3


@pytest.mark.parametrize("width_", [30, 60, 84, 120, 200])
@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_gauges_fit_their_place(width_: int, glyphs: object) -> None:
    assert glyphs in (UNICODE, ASCII)
    used = UNICODE if glyphs is UNICODE else ASCII
    for feed in (busy(), mid_run(), mid_run(SIMULATED), finished()):
        moment = Moment(feed.now, session_time(feed.state, feed.now))
        found = gauges(feed.state, flights_of(feed), moment.session)
        for height in (2, 5, 9, 30):
            lines = pane_lines(found, width_, height, moment.session, used)
            assert len(lines) <= max(height, len(found))
            assert all(width(line) <= width_ for line in lines)
        for gauge in found:
            assert width(((spark(gauge, 12, used), "bar"),)) == 12
            lines = list(pool_lines(feed.state, gauge, width_, moment, used))
            assert all(width(line) <= width_ for line in lines)


@pytest.mark.parametrize(
    ("change", "binding", "helps"),
    [
        (ev.PoolPaced(WORKER, 2, None, "rpm"), "rpm", "the provider holds it at 2"),
        (ev.PoolPaced(WORKER, 2, None, "outage"), "outage", "the provider holds it"),
        (ev.PoolPaced(WORKER, 2, None, "machine"), "machine", "this machine keeps up with no more"),
        (ev.PoolPaced(WORKER, 2, None, "user"), "user", "32 wait for a place: more would help"),
        (ev.PoolPaced(WORKER, 2, None, "none"), "none", "32 wait for a place: more would help"),
        (ev.SessionPaused(), "paused", "the session is paused"),
        (ev.BudgetReached("usd", 0.31, 0.30), "budget", "the budget is used up"),
    ],
)
def test_what_binds_is_told_in_words_and_whether_more_would_help(change: ev.Body, binding: str, helps: str) -> None:
    gauge = gauge_of(busy().play(change))
    assert gauge.binding == binding
    assert BINDS[binding][0] in binds_words(gauge)[0]
    assert helps in more_helps(gauge)


def test_a_limit_of_the_users_own_is_named() -> None:
    feed = busy(Limits(concurrency=4))
    feed.play(ev.PoolPaced(WORKER, 40, None, "none"))
    assert gauge_of(feed).binding == "total"
    capped = mid_run(SIMULATED)
    capped.play(ev.LimitsSet(Limits(pools={WORKER: 3}, frozen={WORKER: 2})))
    gauge = gauge_of(capped)
    assert (gauge.cap, gauge.frozen) == (3, 2)
    assert gauge_of(finished()).binding == "over"


def test_the_window_counts_where_the_user_allows_more_and_the_limit_where_they_allow_less() -> None:
    feed = busy().play(ev.LimitsSet(Limits(pools={WORKER: 3})))
    assert (gauge_of(feed).window, gauge_of(feed).limit) == (2, 2)
    feed.play(ev.PoolPaced(WORKER, 9, None, "none"))
    assert (gauge_of(feed).window, gauge_of(feed).limit) == (9, 3)


def test_a_ramp_binds_only_while_there_is_room() -> None:
    feed = busy().play(ev.PoolPaced(WORKER, 40, None, "none"), ev.LimitsSet(Limits(ramp_s=2)))
    assert gauge_of(feed).binding == "ramp"
    feed.play(ev.PoolPaced(WORKER, 1, None, "none"))
    assert gauge_of(feed).binding == "none"


def test_of_a_map_it_is_told_when_the_first_of_the_items_that_were_sent_back_is_due() -> None:
    feed = mid_run()
    items = feed.state.nodes["translate"].items
    assert items is not None
    one, other = list(items.where(State.RUNNING))[:2]
    for item, again in ((one, 9.0), (other, 4.0)):
        feed.play(ev.AttemptThrottled("translate", items.attempts[item], again, WORKER, item))
    gauge = gauge_of(feed)
    assert gauge.due == items.retry_at[other] < items.retry_at[one]


def test_questions_are_no_pool() -> None:
    assert all(gauge.pool != "questions" for gauge in gauges(mid_run().state, flights_of(mid_run()), 52.0))


def test_of_a_wait_that_is_over_it_is_told_since_when_it_was_due() -> None:
    last = gauge_of(busy()).last
    assert last is not None
    assert "again in 0:04" in said(last, last.mono + 20)
    assert "was due 6s ago" in said(last, last.mono + 30)


def test_a_throttled_node_says_which_pool_what_was_said_until_when_and_that_it_is_not_charged() -> None:
    feed = busy()
    known = flights_of(feed)
    moment = Moment(feed.now, session_time(feed.state, feed.now), known.refused)
    told = detail(feed.state, feed.state.nodes["third"], moment, UNICODE)
    for part in ("again in 0:0", "not charged", WORKER, SAID):
        assert part in told
    assert f"{WORKER} said 429" in detail(feed.state, feed.state.nodes["third"], Moment(feed.now, 80), UNICODE)


@pytest.mark.parametrize(
    ("binding", "in_flight", "waiting", "told"),
    [("rpm", 0, 3, True), ("tpm", 0, 3, True), ("rpm", 1, 3, False), ("rpm", 0, 0, False), ("wall", 0, 3, False)],
)
def test_a_pool_in_which_nothing_moves_says_that_its_minute_is_used_up_and_not_that_it_grows(
    binding: str, in_flight: int, waiting: int, told: bool
) -> None:
    gauge = replace(gauge_of(busy()), binding=binding, in_flight=in_flight, waiting=waiting, throttled=0, why="growing")
    assert ("used up for now" in binds_words(gauge)[0]) is told
    assert ("growing" in binds_words(gauge)[0]) is not told


def test_who_is_due_again_and_has_no_place_yet_says_where_it_waits_for_one() -> None:
    feed = busy()
    node, known = feed.state.nodes["third"], flights_of(feed)
    assert node.retry_at is not None
    for late in (-0.2, 30.0):
        moment = Moment(feed.now, node.retry_at + late, known.refused)
        told = detail(feed.state, node, moment, UNICODE)
        assert told.startswith(f"again, waits for a place in {WORKER} (wall), not charged")
        assert (short_detail(feed.state, node, moment), short_detail(feed.state, node, moment, 4)) == ("waits", "")
    early = Moment(feed.now, node.retry_at - 1.4, known.refused)
    assert short_detail(feed.state, node, early) == "in 0:02"
    assert detail(feed.state, node, early, UNICODE).startswith("again in 0:02, not charged")


def test_who_is_due_again_while_the_session_is_paused_waits_for_no_place_but_for_that() -> None:
    feed = busy()
    feed.play(ev.SessionPaused("user"))
    node, known = feed.state.nodes["third"], flights_of(feed)
    assert node.retry_at is not None
    told = detail(feed.state, node, Moment(feed.now, node.retry_at + 5, known.refused), UNICODE)
    assert told.startswith("again once the session goes on, not charged")


def test_a_ready_node_says_in_which_pool_it_waits_and_what_holds_that_back() -> None:
    feed = busy()
    ready = feed.state.nodes["読む-ファイル"]
    assert detail(feed.state, ready, Moment(feed.now, 80), UNICODE) == f"waits for a place in {WORKER} (wall)"


def test_a_ready_node_names_the_limit_for_all_pools_where_that_binds_and_not_the_pool() -> None:
    feed = busy(Limits(concurrency=4))
    ready = feed.state.nodes["読む-ファイル"]

    def told() -> str:
        return detail(feed.state, ready, Moment(feed.now, 80), UNICODE)

    assert told() == f"waits for a place in {WORKER} (wall)"
    for binding in ("none", "user"):  # what the pacer calls the user's does not tell which of their limits it is
        feed.play(ev.PoolPaced(WORKER, 40, None, binding))
        assert told() == "waits for a place: 4 at once is your limit for all pools together"
        assert gauge_of(feed).binding == "total"
    feed.play(ev.LimitsSet(Limits(concurrency=4, pools={WORKER: 1})))
    assert told() == f"waits for a place in {WORKER} (user)"
    assert gauge_of(feed).binding == "user"
    feed.play(ev.LimitsSet(Limits(concurrency=400)))
    assert told() == f"waits for a place in {WORKER} (user)"


# -- the draft ----------------------------------------------------------------------------------------------------


def draft_of(feed: ScriptedFeed) -> Draft:
    draft = Draft()
    look(draft, feed)
    return draft


def look(draft: Draft, feed: ScriptedFeed) -> None:
    draft.look(feed.state, gauges(feed.state, flights_of(feed), session_time(feed.state, feed.now)))


def params(draft: Draft) -> dict[str, JSON] | None:
    request = draft.request(UNICODE)
    return None if request is None else request.params


def test_halving_doubling_and_auto_are_about_what_holds_now() -> None:
    draft = draft_of(mid_run())
    allowed = draft.choice.allowed
    assert allowed is not None
    draft.halve()
    assert params(draft) == {"concurrency": allowed // 2}
    draft.double()
    draft.double()
    assert params(draft) == {"concurrency": allowed // 2 * 4}
    draft.auto()
    assert params(draft) is None


def test_pools_are_set_and_held_together_with_the_total_as_one_request() -> None:
    draft = draft_of(busy())
    draft.type("1")
    draft.type("2")
    draft.move(1)
    draft.change(1)
    assert draft.toggle_hold() is None
    request = draft.request(UNICODE)
    assert request is not None
    assert request.method == "limits.set"
    assert request.params == {"concurrency": 12, "pools": {WORKER: 3}, "freeze": {WORKER: "now"}}
    assert "all pools" in request.done
    assert "2 → 3" in request.done


def test_what_cannot_be_held_says_why() -> None:
    draft = draft_of(busy())
    assert "only the window of a provider" in (draft.toggle_hold() or "")
    draft.go([choice.pool for choice in draft.choices].index(PLANNER))
    assert "was not asked yet" in (draft.toggle_hold() or "")
    draft.go([choice.pool for choice in draft.choices].index(COMMANDS))
    assert "only the window" in (draft.toggle_hold() or "")


def test_what_somebody_else_changed_meanwhile_is_no_change_of_ours() -> None:
    feed = busy()
    draft = draft_of(feed)
    draft.type("9")
    feed.play(ev.LimitsSet(replace(feed.state.limits, concurrency=9)))
    look(draft, feed)
    assert params(draft) is None


def test_digits_make_a_number_and_are_rubbed_out_again() -> None:
    draft = draft_of(busy())
    for digit in "0042":
        draft.type(digit)
    assert draft.numbers[TOTAL] == 42
    draft.rub_out()
    assert draft.numbers[TOTAL] == 4
    draft.rub_out()
    assert params(draft) is None


KEYS = st.sampled_from(["halve", "double", "auto", "more", "fewer", "down", "up", "hold", "1", "0", "rub_out"])


@settings(max_examples=50)
@given(st.lists(KEYS, max_size=20), st.integers(24, 120))
def test_whatever_is_pressed_numbers_stay_in_bounds_and_lines_in_their_place(keys: list[str], size: int) -> None:
    draft = Draft()
    draft.look(BUSY.state, GAUGES)
    moves = {
        **{"halve": draft.halve, "double": draft.double, "auto": draft.auto, "rub_out": draft.rub_out},
        **{"more": lambda: draft.change(1), "fewer": lambda: draft.change(-1), "hold": draft.toggle_hold},
        **{"down": lambda: draft.move(1), "up": lambda: draft.move(-1)},
    }
    for key in keys:
        if key.isdigit():
            draft.type(key)
        else:
            moves[key]()
    assert all(number is None or 1 <= number <= 100_000 for number in draft.numbers.values())
    for glyphs in (UNICODE, ASCII):
        assert all(width(line) <= size for line in draft_lines(draft, size, glyphs))


BUSY = busy()
GAUGES = gauges(BUSY.state, flights_of(BUSY), 80.0)


# -- the screens --------------------------------------------------------------------------------------------------


async def test_halving_concurrency_says_what_it_changes_before_it_is_sent() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "equals_sign")
        assert isinstance(pilot.app.screen, ConcurrencyScreen)
        assert "nothing is changed yet" in text(pilot)
        await pilot.press("enter")
        assert "nothing is changed yet" in notices(pilot)[-1]
        await press(pilot, "h")
        assert "to be sent: all pools 12 → 6" in text(pilot)
        assert feed.commands == []
        await press(pilot, "enter")
        assert notices(pilot)[-1] == "all pools 12 → 6"
    assert feed.commands == [("limits.set", {"concurrency": 6})]


async def test_the_dialog_tells_what_binds_and_is_left_without_a_change() -> None:
    feed = busy()
    async with opened(feed, (80, 24)) as pilot:
        for key in ("equals_sign", "j", "d", "f"):
            await press(pilot, key)
        assert f"{WORKER} is bound by wall since 0:30" in text(pilot)
        await press(pilot, "down", "f")
        shown = " ".join(text(pilot).replace("│", " ").split())
        assert "is bound by" not in shown
        assert "n/a: its host has not told yet" in shown
        assert "2 → 4" in shown
        assert "is held where it is" in shown
        assert "was not asked yet" in notices(pilot)[-1]
        await press(pilot, "escape")
    assert feed.commands == []


def whole(feed: ScriptedFeed, pool: str = WORKER) -> str:
    known = flights_of(feed)
    session = feed.now - feed.state.created_ts
    gauge = next(one for one in gauges(feed.state, known, session) if one.pool == pool)
    lines = pool_lines(feed.state, gauge, 200, Moment(feed.now, session, known.refused), UNICODE)
    return "\n".join("".join(part for part, _ in line) for line in lines)


def test_of_a_pool_for_which_others_wait_it_is_said_who_has_its_places_the_longest_first() -> None:
    feed = busy()
    (told,) = [line for line in whole(feed).splitlines() if "at work" in line]
    assert told.split(maxsplit=2)[2] == "each (3 items), second for 37s"
    feed.play(ev.AttemptStarted("third", 2, pool=WORKER, model=WORKER), after=5)
    feed.play(ev.AttemptStarted("first", 3, pool=WORKER, model=WORKER), after=5)
    (told,) = [line for line in whole(feed).splitlines() if "at work" in line]
    assert told.endswith(", 1 node more")
    assert "at work" not in whole(feed, "commands"), "nobody waits there"


async def test_seven_shows_budget_and_pools_and_why_a_node_is_throttled() -> None:
    async with opened(busy()) as pilot:
        await press(pilot, "7")
        shown = text(pilot)
        for part in ("over budget", "wall since 0:30", "not charged", "Retry-After 24 s", "1:10 (0:20–2:40)"):
            assert part in shown


async def test_a_tall_screen_has_the_gauges_beside_the_rest() -> None:
    async with opened(busy(), (200, 60)) as pilot:
        shown = text(pilot)
        assert "pools" in shown
        assert "binds wall since 0:30" in shown
        assert pilot.app.screen.query_one("#table").size.height > 10
