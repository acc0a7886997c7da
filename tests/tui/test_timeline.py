"""The timeline: a node's time told apart, the window onto it, and what keys do there."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual.pilot import Pilot

from swarmtui.host.feed import Changes
from swarmtui.plan.model import Plan
from swarmtui.session import events as ev
from swarmtui.session.state import NodeState
from swarmtui.session.vocabulary import State
from swarmtui.tui.screens.instruments import TimelinePart
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.view import format as say
from swarmtui.tui.view.bars import bar, density, legend
from swarmtui.tui.view.figures import session_time
from swarmtui.tui.view.flights import BACK, BINS, PER_NODE, Attempt, End, Flights, Flow
from swarmtui.tui.view.glyphs import ASCII, UNICODE, Glyphs
from swarmtui.tui.view.lines import Line, width
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.stretches import WORK, Kind, Part, parts
from swarmtui.tui.view.timeline import SORTS, Timeline
from swarmtui.tui.view.timescale import SCALES, STEPS, TICK_CELLS, Window, axis, ticks
from swarmtui.tui.widgets.timeline import TimelineView
from tests.tui.opening import lines, opened, settled, text
from tests.tui.scripted_feed import ScriptedFeed, approved, large, mid_run, prompt
from tests.tui.scripted_past import replayed
from tests.tui.scripted_pools import POOLED, WORKER, busy


def flights_of(feed: ScriptedFeed) -> Flights:
    known = Flights()
    known.absorb(feed.events, feed.state)
    return known


def timeline_of(feed: ScriptedFeed, size: int = 100, glyphs: Glyphs = UNICODE) -> tuple[Timeline, Moment]:
    moment = Moment(feed.now, session_time(feed.state, feed.now))
    timeline = Timeline(flights_of(feed), feed.state)
    timeline.choose(moment)
    timeline.look(size, moment, glyphs)
    return timeline, moment


def words(line: Line) -> str:
    return "".join(part for part, _ in line)


def kinds(told: list[Part]) -> list[Kind]:
    return [part.kind for part in told]


def told_of(feed: ScriptedFeed, node: str) -> list[Part]:
    timeline, moment = timeline_of(feed)
    return timeline.parts(feed.state.nodes[node], moment.session)


# -- the time of a node -------------------------------------------------------------------------------------------


def test_a_failure_a_wait_and_a_retry_are_told_apart() -> None:
    told = told_of(busy(), "first")
    assert kinds(told) == ["queue", "failed", "backoff", "idle", "queue", "throttle", "ok"]
    assert told[2].seconds == pytest.approx(6)
    assert told[5].seconds == pytest.approx(0.5)


def test_what_the_provider_sent_back_waits_for_the_provider_until_it_begins_again() -> None:
    told = told_of(busy(), "second")
    assert kinds(told) == ["queue", "refused", "throttle", "run"]
    assert told[2].start == told[1].end


def test_what_waits_now_waits_up_to_now() -> None:
    feed = busy()
    now = session_time(feed.state, feed.now)
    assert told_of(feed, "third")[-1] == Part("throttle", told_of(feed, "third")[-2].end, now)
    ready = told_of(feed, "読む-ファイル")
    assert kinds(ready) == ["queue"]
    assert ready[0].end == now
    assert told_of(feed, "report") == []


def test_a_question_is_no_work() -> None:
    assert kinds(told_of(mid_run(), "scope")) == ["asks"]


HOWS: list[End] = ["", "ok", "failed", "refused", "cut", "away"]
seconds = st.floats(0, 1e5, allow_nan=False)


@st.composite
def attempts(draw: st.DrawFn) -> list[Attempt]:
    found: list[Attempt] = []
    at = 0.0
    for _ in range(draw(st.integers(0, 6))):
        start = at + draw(seconds)
        how = draw(st.sampled_from(HOWS))
        end = None if not how else start + draw(seconds)
        wait = draw(st.none() | seconds)
        found.append(Attempt(start, draw(seconds), draw(seconds), end, how, wait))
        at = start if end is None else end
    return found


@given(attempts(), st.sampled_from(State), seconds, st.none() | seconds)
def test_parts_never_overlap_leave_no_holes_and_add_up_to_the_lifetime(
    tried: list[Attempt], state: State, now: float, ready: float | None
) -> None:
    known = [each for each in tried if (each.start or 0.0) <= now]
    told = parts(known, NodeState("a", state, ready_mono=ready), now)
    assert all(later.start == earlier.end for earlier, later in pairwise(told))
    assert all(0 <= part.start <= part.end <= now for part in told)
    if told:
        total = sum(part.seconds for part in told)
        assert total == pytest.approx(told[-1].end - told[0].start, abs=1e-6)
    assert sum(part.kind in WORK for part in told) <= len(known)


# -- the window ---------------------------------------------------------------------------------------------------


def _window(size: int, now: float, origin: float, scale: float) -> Window:
    window = Window(scale)
    window.look(size, now, origin)
    return window


windows = st.builds(
    _window,
    st.integers(1, 300),
    st.floats(0, 1e7),
    st.floats(0, 1e7),
    st.just(0.0) | st.sampled_from(SCALES),
)


@given(windows)
@pytest.mark.chaos
def test_the_present_is_shown_unless_somebody_has_gone_back(window: Window) -> None:
    assert window.following
    assert 0 <= window.cell(window.now) < window.size


@given(windows, st.lists(st.sampled_from(["pan", "back", "in", "out", "follow"]), max_size=8))
def test_ticks_are_round_in_order_and_apart_wherever_one_looks(window: Window, moves: list[str]) -> None:
    for move in moves:
        {
            "pan": lambda: window.pan(0.3),
            "back": lambda: window.pan(-0.7),
            "in": lambda: window.zoom(1),
            "out": lambda: window.zoom(-1),
            "follow": window.follow,
        }[move]()
    shown = ticks(window)
    cells_at = [at for at, _ in shown]
    assert cells_at == sorted(set(cells_at))
    assert all(0 <= at < window.size for at in cells_at)
    assert all(later - earlier >= TICK_CELLS - 1 for earlier, later in pairwise(cells_at))
    for glyphs in (UNICODE, ASCII):
        assert width(axis(window, glyphs)) == window.size
    assert window.begin >= 0


def test_ticks_are_labelled_with_round_times() -> None:
    shown = [label for _, label in ticks(_window(60, 100, 0, 1))]
    assert shown == ["0:50", "1:00", "1:10", "1:20", "1:30", "1:40"]
    assert all(later > earlier for earlier, later in pairwise(STEPS))


def test_zooming_keeps_the_present_where_it_follows_it_and_the_middle_elsewhere() -> None:
    window = _window(100, 1_000, 0, 5)
    window.zoom(1)
    assert window.following
    window.pan(-1)
    middle = window.begin + 50 * window.per_cell
    window.zoom(1)
    assert window.begin + 50 * window.per_cell == pytest.approx(middle, abs=2 * window.per_cell)
    assert not window.following
    for _ in range(100):
        window.pan(1)
    assert window.following


def test_who_pans_back_to_the_present_follows_it_again() -> None:
    window = _window(50, 1_000, 0, 1)
    window.pan(-0.5)
    assert not window.following
    window.pan(0.5)
    assert window.start is None


def test_who_looks_at_a_time_before_that_follows_it() -> None:
    window = _window(10, 100, 0, 1)
    window.pan(-0.5)
    assert not window.following
    window.look(10, 50.0)
    assert window.following


def test_nothing_is_shown_of_the_time_before_work_began() -> None:
    window = _window(100, 7_300, 7_200, 0)
    assert window.begin == pytest.approx(7_200, abs=2)
    window.pan(-10)
    assert window.begin == pytest.approx(7_200, abs=2)


# -- bars ---------------------------------------------------------------------------------------------------------

KINDS: list[Kind] = ["queue", "throttle", "backoff", "away", "idle", "run", "ok", "failed", "refused", "cut", "asks"]


@given(windows, st.lists(st.tuples(st.sampled_from(KINDS), st.floats(0, 1e6)), max_size=12))
def test_a_bar_is_as_wide_as_the_window(window: Window, drawn: list[tuple[Kind, float]]) -> None:
    told: list[Part] = []
    at = 0.0
    for kind, length in drawn:
        told.append(Part(kind, at, at + length))
        at += length
    for glyphs in (UNICODE, ASCII):
        line = bar(told, window, glyphs)
        assert width(line) == window.size
        assert glyphs is UNICODE or words(line).isascii()


def test_each_kind_of_time_has_its_own_glyph_without_any_colour() -> None:
    window = _window(50, 50, 0, 1)
    for glyphs in (UNICODE, ASCII):
        apart: list[Kind] = ["queue", "throttle", "backoff", "ok"]
        shown = {words(bar([Part(kind, 0.0, 20.0)], window, glyphs))[5] for kind in apart}
        assert len(shown) == 4


def test_work_that_took_no_time_is_seen_all_the_same() -> None:
    assert words(bar([Part("ok", 3.0, 3.0)], _window(20, 19, 0, 1), UNICODE)).strip() == "▇"


def test_of_attempts_that_began_before_anybody_looked_at_least_so_many_were_in_flight() -> None:
    flow = Flow()
    flow.ended(3.5, "ok")
    flow.started(5.5)
    assert flow.levels == [1, 1, 1, 0, 0, 1]


def test_the_first_try_is_no_retry() -> None:
    window = _window(20, 19, 0, 1)
    assert "↻" not in words(bar([Part("ok", 2.0, 12.0)], window, UNICODE))
    assert words(bar([Part("ok", 2.0, 6.0), Part("ok", 8.0, 12.0)], window, UNICODE)).index("↻") == 8


def density_of(now: float, *ends: End) -> str:
    flow = Flow()
    for at, how in enumerate(ends):
        flow.started(float(at))
        flow.ended(float(at), how)
    return words(density(flow, NodeState("each", State.RUNNING, running=1), _window(20, now, 0, 1), UNICODE))


def test_of_a_map_failures_are_marked_and_refusals_where_they_outweigh_ends() -> None:
    shown = density_of(19.0, "ok", "failed", "refused", "ok")
    assert shown[1:3] == "✗◔"
    assert shown[0] == shown[3] not in " ✗◔"


def test_of_a_map_nothing_is_drawn_of_what_comes_later() -> None:
    flow = Flow()
    flow.started(1.0)
    flow.started(15.0)
    shown = words(density(flow, NodeState("each", State.RUNNING, running=2), _window(20, 10, 0, 1), UNICODE))
    assert shown[1:11].strip()
    assert not shown[11:].strip()


def test_what_was_let_go_of_between_two_stretches_of_work_is_told_as_away() -> None:
    tried = [Attempt(0.0, end=2.0, how="away"), Attempt(9.0, queue_s=1.0)]
    told = parts(tried, NodeState("a", State.RUNNING), 12.0)
    assert told == [Part("ok", 0.0, 2.0), Part("away", 2.0, 9.0), Part("run", 9.0, 12.0)]


def test_what_began_and_ended_within_a_stretch_of_time_was_at_work_in_it() -> None:
    flow = Flow()
    flow.started(3.1)
    flow.ended(3.4, "ok")
    assert flow.history(6.0, 10) == [0, 0, 0, 1, 0, 0, 0]


def test_failures_refusals_retries_and_the_front_are_marked() -> None:
    timeline, moment = timeline_of(busy(), 120)
    rows = [words(timeline.row(at, 120, moment, UNICODE, chosen=False)) for at in range(len(timeline.ids))]
    first, second, third = (next(row for row in rows if f" {name} " in row) for name in ("first", "second", "third"))
    assert "✗╌" in first
    assert "↻" in first
    assert "◔▒" in second
    assert second.rstrip("0123456789: ").endswith("▶")
    assert "▒" in third


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
@pytest.mark.parametrize("size", [8, 30, 59, 60, 80, 119, 200])
@pytest.mark.chaos
def test_every_row_is_as_wide_as_its_place(size: int, glyphs: Glyphs) -> None:
    for make in (busy, mid_run):
        timeline, moment = timeline_of(make(), size, glyphs)
        if size < 20:
            continue
        assert width(timeline.head(size, glyphs)) == size
        assert width(legend(size, glyphs)) == size
        for at in range(len(timeline.ids)):
            assert width(timeline.row(at, size, moment, glyphs, chosen=at == 0)) == size


def test_a_map_is_one_row_of_how_many_were_at_work() -> None:
    timeline, moment = timeline_of(busy(), 120)
    row = words(timeline.row(timeline.row_of["each"], 120, moment, UNICODE, chosen=False))
    assert "▃▃▃" in row or "▂▂▂" in row
    assert "▇▇▇" in row
    assert "6 of 40 items, for 0:32" in timeline.told("each", UNICODE)
    assert "at most 3 at once" in timeline.told("each", UNICODE)


def test_what_the_items_of_a_map_waited_for_is_told_in_sum_with_shares() -> None:
    feed = busy()
    timeline, _ = timeline_of(feed)
    ran = 6 * 1.4 + sum(session_time(feed.state, feed.now) - begun for begun in begun_of(feed, "each"))
    assert f"items in sum ran {say.took(ran)} (100%)" in timeline.told("each", UNICODE)
    feed.play(ev.AttemptStarted("each", 1, 9, pool=WORKER, model=WORKER, queue_s=ran, throttle_s=2 * ran), after=0)
    timeline, _ = timeline_of(feed)
    told = timeline.told("each", UNICODE)
    assert f"queued {say.took(ran)} (25%), throttled {say.took(2 * ran)} (50%), ran {say.took(ran)} (25%)" in told


def test_of_a_map_without_items_that_have_begun_nothing_is_told_in_sum() -> None:
    feed = approved(POOLED)
    feed.play(ev.MapExpanded("each", 0))
    timeline, _ = timeline_of(feed)
    assert timeline.told("each", UNICODE) == "each: 0 of 0 items, nothing has run yet"
    assert "in sum" not in timeline.told("each", UNICODE)


def begun_of(feed: ScriptedFeed, node: str) -> list[float]:
    return [begun for (of, _), (_, begun) in feed.state.measures.running.items() if of == node]


def test_the_longest_path_is_lit() -> None:
    timeline, moment = timeline_of(busy(), 120)
    rows = {node: words(timeline.row(at, 120, moment, UNICODE, chosen=False)) for node, at in timeline.row_of.items()}
    lit = {node for node, row in rows.items() if "◆" in row}
    assert {"scan", "report"} <= lit
    assert "third" not in lit


def test_of_a_map_it_is_known_how_long_any_of_it_ran_and_of_no_wait() -> None:
    feed = mid_run()
    timeline, _ = timeline_of(feed)
    node, now = feed.state.nodes["translate"], session_time(feed.state, feed.now)
    assert timeline.spent(node, WORK, now) > 0
    assert timeline.spent(node, frozenset({"queue", "throttle", "backoff"}), now) == 0


def test_a_path_of_one_node_is_no_longest_path() -> None:
    timeline, _ = timeline_of(approved(Plan("goal", (prompt("alone"),))))
    assert timeline.lit == frozenset()


def test_exact_figures_are_told_in_a_line() -> None:
    timeline, _ = timeline_of(busy())
    told = timeline.told("first", UNICODE)
    assert "queued 1.5s" in told
    assert "backed off 6.0s" in told
    assert "in 2 tries" in told
    assert "failed once" in told
    assert "has not begun" in timeline.told("report", UNICODE)
    assert timeline.told("nobody", UNICODE) == ""


def test_rows_are_in_order_of_start_of_work_or_of_waiting() -> None:
    timeline, moment = timeline_of(busy())
    assert timeline.ids[0] == "scan"
    assert timeline.ids[-1] == "report"
    node, now = mid_run().state.nodes["quality"], moment.session
    timeline.flights.by_node["quality"] = {1: Attempt(60.0, queue_s=20.0, throttle_s=5.0)}
    assert timeline._began(node, now) == 35.0  # since it waits for a place, not since it has one
    timeline.next_sort()
    assert timeline.sort[0] == "took"
    timeline.choose(moment)
    assert timeline.ids[0] == "second"
    timeline.next_sort()
    timeline.choose(moment)
    assert timeline.ids[0] == "読む-ファイル"
    timeline.next_sort()
    assert timeline.sort[0] == SORTS[0]


# -- what is kept -------------------------------------------------------------------------------------------------


@given(st.integers(0, 60), st.integers(1, 20))
def test_what_is_fetched_later_makes_the_same_picture(cut: int, page: int) -> None:
    feed = busy()
    cut = min(cut, len(feed.events))
    known = Flights()
    known.absorb(feed.events[cut:], feed.state)
    while (gap := known.missing(feed.state.seq)) is not None:
        first, last = gap
        known.put([event for event in feed.events if max(first, last - page + 1) <= event.seq <= last], feed.state)
    whole = flights_of(feed)
    assert known.whole
    assert known.by_node == whole.by_node
    assert {pool: log.flow.levels for pool, log in known.pools.items()} == {
        pool: log.flow.levels for pool, log in whole.pools.items()
    }
    assert known.refused == whole.refused


def test_events_that_come_twice_or_out_of_reach_change_nothing() -> None:
    feed = busy()
    known = flights_of(feed)
    seen = known.seen
    known.absorb(feed.events, feed.state)
    later = replace(feed.events[-1], seq=feed.events[-1].seq + 50)
    known.absorb([later], feed.state)
    assert known.seen == seen
    assert known.missing(feed.state.seq + 50) == (feed.state.seq + 1, feed.state.seq + 50)
    assert known.missing(feed.state.seq + BACK + 50) is not None


def test_events_that_leave_a_hole_are_left_out_and_the_first_ones_are_where_it_begins() -> None:
    feed = busy()
    known = Flights()
    known.put(feed.events[20:], feed.state)
    assert (known.first, known.last) == (21, feed.state.seq)
    known.put(feed.events[5:10], feed.state)
    assert known.first == 21
    assert not known.whole
    known.put(feed.events, feed.state)
    assert known.by_node == flights_of(feed).by_node


def test_another_session_begins_anew() -> None:
    known = flights_of(busy())
    other = mid_run()
    other.state.id = "another"
    known.absorb([], other.state)
    assert not known.by_node
    assert not known.whole or known.last < 0


def test_memory_is_bounded_by_nodes_and_not_by_attempts_or_time() -> None:
    flow = Flow()
    for at in range(0, 200_000, 50):
        flow.started(float(at))
        flow.ended(at + 30.0, "ok")
    assert len(flow.delta) <= BINS
    assert sum(flow.ends) == 4_000
    assert max(flow.levels) <= 1
    feed = approved(Plan("once", (prompt("again", retries=500),)))
    for number in range(1, 300):
        feed.play(ev.AttemptStarted("again", number), after=1)
        feed.play(ev.AttemptThrottled("again", number, 1.0), after=1)
    kept = flights_of(feed).by_node["again"]
    assert len(kept) <= PER_NODE
    assert max(kept) == 299


def test_what_a_replay_has_seen_of_later_is_left_out() -> None:
    feed = busy()
    timeline, moment = timeline_of(feed)
    early = replace(moment, session=20.0)
    told = timeline.parts(NodeState("first", State.RUNNING), 20.0)
    assert kinds(told) == ["queue", "run"]
    assert told[-1].end == 20.0
    assert flights_of(feed).pools["deepseek/deepseek-chat"].last_refusal(20.0) is None
    timeline.choose(early)


# -- the screen ---------------------------------------------------------------------------------------------------


def view(pilot: Pilot[int]) -> TimelineView:
    screen = pilot.app.screen
    assert isinstance(screen, RunScreen)
    return screen.part(TimelinePart).widget


OTHER = [pytest.param(size, marks=pytest.mark.chaos) for size in ((80, 24), (200, 60))]


async def hit(pilot: Pilot[int], *keys: str) -> None:
    """Press keys, and let them take effect together."""
    for key in keys:
        await pilot.press(key)
    await settled(pilot)


@pytest.mark.parametrize("size", [(120, 40), *OTHER])
@pytest.mark.chaos
async def test_six_shows_the_timeline_alone_and_esc_leads_back(size: tuple[int, int]) -> None:
    async with opened(busy(), size) as pilot:
        await hit(pilot, "6")
        shown = text(pilot)
        assert "╷" in shown
        assert "longest path" in shown or size[0] < 100
        assert "◔▒" in shown
        assert view(pilot).size.width == size[0] - 2
        await hit(pilot, "escape")
        assert not view(pilot).display


async def test_keys_move_zoom_sort_and_find_in_the_timeline() -> None:
    async with opened(busy()) as pilot:
        await hit(pilot, "6", "g", "j")
        widget = view(pilot)
        timeline, window = widget.timeline, widget.timeline.window
        assert pilot.app.selected == timeline.ids[1]  # type: ignore[attr-defined]
        per_cell = window.per_cell
        await hit(pilot, *["right_curly_bracket"] * 3, "h", "h")
        assert window.per_cell < per_cell
        assert not window.following
        assert "l goes on" in lines(pilot)[1]
        await hit(pilot, "G", "left_curly_bracket", "S")
        assert window.following
        assert timeline.sort == ("took", False)
        await hit(pilot, "D", "slash", *"fir", "enter")
        assert timeline.sort == ("took", True)
        assert timeline.ids == ["first"]


async def test_matches_in_the_timeline_come_in_the_order_of_its_rows() -> None:
    async with opened(busy()) as pilot:
        await hit(pilot, "6", "slash", *"!absent", "enter", "S", "g")
        ids, app = view(pilot).timeline.ids, pilot.app
        gone_to = []
        for _ in ids:
            await hit(pilot, "n")
            gone_to.append(app.selected)  # type: ignore[attr-defined]
        assert ids != sorted(ids, key=list(view(pilot).timeline.state.nodes).index)
        assert gone_to == [*ids[1:], ids[0]]
        await hit(pilot, "escape", "n")
        assert app.selected == ids[0]  # type: ignore[attr-defined]


def test_it_is_told_that_the_beginning_is_not_shown() -> None:
    timeline, _ = timeline_of(busy())
    assert "the beginning is not shown" not in timeline.title(UNICODE, ">")
    timeline.flights.first = 40
    assert timeline.title(UNICODE, ">").endswith("the beginning is not shown")


async def test_what_is_searched_for_is_told_as_it_was_typed() -> None:
    async with opened(busy()) as pilot:
        await hit(pilot, "6", "slash", *"!{end}", "enter", *["right_curly_bracket"] * 3, "h")
        title = str(view(pilot).border_title)
        assert "!{end}" in title
        assert "(l goes on)" in title


async def test_the_cursor_stays_on_its_node_whatever_is_shown_of_the_others() -> None:
    async with opened(busy()) as pilot:
        await hit(pilot, "6")
        widget = view(pilot)
        widget.select("second")
        widget.find("on")  # second alone is left
        await settled(pilot)
        assert widget.timeline.ids == ["second"]
        assert widget.selected == "second"
        widget.find("")
        await settled(pilot)
        assert widget.selected == "second"


async def test_a_click_on_what_the_glyphs_mean_is_no_row() -> None:
    async with opened(large(200)) as pilot:
        await hit(pilot, "6")
        widget = view(pilot)
        before, last = widget.selected, widget.size.height - 1 + widget.gutter.top
        widget.on_click(events.Click(widget, 6, last, 0, 0, 1, False, False, False))
        assert widget.selected == before
        widget.on_click(events.Click(widget, 6, last - 1, 0, 0, 1, False, False, False))
        assert widget.selected != before


@pytest.mark.chaos
async def test_the_mouse_selects_a_row_and_its_wheel_zooms_and_pans() -> None:
    async with opened(busy()) as pilot:
        await hit(pilot, "6")
        widget = view(pilot)
        await pilot.click("#timeline", offset=(6, 3))
        await settled(pilot)
        assert pilot.app.selected == widget.timeline.ids[1]  # type: ignore[attr-defined]
        before = widget.timeline.window.per_cell
        for _ in range(4):
            widget._on_mouse_scroll_up(wheel(widget, ctrl=True))
        assert widget.timeline.window.per_cell < before
        widget._on_mouse_scroll_up(events.MouseScrollUp(widget, 5, 5, 0, 0, 0, True, False, False))
        assert not widget.timeline.window.following


def wheel(widget: TimelineView, *, ctrl: bool) -> events.MouseScrollUp:
    return events.MouseScrollUp(widget, 5, 5, 0, 0, 0, False, False, ctrl)


@pytest.mark.chaos
async def test_the_row_under_the_cursor_is_told_exactly() -> None:
    async with opened(busy()) as pilot:
        await hit(pilot, "6")
        pilot.app.screen.select("first")  # type: ignore[attr-defined]
        await hit(pilot, "f7")
        assert "first: 0:1" in text(pilot)
        assert "backed off 6.0s" in text(pilot)


async def test_a_replay_shows_what_had_happened_by_then() -> None:
    feed = busy()
    at = next(event.seq for event in feed.events if isinstance(event.body, ev.AttemptFailed))
    async with opened(replayed(feed, at=at)) as pilot:
        await hit(pilot, "f7")
        shown = text(pilot)
        assert "✗" in shown
        assert "◔" not in shown.split("queued")[0]
        assert view(pilot).timeline.flights.first == 1
        await hit(pilot, "G")
        assert "◔▒" in text(pilot)


@pytest.mark.chaos
async def test_five_thousand_nodes_are_drawn_in_no_time() -> None:
    import time

    async with opened(large(5_000)) as pilot:
        await hit(pilot, "6")
        timeline = view(pilot)
        pilot.app.screen.redraw()  # type: ignore[attr-defined]
        before = time.process_time()
        for _ in range(20):
            timeline.go(0, 1)
            timeline.show()
        assert (time.process_time() - before) / 20 < 0.05
        assert not Changes()


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII], ids=["unicode", "ascii"])
def test_what_was_sent_back_or_cut_is_in_the_legend_at_eighty_columns(glyphs: Glyphs) -> None:
    told = "".join(words for words, _ in legend(78, glyphs))
    sign = "%" if glyphs.ascii else "▓◔"
    assert f"{sign} 429, cut" in told
    assert "retry" in told
