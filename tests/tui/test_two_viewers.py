"""Two people at one session: a key does what it meant on the screen that it was pressed on."""

from __future__ import annotations

from dataclasses import replace

from textual.pilot import Pilot

from swarmtui.session import events as ev
from swarmtui.tui.actions.table import BY_ID
from swarmtui.tui.app import Workbench
from swarmtui.tui.screens.session import SessionScreen
from tests.tui.opening import notices, opened, press, settled
from tests.tui.scripted_feed import awaiting_approval, mid_run


def at_once(pilot: Pilot[int], action: str) -> None:
    """Carry an action out before anything can be drawn."""
    screen = pilot.app.screen
    assert isinstance(screen, SessionScreen)
    screen.perform(BY_ID[action])


async def test_a_session_that_somebody_else_has_just_paused_is_not_let_go_on() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        feed.play(ev.SessionPaused(), actor="ada@laptop")
        at_once(pilot, "pause_session")
        await settled(pilot)
        assert feed.commands == [("session.pause", {})]
        at_once(pilot, "pause_session")  # by now that is what the screen shows
        await settled(pilot)
        assert feed.commands[1:] == [("session.resume", {})]


async def test_a_node_that_somebody_else_has_just_held_is_not_let_go_on() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        assert isinstance(pilot.app, Workbench)
        node = pilot.app.selected
        feed.play(ev.NodeHeld(node), actor="ada@laptop")
        at_once(pilot, "pause_node")
        await settled(pilot)
        assert feed.commands == [("node.pause", {"node": node})]


async def test_a_plan_that_somebody_else_has_just_changed_is_not_approved_unseen() -> None:
    feed = awaiting_approval()
    plan = feed.state.plan
    assert plan is not None
    async with opened(feed) as pilot:
        feed.now += 5
        feed.play(ev.PlanProposed(3, replace(plan, title="Another"), "edited"), actor="ada@laptop")
        at_once(pilot, "approve")
        await settled(pilot)
        assert feed.commands == []
        assert "ada@laptop made revision 3 meanwhile: look at it, then press A" in notices(pilot)


async def test_what_was_done_on_another_screen_counts_as_shown_on_coming_back() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        run = pilot.app.screen
        assert isinstance(run, SessionScreen)
        await press(pilot, "1")
        feed.play(ev.SessionPaused())
        await settled(pilot)
        run.on_screen_resume()
        run.perform(BY_ID["pause_session"])  # before it is drawn anew
        await settled(pilot)
        assert feed.commands == [("session.resume", {})]
