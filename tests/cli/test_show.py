"""What `show` says of what waits for a person."""

from __future__ import annotations

import time
from typing import Any

import pytest

from swarmtui.cli import show
from swarmtui.session.state import SessionState


def told(**more: Any) -> str:
    waiting = {"id": "a:call_1", "kind": "question", "question": "Which?", "choices": [], "detail": None}
    return show._waiting("7f3a", {**waiting, **more})


def test_a_question_is_answered_in_words() -> None:
    assert told() == "waits for you: Which?: swarmtui ctl 7f3a answer a:call_1 TEXT"


def test_where_there_is_a_choice_it_is_told() -> None:
    assert told(choices=["red", "blue"]).endswith("answer a:call_1 'red' | 'blue'")


def test_a_call_that_waits_for_leave_is_shown() -> None:
    said = told(kind="permission", choices=["allow once", "deny"], detail='shell {\n  "command": "rm \u202ex"\n}')
    assert said.splitlines()[1:2] == ["    shell {"]
    assert '"command": "rm' in said
    assert "\u202e" not in said
    assert r"rm \u202ex" in said


def test_what_the_call_tells_as_an_escape_stays_one() -> None:
    assert r'    "a\u001b[2J"' in told(kind="permission", detail=r'"a\u001b[2J"')


@pytest.mark.parametrize("detail", ["x\n" * 100, "x" * 9000])
def test_a_long_call_is_cut_and_says_so(detail: str) -> None:
    said = told(kind="permission", detail=detail)
    assert len(said) < 1000
    assert said.splitlines()[-1] == "    (cut short: swarmtui show 7f3a --json has all of it)"


def test_time_passes_between_the_events_of_a_session_whose_host_lives() -> None:
    state = SessionState()
    state.created_ts = time.time() - 3600
    assert show.length_of(state, 1.0, alive=True) == "1:00:00 so far"
    assert show.length_of(state, 1.0, alive=False) == "0:01 until its last event"
    state.ended_ts = state.created_ts + 5
    assert show.length_of(state, 5.0, alive=True) == "0:05 from beginning to end"
