"""A fork of a session in virtual time: it leaves its parent anywhere, ends, and pays for nothing that had ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.engine.commands import Refused, known_models_only
from swarmtui.engine.forks import Begun, begin
from swarmtui.engine.ports import Attempt
from swarmtui.engine.scheduler import Scheduler
from swarmtui.engine.threads import PROGRAMS_OWN, thread_of
from swarmtui.host.forking import ForkSpec
from swarmtui.host.forking import fork as make_fork
from swarmtui.plan.model import MapSpec, Node, Plan, PromptSpec, Retry, RunSpec, When
from swarmtui.session import fold
from swarmtui.session.events import (
    AgentStepped,
    AttemptInterrupted,
    AttemptStarted,
    Body,
    Event,
    HostStarted,
    NodeRetried,
    PlanPatched,
    SessionForked,
    SessionResumed,
    SessionTakenOver,
)
from swarmtui.session.folder import SessionFolder
from swarmtui.session.log import Log
from swarmtui.session.reader import Reader
from swarmtui.session.rows import Row, make_row
from swarmtui.session.state import Grant, SessionState
from swarmtui.session.state_json import state_from_json, state_hash, state_to_json
from swarmtui.session.vocabulary import State, Status
from swarmtui.workers.cli_agents.thread import ROLE
from tests.engine.virtual import FINISHED, VirtualSession
from tests.engine.world import host, node, plan, running

WORLD = Node("world", RunSpec(("deploy",)))


def fork(parent: VirtualSession, at: int, *edits: dict[str, Any], retry_failed: bool = False) -> Fork:
    return Fork(parent, at, edits, retry_failed=retry_failed)


class Fork(VirtualSession):
    """A session that begins with the first `at` events of another one."""

    def __init__(self, parent: VirtualSession, at: int, edits: Any = (), *, retry_failed: bool = False) -> None:
        self.__dict__.update(parent.__dict__)
        self.running, self.pools, self.cancelling, self.map_work = {}, {}, {}, []
        self.events, self.at = parent.events[:at], at
        self.state = fold.fold(self.events)
        self.copied = fold.fold(self.events)
        self.now = self.state.mono
        self.scheduler = Scheduler(self.state, self.durations, self.gate)
        self.begun: Begun = begin(
            self.state,
            SessionForked("fork", "parent", at, "ab"),
            self.record,
            edits,
            retry_failed=retry_failed,
            parse=lambda text, plan: plan,
            resolve=known_models_only,
        )

    def resume(self) -> None:
        """A host takes it up."""
        self.scheduler = Scheduler(self.state, self.durations, self.gate)
        self.record(HostStarted(2, "boot", "0", cpus=4, session="fork"))
        for pending in self.state.pending.values():
            if pending.node is not None:
                number = self.state.nodes[pending.node].attempts_of(pending.item)
                self.running[pending.node, pending.item, number] = self.now
        if self.state.status is Status.PAUSED:
            self.record(SessionResumed())
        self.step()

    @property
    def own(self) -> list[Body]:
        return [event.body for event in self.events[self.at :]]

    @property
    def started(self) -> set[tuple[str, int | None]]:
        return {(body.node, body.item) for body in self.own if isinstance(body, AttemptStarted)}


def ended(state: SessionState) -> set[tuple[str, int | None]]:
    """What had come to an end: nodes, and items of maps."""
    done: set[tuple[str, int | None]] = {(node.id, None) for node in state.nodes.values() if node.ended}
    for known in state.nodes.values():
        if known.items is not None:
            found = (State.SUCCEEDED, State.FAILED, State.SKIPPED)
            done |= {(known.id, item) for kind in found for item in known.items.where(kind)}
    return done


def as_a_file_has_it(events: list[Event]) -> SessionState:
    return state_from_json(state_to_json(fold.fold(events)))


NAMES = "abcdef"


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    nodes = []
    for place, name in enumerate(NAMES[: draw(st.integers(2, 6))]):
        needs = tuple(need for need in NAMES[:place] if draw(st.booleans()))
        spec = draw(st.sampled_from([PromptSpec(f"do {name}"), RunSpec((name,))]))
        when = draw(st.sampled_from(list(When)))
        over = MapSpec(name="n", values=(0, 1, 2)) if draw(st.integers(0, 3)) == 0 else None
        nodes.append(Node(name, spec, needs=needs, when=when, map=over, retry=Retry(limit=draw(st.integers(0, 1)))))
    return plan(*nodes)


@st.composite
def histories(draw: st.DrawFn) -> VirtualSession:
    """A session in which attempts end this way and that, people intervene, and hosts die."""
    session = VirtualSession(draw(plans()))
    for _ in range(draw(st.integers(0, 14))):
        kind = draw(st.sampled_from(["ok", "ok", "ok", "fail", "throttle", "wait", "crash", "pause", "retry", "skip"]))
        if kind == "crash":
            session.crash()
        elif kind == "wait":
            session.advance(draw(st.integers(1, 90)))
        elif kind == "pause":
            session.command("session.pause")
            session.command("session.resume")
        elif kind in ("retry", "skip"):
            session.command(f"node.{kind}", node=draw(st.sampled_from(sorted(session.state.nodes))))
        elif session.running:
            session.end(draw(st.sampled_from(sorted(session.running, key=str))), kind)
    if draw(st.booleans()):
        session.decide_all()
        session.run_dry()
    return session


@given(histories(), st.randoms(use_true_random=False))
@settings(max_examples=8, deadline=None)
def test_31_a_fork_at_any_event_of_any_history_ends_and_repeats_nothing_that_had_ended(
    session: VirtualSession, random: Random
) -> None:
    points = range(1, len(session.events) + 1)
    hold_for_forks(session, [len(points), *random.sample(points, min(3, len(points)))])


@pytest.mark.chaos
@given(histories())
@settings(max_examples=150, deadline=None)
def test_31_a_fork_at_every_event_of_many_histories_ends_and_repeats_nothing_that_had_ended(
    session: VirtualSession,
) -> None:
    hold_for_forks(session, range(1, len(session.events) + 1))


def hold_for_forks(session: VirtualSession, points: Iterable[int]) -> None:
    before = [state_hash(fold.fold(session.events)), len(session.events)]
    for at in points:
        child = fork(session, at)
        assert child.state.id == "fork"
        assert not any(known.running for known in child.state.nodes.values() if not known.asks)
        held = {name for name, known in child.state.nodes.items() if known.state is State.INTERRUPTED}
        child.resume()
        if child.state.status is Status.AWAITING_APPROVAL:
            child.command("plan.approve", plan_rev=child.state.plan_rev)
        if child.state.status is Status.PLANNING:
            continue
        child.run_dry()
        assert not {name for name, _ in child.started} & held, "what may have changed the world waits for the user"
        for _ in child.state.nodes:  # what rests on what is run again can be decided about once that has ended
            child.decide_all()
            child.run_dry()
        assert child.state.status in FINISHED
        assert not child.started & ended(child.copied)
        assert state_hash(as_a_file_has_it(child.events)) == state_hash(child.state)
    assert before == [state_hash(fold.fold(session.events)), len(session.events)]


def at_work(*nodes: Node) -> VirtualSession:
    return VirtualSession(plan(*nodes))


def test_31_calls_in_flight_are_begun_again_and_what_may_have_changed_the_world_waits_for_the_user() -> None:
    session = at_work(node("call"), WORLD, node("after", "world"))
    child = fork(session, len(session.events))
    assert (child.begun.repeated, child.begun.held) == (("call",), ("world",))
    child.resume()
    child.run_dry()
    assert child.started == {("call", None)}
    assert child.state.nodes["world"].state is State.INTERRUPTED
    child.decide_all()
    assert child.run_dry().status is Status.SUCCEEDED


def test_31_what_a_fork_cuts_counts_as_no_crash_however_often() -> None:
    session = at_work(node("call"))
    for _ in range(6):
        session = fork(session, len(session.events))
        session.resume()
    assert session.state.nodes["call"].repeats == 0
    assert session.state.spent.orphans == 0
    assert session.run_dry().status is Status.SUCCEEDED


def edited(name: str) -> dict[str, Any]:
    return {"ops": [{"op": "set", "node": name, "field": "prompt", "value": "do it otherwise"}]}


def test_31_what_is_edited_and_what_rests_on_it_is_carried_out_anew_and_nothing_else() -> None:
    session = at_work(node("a"), node("b", "a"), node("c"), node("d", "b", "c"))
    session.run_dry()
    child = fork(session, len(session.events), edited("b"))
    assert (set(child.begun.kept), set(child.begun.again)) == ({"a", "c"}, {"b", "d"})
    assert child.state.status is Status.PAUSED
    child.resume()
    assert child.run_dry().status is Status.SUCCEEDED
    assert child.started == {("b", None), ("d", None)}
    assert [known.state for known in child.state.nodes.values()] == [State.SUCCEEDED] * 4


def test_31_a_fork_at_a_failure_tries_what_was_edited_once_more_with_all_that_was_left_out_for_it() -> None:
    session = at_work(node("a"), node("b", "a"), node("c", "b"), node("report", "c", when=When.ALL_DONE))
    session.end(next(iter(session.running)), "ok")
    session.end(next(iter(session.running)), "fail")
    session.run_dry()
    assert session.state.status is Status.FAILED
    child = fork(session, len(session.events), edited("b"))
    child.resume()
    assert child.run_dry().status is Status.SUCCEEDED
    assert child.started == {("b", None), ("c", None), ("report", None)}
    unchanged = fork(session, len(session.events), retry_failed=True)
    unchanged.resume()
    assert unchanged.run_dry().nodes["b"].state is State.SUCCEEDED


def test_31_what_the_parent_left_stale_is_not_run_again_for_another_edit() -> None:
    session = at_work(node("a"), node("b"))
    session.run_dry()
    session.command("plan.patch", base_rev=1, ops=edited("a")["ops"])
    assert session.state.nodes["a"].state is State.STALE
    child = fork(session, len(session.events), edited("b"))
    assert child.begun.again == ("b",)
    assert not [body for body in child.own if isinstance(body, NodeRetried) and body.node == "a"]


def test_31_before_the_plan_is_approved_an_edit_is_another_revision_that_waits() -> None:
    session = at_work(node("a"))
    at = next(event.seq for event in session.events if event.body.TYPE == "plan_proposed")
    child = fork(session, at, edited("a"))
    assert (child.state.status, child.state.plan_rev) == (Status.AWAITING_APPROVAL, 2)
    assert not [body for body in child.own if isinstance(body, PlanPatched)]


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (edited("nobody"), "nobody"),
        ({"ops": []}, "nothing to do"),
        ({"ops": [], "text": ""}, "an edit of a fork is"),
        ({"restart": True, "ops": []}, "an edit of a fork is"),
    ],
)
def test_31_an_edit_that_cannot_be_made_is_refused_with_its_reason(edit: dict[str, Any], why: str) -> None:
    session = at_work(node("a"))
    with pytest.raises(Refused, match=why):
        fork(session, len(session.events), edit)


def test_31_an_item_in_flight_is_begun_again_and_those_that_ended_are_not() -> None:
    session = at_work(replace(node("m"), map=MapSpec(name="n", values=(0, 1, 2))))
    session.end(("m", 0, 1), "ok")
    child = fork(session, len(session.events))
    assert [body.item for body in child.own if isinstance(body, AttemptInterrupted)] == [1, 2]
    child.resume()
    assert child.run_dry().status is Status.SUCCEEDED
    assert child.started == {("m", 1), ("m", 2)}


class Rows:
    """The log of one node, as far as threads are read from it."""

    def __init__(self, *bodies: Body) -> None:
        self.rows = [make_row(Event(seq, 0.0, 0.0, body), b"") for seq, body in enumerate(bodies, 1)]

    async def of_node(self, node: str, after: int, types: object) -> list[Row]:
        return [row for row in self.rows if row.seq > after]

    async def blob(self, sha: str) -> bytes:
        return json.dumps({"role": sha}).encode()


async def no_results(names: tuple[str, ...]) -> list[object]:
    return []


async def test_31_the_session_that_a_program_keeps_for_itself_stays_the_parents() -> None:
    """Its entries are read by the key of their blob here."""
    log = Rows(AgentStepped("n", 1, "session", "session"), AgentStepped("n", 1, "assistant", "assistant"))
    whole = await thread_of(log, "n", None, 0, no_results)  # type: ignore[arg-type]
    of_fork = await thread_of(log, "n", None, 0, no_results, forked=2)  # type: ignore[arg-type]
    assert [entry["role"] for entry in whole] == ["session", "assistant"]
    assert [entry["role"] for entry in of_fork] == ["assistant"]
    assert PROGRAMS_OWN == ROLE


def test_31_leave_that_was_given_for_the_rest_of_the_parent_is_asked_for_again() -> None:
    session = at_work(node("a"))
    session.state.granted.append(Grant("writer", "write_file"))
    fold.apply(session.state, Event(session.state.seq + 1, 2_000.0, 0.0, SessionForked("fork", "parent", 4)))
    assert session.state.granted == []


async def for_ever(attempt: Attempt) -> str:
    await asyncio.Event().wait()
    return ""


async def test_31_a_host_over_a_fork_makes_not_one_call_again_while_the_parent_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "sessions" / "test"
    folder.mkdir(parents=True)
    for place in (tmp_path, folder.parent, folder):
        place.chmod(0o700)
    the_map = replace(node("m", "a"), map=MapSpec(name="n", values=("x", "y")))
    script = lambda attempt: for_ever(attempt) if attempt.item == 1 or attempt.node == "world" else "ok"  # noqa: E731
    async with running(folder, plan(node("a"), the_map, WORLD, node("end", "m")), script) as world:
        await world.until(lambda: world.state.nodes["m"].items and world.state.nodes["m"].items.ended == 1)
        await world.until(lambda: {"m/1/1", "world//1"} <= set(world.executor.running))
        await world.conductor.log.flushed()
        at = world.conductor.log.committed_seq
        forked = await asyncio.to_thread(make_fork, SessionFolder(folder), ForkSpec(at))
        with Reader(forked.folder.db) as reader:
            head, state = reader.resume()
        async with host(forked.folder.path, await Log.open(forked.folder.db, head), state) as child:
            await child.until(lambda: child.state.nodes["end"].state is State.SUCCEEDED)
            assert sorted(child.executor.started) == ["end//1", "m/1/2"]
            assert child.state.nodes["world"].state is State.INTERRUPTED
            told = [event.body for event in await child.recorded() if isinstance(event.body, SessionTakenOver)]
            assert told == [SessionTakenOver(crashed=False, kept=2, held=1, waiting=("world",))]
            assert state_hash(fold.fold(await child.recorded())) == state_hash(child.state)
        assert {"m/1/1", "world//1"} <= set(world.executor.running)
        assert world.state.seq == at
