"""Changes of a running plan: laws over random plans and patches in virtual time, and what users see end to end."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swarmtui.engine.commands import plan_events
from swarmtui.engine.ports import Attempt, Done
from swarmtui.engine.reuse_store import ReuseStore
from swarmtui.engine.scheduler import Scheduler
from swarmtui.plan import graph
from swarmtui.plan.model import Limits, MapSpec, Node, Plan, PromptSpec, RunSpec, When
from swarmtui.plan.taskfile import validate_plan
from swarmtui.session import fold
from swarmtui.session.events import AttemptStarted, AttemptSucceeded
from swarmtui.session.state_json import state_from_json, state_hash, state_to_json
from swarmtui.session.vocabulary import ENDED, State, Status, Usage
from tests.engine.test_scheduler import plans
from tests.engine.virtual import FINISHED, VirtualSession
from tests.engine.world import AskSpec, failure, node, plan, running

NAMES = [f"n{index}" for index in range(10)]


def known_models(the_plan: Plan) -> Plan:
    """`the_plan` with no model but those of the session."""

    def changed(one: Node) -> Node:
        return replace(one, retry=replace(one.retry, models=("planner",) if one.retry.models else ()))

    return replace(the_plan, nodes=tuple(map(changed, the_plan.nodes)))


PLANS = plans(6).map(known_models)
OPS = st.one_of(
    st.fixed_dictionaries(
        {
            "op": st.just("add"),
            "node": st.sampled_from(NAMES),
            "value": st.fixed_dictionaries(
                {"prompt": st.sampled_from(["x", "{{ n0.output }}", "{{ n2.output }}"])},
                optional={
                    "needs": st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
                    "map": st.just({"items": [1, 2]}),
                },
            ),
        }
    ),
    st.fixed_dictionaries({"op": st.just("remove"), "node": st.sampled_from(NAMES)}),
    st.builds(
        lambda name, change: {"op": "set", "node": name, "field": change[0], "value": change[1]},
        st.sampled_from(NAMES),
        st.sampled_from(
            [
                ("prompt", "other"),
                ("prompt", "{{ n1.output }}"),
                ("retries", 2),
                ("title", "T"),
                ("when", "all_done"),
                ("priority", 3),
                ("map.items", [1, 2, 3]),
                ("map", None),
                ("timeout", 5),
                ("pool", "p"),
            ]
        ),
    ),
    st.fixed_dictionaries(
        {
            "op": st.sampled_from(["connect", "disconnect"]),
            "node": st.sampled_from(NAMES),
            "need": st.sampled_from(NAMES),
        }
    ),
)
STEPS = st.one_of(
    st.tuples(st.just("patch"), st.lists(OPS, min_size=1, max_size=4), st.booleans()),
    st.tuples(st.just("end"), st.integers(0, 50), st.sampled_from(["ok", "ok", "ok", "fail", "throttle"])),
    st.tuples(st.just("time"), st.sampled_from([0.5, 60.0]), st.none()),
    st.tuples(
        st.just("node"),
        st.sampled_from(NAMES),
        st.sampled_from(["node.retry", "node.skip", "node.cancel", "node.pause", "node.resume", "descendants"]),
    ),
    st.tuples(
        st.just("session"),
        st.sampled_from(["undo", "undo", "nodes.rerun_stale", "nodes.retry_failed", "session.pause", "session.resume"]),
        st.none(),
    ),
    st.tuples(st.just("crash"), st.none(), st.none()),
)


def take(session: VirtualSession, step: tuple[str, Any, Any]) -> None:
    what, first, second = step
    match what:
        case "patch":
            session.command("plan.patch", base_rev=session.state.plan_rev, ops=first, restart=second)
        case "end" if session.running:
            waiting = sorted(session.running, key=str)
            session.end(waiting[first % len(waiting)], second)
        case "time":
            session.advance(first)
        case "node" if second == "descendants":
            session.command("node.retry", node=first, descendants=True)
        case "node":
            session.command(second, node=first)
        case "session":
            session.command(first)
        case "crash":
            session.crash()


def check(session: VirtualSession) -> None:
    """What holds whatever was done."""
    state = session.state
    assert state.plan is not None
    assert not validate_plan(state.plan)
    assert list(state.nodes) == [one.id for one in state.plan.nodes]
    assert state.dependents == graph.dependents(graph.needs_of(state.plan))
    assert state.approved_rev == state.plan_rev == state.revisions[-1].rev
    running: dict[str, int] = {}
    for name, _, _ in session.running:
        running[name] = running.get(name, 0) + 1
    for name, known in state.nodes.items():
        needs = [state.nodes[need].state for need in state.plan_nodes[name].needs]
        assert known.running == running.get(name, 0)
        assert known.unmet == sum(need not in ENDED for need in needs)
        assert known.bad == sum(need in (State.FAILED, State.SKIPPED, State.CANCELLED) for need in needs)
        if known.state is State.SUCCEEDED:
            assert all(need in ENDED and need is not State.STALE for need in needs), name
        if known.state is State.READY:
            assert known.unmet == 0
        if known.state is State.RUNNING and known.items is None:
            assert known.running
        if known.restart:
            assert known.running


def recorded_results_are_kept(session: VirtualSession) -> None:
    done = {event.body.node for event in session.events if isinstance(event.body, AttemptSucceeded)}
    for name, known in session.state.nodes.items():
        if known.state in (State.SUCCEEDED, State.STALE) and known.items is None:
            assert name in done
            assert known.output is not None


@given(the_plan=PLANS, steps=st.lists(STEPS, max_size=14), concurrency=st.sampled_from([None, 1, 3]))
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_patched_session_stays_whole_and_can_be_brought_to_its_end(
    the_plan: Any, steps: list[tuple[str, Any, Any]], concurrency: int | None
) -> None:
    session = VirtualSession(the_plan, Limits(concurrency=concurrency), items=2)
    for step in steps:
        take(session, step)
        check(session)
        recorded_results_are_kept(session)
    live = state_hash(session.state)
    assert state_hash(fold.fold(session.events)) == live
    assert state_hash(state_from_json(state_to_json(session.state))) == live
    for _ in range(2 * len(session.state.nodes) + 1):  # a node's own budget may hold it more than once
        session.command("session.resume")
        session.decide_all()
        session.run_dry()
    assert session.state.status in FINISHED, session.state.counts
    assert all(known.ended for known in session.state.nodes.values())


@given(the_plan=PLANS, ops=st.lists(OPS, min_size=1, max_size=3), ended=st.integers(0, 6))
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_inverse_of_a_patch_gives_the_nodes_back(the_plan: Any, ops: list[dict[str, Any]], ended: int) -> None:
    session = VirtualSession(the_plan, Limits(concurrency=1), items=2)
    for _ in range(ended):
        if session.running:
            session.end(min(session.running, key=str), "ok")
    session.command("session.pause", mode="now")
    for which in list(session.running):
        session.end(which, "ok")
    before = {one.id: one for one in session.state.plan_nodes.values()}
    if session.command("plan.patch", base_rev=1, ops=ops) and session.command("undo"):
        assert dict(session.state.plan_nodes) == before
        check(session)


# -- what becomes of nodes ---------------------------------------------------------------------------------------


def states(session: VirtualSession) -> str:
    return " ".join(f"{name}:{known.state}" for name, known in session.state.nodes.items())


def edit(session: VirtualSession, *ops: dict[str, Any], **more: Any) -> None:
    assert session.command("plan.patch", base_rev=session.state.plan_rev, ops=list(ops), **more)


def set_prompt(name: str, prompt: str = "other") -> dict[str, Any]:
    return {"op": "set", "node": name, "field": "prompt", "value": prompt}


def test_a_dependent_that_runs_while_its_need_is_retried_ends_stale() -> None:
    session = VirtualSession(plan(node("a"), node("b", "a"), node("c", "b")))
    session.end(("a", None, 1), "ok")
    session.command("node.retry", node="a")
    session.end(("b", None, 1), "ok")
    assert states(session) == "a:running b:stale c:running"  # on a result that is stale, and so will c be
    session.end(("a", None, 2), "ok")
    session.run_dry()
    assert states(session) == "a:succeeded b:stale c:stale"


def test_a_try_that_fails_while_its_need_is_retried_waits_for_the_need() -> None:
    from swarmtui.plan.model import Retry

    session = VirtualSession(plan(node("a"), node("b", "a", retry=Retry(limit=3))))
    session.end(("a", None, 1), "ok")
    session.command("node.retry", node="a")
    session.end(("b", None, 1), "fail")
    assert states(session) == "a:running b:waiting"
    session.run_dry()
    assert states(session) == "a:succeeded b:succeeded"


def test_a_finished_node_that_is_edited_is_stale_with_what_rests_on_it_and_keeps_its_result() -> None:
    session = VirtualSession(plan(node("a"), node("b", "a"), node("other")))
    session.run_dry()
    edit(session, set_prompt("a"))
    assert states(session) == "a:stale b:stale other:succeeded"
    assert session.state.nodes["a"].output is not None
    assert session.state.status is Status.SUCCEEDED
    session.command("nodes.rerun_stale")
    session.run_dry()
    assert states(session) == "a:succeeded b:succeeded other:succeeded"


def test_what_says_nothing_of_the_result_makes_nothing_stale() -> None:
    session = VirtualSession(plan(node("a"), node("b", "a")))
    session.run_dry()
    edit(session, {"op": "set", "node": "a", "field": "title", "value": "A"})
    edit(session, {"op": "set", "node": "a", "field": "retries", "value": 4})
    assert states(session) == "a:succeeded b:succeeded"


def test_a_new_node_lets_a_session_that_had_finished_go_on() -> None:
    session = VirtualSession(plan(node("a")))
    session.run_dry()
    edit(session, {"op": "add", "node": "b", "value": {"prompt": "{{ a.output }}"}})
    assert session.state.status is Status.RUNNING
    assert states(session) == "a:succeeded b:running"
    session.run_dry()
    assert session.state.status is Status.SUCCEEDED


def test_a_new_node_that_rests_on_a_stale_one_is_stale_itself() -> None:
    session = VirtualSession(plan(node("a")))
    session.run_dry()
    edit(session, set_prompt("a"), {"op": "add", "node": "b", "value": {"prompt": "{{ a.output }}"}})
    session.run_dry()
    assert states(session) == "a:stale b:stale"


def test_a_node_skipped_for_a_need_that_it_no_longer_has_runs() -> None:
    session = VirtualSession(plan(node("a"), node("b", "a"), node("c", "b")))
    session.end(("a", None, 1), "fail")
    assert states(session) == "a:failed b:skipped c:skipped"
    edit(session, {"op": "disconnect", "node": "b", "need": "a"})
    session.run_dry()
    assert states(session) == "a:failed b:succeeded c:succeeded"


def test_a_restarted_node_begins_as_its_new_version_however_the_old_attempt_ends() -> None:
    for how in ("ok", "fail"):
        session = VirtualSession(plan(node("a"), node("b", "a")))
        edit(session, set_prompt("a"), restart=True)
        session.cancelling.clear()  # the attempt ends by itself before it can be stopped
        session.end(("a", None, 1), how)
        assert list(session.running) == [("a", None, 2)]
        session.run_dry()
        assert states(session) == "a:succeeded b:succeeded"


def test_items_that_succeeded_stay_when_the_prompt_of_their_map_changes_and_go_when_its_items_do() -> None:
    session = VirtualSession(
        plan(Node("m", PromptSpec("x"), map=MapSpec(values=(1, 2)))), Limits(concurrency=1), items=3
    )
    session.end(("m", 0, 1), "ok")
    edit(session, set_prompt("m"))
    items = session.state.nodes["m"].items
    assert items is not None
    assert items.count(State.SUCCEEDED) == 1
    edit(session, {"op": "set", "node": "m", "field": "map.items", "value": [5, 6]}, restart=True)
    while session.cancelling:
        session.end(next(iter(session.cancelling)), "ok")
    items = session.state.nodes["m"].items
    assert items is not None
    assert items.count(State.SUCCEEDED) == 0
    session.run_dry()
    assert states(session) == "m:succeeded"


@pytest.mark.parametrize("concurrency", [None, 1])
@pytest.mark.parametrize("items", [None, ["a"], ["a", "b", "c"]])
def test_a_map_at_work_that_is_restarted_as_something_else_runs_as_that(
    items: list[str] | None, concurrency: int | None
) -> None:
    session = VirtualSession(
        plan(node("n0", map=MapSpec("item", values=("a", "b")))),
        Limits(concurrency=concurrency),  # with one place nothing is chosen between, and its entry as a map stays
        items=2 if items is None else len(items),
    )
    value = None if items is None else {"items": items, "as": "item"}
    add = {"op": "add", "node": "n1", "value": {"prompt": "x"}}  # it starts while the others are being stopped
    ops = [add, {"op": "set", "node": "n0", "field": "map", "value": value}]
    session.command("plan.patch", base_rev=1, ops=ops, restart=True)
    session.run_dry()
    assert session.state.status is Status.SUCCEEDED, session.state.reason
    done = [event.body.item for event in session.events
            if isinstance(event.body, AttemptSucceeded) and event.body.node == "n0"]  # fmt: skip
    assert done == ([None] if items is None else list(range(len(items))))


def test_one_item_retried_in_a_stale_map_leaves_it_stale() -> None:
    session = VirtualSession(plan(Node("m", PromptSpec("x"), map=MapSpec(values=(1,)))), items=2)
    session.run_dry()
    edit(session, set_prompt("m"))
    session.command("node.retry", node="m", item=0)
    session.run_dry()
    assert states(session) == "m:stale"


def test_a_node_removed_and_added_again_counts_its_attempts_on() -> None:
    session = VirtualSession(plan(node("a"), node("b")))
    session.end(("a", None, 1), "ok")
    edit(session, {"op": "remove", "node": "a"})
    edit(session, {"op": "add", "node": "a", "value": {"prompt": "again"}})
    assert ("a", None, 2) in session.running


def test_retrying_with_descendants_runs_everything_downstream_again_but_what_the_user_left_out() -> None:
    nodes = (node("a"), node("b", "a"), node("c", "b"), node("left", "a"), node("other"))
    session = VirtualSession(plan(*nodes))
    session.command("node.skip", node="left")
    session.run_dry()
    session.command("node.retry", node="a", descendants=True)
    assert states(session) == "a:running b:waiting c:waiting left:skipped other:succeeded"
    session.run_dry()
    assert states(session) == "a:succeeded b:succeeded c:succeeded left:skipped other:succeeded"


def test_retrying_with_descendants_stops_what_runs_downstream_and_begins_it_anew_in_its_turn() -> None:
    the_map = Node("m", PromptSpec("x"), needs=("a",), map=MapSpec(values=()))
    session = VirtualSession(plan(node("a"), node("b", "a"), node("c", "b"), the_map, node("other")), items=2)
    session.end(("a", None, 1), "ok")
    session.end(("m", 0, 1), "ok")
    session.end(("b", None, 1), "ok")
    assert session.command("node.retry", node="a", descendants=True)
    assert ("a", None, 2) in session.running
    for which in (("c", None, 1), ("m", 1, 1)):
        assert which in session.cancelling
        session.end(which, "ok")
    assert states(session) == "a:running b:waiting c:waiting m:waiting other:running"
    session.run_dry()
    assert states(session) == "a:succeeded b:succeeded c:succeeded m:succeeded other:succeeded"
    starts = [event.body for event in session.events if isinstance(event.body, AttemptStarted)]
    assert [each.node for each in starts].count("other") == 1
    assert sorted(str(each.item) for each in starts if each.node == "m") == ["0", "0", "1", "1"]


def test_a_map_whose_need_is_run_again_while_it_is_read_is_read_anew_once_that_has_ended() -> None:
    the_map = Node("m", PromptSpec("x"), needs=("a",), map=MapSpec(values=()))
    session = VirtualSession(plan(node("a"), the_map), items=2, slow_maps=True)
    session.end(("a", None, 1), "ok")
    session.command("node.retry", node="a")
    session.do_map_work()
    assert session.state.nodes["m"].items is None
    assert states(session) == "a:running m:waiting"
    session.run_dry()
    assert states(session) == "a:succeeded m:succeeded"


def test_a_map_that_is_to_begin_anew_while_it_is_finished_does_so() -> None:
    the_map = Node("m", PromptSpec("x"), needs=("a",), map=MapSpec(values=()))
    session = VirtualSession(plan(node("a"), the_map), items=1, slow_maps=True)
    session.end(("a", None, 1), "ok")
    session.do_map_work()
    session.step()
    session.end(("m", 0, 1), "ok")
    session.command("node.retry", node="a", descendants=True)
    session.do_map_work()
    assert states(session) == "a:running m:waiting"
    session.run_dry()
    assert states(session) == "a:succeeded m:succeeded"
    assert session.state.nodes["m"].attempts == 2


def test_what_is_run_again_with_descendants_and_fresh_takes_nothing_over_even_where_it_was_at_work() -> None:
    session = VirtualSession(plan(node("a"), node("b", "a"), node("c", "b")))
    session.end(("a", None, 1), "ok")
    session.end(("b", None, 1), "ok")
    session.command("node.retry", node="a", descendants=True, fresh=True)
    session.run_dry()
    assert states(session) == "a:succeeded b:succeeded c:succeeded"
    assert all(known.fresh_since for known in session.state.nodes.values())


def test_what_was_skipped_is_decided_anew_whichever_of_its_needs_is_run_again() -> None:
    any_of = node("any", "first", "second", when=When.ANY_SUCCEEDED)
    session = VirtualSession(plan(node("first"), node("second"), any_of, node("tail", "any")))
    session.end(("first", None, 1), "fail")
    session.end(("second", None, 1), "fail")
    assert states(session) == "first:failed second:failed any:skipped tail:skipped"
    session.command("node.retry", node="second")
    session.run_dry()
    assert states(session) == "first:failed second:succeeded any:succeeded tail:succeeded"


def test_what_the_user_left_out_passes_nothing_on() -> None:
    after = node("after", "left", when=When.ALL_DONE)
    session = VirtualSession(plan(node("a"), node("left", "a"), after))
    session.command("node.skip", node="left")
    session.run_dry()
    session.command("node.retry", node="a", descendants=True)
    session.run_dry()
    assert states(session) == "a:succeeded left:skipped after:succeeded"
    assert session.state.nodes["after"].attempts == 1


def test_a_scheduler_made_anew_after_a_patch_decides_the_same() -> None:
    session = VirtualSession(plan(node("a"), node("b", "a")), Limits(concurrency=1))
    session.end(("a", None, 1), "ok")
    edit(session, {"op": "add", "node": "z", "value": {"prompt": "z"}})
    session.end(next(iter(session.running)), "throttle")
    anew = Scheduler(session.state)
    assert anew.wake_at(session.now) == session.scheduler.wake_at(session.now)


def test_a_patch_of_a_large_plan_costs_little() -> None:
    import time

    count = 3_000
    session = VirtualSession(plan(*[node(f"n{index}") for index in range(count)]), Limits(concurrency=1))
    began = time.process_time()
    edit(session, {"op": "set", "node": "n7", "field": "prompt", "value": "y"})
    assert time.process_time() - began < 1.0


# -- end to end -------------------------------------------------------------------------------------------------


class Answers:
    """A model that counts what it was asked, and answers with a number that is new each time unless told."""

    def __init__(self, fixed: bool = True) -> None:
        self.fixed = fixed
        self.prompts: list[str] = []

    def __call__(self, attempt: Attempt) -> Done:
        assert isinstance(attempt.spec, PromptSpec)
        self.prompts.append(attempt.spec.prompt)
        text = "same" if self.fixed else f"{len(self.prompts)}"
        return Done(attempt.id, text, usage=Usage(tokens_in=1, tokens_out=1, cost_usd=0.5))


def two() -> tuple[Node, Node]:
    return Node("a", PromptSpec("first")), Node("b", PromptSpec("then {{ a.output }}"), needs=("a",))


async def test_what_comes_to_the_same_inputs_again_is_taken_over_and_costs_nothing(tmp_path: Path) -> None:
    ask = Answers()
    async with running(tmp_path, plan(*two(), node("z", "b")), ask) as world:
        await world.finished()
        spent = world.state.spent.cost_usd
        await world.do("plan.patch", base_rev=1, ops=[set_prompt("a", "first, but better")])
        assert world.states() == {"a": "stale", "b": "stale", "z": "stale"}
        await world.do("nodes.rerun_stale")
        assert await world.finished() is Status.SUCCEEDED
        assert ask.prompts[3:] == ["first, but better"]
        assert world.state.nodes["b"].reused == 1
        assert world.state.spent.cost_usd == spent + 0.5
        events = await world.recorded()
        reused = [event.body for event in events if isinstance(event.body, AttemptSucceeded) and event.body.reused_from]
        assert [body.reused_from for body in reused] == ["test/b//1", "test/z//1"]
        assert state_hash(fold.fold(events)) == state_hash(world.state)


async def test_a_node_that_succeeded_and_is_retried_by_hand_is_really_run_again(tmp_path: Path) -> None:
    ask = Answers(fixed=False)
    async with running(tmp_path, plan(*two()), ask) as world:
        await world.finished()
        await world.do("node.retry", node="a")
        await world.finished()
        assert ask.prompts == ["first", "then 1", "first"]
        output = world.state.nodes["a"].output
        assert output is not None
        assert output.text == "3"


async def test_with_descendants_what_comes_to_the_same_is_taken_over_unless_all_is_to_be_fresh(tmp_path: Path) -> None:
    ask = Answers()
    async with running(tmp_path, plan(*two()), ask) as world:
        await world.finished()
        await world.do("node.retry", node="a", descendants=True)
        await world.finished()
        assert ask.prompts == ["first", "then same", "first"]
        await world.do("node.retry", node="a", descendants=True, fresh=True)
        await world.finished()
        assert ask.prompts[3:] == ["first", "then same"]


async def test_a_question_downstream_is_asked_again_when_what_it_rests_on_is_run_again(tmp_path: Path) -> None:
    async with running(tmp_path, plan(node("a"), Node("q", AskSpec("well?"), needs=("a",)))) as world:
        await world.until(lambda: "q" in world.state.pending)
        await world.do("node.retry", node="a", descendants=True)
        await world.until(lambda: world.state.nodes["q"].attempts == 2 and "q" in world.state.pending)
        await world.do("answer", pending="q", text="yes")
        assert await world.finished() is Status.SUCCEEDED


async def test_equal_nodes_and_items_remain_independent_samples(tmp_path: Path) -> None:
    ask = Answers()
    nodes = (
        Node("a", PromptSpec("q")),
        Node("b", PromptSpec("q")),
        Node("m", PromptSpec("q"), map=MapSpec(values=(1, 2))),
    )
    async with running(tmp_path, plan(*nodes), ask) as world:
        await world.finished()
        assert len(ask.prompts) == 4


async def test_items_that_are_the_same_after_their_source_changed_are_taken_over(tmp_path: Path) -> None:
    ask = Answers(fixed=False)
    the_map = Node("m", PromptSpec("item {{ item }}"), map=MapSpec(values=("x", "y")))
    async with running(tmp_path, plan(the_map), ask) as world:
        await world.finished()
        op = {"op": "set", "node": "m", "field": "map.items", "value": ["new", "x", "x", "y"]}
        await world.do("plan.patch", base_rev=1, ops=[op])
        await world.do("nodes.rerun_stale")
        assert await world.finished() is Status.SUCCEEDED
        assert sorted(ask.prompts[2:]) == ["item new", "item x"]
        results = tmp_path / (world.state.nodes["m"].output or pytest.fail("no output")).path  # type: ignore[operator]
        lines = [json.loads(line) for line in results.read_text().splitlines()]
        assert [line["item"] for line in lines] == [0, 1, 2, 3]
        assert world.state.nodes["m"].reused == 2


async def test_a_failed_attempt_is_never_taken_over_and_a_host_that_takes_over_finds_the_earlier_ones(
    tmp_path: Path,
) -> None:
    broken = True

    def script(attempt: Attempt) -> Any:
        return failure() if broken and attempt.node == "b" else "same"

    async with running(tmp_path, plan(*two()), script) as world:
        await world.finished()
        assert world.states() == {"a": "succeeded", "b": "failed"}
        broken = False
        await world.do("nodes.retry_failed")
        assert await world.finished() is Status.SUCCEEDED
        assert world.executor.started == ["a//1", "b//1", "b//2"]


async def test_a_command_that_may_change_the_world_is_always_run(tmp_path: Path) -> None:
    nodes = (
        Node("pure", RunSpec(("true",)), side_effects=False),
        Node("deploy", RunSpec(("true",)), needs=("pure",)),
        Node("after", RunSpec(("true",)), needs=("deploy",), side_effects=False),
    )
    async with running(tmp_path, plan(*nodes), lambda attempt: "same") as world:
        await world.finished()
        await world.do(
            "plan.patch", base_rev=1, ops=[{"op": "set", "node": "pure", "field": "run", "value": ["true", "x"]}]
        )
        await world.do("nodes.rerun_stale")
        assert await world.finished() is Status.SUCCEEDED
        assert world.executor.started[3:] == ["pure//2", "deploy//2"]
        assert world.state.nodes["after"].reused == 1


async def test_results_of_other_sessions_are_taken_over_on_request_alone(tmp_path: Path) -> None:
    store = ReuseStore(tmp_path / "reuse.db")
    for number, (reach, asked) in enumerate((("any", 2), ("session", 2), ("any", 0))):
        folder = tmp_path / str(number)
        folder.mkdir()
        ask = Answers()
        async with running(folder, plan(*two()), ask, reuse=reach, reuse_store=store) as world:
            world.state.id = f"s{number}"
            await world.finished()
            assert len(ask.prompts) == asked
            assert world.states() == {"a": "succeeded", "b": "succeeded"}
            if not asked:
                assert world.state.spent.cost_usd == 0.0
    assert (tmp_path / "reuse.db").stat().st_mode & 0o777 == 0o600


async def test_a_cache_that_is_broken_costs_a_call_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "reuse.db").write_bytes(b"no database" * 500)
    ask = Answers()
    async with running(
        tmp_path, plan(*two()), ask, reuse="any", reuse_store=ReuseStore(tmp_path / "reuse.db")
    ) as world:
        assert await world.finished() is Status.SUCCEEDED
        assert len(ask.prompts) == 2


async def test_a_restarted_node_is_stopped_and_runs_with_its_new_prompt(tmp_path: Path) -> None:
    gate = asyncio.Event()
    prompts: list[str] = []

    async def script(attempt: Attempt) -> str:
        assert isinstance(attempt.spec, PromptSpec)
        prompts.append(attempt.spec.prompt)
        if attempt.spec.prompt == "first":
            await gate.wait()
        return "ok"

    async with running(tmp_path, plan(*two()), script) as world:
        await world.until(lambda: prompts == ["first"])
        await world.do("plan.patch", base_rev=1, ops=[set_prompt("a", "second")], restart=True)
        assert await world.finished() is Status.SUCCEEDED
        assert prompts[:2] == ["first", "second"]
        assert world.states() == {"a": "succeeded", "b": "succeeded"}


async def test_a_map_whose_source_is_changed_while_it_is_read_is_read_anew(tmp_path: Path) -> None:
    the_map = Node("m", PromptSpec("{{ item }}"), map=MapSpec(path="items.jsonl"))
    (tmp_path / "items.jsonl").write_text("".join(f'"old {index}"\n' for index in range(5_000)))
    ask = Answers()
    async with running(tmp_path, plan(the_map, node("gone")), ask, limits=Limits(concurrency=1)) as world:
        op = {"op": "set", "node": "m", "field": "map.items", "value": ["new"]}
        await world.do("plan.patch", base_rev=1, ops=[op], restart=True)
        assert await world.finished() is Status.SUCCEEDED
        items = world.state.nodes["m"].items
        assert items is not None
        assert items.total == 1
        assert "new" in ask.prompts


async def test_the_author_of_a_change_is_in_the_record(tmp_path: Path) -> None:
    async with running(tmp_path, plan(*two())) as world:
        await world.finished()
        await world.do("plan.patch", base_rev=1, ops=[set_prompt("b")], note="a better question")
        last = world.state.revisions[-1]
        assert (last.rev, last.actor, last.note) == (2, "tester", "a better question")
        assert any(isinstance(event.body, AttemptStarted) for event in await world.recorded())


def test_a_plan_is_edited_as_a_whole_while_it_runs() -> None:
    session = VirtualSession(plan(node("a"), node("b", "a")))
    session.end(("a", None, 1), "ok")
    edited = plan(node("a"), node("new", "a"), Node("b", PromptSpec("do b"), needs=("a",), when=When.ALL_DONE))
    (body,) = plan_events(session.state, "plan.edit", {"plan_rev": 1, "text": "x"}, lambda text, current: edited)
    session.record(body)
    session.step()
    assert states(session) == "a:succeeded b:running new:running"


@pytest.mark.parametrize("way", ["edit", "undo"])
def test_what_went_on_without_a_skipped_node_is_stale_once_that_runs_after_all(way: str) -> None:
    first, late = node("first", priority=9), node("late", "middle", when=When.ALL_DONE)
    session = VirtualSession(plan(first, node("middle"), late, node("below", "late")), Limits(concurrency=1))
    edit(session, {"op": "connect", "node": "middle", "need": "first"})
    session.command("node.cancel", node="first")
    session.run_dry()
    assert states(session) == "first:cancelled middle:skipped late:succeeded below:succeeded"
    if way == "undo":
        assert session.command("undo")
    else:
        edit(session, {"op": "disconnect", "node": "middle", "need": "first"})
    session.run_dry()
    assert states(session) == "first:cancelled middle:succeeded late:stale below:stale"
