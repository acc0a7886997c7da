"""The conductor over a real log with a scripted executor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from swarmtui.engine.commands import Refused
from swarmtui.engine.dispatch import Dispatcher
from swarmtui.engine.ports import Attempt, Done, Draft, PlanRequest
from swarmtui.plan.model import Node, PromptSpec, RunSpec
from swarmtui.safety.redact import Redactor, Secret
from swarmtui.session import fold
from swarmtui.session.events import (
    AttemptFailed,
    AttemptInterrupted,
    AttemptStarted,
    BudgetReached,
    Noted,
    SessionPaused,
)
from swarmtui.session.log import Log
from swarmtui.session.reader import Reader
from swarmtui.session.state_json import state_hash
from swarmtui.session.vocabulary import ErrorInfo, Usage
from tests.engine.world import (
    AskSpec,
    Author,
    ErrorKind,
    Limits,
    MapSpec,
    Retry,
    ScriptedExecutor,
    ScriptedPlanner,
    State,
    Status,
    When,
    failure,
    host,
    node,
    plan,
    running,
)


class Gate:
    """Lets attempts end when the test says."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, attempt: Attempt) -> str:
        await self.open.wait()
        return "ok"


async def test_a_node_starts_as_soon_as_its_last_need_is_recorded(tmp_path: Path) -> None:
    gate = Gate()

    def script(attempt: Attempt) -> object:
        return gate(attempt) if attempt.node == "slow" else "ok"

    async with running(tmp_path, plan(node("slow"), node("quick"), node("after", "quick")), script) as world:
        await world.until(lambda: world.state.nodes["after"].state is State.SUCCEEDED)
        assert world.state.nodes["slow"].state is State.RUNNING
        gate.open.set()
        assert await world.finished() is Status.SUCCEEDED


async def test_the_live_state_equals_the_fold_of_the_file(tmp_path: Path) -> None:
    nodes = (node("a"), node("b", "a"), node("m", "a", map=MapSpec(values=(1, 2, 3))), node("end", "b", "m"))
    async with running(tmp_path, plan(*nodes)) as world:
        await world.finished()
        await world.conductor.log.flushed()
        live = state_hash(world.state)
        assert state_hash(fold.fold(await world.recorded())) == live
    with Reader(tmp_path / "session.db") as reader:
        assert reader.verify().seq == reader.last_seq()


async def test_a_failed_need_skips_what_asks_for_success_and_names_the_cause(tmp_path: Path) -> None:
    nodes = (
        node("bad"),
        node("child", "bad"),
        node("grandchild", "child"),
        node("report", "bad", "child", when=When.ALL_DONE),
    )
    script = lambda attempt: failure() if attempt.node == "bad" else "ok"  # noqa: E731
    async with running(tmp_path, plan(*nodes), script) as world:
        assert await world.finished() is Status.FAILED
        assert world.states() == {"bad": "failed", "child": "skipped", "grandchild": "skipped", "report": "succeeded"}
        assert world.state.nodes["grandchild"].cause == "bad"


async def test_a_retried_node_lets_what_was_skipped_for_it_run(tmp_path: Path) -> None:
    broken = {"bad"}
    script = lambda attempt: failure() if attempt.node in broken else "ok"  # noqa: E731
    async with running(tmp_path, plan(node("bad"), node("child", "bad"), node("last", "child")), script) as world:
        assert await world.finished() is Status.FAILED
        broken.clear()
        await world.do("node.retry", node="bad")
        assert await world.finished() is Status.SUCCEEDED
        assert set(world.states().values()) == {"succeeded"}


async def test_a_node_is_retried_as_often_as_its_policy_says_with_jittered_backoff(tmp_path: Path) -> None:
    flaky = node("flaky", retry=Retry(limit=2, base_s=0.01))
    async with running(tmp_path, plan(flaky), lambda attempt: failure()) as world:
        assert await world.finished() is Status.FAILED
        failures = [event.body for event in await world.recorded() if isinstance(event.body, AttemptFailed)]
    assert [failed.attempt for failed in failures] == [1, 2, 3]
    waits = [failed.retry_in_s for failed in failures]
    assert waits[2] is None
    assert all(0 <= wait <= 0.01 * 2**k for k, wait in enumerate(waits[:2]) if wait is not None)


async def test_a_throttled_attempt_is_requeued_and_never_fails(tmp_path: Path) -> None:
    calls: list[str] = []

    def script(attempt: Attempt) -> object:
        calls.append(attempt.id)
        return ErrorInfo(ErrorKind.THROTTLED, "429", retry_after_s=0.0) if len(calls) < 3 else "ok"

    async with running(tmp_path, plan(node("a")), script) as world:
        assert await world.finished() is Status.SUCCEEDED
        assert calls == ["a//1", "a//2", "a//3"]
        assert world.state.nodes["a"].tries == 1


async def test_concurrency_is_never_above_the_limit_and_follows_it_while_running(tmp_path: Path) -> None:
    gate = Gate()
    nodes = [node(f"n{index}") for index in range(12)]
    async with running(tmp_path, plan(*nodes), gate, limits=Limits(concurrency=2)) as world:
        await world.until(lambda: world.state.counts.get(State.RUNNING) == 2)
        assert world.executor.most <= 2
        await world.do("limits.set", concurrency="+3")
        await world.until(lambda: world.state.counts.get(State.RUNNING) == 5)
        gate.open.set()
        assert await world.finished() is Status.SUCCEEDED
        assert world.executor.most == 5


async def test_a_paused_session_starts_nothing_until_it_is_resumed(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, plan(node("a"), node("b", "a")), gate) as world:
        await world.until(lambda: world.state.nodes["a"].state is State.RUNNING)
        await world.do("session.pause")
        gate.open.set()
        await world.until(lambda: world.state.nodes["a"].state is State.SUCCEEDED)
        await world.conductor.log.flushed()
        assert world.states()["b"] == "ready"
        await world.do("session.resume")
        assert await world.finished() is Status.SUCCEEDED


async def test_pause_now_stops_what_runs_and_resuming_runs_it_again(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, plan(node("a")), gate) as world:
        await world.until(lambda: bool(world.executor.running))
        await world.do("session.pause", mode="now")
        await world.until(lambda: world.state.nodes["a"].state is State.READY)
        gate.open.set()
        await world.do("session.resume")
        assert await world.finished() is Status.SUCCEEDED
        assert world.executor.started == ["a//1", "a//2"]


@pytest.mark.parametrize("how", ["pause", "stop"])
async def test_what_may_have_changed_the_world_before_it_was_stopped_waits_for_the_user(
    tmp_path: Path, how: str
) -> None:
    commands = [Node("held", RunSpec(("true",))), Node("safe", RunSpec(("true",)), retry_safe=True)]
    async with running(tmp_path, plan(*commands, node("asked")), Gate()) as world:
        await world.until(lambda: len(world.executor.running) == 3)
        if how == "pause":
            await world.do("session.pause", mode="now")
            await world.until(lambda: not world.state.counts.get(State.RUNNING))
        else:
            world.conductor.stop("signal", drain_s=0)
    with Reader(tmp_path / "session.db") as reader:
        assert {name: known.state.value for name, known in reader.state().nodes.items()} == {
            "held": "interrupted",
            "safe": "ready",
            "asked": "ready",
        }


async def test_a_command_that_is_retried_downstream_of_another_begins_anew_though_it_ran(tmp_path: Path) -> None:
    gate = Gate()

    def script(attempt: Attempt) -> object:
        return "ok" if attempt.node == "a" else gate(attempt)

    async with running(tmp_path, plan(node("a"), Node("b", RunSpec(("true",)), needs=("a",))), script) as world:
        await world.until(lambda: "b//1" in world.executor.running)
        await world.do("node.retry", node="a", descendants=True)
        await world.until(lambda: "b//2" in world.executor.running)
        assert world.executor.started == ["a//1", "b//1", "a//2", "b//2"]


async def test_a_held_node_waits_while_others_go_on(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, plan(node("first"), node("a", "first"), node("b", "first")), gate) as world:
        await world.until(lambda: bool(world.executor.running))
        await world.do("node.pause", node="a")
        gate.open.set()
        await world.until(lambda: world.state.nodes["b"].state is State.SUCCEEDED)
        assert world.states()["a"] == "held"
        await world.do("node.resume", node="a")
        assert await world.finished() is Status.SUCCEEDED


async def test_a_skipped_node_is_over_and_its_dependents_are_skipped_because_of_it(tmp_path: Path) -> None:
    gate = Gate()
    nodes = (node("first"), node("a", "first"), node("child", "a"), node("free", "a", when=When.ALL_DONE))
    async with running(tmp_path, plan(*nodes), gate) as world:
        await world.until(lambda: bool(world.executor.running))
        await world.do("node.skip", node="a")
        gate.open.set()
        await world.finished()
        assert world.states() == {"first": "succeeded", "a": "skipped", "child": "skipped", "free": "succeeded"}
        assert world.state.nodes["child"].cause == "a"


async def test_what_the_user_left_out_is_no_failure(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, plan(node("first"), node("a", "first"), node("child", "a")), gate) as world:
        await world.until(lambda: bool(world.executor.running))
        await world.do("node.skip", node="a")
        gate.open.set()
        assert await world.finished() is Status.SUCCEEDED
        assert world.state.reason == "2 skipped"


async def test_a_second_stop_cuts_the_wait_for_what_runs_short(tmp_path: Path) -> None:
    async with running(tmp_path, plan(node("a")), Gate()) as world:
        await world.until(lambda: bool(world.executor.running))
        world.conductor.stop("signal", drain_s=600)
        world.conductor.stop("signal", drain_s=0)
    with Reader(tmp_path / "session.db") as reader:
        state = reader.state()
    assert state.status is Status.PAUSED
    assert {name: known.state.value for name, known in state.nodes.items()} == {"a": "ready"}


async def test_cancel_stops_everything_and_ends_the_session(tmp_path: Path) -> None:
    async with running(tmp_path, plan(node("a"), node("b", "a")), Gate()) as world:
        await world.until(lambda: bool(world.executor.running))
        await world.do("session.cancel")
        assert await world.finished() is Status.CANCELLED
        assert world.states() == {"a": "cancelled", "b": "cancelled"}
        assert not world.executor.running


async def test_a_cancelled_node_leaves_its_siblings_alone(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, plan(node("a"), node("b")), gate) as world:
        await world.until(lambda: len(world.executor.running) == 2)
        await world.do("node.cancel", node="a")
        await world.until(lambda: world.state.nodes["a"].state is State.CANCELLED)
        gate.open.set()
        assert await world.finished() is Status.FAILED
        assert world.states() == {"a": "cancelled", "b": "succeeded"}


@pytest.mark.parametrize("limits", [Limits(tokens=10, concurrency=1), Limits(usd=0.01, concurrency=1)])
async def test_a_used_up_budget_stops_new_starts_says_so_and_more_of_it_goes_on(tmp_path: Path, limits: Limits) -> None:
    def script(attempt: Attempt) -> object:
        return Done(attempt.id, "ok", usage=Usage(tokens_in=8, tokens_out=4, cost_usd=0.02, model="x"))

    async with running(tmp_path, plan(node("a"), node("b"), node("c")), script, limits=limits) as world:
        await world.until(lambda: world.state.status is Status.PAUSED)
        assert world.executor.started == ["a//1"]
        assert isinstance(world.state.budget, BudgetReached)
        await world.do("limits.set", tokens=None, usd=None)
        assert await world.finished() is Status.SUCCEEDED


async def test_a_time_budget_stops_new_starts(tmp_path: Path) -> None:
    async def script(attempt: Attempt) -> str:
        await asyncio.sleep(0.05)  # longer than the whole budget
        return "ok"

    limits = Limits(minutes=0.0005, concurrency=1)
    async with running(tmp_path, plan(node("a"), node("b")), script, limits=limits) as world:
        await world.until(lambda: world.state.status is Status.PAUSED)
        assert world.executor.started == ["a//1"]
        assert world.state.budget is not None
        assert world.state.budget.kind == "minutes"


async def test_a_question_waits_for_its_answer_and_hands_it_on(tmp_path: Path) -> None:
    seen: list[str] = []

    def script(attempt: Attempt) -> str:
        assert isinstance(attempt.spec, PromptSpec)
        seen.append(attempt.spec.prompt)
        return "ok"

    ask = Node("which", AskSpec("Which one?", ("red", "blue")))
    use = Node("use", PromptSpec("paint it {{ which.output }}"), needs=("which",))
    async with running(tmp_path, plan(ask, use), script) as world:
        await world.until(lambda: "which" in world.state.pending)
        with pytest.raises(Refused, match="red, blue"):
            await world.do("answer", pending="which", text="green")
        await world.do("answer", pending="which", text="blue")
        assert await world.finished() is Status.SUCCEEDED
    assert seen == ["paint it blue"]


async def test_map_items_have_states_of_their_own_and_results_come_in_item_order(tmp_path: Path) -> None:
    async def script(attempt: Attempt) -> object:
        assert isinstance(attempt.spec, PromptSpec)
        if attempt.spec.prompt == "say 1":
            return failure(message="no ones")
        await asyncio.sleep(0)
        return attempt.spec.prompt

    spec = MapSpec(name="n", values=(0, 1, 2, 3), tolerate=0.5)
    the_map = Node("m", PromptSpec("say {{ n }}"), map=spec)
    async with running(tmp_path, plan(the_map), script) as world:
        assert await world.finished() is Status.SUCCEEDED
        items = world.state.nodes["m"].items
        assert items is not None
        assert [items.state(index).value for index in range(4)] == ["succeeded", "failed", "succeeded", "succeeded"]
        output = world.state.nodes["m"].output
        assert output is not None
        assert output.text.splitlines() == [
            '{"item": 0, "line": 1, "output": "say 0"}',
            '{"item": 2, "line": 3, "output": "say 2"}',
            '{"item": 3, "line": 4, "output": "say 3"}',
        ]


async def test_a_retry_of_what_failed_leaves_out_what_the_user_left_out(tmp_path: Path) -> None:
    the_map = Node("m", PromptSpec("{{ item }}"), map=MapSpec(values=("a", "b", "c")))
    gate = Gate()

    async def script(attempt: Attempt) -> object:
        await gate.open.wait()
        return failure() if attempt.number == 1 else "ok"

    async with running(tmp_path, plan(node("other"), the_map), script, limits=Limits(concurrency=1)) as world:
        await world.until(lambda: world.state.nodes["m"].items is not None)
        await world.do("node.skip", node="m", item=1)
        gate.open.set()
        await world.until(lambda: world.state.nodes["m"].state is State.FAILED)
        await world.do("nodes.retry_failed")
        await world.until(lambda: world.state.nodes["m"].ended)
        items = world.state.nodes["m"].items
        assert items is not None
        assert [items.state(item).value for item in range(3)] == ["succeeded", "skipped", "succeeded"]


async def test_failed_items_alone_are_retried(tmp_path: Path) -> None:
    broken = {1, 2}
    the_map = Node("m", PromptSpec("say {{ item }}"), map=MapSpec(values=(0, 1, 2)))
    script = lambda attempt: failure() if attempt.item in broken else "ok"  # noqa: E731
    async with running(tmp_path, plan(the_map, node("after", "m")), script) as world:
        assert await world.finished() is Status.FAILED
        broken.clear()
        world.executor.started.clear()
        await world.do("nodes.retry_failed")
        assert await world.finished() is Status.SUCCEEDED
        assert sorted(world.executor.started) == ["after//1", "m/1/2", "m/2/2"]


@pytest.mark.parametrize(("tolerate", "end"), [(0.0, Status.FAILED), (0.34, Status.SUCCEEDED)])
async def test_a_malformed_line_is_reported_stops_no_other_and_counts_as_a_failed_item(
    tmp_path: Path, tolerate: float, end: Status
) -> None:
    (tmp_path / "docs.jsonl").write_text('{"text": "one"}\nnot json\n{"text": "two"}\n')
    spec = MapSpec(name="doc", path="docs.jsonl", tolerate=tolerate)
    async with running(tmp_path, plan(Node("m", PromptSpec("{{ doc.text }}"), map=spec))) as world:
        assert await world.finished() is end
        notes = [event.body.message for event in await world.recorded() if hasattr(event.body, "level")]
        assert notes == ["items, line 2: not JSON: Expecting value at character 1"]
        items = world.state.nodes["m"].items
        assert items is not None
        assert (items.total, items.malformed, items.count(State.SUCCEEDED)) == (2, 1, 2)


async def test_results_that_cannot_be_written_fail_their_map_and_not_the_host(tmp_path: Path) -> None:
    in_the_way = tmp_path / "artefacts" / "m" / "results.jsonl"
    in_the_way.mkdir(parents=True)
    the_map = Node("m", PromptSpec("say {{ item }}"), map=MapSpec(values=(0, 1)))
    async with running(tmp_path, plan(the_map, node("other"))) as world:
        assert await world.finished() is Status.FAILED
        assert world.states() == {"m": "failed", "other": "succeeded"}
        notes = [event.body.message for event in await world.recorded() if isinstance(event.body, Noted)]
        assert any("results.jsonl" in note for note in notes)
        in_the_way.rmdir()
        world.executor.started.clear()
        await world.do("nodes.retry_failed")
        assert await world.finished() is Status.SUCCEEDED
        assert world.executor.started == []


async def test_an_output_that_no_file_takes_is_recorded_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "artefacts").mkdir()
    (tmp_path / "artefacts" / "a").write_text("in the way")
    (tmp_path / "artefacts" / "status.md").mkdir()
    async with running(tmp_path, plan(node("a")), lambda attempt: "the result") as world:
        assert await world.finished() is Status.SUCCEEDED
        output = world.state.nodes["a"].output
        assert output is not None
        assert (output.text, output.path) == ("the result", None)
    with Reader(tmp_path / "session.db") as reader:
        assert reader.state().host_pid is None


async def test_a_large_output_whose_file_is_gone_is_recorded_as_far_as_it_came(tmp_path: Path) -> None:
    def script(attempt: Attempt) -> Done:
        return Done(attempt.id, "head and tail", size=5_000_000, path=str(tmp_path / "gone.txt"), truncated=True)

    async with running(tmp_path, plan(node("a")), script) as world:
        assert await world.finished() is Status.SUCCEEDED
        output = world.state.nodes["a"].output
        assert output is not None
        assert (output.text, output.truncated, output.path) == ("head and tail", True, None)


async def test_an_item_retried_while_its_map_is_being_finished_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = {1}
    written, go_on = asyncio.Event(), asyncio.Event()
    write_results = Dispatcher.write_results

    async def write_slowly(dispatcher: Dispatcher, node_id: str) -> tuple[Path, int]:
        results = await write_results(dispatcher, node_id)
        written.set()
        await go_on.wait()
        return results

    monkeypatch.setattr(Dispatcher, "write_results", write_slowly)
    the_map = Node("m", PromptSpec("say {{ item }}"), map=MapSpec(values=(0, 1, 2)))
    script = lambda attempt: failure() if attempt.item in broken else "ok"  # noqa: E731
    async with running(tmp_path, plan(the_map, node("after", "m")), script) as world:
        await written.wait()
        broken.clear()
        await world.do("node.retry", node="m", item=1)
        go_on.set()
        assert await world.finished() is Status.SUCCEEDED
        output = world.state.nodes["m"].output
        assert output is not None
        assert len(output.text.splitlines()) == 3
        assert world.executor.started.count("after//1") == 1


async def test_an_item_nested_too_deeply_is_reported_and_left_out(tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_text("1\n" + "[" * 100_000 + "\n2\n")
    the_map = Node("m", PromptSpec("{{ item }}"), map=MapSpec(path="docs.jsonl", tolerate=0.5))
    async with running(tmp_path, plan(the_map)) as world:
        assert await world.finished() is Status.SUCCEEDED
        items = world.state.nodes["m"].items
        assert items is not None
        assert (items.total, items.malformed, items.count(State.SUCCEEDED)) == (2, 1, 2)


async def test_a_missing_items_file_fails_the_node_with_its_name(tmp_path: Path) -> None:
    the_map = Node("m", PromptSpec("{{ item }}"), map=MapSpec(path="gone.jsonl"))
    async with running(tmp_path, plan(the_map)) as world:
        assert await world.finished() is Status.FAILED
        error = world.state.nodes["m"].error
        assert error is not None
        assert "gone.jsonl" in error.message


async def test_a_map_of_questions_can_be_cancelled(tmp_path: Path) -> None:
    ask = Node("which", AskSpec("{{ item }}?"), map=MapSpec(values=(1, 2)))
    async with running(tmp_path, plan(ask, node("other"))) as world:
        await world.until(lambda: len(world.state.pending) == 2)
        await world.do("node.cancel", node="which")
        assert await world.finished() is Status.FAILED
        assert world.states() == {"which": "cancelled", "other": "succeeded"}
        assert not world.state.pending


async def test_a_question_of_a_cancelled_session_can_be_asked_again(tmp_path: Path) -> None:
    async with running(tmp_path, plan(Node("which", AskSpec("Which one?")))) as world:
        await world.until(lambda: "which" in world.state.pending)
        await world.do("session.cancel")
        assert await world.finished() is Status.CANCELLED
        await world.do("node.retry", node="which")
        await world.until(lambda: "which" in world.state.pending)
        await world.do("answer", pending="which", text="this")
        assert await world.finished() is Status.SUCCEEDED


async def test_a_node_cancelled_while_it_is_being_paused_is_over(tmp_path: Path) -> None:
    async with running(tmp_path, plan(node("a"), node("b")), Gate()) as world:
        await world.until(lambda: len(world.executor.running) == 2)
        await asyncio.gather(world.do("session.pause", mode="now"), world.do("node.cancel", node="a"))
        await world.until(lambda: not world.state.counts.get(State.RUNNING))
        assert world.states() == {"a": "cancelled", "b": "ready"}


async def test_what_was_not_handed_over_when_the_host_stopped_is_not_taken_for_interrupted(tmp_path: Path) -> None:
    async with running(tmp_path, plan(Node("c", RunSpec(("true",))))) as world:
        while not world.state.nodes["c"].running:
            await asyncio.sleep(0)
        world.conductor.stop("signal", drain_s=0)
    with Reader(tmp_path / "session.db") as reader:
        state = reader.state()
    assert world.executor.started == []
    assert state.nodes["c"].running == 0
    assert state.nodes["c"].state is State.READY


async def test_a_host_that_leaves_takes_no_command(tmp_path: Path) -> None:
    async with running(tmp_path, plan(node("a")), Gate()) as world:
        await world.until(lambda: bool(world.executor.running))
        world.conductor.stop("signal", drain_s=0)
        with pytest.raises(Refused, match="resume"):
            await world.do("session.resume")
    with Reader(tmp_path / "session.db") as reader:
        assert reader.state().status is Status.PAUSED


async def test_a_plan_that_was_rejected_can_no_longer_be_approved(tmp_path: Path) -> None:
    planner = ScriptedPlanner([plan(node("a"), author=Author.PLANNER), plan(node("b"), author=Author.PLANNER)])
    async with running(tmp_path, None, planner=planner) as world:
        await world.until(lambda: "plan" in world.state.pending)
        rejected, approved = await asyncio.gather(
            world.do("plan.reject", plan_rev=1, feedback="rename it"),
            world.do("plan.approve", plan_rev=1),
            return_exceptions=True,
        )
        assert isinstance(rejected, int)
        assert isinstance(approved, Refused)
        await world.until(lambda: world.state.plan_rev == 2)


async def test_a_host_that_takes_over_while_a_plan_is_rewritten_asks_the_planner_again(tmp_path: Path) -> None:
    class Stuck(ScriptedPlanner):
        async def propose(self, request: PlanRequest, on_delta: Callable[[str], None]) -> Draft:
            if request.feedback:
                self.requests.append(request)
                await asyncio.Event().wait()
            return await super().propose(request, on_delta)

    stuck = Stuck([plan(node("a"), author=Author.PLANNER)])
    async with running(tmp_path, None, planner=stuck) as world:
        await world.until(lambda: "plan" in world.state.pending)
        await world.do("plan.reject", plan_rev=1, feedback="rename it")
        await world.until(lambda: len(stuck.requests) == 2)
    with Reader(tmp_path / "session.db") as reader:
        head, state = reader.verify(), reader.state()
    log = await Log.open(tmp_path / "session.db", head)
    planner = ScriptedPlanner([plan(node("b"), author=Author.PLANNER)])
    async with host(tmp_path, log, state, planner=planner) as world:
        await world.until(lambda: world.state.plan_rev == 2)
        assert planner.requests[0].feedback == "rename it"


async def test_what_the_planner_and_the_user_say_is_recorded_without_secrets(tmp_path: Path) -> None:
    secret = "hunter2-hunter2-hunter2"
    redactor = Redactor([Secret(secret)])
    planner = ScriptedPlanner([failure(message=f"bad key {secret}")])
    async with running(tmp_path, None, planner=planner, redactor=redactor) as world:
        assert await world.finished() is Status.FAILED
    (tmp_path / "asks").mkdir()
    async with running(tmp_path / "asks", plan(Node("which", AskSpec("?"))), redactor=redactor) as world:
        await world.until(lambda: "which" in world.state.pending)
        await world.do("marker.add", label=f"here {secret} was said")
        await world.do("answer", pending="which", text=f"it is {secret}")
        await world.finished()
    for file in (tmp_path / "session.db", tmp_path / "asks" / "session.db"):
        with Reader(file) as reader:
            assert not any(secret in row.data for row in reader.rows())


async def test_a_planned_plan_waits_for_approval_and_runs_once_approved(tmp_path: Path) -> None:
    planner = ScriptedPlanner([plan(node("a"), author=Author.PLANNER)])
    async with running(tmp_path, None, planner=planner) as world:
        await world.until(lambda: "plan" in world.state.pending)
        assert world.states() == {"a": "held"}
        with pytest.raises(Refused, match="no longer"):
            await world.do("plan.approve", plan_rev=7)
        await world.do("plan.approve", plan_rev=1)
        assert await world.finished() is Status.SUCCEEDED


async def test_rejecting_with_feedback_asks_the_planner_for_another_revision(tmp_path: Path) -> None:
    planner = ScriptedPlanner([plan(node("a"), author=Author.PLANNER), plan(node("b"), author=Author.PLANNER)])
    limits = Limits(concurrency=2, usd=3.0, tokens=50)
    async with running(tmp_path, None, planner=planner, limits=limits) as world:
        await world.until(lambda: "plan" in world.state.pending)
        await world.do("plan.reject", plan_rev=1, feedback="rename it")
        await world.until(lambda: world.state.plan_rev == 2)
        assert planner.requests[1].feedback == "rename it"
        asked = planner.requests[1]
        assert (asked.at_once, asked.usd_left, asked.tokens_left) == (2, 3.0, 50)
        assert planner.requests[1].previous == plan(node("a"), author=Author.PLANNER)
        await world.do("plan.approve", plan_rev=2)
        assert await world.finished() is Status.SUCCEEDED
        assert list(world.state.nodes) == ["b"]


async def test_an_edit_is_a_new_revision_and_the_old_one_can_no_longer_be_approved(tmp_path: Path) -> None:
    planner = ScriptedPlanner([plan(node("a"), author=Author.PLANNER)])
    edited = plan(node("a"), node("b", "a"), author=Author.PLANNER)
    async with running(tmp_path, None, planner=planner, parse_plan=lambda text, current: edited) as world:
        await world.until(lambda: "plan" in world.state.pending)
        await world.do("plan.edit", plan_rev=1, text="…")
        with pytest.raises(Refused, match="tester made revision 2"):
            await world.do("plan.approve", plan_rev=1)
        await world.do("plan.approve", plan_rev=2)
        assert await world.finished() is Status.SUCCEEDED


async def test_a_planner_that_gives_no_plan_fails_the_session_with_its_reason(tmp_path: Path) -> None:
    async with running(tmp_path, None, planner=ScriptedPlanner([failure(message="nonsense")])) as world:
        assert await world.finished() is Status.FAILED
        assert "nonsense" in world.state.reason


async def test_a_command_with_a_known_id_is_not_carried_out_again(tmp_path: Path) -> None:
    gate = Gate()
    async with running(tmp_path, plan(node("a")), gate) as world:
        await world.until(lambda: bool(world.executor.running))
        first = await world.conductor.command("session.pause", {}, actor="x", command_id="c1")
        again = await world.conductor.command("session.pause", {}, actor="x", command_id="c1")
        assert again == first
        (paused,) = [event.seq for event in await world.recorded() if isinstance(event.body, SessionPaused)]
        assert paused <= first


async def test_a_host_that_takes_over_runs_nothing_again_that_is_recorded(tmp_path: Path) -> None:
    """What a kill -9 leaves: the log as it was committed, an attempt open."""
    executor = ScriptedExecutor(lambda attempt: "ok" if attempt.node == "a" else Gate()(attempt))
    run = Node("world", RunSpec(("true",)), needs=("a",))
    the_plan = plan(node("a"), node("b", "a"), run)
    async with running(tmp_path, the_plan, executor=executor) as world:
        await world.until(lambda: len(world.executor.running) == 2)
        await world.conductor.log.flushed()
        (tmp_path / "crashed").mkdir()
        import sqlite3

        with sqlite3.connect(tmp_path / "session.db") as source, sqlite3.connect(tmp_path / "crashed/session.db") as to:
            source.backup(to)
    source.close()
    to.close()
    with Reader(tmp_path / "crashed/session.db") as reader:
        head, state = reader.verify(), reader.state()
    log = await Log.open(tmp_path / "crashed/session.db", head)
    async with host(tmp_path / "crashed", log, state) as world:
        await world.until(lambda: world.state.nodes["b"].state is State.SUCCEEDED)
        assert world.executor.started == ["b//2"]
        assert world.states() == {"a": "succeeded", "b": "succeeded", "world": "interrupted"}
        caught = [event.body for event in await world.recorded() if isinstance(event.body, AttemptInterrupted)]
        assert {(body.node, body.repeat) for body in caught} == {("b", True), ("world", False)}
        await world.do("node.retry", node="world")
        assert await world.finished() is Status.SUCCEEDED


async def test_an_attempt_has_no_effect_before_its_intent_is_committed(tmp_path: Path) -> None:
    committed: list[bool] = []

    def script(attempt: Attempt) -> str:
        with Reader(tmp_path / "session.db") as reader:
            committed.append(any(row.type == AttemptStarted.TYPE and row.node == attempt.node for row in reader.rows()))
        return "ok"

    async with running(tmp_path, plan(node("a"), node("b", "a")), script) as world:
        await world.finished()
    assert committed == [True, True]
