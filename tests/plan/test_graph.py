"""The graph: order, cycles, ranks."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from swarmtui.plan.graph import (
    CycleError,
    critical_path,
    cycles,
    dependents,
    descendants,
    layers,
    topological_order,
    upward_rank,
)

DIAMOND = {"end": ("left", "right"), "left": ("start",), "right": ("start",), "start": ()}


@st.composite
def graphs(draw):
    """Any graph of few nodes, cycles and unknown needs included."""
    names = [f"n{i}" for i in range(draw(st.integers(1, 8)))]
    return {name: tuple(draw(st.lists(st.sampled_from([*names, "gone"]), max_size=3))) for name in names}


@st.composite
def acyclic(draw):
    names = [f"n{i}" for i in range(draw(st.integers(1, 9)))]
    needs = {n: tuple(draw(st.lists(st.sampled_from(names[:i]), max_size=3))) if i else () for i, n in enumerate(names)}
    order = draw(st.permutations(names))
    return {name: needs[name] for name in order}


def reaches(needs, start):
    seen, todo = set(), list(needs[start])
    while todo:
        node = todo.pop()
        if node in needs and node not in seen:
            seen.add(node)
            todo.extend(needs[node])
    return seen


@given(acyclic())
def test_in_the_order_every_node_comes_after_its_needs(needs):
    order = topological_order(needs)
    assert sorted(order) == sorted(needs)
    place = {node: index for index, node in enumerate(order)}
    assert all(place[need] < place[node] for node in needs for need in needs[node])


def test_the_order_keeps_to_the_plan_where_it_can():
    assert topological_order({"b": (), "a": (), "c": ("a",)}) == ["b", "a", "c"]


@given(graphs())
def test_a_cycle_is_found_in_each_knot_and_nowhere_else(needs):
    found = cycles(needs)
    for cycle in found:
        assert cycle[0] == cycle[-1]
        assert all(after in needs[before] for before, after in pairwise(cycle))
        assert len(set(cycle)) == len(cycle) - 1
    knots = {frozenset(o for o in needs if o in reaches(needs, n) and n in reaches(needs, o)) for n in needs} - {
        frozenset()
    }
    assert len(found) == len(knots)
    assert all(any(set(cycle) <= knot for cycle in found) for knot in knots)


def test_a_graph_with_a_cycle_has_no_order_and_the_error_shows_the_cycle():
    with pytest.raises(CycleError, match="a -> b -> a"):
        topological_order({"a": ("b",), "b": ("a",), "c": ("a",)})


def test_layers_hold_what_the_longest_way_reaches():
    assert layers(DIAMOND) == [["start"], ["left", "right"], ["end"]]
    assert layers({"a": (), "b": ("a",), "c": ("a", "b")}) == [["a"], ["b"], ["c"]]


def test_rank_is_the_longest_way_to_the_end():
    rank = upward_rank(DIAMOND, {"left": 5.0, "right": 2.0, "start": 1.0}, default=3.0)
    assert rank == {"end": 3.0, "left": 8.0, "right": 5.0, "start": 9.0}
    assert critical_path(DIAMOND, {"left": 5.0}) == ["start", "left", "end"]


@given(acyclic(), st.randoms())
def test_no_way_through_the_graph_is_longer_than_the_critical_path(needs, rng: random.Random):
    durations = {node: float(rng.randint(0, 9)) for node in needs}
    path = critical_path(needs, durations)
    assert all(before in needs[after] for before, after in pairwise(path))
    assert sum(durations[node] for node in path) == max(upward_rank(needs, durations).values())


@given(acyclic())
def test_descendants_are_all_that_reach_the_node(needs):
    for node in needs:
        assert descendants(needs, node) == {other for other in needs if node in reaches(needs, other)}


def test_dependents_leave_unknown_needs_out():
    assert dependents({"a": ("gone",), "b": ("a",)}) == {"a": ["b"], "b": []}


@pytest.mark.chaos
def test_very_deep_graphs_are_no_problem():
    chain = {f"n{i}": (f"n{i - 1}",) if i else () for i in range(50_000)}
    assert len(layers(chain)) == 50_000
    ring = dict(chain, n0=("n49999",))
    assert [len(cycle) for cycle in cycles(ring)] == [50_001]
