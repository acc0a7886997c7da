"""What changed between two revisions of a plan."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings

from swarmtui.plan.diff import Rewiring, diff
from swarmtui.plan.model import (
    Node,
    Plan,
    PromptSpec,
    PythonSpec,
    Retry,
    RunSpec,
    plan_from_json,
    plan_hash,
    plan_to_json,
)
from tests.plan.strategies import plans

RELAXED = settings(suppress_health_check=[HealthCheck.too_slow], max_examples=25, deadline=None)
A, B, C = Node("a", RunSpec(("x",))), Node("b", PromptSpec("p"), ("a",)), Node("c", PythonSpec("1"), ("a", "b"))
OLD = Plan("g", (A, B, C))


def test_equal_plans_do_not_differ():
    assert not diff(OLD, OLD)
    assert diff(OLD, OLD).describe() == []


def test_every_kind_of_change_is_told_in_a_line():
    changed = replace(B, spec=PromptSpec("q", model="planner"), timeout_s=5.0, retry=Retry(2))
    rewired = replace(C, needs=("b", "d"), spec=PythonSpec("1", values={"x": 1}))
    new = Plan("g", (changed, rewired, Node("d", RunSpec(("y",)))), "T")
    found = diff(OLD, new)
    assert (found.added, found.removed, found.header) == (("d",), ("a",), ("title",))
    assert found.changed == {"b": ("prompt", "model", "retries", "timeout"), "c": ("with",)}
    assert found.rewired == {"c": Rewiring(("d",), ("a",))}
    assert found.describe() == [
        "~ title of the plan",
        "+ d",
        "- a",
        "~ b: prompt, model, retries, timeout",
        "~ c: with; needs +d -a",
    ]


def test_another_kind_and_another_order_are_changes_too():
    found = diff(OLD, Plan("g", (replace(B, spec=RunSpec(("z",))), A, replace(C, needs=("b", "a")))))
    assert found.describe() == [
        "~ b: prompt became run",
        "~ c: needs in another order",
        "~ order of the nodes",
    ]


@RELAXED
@given(plans(), plans())
def test_plans_differ_exactly_if_there_is_something_to_tell(old, new):
    same = replace(old, author=new.author) == new
    assert bool(diff(old, new)) is not same
    assert bool(diff(old, new).describe()) is not same


@RELAXED
@given(plans(), plans())
def test_a_plan_keeps_its_hash_and_shares_it_with_no_other(old, new):
    assert plan_hash(old) == plan_hash(plan_from_json(plan_to_json(old)))
    assert old == new or plan_hash(old) != plan_hash(new)


def test_the_hash_never_changes_for_recorded_plans():
    assert plan_hash(OLD) == "b1aacc376b08d6e4ee159405cfafcf53"
