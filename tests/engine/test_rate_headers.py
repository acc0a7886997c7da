"""What is read from a provider's headers, and what is not believed."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.engine.rate_headers import LONGEST_S, Level, RateHeaders, read_headers, retry_after, seconds

DATE = {"Date": "Sat, 21 Nov 2026 12:00:00 GMT"}


def test_openai_headers_give_both_buckets_whatever_the_case_of_the_names():
    told = read_headers(
        {
            "X-RateLimit-Limit-Requests": "300",
            "x-ratelimit-remaining-requests": "299",
            "x-ratelimit-reset-requests": "12ms",
            "x-ratelimit-limit-tokens": "150000",
            "x-ratelimit-remaining-tokens": "149000",
            "x-ratelimit-reset-tokens": "6m0s",
        }
    )
    assert told.requests == Level(300, 299, 0.012)
    assert told.tokens == Level(150000, 149000, 360)
    assert not told.nonsense


def test_anthropic_resets_are_told_against_the_answers_own_date():
    told = read_headers(
        {
            **DATE,
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "10",
            "anthropic-ratelimit-requests-reset": "2026-11-21T12:00:30Z",
            "anthropic-ratelimit-input-tokens-limit": "1000",
            "anthropic-ratelimit-input-tokens-remaining": "900",
            "anthropic-ratelimit-output-tokens-limit": "1000",
            "anthropic-ratelimit-output-tokens-remaining": "100",
            "retry-after": "7",
        }
    )
    assert told.requests == Level(50, 10, 30)
    assert told.tokens == Level(1000, 100, None)
    assert told.retry_after_s == 7


def test_kimi_headers_are_of_requests():
    headers = {"X-RateLimit-Limit": "200", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "3"}
    assert read_headers(headers).requests == Level(200, 0, 3)


def test_a_reset_may_be_an_epoch_time_in_seconds_or_thousandths():
    at = 1795262400  # the date above
    for text in (str(at + 20), str((at + 20) * 1000)):
        headers = {**DATE, "x-ratelimit-limit": "5", "x-ratelimit-remaining": "1", "x-ratelimit-reset": text}
        level = read_headers(headers).requests
        assert level is not None
        assert level.reset_s == pytest.approx(20)


@pytest.mark.parametrize("limit", ["-1", "0", "NaN", "inf", "1e999", "", "many", "1_000", "٣", "9" * 100])
def test_a_limit_that_cannot_be_true_is_as_good_as_absent(limit):
    told = read_headers({"x-ratelimit-limit-requests": limit, "x-ratelimit-remaining-requests": "1"})
    assert told.requests is None


def test_azures_minus_one_is_nonsense_and_more_left_than_there_may_be_is_too():
    assert read_headers({"x-ratelimit-limit-requests": "-1", "x-ratelimit-remaining-requests": "-1"}).nonsense
    assert read_headers({"x-ratelimit-limit-requests": "5", "x-ratelimit-remaining-requests": "9"}).nonsense


@pytest.mark.parametrize(
    ("text", "told"),
    [("20", 20), ("0.5", 0.5), ("6m0s", 360), ("1h", 3600), ("-1", None), ("1e9", None), ("NaN", None), ("soon", None)],
)
def test_retry_after_is_seconds_or_a_duration_or_nothing(text, told):
    assert retry_after({"Retry-After": text}) == told


def test_retry_after_as_a_date_counts_from_the_answers_date():
    assert retry_after({**DATE, "retry-after": "Sat, 21 Nov 2026 12:01:30 GMT"}) == 90
    assert retry_after({**DATE, "retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}) is None
    assert retry_after({"retry-after": "Sat, 21 Nov 2026 12:01:30 GMT"}) is None


def test_thousandths_go_before_seconds():
    assert retry_after({"retry-after-ms": "250", "retry-after": "9"}) == 0.25


NAMES = st.sampled_from(
    [
        "date",
        "retry-after",
        "retry-after-ms",
        *(f"x-ratelimit-{part}-{unit}" for part in ("limit", "remaining", "reset") for unit in ("requests", "tokens")),
        *(f"anthropic-ratelimit-{unit}-{part}" for part in ("limit", "remaining", "reset") for unit in ("requests",)),
        *(f"x-ratelimit-{part}" for part in ("limit", "remaining", "reset")),
    ]
)
VALUES = st.one_of(
    st.text(max_size=80),
    st.floats().map(str),
    st.integers().map(str),
    st.datetimes().map(lambda at: at.isoformat()),
    st.from_regex(r"\A(\d{1,9}(\.\d{1,9})?(ms|s|m|h|d)){1,3}\Z"),
)


@given(st.dictionaries(NAMES, VALUES, max_size=12))
def test_no_header_breaks_it_and_what_it_gives_can_be_counted_with(headers):
    told = read_headers(headers)
    assert isinstance(told, RateHeaders)
    for level in (told.requests, told.tokens):
        if level is not None:
            assert 0 <= level.remaining <= level.limit < math.inf
            assert level.limit > 0
            assert level.reset_s is None or 0 <= level.reset_s <= LONGEST_S
    assert told.retry_after_s is None or 0 <= told.retry_after_s <= LONGEST_S


@given(st.floats(min_value=0, max_value=86400))
def test_a_duration_in_any_unit_is_the_same_time(value):
    assert seconds(f"{value:.6f}s") == pytest.approx(value, abs=1e-5)
    assert seconds(f"{value * 1000:.6f}ms") == pytest.approx(value, abs=1e-5)
