"""What a snapshot holds is the state, whatever is in it."""

from __future__ import annotations

import json
import zlib
from array import array
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.plan.model import JSON, Node, Plan, PromptSpec, plan_hash, plan_to_json
from swarmtui.session import fold
from swarmtui.session.build import FileBuilder
from swarmtui.session.events import (
    AttemptFailed,
    AttemptStarted,
    BudgetReached,
    Event,
    PlanApproved,
    PlanProposed,
    SessionCreated,
)
from swarmtui.session.items import Items
from swarmtui.session.node_json import node_from_json, node_to_json
from swarmtui.session.reader import UNREADABLE, Reader
from swarmtui.session.snapshots import LEAST_EVENTS, OUTWEIGHED, Snapshots, taken_up
from swarmtui.session.spent import Spent
from swarmtui.session.state import NodeState, SessionState
from swarmtui.session.state_json import PlanMemory, state_hash, state_to_json
from swarmtui.session.vocabulary import ErrorInfo, ErrorKind, Output, State

ITEMS = Items(2, bytearray(2), array("I", [1, 0]), array("I", [7, 0]), errors={1: ErrorInfo(ErrorKind.EXIT, "no", 3)})

NODES = st.builds(
    NodeState,
    id=st.sampled_from("abcdef"),
    state=st.sampled_from(State),
    attempts=st.integers(0, 3),
    held=st.booleans(),
    started_ts=st.none() | st.floats(0, 1e10),
    cut_ts=st.none() | st.floats(0, 1e10),
    busy_s=st.floats(0, 1e6),
    budget=st.none()
    | st.builds(BudgetReached, st.just("usd"), st.floats(0, 9), st.floats(0, 9), st.sampled_from("ab")),
    waived=st.sampled_from([(), ("usd",), ("usd", "tokens")]),
    error=st.none() | st.builds(ErrorInfo, st.sampled_from(ErrorKind), st.text(), st.none() | st.integers(0, 255)),
    cause=st.none() | st.just("user"),
    output=st.none() | st.builds(Output, st.text(), st.integers(0, 9), st.none() | st.just("0" * 32)),
    pool=st.sampled_from(["", "commands"]),
    spent=st.builds(Spent, st.integers(0, 3), orphans=st.integers(0, 1), cost_usd=st.floats(0, 9)),
    priority=st.none() | st.integers(-2, 2),
    items=st.none() | st.just(ITEMS),
)


PLAN = Plan("g", tuple(Node(name, PromptSpec("x")) for name in "abcdef"))


def nested(depth: int) -> JSON:
    value: JSON = 1
    for _ in range(depth):
        value = [value]
    return value


def session(nodes: list[NodeState]) -> SessionState:
    bodies = (SessionCreated("s", "g", "t", "/", "0"), PlanProposed(1, PLAN))
    state = fold.fold(Event(seq, 0.0, 0.0, body) for seq, body in enumerate(bodies, start=1))
    state.nodes |= {node.id: node for node in nodes}
    return state


@given(st.lists(NODES, max_size=6, unique_by=lambda node: node.id))
def test_a_snapshot_holds_the_state(nodes: list[NodeState]) -> None:
    state = session(nodes)
    again = taken_up(Snapshots(0).take(state))
    assert again.nodes == state.nodes
    assert again.plan == state.plan
    assert state_hash(again) == state_hash(state)


@given(NODES)
def test_a_node_as_json_is_the_node(node: NodeState) -> None:
    assert node_from_json(json.loads(json.dumps(node_to_json(node)))) == node


def test_what_a_later_version_says_of_a_node_besides_is_passed_over() -> None:
    assert node_from_json({"id": "a", "attempts": 2, "mood": "good"}) == NodeState("a", attempts=2)


def test_the_plan_of_a_snapshot_is_the_one_that_stands() -> None:
    state = session([])
    snapshots = Snapshots(0)
    snapshots.take(state)
    state.plan = replace(state.plan or Plan("g"), title="another")
    assert taken_up(snapshots.take(state)).plan == state.plan


def test_a_snapshot_is_due_once_the_events_since_the_last_one_outweigh_that_several_times() -> None:
    state = session([])
    snapshots = Snapshots(0)
    state.seq = LEAST_EVENTS - 1
    assert not snapshots.due(state, 10**9)
    state.seq = LEAST_EVENTS
    assert snapshots.due(state, 0)
    weight = OUTWEIGHED * len(snapshots.take(state))
    state.seq = 2 * LEAST_EVENTS
    assert not snapshots.due(state, weight - 1)
    assert snapshots.due(state, weight)


def test_a_snapshot_of_an_earlier_version_which_is_not_packed_is_taken_up_all_the_same() -> None:
    state = session([])
    plain = json.dumps(state_to_json(state)).encode()
    assert state_hash(taken_up(plain)) == state_hash(state)


def test_a_snapshot_of_an_earlier_version_which_held_its_plan_is_taken_up_all_the_same() -> None:
    state = session([NodeState("a", attempts=2)])
    packed = zlib.compress(json.dumps(state_to_json(state, columns=True) | {"plan": plan_to_json(PLAN)}).encode())
    assert state_hash(taken_up(packed)) == state_hash(state)


def test_a_snapshot_of_an_earlier_version_whose_nodes_had_fewer_fields_is_not_half_taken_up() -> None:
    data = state_to_json(session([NodeState("a", attempts=2)]), columns=True) | {"plan": plan_to_json(PLAN)}
    del data["nodes"]["columns"]["cut_ts"]
    with pytest.raises(UNREADABLE):  # it is passed over: what it does not tell the events do
        taken_up(zlib.compress(json.dumps(data).encode()))


@pytest.mark.parametrize(
    "odd",
    ["\ud800", "\0\u2028</script>", -0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 2**63, 10**30, nested(230)],
    ids=["lone surrogate", "controls", "-0", "least", "most", "sum", "2^63", "10^30", "deep"],
)
def test_a_snapshot_holds_every_value_that_json_can_to_the_last_bit(odd: JSON) -> None:
    state = session([])
    state.inputs = {"odd": odd}
    assert repr(taken_up(Snapshots(0).take(state)).inputs) == repr(state.inputs)


def test_the_plan_before_is_in_a_snapshot_too() -> None:
    state = session([])
    state.prior_plan = Plan("g", title="before")
    again = taken_up(Snapshots(0).take(state))
    assert (again.plan, again.prior_plan) == (PLAN, Plan("g", title="before"))


def test_who_takes_up_many_snapshots_decodes_a_plan_once() -> None:
    snapshots, memory, state = Snapshots(0), PlanMemory(), session([])
    first = taken_up(snapshots.take(state), memory)
    state.nodes["a"].attempts = 7
    second = taken_up(snapshots.take(state), memory)
    assert second.plan is first.plan
    assert second.nodes["a"].attempts == 7
    state.plan = replace(PLAN, title="another")
    assert taken_up(snapshots.take(state), memory).plan == state.plan
    assert taken_up(Snapshots(0).take(session([])), memory).plan == PLAN


def test_all_snapshots_of_a_file_together_weigh_less_than_its_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("swarmtui.session.snapshots.LEAST_EVENTS", 10)
    with FileBuilder(tmp_path / "session.db", "test") as builder:
        builder.event(SessionCreated("s", "g", "t", "/", "0"), 0.0, 0.0)
        builder.event(PlanProposed(1, PLAN), 0.0, 0.0)
        builder.event(PlanApproved(1, plan_hash(PLAN)), 0.0, 0.0)
        for attempt in range(1, 150):
            for node in "abcdef":
                builder.event(AttemptStarted(node, attempt, pool="p"), 0.0, 0.0)
                error = ErrorInfo(ErrorKind.EXIT, f"{node} {attempt} {attempt**9}", 1)
                builder.event(AttemptFailed(node, attempt, error, retry_in_s=1.0), 0.0, 0.0)
        builder.done()
    with Reader(tmp_path / "session.db") as reader:
        ((events,),) = reader.query("SELECT sum(length(data)) FROM events")
        ((count, size),) = reader.query("SELECT count(*), sum(size) FROM snapshots")
    assert count > 20
    assert size < events


@pytest.mark.parametrize(
    "data",
    [b"", b"\0", b"{", b"\1", b"\1\0\0\0\xff", b"\1" + bytes(8), zlib.compress(b"{}")[:-3], zlib.compress(b"[]")],
)
def test_what_is_no_snapshot_is_refused(data: bytes) -> None:
    with pytest.raises((ValueError, LookupError, AttributeError)):
        taken_up(data)


def test_a_snapshot_that_unpacks_without_end_is_refused_before_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    data = Snapshots(0).take(session([]))
    monkeypatch.setattr("swarmtui.session.snapshots.MOST_BYTES", 100)
    with pytest.raises(ValueError, match="too large"):
        taken_up(data)
