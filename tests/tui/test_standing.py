"""Panes of workers: what an attempt does while it does not write, tools as they are called, pins, pages."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from swarmtui.host.feed import Changes
from swarmtui.plan.model import Plan
from swarmtui.session import events as ev
from swarmtui.tui.screens.run import RunScreen
from swarmtui.tui.screens.workers_part import WorkersPart
from swarmtui.tui.view.calls import Call, call_line, short_arguments
from swarmtui.tui.view.glyphs import ASCII, UNICODE
from swarmtui.tui.view.lines import width
from swarmtui.tui.view.moment import Moment
from swarmtui.tui.view.panes import grid, panes, places
from swarmtui.tui.view.standing import standing
from swarmtui.tui.view.tails import Tail, Tails
from tests.tui.opening import opened, settled, text
from tests.tui.scripted_feed import WORKER, ScriptedFeed, approved, prompt
from tests.tui.test_tails import piece


def said(channel: str, at: float) -> Tail:
    tail = Tail(since=at - 5)
    tail.feed(piece("well", channel=channel), at)
    return tail


def words(kind: str, tail: Tail | None, now: float, since: float | None = None) -> tuple[str, str]:
    return standing(kind, tail, since, now) or ("", "")


def test_a_silence_has_a_name_and_an_age() -> None:
    assert words("prompt", None, 112.0, 100.0) == ("waits for its first word 0:12", "muted")
    assert words("prompt", None, 140.0, 100.0)[1] == "warn"
    assert words("prompt", Tail(since=105.0), 112.0, 100.0) == ("waits for its first word 0:07", "muted")
    assert words("prompt", said("output", 100), 101.0) == ("", "")
    assert words("prompt", said("output", 100), 112.0) == ("silent 12s", "muted")
    assert words("prompt", said("output", 100), 145.0) == ("nothing for 45s", "warn")
    assert words("prompt", said("output", 100), 300.0) == ("stuck? nothing for 3m", "bad")


def test_what_reasons_thinks_and_is_not_stuck_until_that_stops_too() -> None:
    tail = said("reasoning", 100)
    tail.feed(piece(" then", 4, channel="reasoning"), 140)
    assert words("prompt", tail, 141.0) == ("thinking 0:41", "running")
    assert words("prompt", tail, 141.0 + 45) == ("nothing for 46s", "warn")


def test_a_program_may_be_silent_as_long_as_it_likes() -> None:
    assert words("run", said("output", 100), 1_000.0)[1] == "muted"
    assert words("run", None, 1_000.0, 100.0) == ("no output yet 15:00", "muted")


def test_a_tool_that_is_called_is_what_is_waited_for() -> None:
    tail = said("output", 100)
    tail.call("c1", "web_search", '{"query": "hotels"}', 101)
    assert words("agent", tail, 110.0) == ("in web_search 0:09", "running")
    tail.answered("c1", 104, ok=True)
    assert words("agent", tail, 105.0) == ("", "")


def told(call: Call, size: int = 40) -> str:
    line = call_line(call, size, 12.0)
    assert width(line) <= size
    return "".join(part for part, _ in line)


def test_a_call_is_told_with_arguments_time_and_end() -> None:
    call = Call("c", "read_file", short_arguments('{"path": "store/billing.py"}'), 10.0)
    assert told(call) == "▸ read_file store/billing.py  0:02"
    call.answer(10.2, ok=True)
    assert told(call) == "▸ read_file store/billing.py  0.2s ✓"
    call.answer(10.2, ok=False)
    assert "✗" in told(call)
    assert "ERR" in "".join(part for part, _ in call_line(call, 40, 12.0, ASCII))
    assert len(told(call, 20)) <= 20


def test_arguments_that_are_no_json_or_cut_are_told_as_they_are() -> None:
    assert short_arguments('{"a": 1, "b": ["x"]}') == '1, ["x"]'
    assert short_arguments('{"path": "sto') == '{"path": "sto'
    assert short_arguments("") == ""


def test_calls_stand_among_what_is_said() -> None:
    tails = Tails()
    head = ev.CallHead("c1", "search", '{"q": "x"}')
    stepped = ev.Event(1, 5.0, 5.0, ev.AgentStepped("n", 1, "assistant", "aa", calls=(head,)))
    back = ev.Event(2, 7.0, 7.0, ev.AgentStepped("n", 1, "tool", "bb", call="c1", ok=False))
    tails.absorb(Changes(streams=(piece("before"),)), 4.0)
    tails.absorb(Changes(events=(stepped, back), streams=(piece("after", 6),)), 8.0)
    rows = ["".join(part for part, _ in row) for row in tails.by_key["n", None].rows(40, 9)]
    assert rows == ["before", "▸ search x  2.0s ✗", "after"]


def test_code_in_what_is_said_is_told_apart_while_it_streams() -> None:
    tail = Tail()
    tail.feed(piece("# Head\n```py\n# no head\n"), 1.0)
    roles = [row[0][1] for row in tail.rows(40, 9)]
    assert roles == ["strong", "faint", "ok"]


def working(number: int) -> ScriptedFeed:
    feed = approved(Plan("g", tuple(prompt(f"w-{at:02}") for at in range(number))))
    for at in range(number):
        feed.play(ev.AttemptStarted(f"w-{at:02}", 1, pool=WORKER), after=0.1)
        feed.say(f"w-{at:02}", f"words of {at:02}")
    return feed


def test_panes_fill_their_place_and_lie_beside_each_other() -> None:
    feed = working(9)
    tails = Tails()
    tails.absorb(feed.drain(), feed.now)
    found = panes(feed.state, tails, Moment(feed.now, feed.state.mono), 9)
    for size in ((80, 24), (120, 40), (200, 60), (37, 11)):
        taken = sum(one.width * one.height for one in places(found, *size, found[0].key))
        assert taken == size[0] * size[1]
        assert len(grid(found, *size, UNICODE, found[0].key)) == size[1]


def test_the_selected_pane_takes_what_few_others_leave_and_a_silent_one_has_another_frame() -> None:
    feed = working(3)
    tails = Tails()
    tails.absorb(feed.drain(), feed.now)
    found = panes(feed.state, tails, Moment(feed.now, feed.state.mono), 9)
    assert [one.height for one in places(found, 80, 40, found[0].key)] == [30, 10, 10]
    silent = panes(feed.state, tails, Moment(feed.now + 300, feed.state.mono + 300), 9)
    for shown, role in ((found, "edge"), (silent, "warn")):
        assert grid(shown, 80, 40, UNICODE, None)[0][0][1] == role


def workers(pilot: Pilot[int]) -> WorkersPart:
    screen = pilot.app.screen
    assert isinstance(screen, RunScreen)
    return screen.part(WorkersPart)


async def test_more_workers_than_fit_come_in_pages_and_what_is_pinned_stays() -> None:
    async with opened(working(30), (80, 24)) as pilot:
        await pilot.press("3")
        await settled(pilot)
        assert "30 at work, page 1 of 4" in text(pilot)
        await pilot.press("K", "pagedown")
        await settled(pilot)
        shown = text(pilot)
        assert "page 2 of" in shown
        assert "◆ w-00" in shown
        assert "words of 10" in shown


@pytest.mark.chaos
async def test_enter_gives_one_worker_all_the_room_and_escape_takes_it_back() -> None:
    async with opened(working(6), (120, 40)) as pilot:
        await pilot.press("3", "j", "enter")
        await settled(pilot)
        assert workers(pilot).maximised
        assert "words of 01" in text(pilot)
        assert "words of 02" not in text(pilot)
        await pilot.press("escape")
        await settled(pilot)
        assert "words of 02" in text(pilot)
        await pilot.press("w", "w")
        await settled(pilot)
        assert pilot.app.screen.view == "run"  # type: ignore[attr-defined]
