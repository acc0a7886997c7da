"""Work mirrored: what other viewers do is told with their name, what a host lacks is named, a lost link counts down."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from swarmtui.host.feed import FeedStatus, Link, Viewer
from swarmtui.host.protocol import CAPS
from swarmtui.plan.model import JSON
from swarmtui.session import events as ev
from swarmtui.tui import sending
from swarmtui.tui.app import Workbench
from swarmtui.tui.mirror import KEPT, Mirror
from swarmtui.tui.screens.dialogs import LineScreen
from swarmtui.tui.screens.keys import HelpScreen
from swarmtui.tui.screens.plan import PlanScreen
from swarmtui.tui.view.banner import banner
from swarmtui.tui.view.watching import company, lacking
from tests.tui.opening import notices, opened, press, settled, text
from tests.tui.scripted_feed import awaiting_approval, finished, mid_run

ADA, BOB = "ada@laptop tui on pts/3", "bob@desk ctl"


def held(seq: int, actor: str | None) -> ev.Event:
    return ev.Event(seq, 0.0, 0.0, ev.NodeHeld("quality"), actor)


def test_what_others_do_is_told_and_what_this_viewer_does_is_not() -> None:
    mirror = Mirror()
    assert mirror.told([held(1, BOB)])[0].startswith("bob@desk ctl: quality ")
    mirror.asked += 1
    assert mirror.told([held(2, ADA)]) == []
    mirror.answered(2)
    assert mirror.told([]) == []
    assert mirror.told([held(3, ADA), held(4, None)]) == []
    assert len(mirror.told([held(5, BOB)])) == 1


async def test_a_plan_that_this_viewer_has_edited_as_text_is_no_work_of_others() -> None:
    feed = awaiting_approval()
    plan = feed.state.plan
    assert plan is not None

    async def taken(method: str, params: dict[str, JSON]) -> int:
        feed.play(ev.PlanProposed(3, replace(plan, goal="Again"), "edited"), after=1, actor=ADA)
        return feed.state.seq

    feed.command = taken  # type: ignore[method-assign]
    async with opened(feed) as pilot:
        await press(pilot, "e", "x", "f2")
        assert feed.state.plan_rev == 3
        assert any("your revision was taken" in told for told in notices(pilot))
        assert not any("ada@laptop" in told for told in notices(pilot))


def test_what_others_do_while_an_answer_is_outstanding_is_told_after_it() -> None:
    mirror = Mirror(asked=1)
    assert mirror.told([held(1, BOB), held(2, ADA)]) == []
    mirror.answered(2)
    assert [line.split(":")[0] for line in mirror.told([])] == [BOB]


def test_what_this_viewer_did_is_its_own_under_whatever_name_the_host_knew_it() -> None:
    mirror = Mirror(asked=2)
    mirror.answered(2)
    mirror.answered(3)
    assert mirror.told([held(2, ADA), held(3, "ada@laptop tui on pts/4")]) == []


def test_of_what_this_viewer_did_only_the_latest_is_remembered() -> None:
    mirror = Mirror()
    for seq in range(3 * KEPT):
        mirror.asked += 1
        mirror.answered(seq)
    assert list(mirror.own) == list(range(2 * KEPT, 3 * KEPT))


def test_much_at_once_is_one_line_for_each_of_them() -> None:
    told = Mirror().told([held(at, BOB if at % 2 else ADA) for at in range(1, 9)])
    assert len(told) == 2
    assert all("(and 3 more)" in line for line in told)


@pytest.mark.chaos
async def test_07_what_another_viewer_does_is_shown_with_the_actor_at_once() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        feed.play(ev.NodeHeld("quality"), actor=BOB)
        await settled(pilot)
        assert notices(pilot)[-1].startswith("bob@desk ctl: quality ")
        before = len(notices(pilot))
        feed.play(ev.AttemptStarted("tests", 2))
        await settled(pilot)
        assert len(notices(pilot)) == before


@pytest.mark.chaos
async def test_what_was_done_before_this_viewer_came_is_no_news() -> None:
    async with opened(mid_run()) as pilot:
        assert notices(pilot) == []


@pytest.mark.chaos
async def test_07_who_watches_is_counted_in_the_header_and_named_in_the_help() -> None:
    feed = mid_run()
    feed.status.viewers = (Viewer(1, "tui on pts/3", "control"), Viewer(2, "tui on pts/9", "observe"))
    async with opened(feed, (160, 40)) as pilot:
        assert "2 watch" in text(pilot)
        await press(pilot, "question_mark")
        assert isinstance(pilot.app.screen, HelpScreen)
        assert "tui on pts/9  only watches" in text(pilot)
        assert "tui on pts/3  can act" in text(pilot)
        await press(pilot, "escape")
        assert "watching: tui on pts/3, tui on pts/9 (read-only)" in text(pilot)
        feed.set_link(Link.RECONNECTING, "the link is lost")
        await settled(pilot)
        assert "watch" not in text(pilot), "who watches is not known while the link is lost"


@pytest.mark.chaos
async def test_04_leaving_a_lost_link_or_a_crashed_host_never_asks_for_anything() -> None:
    for link in (Link.RECONNECTING, Link.CRASHED):
        feed = mid_run()
        feed.set_link(link)
        async with opened(feed) as pilot:
            await pilot.press("q")
            await pilot.pause()
        assert feed.commands == []
        assert feed.closed
        assert pilot.app.return_value == 6


@pytest.mark.chaos
async def test_08_a_viewer_that_was_too_far_behind_is_told_what_it_did_not_see() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        feed.status.skipped += 60_000
        await settled(pilot)
        assert "60,000 events are not shown one by one" in notices(pilot)[-1]
        before = len(notices(pilot))
        await settled(pilot)
        assert len(notices(pilot)) == before


# -- a lost link ----------------------------------------------------------------------------------------------------


def test_10_the_banner_counts_down_to_the_next_try() -> None:
    status = FeedStatus(Link.RECONNECTING, "the ssh connection ended", retry_at=100.0)
    told = "the ssh connection ended; trying again in 4 s, {retry_link} tries now"
    assert banner(status, 96.2, "s", tries=True) == told
    assert banner(status, 99.5, "s") == "the ssh connection ended; trying again in 1 s"
    assert banner(status, 107.0, "s").endswith("in 0 s")
    status.retry_at = None
    assert banner(status, 96.2, "s", tries=True) == "the ssh connection ended"


def test_20_the_banner_of_a_crashed_host_says_what_to_type() -> None:
    status = FeedStatus(Link.CRASHED, "the host is gone without a goodbye")
    assert banner(status, 1.0, "6jk\x1b[31md") == (
        "the host has crashed: {resume} resumes the session, as does swarmtui resume 6jkd; what is recorded is safe"
    )


@pytest.mark.parametrize("link", [Link.LIVE, Link.ENDED, Link.ARCHIVE])
def test_where_the_link_is_well_the_banner_tells_trouble_alone(link: Link) -> None:
    assert banner(FeedStatus(link, "said goodbye"), 1.0, "s") == ""
    assert banner(FeedStatus(link, "", "the disk is full"), 1.0, "s") == "the disk is full"


@pytest.mark.chaos
async def test_10_r_tries_a_lost_link_now_and_retries_a_node_once_it_is_back() -> None:
    feed = mid_run()
    tried: list[float] = []
    feed.retry_now = lambda: tried.append(1.0)  # type: ignore[attr-defined]
    feed.set_link(Link.RECONNECTING, "the link is lost")
    feed.status.retry_at = time.monotonic() + 600
    async with opened(feed) as pilot:
        assert "r tries now" in text(pilot)
        assert "r try now" in text(pilot)
        await press(pilot, "r")
        assert tried == [1.0]
        assert feed.commands == []
        feed.set_link(Link.LIVE)
        pilot.app.screen.select("lint")  # type: ignore[attr-defined]
        await press(pilot, "r")
        assert feed.commands == [("node.retry", {"node": "lint"})]
        assert tried == [1.0]


@pytest.mark.chaos
async def test_12_a_command_that_a_host_does_not_answer_is_told_to_be_on_its_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "SLOW_S", 0.01)
    feed = mid_run()
    answers = asyncio.Event()

    async def command(method: str, params: dict[str, object]) -> int:
        await answers.wait()
        return 1

    feed.command = command  # type: ignore[method-assign, assignment]
    async with opened(feed) as pilot:
        await pilot.press("P")
        while not notices(pilot):
            await asyncio.sleep(0.01)
        assert notices(pilot) == ["sent; the host has not answered yet"]
        answers.set()
        await settled(pilot)
        assert notices(pilot)[-1].startswith("paused")


@pytest.mark.chaos
async def test_12_an_answer_that_comes_soon_is_not_told_to_be_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "SLOW_S", 0.05)
    async with opened(mid_run()) as pilot:
        await press(pilot, "P")
        await asyncio.sleep(0.1)  # nothing is waited for: longer than it takes to be told
        assert not any("has not answered" in notice for notice in notices(pilot))


@pytest.mark.chaos
async def test_12_a_command_on_a_breaking_link_is_never_passed_over_in_silence() -> None:
    feed = mid_run()
    feed.broken = True
    async with opened(feed) as pilot:
        await press(pilot, "P")
        assert "whether this took effect is not known yet" in notices(pilot)[-1]
        feed.set_link(Link.RECONNECTING, "the link is lost")
        await press(pilot, "P")
        assert "the link is lost" in notices(pilot)[-1]
        feed.set_link(Link.LIVE)
        feed.broken = False
        feed.play(ev.SessionPaused("user"), actor=ADA)
        await settled(pilot)
        assert "paused" in text(pilot)


# -- what is over, and what waits -------------------------------------------------------------------------------------


@pytest.mark.chaos
@pytest.mark.parametrize("link", [Link.ENDED, Link.ARCHIVE])
async def test_15_a_session_that_is_over_shows_when_and_offers_nothing_that_would_change_it(link: Link) -> None:
    feed = finished()
    feed.set_link(link)
    async with opened(feed) as pilot:
        shown = text(pilot)
        assert "2025-10-09" in shown
        assert "failed (1 node failed)" in shown
        assert "1:21" in shown.splitlines()[0]
        footer = shown.splitlines()[-1]
        assert "retry" not in footer
        assert "H history" in footer
        await press(pilot, "R", "P", "M")
        assert all("no host lives that could do it: U has one go on" in notice for notice in notices(pilot))
    assert feed.commands == []


@pytest.mark.chaos
async def test_15_the_clock_of_a_session_whose_host_left_or_crashed_stands_still() -> None:
    feed = mid_run()
    feed.set_link(Link.ARCHIVE)
    async with opened(feed) as pilot:
        before = text(pilot)
        await settled(pilot)
        assert text(pilot) == before


@pytest.mark.chaos
async def test_16_a_plan_that_waits_opens_at_once_and_again_for_who_comes_back() -> None:
    feed = awaiting_approval()
    for _ in range(2):
        async with opened(feed) as pilot:
            assert isinstance(pilot.app.screen, PlanScreen)
            assert "approve and run" in text(pilot)


# -- marks, and older hosts -------------------------------------------------------------------------------------------


@pytest.mark.chaos
async def test_29_M_marks_the_moment_with_the_words_of_the_user() -> None:
    feed = mid_run()
    async with opened(feed) as pilot:
        await press(pilot, "M")
        assert isinstance(pilot.app.screen, LineScreen)
        await press(pilot, *"odd", "enter")
        assert "marked: odd" in notices(pilot)[-1]
    assert feed.commands == [("marker.add", {"label": "odd"})]


@pytest.mark.chaos
async def test_18_what_an_older_host_cannot_do_is_named_and_not_asked_of_it() -> None:
    feed = mid_run()
    feed.status.caps = frozenset()
    feed.status.host_version = "0.1.0"
    async with opened(feed) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        assert any("0.1.0: it cannot" in notice and "marks" in notice for notice in notices(pilot))
        await press(pilot, "M")
        assert "older version" in notices(pilot)[-1]
    assert feed.commands == []
    assert lacking(FeedStatus(Link.ARCHIVE)) == ""


def test_who_is_alone_is_told_of_nobody_and_what_a_host_can_is_not_lacking() -> None:
    feed = mid_run()
    feed.status.viewers = (Viewer(1, "ada", "control"),)
    assert company(feed.status) == ""
    feed.status.caps = frozenset({"marks", "fork"})
    assert lacking(feed.status) == CAPS["past"]
    feed.status.caps = frozenset(CAPS)
    assert lacking(feed.status) == ""
