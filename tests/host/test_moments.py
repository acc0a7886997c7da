"""How a moment is named: by number, time or mark."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.host.moments import Moment, MomentMissing, find_mark, find_moment, parse_moment
from swarmtui.session.events import MarkerSet, Noted, SessionPaused
from tests.host.pasts import BEGAN, MemoryPast, beginning, ended, recorded, worked


@pytest.mark.parametrize(
    ("word", "moment"),
    [
        ("120", Moment(seq=120)),
        ("90s", Moment(seconds=90.0)),
        ("1.5s", Moment(seconds=1.5)),
        ("5m", Moment(seconds=300.0)),
        ("2h", Moment(seconds=7_200.0)),
        ("1h30m5s", Moment(seconds=5_405.0)),
        ("1:30", Moment(seconds=90.0)),
        ("1:02:03.5", Moment(seconds=3_723.5)),
        ("+90s", Moment(seconds=90.0)),
        ("+1:30", Moment(seconds=90.0)),
        ("1970-01-02T00:00Z", Moment(ts=86_400.0)),
        ("1970-01-02 02:00:01.5+02:00", Moment(ts=86_401.5)),
        ("2026-02-30", Moment(mark="2026-02-30")),
        ("+", Moment(mark="+")),
        ("nan", Moment(mark="nan")),
        ("1e3", Moment(mark="1e3")),
        ("-5s", Moment(mark="-5s")),
        ("failure", Moment(mark="failure")),
        ("retry:3", Moment(mark="retry", number=3)),
        ("look here", Moment(mark="look here")),
        ("", Moment(mark="")),
    ],
)
def test_a_word_is_a_number_a_time_or_the_name_of_a_mark(word: str, moment: Moment) -> None:
    assert parse_moment(word) == moment


@given(st.text(max_size=20))
def test_any_word_is_exactly_one_of_them(word: str) -> None:
    moment = parse_moment(word)
    assert [moment.seq, moment.seconds, moment.ts, moment.mark].count(None) == 3


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)))
def test_a_date_without_a_zone_is_of_this_machines(then: datetime) -> None:
    assert parse_moment(then.isoformat()).ts == then.timestamp()
    assert parse_moment(then.date().isoformat()).ts == datetime.combine(then, time()).timestamp()


async def test_a_moment_by_the_wall_is_the_last_event_by_then_and_none_before_the_first() -> None:
    past = MemoryPast(recorded(*beginning("a"), (60.0, Noted("info", "x")), (60.0, Noted("info", "y"))))
    last = past.recorded[-1]

    async def found(ts: float) -> int:
        return await find_moment(past, parse_moment(datetime.fromtimestamp(ts, UTC).isoformat()))

    assert await found(last.ts) == last.seq
    assert await found(last.ts - 1) == last.seq - 1
    assert await found(last.ts - 61) == last.seq - 2
    assert await found(last.ts + 1e6) == last.seq
    assert await found(BEGAN) == sum(event.ts == BEGAN for event in past.recorded)
    with pytest.raises(MomentMissing, match="before the session began, which was 1970-01-1"):
        await found(BEGAN - 1)
    with pytest.raises(MomentMissing, match="a date is no moment here: give an event's number"):
        find_mark([], parse_moment("2026-11-22"))


async def test_a_wall_clock_that_was_set_back_leaves_every_moment_findable() -> None:
    events = recorded(*beginning("a"), *((1.0, Noted("info", "x")) for _ in range(20)))
    back = [replace(event, ts=event.ts - (3_600.0 if event.seq > 12 else 0.0)) for event in events]
    past = MemoryPast(back)
    assert await find_moment(past, Moment(ts=back[5].ts)) in range(1, len(back) + 1)
    assert await find_moment(past, Moment(ts=2e9)) == len(back)


async def test_after_its_end_a_session_has_no_moments() -> None:
    past = MemoryPast(recorded(*beginning("a"), *worked("a", "x", 2.0), *ended()))
    assert await find_moment(past, Moment(seconds=2.5)) == len(past.recorded)  # people read times that are rounded
    with pytest.raises(MomentMissing, match=r"there is no second 50: this session ended after 2\.0 s"):
        await find_moment(past, parse_moment("50s"))


async def test_a_moment_is_the_last_event_by_then() -> None:
    pauses = [(1.0, SessionPaused("user")), (1.0, Noted("info", "x")), (1.0, SessionPaused("budget"))]
    past = MemoryPast(recorded(*beginning("a"), *pauses, (1.0, MarkerSet("a: look"))))
    for word, seq in (
        ("3", 3),
        ("1.5s", 5),
        ("99h", 8),
        ("0:02", 6),
        ("pause", 5),
        ("pause:2", 7),
        ("a: look", 8),
        ("user", 8),
    ):
        assert await find_moment(past, parse_moment(word)) == seq, word
    for word, why in (
        ("9", "events 1 to 8"),
        ("0", "events 1 to 8"),
        ("pause:3", "2 marks 'pause', and no number 3"),
        ("failure", "marks here: 2 approval, 2 pause, 1 user"),
    ):
        with pytest.raises(MomentMissing, match=why):
            await find_moment(past, parse_moment(word))
