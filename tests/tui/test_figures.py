"""The header: what it tells, and what it leaves out where room is short."""

from __future__ import annotations

import pytest

from swarmtui.host.feed import Link, Viewer
from swarmtui.plan.model import ModelRef, Plan
from swarmtui.session import events as ev
from swarmtui.session.state import Parent
from swarmtui.session.vocabulary import Status
from swarmtui.tui.view import format as say
from swarmtui.tui.view.figures import HERE, Origin, figures, header, session_time
from swarmtui.tui.view.glyphs import ASCII, UNICODE
from swarmtui.tui.view.lines import width
from swarmtui.tui.view.status import IMPORTED, LEFT, can_act, can_go_on, crashed
from tests.tui.scripted_feed import (
    SIMULATED,
    START,
    ScriptedFeed,
    awaiting_approval,
    begun,
    finished,
    mid_run,
    prompt,
)


def told(feed: ScriptedFeed, size: int = 140, *, origin: Origin = HERE, ascii_only: bool = False) -> str:
    shown = figures(feed.state, feed.status, feed.now, origin=origin, ascii_only=ascii_only)
    line = header(shown, size, ASCII if ascii_only else UNICODE, "a")
    assert width(line) == size
    return "".join(text for text, _ in line)


def test_a_running_session_tells_all_it_should() -> None:
    text = told(mid_run())
    for part in (
        "Review payments-service",
        "running",
        "0:52",
        "1/10 ok",
        "1 failed",
        "1 needs you [a]",
        "/$2.00",
        "w 8/",
    ):
        assert part in text


@pytest.mark.parametrize("size", [20, 40, 60, 80, 100, 200])
def test_what_needs_the_user_stays_whatever_the_width(size: int) -> None:
    text = told(mid_run(), size)
    assert size < 60 or "needs you" in text
    assert size < 60 or "running" in text


@pytest.mark.parametrize(
    ("models", "role", "machine"),
    [(None, "control", ""), (SIMULATED, "control", ""), (None, "observe", ""), (SIMULATED, "control", "ada@gpu7")],
)
def test_at_eighty_columns_the_title_is_cut_before_a_count_of_what_failed_goes(
    models: dict[str, ModelRef] | None, role: str, machine: str
) -> None:
    feed = mid_run(models)
    feed.status.role = role
    text = told(feed, 80, origin=Origin(machine=machine))
    assert "1 failed   1 needs you [a]" in text
    assert "Review p" in text


def test_why_a_session_stands_is_cut_before_a_count_goes_and_left_out_where_nothing_of_it_could_be_read() -> None:
    feed = mid_run().play(ev.SessionPaused("the recording ends here, as far as is known"))
    counts = "1 failed   1 needs you [a]"
    assert all(counts in told(feed, size) for size in (60, 80, 120))
    assert " paused (the recording e…) 0:52" in told(feed, 80)
    assert " paused 0:52" in told(feed, 60, origin=Origin(machine="gpu7"))


@pytest.mark.parametrize("size", [48, 49, 52, 60])
def test_a_key_goes_before_the_count_that_it_answers_and_before_what_failed(size: int) -> None:
    text = told(mid_run(), size)
    assert "1 failed   1 needs you" in text
    assert ("[a]" in text) is (size >= 52)


@pytest.mark.parametrize(
    ("models", "role", "machine", "badges"),
    [
        (SIMULATED, "control", "", [" SIM "]),
        (None, "observe", "", []),
        (None, "control", "ada@gpu7", []),
        (SIMULATED, "observe", "ada@gpu7", [" SIM "]),
    ],
)
def test_at_sixty_columns_badges_are_cut_before_a_count_of_what_failed_goes_and_made_up_answers_told_all_the_same(
    models: dict[str, ModelRef] | None, role: str, machine: str, badges: list[str]
) -> None:
    feed = mid_run(models)
    feed.status.role = role
    text = told(feed, 60, origin=Origin(machine=machine))
    assert "1 failed   1 needs you" in text
    assert [badge for badge in (" SIM ", "SIMULATED", "[read-only]") if badge in text] == badges


def test_a_machine_s_name_stays_where_shorter_badges_are_enough() -> None:
    text = told(mid_run(SIMULATED), 66, origin=Origin(machine="ada@gpu7"))
    assert text.startswith(" ada@gpu7: ")
    assert " SIM " in text


def test_how_a_viewer_is_linked_is_said_in_one_word_before_a_count_of_what_failed_goes() -> None:
    feed = finished()
    assert "[ended 20" in told(feed, 100)
    assert " [ended]  1 failed " in told(feed, 50)


def test_an_unknown_cost_is_never_zero() -> None:
    assert "≥$0.0076" in told(finished())
    assert ">=$0.0076" in told(finished(), ascii_only=True)


def test_a_simulated_model_is_labelled() -> None:
    assert "SIMULATED" in told(mid_run(SIMULATED))
    assert "SIMULATED" in told(mid_run(SIMULATED), 80)
    assert "SIMULATED" not in told(mid_run())


def test_an_ended_session_says_how_and_when_and_its_clock_stands_still() -> None:
    feed = finished()
    text = told(feed)
    assert "failed (1 node failed)" in text
    assert "[ended 20" in text
    assert session_time(feed.state, feed.now + 100) == feed.state.mono


def test_a_crashed_host_is_not_shown_as_running() -> None:
    feed = mid_run()
    feed.status.viewers = (Viewer(1, "ada", "control"), Viewer(2, "bob", "control"))
    assert "2 watch" in told(feed)
    feed.set_link(Link.CRASHED)
    assert told(feed).count("crashed") == 1
    assert "running" not in told(feed)
    assert "watch" not in told(feed), "nobody watches what is gone"


@pytest.mark.parametrize("size", [80, 140])
def test_a_session_on_another_machine_says_on_which(size: int) -> None:
    assert told(mid_run(), size, origin=Origin(machine="ada@gpu7")).startswith(" ada@gpu7: Review")
    assert told(mid_run(), size).startswith(" Review")


def test_the_machine_s_name_is_cut_and_cleaned() -> None:
    text = told(mid_run(), 80, origin=Origin(machine="ssh://ada@\x1b[31m" + "far." * 20))
    assert "\x1b" not in text
    assert "running" in text
    assert "needs you" in text


def test_what_was_imported_and_who_only_watches_is_said() -> None:
    feed = mid_run()
    assert "[" not in told(feed).replace("[a]", "")
    feed.status.role = "observe"
    assert "[read-only]" in told(feed)
    feed.set_link(Link.ARCHIVE)
    text = told(feed, origin=Origin(imported=True))
    assert "[imported]" in text
    assert "[read-only]" not in text, "what nobody can act on is not called so"


def test_a_budget_that_was_reached_is_named() -> None:
    feed = mid_run().play(ev.BudgetReached("usd", 2.01, 2.0))
    assert "paused (usd budget reached ($2.01))" in told(feed)


def test_why_a_session_waits_that_was_resumed_is_said_and_not_that_it_was() -> None:
    feed = mid_run().play(ev.SessionPaused("resumed"))
    assert "paused (what was cut short waits for you)" in told(feed)
    assert "resumed" not in told(feed)
    assert "(the recording ends here)" in told(mid_run().play(ev.SessionPaused("the recording ends here")))
    assert "paused (" not in told(mid_run().play(ev.SessionPaused()))


def test_a_fork_says_of_what_it_is_one_where_there_is_room() -> None:
    feed = mid_run()
    assert "fork" not in told(feed, 200)
    feed.state.parent = Parent("jng45e54", 12)
    assert " fork of jng45e54   1/10 ok" in told(feed, 160)
    narrow = told(feed, 80)
    assert "fork" not in narrow
    assert "1 failed   1 needs you [a]" in narrow


def test_why_a_session_ended_is_told_as_it_was_recorded_also_where_a_pause_would_be_called_so() -> None:
    assert "cancelled (signal)" in told(mid_run().play(ev.SessionFinished("cancelled", "signal")))


def test_before_approval_nothing_counts_as_done() -> None:
    text = told(awaiting_approval())
    assert "awaits approval" in text
    assert "9 nodes" in text
    assert "1 node " in told(begun(Plan("One thing", (prompt("one"),))))


@pytest.mark.parametrize(
    ("link", "why"),
    [
        (Link.LIVE, None),
        (Link.RECONNECTING, "lost"),
        (Link.CRASHED, "resume"),
        (Link.ENDED, "{resume} has one go on"),
        (Link.CONNECTING, "yet"),
    ],
)
def test_why_nobody_can_act(link: Link, why: str | None) -> None:
    feed = mid_run()
    feed.set_link(link)
    told_why = can_act(feed.state, feed.status)
    assert told_why is None if why is None else told_why is not None and why in told_why


@pytest.mark.parametrize("link", [Link.ENDED, Link.ARCHIVE])
def test_where_no_host_lives_it_is_said_what_leads_on_or_that_nothing_does(
    link: Link,
) -> None:
    for how, led in (("failed", True), ("succeeded", False), ("cancelled", False)):
        feed = mid_run().play(ev.SessionFinished(how))
        feed.set_link(link)
        assert can_act(feed.state, feed.status) == (LEFT if led else IMPORTED), how
        assert can_act(feed.state, feed.status, imported=True) == IMPORTED
    assert [can_go_on(status) for status in (Status.FAILED, Status.CRASHED, Status.SUCCEEDED)] == [True, True, False]


def test_an_observer_cannot_act() -> None:
    feed = ScriptedFeed(role="observe")
    assert "only watch" in (can_act(feed.state, feed.status) or "")


def test_session_time_goes_on_between_events() -> None:
    feed = mid_run()
    assert session_time(feed.state, feed.now + 5) == pytest.approx(feed.now + 5 - START)


@pytest.mark.parametrize(("binding", "shown"), [("rpm", " rpm"), ("outage", "provider down"), ("none", "")])
def test_what_of_a_provider_holds_starts_back_is_named(binding: str, shown: str) -> None:
    feed = mid_run()
    pool = next(iter(feed.state.pools_used - {"commands", "merges"}))
    feed.play(ev.PoolPaced(pool, 9.0, 60.0, binding, why="a quota"))
    line = told(feed)
    assert shown in line
    assert ("provider down" in line) is (binding == "outage")


def test_a_session_that_is_read_after_its_host_crashed_is_not_shown_as_running() -> None:
    feed = mid_run()
    feed.set_link(Link.ARCHIVE)
    feed.status.seen = Status.CRASHED
    text = told(feed)
    assert f"crashed (last event {say.second(feed.state.ts)[11:]}) {say.clock(feed.state.ts - START)}+" in text
    assert "running" not in text
    assert "{resume} resumes" in (can_act(feed.state, feed.status) or "")


def test_a_host_that_leaves_after_the_end_or_in_a_replay_has_not_crashed() -> None:
    over, going = finished(), mid_run()
    for feed in (over, going):
        feed.set_link(Link.CRASHED)
    assert not crashed(over.state, over.status)
    assert crashed(going.state, going.status)
    going.set_link(Link.REPLAY)
    going.status.seen = Status.CRASHED
    assert not crashed(going.state, going.status)


def test_of_several_pools_that_are_held_back_the_gravest_reason_is_named() -> None:
    feed = mid_run()
    feed.state.pools_used |= {"one", "two"}
    feed.play(ev.PoolPaced("one", 9.0, 60.0, "user"), ev.PoolPaced("two", 1.0, None, "outage"))
    assert "provider down" in told(feed)


def test_what_a_crash_caught_waits_for_nobody_while_no_host_lives() -> None:
    feed = mid_run()
    feed.play(ev.AttemptInterrupted("quality", 1))
    needs = figures(feed.state, feed.status, feed.now).needs_you
    feed.set_link(Link.CRASHED)
    assert figures(feed.state, feed.status, feed.now).needs_you == needs - 1
