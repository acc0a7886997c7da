"""Before a plan is approved its revisions are taken back, and made again, one after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swarmtui.engine.commands import Refused, plan_events
from swarmtui.engine.forecast import forecast
from swarmtui.engine.outlook import ASSUMED_S
from swarmtui.plan.model import Author, MapSpec, ModelRef, Node, Plan, PromptSpec, RunSpec
from swarmtui.plan.taskfile import validate_plan
from swarmtui.session import fold
from swarmtui.session.events import Body, Event, HostStarted, PlanApproved, PlanProposed, PlanRejected, SessionCreated
from swarmtui.session.state import SessionState
from swarmtui.session.state_json import state_from_json, state_hash, state_to_json
from swarmtui.session.vocabulary import Status

DEAR = ModelRef("far", "dear", price_in=2.0, price_out=10.0)
FIRST = Plan(
    "g",
    (
        Node("a", PromptSpec("begin"), title="first"),
        Node("b", PromptSpec("go on with {{ a.output }}"), ("a",)),
        Node("c", RunSpec(("echo", "{{ b.output }}")), ("b",)),
    ),
    author=Author.PLANNER,
)


class Review:
    """A session whose plan waits, and what is asked of it."""

    def __init__(self, plan: Plan = FIRST) -> None:
        self.state: SessionState = fold.empty()
        models = {"worker": DEAR, "planner": DEAR}
        self.record(SessionCreated("s", "g", "t", "/", "test", models=models), HostStarted(1, "b", "test"))
        self.record(PlanProposed(1, plan))

    def record(self, *bodies: Body, actor: str | None = None) -> None:
        for body in bodies:
            seq = self.state.seq + 1
            fold.apply(self.state, Event(seq, float(seq), float(seq), body, actor))

    def ask(self, method: str, **params: Any) -> None:
        bodies = plan_events(self.state, method, params, lambda text, plan: plan)
        self.record(*bodies, actor="ada")

    def patch(self, *ops: dict[str, Any]) -> None:
        self.ask("plan.patch", base_rev=self.state.plan_rev, ops=list(ops))

    def plan(self) -> Plan:
        assert self.state.plan is not None
        return self.state.plan


def set_prompt(node: str, text: str) -> dict[str, Any]:
    return {"op": "set", "node": node, "field": "prompt", "value": text}


def test_revisions_are_taken_back_one_after_the_other_to_the_very_first_plan() -> None:
    review = Review()
    seen = [review.plan()]
    review.patch({"op": "rename", "node": "a", "to": "start"})
    seen.append(review.plan())
    review.patch({"op": "remove", "node": "c"}, {"op": "add", "node": "d", "value": {"merge": True, "needs": "b"}})
    seen.append(review.plan())
    review.patch(set_prompt("b", "say it at once"))
    for expected in reversed(seen):
        review.ask("undo")
        assert review.plan() == expected
    assert review.state.plan_rev == 7
    assert [one.note for one in review.state.revisions[4:]] == [f"back to revision {rev}" for rev in (3, 2, 1)]
    assert review.state.status is Status.AWAITING_APPROVAL
    for expected in seen[1:]:
        review.ask("redo")
        assert review.plan() == expected
    review.ask("redo")
    assert review.plan().node("b").spec == PromptSpec("say it at once")
    assert not review.state.redoable


def test_a_renamed_node_keeps_its_place_and_whoever_names_it_follows() -> None:
    review = Review()
    review.patch({"op": "rename", "node": "b", "to": "middle"})
    assert [node.id for node in review.plan().nodes] == ["a", "middle", "c"]
    assert review.plan().node("c").spec == RunSpec(("echo", "{{ middle.output }}"))
    assert review.plan().node("c").needs == ("middle",)


def test_what_was_edited_since_bars_the_way_back_to_what_was_taken_back() -> None:
    review = Review()
    review.patch(set_prompt("a", "one"))
    review.ask("undo")
    review.patch(set_prompt("a", "two"))
    with pytest.raises(Refused, match="was changed since"):
        review.ask("redo")


def test_what_the_planner_made_of_the_plan_is_taken_back_too() -> None:
    review = Review()
    review.record(PlanRejected(1, "shorter"))
    review.record(PlanProposed(2, replace(FIRST, nodes=FIRST.nodes[:1])))
    review.ask("undo")
    assert review.plan() == FIRST


def test_while_the_planner_is_at_work_nothing_is_taken_back() -> None:
    review = Review()
    review.patch(set_prompt("a", "one"))
    review.record(PlanRejected(2, "shorter"))
    with pytest.raises(Refused, match="planner is still at work"):
        review.ask("undo")


def test_once_approved_a_revision_is_not_proposed_again() -> None:
    review = Review()
    review.patch(set_prompt("a", "one"))
    review.record(PlanApproved(2, "hash"))
    with pytest.raises(Refused, match="nothing can be taken back"):
        review.ask("undo")
    review = Review()
    review.patch(set_prompt("a", "one"))
    review.ask("undo")
    review.record(PlanApproved(3, "hash"))
    assert not review.state.redoable


def test_trust_is_not_taken_back() -> None:
    review = Review(replace(FIRST, author=Author.USER))
    review.patch(set_prompt("a", "one"))
    review.record(PlanProposed(3, replace(review.plan(), author=Author.PLANNER, title="elsewhere")))
    review.ask("undo")
    assert (review.plan().author, review.plan().title) == (Author.PLANNER, FIRST.title)
    review.record(PlanProposed(5, review.plan()))
    assert [note.params["rev"] for note in review.state.undoable] == [4]


NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
OPS = st.one_of(
    st.fixed_dictionaries({"op": st.just("rename"), "node": NAMES, "to": NAMES}),
    st.fixed_dictionaries({"op": st.just("remove"), "node": NAMES}),
    st.fixed_dictionaries({"op": st.sampled_from(["connect", "disconnect"]), "node": NAMES, "need": NAMES}),
    st.builds(set_prompt, NAMES, st.sampled_from(["x", "{{ a.output }}", "{{ d.output }}"])),
    st.builds(
        lambda name, need: {"op": "add", "node": name, "value": {"prompt": f"{{{{ {need}.output }}}}"}}, NAMES, NAMES
    ),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(OPS, st.sampled_from(["undo", "undo", "redo"])), max_size=12))
def test_whatever_is_edited_taken_back_and_made_again_stays_a_plan_and_leads_back(steps: list[Any]) -> None:
    review = Review()
    for step in steps:
        before = review.plan()
        try:
            review.ask(step) if isinstance(step, str) else review.patch(step)
        except Refused:
            assert review.plan() == before
        assert validate_plan(review.plan()) == []
    again = state_from_json(state_to_json(review.state))
    assert state_hash(again) == state_hash(review.state)
    while review.state.undoable:
        review.ask("undo")
    assert review.plan() == FIRST


def test_a_running_plan_s_changes_are_taken_back_one_after_the_other() -> None:
    review = Review()
    review.record(PlanApproved(1, "hash"))
    review.patch(set_prompt("b", "one {{ a.output }}"))
    review.patch(set_prompt("b", "two {{ a.output }}"))
    review.ask("undo")
    review.ask("undo")
    assert review.plan() == FIRST
    review.ask("redo")
    assert review.plan().node("b").spec == PromptSpec("one {{ a.output }}")


def test_a_forecast_tells_what_is_expected_of_each_node() -> None:
    each = Node("each", PromptSpec("x" * 400, max_tokens=100), map=MapSpec(values=(1, 2, 3)))
    found = forecast(Review(replace(FIRST, nodes=(*FIRST.nodes, each))).state).nodes
    assert found["each"].calls == 3
    assert (found["each"].tokens_in, found["each"].tokens_out) == (300, 300)
    assert found["each"].usd == pytest.approx((300 * 2 + 300 * 10) / 1e6)
    assert (found["c"].calls, found["c"].seconds, found["c"].usd) == (1, ASSUMED_S["run"], None)
