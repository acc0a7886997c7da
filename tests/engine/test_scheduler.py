"""Laws of scheduler and fold together, in virtual time."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from swarmtui.engine.gates import Admission
from swarmtui.engine.scheduler import Scheduler
from swarmtui.plan.model import AskSpec, Budget, Limits, MapSpec, ModelRef, Node, Plan, PromptSpec, Retry, RunSpec, When
from swarmtui.session import fold
from swarmtui.session.events import (
    AttemptCancelled,
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    AttemptSucceeded,
    AttemptThrottled,
    Body,
    Event,
    LimitsSet,
    MapExpanded,
    NodeCancelled,
    NodeRetried,
    PlanPatched,
    SessionCancelRequested,
    SessionCreated,
)
from swarmtui.session.moves import descendants
from swarmtui.session.pools import QUESTIONS, model_of, pool_limit
from swarmtui.session.state_json import state_from_json, state_hash, state_to_json
from swarmtui.session.vocabulary import STUCK, ErrorInfo, ErrorKind, State, Status
from tests.engine.virtual import FINISHED, VirtualSession
from tests.engine.world import MODEL, node, plan

OTHER = ModelRef("simulated", "other", dialect="simulated")
MODELS = {"worker": MODEL, "planner": MODEL, "second": OTHER}
TAGS = ("disk", "net")
EXAMPLES = 1_000 if os.environ.get("CI") else 60


@st.composite
def plans(draw: st.DrawFn, most: int = 8) -> Plan:
    """Acyclic plans of all shapes: some nodes maps, some commands, with tags, priorities, budgets and replacements."""
    count = draw(st.integers(1, most))
    nodes = []
    for index in range(count):
        needs = draw(st.lists(st.integers(0, index - 1), unique=True, max_size=3)) if index else []
        spec = draw(st.sampled_from([PromptSpec("x"), PromptSpec("x"), RunSpec(("true",)), AskSpec("well?")]))
        replacements = (
            draw(st.sampled_from([(), (), ("second",), ("second", "worker")])) if isinstance(spec, PromptSpec) else ()
        )
        budget = draw(st.sampled_from([None, None, None, Budget(attempts=2), Budget(tokens=3), Budget(minutes=0.1)]))
        the_map = MapSpec(values=()) if draw(st.integers(0, 4)) == 0 else None
        nodes.append(
            Node(
                f"n{index}",
                spec,
                needs=tuple(f"n{need}" for need in needs),
                when=draw(st.sampled_from(list(When))),
                retry=Retry(limit=draw(st.integers(0, 2)), base_s=1.0, models=replacements),
                tags=tuple(draw(st.lists(st.sampled_from(TAGS), unique=True, max_size=2))),
                priority=draw(st.sampled_from([0, 0, 0, 5, -5])),
                budget=budget,
                map=the_map,
                estimate_s=draw(st.sampled_from([None, 1.0, 5.0])),
            )
        )
    return Plan("test", tuple(nodes))


@dataclass
class MoodyGate:
    """A gate that lets through what it is told to; a refusal has a time, as the contract wants of an idle pool."""

    shut: set[str] = field(default_factory=set)
    granted: Counter[str] = field(default_factory=Counter)

    def admit(self, pool: str, now: float, tokens: int) -> Admission:
        if pool in self.shut:
            return Admission(False, now + 5.0)
        self.granted[pool] += 1
        return Admission(True)


@dataclass
class Launches:
    """Watches how many attempts of each pool run at once, and that a new most comes no earlier than the ramp has it."""

    seq: int = 0
    every_s: float = 0.0
    running: dict[tuple[str, int | None], str] = field(default_factory=dict)
    most: Counter[str] = field(default_factory=Counter)
    grown: dict[str, float] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        self.seq, body = event.seq, event.body
        match body:
            case SessionCreated() | LimitsSet():
                self.every_s = body.limits.ramp_s
            case AttemptStarted() if body.pool not in ("", QUESTIONS):  # no pool: the user says that it was done
                self.running[body.node, body.item] = body.pool
                now = sum(pool == body.pool for pool in self.running.values())
                if now > self.most[body.pool]:
                    assert event.mono >= self.grown.get(body.pool, -self.every_s) + self.every_s
                    self.most[body.pool], self.grown[body.pool] = now, event.mono
            case AttemptSucceeded() | AttemptFailed() | AttemptThrottled() | AttemptCancelled() | AttemptInterrupted():
                self.running.pop((body.node, body.item), None)
            case _:
                pass


class WatchedSession(VirtualSession):
    """Holds what must be true of each single start against the moment in which it is recorded."""

    def record(self, body: Body) -> None:
        if isinstance(body, AttemptStarted | MapExpanded):
            self.no_node_starts_before_its_needs_are_recorded(body.node)
        if isinstance(body, AttemptStarted):
            self.nothing_starts_that_runs_or_has_ended_or_is_held(body)
        super().record(body)
        if isinstance(body, AttemptStarted):
            self.caps_are_never_exceeded(body)

    def no_node_starts_before_its_needs_are_recorded(self, name: str) -> None:
        for need in self.state.plan_nodes[name].needs:
            assert self.state.nodes[need].ended, f"{name} starts before {need} has ended"

    def nothing_starts_that_runs_or_has_ended_or_is_held(self, body: AttemptStarted) -> None:
        known = self.state.nodes[body.node]
        at = known.state if body.item is None or known.items is None else known.items.state(body.item)
        by_hand = at is State.INTERRUPTED  # the user says that it was done
        assert by_hand or at in (State.READY, State.RETRYING, State.THROTTLED), f"{body} in {at}"
        assert by_hand or not (known.held or known.cancelled or known.restart), body

    def caps_are_never_exceeded(self, body: AttemptStarted) -> None:
        state, tags = self.state, self.state.plan_nodes[body.node].tags
        if not body.pool:
            return  # the user says that it was done
        running = [*self.running, (body.node, body.item, body.attempt)]
        pools = {**self.pools, running[-1]: body.pool}
        in_pool = sum(pools[one] == body.pool for one in running)
        assert in_pool <= pool_limit(state, body.pool, paced=self.gate is not None)
        if state.limits.concurrency is not None and body.pool != QUESTIONS:
            assert sum(pools[one] != QUESTIONS for one in running) <= state.limits.concurrency
        for tag in tags:
            if tag in state.limits.tags:
                assert sum(tag in state.plan_nodes[one[0]].tags for one in running) <= state.limits.tags[tag]
        if state.limits.attempts is not None:
            assert state.starts <= state.limits.attempts


class Steering(RuleBasedStateMachine):
    """Anything a user, a provider or a crash may do, in any order."""

    @initialize(
        the_plan=plans(),
        concurrency=st.sampled_from([None, 1, 2, 5]),
        tags=st.sampled_from([{}, {"disk": 1}, {"disk": 2, "net": 1}]),
        items=st.integers(0, 4),
        gated=st.booleans(),
        ramp_s=st.sampled_from([0.0, 0.0, 1.0, 7.0]),
        slow_maps=st.booleans(),
    )
    def begin(
        self,
        the_plan: Plan,
        concurrency: int | None,
        tags: dict[str, int],
        items: int,
        gated: bool,
        ramp_s: float,
        slow_maps: bool,
    ) -> None:
        self.launches = Launches()
        self.gate = MoodyGate()
        models = {name: replace(ref, dialect="openai-chat") for name, ref in MODELS.items()} if gated else MODELS
        limits = Limits(concurrency=concurrency, tags=tags, ramp_s=ramp_s)
        self.session = WatchedSession(
            the_plan, limits, items, models=models, gate=self.gate if gated else None, slow_maps=slow_maps
        )
        self.seen_state = (self.session.state.seq, "")

    @rule(pool=st.sampled_from([MODEL.name, OTHER.name]), shut=st.booleans())
    def a_provider_shuts_or_opens(self, pool: str, shut: bool) -> None:
        (self.gate.shut.add if shut else self.gate.shut.discard)(pool)
        self.session.step()

    @precondition(lambda self: self.session.running)
    @rule(data=st.data(), how=st.sampled_from(["ok", "ok", "fail", "throttle"]))
    def an_attempt_ends(self, data: st.DataObject, how: str) -> None:
        which = data.draw(st.sampled_from(sorted(self.session.running, key=str)))
        self.session.end(which, how)

    @rule(seconds=st.sampled_from([0.1, 1.0, 60.0]))
    def time_passes(self, seconds: float) -> None:
        self.session.advance(seconds)

    @rule()
    def maps_are_read_and_finished(self) -> None:
        self.session.do_map_work()
        self.session.step()

    @rule(
        data=st.data(),
        method=st.sampled_from(
            ["node.pause", "node.resume", "node.retry", "node.retry", "node.skip", "node.cancel", "node.mark_done"]
        ),
        failed=st.booleans(),
        descendants=st.booleans(),
        fresh=st.sampled_from([None, True]),
    )
    def the_user_steers_a_node(
        self, data: st.DataObject, method: str, failed: bool, descendants: bool, fresh: bool | None
    ) -> None:
        name = data.draw(st.sampled_from(sorted(self.session.state.nodes)))
        self.session.command(method, node=name, failed=failed, descendants=descendants, fresh=fresh)

    @rule(
        data=st.data(),
        method=st.sampled_from(["node.retry", "node.skip", "node.cancel", "node.mark_done"]),
        descendants=st.booleans(),
    )
    def the_user_steers_an_item(self, data: st.DataObject, method: str, descendants: bool) -> None:
        maps = sorted(name for name, known in self.session.state.nodes.items() if known.items and known.items.total)
        if maps:
            name = data.draw(st.sampled_from(maps))
            items = self.session.state.nodes[name].items
            assert items is not None
            item = data.draw(st.integers(0, items.total - 1))
            self.session.command(method, node=name, item=item, descendants=descendants)

    @rule(
        method=st.sampled_from(
            [
                "session.pause",
                "session.resume",
                "session.cancel",
                "nodes.retry_failed",
                "nodes.rerun_stale",
                "undo",
                "redo",
            ]
        ),
        mode=st.sampled_from(["drain", "now"]),
    )
    def the_user_steers_the_session(self, method: str, mode: str) -> None:
        self.session.command(method, mode=mode)

    @precondition(lambda self: self.session.running)
    @rule()
    def the_session_is_stopped_at_once_and_goes_on(self) -> None:
        self.session.command("session.pause", mode="now")
        for which in sorted(self.session.running, key=str):
            self.session.end(which, "ok")
        self.session.command("session.resume")

    @rule(data=st.data(), priority=st.integers(-2, 2))
    def the_user_moves_a_node_up_or_down(self, data: st.DataObject, priority: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.session.state.nodes)))
        self.session.command("node.priority", node=name, priority=priority)

    @rule(data=st.data(), limit=st.sampled_from([1, 2, None]))
    def the_user_limits_a_tag_or_a_pool(self, data: st.DataObject, limit: int | None) -> None:
        what, name = data.draw(
            st.sampled_from([("tags", "disk"), ("tags", "net"), ("pools", "commands"), ("pools", MODEL.name)])
        )
        self.session.command("limits.set", **{what: {name: limit}})

    @rule(seconds=st.sampled_from([None, 0.5, 7.0]))
    def the_user_sets_the_ramp(self, seconds: float | None) -> None:
        self.session.command("limits.set", ramp=seconds)

    @rule(attempts=st.sampled_from([3, 20, None]))
    def the_user_sets_a_budget(self, attempts: int | None) -> None:
        self.session.command("limits.set", attempts=attempts)

    @rule(data=st.data(), what=st.sampled_from(["set", "budget", "add", "remove", "connect"]), restart=st.booleans())
    def the_user_patches_the_plan(self, data: st.DataObject, what: str, restart: bool) -> None:
        names = sorted(self.session.state.nodes)
        name, other = data.draw(st.sampled_from(names)), data.draw(st.sampled_from(names))
        new = f"p{self.session.state.plan_rev}"
        op: dict[str, object] = {
            "set": {"op": "set", "node": name, "field": "title", "value": new},
            "budget": {"op": "set", "node": name, "field": "budget", "value": {"attempts": 9}},
            "add": {"op": "add", "node": new, "value": {"run": ["true"], "needs": [name], "tags": ["disk"]}},
            "remove": {"op": "remove", "node": name},
            "connect": {"op": "connect", "node": name, "need": other},
        }[what]
        if what != "remove" or len(names) > 1:
            self.session.command("plan.patch", base_rev=self.session.state.plan_rev, ops=[op], restart=restart)

    @rule(limit=st.sampled_from(["auto", 1, 3, "+1", "-1"]))
    def the_user_changes_the_concurrency(self, limit: object) -> None:
        self.session.command("limits.set", concurrency=limit)

    @rule()
    def the_host_crashes(self) -> None:
        self.session.crash()

    @invariant()
    def pools_never_grow_faster_than_the_ramp(self) -> None:
        for event in self.session.events[self.launches.seq :]:
            self.launches.take(event)

    @invariant()
    def every_start_of_a_model_has_a_grant_of_the_gate_and_every_grant_a_start(self) -> None:
        bodies = [event.body for event in self.session.events]
        models = (MODEL.name, OTHER.name)
        starts = Counter(each.pool for each in bodies if isinstance(each, AttemptStarted) and each.pool in models)
        assert self.session.gate is None or starts == self.gate.granted

    @invariant()
    def the_attempt_has_the_model_that_its_tries_ask_for(self) -> None:
        state, last = self.session.state, self.session.events[-1].body
        if isinstance(last, AttemptStarted) and state.plan_nodes[last.node].kind == "prompt":
            tries = state.nodes[last.node].tries_of(last.item) - 1
            ref = model_of(state, state.plan_nodes[last.node], tries)
            assert ref is not None
            assert (last.model, last.pool) == (ref.name, ref.name)

    @invariant()
    def only_what_a_person_holds_is_stuck(self) -> None:
        state = self.session.state
        if state.status is Status.PAUSED and state.reason == STUCK:
            assert any(known.held for known in state.nodes.values())
            assert not any(known.state is State.READY for known in state.nodes.values())

    @invariant()
    def a_running_session_waits_for_something(self) -> None:
        """Nothing is lost: while the session runs, something is in flight, is due, or is asked of a person."""
        state, session = self.session.state, self.session
        if state.status is Status.RUNNING and not session.running and not state.cancelling:
            asked = state.pending or state.counts.get(State.INTERRUPTED) or session.map_work
            assert asked or session.scheduler.wake_at(session.now) is not None, state.counts

    @invariant()
    def the_state_counts_what_runs(self) -> None:
        running = Counter(name for name, _, _ in self.session.running)
        for name, known in self.session.state.nodes.items():
            assert known.running == running[name]
            assert known.unmet == sum(
                not self.session.state.nodes[need].ended for need in self.session.state.plan_nodes[name].needs
            )

    @invariant()
    def nothing_runs_twice_unless_it_failed_or_was_asked_for(self) -> None:
        ends: Counter[tuple[str, int | None]] = Counter()
        for event in self.session.events:
            body = event.body
            if isinstance(body, AttemptSucceeded):
                ends[body.node, body.item] += 1
                assert ends[body.node, body.item] == 1
            elif isinstance(body, NodeRetried):
                below = (
                    {node.id for node in descendants(self.session.state, body.node)}
                    if body.descendants and body.node in self.session.state.nodes
                    else set()
                )
                for key in [key for key in ends if key[0] == body.node or key[0] in below]:
                    del ends[key]

    @invariant()
    def what_may_have_changed_the_world_starts_again_only_when_asked_for(self) -> None:
        begun: set[tuple[str, int | None]] = set()
        for event in self.session.events:
            body = event.body
            if isinstance(body, AttemptStarted) and body.pool:  # else the user says that it was done
                assert (body.node, body.item) not in begun
                if self.session.state.plan_nodes.get(body.node, node("gone")).changes_world:
                    begun.add((body.node, body.item))
            elif isinstance(body, AttemptFailed | AttemptThrottled):  # it told how it ended: its retries are asked for
                begun.discard((body.node, body.item))
            elif isinstance(body, NodeRetried | PlanPatched):
                begun.clear()

    @invariant()
    def what_rests_on_stale_results_is_stale(self) -> None:
        state = self.session.state
        for name, known in state.nodes.items():
            if known.state is State.SUCCEEDED:
                assert all(state.nodes[need].state is not State.STALE for need in state.plan_nodes[name].needs)

    @invariant()
    def every_end_has_a_cause(self) -> None:
        state = self.session.state
        bad = (State.FAILED, State.CANCELLED, State.SKIPPED)
        for known in state.nodes.values():
            if known.state is State.SKIPPED:
                assert known.cause is not None
                if known.cause != "user" and known.cause in state.nodes:
                    assert state.nodes[known.cause].state in bad
            if known.state is State.FAILED:
                assert known.error is not None or known.items is not None
            if known.state is State.CANCELLED:
                stopped = (NodeCancelled, SessionCancelRequested)
                assert any(isinstance(event.body, stopped) for event in self.session.events)

    @invariant()
    def folding_the_events_anew_gives_the_same_state(self) -> None:
        """Looked at every so often: it costs more than all the rest."""
        if self.session.state.seq - self.seen_state[0] < 12:
            return
        live = state_hash(self.session.state)
        self.seen_state = (self.session.state.seq, live)
        assert state_hash(fold.fold(self.session.events)) == live
        assert state_hash(state_from_json(state_to_json(self.session.state))) == live

    def teardown(self) -> None:
        """Whatever happened, the session can be brought to its end: nothing is lost and nothing is stuck."""
        if not hasattr(self, "session"):
            return
        session = self.session
        self.gate.shut.clear()
        session.command("limits.set", attempts=None)
        session.command("session.resume")
        for _ in range(4):  # each kind of a node's budget may hold it once
            session.decide_all()
            session.run_dry()
        assert state_hash(fold.fold(session.events)) == state_hash(session.state)
        assert session.state.status in FINISHED, session.state.counts
        assert all(known.ended for known in session.state.nodes.values())


Steering.TestCase.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestSteering = pytest.mark.timeout(900)(Steering.TestCase)


class LongSteering(Steering):
    """The same, for much longer."""


LongSteering.TestCase.settings = settings(
    Steering.TestCase.settings,
    max_examples=int(os.environ.get("SWARMTUI_LONG_EXAMPLES", "2000")),
    stateful_step_count=60,
    derandomize="SWARMTUI_LONG_EXAMPLES"
    not in os.environ,  # the same in every run, unless somebody is looking for more
)


@pytest.mark.chaos
@pytest.mark.timeout(3_600)
class TestLongSteering(LongSteering.TestCase):
    """Laws of scheduler, fold and commands, 5,000 examples."""


@given(the_plan=plans())
@settings(max_examples=100, deadline=None)
def test_when_nothing_fails_everything_that_can_run_runs_exactly_once(the_plan: Plan) -> None:
    the_plan = replace(the_plan, nodes=tuple(replace(each, budget=None) for each in the_plan.nodes))
    session = VirtualSession(the_plan, models=MODELS)
    session.run_dry()
    starts = Counter(
        (event.body.node, event.body.item) for event in session.events if isinstance(event.body, AttemptStarted)
    )
    assert set(starts.values()) <= {1}
    assert session.state.status is Status.SUCCEEDED
    assert {name for name, _ in starts} | {n.id for n in the_plan.nodes if n.map and not session.items} == {
        n.id for n in the_plan.nodes
    }


def test_the_longest_remaining_path_goes_first() -> None:
    nodes = (node("short"), node("long"), node("tail", "long", estimate_s=50.0))
    session = VirtualSession(plan(*nodes), Limits(concurrency=1))
    assert [name for name, _, _ in session.running] == ["long"]


def test_a_pool_has_its_own_limit() -> None:
    nodes = [node(f"n{index}", pool="scarce") for index in range(4)] + [node("other")]
    session = VirtualSession(plan(*nodes), Limits(pools={"scarce": 2}))
    assert sorted(name for name, _, _ in session.running) == ["n0", "n1", "other"]


def test_a_throttled_pool_starts_nothing_until_the_provider_is_ready() -> None:
    session = VirtualSession(plan(*[node(f"n{index}") for index in range(3)]), Limits(concurrency=1))
    session.end(next(iter(session.running)), "throttle")
    assert not session.running
    session.advance(1.9)
    assert not session.running
    session.advance(0.2)
    assert len(session.running) == 1


def test_a_retry_waits_for_its_time_and_no_longer() -> None:
    session = VirtualSession(plan(node("a", retry=Retry(limit=1, base_s=10.0))))
    session.end(next(iter(session.running)), "fail")
    failed = session.events[-1].body
    assert isinstance(failed, AttemptFailed)
    assert failed.retry_in_s is not None
    assert session.scheduler.wake_at(session.now) == pytest.approx(failed.retry_in_s)
    session.advance(failed.retry_in_s)
    assert list(session.running) == [("a", None, 2)]


def test_items_of_a_map_share_the_limit_and_each_runs_once() -> None:
    the_map = Node("m", PromptSpec("x"), map=MapSpec(values=()))
    session = VirtualSession(plan(the_map), Limits(concurrency=3), items=10)
    assert len(session.running) == 3
    session.run_dry()
    starts = [event.body.item for event in session.events if isinstance(event.body, AttemptStarted)]
    assert sorted(starts, key=str) == sorted(range(10), key=str)


def test_what_a_cancelled_session_left_undone_can_all_be_run_again() -> None:
    session = VirtualSession(plan(node("a"), node("b", "a"), node("c", "b")))
    session.command("session.cancel")
    session.end(("a", None, 1), "ok")
    assert session.state.status is Status.CANCELLED
    session.command("nodes.retry_failed")
    session.run_dry()
    assert session.state.status is Status.SUCCEEDED


def test_items_that_waited_when_the_session_was_cancelled_can_be_run_again() -> None:
    the_map = Node("m", PromptSpec("x"), map=MapSpec(values=()), retry=Retry(limit=2, base_s=50.0))
    session = VirtualSession(plan(the_map, node("other")), items=2)
    session.end(("m", 0, 1), "fail")
    session.command("session.cancel")
    for which in list(session.running):
        session.end(which, "ok")
    assert session.state.status is Status.CANCELLED
    session.command("node.retry", node="other")
    session.advance(60.0)
    session.command("node.retry", node="m", failed=True)
    session.run_dry()
    assert session.state.status is Status.SUCCEEDED


def test_an_item_that_was_skipped_before_it_started_does_not_start() -> None:
    session = VirtualSession(plan(Node("m", PromptSpec("x"), map=MapSpec(values=()))), Limits(concurrency=1), items=3)
    session.command("node.skip", node="m", item=1)
    session.run_dry()
    assert [event.body.item for event in session.events if isinstance(event.body, AttemptStarted)] == [0, 2]
    assert session.state.status is Status.SUCCEEDED


def test_an_item_whose_retry_is_due_survives_the_retry_of_another() -> None:
    the_map = Node("m", PromptSpec("x"), map=MapSpec(values=()), retry=Retry(limit=1, base_s=1.0))
    session = VirtualSession(plan(the_map, node("other")), Limits(concurrency=1), items=3)
    while session.state.nodes["m"].items is None or not session.state.nodes["m"].items.count(State.RETRYING):
        which = next(iter(session.running))
        session.end(which, "fail" if which[0] == "m" else "ok")
    session.command("node.skip", node="m", item=2)
    session.advance(60.0)  # the retry is due and waits for the place that another item has
    session.command("node.retry", node="m", item=2)
    session.run_dry()
    assert session.state.status is Status.SUCCEEDED


def test_an_item_that_was_held_has_not_used_up_one_of_its_tries() -> None:
    the_map = Node("m", PromptSpec("x"), map=MapSpec(values=()), retry=Retry(limit=1, base_s=1.0))
    session = VirtualSession(plan(the_map), items=1)
    session.command("session.pause", mode="now")
    session.end(("m", 0, 1), "ok")
    session.command("session.resume")
    session.end(("m", 0, 2), "fail")
    assert session.state.nodes["m"].items is not None
    assert session.state.nodes["m"].items.state(0) is State.RETRYING


def test_pausing_a_command_that_a_crash_caught_does_not_lead_to_its_repetition() -> None:
    session = VirtualSession(plan(Node("c", RunSpec(("true",)))))
    session.running.clear()
    session.record(AttemptInterrupted("c", 1, None, repeat=False))
    assert not session.command("node.pause", node="c")
    assert session.state.nodes["c"].state is State.INTERRUPTED


def test_a_map_that_goes_on_is_not_begun_again_by_a_retry() -> None:
    session = VirtualSession(plan(Node("m", PromptSpec("x"), map=MapSpec(values=()))), Limits(concurrency=1), items=2)
    session.command("session.pause")
    session.end(("m", 0, 1), "ok")
    assert not session.command("node.retry", node="m")
    session.command("session.resume")
    session.run_dry()
    assert session.state.status is Status.SUCCEEDED


def test_retrying_the_head_of_a_long_skipped_chain_costs_little() -> None:
    count = 2_000
    nodes = [node("n0"), *[node(f"n{index}", f"n{index - 1}") for index in range(1, count)]]
    session = VirtualSession(plan(*nodes))
    session.end(("n0", None, 1), "fail")
    assert session.state.counts[State.SKIPPED] == count - 1
    began = time.process_time()
    session.command("node.retry", node="n0")
    assert time.process_time() - began < 0.5


def test_a_scheduler_made_anew_over_the_state_decides_the_same() -> None:
    """After a failure there is something to skip, to read, to start; which comes first does not hang on the host."""
    failing = [node(name) for name in ("zz", "root", "m1")]
    skipped = [node(f"{need}{index}", need) for index in (3, 10, 2) for need in ("zz", "root")]
    maps = [Node(name, PromptSpec("x"), map=MapSpec(values=()), when=When.ALL_DONE, needs=("m1",)) for name in "yxw"]
    session = VirtualSession(plan(*failing, *skipped, *maps, node("free", "m1", when=When.ALL_DONE)))
    for which in list(session.running):
        session.now += 1.0
        session.record(AttemptFailed(which[0], which[2], ErrorInfo(ErrorKind.EXIT, "broke"), None, 1.0, None))
    anew = Scheduler(session.state)
    told = session.scheduler.decide(session.now)
    assert len(told) == len(skipped)
    assert anew.decide(session.now) == told


def test_the_cost_of_a_decision_does_not_grow_with_the_graph() -> None:
    def cost(count: int) -> float:
        session = VirtualSession(plan(*[node(f"n{index}") for index in range(count)]), Limits(concurrency=8))
        began = time.process_time()
        session.run_dry(most=count + 10)
        return (time.process_time() - began) / count

    assert min(cost(4_000), cost(4_000)) < 3 * max(cost(400), cost(400))


@pytest.mark.parametrize("crashes", [False, True])
def test_a_map_whose_need_runs_again_starts_no_item_until_that_has_ended(crashes: bool) -> None:
    the_map = Node("m", PromptSpec("x"), needs=("n",), map=MapSpec(values=()))
    session = WatchedSession(plan(node("n"), the_map), items=2)
    session.end(("n", None, 1), "ok")
    session.end(("m", 0, 1), "ok")
    session.command("node.retry", node="n")
    session.command("node.retry", node="m", item=0)
    if crashes:
        session.crash()
    assert not any(name == "m" and item == 0 for name, item, _ in session.running)
    session.run_dry()
    assert session.state.status is Status.SUCCEEDED
    starts = [event.body for event in session.events if isinstance(event.body, AttemptStarted)]
    assert [start.node for start in starts if (start.node, start.item) in (("n", None), ("m", 0))][:3] == [
        "n",
        "m",
        "n",
    ]
