"""What the workbench says stands in one place, over the line of keys: never over what is read or written."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot
from textual.widgets import Input

from swarmtui.tui import content
from swarmtui.tui.app import Workbench
from swarmtui.tui.screens.dialogs import LineScreen
from swarmtui.tui.screens.said import SaidScreen
from swarmtui.tui.view.glyphs import UNICODE
from swarmtui.tui.view.lines import width
from swarmtui.tui.view.told import MOST_LINES, READ_S, notice_lines, remember, said_lines
from swarmtui.tui.widgets.bars import ActionBar
from swarmtui.tui.widgets.lines import TextView
from swarmtui.tui.widgets.scrub import ScrubBar
from swarmtui.tui.widgets.told import NoticeLine
from tests.tui.opening import lines, opened, press, settled, text
from tests.tui.scripted_feed import mid_run
from tests.tui.scripted_past import replayed

LONG = "pause all: this is the past, which nobody can change (G leads to the end); Y forks the session here " * 2


def written(shown: list[object]) -> str:
    return "\n".join("".join(part for part, _ in line) for line in shown)  # type: ignore[attr-defined]


async def said(pilot: Pilot[int], message: str, severity: str = "information") -> None:
    content.notice(pilot.app, message, severity)  # type: ignore[arg-type]
    await settled(pilot)


async def test_a_notice_covers_the_line_of_keys_and_nothing_else() -> None:
    async with opened(mid_run(), size=(80, 24)) as pilot:
        before = lines(pilot)
        await said(pilot, "the output was copied")
        assert lines(pilot)[:-1] == before[:-1]
        assert "the output was copied" in lines(pilot)[-1]


async def test_a_long_one_makes_the_line_of_keys_as_high_as_it_so_that_a_replays_bar_stays_in_view() -> None:
    async with opened(replayed(mid_run(), at=40), size=(80, 24)) as pilot:
        await said(pilot, LONG, "warning")
        app = pilot.app
        line, bar = app.screen.query_one(NoticeLine), app.screen.query_one(ScrubBar)
        assert 1 < line.size.height <= MOST_LINES
        assert bar.region.bottom == line.region.y
        assert app.screen.query_one(ActionBar).region == line.region


async def test_the_newest_is_shown_with_how_many_came_before_and_all_of_them_are_kept() -> None:
    async with opened(mid_run()) as pilot:
        for one in ("first", "second", "third"):
            await said(pilot, one)
        assert "third" in lines(pilot)[-1]
        assert '+2 before, " shows all' in lines(pilot)[-1]
        await press(pilot, "quotation_mark")
        assert isinstance(pilot.app.screen, SaidScreen)
        shown = text(pilot)
        assert shown.index("third") < shown.index("second") < shown.index("first")
        await press(pilot, "escape")
        assert not isinstance(pilot.app.screen, SaidScreen)


async def test_a_page_of_what_was_said_is_as_much_as_is_shown_of_it() -> None:
    async with opened(mid_run(), size=(80, 24)) as pilot:
        for at in range(90):
            content.notice(pilot.app, f"said {at}")
        await press(pilot, "quotation_mark", "pagedown")
        view = pilot.app.screen.query_one("#said", TextView)
        assert view.scroll_y == view.page() > 10
        await press(pilot, "pagedown", "pageup", "pageup")
        assert view.scroll_y == 0


async def test_what_is_said_again_is_shown_once() -> None:
    async with opened(mid_run()) as pilot:
        for one in ("nothing to undo", "nothing to undo", "nothing to redo"):
            await said(pilot, one, "warning")
        assert [one.message for one in pilot.app._notifications] == ["nothing to undo", "nothing to redo"]
        assert '+1 before, " shows all' in lines(pilot)[-1]


async def test_an_error_stays_until_a_key_that_comes_once_it_can_have_been_read() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await said(pilot, "the disk is full", "error")
        (notification,) = pilot.app._notifications
        assert notification.timeout == math.inf
        await press(pilot, "j")
        assert "the disk is full" in lines(pilot)[-1], "a key on its way already takes it away"
        feed.now += READ_S
        feed.set_by -= 3_600  # whatever becomes of the wall clock
        await press(pilot, "j")
        assert not pilot.app._notifications
        assert "the disk is full" not in text(pilot)
        assert "help" in lines(pilot)[-1]


async def test_it_goes_along_to_another_screen_and_is_gone_from_all_of_them_afterwards() -> None:
    async with opened(mid_run()) as pilot:
        await said(pilot, "a long time ago")
        await press(pilot, "question_mark")
        assert "a long time ago" in lines(pilot)[-1]
        pilot.app.clear_notifications()
        await settled(pilot)
        await press(pilot, "escape")
        assert "a long time ago" not in text(pilot)


async def test_where_something_is_written_it_does_not_cover_what_is_written() -> None:
    async with opened(mid_run(), size=(80, 24)) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.ask_text("Mark this moment", "A few words.", lambda words: None)
        await settled(pilot)
        await press(pilot, "enter")
        assert isinstance(app.screen, LineScreen)
        assert "write something" in lines(pilot)[-1]
        assert not app.screen.query_one(NoticeLine).region.overlaps(app.screen.query_one(Input).region)


async def test_a_click_on_it_shows_all_that_was_said() -> None:
    async with opened(mid_run()) as pilot:
        await said(pilot, "the output was copied")
        await pilot.click(NoticeLine)
        await settled(pilot)
        assert isinstance(pilot.app.screen, SaidScreen)


@given(
    st.text(max_size=400).filter(str.strip),
    st.sampled_from(["information", "warning", "error"]),
    st.integers(0, 99),
    st.integers(24, 200),
)
def test_a_notice_is_never_higher_than_three_lines_nor_wider_than_the_screen(
    message: str, severity: str, before: int, size: int
) -> None:
    shown = notice_lines(message, severity, before, '"', size, UNICODE)  # type: ignore[arg-type]
    assert 1 <= len(shown) <= MOST_LINES
    assert all(width(line) <= size for line in shown)


def test_what_does_not_fit_says_how_all_of_it_is_seen() -> None:
    shown = written(notice_lines("word " * 200, "error", 0, '"', 80, UNICODE))  # type: ignore[arg-type]
    assert '" shows all' in shown
    assert "…" in shown


def test_the_words_of_a_notice_do_not_run_into_how_others_are_read() -> None:
    shown = written(notice_lines("x" * 76, "error", 2, '"', 80, UNICODE))  # type: ignore[arg-type]
    assert shown.startswith(" x " + "x" * 76)
    assert shown.endswith('+2 before, " shows all ')


def test_the_same_words_are_another_thing_where_they_are_graver() -> None:
    kept = remember(remember([], "no", "warning", 1.0), "no", "error", 2.0)
    assert [one.text for one in remember(kept, "yes", "warning", 3.0, most=2)] == ["no", "yes"]
    assert [(one.severity, one.times) for one in kept] == [("warning", 1), ("error", 1)]


def test_what_is_said_again_right_away_is_counted() -> None:
    kept = remember(remember([], "no", "warning", 1.0), "no", "warning", 2.0)
    assert [(one.text, one.times, one.ts) for one in kept] == [("no", 2, 2.0)]
    assert "no (2 times)" in written(said_lines(kept, 60))  # type: ignore[arg-type]
    assert "nothing was said yet" in written(said_lines([], 60))  # type: ignore[arg-type]
