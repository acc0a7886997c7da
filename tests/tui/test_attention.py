"""Somebody who looks elsewhere is called once for what waits, as they wish, and by nothing that data can say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.session import events as ev
from swarmtui.tui import calling
from swarmtui.tui.app import Workbench
from swarmtui.tui.attention import Attention
from swarmtui.tui.settings import Notify, Settings
from swarmtui.tui.view.queue import Waiting
from tests.tui.opening import opened, press, settled
from tests.tui.scripted_agents import TRIP
from tests.tui.scripted_feed import HOSTILE, ScriptedFeed, approved, awaiting_approval, mid_run
from tests.tui.scripted_past import to_past


def one(key: str = "a", since: float = 1.0) -> Waiting:
    return Waiting(key, "question", since)


# -- when ------------------------------------------------------------------------------------------------------


def test_who_looks_elsewhere_is_called_at_once_and_once() -> None:
    attention = Attention(30.0)
    assert attention.due([one()], 0.0, away=True) == [one()]
    assert attention.due([one()], 1.0, away=True) == []
    assert attention.due([one(), one("b")], 2.0, away=True) == [one("b")]


def test_who_seems_to_look_is_called_after_a_while() -> None:
    attention = Attention(30.0)
    assert attention.due([one()], 0.0, away=False) == []
    assert attention.due([one()], 29.0, away=False) == []
    assert attention.due([one()], 30.0, away=False) == [one()]
    assert attention.due([one()], 99.0, away=False) == []


def test_without_a_delay_who_looks_is_never_called() -> None:
    assert Attention(0.0).due([one()], 0.0, away=False) == []
    assert Attention(0.0).due([one()], 1e9, away=False) == []


def test_what_waits_when_one_comes_is_on_the_screen() -> None:
    attention = Attention(1.0)
    attention.begin([one()])
    assert attention.due([one()], 99.0, away=True) == []


def test_what_is_asked_once_more_is_called_once_more() -> None:
    attention = Attention(0.0)
    assert attention.due([one("a", 1.0)], 0.0, away=True)
    assert attention.due([], 1.0, away=True) == []
    assert attention.due([one("a", 2.0)], 2.0, away=True)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.lists(st.sampled_from("abc"), unique=True), st.booleans()), max_size=12))
def test_nothing_is_called_twice_while_it_waits(frames: list[tuple[list[str], bool]]) -> None:
    attention, known = Attention(2.0), set[str]()
    for now, (keys, away) in enumerate(frames):
        called = {found.key for found in attention.due([one(key) for key in keys], float(now), away=away)}
        assert called <= set(keys)
        assert not called & known
        known = (known & set(keys)) | called


# -- what is written -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [*HOSTILE, "a\x1b\\\x1b]52;c;evil\x07", "x" * 10_000, "a;b;c"])
def test_no_text_ends_a_sequence_or_begins_another(text: str) -> None:
    for written in (calling.title_sequence(text), calling.desktop_notice(text, text, {})):
        assert written.count("\x1b]") + written.count("\x1b\\") == written.count("\x1b")
        assert written.count("\x1b]") in (1, 2)
        assert "\x9d" not in written
        assert "\x9c" not in written
        assert written.count("\x07") <= 1
        assert len(written) < 700


def test_a_notification_has_as_many_parts_as_terminals_expect() -> None:
    written = calling.desktop_notice("swarmtui trip", "May; I?", {})
    assert written == "\x1b]9;swarmtui trip: May, I?\x1b\\\x1b]777;notify;swarmtui trip;May, I?\x1b\\\x07"


def test_within_tmux_it_is_passed_through() -> None:
    written = calling.through_tmux("\x1b]9;x\x1b\\", {"TMUX": "/tmp/tmux"})
    assert written == "\x1bPtmux;\x1b\x1b]9;x\x1b\x1b\\\x1b\\"


# -- in the workbench ------------------------------------------------------------------------------------------

ASKED = ev.QuestionAsked("hotels", "Which \x1b]0;evil\x07 quarter?", kind="question", call="q1")


def begun() -> ScriptedFeed:
    return approved(TRIP).play(ev.AttemptStarted("hotels", 1))


def listening(app: object, how: Notify) -> list[str]:
    """What the workbench writes to its terminal from now on."""
    assert isinstance(app, Workbench)
    app.settings = replace(Settings(), notify=how)
    written: list[str] = []
    app.news.write = written.append
    app.news.clock = lambda: 0.0
    return written


@pytest.mark.parametrize(
    "how", [Notify.DESKTOP, *(pytest.param(how, marks=pytest.mark.chaos) for how in (Notify.BELL, Notify.OFF))]
)
async def test_a_question_calls_who_is_away_as_they_wish(how: Notify) -> None:
    feed = begun()
    async with opened(feed) as pilot:
        written = listening(pilot.app, how)
        pilot.app.on_app_blur()  # type: ignore[attr-defined]
        feed.play(ASKED, after=1)
        await settled(pilot)
        await settled(pilot)
        app = pilot.app
        assert isinstance(app, Workbench)
        app.on_app_focus()
    whole = "".join(written)
    assert ("\x1b]9;" in whole) == (how is Notify.DESKTOP)
    assert whole.count("\x07") == (0 if how is Notify.OFF else 1)
    assert ("1 needs you" in whole) == (how is not Notify.OFF)
    assert "evil" not in whole or "\x1b]0;evil" not in whole


async def test_the_title_says_what_waits_and_is_given_back() -> None:
    feed = begun()
    async with opened(feed) as pilot:
        written = listening(pilot.app, Notify.BELL)
        feed.play(ASKED, after=1)
        await settled(pilot)
        assert written == [calling.KEEP_TITLE + calling.title_sequence("● 1 needs you – Plan a trip")]
        feed.play(ev.QuestionAnswered("hotels", "north", call="q1"), after=1)
        await settled(pilot)
        assert written[-1] == calling.GIVE_TITLE_BACK
        feed.play(replace(ASKED, call="q2"), after=1)
        await settled(pilot)
    assert written[-1] == calling.GIVE_TITLE_BACK
    assert written.count(calling.GIVE_TITLE_BACK) == 2


@pytest.mark.chaos
async def test_who_looks_hears_nothing_at_first() -> None:
    feed = begun()
    async with opened(feed) as pilot:
        written = listening(pilot.app, Notify.BELL)
        feed.play(ASKED, after=1)
        await settled(pilot)
        assert "\x07" not in "".join(written)
        app = pilot.app
        assert isinstance(app, Workbench)
        app.news.clock = lambda: 31.0
        feed.play(ev.Noted("info", "time passes"), after=31)
        await settled(pilot)
        assert "".join(written).count("\x07") == 1


async def test_the_end_of_the_session_calls_who_is_away() -> None:
    feed = begun()
    async with opened(feed) as pilot:
        written = listening(pilot.app, Notify.DESKTOP)
        pilot.app.on_app_blur()  # type: ignore[attr-defined]
        feed.play(ev.SessionFinished("failed", "1 node failed"), after=1)
        await settled(pilot)
        assert "the session has failed: 1 node failed" in "".join(written)


@pytest.mark.chaos
async def test_nobody_is_called_by_a_replay() -> None:
    feed = mid_run()
    async with opened(feed, past=to_past) as pilot:
        await press(pilot, "H", "g")
        written = listening(pilot.app, Notify.DESKTOP)
        pilot.app.on_app_blur()  # type: ignore[attr-defined]
        await press(pilot, *["full_stop"] * 6)
    assert not [one for one in written if one != calling.GIVE_TITLE_BACK]


@pytest.mark.chaos
async def test_a_plan_that_waits_is_told_in_the_title() -> None:
    async with opened(awaiting_approval()) as pilot:
        app = pilot.app
        assert isinstance(app, Workbench)
        written = listening(app, Notify.BELL)
        app.news.leave()
        app.news.begin(0)
        assert "1 needs you" in "".join(written)
