"""Every event has a line in words."""

from __future__ import annotations

import pytest

from swarmtui.session import events as ev
from swarmtui.session import vocabulary as vocab
from swarmtui.session.vocabulary import BY_CONDITION
from swarmtui.tui.view.glyphs import ASCII, UNICODE
from swarmtui.tui.view.lines import width
from swarmtui.tui.view.log_search import LogSearch
from swarmtui.tui.view.logs import _TELL, draw, level_of, log_line
from tests.tui.scripted_feed import HOSTILE, SESSIONS


def test_every_event_type_has_words() -> None:
    assert set(_TELL) == set(ev.BODIES.values())


def test_an_event_of_a_newer_version_is_shown_by_its_name() -> None:
    line = log_line(ev.Event(1, 0, 0, ev.Unknown("marker_added", {})))
    assert (line.level, line.text) == ("debug", "marker_added")


@pytest.mark.parametrize("name", ["mid_run", "finished", "hostile", "planning", "awaiting_approval"])
async def test_lines_fit_and_are_clean(name: str) -> None:
    feed = SESSIONS[name]()
    for event in await feed.events_before(10**9, 10_000):
        line = log_line(event)
        assert line.text
        for form in (UNICODE, ASCII):
            drawn = draw(line, 90, form)
            assert width(drawn) <= 90
            assert "".join(text for text, _ in drawn).replace("\u200d", "").isprintable()


def test_gravity_shows_as_a_sign_too() -> None:
    failed = ev.AttemptFailed("n", 1, vocab.ErrorInfo(vocab.ErrorKind.EXIT, "code 2"), took_s=1)
    drawn = draw(log_line(ev.Event(1, 0, 0, failed)), 90, UNICODE)
    assert "✗" in drawn[1][0]
    assert "failed after 1.0s, exit: code 2" in "".join(text for text, _ in drawn)


def test_actors_are_named_and_clean() -> None:
    line = log_line(ev.Event(1, 0, 0, ev.NodeHeld("n"), actor="".join(HOSTILE)))
    assert line.actor
    assert "\x1b" not in line.actor


def test_an_event_of_an_impossible_time_is_told_all_the_same() -> None:
    drawn = draw(log_line(ev.Event(1, 1e18, 0, ev.NodeHeld("n"))), 90, UNICODE)
    assert "".join(text for text, _ in drawn).split()[:2] == ["n/a", "n"]


def test_what_a_condition_left_out_is_no_warning() -> None:
    levels = {
        cause: level_of(ev.Event(1, 0, 0, ev.NodeSkipped("n", cause))) for cause in ("user", "scan", BY_CONDITION)
    }
    assert levels == {"user": "warning", "scan": "warning", BY_CONDITION: "info"}


def told(body: ev.Body) -> tuple[str, str]:
    line = log_line(ev.Event(1, 0, 0, body))
    return line.level, line.text


def test_a_failure_that_is_tried_again_is_a_warning_and_says_when() -> None:
    failed = ev.AttemptFailed("n", 1, vocab.ErrorInfo(vocab.ErrorKind.EXIT, "code 2"), took_s=1, retry_in_s=4.0)
    assert told(failed) == ("warning", "try 1 failed, again in 4.0s, exit: code 2")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("user", "paused"),
        ("stuck", "paused: nothing goes on until you act"),
        ("the recording ends here", "paused: the recording ends here"),
    ],
)
def test_why_a_session_was_paused_is_told_in_words(reason: str, words: str) -> None:
    assert told(ev.SessionPaused(reason)) == ("warning", words)


@pytest.mark.parametrize(
    ("again_s", "by", "words"),
    [
        (12.0, "provider", "429, again in 0:12, not charged: too fast"),
        (0.09, "provider", "429, waits for a place, not charged: too fast"),  # its pool knows better when
        (2.2, "machine", "this machine is busy, again in 0:03, not charged: too fast"),
    ],
)
def test_what_becomes_of_a_refused_call_comes_before_what_was_said(again_s: float, by: str, words: str) -> None:
    assert told(ev.AttemptThrottled("a", 1, again_s, "p", message="too fast", by=by)) == ("warning", words)


def test_what_waits_after_a_takeover_is_named_as_far_as_it_was_recorded_and_else_counted() -> None:
    assert told(ev.SessionTakenOver(crashed=True, held=3, waiting=("a", "b/1")))[1].endswith(
        "a, b (item 1) and 1 more wait for you"
    )
    assert told(ev.SessionTakenOver(crashed=True, held=2, waiting=("a", "b/1")))[1].endswith(
        "2 wait for you: a, b (item 1)"
    )


def test_the_lines_of_a_node_are_its_own_and_those_of_its_items_and_of_no_other() -> None:
    found = LogSearch.of("node:N1 word")
    lines = [log_line(ev.Event(1, 0, 0, ev.AttemptStarted(node, 1, item)))
             for node, item in (("n1", None), ("n1", 3), ("n12", None))]  # fmt: skip
    assert [found.shows(line) for line in lines] == [True, True, False]
