"""Commands as pure functions: what each comes to, and in which words it is refused."""

from __future__ import annotations

import pytest

from swarmtui.engine.commands import STALE_PLAN, Refused, plan_events
from swarmtui.plan.model import Author, Limits, MapSpec, ModelRef, Node, Plan, PromptSpec, Retry, RunSpec, When
from swarmtui.session.events import (
    AttemptInterrupted,
    AttemptStarted,
    LimitsSet,
    NodePrioritised,
    NodeRetried,
    PlanPatched,
    PlanProposed,
    SessionResumed,
    Undone,
)
from swarmtui.session.vocabulary import State, Status
from tests.engine.virtual import VirtualSession
from tests.engine.world import MODEL, node, plan

M = MapSpec(values=(1, 2, 3))


def bodies(session: VirtualSession, method: str, **params: object) -> list[object]:
    return list(plan_events(session.state, method, params, lambda text, plan: plan))


def refusal(session: VirtualSession, method: str, **params: object) -> str:
    with pytest.raises(Refused) as refused:
        bodies(session, method, **params)
    return str(refused.value)


def patch(session: VirtualSession, *ops: dict[str, object], **more: object) -> PlanPatched:
    (body,) = bodies(session, "plan.patch", base_rev=session.state.plan_rev, ops=list(ops), **more)
    assert isinstance(body, PlanPatched)
    return body


def chain(*names: str) -> VirtualSession:
    nodes = [node(name, *names[index - 1 : index] if index else ()) for index, name in enumerate(names)]
    return VirtualSession(plan(*nodes))


# -- running again ---------------------------------------------------------------------------------------------


def test_what_succeeded_is_retried_for_a_new_result_and_what_failed_may_take_one_over() -> None:
    session = VirtualSession(plan(node("good"), node("bad")))
    session.end(("good", None, 1), "ok")
    session.end(("bad", None, 1), "fail")
    assert bodies(session, "node.retry", node="good") == [NodeRetried("good", fresh=True)]
    assert bodies(session, "node.retry", node="bad") == [NodeRetried("bad")]
    assert bodies(session, "node.retry", node="good", fresh=False) == [NodeRetried("good")]


def test_refusals_of_a_retry_name_the_verb_that_would_work() -> None:
    session = chain("a", "b")
    assert "stop it first" in refusal(session, "node.retry", node="a")
    session.end(("a", None, 1), "ok")
    (retried,) = bodies(session, "node.retry", node="a", descendants=True)
    assert retried == NodeRetried("a", descendants=True, fresh=True, restart=("b",))
    assert "waits for its needs" in refusal(chain("a", "b"), "node.retry", node="b")


def test_items_are_chosen_by_a_filter_over_how_they_failed() -> None:
    session = VirtualSession(plan(Node("m", PromptSpec("x"), map=M)), items=3)
    for item, how in enumerate(("fail", "ok", "fail")):
        session.end(("m", item, 1), how)
    assert bodies(session, "node.retry", node="m", where={"error": "BROKE"}) == [NodeRetried("m", items=(0, 2))]
    assert bodies(session, "node.retry", node="m", where={"items": "2"}) == [NodeRetried("m", items=(2,))]
    assert bodies(session, "nodes.retry_failed", where={"kind": "exit"}) == [NodeRetried("m", items=(0, 2))]
    assert "that has ended meets that" in refusal(session, "node.retry", node="m", where={"kind": "timeout"})
    assert "no kind is called 'timeot'" in refusal(session, "node.retry", node="m", where={"kind": "timeot"})


def test_stale_nodes_are_run_again_needs_first_and_what_rests_on_them_too() -> None:
    session = chain("a", "b", "c")
    session.run_dry()
    assert refusal(session, "nodes.rerun_stale") == "no node is stale"
    session.command("node.retry", node="a")
    session.run_dry()
    assert [known.state for known in session.state.nodes.values()] == [State.SUCCEEDED, State.STALE, State.STALE]
    assert bodies(session, "nodes.rerun_stale") == [NodeRetried("b"), NodeRetried("c")]


# -- limits and priorities ------------------------------------------------------------------------------------


def test_a_pool_or_tag_that_nothing_has_is_refused_with_the_nearest_one() -> None:
    session = VirtualSession(plan(node("a", pool="scarce", tags=("gpu",))))
    assert "did you mean scarce?" in refusal(session, "limits.set", pools={"scarse": 2})
    assert "a pool has no name" in refusal(session, "limits.set", pools={"": 2})
    assert "did you mean gpu?" in refusal(session, "limits.set", tags={"gpus": 2})
    (body,) = bodies(session, "limits.set", pools={"scarce": 2}, tags={"gpu": 1})
    assert body == LimitsSet(Limits(pools={"scarce": 2}, tags={"gpu": 1}))


def test_a_limit_is_taken_away_by_null() -> None:
    session = VirtualSession(plan(node("a", pool="x")), Limits(pools={"x": 1}, usd=2.0))
    assert bodies(session, "limits.set", pools={"x": None}, usd=None) == [LimitsSet(Limits())]
    assert "whole number" in refusal(session, "limits.set", attempts=1.5)
    assert "share" in refusal(session, "limits.set", warn=2)


def test_raising_the_budget_that_paused_a_session_lets_it_go_on() -> None:
    session = VirtualSession(plan(node("a"), node("b")), Limits(concurrency=1, attempts=1))
    session.run_dry()
    assert session.state.status is Status.PAUSED
    assert isinstance(bodies(session, "limits.set", attempts=5)[-1], SessionResumed)


def test_a_priority_is_set_or_moved() -> None:
    session = chain("a", "b")
    assert bodies(session, "node.priority", node="b", priority=7) == [NodePrioritised("b", 7)]
    session.command("node.priority", node="b", priority=7)
    assert bodies(session, "node.priority", node="b", priority="-2") == [NodePrioritised("b", 5)]
    assert "has priority 7 already" in refusal(session, "node.priority", node="b", priority=7)
    assert "-1000 to 1000" in refusal(session, "node.priority", node="b", priority=5000)


# -- patches ---------------------------------------------------------------------------------------------------


def test_a_patch_that_rests_on_another_revision_is_refused_and_says_who_made_the_last() -> None:
    session = chain("a", "b")
    session.command("plan.patch", base_rev=1, ops=[{"op": "set", "node": "b", "field": "title", "value": "B"}])
    with pytest.raises(Refused) as refused:
        bodies(session, "plan.patch", base_rev=1, ops=[{"op": "remove", "node": "b"}])
    assert refused.value.code == STALE_PLAN
    assert refused.value.data == {"current_rev": 2, "decided_by": "user"}


@pytest.mark.parametrize(
    ("ops", "words"),
    [
        ([{"op": "connect", "node": "a", "need": "c"}], "these nodes wait for each other: b -> a -> c -> b"),
        ([{"op": "remove", "node": "b"}], "c needs b, which would be gone: disconnect c from it, or remove c too"),
        ([{"op": "add", "node": "b", "value": {"prompt": "x"}}], "there is a node `b` already"),
        ([{"op": "add", "node": "d", "value": {"prompt": "{{ bb.output }}"}}], "did you mean b?"),
        ([{"op": "set", "node": "b", "field": "promt", "value": "x"}], "did you mean prompt?"),
        ([{"op": "set", "node": "d", "field": "prompt", "value": "x"}], "there is no node `d`"),
        ([{"op": "connect", "node": "b", "need": "zz"}], "there is no node `zz`"),
        ([{"op": "connect", "node": "c", "need": "b"}], "c needs it already"),
        ([{"op": "paint", "node": "c"}], "`op` is none of add, remove"),
        ([{"op": "set", "node": "c", "field": "model", "value": "plannr"}], "there is no model `plannr`"),
        (
            [{"op": "set", "node": "c", "field": "model", "value": "other/model"}],
            "no model 'other/model' in this session",
        ),
        ([], "there is nothing to do"),
        ([{"op": "remove", "node": name} for name in "abc"], "no node would be left: cancel the session"),
    ],
)
def test_a_patch_is_checked_as_a_whole_and_refused_with_what_would_mend_it(ops: list[object], words: str) -> None:
    session = chain("a", "b", "c")
    session.end(("a", None, 1), "ok")
    session.end(("b", None, 1), "ok")
    assert words in refusal(session, "plan.patch", base_rev=1, ops=ops)


def test_a_need_that_a_lookup_implies_cannot_be_cut_alone() -> None:
    session = VirtualSession(plan(node("a"), Node("b", PromptSpec("{{ a.output }}"), needs=("a",))))
    words = refusal(session, "plan.patch", base_rev=1, ops=[{"op": "disconnect", "node": "b", "need": "a"}])
    assert "b looks a up, so it needs it" in words
    both = patch(
        session,
        {"op": "disconnect", "node": "b", "need": "a"},
        {"op": "set", "node": "b", "field": "prompt", "value": "alone"},
    )
    assert both.put == (Node("b", PromptSpec("alone")),)


def test_a_node_is_removed_together_with_the_needs_of_its_dependents() -> None:
    session = chain("a", "b", "c")
    body = patch(session, {"op": "remove", "node": "b"}, {"op": "disconnect", "node": "c", "need": "b"})
    assert body.drop == ("b",)
    assert [(one.id, one.needs) for one in body.put] == [("c", ())]


def test_what_runs_is_neither_changed_nor_removed_unless_it_is_restarted() -> None:
    session = chain("a", "b")
    change = {"op": "set", "node": "a", "field": "prompt", "value": "other"}
    assert "stop it first, or patch with restart" in refusal(session, "plan.patch", base_rev=1, ops=[change])
    assert patch(session, change, restart=True).restart == ("a",)
    gone = [{"op": "remove", "node": "a"}, {"op": "disconnect", "node": "b", "need": "a"}]
    assert "stop it before you remove it" in refusal(session, "plan.patch", base_rev=1, ops=gone)
    assert patch(session, {"op": "set", "node": "a", "field": "retries", "value": 2}).put[0].retry == Retry(2)


def test_the_prompt_of_a_running_map_may_change_and_its_items_may_not() -> None:
    session = VirtualSession(plan(Node("m", PromptSpec("x"), map=M)), Limits(concurrency=1), items=3)
    assert patch(session, {"op": "set", "node": "m", "field": "prompt", "value": "y"}).restart == ()
    other = {"op": "set", "node": "m", "field": "map.items", "value": [4]}
    assert "has begun its items, which would be others" in refusal(session, "plan.patch", base_rev=1, ops=[other])
    assert patch(session, other, restart=True).restart == ("m",)


def test_before_approval_a_patch_is_another_revision_to_approve() -> None:
    session = VirtualSession(plan(node("a")))
    session.record(PlanProposed(2, plan(node("a"), author=Author.PLANNER)))
    (body,) = bodies(
        session, "plan.patch", base_rev=2, ops=[{"op": "add", "node": "b", "value": {"run": ["true"], "needs": "a"}}]
    )
    assert isinstance(body, PlanProposed)
    assert (body.plan_rev, body.plan.author, len(body.plan.nodes)) == (3, Author.PLANNER, 2)


def test_nobody_can_give_a_planner_s_plan_the_user_s_trust_by_a_patch() -> None:
    for before, author, after in (
        (Author.PLANNER, "user", Author.PLANNER),
        (Author.USER, "planner", Author.PLANNER),
        (Author.USER, "user", Author.USER),
    ):
        session = VirtualSession(Plan("test", (node("a"),), author=before))
        op = {"op": "add", "node": "b", "value": {"run": ["true"]}}
        assert session.command("plan.patch", base_rev=1, ops=[op], author=author)
        assert session.state.plan is not None
        assert session.state.plan.author is after


def test_a_patch_may_name_a_model_that_the_session_learns_of_by_it() -> None:
    session = chain("a", "b")
    op = {"op": "set", "node": "b", "field": "model", "value": "other/model"}
    params = {"base_rev": 1, "ops": [op]}
    (body,) = plan_events(session.state, "plan.patch", params, lambda text, plan: plan, lambda name, known: MODEL)
    assert isinstance(body, PlanPatched)
    assert body.models == {"other/model": MODEL}
    session.record(body)
    assert session.state.models["other/model"] == MODEL


# -- undo -------------------------------------------------------------------------------------------------------


def test_changes_are_taken_back_one_after_the_other_and_an_undo_is_none_of_them() -> None:
    session = VirtualSession(plan(node("a"), node("b", "a")))
    before = session.state.limits
    session.command("node.pause", node="b")
    session.command("limits.set", concurrency=3)
    session.command("session.pause")
    for expected in ("the pause", "the limits (concurrency)", "the hold of b"):
        done = bodies(session, "undo")
        assert isinstance(done[-1], Undone)
        assert done[-1].what == expected
        assert session.command("undo")
    assert session.state.status is Status.RUNNING
    assert session.state.limits == before
    assert not session.state.nodes["b"].held
    assert refusal(session, "undo") == "nothing can be taken back"


def test_an_older_change_is_taken_back_by_its_event() -> None:
    session = chain("a", "b", "c")
    session.command("node.priority", node="b", priority=4)
    at = session.state.undoable[-1].seq
    session.command("node.pause", node="c")
    assert f"event {at + 50} cannot be taken back" in refusal(session, "undo", seq=at + 50)
    assert session.command("undo", seq=at)
    assert session.state.nodes["b"].priority == 0
    assert session.state.nodes["c"].held


def test_limits_that_were_changed_again_are_left_alone() -> None:
    session = chain("a")
    session.command("limits.set", concurrency=3)
    at = session.state.undoable[-1].seq
    session.command("limits.set", concurrency=5)
    assert "changed again since" in refusal(session, "undo", seq=at)


def test_a_skip_is_taken_back_until_others_went_on_without_the_node() -> None:
    nodes = (node("a"), node("b", "a"), node("c", "b"))
    session = VirtualSession(plan(*nodes))
    session.command("node.skip", node="b")
    session.end(("a", None, 1), "ok")
    assert session.state.nodes["c"].state is State.SKIPPED
    assert session.command("undo")
    assert [session.state.nodes[name].state for name in "bc"] == [State.RUNNING, State.WAITING]
    from swarmtui.plan.model import When

    other = VirtualSession(plan(node("a"), node("b", "a"), node("c", "b", when=When.ALL_DONE)))
    other.command("node.skip", node="b")
    assert other.state.nodes["c"].state is State.RUNNING
    assert "c has gone on without it: retry b" in refusal(other, "undo")


def test_the_skip_of_what_was_cut_short_is_not_taken_back_since_that_would_run_it_once_more() -> None:
    deploy = VirtualSession(plan(Node("deploy", RunSpec(("true",))), node("other")))
    deploy.record(AttemptInterrupted("deploy", 1, None, repeat=False))
    deploy.command("node.skip", node="deploy")
    assert "deploy was cut short, and would run once more: retry it if you mean that" in refusal(deploy, "undo")

    many = VirtualSession(plan(Node("m", RunSpec(("true",)), map=M)), items=3)
    many.record(AttemptInterrupted("m", 1, 0, repeat=False))
    many.command("node.skip", node="m", item=0)
    assert "m/0 was cut short" in refusal(many, "undo")


def test_a_patch_is_taken_back_by_its_inverse_unless_another_came_after_it() -> None:
    session = chain("a", "b", "c")
    first = session.state.plan
    session.command(
        "plan.patch",
        base_rev=1,
        ops=[
            {"op": "remove", "node": "b"},
            {"op": "disconnect", "node": "c", "need": "b"},
            {"op": "add", "node": "d", "value": {"prompt": "new", "needs": "a"}},
        ],
    )
    at = session.state.undoable[-1].seq
    assert "c is running" in refusal(session, "undo")
    session.run_dry()
    session.command("plan.patch", base_rev=2, ops=[{"op": "set", "node": "a", "field": "title", "value": "A"}])
    assert "revision 3 was made since" in refusal(session, "undo", seq=at)
    assert session.command("undo")
    assert session.command("undo", seq=at)
    assert first is not None
    assert session.state.plan is not None
    assert {one.id: one for one in session.state.plan.nodes} == {one.id: one for one in first.nodes}


def test_a_removed_command_that_did_run_does_not_come_back_by_itself() -> None:
    session = VirtualSession(plan(Node("deploy", RunSpec(("true",))), node("other")))
    session.end(("deploy", None, 1), "ok")
    session.command("plan.patch", base_rev=1, ops=[{"op": "remove", "node": "deploy"}])
    assert "deploy did run, and would once more" in refusal(session, "undo")


def test_only_the_latest_changes_are_remembered() -> None:
    session = chain("a", "b")
    for priority in range(1, 31):
        session.command("node.priority", node="b", priority=priority)
    assert len(session.state.undoable) == 20


def test_no_attempt_starts_by_a_refused_command() -> None:
    session = chain("a", "b")
    before = len(session.events)
    assert not session.command("plan.patch", base_rev=1, ops=[{"op": "set", "node": "b", "field": "x", "value": 1}])
    assert len(session.events) == before
    assert sum(isinstance(event.body, AttemptStarted) for event in session.events) == 1


# -- words of refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["node.pause", "node.resume", "node.priority"])
def test_what_is_about_nodes_alone_refuses_an_item_instead_of_taking_the_whole_map(method: str) -> None:
    session = VirtualSession(plan(Node("m", PromptSpec("x"), map=M)), items=3)
    assert "name the node, m" in refusal(session, method, node="m", item=1, priority=3)


def test_refusals_say_how_it_ended_and_which_name_was_meant() -> None:
    session = chain("first", "second")
    session.command("node.skip", node="second")
    session.end(("first", None, 1), "ok")
    assert refusal(session, "node.pause", node="second") == "second was skipped: nothing is left to hold"
    assert refusal(session, "node.skip", node="first") == "first has succeeded already"
    assert "did you mean second?" in refusal(session, "node.retry", node="secnd")
    assert "there are first, second" in refusal(session, "node.retry", node="xyz")


def test_a_paused_session_can_still_be_paused_now_while_something_of_it_runs() -> None:
    session = chain("a", "b")
    session.command("session.pause")
    assert "paused already: 1 still run" in refusal(session, "session.pause")
    assert session.command("session.pause", mode="now")
    session.end(("a", None, 1), "ok")
    assert session.state.nodes["a"].state is State.READY
    assert "nothing of it runs" in refusal(session, "session.pause", mode="now")
    session.command("session.resume")
    session.run_dry()
    assert session.state.status is Status.SUCCEEDED


def test_a_session_whose_budget_is_used_up_is_not_resumed_before_that_is_raised() -> None:
    session = VirtualSession(plan(node("a"), node("b", "a")), Limits(attempts=1))
    session.end(("a", None, 1), "ok")
    assert refusal(session, "session.resume") == "its budget is used up (1 of 1 attempts): raise it, or take it away"
    session.command("limits.set", attempts=2)
    assert session.state.status is Status.RUNNING


def test_no_place_at_all_is_no_limit_but_a_pause() -> None:
    session = VirtualSession(plan(node("a", tags=("t",))))
    for params in ({"concurrency": 0}, {"pools": {MODEL.name: 0}}, {"tags": {"t": 0}}):
        assert "to start nothing, pause the session or hold nodes" in refusal(session, "limits.set", **params)


def test_an_undo_that_is_refused_names_the_change_before_it() -> None:
    nodes = (node("a", priority=9), node("b"), node("c", "b", when=When.ALL_DONE))
    session = VirtualSession(plan(*nodes), Limits(concurrency=1))
    session.command("node.priority", node="c", priority=3)
    session.command("node.skip", node="b")
    session.end(("a", None, 1), "ok")
    first = session.state.undoable[0]
    assert refusal(session, "undo").endswith(f"retry b; before it there is event {first.seq} (the priority of c)")


def test_a_change_may_name_models_that_the_task_declares_and_nothing_uses_yet() -> None:
    session = chain("a", "b")
    spare = ModelRef("acme", "spare")
    session.state.declared = {"spare": spare, "planner": spare}
    change = {"op": "set", "node": "b", "field": "model", "value": "spare"}
    assert patch(session, change).models == {"spare": spare}


def test_what_was_taken_back_can_be_made_once_more_step_by_step_and_taken_back_again() -> None:
    session = chain("a", "b", "c")
    session.command("node.pause", node="c")
    session.command("node.priority", node="b", priority=4)
    for _ in range(2):
        assert session.command("undo")
    assert (session.state.nodes["c"].held, session.state.nodes["b"].priority) == (False, 0)
    assert session.command("redo")
    assert session.state.nodes["c"].held
    assert session.command("redo")
    assert session.state.nodes["b"].priority == 4
    assert "nothing was taken back" in refusal(session, "redo")
    assert session.command("undo")
    assert (session.state.nodes["c"].held, session.state.nodes["b"].priority) == (True, 0)


def test_of_what_was_taken_back_only_what_is_named_is_made_once_more() -> None:
    session = chain("a", "b", "c")
    session.command("node.pause", node="c")
    session.command("node.priority", node="b", priority=4)
    first, last = (note.seq for note in session.state.undoable)
    session.command("undo", seq=last)
    assert "another change by now" in refusal(session, "redo", seq=first)
    assert session.command("redo", seq=session.state.redoable[-1].seq)
    assert session.state.nodes["b"].priority == 4


def test_nothing_is_made_once_more_over_a_change_made_since() -> None:
    session = chain("a", "b", "c")
    session.command("node.pause", node="c")
    session.command("undo")
    session.command("node.priority", node="b", priority=4)
    assert "the hold of c cannot be made once more: the priority of b" in refusal(session, "redo")


def test_an_edit_that_was_taken_back_is_made_once_more() -> None:
    session = chain("a", "b")
    session.command("plan.patch", base_rev=1, ops=[{"op": "set", "node": "b", "field": "prompt", "value": "new"}])
    new = session.state.plan_nodes["b"]
    session.command("undo")
    assert session.state.plan_nodes["b"] != new
    session.command("redo")
    assert session.state.plan_nodes["b"] == new
