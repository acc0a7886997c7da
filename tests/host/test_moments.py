"""How a moment is named: by number, time or mark."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.host.moments import Moment, MomentMissing, find_moment, parse_moment
from swarmtui.session.events import MarkerSet, Noted, SessionPaused
from tests.host.pasts import MemoryPast, beginning, recorded


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
    assert [moment.seq, moment.seconds, moment.mark].count(None) == 2


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
