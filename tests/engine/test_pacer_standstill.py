"""Nothing is accepted, or only now and then: what the pacer makes of it, in virtual time."""

from __future__ import annotations

import heapq
import math
import random
import tracemalloc
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.engine.pacer import Pacer
from swarmtui.engine.pacing.standstill import Standstill

Provider = Callable[[float, int], bool]
"""Whether a call that comes at a time, with so many others in flight, is accepted."""
REPLY_S = 0.05


class Story:
    """A pacer against a provider, with as many jobs as are wanted, until a time."""

    def __init__(self, provider: Provider, *, seed: int = 0, service_s: float = 5.0, headers=None) -> None:
        self.pacer = Pacer(now=0.0, seed=seed)
        self.provider = provider
        self.service_s = service_s
        self.headers = headers or {}
        self.now = 0.0
        self.events: list[tuple[float, int, str, int]] = []
        self.number = 0
        self.in_flight = 0
        self.asked: list[float] = []
        self.accepted: list[float] = []

    @property
    def refused(self) -> int:
        return len(self.asked) - len(self.accepted)

    def until(self, end: float, *, wanted: bool = True) -> Story:
        while self.now < end:
            wake = self.send() if wanted else None
            due = min(self.events[0][0] if self.events else math.inf, math.inf if wake is None else wake)
            assert due < math.inf or not wanted, "nobody would ever be woken"
            self.now = max(self.now, min(due, end)) + 1e-6
            while self.events and self.events[0][0] <= self.now:
                self.happen(*heapq.heappop(self.events))
        return self

    def send(self) -> float | None:
        while (answer := self.pacer.admit(self.now)).go:
            self.number += 1
            taken = self.provider(self.now, self.in_flight)
            self.pacer.sent(f"{self.number}", self.now)
            self.asked.append(self.now)
            if taken:
                self.in_flight += 1
                self.accepted.append(self.now)
                heapq.heappush(self.events, (self.now + 0.2 * self.service_s, self.number, "first", 200))
                heapq.heappush(self.events, (self.now + self.service_s, self.number, "done", 200))
            else:
                heapq.heappush(self.events, (self.now + REPLY_S, self.number, "done", 429))
        return answer.retry_at

    def happen(self, at: float, number: int, kind: str, status: int) -> None:
        if kind == "first":
            self.pacer.first_token(f"{number}", at)
            return
        self.in_flight -= status == 200
        told = self.headers if status == 429 else {}
        self.pacer.done(f"{number}", at, status=status, tokens_out=100, headers=told)


@settings(max_examples=25, deadline=None)
@given(st.floats(1, 900), st.integers(0, 9))
def test_who_refuses_everything_is_asked_less_than_once_a_second_and_found_open_soon(refusing_s, seed):
    story = Story(lambda now, others: now >= refusing_s and others < 40, seed=seed).until(refusing_s)
    assert len([at for at in story.asked if at > 0]) <= 5 + refusing_s
    assert len([at for at in story.asked if at == 0]) <= 12
    story.until(refusing_s + 35)
    assert story.accepted


@settings(max_examples=8, deadline=None)
@given(st.floats(20, 300), st.floats(10, 300), st.integers(0, 9))
def test_refusals_of_everything_in_the_middle_are_waited_out_and_the_old_rate_comes_back(start, length, seed):
    story = Story(lambda now, others: others < 40 and not start <= now < start + length, seed=seed)
    end = start + length
    story.until(end)
    known = next((at for at in story.asked if at >= start), end) + REPLY_S
    at_once = 40  # calls take equally long here: as many as are in flight may end, and be followed, at one moment
    assert len([at for at in story.asked if known < at < end]) <= at_once + length
    story.until(end + 95)
    late = [at for at in story.accepted if at > end + 65]
    assert len(late) >= 0.8 * 30 * 40 / story.service_s


def test_the_pauses_grow_while_nothing_is_accepted_and_one_call_at_a_time_asks():
    story = Story(lambda now, others: False).until(300)
    trials = [at for at in story.asked if at > 0]
    waits = [after - before for before, after in pairwise(trials)]
    assert waits[:4] == sorted(waits[:4])
    assert min(waits) > 1.0
    assert 25 < max(waits) <= 33.1


def test_advice_is_followed_while_nothing_is_accepted_but_not_for_hours():
    told = Story(lambda now, others: False, headers={"retry-after": "120"}).until(600)
    assert len([at for at in told.asked if at > 0]) <= 6
    absurd = Story(lambda now, others: now > 100 and others < 40, headers={"retry-after": "86400"}).until(135)
    assert absurd.accepted


def bucket(per_minute: float, size: float) -> Provider:
    level, at = size, 0.0

    def provider(now: float, others: int) -> bool:
        nonlocal level, at
        level, at = min(size, level + (now - at) * per_minute / 60), now
        if level >= 1:
            level -= 1
            return True
        return False

    return provider


@pytest.mark.parametrize(("per_minute", "size", "share"), [(3, 1, 0.1), (20, 20, 0.25), (60, 1, 0.1), (600, 10, 0.1)])
def test_small_quotas_are_found_and_kept_to(per_minute, size, share):
    seconds = 100 * 60 / per_minute + 600
    story = Story(bucket(per_minute, size)).until(seconds)
    assert len(story.accepted) >= 0.75 * seconds * per_minute / 60
    assert story.refused <= 12 + share * len(story.accepted)


def test_a_pause_of_the_user_is_no_sign_of_a_small_quota():
    story = Story(bucket(300, 30), service_s=3.0).until(120)
    before = story.pacer.view(story.now).rate_per_minute
    assert before == pytest.approx(300, rel=0.1)
    story.until(1800, wanted=False)
    count = len(story.accepted)
    story.until(1860)
    assert len(story.accepted) - count >= 0.9 * 300


def lump(calls: int, period_s: float) -> Provider:
    number, taken = -1.0, 0

    def provider(now: float, others: int) -> bool:
        nonlocal number, taken
        if now // period_s != number:
            number, taken = now // period_s, 0
        taken += 1
        return taken <= calls

    return provider


def test_a_quota_that_comes_back_at_once_is_learned_from_two_boundaries():
    story = Story(lump(100, 60)).until(900)
    assert len(story.accepted) >= 0.85 * 1500
    late = [at for at in story.asked if at > 300]
    assert len(late) - len([at for at in story.accepted if at > 300]) <= 0.12 * len(late)


def test_an_hourly_quota_is_waited_for_until_its_boundary():
    story = Story(lump(1000, 3600)).until(5 * 3600)
    assert len(story.accepted) >= 0.95 * 5000
    assert any("comes back every 3600 s" in change.cause for change in story.pacer.view(story.now).log)
    third = [at for at in story.asked if 3 * 3600 <= at < 5 * 3600]
    assert len(third) <= 1.08 * 2000


def test_refusals_by_chance_do_not_bring_the_rate_down_for_ever():
    draw = random.Random(4)
    story = Story(lambda now, others: others < 100 and draw.random() >= 0.1).until(900)
    late = [at for at in story.accepted if at > 600]
    assert len(late) >= 300 * 4
    assert any("by chance" in change.cause for change in story.pacer.view(story.now).log)


@pytest.mark.chaos
def test_memory_is_bounded_however_long_nothing_is_accepted():
    story = Story(lambda now, others: False).until(3600)
    story.asked.clear()
    tracemalloc.start()
    try:
        for number in range(5_000):
            story.pacer.sent(f"x{number}", 4000.0 + number)
            story.pacer.done(f"x{number}", 4000.5 + number, status=429)
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert grown < 300_000


def test_after_a_stop_calls_go_twice_as_many_at_a_time_and_not_all_at_once():
    still = Standstill()
    still.refused(1, 0.0, REPLY_S, alone=False, least_s=0.0, told_s=None, jitter=0.0)
    still.refused(2, 1.0, 1.0 + REPLY_S, alone=False, least_s=0.0, told_s=None, jitter=0.0)
    still.sent(3, 3.0)
    still.accepted(3, 4.0)
    now, went = 4.0, []
    while len(went) < 64:
        now += still.reopening(now)
        still.went()
        went.append(now)
    assert went.count(4.0) == 4
    assert len([at for at in went if at <= 4.0 + REPLY_S]) <= 8
    assert went[-1] <= 4.0 + 4 * REPLY_S + 1e-9


def test_one_refusal_that_nothing_explains_leaves_the_window_alone():
    chosen = iter([True])
    story = Story(lambda now, others: others < 40 and not (now > 60.3 and next(chosen, False))).until(60)
    before = story.pacer.view(story.now).window
    refused = story.refused
    story.until(62)
    assert story.refused >= refused + 1
    assert story.pacer.view(story.now).window >= before - 1
