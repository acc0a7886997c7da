"""Odd clocks, names and answers: nothing raises, nothing is infinite, nobody waits for ever."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.engine.pacer import Pacer
from swarmtui.engine.pacing.clock import Clock

DAY_S = 86400.0
NUMBERS = st.sampled_from([math.nan, math.inf, -math.inf, -1e18, 1e18, 1e300, -5.0, 0.0])
NAMES = st.sampled_from(["", "a", "b", "c", "é", "nobody"])
COUNTS = st.sampled_from([0, 1, 100, -9, 2**70])
STATUSES = st.sampled_from([200, 429, 500, 0, 400, 503, -1, 99, 1000])
TEXTS = st.sampled_from(
    [
        "-1",
        "0",
        "1",
        "1e308",
        "1e400",
        "NaN",
        "inf",
        "12ms",
        "6m0s",
        "",
        "x",
        "1_000",
        "٣",
        "Wed, 21 Oct 2099 07:28:00 GMT",
        "Wed, 99 Foo 0000",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+23:59",
        "99999999999999999999999999999999999999999999999999",
    ]
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["retry-after", "retry-after-ms", "date"]
        + [f"x-ratelimit-{part}-{of}" for part in ("limit", "remaining", "reset") for of in ("requests", "tokens")]
        + [f"anthropic-ratelimit-requests-{part}" for part in ("limit", "remaining", "reset")]
    ),
    TEXTS,
    max_size=6,
)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["admit", "sent", "first", "done", "gone", "cap", "freeze", "view"]),
        st.one_of(st.floats(0, 30), NUMBERS),
        NAMES,
        COUNTS,
        STATUSES,
        HEADERS,
    ),
    max_size=60,
)


def happen(pacer: Pacer, kind: str, now: float, name: str, count: int, status: int, headers: dict[str, str]) -> None:
    match kind:
        case "admit":
            at = pacer.admit(now, count).retry_at
            assert at is None or math.isfinite(at)
        case "sent":
            pacer.sent(name, now, count)
        case "first":
            pacer.first_token(name, now)
        case "done":
            verdict = pacer.done(name, now, status=status, headers=headers, tokens_in=count, tokens_out=count)
            assert verdict.retry_at is None or math.isfinite(verdict.retry_at)
        case "gone":
            pacer.gone(name, now)
        case "cap":
            pacer.set_cap(count, now)
        case "freeze":
            pacer.freeze(count, now)
        case _:
            assert pacer.view(now).window >= 0


@settings(max_examples=80, deadline=None)
@given(st.one_of(st.just(0.0), NUMBERS), EVENTS)
def test_no_event_raises_or_stops_the_pool_for_ever(start, events):
    pacer, now = Pacer(now=start), 100.0
    for kind, passed, *more in events:
        odd = not math.isfinite(passed) or abs(passed) > DAY_S or passed < 0
        now = now if odd else now + passed
        happen(pacer, kind, passed if odd else now, *more)
    pacer.set_cap(None, now)
    pacer.freeze(None, now)
    for name in ("", "a", "b", "c", "é", "nobody"):
        pacer.done(name, now, status=200)
    asked_at = now
    while not (answer := pacer.admit(now, 100)).go:
        assert answer.retry_at is not None
        now = max(answer.retry_at, math.nextafter(now, math.inf))
        assert now - asked_at < 400


def test_a_call_that_ends_twice_or_was_never_sent_changes_nothing():
    pacer = Pacer(now=0.0)
    pacer.sent("a", 0.0)
    pacer.done("a", 1.0, status=200)
    before = pacer.view(1.0)
    assert pacer.done("a", 1.0, status=200).retry_at is None
    verdict = pacer.done("never sent", 1.0, status=429)
    assert (verdict.charged, verdict.retry_at is not None) == (False, True)
    assert pacer.view(1.0) == before


@pytest.mark.parametrize("status", [429, 500])
@pytest.mark.parametrize("set_to", [-1e9, 3.0, 1e9])
def test_after_the_clock_was_set_waits_are_told_by_the_clock_as_it_is_now(status, set_to):
    pacer = Pacer(now=1000.0)
    for number in range(12):
        pacer.sent(f"{number}", 1000.0)
    verdicts = [pacer.done(f"{number}", set_to, status=status) for number in range(12)]
    assert all(verdict.retry_at is not None and 0 < verdict.retry_at - set_to < 60 for verdict in verdicts)
    now = set_to
    while not (answer := pacer.admit(now)).go:
        assert answer.retry_at is not None
        assert 0 < answer.retry_at - now < 60
        now = answer.retry_at
    assert now - set_to < 60


def test_time_inside_never_runs_back_and_never_leaps():
    clock = Clock(100.0)
    assert clock.read(99.0) == 100.0
    assert clock.read(math.nan) == 100.0
    leapt = clock.read(1e12)
    assert 100.0 < leapt <= 100.0 + 31 * DAY_S
    assert clock.read(1e12 + 5) == leapt + 5
    assert clock.read(50.0) == leapt + 5
    assert clock.read(51.0) == leapt + 6
    assert clock.outside(leapt + 7) == pytest.approx(52.0)
