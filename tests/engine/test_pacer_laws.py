"""What holds for any sequence of events, however odd."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.engine.pacer import Pacer, PacerMemory
from swarmtui.engine.pacing.standstill import LONGEST_TOLD_S

BINDINGS = {"wall", "rpm", "tpm", "latency", "outage", "user", "none"}
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "retry-after",
            *(f"x-ratelimit-{part}-{of}" for part in ("limit", "remaining", "reset") for of in ("requests", "tokens")),
        ]
    ),
    st.one_of(st.integers(-2, 2000).map(str), st.sampled_from(["NaN", "1e9", "12ms", "6m0s", "", "-1", "x"])),
    max_size=7,
)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.integers(1, 40), st.integers(0, 4000)),
        st.tuples(st.just("first"), st.integers(0, 60), st.none()),
        st.tuples(
            st.just("done"), st.integers(0, 60), st.tuples(st.sampled_from([200, 200, 429, 500, 0, 400]), HEADERS)
        ),
        st.tuples(st.just("cap"), st.one_of(st.none(), st.integers(0, 50)), st.none()),
        st.tuples(st.just("freeze"), st.one_of(st.none(), st.integers(0, 50)), st.none()),
        st.tuples(st.just("pass"), st.floats(0, 90), st.none()),
        st.tuples(st.just("back"), st.floats(0, 5), st.none()),
    ),
    max_size=80,
)


class Model:
    """What must be true of the pacer, kept beside it."""

    def __init__(self, seed: int, cap: int | None, warm: PacerMemory | None) -> None:
        self.pacer = Pacer(now=0.0, seed=seed, cap=cap, warm=warm)
        self.cap = cap
        self.frozen: int | None = None
        self.flying: list[str] = []
        self.now = 0.0
        self.number = 0

    def user(self) -> float:
        return min(math.inf if limit is None else limit for limit in (self.cap, self.frozen))

    def ask(self, times: int, tokens: int) -> None:
        for _ in range(times):
            answer = self.pacer.admit(self.now, tokens)
            if not answer.go:
                break
            assert len(self.flying) < self.user()
            self.number += 1
            self.flying.append(f"{self.number}")
            self.pacer.sent(self.flying[-1], self.now, tokens)

    def step(self, kind: str, what, more) -> None:
        if kind == "ask":
            self.ask(what, more)
        elif kind == "first" and self.flying:
            self.pacer.first_token(self.flying[what % len(self.flying)], self.now)
        elif kind == "done" and self.flying:
            status, headers = more
            call = self.flying.pop(what % len(self.flying))
            verdict = self.pacer.done(call, self.now, status=status, headers=headers, tokens_in=50, tokens_out=what)
            assert not (status == 429 and verdict.charged)
            assert (verdict.retry_at is None) == (status == 200)
        elif kind == "cap":
            self.cap = what
            self.pacer.set_cap(what, self.now)
        elif kind == "freeze":
            self.frozen = what
            self.pacer.freeze(what, self.now)
        elif kind == "pass":
            self.now += what
        elif kind == "back":
            self.pacer.admit(self.now - what)  # a clock that ran backwards changes nothing

    def check(self) -> None:
        view = self.pacer.view(self.now)
        assert view.in_flight == self.pacer.in_flight == len(self.flying) >= 0
        assert 0 <= view.window <= self.user()
        assert view.binding in BINDINGS
        assert view.refused_per_100 >= 0
        assert view.rate_per_minute is None or 0 < view.rate_per_minute < math.inf
        assert list(view.log) == sorted(view.log, key=lambda change: change.at)
        answer = self.pacer.admit(self.now, 100)
        if not answer.go and not self.flying:
            assert answer.retry_at is not None
        if answer.retry_at is not None:
            assert self.now < answer.retry_at < math.inf


@settings(max_examples=300, deadline=None)
@given(
    EVENTS,
    st.integers(0, 5),
    st.one_of(st.none(), st.integers(0, 40)),
    st.one_of(
        st.none(), st.builds(PacerMemory, st.floats(1, 500), st.one_of(st.none(), st.floats(0.01, 50)), st.just(0.0))
    ),
)
def test_whatever_happens_the_counts_are_right_caps_hold_and_nobody_waits_for_ever(events, seed, cap, warm):
    model = Model(seed, cap, warm)
    for kind, what, more in events:
        model.step(kind, what, more)
        model.check()


@settings(max_examples=100, deadline=None)
@given(EVENTS, st.integers(0, 3))
def test_when_all_has_ended_a_call_goes_as_soon_as_a_provider_may_ask_for(events, seed):
    model = Model(seed, None, None)
    for kind, what, more in events:
        model.step(kind, what, more)
    model.step("cap", None, None)
    model.step("freeze", None, None)
    for call in model.flying:
        model.pacer.done(call, model.now, status=500)
    start = model.now
    answer = model.pacer.admit(model.now, 100)
    while not answer.go:
        assert answer.retry_at is not None
        model.now = answer.retry_at
        assert model.now - start <= LONGEST_TOLD_S * 1.1  # what a provider asks for is kept to, and a little jitter
        answer = model.pacer.admit(model.now, 100)


@given(st.lists(st.sampled_from(["a", "b"]), max_size=12))
def test_calls_that_are_unknown_or_named_twice_do_no_harm(names):
    pacer = Pacer(now=0.0)
    for name in names:
        pacer.sent(name, 0.0)
        pacer.first_token("nobody", 0.0)
        pacer.done("nobody", 0.0, status=200)
    assert pacer.in_flight == len(set(names))
