"""Nodes that run only if an output says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from swarmtui.engine.conditions import equals_one
from swarmtui.engine.ports import Attempt
from swarmtui.plan.model import Condition, MapSpec, Node, When
from swarmtui.session.events import AttemptStarted, NodeSkipped
from swarmtui.session.vocabulary import Status
from tests.engine.virtual import VirtualSession
from tests.engine.world import node, plan, running


def only_if(name: str, need: str, lookup: str, *values: Any, **more: Any) -> Node:
    return node(name, need, only_if=(Condition(lookup, values),), **more)


TRIAGE = '{"next": "research", "sure": true, "marks": [1, 2]}'


async def test_a_node_runs_or_is_left_out_as_its_condition_says_and_that_is_no_failure(tmp_path: Path) -> None:
    nodes = (
        node("triage"),
        only_if("research", "triage", "triage.output.next", "plan", "research"),
        only_if("chat", "triage", "triage.output.next", "chat"),
        node("reply", "chat"),
        node("report", "research", "chat", when=When.ALL_DONE),
        only_if("sure", "triage", "triage.output.sure", True),
        only_if("mark", "triage", "triage.output.marks.1", 2),
        only_if("each", "triage", "triage.state", "succeeded", map=MapSpec(values=(1, 2))),
    )
    script = lambda attempt: TRIAGE if attempt.node == "triage" else "ok"  # noqa: E731
    async with running(tmp_path, plan(*nodes), script) as world:
        assert await world.finished() is Status.SUCCEEDED
        assert world.states() == {
            "triage": "succeeded",
            "research": "succeeded",
            "chat": "skipped",
            "reply": "skipped",
            "report": "succeeded",
            "sure": "succeeded",
            "mark": "succeeded",
            "each": "succeeded",
        }
        assert world.state.nodes["reply"].cause == "if"
        assert world.state.reason == "2 skipped"


async def test_a_condition_on_an_output_too_long_for_the_log_is_read_from_its_blob(tmp_path: Path) -> None:
    long = '{"next": "go", "rest": "' + 10_000 * "x" + '"}'
    nodes = (node("a"), only_if("b", "a", "a.output.next", "go"), only_if("c", "a", "a.output.next", "stay"))
    async with running(tmp_path, plan(*nodes), lambda attempt: long) as world:
        assert await world.finished() is Status.SUCCEEDED
        assert world.states() == {"a": "succeeded", "b": "succeeded", "c": "skipped"}


async def test_a_condition_that_cannot_be_judged_fails_the_node_and_names_the_lookup(tmp_path: Path) -> None:
    nodes = (node("a"), only_if("b", "a", "a.output.next.step", "go"))
    async with running(tmp_path, plan(*nodes), lambda attempt: '{"other": 1}') as world:
        assert await world.finished() is Status.FAILED
        error = world.state.nodes["b"].error
        assert error is not None
        assert error.kind.value == "input"
        assert "a.output.next" in error.message
        await world.do("node.retry", node="b")
        await world.until(lambda: world.state.nodes["b"].attempts == 2 and world.state.nodes["b"].ended)
        started = [event.body for event in await world.recorded() if isinstance(event.body, AttemptStarted)]
        assert [(body.node, body.attempt) for body in started] == [("a", 1), ("b", 1), ("b", 2)]


async def test_a_condition_is_judged_anew_when_what_it_is_about_is_run_again(tmp_path: Path) -> None:
    said = ["no", "go"]
    script = lambda attempt: said.pop(0) if attempt.node == "a" else "ok"  # noqa: E731
    async with running(tmp_path, plan(node("a"), only_if("b", "a", "a.output", "go")), script) as world:
        await world.finished()
        assert world.states()["b"] == "skipped"
        await world.do("node.retry", node="a")
        await world.until(lambda: world.states()["b"] == "succeeded")
        assert await world.finished() is Status.SUCCEEDED


async def test_a_node_left_out_by_its_condition_stays_so_whatever_is_added_to_the_plan(tmp_path: Path) -> None:
    seen: list[str] = []

    def script(attempt: Attempt) -> str:
        seen.append(attempt.node)
        return "no"

    async with running(tmp_path, plan(node("a"), only_if("b", "a", "a.output", "go")), script) as world:
        await world.finished()
        await world.do("plan.patch", base_rev=1, ops=[{"op": "add", "node": "c", "value": {"prompt": "x"}}])
        await world.until(lambda: world.state.nodes["c"].ended)
        assert await world.finished() is Status.SUCCEEDED
        assert (world.states()["b"], seen) == ("skipped", ["a", "c"])
        skips = [event for event in await world.recorded() if isinstance(event.body, NodeSkipped)]
        assert len(skips) == 1


@pytest.mark.parametrize(
    ("said", "wanted", "equal"),
    [
        ("go\n", ("go",), True),
        ("go", ("stay", " go\n"), True),
        ("true", (True,), True),
        (True, ("true",), True),
        (1, (True,), False),
        ("", ("go",), False),
    ],
)
def test_values_are_compared_as_the_text_that_they_are(said: Any, wanted: tuple[Any, ...], equal: bool) -> None:
    assert equals_one(said, wanted) is equal


def test_a_crash_while_a_condition_is_open_loses_nothing() -> None:
    session = VirtualSession(plan(node("a"), only_if("b", "a", "x", True), only_if("c", "a", "x", False)))
    session.crash()
    session.run_dry()
    assert {name: known.state.value for name, known in session.state.nodes.items()} == {
        "a": "succeeded",
        "b": "succeeded",
        "c": "skipped",
    }
    assert session.state.status is Status.SUCCEEDED
