"""The tour: once, and only where somebody sits there; over the screen as it is; skipped by one key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot
from textual.screen import Screen

from swarmtui.session import events as ev
from swarmtui.tui.actions.action import Scope
from swarmtui.tui.actions.table import BY_ID, Keys
from swarmtui.tui.app import Workbench
from swarmtui.tui.memory import Memory
from swarmtui.tui.screens.plan import PlanScreen
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.screens.tour import TourScreen, offer_tour
from swarmtui.tui.tour import SEEN, STEPS, WIDE, box_lines, due, place
from swarmtui.tui.view.glyphs import ASCII
from swarmtui.tui.view.lines import width
from tests.tui.browsing import browsed, rested
from tests.tui.opening import lines, opened, press, settled, text
from tests.tui.scripted_feed import REVIEW, SESSIONS, ScriptedFeed, mid_run, planning

FIRST_TIME: dict[str, Any] = {"seen": False, "lasting": True, "terminal": True, "replay": False, "environ": {}}


@pytest.mark.parametrize(
    "but",
    [
        {"seen": True}, {"lasting": False}, {"terminal": False}, {"replay": True}, {"environ": {"SWARMTUI_TOUR": "0"}},
        {"environ": {"CI": "true"}},
    ],
)  # fmt: skip
def test_it_is_shown_once_and_only_where_somebody_sits_there(but: dict[str, Any]) -> None:
    assert due(**FIRST_TIME)
    assert not due(**{**FIRST_TIME, **but})


@pytest.mark.parametrize("scope", STEPS)
def test_every_action_that_it_names_is_one_of_the_screen(scope: Scope) -> None:
    for step in STEPS[scope]:
        named = re.findall(r"\{(\w+)\}", step.text)
        assert all(scope in BY_ID[one].scopes for one in named), step
        assert "{" not in Keys().in_words(step.text)


def test_what_has_no_key_is_called_by_its_name() -> None:
    assert Keys({"pause_node": ()}).in_words("{pause_node} and {help}") == ":pause node and ?"


@pytest.mark.parametrize(("size", "times"), [((120, 40), 1), ((50, 40), 0), ((120, 15), 0)])
async def test_where_there_is_no_room_nobody_is_shown_around_unasked(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], times: int
) -> None:
    opened_over: list[object] = []
    async with opened(mid_run(), size=size) as pilot:
        monkeypatch.setattr("swarmtui.tui.screens.tour.due", lambda **_: True)
        monkeypatch.setattr("swarmtui.tui.screens.tour.open_tour", opened_over.append)
        offer_tour(pilot.app.screen, replay=False)
    assert len(opened_over) == times


RECTS = st.tuples(st.integers(0, 190), st.integers(0, 55), st.integers(1, 200), st.integers(1, 60))


@given(RECTS, st.integers(60, 200), st.integers(16, 60), st.integers(5, 10))
def test_the_box_is_on_the_screen_and_leaves_the_part_to_be_seen_where_there_is_room(
    part: tuple[int, int, int, int], wide: int, high: int, tall: int
) -> None:
    part = (min(part[0], wide - 1), min(part[1], high - 1), part[2], part[3])
    part = (*part[:2], min(part[2], wide - part[0]), min(part[3], high - part[1]))
    x, y = place(part, (wide, high), (WIDE, tall))
    assert 0 <= x <= wide - WIDE
    assert 0 <= y <= high - tall
    left, top, across, down = part
    roomy = top >= tall or top + down + tall <= high or left >= WIDE or left + across + WIDE <= wide
    hidden = left < x + WIDE and x < left + across and top < y + tall and y < top + down
    assert not (roomy and hidden)


@pytest.mark.parametrize("ascii_only", [False, True])
def test_every_line_of_the_box_is_as_wide_as_the_box(ascii_only: bool) -> None:
    for steps in STEPS.values():
        for at, step in enumerate(steps):
            box = box_lines(step, step.text, at, len(steps), "enter goes on", WIDE, ascii_only=ascii_only)
            assert {width(line) for line in box} == {WIDE}
            assert len(box) <= 9
            assert not ascii_only or all(part.isascii() for line in box for part, _ in line)


async def test_on_a_short_screen_the_box_hides_as_little_of_the_graph_as_can_be() -> None:
    async with opened(mid_run(), (60, 18)) as pilot:
        pilot.app.screen.do_tour()  # type: ignore[attr-defined]
        await press(pilot, "enter")
        shown = lines(pilot)
        assert all(any(node in line for line in shown) for node in ("scan", "publish", "lint", "scope"))
        assert shown[-2].lstrip().startswith("╰")


def touring(pilot: Pilot[Any]) -> TourScreen:
    screen = pilot.app.screen
    assert isinstance(screen, TourScreen)
    return screen


async def tour(pilot: Pilot[Any]) -> TourScreen:
    pilot.app.screen.do_tour()  # type: ignore[attr-defined]
    await pilot.pause()
    await pilot.pause()
    return touring(pilot)


@pytest.mark.chaos
async def test_it_goes_through_the_parts_forwards_and_backwards_and_ends() -> None:
    async with opened(mid_run()) as pilot:
        shown = await tour(pilot)
        parts = [step.part for step, _ in shown._parts]
        assert parts[:2] == ["header", "graph"]
        assert 5 <= len(parts) <= 6
        assert "How it stands" in text(pilot)
        await press(pilot, "enter")
        assert shown.step.part == "graph"
        assert "What rests on what" in text(pilot)
        await press(pilot, "backspace", "backspace", "space", "right")
        assert shown.step.part == parts[2]
        await press(pilot, *["enter"] * (len(parts) - 2))
        assert isinstance(pilot.app.screen, RunScreen)


async def test_the_keys_of_the_screen_are_not_shown_but_where_they_are_told_of() -> None:
    async with opened(mid_run()) as pilot:
        keys = lines(pilot)[-1]
        assert keys.strip()
        shown = await tour(pilot)
        for step, _ in list(shown._parts):
            assert lines(pilot)[-1] == (keys if step.part == "actions" else " " * 120), step
            await press(pilot, "enter")
        assert lines(pilot)[-1] == keys


async def test_the_screen_behind_it_goes_on() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        shown = await tour(pilot)
        assert "paused" not in lines(pilot)[0]
        feed.play(ev.SessionPaused("user"), after=1)
        await settled(pilot)
        assert pilot.app.screen is shown
        assert "paused" in text(pilot)
        assert "How it stands" in text(pilot)


async def test_that_it_was_shown_is_kept_at_once_for_a_workbench_that_is_begun_beside(tmp_path: Path) -> None:
    feed = mid_run()

    async def connect() -> ScriptedFeed:
        return feed

    app = Workbench(connect, memory=Memory(tmp_path / "memory.json"), theme="swarm-dark")
    async with app.run_test() as pilot:
        await settled(pilot)
        await tour(pilot)
        await settled(pilot)
        assert Memory(tmp_path / "memory.json").get(SEEN, False)


@pytest.mark.parametrize("key", ["escape", "q", "ctrl+c"])
@pytest.mark.chaos
async def test_one_key_skips_it_and_it_is_not_shown_again(key: str) -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await tour(pilot)
        await press(pilot, key)
        assert isinstance(pilot.app.screen, RunScreen)
        assert pilot.app.memory.get(SEEN, False)  # type: ignore[attr-defined]
        assert pilot.app.is_running
    assert feed.commands == []


@pytest.mark.chaos
async def test_tests_and_pipes_never_see_it(tmp_path: Path) -> None:
    async with opened(mid_run()) as pilot:
        app = pilot.app
        assert isinstance(app.screen, RunScreen)
        app.memory = Memory(tmp_path / "memory.json")  # type: ignore[attr-defined]
        offer_tour(app.screen, replay=False)  # there is no terminal
        await pilot.pause()
        assert isinstance(app.screen, RunScreen)


@pytest.mark.chaos
@pytest.mark.parametrize("name", ["mid_run", "awaiting_approval", "planning", "finished"])
@pytest.mark.parametrize("size", [(80, 24), (60, 16), (40, 12), (200, 60)])
async def test_it_is_legible_over_every_session_at_every_size(name: str, size: tuple[int, int]) -> None:
    async with opened(SESSIONS[name](), size, glyphs=ASCII) as pilot:
        shown = await tour(pilot)
        for step, _ in list(shown._parts):
            assert any(step.title in line for line in lines(pilot)), step
            await press(pilot, "enter")
        assert not isinstance(pilot.app.screen, TourScreen)


@pytest.mark.chaos
async def test_the_plan_is_explained_where_one_waits() -> None:
    async with opened(SESSIONS["awaiting_approval"]()) as pilot:
        assert isinstance(pilot.app.screen, PlanScreen)
        await tour(pilot)
        assert "nothing runs before you say so" in text(pilot)


async def test_nobody_is_shown_a_plan_that_is_still_being_written(monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[Any] = []
    monkeypatch.setattr("swarmtui.tui.screens.tour.offer_tour", lambda screen, replay: offered.append(screen))
    monkeypatch.setattr("swarmtui.tui.app.UNPLANNED_S", 0.01)
    async with opened(SESSIONS["planning"]()) as pilot:
        app: Any = pilot.app
        assert offered == []
        app.show_feed(SESSIONS["awaiting_approval"]())
        for _ in range(100):
            await pilot.pause(0.01)
            if offered:
                break
        assert [type(screen) for screen in offered] == [PlanScreen]


async def test_the_list_of_sessions_has_one_too() -> None:
    async with browsed() as pilot:
        await tour(pilot)
        assert "Your sessions" in "\n".join(lines(pilot))  # type: ignore[arg-type]
        await pilot.press("escape")
        await rested(pilot)
        assert not isinstance(pilot.app.screen, TourScreen)


async def test_it_is_offered_once_the_plan_that_it_speaks_of_is_on_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    offered: list[bool] = []

    def offer(screen: Screen[object], *, replay: bool) -> None:
        offered.append(screen.query_one("#plan-graph").is_on_screen and not screen.query_one("#planning").is_on_screen)

    feed = planning()
    async with opened(feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        monkeypatch.setattr("swarmtui.tui.screens.tour.offer_tour", offer)
        feed.play(ev.PlanProposed(1, REVIEW, ""), after=1)
        app._show_around()
        await settled(pilot)
        assert offered
        assert all(offered)


async def test_nobody_is_shown_around_a_session_that_was_left_meanwhile() -> None:
    async with opened(mid_run()) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
    assert not app.screen_stack
    app._show_around()  # was due, and comes late
    app._offer_tour()
    assert app.crash is None
