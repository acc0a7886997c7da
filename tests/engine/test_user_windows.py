"""A user's cap on calls to providers, and a window that the user holds: at once, by name or for all, and taken back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from swarmtui.engine.commands import Refused, plan_events
from swarmtui.engine.own_load import OwnLoad
from swarmtui.engine.paced import PacedPools
from swarmtui.engine.ports import Attempt, CallAccepted, CallEnded, CallSent
from swarmtui.plan.model import Limits, MapSpec, ModelRef, Node, Plan, PromptSpec
from swarmtui.session import fold
from swarmtui.session.codec import decode_text, encode_text
from swarmtui.session.events import LimitsSet, PlanProposed, PoolPaced, SessionCreated
from swarmtui.session.log import Log
from swarmtui.session.state import SessionState
from tests.engine.world import ScriptedExecutor, created, host, no_edit

ACME = ModelRef("acme", "m", base_url="https://acme.example/v1", api_key_env="ACME_KEY")
ZED = ModelRef("zed", "big", base_url="https://zed.example/v1", api_key_env="ZED_KEY")
SIMULATED = ModelRef("simulated", "instant", dialect="simulated")
POOL, OTHER = ACME.name, ZED.name


def state_of(limits: Limits = Limits(), **models: ModelRef) -> SessionState:
    """A session that has been asked to use these models."""
    state = fold.empty()
    models = models or {"worker": ACME, "planner": ZED}
    created = SessionCreated("s", "g", "g", "/", "0", limits=limits, models=models)
    fold.apply(state, _event(1, created))
    return state


def _event(seq: int, body: object):  # type: ignore[no-untyped-def]
    from swarmtui.session.events import Event

    return Event(seq, 0.0, float(seq), body, "tester")  # type: ignore[arg-type]


def limits_after(state: SessionState, **params: object) -> Limits:
    """What the command `limits.set` makes of the session's limits."""
    (body,) = plan_events(state, "limits.set", params, no_edit)  # type: ignore[arg-type]
    assert isinstance(body, LimitsSet)
    return body.limits


# -- the command ----------------------------------------------------------------------------------------------


def test_a_cap_is_for_every_provider_and_leaves_other_pools_alone() -> None:
    state = state_of(Limits(pools={"commands": 3}))
    assert limits_after(state, cap=5).pools == {"commands": 3, POOL: 5, OTHER: 5}
    state.limits = Limits(pools={"commands": 3, POOL: 5, OTHER: 5})
    assert limits_after(state, cap=None).pools == {"commands": 3}


def test_a_window_is_held_at_what_it_is_or_at_a_number() -> None:
    state = state_of()
    state.paced[POOL] = PoolPaced(POOL, 37.0)
    assert limits_after(state, freeze="now").frozen == {POOL: 37}
    assert limits_after(state, freeze=9).frozen == {POOL: 9, OTHER: 9}
    assert limits_after(state, freeze={OTHER: 4}).frozen == {OTHER: 4}
    state.limits = Limits(frozen={POOL: 9, OTHER: 9})
    assert limits_after(state, freeze={POOL: None}).frozen == {OTHER: 9}
    assert limits_after(state, freeze=None).frozen == {}


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"freeze": "now"}, "no provider was asked yet"),
        ({"freeze": {POOL: "now"}}, "was not asked yet"),
        ({"freeze": {"acme/n": 3}}, "did you mean"),
        ({"freeze": {POOL: 0}}, "a whole number from 1"),
        ({"freeze": None}, "nothing was changed"),
        ({"cap": 0}, "a whole number from 1"),
        ({"cap": "many"}, "a whole number from 1"),
        ({"cap": True}, "a whole number from 1"),
    ],
)
def test_what_cannot_be_is_refused_with_what_would_work(params: dict[str, object], told: str) -> None:
    with pytest.raises(Refused, match=told):
        limits_after(state_of(), **params)


def test_a_session_without_a_provider_has_nothing_to_cap_or_hold() -> None:
    state = state_of(worker=SIMULATED)
    with pytest.raises(Refused, match="nothing to cap"):
        limits_after(state, cap=3)
    with pytest.raises(Refused, match="no provider answers"):
        limits_after(state, freeze={"simulated/instant": 3})
    for at in (3, "now"):
        with pytest.raises(Refused, match="no provider answers in this session: there is nothing to hold"):
            limits_after(state, freeze=at)


def test_a_held_window_is_recorded_and_read_back_and_the_change_can_be_undone() -> None:
    state = state_of()
    body = LimitsSet(Limits(frozen={POOL: 9}))
    assert decode_text(LimitsSet.TYPE, encode_text(body), None, None, None) == body
    fold.apply(state, _event(2, body))
    restored, undone = plan_events(state, "undo", {}, no_edit)
    assert isinstance(restored, LimitsSet)
    assert restored.limits.frozen == {}
    assert undone.seq == 2  # type: ignore[union-attr]


# -- what it does ---------------------------------------------------------------------------------------------


def starts(paced: PacedPools, now: float, first: int = 0) -> int:
    """How many calls are let through, one after another, until one is not; all are sent."""
    count = 0
    while count < 1_000 and paced.admit(POOL, now, 0).go:
        attempt = f"a/{first + count}/1"
        paced.start(attempt, POOL, now)
        paced.take(CallSent(attempt, POOL), now)
        count += 1
    return count


def land(paced: PacedPools, numbers: range, now: float) -> None:
    for number in numbers:
        paced.take(CallAccepted(f"a/{number}/1"), now)
        paced.take(CallEnded(f"a/{number}/1", 200, tokens_out=5), now)
        paced.end(f"a/{number}/1", now)


def told_now(paced: PacedPools, now: float) -> PoolPaced:
    (told,) = paced.news(now)
    return told


def test_a_held_window_stays_where_it_is_whatever_is_learned_and_goes_on_from_there() -> None:
    state = state_of()
    paced = PacedPools(state, lambda: 0.0, load=OwnLoad(0.0, lambda: 0.0))
    first = starts(paced, 0.0)
    list(paced.news(0.0))
    state.limits = Limits(frozen={POOL: 5})
    told = told_now(paced, 0.1)
    assert (told.window, told.why) == (5, "the user froze the window at 5")
    land(paced, range(first), 1.0)
    assert starts(paced, 1.0, 100) == 5
    assert told_now(paced, 1.1).binding == "user"
    land(paced, range(100, 105), 2.0)
    state.limits = Limits()
    assert starts(paced, 2.0, 200) > 5


def test_a_session_that_goes_on_holds_the_window_from_its_first_call() -> None:
    paced = PacedPools(state_of(Limits(frozen={POOL: 3})), lambda: 0.0)
    assert starts(paced, 0.0) == 3


def test_a_cap_binds_as_the_users_even_where_the_pacer_is_not_asked() -> None:
    """The scheduler knows the cap too, and stops asking once it is all in flight."""
    paced = PacedPools(state_of(Limits(pools={POOL: 4})), lambda: 0.0)
    for number in range(4):
        assert paced.admit(POOL, 0.0, 0).go
        paced.start(f"a/{number}/1", POOL, 0.0)
    told = told_now(paced, 0.0)
    assert (told.window, told.binding, told.why) == (4, "user", "the user's cap: 4")


async def test_a_cap_that_is_lowered_and_lifted_while_a_map_runs_holds_at_once(tmp_path: Path) -> None:
    gates: dict[str, asyncio.Event] = {}

    async def script(attempt: Attempt) -> object:
        gates[attempt.id] = asyncio.Event()
        await gates[attempt.id].wait()
        return "ok"

    log, state = await Log.create(tmp_path / "session.db", "test"), fold.empty()
    the_map = Node("m", PromptSpec("say {{ item }}"), map=MapSpec(values=tuple(range(100))))
    first = created()
    first = SessionCreated(first.id, "g", "g", "/", "0", models={"worker": ACME})
    for body in (first, PlanProposed(1, Plan("g", (the_map,)))):
        fold.apply(state, log.append(body))
    executor = ScriptedExecutor(script)
    async with host(tmp_path, log, state, executor=executor) as world:
        await world.until(lambda: len(executor.running) >= 8)
        await world.do("limits.set", cap=2)
        await world.until(lambda: len(gates) >= len(executor.running))
        for name in list(executor.running):
            gates[name].set()
        await world.until(
            lambda: (
                len(executor.running) == 2
                and all(not gates[name].is_set() for name in gates if name in executor.running)
            )
        )
        assert max(node.running for node in state.nodes.values()) == 2
        seq = await world.do("undo")
        await world.until(lambda: len(executor.running) > 2)
        events = await world.recorded()
        assert [event.actor for event in events if isinstance(event.body, LimitsSet)] == ["tester", "tester"]
        assert seq <= events[-1].seq
        for gate in gates.values():
            gate.set()


def test_refusals_are_counted_on_where_the_host_before_left_off() -> None:
    state = state_of()
    state.paced[POOL] = PoolPaced(POOL, 8.0, refused=21)
    paced = PacedPools(state, lambda: 0.0)
    assert starts(paced, 0.0)
    assert told_now(paced, 0.0).refused == 21
