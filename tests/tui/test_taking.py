"""A burst is taken in slices, in order, and keys go first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from swarmtui.host.feed import Changes, StreamText
from swarmtui.session import events as ev
from swarmtui.tui.app import Workbench
from swarmtui.tui.taking import AT_MOST_S, CHARS, EVENTS, slices
from swarmtui.tui.widgets.log import LogView
from tests.tui.opening import opened, press
from tests.tui.scripted_feed import large


def noted(number: int) -> tuple[ev.Event, ...]:
    return tuple(ev.Event(at + 1, 0.0, 0.0, ev.Noted("info", f"line {at}")) for at in range(number))


@given(st.integers(0, 3 * EVENTS), st.lists(st.integers(0, CHARS), max_size=6), st.booleans(), st.booleans())
def test_slices_are_all_of_it_in_order(events: int, texts: list[int], reset: bool, link: bool) -> None:
    streams = tuple(StreamText(f"n{at}", None, 1, "output", 0, "x" * size) for at, size in enumerate(texts))
    changes = Changes(frozenset({"a"}), noted(events), streams, reset, link)
    parts = list(slices(changes))
    assert tuple(event for part in parts for event in part.events) == changes.events
    assert tuple(stream for part in parts for stream in part.streams) == changes.streams
    assert all(len(part.events) <= EVENTS for part in parts)
    assert all(len(part.streams) < 2 or sum(len(one.text) for one in part.streams) <= CHARS for part in parts)
    assert [part.reset for part in parts] == [reset, *[False] * (len(parts) - 1)]
    assert parts[-1].nodes == changes.nodes
    assert parts[-1].link == link


async def test_a_key_is_carried_out_before_a_burst_is_taken_and_all_of_it_is_taken_in_the_end() -> None:
    feed = large(20)
    async with opened(feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        await press(pilot, "4")
        log = app.query_one(LogView)
        feed.play(*(ev.Noted("info", f"line {at}") for at in range(10 * EVENTS)))
        app.draw_if_due()
        assert app.taking.is_under_way
        before = app.selected
        await pilot.press("j")
        assert app.selected != before
        while app.taking.is_under_way:
            await pilot.pause(0.01)
        assert log._all[-1].seq == feed.state.seq
        assert [event.seq for event in log._all] == list(range(log._all[0].seq, feed.state.seq + 1))


async def test_keys_that_never_end_hold_a_burst_up_for_a_while_only() -> None:
    feed = large(20)
    async with opened(feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        now, taken = [0.0], list[int]()
        app.taking._busy, app.taking._clock = lambda: True, lambda: now[0]
        app.taking._take = lambda changes: taken.append(len(changes.events))
        app.taking.begin(Changes(events=noted(1)))
        assert not taken
        now[0] = AT_MOST_S
        app.taking._go_on()
        assert taken == [1]


async def test_what_is_left_of_a_burst_is_left_out_once_something_else_is_shown() -> None:
    async with opened(large(20)) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        taken: list[int] = []
        app.taking._take = lambda changes: taken.append(len(changes.events))
        app.taking.begin(Changes(events=noted(2 * EVENTS)), at_once=True)
        assert app.taking.is_under_way
        app.taking.forget()
        assert not app.taking.is_under_way
        for _ in range(3):
            await pilot.pause()
        assert sum(taken) == EVENTS


async def test_what_is_left_to_be_taken_when_the_workbench_has_ended_is_nothing_to_it() -> None:
    feed = large(20)
    async with opened(feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        feed.play(*(ev.Noted("info", f"line {at}") for at in range(2_000)))
        app.draw_if_due()
    assert app.screen_stack == []
    app.taking._go_on()
    assert app.crash is None
