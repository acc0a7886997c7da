"""What the pacer does with one thing at a time. Times are seconds of a clock that the test moves."""

from __future__ import annotations

import json

import pytest

from swarmtui.engine.pacer import Pacer, PacerMemory


class Provider:
    """Moves a pacer by hand: sends all that it admits, accepts or refuses."""

    def __init__(self, pacer: Pacer) -> None:
        self.pacer = pacer
        self.now = 0.0
        self.flying: list[str] = []
        self.number = 0

    def send(self, most: int = 10_000) -> list[str]:
        """Send while the pacer says go; the calls."""
        went = []
        while len(went) < most and self.pacer.admit(self.now).go:
            self.number += 1
            went.append(f"call {self.number}")
            self.pacer.sent(went[-1], self.now)
        self.flying += went
        return went

    def accept(self, calls: list[str]) -> None:
        for call in calls:
            self.pacer.first_token(call, self.now)

    def end(self, calls: list[str], status: int = 200, **more):
        verdicts = []
        for call in calls:
            self.flying.remove(call)
            verdicts.append(self.pacer.done(call, self.now, status=status, tokens_out=100, **more))
        return verdicts

    def at_wall(self, cap: int) -> None:
        """Run into a cap of `cap`, all of it in flight."""
        for _ in range(60):
            went = self.send()
            self.now += 0.2
            over = len(self.flying) - cap
            refused = went[len(went) - over :] if over > 0 else []
            self.end(refused, 429)
            self.now += 0.8
            self.accept([call for call in went if call in self.flying])
            if refused:
                return
        raise AssertionError("never reached the cap")


def new(**more) -> Provider:
    return Provider(Pacer(now=0.0, **more))


def test_it_starts_with_twelve_at_once():
    assert len(new().send()) == 12


def test_what_was_accepted_in_flight_at_a_refusal_is_the_window():
    world = new()
    world.at_wall(37)
    view = world.pacer.view(world.now)
    assert (view.window, view.in_flight) == (37, 37)
    assert "37 accepted in flight" in view.log[-1].cause


def test_at_the_wall_a_call_goes_as_one_ends():
    world = new()
    world.at_wall(37)
    assert world.send() == []
    world.end(world.flying[:3])
    assert len(world.send()) == 3


def test_a_new_wall_is_tested_with_one_call_after_two_seconds():
    world = new()
    world.at_wall(37)
    answer = world.pacer.admit(world.now)
    assert answer.retry_at is not None
    assert answer.retry_at - world.now <= 2.0
    world.now = answer.retry_at
    assert len(world.send()) == 1


def test_a_refusal_charges_nobody_and_goes_back_soon():
    world = new()
    (call, *_) = world.send()
    (verdict,) = world.end([call], 429, headers={"retry-after": "86400"})
    assert not verdict.charged
    assert verdict.retry_at is not None
    assert verdict.retry_at <= world.now + 1


def test_a_malformed_answer_and_a_bad_request_are_charged_to_the_job():
    world = new()
    first, second, third, *_ = world.send()
    (malformed,) = world.end([first], 200, fault="malformed")
    (bad,) = world.end([second], 400)
    (lonely,) = world.end([third], 500)
    assert malformed.charged
    assert bad.charged
    assert lonely.charged
    assert None not in (malformed.retry_at, bad.retry_at, lonely.retry_at)


def test_a_success_is_not_to_be_repeated():
    world = new()
    (verdict,) = world.end(world.send(1))
    assert (verdict.retry_at, verdict.charged) == (None, False)


@pytest.mark.parametrize("status", [500, 0, 503])
def test_an_outage_parks_the_pool_behind_single_probes_and_ends_with_the_first_answer(status):
    world = new()
    calls = world.send()
    verdicts = world.end(calls[:8], status)
    assert not verdicts[-1].charged
    assert world.pacer.view(world.now).binding == "outage"
    waits = []
    for _ in range(12):
        answer = world.pacer.admit(world.now)
        assert not answer.go
        assert answer.retry_at is not None
        waits.append(answer.retry_at - world.now)
        world.now = answer.retry_at
        probe = world.send()
        assert len(probe) == 1
        assert world.pacer.admit(world.now).retry_at is None
        (verdict,) = world.end(probe, status)
        assert not verdict.charged
    assert min(waits) >= 2.0
    assert max(waits) <= 11.0
    world.now = world.pacer.admit(world.now).retry_at or 0.0
    world.accept(world.send())
    assert world.pacer.view(world.now).window >= 12
    assert len(world.send()) >= 7


def test_the_users_cap_takes_effect_at_once_and_is_lifted_at_once():
    world = new()
    world.send()
    world.pacer.set_cap(5, world.now)
    assert world.pacer.view(world.now).window == 5
    world.end(world.flying[:6])
    assert world.send() == []
    assert world.pacer.view(world.now).binding == "user"
    world.end(world.flying[:2])
    assert len(world.send()) == 1
    world.pacer.set_cap(None, world.now)
    assert len(world.send()) > 3


def test_a_frozen_window_neither_grows_nor_shrinks_until_it_is_thawed():
    world = new()
    world.pacer.freeze(4, world.now)
    went = world.send()
    assert len(went) == 4
    world.now = 1.0
    world.accept(went)
    assert world.send() == []
    view = world.pacer.view(world.now)
    assert (view.window, view.binding) == (4, "user")
    world.pacer.freeze(None, world.now)
    assert world.send() != []


def test_a_cap_of_nothing_still_says_when_to_ask_again():
    pacer = Pacer(now=0.0, cap=0)
    answer = pacer.admit(5.0)
    assert not answer.go
    assert answer.retry_at is not None
    assert answer.retry_at > 5.0


def headers(remaining: int, limit: int = 60) -> dict[str, str]:
    return {
        "x-ratelimit-limit-requests": str(limit),
        "x-ratelimit-remaining-requests": str(remaining),
        "x-ratelimit-reset-requests": f"{(limit - remaining) * 60 / limit:.2f}s",
    }


def test_a_bucket_that_the_provider_shows_is_mirrored():
    world = new()
    calls = world.send()
    world.now = 2.0
    for number, call in enumerate(calls):
        world.end([call], headers=headers(20 - number))
    # 9 were left at the start of the last call, 2 have flowed in since, one is kept in reserve
    assert 9 <= len(world.send()) <= 11
    answer = world.pacer.admit(world.now)
    view = world.pacer.view(world.now)
    assert (view.binding, view.rate_per_minute) == ("rpm", 60)
    assert answer.retry_at is not None
    assert answer.retry_at - world.now <= 1.1


def test_a_refusal_that_shows_an_empty_bucket_leaves_the_window_alone():
    world = new()
    calls = world.send()
    world.now = 1.0
    for number, call in enumerate(calls[:6]):
        world.end([call], headers=headers(6 - number))
    before = world.pacer.view(world.now).window
    world.end(calls[6:7], 429, headers=headers(0))
    assert world.pacer.view(world.now).window == before


def test_one_odd_header_is_not_believed():
    world = new()
    calls = world.send()
    world.now = 1.0
    world.end(calls[:1], headers=headers(0, limit=3))
    assert world.pacer.admit(world.now).go


def test_a_hidden_quota_is_told_from_a_wall_and_paced():
    """5 a second get in, whatever is in flight; calls take 10 s."""
    world = new()
    tokens, at, ends, refused, sent_late = 20.0, 0.0, [], 0, 0
    while world.now < 120:
        tokens, at = min(20.0, tokens + (world.now - at) * 5), world.now
        for _, call in [entry for entry in ends if entry[0] <= world.now]:
            world.end([call])
        ends = [entry for entry in ends if entry[0] > world.now]
        for call in world.send():
            if tokens >= 1:
                tokens -= 1
                world.accept([call])
                ends.append((world.now + 10, call))
                sent_late += world.now > 60
            else:
                world.end([call], 429)
                refused += world.now > 60
        world.now += 0.05
    assert sent_late > 0.97 * 300
    assert refused < 0.05 * 300
    rate = world.pacer.view(world.now).rate_per_minute
    assert rate == pytest.approx(300, rel=0.06)


def test_what_was_learned_starts_the_next_pacer_at_half():
    world = new()
    world.at_wall(80)
    kept = json.loads(json.dumps(world.pacer.memory(1000.0).as_json()))
    warm = PacerMemory.from_json(kept)
    assert warm is not None
    assert len(new(warm=warm).send()) == 40


def test_what_was_learned_expires_after_a_day_and_damage_is_nothing():
    memory = PacerMemory(40.0, 2.0, 1000.0)
    assert memory.fresh(1000.0 + 23 * 3600) is memory
    assert memory.fresh(1000.0 + 24 * 3600) is None
    assert memory.fresh(0.0) is None
    for damaged in (
        None,
        [],
        {},
        {"window": "x"},
        {"window": -1, "rate": None, "saved_at": 1},
        {"window": float("nan")},
    ):
        assert PacerMemory.from_json(damaged) is None


def test_a_saved_rate_paces_from_the_start():
    world = new(warm=PacerMemory(100.0, 2.0, 0.0))
    assert len(world.send()) <= 2
    assert world.pacer.view(0.0).rate_per_minute == pytest.approx(60, rel=0.05)


def test_the_same_events_give_the_same_answers():
    def story(seed: int) -> list[float | None]:
        world = new(seed=seed)
        return [verdict.retry_at for verdict in world.end(world.send(), 429)]

    assert story(1) == story(1)
    assert story(1) != story(2)


def test_waits_are_not_alike():
    world = new()
    waits = {verdict.retry_at for verdict in world.end(world.send(), 500)}
    assert len(waits) == 12


def test_the_log_of_causes_is_bounded():
    world = new()
    for number in range(500):
        world.pacer.set_cap(number, float(number))
    assert len(world.pacer.view(500.0).log) == 200
