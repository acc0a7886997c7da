"""The pacers of a session: which calls they are told of, what they say of ended attempts, what is told of them."""

from __future__ import annotations

import pytest

from swarmtui.engine.own_load import OwnLoad
from swarmtui.engine.paced import PacedPools, account_of
from swarmtui.engine.pacer import PacerMemory
from swarmtui.engine.ports import CallAccepted, CallEnded, CallSent
from swarmtui.plan.model import Limits, ModelRef
from swarmtui.session.state import SessionState

ACME = ModelRef("acme", "m", base_url="https://acme.example/v1", api_key_env="ACME_KEY")
POOL = ACME.name
WALL = 1_800_000_000.0


class Store:
    """Memories in a dict."""

    def __init__(self, others: int = 0) -> None:
        self.memories: dict[str, PacerMemory] = {}
        self.joined: list[str] = []
        self.sharing = others

    def recall(self, account: str, wall_s: float) -> PacerMemory | None:
        return self.memories.get(account)

    def remember(self, account: str, memory: PacerMemory) -> None:
        self.memories[account] = memory

    def join(self, account: str) -> None:
        self.joined.append(account)

    def others(self, account: str) -> int:
        return self.sharing


def pools(store: Store | None = None, limits: Limits = Limits(), **models: ModelRef) -> PacedPools:
    state = SessionState(models=models or {"worker": ACME}, limits=limits)
    return PacedPools(state, lambda: WALL, store)


def call(paced: PacedPools, attempt: str, at: float, *, status: int | None, fault: str | None = None) -> None:
    """One call of an attempt that has started."""
    paced.take(CallSent(attempt, POOL), at)
    if status is not None and 200 <= status < 300:
        paced.take(CallAccepted(attempt), at + 1)
    paced.take(CallEnded(attempt, status, fault=fault), at + 2)


def in_flight(paced: PacedPools, now: float) -> int:
    return paced.views(now)[POOL].in_flight


def test_an_attempts_first_call_counts_from_its_start_and_only_once() -> None:
    paced = pools()
    paced.start("a//1", POOL, 0.0)
    assert in_flight(paced, 0.0) == 1
    paced.take(CallSent("a//1", POOL), 0.1)
    assert in_flight(paced, 0.1) == 1
    paced.take(CallEnded("a//1", 200), 5.0)
    assert in_flight(paced, 5.0) == 0


def test_each_further_call_of_an_attempt_counts() -> None:
    paced = pools()
    paced.start("a//1", POOL, 0.0)
    call(paced, "a//1", 0.0, status=200)
    paced.take(CallSent("a//1", POOL), 3.0)
    assert in_flight(paced, 3.0) == 1
    paced.end("a//1", 4.0)
    assert in_flight(paced, 4.0) == 0


def test_a_further_call_of_an_attempt_waits_until_it_may_go_and_counts_once() -> None:
    paced = pools(limits=Limits(pools={POOL: 1}))
    paced.start("a//1", POOL, 0.0)
    assert paced.may_call("a//1", POOL, 0.1).go, "the first one is counted already"
    call(paced, "a//1", 0.2, status=200)
    paced.start("b//1", POOL, 3.0)
    assert not paced.may_call("a//1", POOL, 3.1).go
    assert in_flight(paced, 3.1) == 1
    call(paced, "b//1", 3.2, status=200)
    assert paced.may_call("a//1", POOL, 6.0).go
    assert in_flight(paced, 6.0) == 1
    paced.take(CallSent("a//1", POOL), 6.1)
    assert in_flight(paced, 6.1) == 1
    assert not paced.may_call("b//1", POOL, 6.2).go
    paced.end("a//1", 7.0)
    assert in_flight(paced, 7.0) == 0


def test_what_calls_are_expected_to_use_counts_against_the_tokens_that_the_provider_shows() -> None:
    paced = pools()
    headers = {
        "x-ratelimit-limit-tokens": "100000",
        "x-ratelimit-remaining-tokens": "40000",
        "x-ratelimit-reset-tokens": "36s",
    }
    for number in range(40):  # it grows used to many at once, and is shown what is left
        paced.admit(POOL, 0.0, 0)
        paced.start(f"a/{number}/1", POOL, 0.0)
        paced.take(CallAccepted(f"a/{number}/1"), 1.0)
        paced.take(CallEnded(f"a/{number}/1", 200, headers), 2.0)
        paced.end(f"a/{number}/1", 2.0)
    let_through = 0
    while let_through < 100 and paced.admit(POOL, 2.0, 5_000).go:
        paced.start(f"b/{let_through}/1", POOL, 2.0)
        let_through += 1
    assert 6 <= let_through <= 8


def test_calls_of_attempts_that_asked_for_no_start_count_too() -> None:
    paced = pools()
    paced.take(CallSent("report//1", POOL), 1.0)
    assert in_flight(paced, 1.0) == 1
    paced.take(CallEnded("report//1", 200), 2.0)
    assert in_flight(paced, 2.0) == 0


def test_a_stopped_call_says_nothing_of_the_provider() -> None:
    paced = pools()
    paced.start("a//1", POOL, 0.0)
    call(paced, "a//1", 0.0, status=None)
    assert paced.end("a//1", 2.0) is None
    assert (in_flight(paced, 2.0), paced.views(2.0)[POOL].refused_per_100) == (0, 0)


def test_a_refusal_is_tried_again_and_never_charged() -> None:
    paced = pools()
    paced.start("a//1", POOL, 0.0)
    call(paced, "a//1", 0.0, status=429)
    verdict = paced.end("a//1", 2.0)
    assert verdict is not None
    assert verdict.retry_at is not None
    assert verdict.retry_at >= 2.0
    assert not verdict.charged


def test_a_provider_that_never_answered_is_charged_to_the_attempt() -> None:
    """A wrong address would otherwise be waited for without end."""
    paced = pools()
    for number in range(1, 9):
        paced.start(f"a//{number}", POOL, number * 10.0)
        call(paced, f"a//{number}", number * 10.0, status=0)
        verdict = paced.end(f"a//{number}", number * 10.0 + 3)
        assert verdict is not None
        assert verdict.charged


def test_an_outage_of_a_provider_that_did_answer_is_charged_to_nobody() -> None:
    paced = pools()
    paced.start("a//1", POOL, 0.0)
    call(paced, "a//1", 0.0, status=200)
    charged = []
    for number in range(2, 12):
        paced.start(f"a/{number}/1", POOL, number * 10.0)
        call(paced, f"a/{number}/1", number * 10.0, status=503)
        verdict = paced.end(f"a/{number}/1", number * 10.0 + 3)
        assert verdict is not None
        charged.append(verdict.charged)
    assert charged[-1] is False
    assert paced.views(120.0)[POOL].binding == "outage"


def test_an_item_that_alone_breaks_its_provider_each_time_is_charged() -> None:
    paced = pools()
    paced.start("a/0/1", POOL, 0.0)
    call(paced, "a/0/1", 0.0, status=200)
    paced.end("a/0/1", 3.0)
    for number in range(1, 20):
        paced.start(f"a/1/{number}", POOL, number * 20.0)
        call(paced, f"a/1/{number}", number * 20.0, status=500)
        verdict = paced.end(f"a/1/{number}", number * 20.0 + 3)
        assert verdict is not None
        assert verdict.charged


def test_the_users_limit_holds_at_once() -> None:
    paced = pools(limits=Limits(pools={POOL: 2}))
    for number in (1, 2):
        assert paced.admit(POOL, 0.0, 0).go
        paced.start(f"a/{number}/1", POOL, 0.0)
    assert not paced.admit(POOL, 0.0, 0).go


def test_names_of_one_account_share_a_pacer_and_accounts_do_not() -> None:
    other_key = ModelRef("acme2", "m", base_url=ACME.base_url, api_key_env="OTHER")
    assert account_of(ACME) == account_of(ModelRef("again", "m", base_url=ACME.base_url, api_key_env="ACME_KEY"))
    assert account_of(ACME) != account_of(other_key)


def test_the_simulated_model_is_not_paced() -> None:
    paced = pools(worker=ModelRef("simulated", "fast", "simulated"))
    for number in range(100):
        assert paced.admit("simulated/fast", 0.0, 0).go
        paced.start(f"a/{number}/1", "simulated/fast", 0.0)
    assert paced.views(0.0) == {}


def test_what_was_learned_is_kept_and_is_where_the_next_session_starts() -> None:
    store = Store()
    first = pools(store)
    first.start("a//1", POOL, 0.0)
    call(first, "a//1", 0.0, status=200)
    first.end("a//1", 3.0)
    first.close()
    assert list(store.memories) == [account_of(ACME)] == store.joined
    store.memories[account_of(ACME)] = PacerMemory(200.0, None, WALL)
    second = pools(store)
    second.admit(POOL, 0.0, 0)
    assert second.views(0.0)[POOL].window == 100


def test_nothing_is_kept_of_a_provider_that_never_answered() -> None:
    store = Store()
    paced = pools(store)
    paced.start("a//1", POOL, 0.0)
    call(paced, "a//1", 0.0, status=0)
    paced.end("a//1", 3.0)
    paced.close()
    assert store.memories == {}


def test_sessions_that_share_an_account_begin_with_their_share_and_say_so() -> None:
    store = Store(others=1)
    store.memories[account_of(ACME)] = PacerMemory(200.0, None, WALL)
    paced = pools(store)
    paced.admit(POOL, 0.0, 0)
    (told,) = paced.news(0.0)
    assert told.window == 50
    assert "1 other session here uses this account too" in told.why


def test_what_changed_by_little_is_not_told_again() -> None:
    paced = pools()
    paced.admit(POOL, 0.0, 0)
    assert [told.pool for told in paced.news(0.0)] == [POOL]
    assert list(paced.news(0.5)) == []
    assert list(paced.news(5.0)) == []
    paced.start("a//1", POOL, 5.0)
    call(paced, "a//1", 5.0, status=429)
    (told,) = paced.news(8.0)
    assert told.refused == 1


class Slow:
    """A machine that has no time left, or has."""

    def __init__(self, busy: float) -> None:
        self.busy = busy
        self.now = 0.0

    def load(self) -> OwnLoad:
        return OwnLoad(0.0, lambda: self.busy * self.now)


def crowded(busy: float) -> PacedPools:
    """Calls whose times grow with those in flight, carried out on a machine that is `busy`."""
    machine = Slow(busy)
    state = SessionState(models={"worker": ACME})
    paced = PacedPools(state, lambda: WALL, load=machine.load())
    flying: list[tuple[float, str]] = []
    for number in range(1_500):
        attempt = f"a/{number}/1"
        while not paced.admit(POOL, machine.now, 0).go:
            machine.now = max(machine.now, flying[0][0])
            end(paced, flying.pop(0)[1], machine.now)
        paced.start(attempt, POOL, machine.now)
        paced.take(CallSent(attempt, POOL), machine.now)
        flying.append((machine.now + 0.2 + 0.05 * len(flying), attempt))
        list(paced.news(machine.now))
    return paced


def end(paced: PacedPools, attempt: str, now: float) -> None:
    paced.take(CallAccepted(attempt), now)
    paced.take(CallEnded(attempt, 200, tokens_out=10), now)
    paced.end(attempt, now)


def test_a_busy_machines_own_delays_do_not_shrink_the_window() -> None:
    """On an idle machine the same times are the provider's crowd, and the window follows them down."""
    idle, busy = crowded(0.1), crowded(0.9)
    now = 10_000.0
    assert idle.views(now)[POOL].window < 30
    assert busy.views(now)[POOL].window > 2 * idle.views(now)[POOL].window


@pytest.mark.chaos
def test_a_machine_that_cannot_keep_up_takes_no_more_and_says_so() -> None:
    machine = Slow(1.0)
    paced = PacedPools(SessionState(models={"worker": ACME}), lambda: WALL, load=machine.load())
    number = refused = 0
    for _ in range(400):
        machine.now += 0.05
        while paced.admit(POOL, machine.now, 0).go:
            number += 1
            paced.start(f"a/{number}/1", POOL, machine.now)
            paced.take(CallSent(f"a/{number}/1", POOL), machine.now)
            paced.take(CallAccepted(f"a/{number}/1"), machine.now)
        told = list(paced.news(machine.now))
        if told and told[-1].binding == "machine":
            refused += 1
            assert "this machine is busy 100 % of the time" in told[-1].why
        if machine.now % 1 < 0.05 and number > 20:
            end(paced, f"a/{number - 10}/1", machine.now)
    assert refused


def test_a_calls_time_begins_when_it_really_goes() -> None:
    """What a start waits for the session file is not the provider's."""
    paced = pools()
    for number in range(40):
        at = number * 30.0
        wait = 0.0 if number < 20 else 20.0
        paced.start(f"a/{number}/1", POOL, at)
        paced.take(CallSent(f"a/{number}/1", POOL), at + wait)
        end(paced, f"a/{number}/1", at + wait + 1.0)
    assert paced._accounts[account_of(ACME)].pacer._round_trip == 1.0
