"""The command palette: everything by name, the best first, at once however much there is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.pilot import Pilot
from textual.widgets import Input

from swarmtui.session.vocabulary import Status
from swarmtui.tui.actions.action import MOVE, Scope
from swarmtui.tui.actions.elsewhere import elsewhere
from swarmtui.tui.actions.table import ACTIONS, BY_ID
from swarmtui.tui.app import Workbench
from swarmtui.tui.screens.palette import LATELY, OfferList, Palette
from swarmtui.tui.screens.plan import PlanScreen
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.settings import Motion
from swarmtui.tui.view.glyphs import ASCII, UNICODE
from swarmtui.tui.view.lines import width
from swarmtui.tui.view.matching import closeness
from swarmtui.tui.view.offers import KEPT, SHOWN, Offer, Offers, offer_line, remembered
from tests.tui.browsing import browsed
from tests.tui.browsing import press as press_there
from tests.tui.opening import notices, opened, press, text
from tests.tui.scripted_feed import awaiting_approval, finished, mid_run


def offer(name: str, told: str = "", kind: str = "action", why: str = "", *, first: bool = True) -> Offer:
    return Offer(kind, name, name, lambda: None, told, why_not=why, at_first=first)


def names(offers: Sequence[Offer]) -> list[str]:
    return [one.name for one in offers]


def test_before_anything_is_typed_the_last_choices_come_first_then_what_applies() -> None:
    offers = Offers([offer("a", why="no"), offer("b"), offer("n", kind="node", first=False), offer("c")], ["action:c"])
    assert names(offers.best("")) == ["c", "b", "a"]


def test_a_node_that_was_chosen_lately_is_offered_again() -> None:
    offers = Offers([offer("b"), offer("scan", kind="node", first=False)], ["node:scan"])
    assert names(offers.best(" ")) == ["scan", "b"]


def test_no_more_is_found_than_anybody_looks_at() -> None:
    assert len(Offers([offer(f"node {at}", kind="node") for at in range(3 * SHOWN)]).best("node")) == SHOWN


def test_of_what_fits_as_well_what_was_chosen_lately_comes_first() -> None:
    assert names(Offers([offer("fork a"), offer("fork b")], ["action:fork b"]).best("fork")) == ["fork b", "fork a"]


def test_of_what_fits_as_well_actions_come_before_names_and_what_applies_before_what_does_not() -> None:
    offers = Offers([offer("fork", kind="node"), offer("fork", "x", why="no"), offer("fork", "y")])
    assert [(one.kind, one.why_not) for one in offers.best("fork")] == [("action", ""), ("action", "no"), ("node", "")]


@pytest.mark.parametrize(("typed", "found"), [
    ("half", "concurrency"), ("save", "edit"), ("apply", "edit"),
    ("slowest", "sort"), ("throttle", "view_pools"), ("halve", "concurrency"), ("failed", "retry_failed"),
    ("usd", "budget"), ("money", "budget"), ("raise", "budget"), ("kill", "cancel_session"), ("stop", "cancel_session"),
    ("replay", "past"), ("fork", "fork"), ("concurrency", "concurrency"), ("screenshot", "screenshot"),
])  # fmt: skip
def test_what_users_look_for_first_is_found_by_their_own_word_for_it(typed: str, found: str) -> None:
    offers = Offers(Offer("action", one.id, one.label, lambda: None, one.description, also=one.also) for one in ACTIONS)
    assert found in [one.id for one in offers.best(typed)[:3]]


PARTS = st.lists(st.sampled_from(["fork", "for", "own", "x", "+", "über", "a-b", "A", "_x"]), max_size=4).map(" ".join)


@settings(max_examples=60)
@given(PARTS, PARTS, PARTS)
def test_it_finds_what_closeness_finds_and_ranks_it_so(typed: str, name: str, told: str) -> None:
    found = Offers([offer(name, told), offer("fork it", "x")]).best(typed)
    if typed.strip():
        assert (name in names(found) or not name) == (closeness(typed, name, told) > 0 or not name)
        ranks = [closeness(typed, one.name, one.description) for one in found]
        assert ranks == sorted(ranks, reverse=True)


def test_each_choice_is_remembered_once_and_not_for_ever() -> None:
    lately: list[str] = []
    for at in [*range(30), 3]:
        lately = remembered(lately, f"action:{at}")
    assert len(lately) == KEPT
    assert lately[:2] == ["action:3", "action:29"]
    assert remembered([7, "a"], "b") == ["b", "a"]


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
@pytest.mark.parametrize("wide", [30, 60, 100])
def test_a_line_is_as_wide_as_it_should_be(wide: int, glyphs: object) -> None:
    for one in (offer("搜索" * 30, "tells " * 40), offer("x", "y", why="because"), offer("node" * 20, kind="node")):
        assert width(offer_line(one, "tell no", wide, glyphs, marked=True)) == wide  # type: ignore[arg-type]


@pytest.mark.perf
def test_a_keystroke_costs_less_than_a_frame_with_5_000_nodes() -> None:
    many = [offer(f"search-{at:04}-of-the-web", kind="node", first=False) for at in range(5_000)]
    began = time.process_time()
    offers = Offers([*(offer(one.label, one.description) for one in ACTIONS), *many])
    offers.best("x")
    built = time.process_time() - began
    took = []
    for typed in ("s", "se", "search", "search 4", "web 12", "zzz", "", "e"):
        began = time.process_time()
        offers.best(typed)
        took.append((time.process_time() - began, typed))
    assert len(took) == 8
    assert Offers([*many]).best("search-4999-of-the-web")[0].name == "search-4999-of-the-web"
    print(f"\npalette over 5,000 nodes: built {built * 1e3:.1f} ms; slowest keystroke {max(took)[0] * 1e3:.1f} ms")


# -- over a session ---------------------------------------------------------------------------------------------------


async def found(pilot: Pilot[Any], typed: str) -> list[Offer]:
    await typing(pilot, typed)
    screen = pilot.app.screen
    assert isinstance(screen, Palette)
    return screen.query_one(OfferList).offers


async def typing(pilot: Pilot[Any], typed: str, *keys: str) -> None:
    """Open the palette, type, and press keys."""
    await pilot.press("colon")
    await pilot.pause()
    field = pilot.app.screen.query_one(Input)
    field.value = typed
    await pilot.pause()
    for key in keys:
        await pilot.press(key)
    await pilot.pause()
    await pilot.pause()


async def test_every_action_of_every_screen_is_in_it() -> None:
    async with opened(mid_run()) as pilot:
        await press(pilot, "colon")
        screen = pilot.app.screen
        assert isinstance(screen, Palette)
        offered = {one.id for one in screen._offers.all if one.kind == "action"}
        live = {action.id for action in ACTIONS if action.mode is None and action.group != MOVE}
        assert live - {"palette"} <= offered


async def test_enter_in_the_palette_approves_nothing_before_it_is_typed_nor_because_it_was_lately() -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        await press(pilot, "colon")
        screen = pilot.app.screen
        assert isinstance(screen, Palette)
        assert "approve" in {one.id for one in screen._offers.all}
        assert "approve" not in {one.id for one in screen._offers.best("")}
        await press(pilot, "enter")
        assert feed.commands == []
        await press(pilot, "escape", "escape", "1")
        await typing(pilot, "approve and", "enter")
        await press(pilot, "colon")
        assert isinstance(pilot.app.screen, Palette)
        assert "approve" not in {one.id for one in pilot.app.screen._offers.best("")}


async def test_what_an_older_version_remembered_of_what_is_done_on_purpose_is_not_marked() -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        app.memory.put(LATELY, ["action:approve", "action:help"])
        feed.now += 5
        await press(pilot, "colon")
        screen = app.screen
        assert isinstance(screen, Palette)
        assert screen._offers.best("")[0].id == "help"
        assert "approve" not in {one.id for one in screen._offers.best("")}
        feed.now += 5
        await press(pilot, "enter")
        assert feed.commands == []


@pytest.mark.chaos
async def test_an_action_of_another_screen_leads_there_and_asks_nothing_unseen() -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        await press(pilot, "2")
        assert isinstance(pilot.app.screen, RunScreen)
        await typing(pilot, "approve", "enter")
        assert isinstance(pilot.app.screen, PlanScreen)
        assert "A does it here" in notices(pilot)[-1]
        assert feed.commands == []


@pytest.mark.chaos
async def test_what_is_done_on_the_list_of_sessions_says_so() -> None:
    async with opened(mid_run()) as pilot:
        offers = await found(pilot, "forks under what")
        assert (offers[0].id, offers[0].why_not) == ("tree", "that is on the list of sessions")
        await press(pilot, "enter")
        assert "on the list of sessions" in notices(pilot)[-1]


@pytest.mark.parametrize("typed", ["slow", "slowest node", "longest"])
async def test_who_looks_for_the_slowest_node_finds_what_sorts(typed: str) -> None:
    async with opened(mid_run()) as pilot:
        assert (await found(pilot, typed))[0].id == "sort"


async def test_what_does_not_apply_says_why() -> None:
    async with opened(finished()) as pilot:
        await typing(pilot, "pause all")
        assert "pause all  " in text(pilot)
        await press(pilot, "enter")
        assert notices(pilot)[-1].startswith("pause all: ")


@pytest.mark.chaos
async def test_a_theme_a_setting_and_a_node_are_found_by_name() -> None:
    async with opened(mid_run()) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        await typing(pilot, "theme swarm-light", "enter")
        assert app.theme == "swarm-light"
        await typing(pilot, "motion reduced", "enter")
        assert app.settings.motion is Motion.REDUCED
        assert "until you leave" in notices(pilot)[-1]
        await typing(pilot, "secur", "enter")
        assert app.selected == "security"
        assert app.memory.get(LATELY, []) == ["node:security", "setting:motion-reduced", "theme:swarm-light"]
        await press(pilot, "colon")
        screen = app.screen
        assert isinstance(screen, Palette)
        assert names(screen.query_one(OfferList).offers)[:2] == ["security", "motion: reduced"]


@pytest.mark.chaos
async def test_the_arrows_mark_another_one_and_esc_does_nothing() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await typing(pilot, "theme swarm", "down", "down", "up", "escape")
        assert isinstance(pilot.app.screen, RunScreen)
        assert pilot.app.theme == "swarm-dark"
        assert feed.state.status is Status.RUNNING


async def test_enter_does_what_was_found_for_what_stands_there_and_nothing_found_before() -> None:
    async with opened(mid_run()) as pilot:
        await typing(pilot, "cancel all")
        line = pilot.app.screen.query_one(Input)
        with pilot.app.screen.prevent(Input.Changed):  # it has not been told of what was typed last
            line.value = "theme monochrome"
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, RunScreen)
        assert pilot.app.theme == "monochrome"


async def test_names_of_nodes_are_text_and_never_markup() -> None:
    line = offer_line(offer("[bold]x[/]", "[@click=app.quit]y[/]"), "x", 80, UNICODE, marked=False)
    assert "".join(part for part, _ in line).startswith(" [bold]x[/]")


@pytest.mark.chaos
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 12)])
async def test_it_fits_every_size(size: tuple[int, int]) -> None:
    async with opened(mid_run(), size) as pilot:
        await press(pilot, "colon")
        assert "╭─ commands ─" in text(pilot)
        await press(pilot, *(["pagedown"] * 3), *(["down"] * 5))
        assert pilot.app.is_running


@pytest.mark.chaos
async def test_on_the_list_of_sessions_its_actions_and_sessions_are_found() -> None:
    async with browsed() as pilot:
        await typing(pilot, "q7m")
        screen = pilot.app.screen
        assert isinstance(screen, Palette)
        assert screen.query_one(OfferList).offers[0].id == "q7m2xk"
        await press_there(pilot, "escape")
        await typing(pilot, "retry below")
        screen = pilot.app.screen
        assert isinstance(screen, Palette)
        assert screen.query_one(OfferList).offers[0].why_not == "that is in a session"


def test_a_key_that_leaves_other_screens_says_which_one_leaves_this_one() -> None:
    told = {scope: elsewhere(BY_ID["leave" if scope is not Scope.COMPARE else "quit"], scope) for scope in Scope}
    assert told[Scope.RUN] == told[Scope.PLAN] == told[Scope.NODE] == "here {detach} leaves"
    assert (told[Scope.HOME], told[Scope.COMPARE]) == ("here {quit} leaves", "here {leave} leaves")


def test_every_screen_has_a_name_where_an_action_is_elsewhere() -> None:
    from swarmtui.tui.actions.elsewhere import _FROM_OUTSIDE

    assert set(_FROM_OUTSIDE) == set(Scope)
