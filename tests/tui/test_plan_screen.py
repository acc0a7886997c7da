"""The screen on which a plan is approved: what is shown is what runs, whoever else is at work on it."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from textual import events

from swarmtui.plan.model import Author, Plan
from swarmtui.plan.render import plan_to_yaml
from swarmtui.session import events as ev
from swarmtui.session.state import SessionState
from swarmtui.tui.app import Workbench
from swarmtui.tui.screens.dialogs import ConfirmScreen
from swarmtui.tui.screens.plan import PlanScreen
from swarmtui.tui.screens.plan_drawing import LARGE
from swarmtui.tui.screens.worked_out import WorkedOut
from swarmtui.tui.view.deliberate import HELD_S
from swarmtui.tui.view.lines import Line
from swarmtui.tui.view.plan_checks import Check
from swarmtui.tui.view.plan_diff import comparison
from tests.tui.acting_feed import acting
from tests.tui.opening import notices, opened, press, settled, text
from tests.tui.scripted_feed import REVIEW, ScriptedFeed, awaiting_approval, begun, prompt


def plan_of(feed: ScriptedFeed) -> Plan:
    assert feed.state.plan is not None
    return feed.state.plan


def edited(feed: ScriptedFeed, title: str) -> Plan:
    return replace(plan_of(feed), title=title)


async def test_the_plan_stays_while_the_planner_is_at_work_and_its_answer_begins_with_what_differs() -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        feed.play(ev.PlanRejected(2, "no ruff"), ev.PlanningStarted(3, "deepseek/deepseek-reasoner", "no ruff"))
        feed.say("(planner)", "Then lint goes").wait_until(90)
        await settled(pilot)
        shown = text(pilot)
        assert "the planner is at work on revision 3" in shown
        assert "no ruff" in shown
        assert "security" in shown
        assert "Then lint goes" in shown
        feed.play(ev.PlanProposed(3, replace(plan_of(feed), nodes=plan_of(feed).nodes[:6])))
        await settled(pilot)
        assert "what differs from the one before: revision 3" in text(pilot)
        assert "- lint" in text(pilot)
        assert "at work" not in text(pilot)
        await press(pilot, "v")
        assert "revision 3 by the planner" in text(pilot)


async def test_an_edit_begins_the_dead_time_again_and_what_is_approved_is_what_is_shown() -> None:
    feed = acting(awaiting_approval())
    async with opened(feed) as pilot:
        feed.now += 5
        pilot.app.selected = "publish"  # type: ignore[attr-defined]
        await press(pilot, "W", "A")
        assert "only just appeared" in notices(pilot)[-1]
        feed.now += HELD_S + 1
        await press(pilot, "A")
    assert feed.commands[-1] == ("plan.approve", {"plan_rev": 3})


@pytest.mark.parametrize("cover", ["help", "node"])
@pytest.mark.chaos
async def test_a_revision_that_came_behind_another_screen_is_not_approved_in_the_moment_it_is_seen(cover: str) -> None:
    feed = acting(awaiting_approval())
    async with opened(feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        if cover == "help":
            await press(pilot, "question_mark")
        else:
            app.open_node("publish")
            await settled(pilot)
        feed.play(ev.PlanProposed(3, edited(feed, "Another"), "edited"), actor="ada@laptop")
        await settled(pilot)
        feed.now += 60
        await press(pilot, "escape", "A")
        assert isinstance(app.screen, PlanScreen)
        assert "only just appeared" in notices(pilot)[-1]
        feed.now += HELD_S + 1
        await press(pilot, "A")
    assert feed.commands == [("plan.approve", {"plan_rev": 3})]


async def test_what_leaves_the_sandbox_is_named_and_asked_once_more() -> None:
    feed = begun(REVIEW)
    async with opened(feed) as pilot:
        feed.now += 5
        await press(pilot, "A")
        assert isinstance(pilot.app.screen, ConfirmScreen)
        assert "scan, lint run as you do" in text(pilot)
        await press(pilot, "enter", "A", "y")
    assert feed.commands == [("plan.approve", {"plan_rev": 1})]


@pytest.mark.chaos
async def test_how_far_an_edit_is_from_the_planner_s_revision_is_told_however_many_came_between() -> None:
    feed = awaiting_approval()
    feed.play(ev.PlanProposed(3, edited(feed, "One"), "edited"), actor="ada@laptop")
    shorter = replace(edited(feed, "Two"), nodes=plan_of(feed).nodes[:-1])
    feed.play(ev.PlanProposed(4, shorter, "edited"), actor="ada@laptop")
    async with opened(feed) as pilot:
        await settled(pilot)
        assert "revision 4 by ada@lap…, differs from the planner's in 2 places [v]" in text(pilot)
        await press(pilot, "v", "v", "v")
        shown = text(pilot)
        assert "what differs from the planner's: revision 4" in shown
        assert "- publish" in shown


async def test_the_planner_s_revision_is_looked_for_again_after_a_link_that_broke(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed, broken = awaiting_approval(), True
    for rev in (3, 4):
        feed.play(ev.PlanProposed(rev, edited(feed, f"Revision {rev}"), "edited"), actor="ada@laptop")
    answer = feed.events_before

    async def before(seq: int, limit: int, node: str | None = None) -> list[ev.Event]:
        if broken:
            raise ConnectionError("broken")
        return await answer(seq, limit, node)

    monkeypatch.setattr(feed, "events_before", before)
    async with opened(feed) as pilot:
        assert "differs from the planner's" not in text(pilot)
        broken = False
        feed.play(ev.Noted("info", "the link is back"))
        await settled(pilot)
        assert "differs from the planner's" in text(pilot)


async def test_the_plan_of_a_task_file_is_not_called_the_planner_s() -> None:
    feed = begun(replace(REVIEW, author=Author.USER))
    feed.play(ev.PlanProposed(2, edited(feed, "One"), "edited"), actor="ada@laptop")
    async with opened(feed) as pilot:
        assert "differs from the task file's in 1 place" in text(pilot)


async def test_nothing_is_changed_while_the_planner_is_at_work() -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        feed.play(ev.PlanRejected(2, "no ruff"), ev.PlanningStarted(3, "deepseek/deepseek-reasoner", "no ruff"))
        await settled(pilot)
        for key in ("A", "O", "W", "J", "c", "e"):
            await press(pilot, key)
            assert isinstance(pilot.app.screen, PlanScreen)
            assert "the planner is still at work" in notices(pilot)[-1]
    assert feed.commands == []


@pytest.mark.chaos
@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 40), (200, 60)])
@pytest.mark.parametrize("form", range(4))
async def test_every_form_stands_at_every_size(size: tuple[int, int], form: int) -> None:
    async with opened(awaiting_approval(), size) as pilot:
        await press(pilot, *("v" for _ in range(form)))
        assert "scan" in text(pilot) or "lint" in text(pilot)


async def test_a_key_that_is_held_down_approves_nothing_however_long() -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        for pause in (0.0, 0.2, 0.66, *(0.03 for _ in range(60))):
            feed.now += pause
            await pilot.press("A")
        assert feed.commands == []
        feed.now += HELD_S + 1
        await press(pilot, "A")
    assert feed.commands == [("plan.approve", {"plan_rev": 2})]


async def test_a_clock_that_is_set_approves_nothing_and_keeps_nothing_from_being_approved() -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        feed.set_by = 3_600
        await press(pilot, "A")
        assert "only just appeared" in notices(pilot)[-1]
        feed.set_by = -3_600
        feed.now += HELD_S + 1
        await press(pilot, "A")
    assert feed.commands == [("plan.approve", {"plan_rev": 2})]


async def test_a_large_plan_is_written_out_on_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, written = threading.get_ident(), list[bool]()

    def write(plan: Plan) -> str:
        written.append(threading.get_ident() != loop)
        return plan_to_yaml(plan)

    monkeypatch.setattr("swarmtui.tui.screens.plan_drawing.plan_to_yaml", write)
    nodes = tuple(prompt(f"step{at}") for at in range(LARGE + 1))
    async with opened(begun(Plan("Many things", nodes))) as pilot:
        await press(pilot, "v", "v")
        assert "step0:" in text(pilot)
        assert written == [True]


@pytest.mark.parametrize(("before", "after"), [(LARGE + 1, 1), (1, LARGE + 1), (1, 1)])
async def test_what_differs_is_worked_out_on_a_thread_if_either_plan_is_large(
    before: int, after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, compared = threading.get_ident(), list[bool]()

    def compare(old: Plan, new: Plan, width: int) -> list[Line]:
        compared.append(threading.get_ident() != loop)
        return comparison(old, new, width)

    monkeypatch.setattr("swarmtui.tui.screens.plan_drawing.comparison", compare)
    plans = [Plan("Many things", tuple(prompt(f"step{at}") for at in range(number))) for number in (before, after)]
    feed = begun(plans[0]).play(ev.PlanProposed(2, plans[1], "edited"), actor="ada@laptop")
    async with opened(feed) as pilot:
        await press(pilot, "v", "v", "v")
        assert "what differs from the task file's" in text(pilot)
        assert compared == [max(before, after) > LARGE]


@pytest.mark.parametrize("nodes", [LARGE + 1, 1])
async def test_a_large_plan_is_checked_on_a_thread_and_one_that_is_not_at_once(
    nodes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, checked = threading.get_ident(), list[bool]()

    def check(state: SessionState) -> list[Check]:
        checked.append(threading.get_ident() != loop)
        return [Check("look", "it has been checked")]

    monkeypatch.setattr("swarmtui.tui.screens.plan_drawing.checks", check)
    async with opened(begun(Plan("Many things", tuple(prompt(f"step{at}") for at in range(nodes))))) as pilot:
        assert "it has been checked" in text(pilot)
        assert checked == [nodes > LARGE]


async def test_what_comes_of_an_earlier_plan_once_there_is_another_is_not_shown() -> None:
    gate, drawn = threading.Event(), list[str]()
    async with opened(begun(REVIEW)) as pilot:
        shown = WorkedOut(pilot.app.screen, "test", lambda: drawn.append("anew"), "meanwhile")
        assert shown.of("large", lambda: "late" if gate.wait(10) else "", costly=True) == "meanwhile"
        assert shown.of("small", lambda: "of it", costly=False) == "of it"
        gate.set()
        await settled(pilot)
        assert shown.of("small", lambda: "once more", costly=False) == "of it"
        assert drawn == []
        assert shown.of("large", lambda: "of that", costly=True) == "meanwhile"
        await settled(pilot)
        assert shown.of("large", lambda: "once more", costly=True) == "of that"
        assert drawn == ["anew"]


async def test_text_that_is_pasted_approves_nothing() -> None:
    feed = awaiting_approval()
    async with opened(feed) as pilot:
        feed.now += 5
        driver = pilot.app._driver
        assert driver is not None
        for key in "A, B":  # a terminal that does not mark what is pasted
            driver.send_message(events.Key({",": "comma", " ": "space"}.get(key, key), key))
        await settled(pilot)
        await settled(pilot)
        driver.send_message(events.Paste("A"))
        await settled(pilot)
        assert any("came together with others" in notice for notice in notices(pilot))
    assert feed.commands == []


async def test_text_that_is_pasted_says_yes_to_no_question() -> None:
    feed = begun(REVIEW)
    async with opened(feed) as pilot:
        feed.now += 5
        await press(pilot, "A")
        driver = pilot.app._driver
        assert driver is not None
        for key in "yes":
            driver.send_message(events.Key(key, key))
        await settled(pilot)
        await settled(pilot)
        assert isinstance(pilot.app.screen, ConfirmScreen)
    assert feed.commands == []


@pytest.mark.parametrize(
    ("size", "told"),
    [
        ((80, 24), "root@vm-01234567…, differs from the planner's in 1 place [v]"),
        ((120, 40), "root@vm-…, differs from the planner's in 1 place [v]"),
    ],
)
async def test_who_made_a_revision_gives_way_to_how_far_it_is_from_the_planner_s(
    size: tuple[int, int], told: str
) -> None:
    feed = awaiting_approval()
    feed.play(ev.PlanProposed(3, edited(feed, "Another"), "edited"), actor="root@vm-0123456789 tui on pts/3")
    async with opened(feed, size) as pilot:
        await settled(pilot)
        assert f"revision 3 by {told}" in text(pilot)


async def test_on_a_small_screen_w_shows_what_the_node_says_below_the_plan_then_the_plan_alone_then_all() -> None:
    async with opened(awaiting_approval(), (80, 24)) as pilot:
        pilot.app.selected = "speed"  # type: ignore[attr-defined]
        await settled(pilot)
        said = "Look at {{ scan.output }} and write what matters about speed."
        assert said not in text(pilot)
        await press(pilot, "w")
        assert said in text(pilot)
        assert "check before you approve" not in text(pilot)
        await press(pilot, "w")
        assert said not in text(pilot)
        await press(pilot, "w")
        assert "check before you approve" in text(pilot)
