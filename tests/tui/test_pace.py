"""How often is drawn: what changed is collected, and what nobody sees costs nothing."""

from __future__ import annotations

import gc
import subprocess
import sys
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from textual.strip import Strip

from swarmtui.session import events as ev
from swarmtui.tui.app import FRAME_S, Workbench
from swarmtui.tui.pace import IN_A_ROW, PAINTS_PER_S, Pace
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.widgets.log import LogView
from tests.tui.opening import opened, press, settled
from tests.tui.scripted_feed import large, mid_run

WAITS_FOR_A_SESSION = ("swarmtui.host.client", "swarmtui.host.archive", "swarmtui.host.ssh_dial", "swarmtui.tui.app")
"""What `attach` loads when it opens a session, not before."""


def noted(number: int) -> list[ev.Noted]:
    return [ev.Noted("info", f"line {at}") for at in range(number)]


async def test_what_happens_between_two_frames_is_one_drawing() -> None:
    assert FRAME_S >= 0.1
    feed = large(20)
    async with opened(feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.draw_if_due()
        before = app.frames_drawn
        feed.play(*noted(1_000))
        for _ in range(10):
            app.draw_if_due()
        while app.taking.is_under_way:
            await pilot.pause()
        assert app.frames_drawn == before + 1


async def test_lines_come_without_laying_anything_out_again() -> None:
    feed = large(20)
    async with opened(feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        feed.play(*noted(100))
        app.draw_if_due()
        await pilot.pause()
        log = app.screen.query_one(LogView)
        feed.play(*noted(100))
        app.draw_if_due()
        assert not log._layout_required
        await pilot.pause()
        assert log.virtual_size.height == len(log._shown)
        assert log.scroll_offset.y == log.max_scroll_y


async def test_a_pane_that_is_hidden_is_not_drawn() -> None:
    feed = large(20)
    async with opened(feed) as pilot:
        await press(pilot, "4")
        app = pilot.app
        assert isinstance(app, Workbench)
        assert isinstance(app.screen, RunScreen)
        log = app.screen.query_one(LogView)
        before = log.virtual_size
        feed.play(*noted(10))
        app.draw_if_due()
        assert log.virtual_size == before
        await press(pilot, "5")
        assert log.virtual_size.height == before.height + 10
        assert "line 9" in log.line_told


def test_what_opens_a_session_is_loaded_when_there_is_one() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, swarmtui.cli.attach, swarmtui.cli.following; print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    assert not set(WAITS_FOR_A_SESSION) & set(loaded)


class Clock:
    """Time that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.floats(0.0, 0.2), min_size=1, max_size=200))
def test_in_no_second_there_are_more_paints_than_may_be(gaps: list[float]) -> None:
    clock, painted = Clock(), list[float]()
    pace = Pace(clock)
    for gap in gaps:
        clock.now += gap
        if pace.wait() == 0:
            pace.painted()
            painted.append(clock.now)
    assert all(sum(start <= at < start + 1 for at in painted) <= PAINTS_PER_S for start in painted)


def test_a_paint_waits_no_longer_than_it_must() -> None:
    clock = Clock()
    pace = Pace(clock)
    for _ in range(IN_A_ROW):
        assert pace.wait() == 0
        pace.painted()
    assert 0 < pace.wait() < 0.05
    clock.now += pace.wait() + 1e-6
    assert pace.wait() == 0


async def test_keys_and_events_in_a_rush_are_painted_as_often_as_may_be_and_all_are_seen_in_the_end(
    monkeypatch: Any,
) -> None:
    feed, clock, paints = large(20), Clock(), list[object]()
    async with opened(feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        monkeypatch.setattr(app, "_display", lambda screen, update: paints.append(update) if update else None)
        app.pace = Pace(clock)
        for key in "jk" * 10:
            feed.play(*noted(1))
            app.draw_if_due()
            await pilot.press(key)
        assert 0 < len(paints) <= IN_A_ROW
        before = app.selected
        await pilot.press("j")
        assert app.selected != before  # what keys do does not wait
        clock.now += 1
        app.pace = None
        await pilot.pause()
        paints.clear()
        app.draw_now()
        await pilot.pause()
        assert paints or not app.screen._compositor._dirty_regions


async def test_a_screen_is_painted_once_for_all_that_was_asked_for(monkeypatch: Any) -> None:
    async with opened(large(20)) as pilot:
        app, paints = pilot.app, list[object]()
        await pilot.pause()
        monkeypatch.setattr(app, "_display", lambda screen, update: paints.append(update) if update else None)
        for _ in range(5):
            app.screen.refresh()
            app.screen._compositor_refresh()
        await pilot.pause()
        assert len(paints) == 1


async def test_what_is_to_be_seen_since_the_screen_was_laid_out_is_painted_with_it() -> None:
    async with opened(large(20)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, RunScreen)
        await settled(pilot)
        log = screen.query_one(LogView)
        log.refresh()
        screen._dirty_widgets.add(log)
        screen._unpainted = True
        screen.paint()
        assert not log._repaint_regions  # taken to be painted; Textual forgets that it was asked for


async def test_a_paint_that_comes_amid_a_batch_is_made_up_for_behind_it() -> None:
    async with opened(large(20)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, RunScreen)
        with pilot.app.batch_update():
            screen._unpainted = True
            screen.paint()
            assert screen.is_to_be_painted
        while screen.is_to_be_painted:
            await pilot.pause()


async def test_what_a_screen_was_drawn_with_goes_when_it_is_left() -> None:
    def strips() -> int:
        gc.collect()
        return sum(isinstance(one, Strip) for one in gc.get_objects())

    async with opened(mid_run()) as pilot:
        for _ in range(3):
            await press(pilot, "1", "2", "question_mark", "escape")
        before = strips()
        for _ in range(3):
            await press(pilot, "1", "2", "question_mark", "escape")
        assert strips() <= before * 1.1


async def test_a_screen_that_nobody_sees_takes_no_paint_from_the_one_in_front() -> None:
    async with opened(mid_run()) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        run = app.screen
        assert isinstance(run, RunScreen)
        await press(pilot, "X")
        app.pace = Pace(lambda: 0.0)
        run.query_one(LogView).refresh()
        run._unpainted = True
        run.paint()
        assert app.pace._free == IN_A_ROW
