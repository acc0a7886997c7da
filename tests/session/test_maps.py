"""What the fold keeps of a map's items, and what is made of it: numbers, costs, selections, progress, results."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.plan.model import MapSpec, Node, Plan, PromptSpec, plan_hash
from swarmtui.session import fold
from swarmtui.session.events import (
    AttemptFailed,
    AttemptStarted,
    AttemptSucceeded,
    AttemptThrottled,
    Body,
    Event,
    MapExpanded,
    MapFinished,
    NodeRetried,
    PlanApproved,
    PlanProposed,
    SessionCreated,
)
from swarmtui.session.item_results import failures, results
from swarmtui.session.items import STATES, Items
from swarmtui.session.log import Log
from swarmtui.session.progress import Progress, progress, rate, span, words
from swarmtui.session.reader import Reader
from swarmtui.session.selection import FilterError, ItemFilter, item_filter, select_items
from swarmtui.session.state import SessionState
from swarmtui.session.state_json import state_from_json, state_hash, state_to_json
from swarmtui.session.vocabulary import Chunk, ErrorInfo, ErrorKind, Output, State, Usage

PLAN = Plan("g", (Node("m", PromptSpec("{{ item }}"), map=MapSpec(values=(1, 2, 3))),))


def folded(*bodies: Body, plan: Plan = PLAN) -> SessionState:
    """The state after these events of a map `m`, one each second."""
    first = (SessionCreated("s", "g", "g", "/", "0"), PlanProposed(1, plan), PlanApproved(1, plan_hash(plan)))
    return fold.fold(Event(n, 1.7e9 + n, float(n), body) for n, body in enumerate((*first, *bodies), 1))


def items_of(state: SessionState) -> Items:
    found = state.nodes["m"].items
    assert found is not None
    return found


def tried(item: int, number: int, *, ok: bool = True, cost: float | None = None) -> tuple[Body, Body]:
    usage = Usage(tokens_in=1, cost_usd=cost)
    end: Body = (
        AttemptSucceeded("m", number, Output("x", 1), item, usage=usage)
        if ok
        else AttemptFailed("m", number, ErrorInfo(ErrorKind.EXIT, "broke"), item, usage=usage)
    )
    return AttemptStarted("m", number, item), end


def round_trip(state: SessionState) -> SessionState:
    return state_from_json(json.loads(json.dumps(state_to_json(state))))


# -- attempts -------------------------------------------------------------------------------------------------


def test_attempts_of_an_item_are_counted_however_many_there_are() -> None:
    bodies: list[Body] = [MapExpanded("m", 2)]
    for number in range(1, 301):
        bodies += [AttemptStarted("m", number, 1), AttemptFailed("m", number, ErrorInfo(ErrorKind.EXIT, "x"), 1, 0, 0)]
    state = folded(*bodies)
    assert state.nodes["m"].attempts_of(1) == 300
    assert state.nodes["m"].attempts_of(0) == 0
    again = round_trip(state)
    assert again.nodes["m"].attempts_of(1) == 300
    assert state_hash(again) == state_hash(state)


def test_no_attempt_number_repeats_after_a_map_was_carried_out_anew() -> None:
    used: set[tuple[int, int]] = set()
    bodies: list[Body] = []
    state = folded()
    for _ in range(3):
        bodies.append(MapExpanded("m", 3))
        for item in (0, 1, 1, 1, 2):
            state = folded(*bodies)
            number = state.nodes["m"].attempts_of(item) + 1
            assert (item, number) not in used
            used.add((item, number))
            bodies += tried(item, number, ok=False)
        bodies += [MapFinished("m", 0, 3, False, Output("", 0)), NodeRetried("m")]
    state = folded(*bodies, MapExpanded("m", 3))
    assert [state.nodes["m"].attempts_of(item) for item in range(3)] == [9, 9, 9]
    assert round_trip(state).nodes["m"].attempts_of(0) == 9


def test_the_cost_of_an_item_is_the_sum_over_its_attempts_and_unknown_is_not_zero() -> None:
    state = folded(
        MapExpanded("m", 3),
        *tried(0, 1, ok=False, cost=0.000_000_3),
        *tried(0, 2, cost=0.25),
        *tried(1, 1, cost=0.0),
        *tried(2, 1),
    )
    for known in (items_of(state), items_of(round_trip(state))):
        assert [known.cost_usd(item) for item in range(3)] == [0.250_000_3, 0.0, None]


def test_items_left_out_as_duplicates_are_skipped_from_the_start() -> None:
    state = folded(MapExpanded("m", 4, duplicates=((2, 1),), duplicates_total=2, malformed_total=7, skipped=(1, 3)))
    items = items_of(state)
    assert [items.state(item).value for item in range(4)] == ["ready", "skipped", "ready", "skipped"]
    assert (items.malformed, items.duplicates) == (7, 2)


@given(data=st.data())
def test_a_table_of_items_survives_json(data: st.DataObject) -> None:
    total = data.draw(st.integers(0, 6))
    state = folded(MapExpanded("m", total, (Chunk("ab", total, 3, "cd"),) if total else ()))
    items = items_of(state)
    for item in range(total):
        items.move(item, data.draw(st.sampled_from(STATES)))
        items.attempts[item] = data.draw(st.integers(0, 2**32 - 1))
        items.seqs[item] = data.draw(st.integers(0, 2**32 - 1))
        if data.draw(st.booleans()):
            items.charge(item, data.draw(st.floats(0, 1e6)))
    assert items_of(round_trip(state)) == items
    assert state_hash(round_trip(state)) == state_hash(state)


# -- selection ------------------------------------------------------------------------------------------------


def table(states: Iterable[State], errors: dict[int, ErrorInfo] | None = None) -> Items:
    listed = list(states)
    items = Items.fresh(len(listed))
    for item, state in enumerate(listed):
        items.move(item, state)
    items.errors.update(errors or {})
    return items


FAILURES = table(
    [State.FAILED, State.SUCCEEDED, State.FAILED, State.RUNNING, State.CANCELLED, State.FAILED, State.SKIPPED],
    {
        0: ErrorInfo(ErrorKind.SCHEMA, "does not fit at $.x"),
        2: ErrorInfo(ErrorKind.TIMEOUT, "took longer than 30 s"),
        5: ErrorInfo(ErrorKind.SCHEMA, "Does not fit at $.y"),
    },
)


@pytest.mark.parametrize(
    ("where", "chosen"),
    [
        ({}, (0, 2, 4, 5, 6)),
        ({"state": "failed"}, (0, 2, 5)),
        ({"state": ["succeeded", "skipped"]}, (1, 6)),
        ({"kind": "schema"}, (0, 5)),
        ({"kind": "schema,timeout", "items": "0-4"}, (0, 2)),
        ({"error": r"at \$\.y$"}, (5,)),
        ({"error": "does NOT fit"}, (0, 5)),
        ({"error": r"longer than \d+ s", "kind": "timeout"}, (2,)),
        ({"items": [6, "0-0", "5-9999"]}, (0, 5, 6)),
        ({"error": "nothing says so"}, ()),
    ],
)
def test_a_filter_means_the_items_for_which_all_its_parts_hold(
    where: dict[str, object], chosen: tuple[int, ...]
) -> None:
    assert select_items(FAILURES, item_filter(where)) == chosen


@given(
    states=st.lists(st.sampled_from(STATES), max_size=30),
    wanted=st.frozensets(st.sampled_from(STATES)),
    ranges=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=3),
)
def test_what_is_selected_is_ascending_once_each_and_exactly_what_fits(
    states: list[State], wanted: frozenset[State], ranges: list[tuple[int, int]]
) -> None:
    found = select_items(table(states), ItemFilter(wanted, ranges=tuple(ranges)))
    assert found == tuple(
        item
        for item, state in enumerate(states)
        if state in wanted and (not ranges or any(first <= item <= last for first, last in ranges))
    )


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ({"colour": "red"}, "has no colour"),
        ({"state": "broken"}, "no state is called 'broken'"),
        ({"state": "running"}, "in which an item has ended"),
        ({"kind": 3}, "kind is a name or a list of names"),
        ({"error": "("}, "not a regular expression"),
        ({"error": 3}, "error is a regular expression"),
        ({"error": "(a+)+$"}, "could take for ever"),
        ({"error": "(a|b*)*"}, "could take for ever"),
        ({"error": r"(a)\1"}, "could take for ever"),
        ({"error": "a*a*a*a*b"}, "could take for ever"),
        ({"error": "x" * 999}, "longer than 200"),
        ({"items": "3-1"}, "ends before it begins"),
        ({"items": "one"}, "is none"),
        ({"items": [True]}, "is none"),
    ],
)
def test_a_filter_that_is_none_is_refused_with_what_would_do(where: dict[str, object], why: str) -> None:
    with pytest.raises(FilterError, match=why.replace("(", r"\(")):
        item_filter(where)


@pytest.mark.parametrize("pattern", ["a.*b", "(ab+) c*", r"[*+]{2}x\+", "(?:429|503).*retry", "a{3}b+"])
def test_a_regular_expression_that_cannot_hang_is_taken(pattern: str) -> None:
    assert item_filter({"error": pattern}).matching == pattern


# -- progress -------------------------------------------------------------------------------------------------


def at_pace(ends: int, total: int, every_s: float = 1.0) -> SessionState:
    """A map with two in flight of whose items `ends` have ended, one each `every_s` seconds."""
    bodies: list[Body] = [MapExpanded("m", total), AttemptStarted("m", 1, total - 1)]
    for item in range(ends):
        bodies += [AttemptStarted("m", 1, item), AttemptSucceeded("m", 1, Output("x", 1), item)]
    first = (SessionCreated("s", "g", "g", "/", "0"), PlanProposed(1, PLAN), PlanApproved(1, plan_hash(PLAN)))
    state = fold.empty()
    for n, body in enumerate((*first, *bodies), 1):
        fold.apply(state, Event(n, 1.7e9 + n, max(0, n - 5) * every_s / 2, body))
    return state


def test_progress_tells_rate_and_time_left_with_a_range() -> None:
    state = at_pace(100, 1_000)
    told = progress(state.nodes["m"], state.mono)
    assert told is not None
    assert (told.total, told.done, told.running) == (1_000, 100, 1)
    assert told.per_s == pytest.approx(1.0, rel=0.05)
    assert told.left_s == pytest.approx(900, rel=0.05)
    assert told.range_s is not None
    low, high = told.range_s
    assert low < told.left_s < high
    assert words(told).startswith("100 of 1,000 items, 1.0/s, 15 min left (")


def test_the_rate_follows_the_last_minute_and_what_is_kept_for_it_does_not_grow() -> None:
    state = at_pace(5_000, 10_000, every_s=0.1)
    items = items_of(state)
    assert len(items.marks) <= 31
    told = progress(state.nodes["m"], state.mono)
    assert told is not None
    assert told.per_s == pytest.approx(10, rel=0.05)
    later = progress(state.nodes["m"], state.mono + 600)
    assert later is not None
    assert later.per_s is not None
    assert later.per_s < 1.5  # nothing has ended since


def test_a_map_that_rests_tells_no_rate_and_a_long_rest_does_not_count() -> None:
    state = at_pace(50, 100)
    seq, mono = state.seq, state.mono
    for offset, body in enumerate((AttemptSucceeded("m", 1, Output("x", 1), 99), AttemptStarted("m", 1, 60)), 1):
        told = progress(state.nodes["m"], mono)
        fold.apply(state, Event(seq + offset, 0.0, mono + (1 if offset == 1 else 3_600), body))
    told = progress(state.nodes["m"], state.mono)
    assert told is not None
    assert told.per_s is None
    assert items_of(state).marks == [(mono + 3_600, 51)]


def test_while_the_one_item_at_work_was_sent_back_the_pace_is_told_on() -> None:
    state = at_pace(50, 100)
    before = progress(state.nodes["m"], state.mono)
    fold.apply(state, Event(state.seq + 1, 0.0, state.mono, AttemptThrottled("m", 1, 5.0, item=99)))
    assert state.nodes["m"].running == 0
    told = progress(state.nodes["m"], state.mono)
    assert told is not None
    assert before is not None
    assert (told.per_s, told.left_s) == (before.per_s, before.left_s)


def test_numbers_are_told_in_units_that_fit() -> None:
    assert [rate(value) for value in (1234.5, 12, 2.5, 0.5, 0.01, 0.0001)] == [
        "1,234/s", "12/s", "2.5/s", "30/min", "36/h", "0.4/h",
    ]  # fmt: skip
    assert [span(value) for value in (0, 99, 100, 5_900, 7_200, 200_000)] == [
        "0 s", "99 s", "2 min", "98 min", "2.0 h", "2 days",
    ]  # fmt: skip
    assert words(Progress(10, 6, 7, 1, 2, 1, 0)) == "6 of 10 items, 1 failed, 2 skipped, 1 cancelled"


# -- results --------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(order=st.permutations(range(12)), bad=st.frozensets(st.integers(0, 11), max_size=4), again=st.integers(0, 11))
async def test_results_come_in_item_order_whatever_the_order_of_their_ends(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], bad: frozenset[int], again: int
) -> None:
    path = tmp_path_factory.mktemp("results") / "session.db"
    log, state = await Log.create(path, "test"), fold.empty()

    def record(*bodies: Body) -> None:
        for body in bodies:
            fold.apply(state, log.append(body))

    large = "é" * 5_000
    lines = log.put_blob(json.dumps([1, *range(3, 14)]).encode())
    record(SessionCreated("s", "g", "g", "/", "0"), PlanProposed(1, PLAN), PlanApproved(1, plan_hash(PLAN)))
    record(MapExpanded("m", 12, (Chunk("x", 12, 1, lines),)))
    for item in [again, *order]:
        number = state.nodes["m"].attempts_of(item) + 1
        record(AttemptStarted("m", number, item))
        if item in bad:
            record(AttemptFailed("m", number, ErrorInfo(ErrorKind.CHECK, "too short"), item))
        elif item == 7:
            record(AttemptSucceeded("m", number, Output("é", 10_000, log.put_blob(large.encode())), item))
        else:
            record(AttemptSucceeded("m", number, Output(f"try {number} of {item}", 9), item))
    await log.close()
    with Reader(path) as reader:
        found = list(results(reader, items_of(state)))
        wrong = list(failures(reader, items_of(state)))
    assert [line["item"] for line in found] == [item for item in range(12) if item not in bad]
    for line in found:
        item = line["item"]
        expected = large if item == 7 else f"try {2 if item == again else 1} of {item}"
        assert line == {"item": item, "line": 1 if item == 0 else item + 2, "output": expected}
    assert [line["item"] for line in wrong] == sorted(bad)
    for line in wrong:
        told = (line["state"], line["kind"], line["error"], line["attempts"])
        assert told == ("failed", "check", "too short", 2 if line["item"] == again else 1)


async def test_results_and_failures_tell_what_each_item_cost_where_prices_are_known(tmp_path: Path) -> None:
    log, state = await Log.create(tmp_path / "session.db", "test"), fold.empty()
    bodies = (
        *(SessionCreated("s", "g", "g", "/", "0"), PlanProposed(1, PLAN), PlanApproved(1, plan_hash(PLAN))),
        MapExpanded("m", 3),
        *(*tried(0, 1, ok=False, cost=0.5), *tried(0, 2, cost=0.25)),
        *(*tried(1, 1, ok=False, cost=0.125), *tried(2, 1)),
    )
    for body in bodies:
        fold.apply(state, log.append(body))
    await log.close()
    with Reader(tmp_path / "session.db") as reader:
        items = items_of(state).frozen()
        assert [line.get("cost_usd") for line in results(reader, items)] == [0.75, None]
        assert [line.get("cost_usd") for line in failures(reader, items)] == [0.125]


async def test_results_and_failures_hold_the_items_too_where_that_is_wanted(tmp_path: Path) -> None:
    log, state = await Log.create(tmp_path / "session.db", "test"), fold.empty()
    chunks = (
        Chunk(log.put_blob(b'"a"\n{"b":1}'), 2, 1),
        Chunk(log.put_blob(b"[3]\nnull"), 2, 4, log.put_blob(b"[4,9]")),
    )
    first = (SessionCreated("s", "g", "g", "/", "0"), PlanProposed(1, PLAN), PlanApproved(1, plan_hash(PLAN)))
    failed = (AttemptStarted("m", 1, 3), AttemptFailed("m", 1, ErrorInfo(ErrorKind.CHECK, "no"), 3))
    for body in (*first, MapExpanded("m", 4, chunks), *tried(1, 1), *tried(2, 1), *failed):
        fold.apply(state, log.append(body))
    await log.flushed()
    with Reader(tmp_path / "session.db") as reader:
        assert list(results(reader, items_of(state), inputs=True)) == [
            {"item": 1, "line": 2, "input": {"b": 1}, "output": "x"},
            {"item": 2, "line": 4, "input": [3], "output": "x"},
        ]
        (wrong,) = failures(reader, items_of(state), inputs=True)
    assert (wrong["item"], wrong["line"], wrong["input"]) == (3, 9, None)
    await log.close()


async def test_results_of_a_map_that_still_runs_are_those_there_are(tmp_path: Path) -> None:
    log, state = await Log.create(tmp_path / "session.db", "test"), fold.empty()
    first = (SessionCreated("s", "g", "g", "/", "0"), PlanProposed(1, PLAN), PlanApproved(1, plan_hash(PLAN)))
    for body in (*first, MapExpanded("m", 3), *tried(2, 1), AttemptStarted("m", 1, 0)):
        fold.apply(state, log.append(body))
    await log.flushed()
    with Reader(tmp_path / "session.db") as reader:
        assert list(results(reader, items_of(state))) == [{"item": 2, "output": "x"}]
        assert list(failures(reader, items_of(state))) == []
    await log.close()
