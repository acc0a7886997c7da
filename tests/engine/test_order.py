"""Who goes first: priorities, remaining paths, fair shares, tags, gates; and how long each waited for what."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.engine.gates import Admission
from swarmtui.engine.outlook import outlook
from swarmtui.engine.ranks import Key, Took, observed, task_of
from swarmtui.plan.model import AskSpec, Limits, MapSpec, ModelRef, Node, PromptSpec, Retry, RunSpec
from swarmtui.session.events import AttemptStarted, Noted, QuestionAsked
from swarmtui.session.vocabulary import State, Status
from tests.engine.virtual import VirtualSession
from tests.engine.world import MODEL, node, plan

REMOTE = ModelRef("acme", "large", base_url="http://localhost:1/v1")
OTHER = ModelRef("acme", "small", base_url="http://localhost:1/v1")


def mapped(name: str, **more: object) -> Node:
    return Node(name, PromptSpec(f"do {name}"), map=MapSpec(values=()), **more)  # type: ignore[arg-type]


def starts(session: VirtualSession) -> list[AttemptStarted]:
    return [event.body for event in session.events if isinstance(event.body, AttemptStarted)]


def order(session: VirtualSession) -> list[str]:
    return [each.node for each in starts(session)]


def test_a_higher_priority_goes_before_a_longer_path() -> None:
    nodes = (node("long", estimate_s=100.0), node("urgent", priority=1, estimate_s=1.0), node("tail", "long"))
    session = VirtualSession(plan(*nodes), Limits(concurrency=1))
    session.run_dry()
    assert order(session) == ["urgent", "long", "tail"]


def test_a_priority_given_while_it_runs_moves_a_node_that_waits_both_up_and_down() -> None:
    session = VirtualSession(plan(*[node(f"n{index}") for index in range(4)]), Limits(concurrency=1))
    session.command("node.priority", node="n3", priority=5)
    session.command("node.priority", node="n1", priority=-5)
    session.run_dry()
    assert order(session) == ["n0", "n3", "n2", "n1"]


def test_a_map_can_be_moved_up_while_it_runs() -> None:
    session = VirtualSession(plan(mapped("a"), mapped("b")), Limits(concurrency=1), items=10)
    session.command("node.priority", node="b", priority=1)
    session.run_dry()
    assert order(session)[1:11] == ["b"] * 10


@given(
    sizes=st.lists(st.integers(40, 90), min_size=2, max_size=5),
    places=st.integers(1, 7),
    pools=st.booleans(),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_each_of_k_ready_maps_gets_its_share_of_any_window(
    sizes: list[int], places: int, pools: bool, data: st.DataObject
) -> None:
    nodes = [
        mapped(f"m{index}", estimate_s=float(1 + index * 50), pool=f"p{index % 2}" if pools else None)
        for index in range(len(sizes))
    ]
    items = {each.id: size for each, size in zip(nodes, sizes, strict=True)}
    session = VirtualSession(plan(*nodes), Limits(concurrency=places), items)
    while len(order(session)) < min(sizes):
        which = data.draw(st.sampled_from(sorted(session.running, key=str)))
        session.end(which, "ok")
    seen = order(session)
    window = 4 * len(sizes)
    for begin in range(0, len(seen) - window, len(sizes)):
        counts = Counter(seen[begin : begin + window])
        assert min(counts[each.id] for each in nodes) >= 3


def test_a_huge_map_with_the_longest_path_does_not_keep_single_nodes_waiting() -> None:
    nodes = (mapped("huge", estimate_s=100.0), *[node(f"n{index}", estimate_s=0.1) for index in range(5)])
    session = VirtualSession(plan(*nodes), Limits(concurrency=2), items=1_000)
    for _ in range(20):
        session.end(min(session.running, key=lambda one: session.running[one]), "ok")
    assert {f"n{index}" for index in range(5)} <= set(order(session))


def test_single_nodes_with_a_longer_path_go_before_a_map() -> None:
    singles = [node(f"n{index}", estimate_s=500.0) for index in range(6)]
    session = VirtualSession(plan(mapped("short", estimate_s=0.1), *singles), Limits(concurrency=1), items=5)
    for _ in range(6):
        session.end(next(iter(session.running)), "ok")
    assert set(order(session)[:6]) == {each.id for each in singles}


def test_a_map_whose_pool_was_closed_has_nothing_to_catch_up_on() -> None:
    nodes = (mapped("a", pool="x"), mapped("b", pool="y"))
    session = VirtualSession(plan(*nodes), Limits(concurrency=4, pools={"x": 1, "y": 4}), items=400)
    hostage = next(one for one in session.running if one[0] == "a")
    for _ in range(100):  # the only place of `a` is taken, and `b` has all others
        session.end(next(one for one in session.running if one != hostage), "ok")
    session.command("limits.set", pools={"x": 4})
    before = len(order(session))
    for _ in range(40):
        session.end(min((one for one in session.running if one != hostage), key=lambda one: one[2]), "ok")
    assert 18 <= Counter(order(session)[before:])["b"] <= 22


def test_an_attempt_needs_a_place_in_its_pool_and_in_every_tag_of_its_node() -> None:
    both = [node(f"both{index}", tags=("gpu", "net")) for index in range(3)]
    gpu = [node(f"gpu{index}", tags=("gpu",)) for index in range(3)]
    free = [node(f"free{index}") for index in range(2)]
    session = VirtualSession(plan(*both, *gpu, *free), Limits(tags={"gpu": 3, "net": 1}))
    running = Counter(name.rstrip("0123456789") for name, _, _ in session.running)
    assert running == {"both": 1, "gpu": 2, "free": 2}
    session.command("limits.set", tags={"net": 2, "gpu": 4})
    assert Counter(name.rstrip("0123456789") for name, _, _ in session.running)["both"] == 2
    session.run_dry()
    assert session.state.status is Status.SUCCEEDED


def test_what_a_provider_refused_goes_first_once_it_may() -> None:
    session = VirtualSession(plan(mapped("m")), Limits(concurrency=2), items=6)
    session.end(("m", 1, 1), "throttle")
    session.end(("m", 0, 1), "ok")
    session.advance(2.0)
    assert [each.item for each in starts(session)] == [0, 1, 1, 2]


def test_a_retry_goes_to_the_replacement_and_its_pool_and_the_last_one_stays() -> None:
    models = {"worker": MODEL, "second": OTHER, "third": REMOTE}
    nodes = (
        node("a", retry=Retry(limit=3, models=("second", "third"))),
        mapped("m", retry=Retry(1, models=("third",))),
    )
    session = VirtualSession(plan(*nodes), models=models, items=2)
    for _ in range(20):
        for which in [one for one in session.running if one[0] == "a" or one[1] == 0]:
            session.end(which, "fail")
        session.advance(60.0)
    used = [(each.model, each.pool) for each in starts(session) if each.node == "a"]
    assert used == [(ref.name, ref.name) for ref in (MODEL, OTHER, REMOTE, REMOTE)]
    assert [each.pool for each in starts(session) if each.node == "m" and each.item == 0] == [MODEL.name, REMOTE.name]
    assert [each.pool for each in starts(session) if each.item == 1] == [MODEL.name]


def test_a_throttled_attempt_is_repeated_with_the_same_model() -> None:
    session = VirtualSession(
        plan(node("a", retry=Retry(1, models=("second",)))), models={"worker": MODEL, "second": OTHER}
    )
    session.end(("a", None, 1), "throttle")
    session.advance(5.0)
    assert [each.model for each in starts(session)] == [MODEL.name, MODEL.name]


# -- gates and waiting ----------------------------------------------------------------------------------------


@dataclass
class Window:
    """Lets `size` calls be in flight; with `at` nothing before that time."""

    session: VirtualSession | None = None
    size: int = 1
    at: float = 0.0

    def admit(self, pool: str, now: float, tokens: int) -> Admission:
        if now < self.at:
            return Admission(False, self.at)
        flying = 0 if self.session is None else len(self.session.running)
        return Admission(flying < self.size)


def test_with_a_gate_a_model_has_no_fixed_limit_and_the_users_figure_still_wins() -> None:
    gate = Window(size=1_000)
    wide = plan(*[node(f"n{index}") for index in range(40)])
    assert len(VirtualSession(wide, models={"worker": REMOTE}, gate=gate).running) == 40
    capped = VirtualSession(wide, Limits(pools={REMOTE.name: 3}), models={"worker": REMOTE}, gate=gate)
    assert len(capped.running) == 3


def test_a_gate_that_is_shut_until_a_time_is_asked_again_at_that_time() -> None:
    session = VirtualSession(plan(node("a")), models={"worker": REMOTE}, gate=Window(at=7.5))
    assert not session.running
    assert session.scheduler.wake_at(session.now) == 7.5
    session.advance(7.5)
    assert session.running


def test_a_shut_gate_keeps_no_other_pool_waiting() -> None:
    nodes = (node("a", estimate_s=100.0), Node("c", RunSpec(("true",))))
    session = VirtualSession(plan(*nodes), models={"worker": REMOTE}, gate=Window(at=9.0))
    assert [name for name, _, _ in session.running] == ["c"]


def test_a_named_pool_of_prompts_is_paced_by_their_provider_too() -> None:
    session = VirtualSession(plan(node("a", pool="mine")), models={"worker": REMOTE}, gate=Window(at=9.0))
    assert not session.running


def test_waiting_is_told_apart_by_what_was_waited_for() -> None:
    gate = Window(size=10, at=4.0)
    session = VirtualSession(plan(node("a"), node("b")), Limits(concurrency=1), models={"worker": REMOTE}, gate=gate)
    session.advance(4.0)
    first = starts(session)[0]
    assert (first.queue_s, first.throttle_s) == pytest.approx((0.0, 4.0))
    session.now += 3.0
    session.end(next(iter(session.running)), "ok")
    second = starts(session)[1]
    assert (second.queue_s, second.throttle_s) == pytest.approx((3.0, 4.0))


def test_a_refusal_of_the_provider_is_waited_for_by_all_of_its_pool() -> None:
    session = VirtualSession(plan(mapped("m")), Limits(concurrency=1), items=2)
    session.now = 1.0
    session.end(("m", 0, 1), "throttle")
    session.advance(2.0)
    session.end(("m", 0, 2), "ok")
    last = starts(session)[-1]
    assert last.item == 1
    assert (last.queue_s, last.throttle_s) == pytest.approx((1.0, 2.0))


def test_time_spent_paused_is_no_time_of_waiting() -> None:
    session = VirtualSession(plan(node("a"), node("b")), Limits(concurrency=1))
    session.command("session.pause")
    session.now = 100.0
    session.command("session.resume")
    session.now = 101.0
    session.end(("a", None, 1), "ok")
    assert starts(session)[-1].queue_s == pytest.approx(1.0)


# -- durations ------------------------------------------------------------------------------------------------


def test_durations_of_earlier_sessions_beat_the_planners_estimate() -> None:
    nodes = (node("a", estimate_s=100.0), Node("c", RunSpec(("true",)), estimate_s=1.0))
    known = {Key("prompt", MODEL.name): Took(10.0, 0.0), Key("run", "commands"): Took(10.0, 5.0)}
    session = VirtualSession(plan(*nodes), Limits(concurrency=1), durations=known)
    assert order(session) == ["c"]


def test_what_is_known_of_the_very_node_beats_what_is_known_of_its_kind() -> None:
    nodes = (node("quick"), node("slow"))
    task = task_of(VirtualSession(plan(*nodes)).state)
    known = {
        Key("prompt", MODEL.name): Took(50.0, 1.0),
        Key("prompt", MODEL.name, task, "slow"): Took(1.0, 6.0),
    }
    assert order(VirtualSession(plan(*nodes), Limits(concurrency=1), durations=known)) == ["slow"]


def test_what_a_session_shows_of_a_kind_changes_the_order_of_the_rest() -> None:
    quick = [node(f"q{index}", estimate_s=10.0) for index in range(100)]
    slow = [Node(f"s{index}", RunSpec(("true",)), estimate_s=1.0) for index in range(100)]
    session = VirtualSession(plan(*quick, *slow), Limits(concurrency=1))
    for _ in range(90):
        session.now += 0.1
        session.end(next(iter(session.running)), "ok")
    assert set(order(session)[:64]) <= {each.id for each in quick}
    assert set(order(session)[64:]) <= {each.id for each in slow}
    assert observed(session.state)[Key("prompt", MODEL.name)].expected_s == pytest.approx(0.1, rel=0.05)


# -- nothing can start ----------------------------------------------------------------------------------------


def test_a_session_in_which_everything_is_held_says_so_and_goes_on_when_it_is_released() -> None:
    session = VirtualSession(plan(node("a"), node("b", "a")))
    session.command("node.pause", node="b")
    session.end(("a", None, 1), "ok")
    assert (session.state.status, session.state.reason) == (Status.PAUSED, "stuck")
    assert "b is held: release, skip or stop it" in said(session)  # the verbs of ctl
    session.command("node.resume", node="b")
    session.run_dry()
    assert session.state.status is Status.SUCCEEDED


def test_a_pool_without_a_place_is_named_as_the_cause() -> None:
    session = VirtualSession(plan(node("a", pool="none")), Limits(pools={"none": 0}))
    assert session.state.reason == "stuck"
    assert "a waits for none, whose limit is 0" in said(session)
    session.command("limits.set", pools={"none": 1})
    session.run_dry()
    assert session.state.nodes["a"].state is State.SUCCEEDED


def test_a_gate_that_names_no_time_is_named_as_the_cause() -> None:
    session = VirtualSession(plan(node("a")), models={"worker": REMOTE}, gate=Window(size=0))
    assert f"a waits for {REMOTE.name}" in said(session)


def said(session: VirtualSession) -> str:
    return " ".join(getattr(event.body, "message", "") for event in session.events)


def test_two_names_of_one_account_are_one_pool_and_two_accounts_are_two() -> None:
    same = replace(REMOTE, provider="also")
    elsewhere = replace(REMOTE, base_url="http://localhost:2/v1")
    nodes = [Node(f"{name}{index}", PromptSpec("x", model=name)) for name in ("a", "b", "c") for index in range(9)]
    models = {"a": REMOTE, "b": same, "c": elsewhere}
    session = VirtualSession(plan(*nodes), models=models)
    pools = Counter(each.pool for each in starts(session))
    assert pools == {REMOTE.name: 8, f"{REMOTE.name}#2": 8}


def test_a_map_that_is_cancelled_before_it_is_read_keeps_nothing_else_from_starting() -> None:
    session = VirtualSession(plan(node("a"), replace(mapped("m"), needs=("a",)), node("c", "a")))
    session.command("session.pause")
    session.end(("a", None, 1), "ok")
    session.command("node.cancel", node="m")
    session.command("session.resume")
    assert [name for name, _, _ in session.running] == ["c"]


ADD = [{"op": "add", "node": "new", "value": {"prompt": "x"}}]


def patched(session: VirtualSession) -> None:
    """The plan is changed, so that all queues are made anew."""
    assert session.command("plan.patch", base_rev=session.state.plan_rev, ops=ADD)


def test_what_waits_while_the_plan_is_changed_has_waited_since_before() -> None:
    session = VirtualSession(plan(node("a"), node("b")), Limits(1))
    session.advance(10.0)
    patched(session)
    session.advance(5.0)
    session.end(("a", None, 1), "ok")
    assert starts(session)[-1].node == "b"
    assert starts(session)[-1].queue_s == pytest.approx(15.0)


def test_items_that_wait_while_the_plan_is_changed_have_waited_since_before() -> None:
    session = VirtualSession(plan(node("m", map=MapSpec(values=(1, 2, 3)))), Limits(1), items=3)
    session.advance(4.0)
    session.end(("m", 0, 1), "throttle")
    session.advance(6.0)
    patched(session)
    session.advance(5.0)
    session.run_dry()
    waited = {start.item: (start.queue_s, start.throttle_s) for start in starts(session) if start.node == "m"}
    assert waited[2] == pytest.approx((13.0, 2.0))


def test_minutes_go_by_while_items_wait_for_their_next_try_though_a_question_is_open() -> None:
    asks = Node("q", AskSpec("which?"))
    session = VirtualSession(plan(asks, node("m", map=MapSpec(values=(1, 2)))), items=2)
    session.record(QuestionAsked("q", "which?"))
    for item in (0, 1):
        session.end(("m", item, 1), "throttle")
    before = session.state.active_s
    session.now += 1.5
    session.record(Noted("info", "time goes by"))
    assert session.state.active_s - before == pytest.approx(1.5)
    assert session.state.nodes["m"].items is not None
    session.advance(30.0)
    for item in (0, 1):
        session.end(("m", item, 2), "ok")
    before = session.state.active_s
    session.now += 60.0
    session.record(Noted("info", "only the question is left"))
    assert session.state.active_s == before


def test_a_priority_of_nothing_counts_in_the_forecast_as_it_does_in_the_run() -> None:
    session = VirtualSession(
        plan(node("first"), node("a", "first", priority=5), node("b", "first", priority=3)), Limits(concurrency=1)
    )
    assert session.command("node.priority", node="a", priority=0)
    foreseen = [work.id for work in outlook(session.state).works if work.id != "first"]
    session.run_dry()
    assert order(session) == ["first", *foreseen] == ["first", "b", "a"]
