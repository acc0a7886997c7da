"""A plan node: it proposes nodes, waits for them, and joins what they came to, or proposes more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from swarmtui.agents.planner import LlmPlanner
from swarmtui.engine.ports import (
    CallEnded,
    Delta,
    Done,
    Draft,
    Failed,
    PlanningError,
    PlanRequest,
    Stepped,
    Suspended,
)
from swarmtui.models.simulated import SimulatedChat
from swarmtui.plan.model import JSON, AgentSpec, Author, ModelRef, Plan, PlanSpec
from swarmtui.plan.taskfile import parse_plan_json
from swarmtui.plan.team import AgentDef, Team
from swarmtui.session.vocabulary import NO_USAGE, ErrorInfo, ErrorKind, Usage
from swarmtui.workers.local import WorkerFailed
from swarmtui.workers.planned import PlanWorker
from tests.agents.scripted import REF, Course
from tests.workers.building import attempt

TEAM = Team({"reader": AgentDef("I read")})


def plan(**nodes: JSON) -> Plan:
    return parse_plan_json({"nodes": nodes}, "g", Author.PLANNER, team=TEAM)


LOOKS = plan(a={"prompt": "look"}, b={"agent": "reader", "prompt": "read"})
REPORT = plan(a={"prompt": "look"}, b={"prompt": "look"}, end={"needs": ["a", "b"], "merge": True})
ENOUGH = Draft(Plan("g"), "that will do", Usage(1, 1, model="m"), enough=True)


class Scripted:
    """A planner that proposes in turn what a test wrote."""

    def __init__(self, *drafts: Draft | Plan | PlanningError) -> None:
        self.drafts = list(drafts)
        self.requests: list[PlanRequest] = []

    async def propose(self, request: PlanRequest, on_delta: Callable[[str], None]) -> Draft:
        self.requests.append(request)
        on_delta("thinking")
        draft = self.drafts[len(self.requests) - 1]
        if isinstance(draft, PlanningError):
            raise draft
        return draft if isinstance(draft, Draft) else Draft(draft, "a note", Usage(5, 5, model="m"), why={"a": "so"})


class Node:
    """A plan node over several attempts, with the engine's part of its thread."""

    def __init__(self, *drafts: Draft | Plan | PlanningError, **spec: object) -> None:
        self.planner = Scripted(*drafts)
        self.spec = PlanSpec("the goal", **spec)  # type: ignore[arg-type]
        self.course = Course()

    async def once(self) -> Done | Suspended | Failed:
        tried = attempt(self.spec, model=REF, team=TEAM, thread=tuple(self.course.thread))
        try:
            return await PlanWorker(self.planner)(tried, self.course)
        except WorkerFailed as failed:
            return failed.failed

    async def proposed(self) -> Draft:
        end = await self.once()
        assert isinstance(end, Suspended)
        assert end.proposal is not None
        return end.proposal

    def accepted(self, **ends: str) -> None:
        """Accept, and each node ends as told: a text is its output, one with `!` before it why it failed."""
        self.course.keep({"role": "accepted", "content": ""})
        self.course.keep({"role": "results", "nodes": [ended(name, end) for name, end in ends.items()]})


def ended(node: str, end: str) -> JSON:
    if end.startswith("!"):
        return {"node": node, "state": "failed", "title": node.title(), "path": None, "error": end[1:], "output": ""}
    return {"node": node, "state": "succeeded", "title": node.title(), "path": None, "error": None, "output": end}


async def test_the_first_attempt_proposes_and_waits() -> None:
    node = Node(LOOKS, instructions="search first", nodes=4)
    draft = await node.proposed()
    assert (draft.plan, draft.note, draft.why, draft.usage) == (LOOKS, "a note", {"a": "so"}, NO_USAGE)
    (request,) = node.planner.requests
    assert (request.goal, request.instructions, request.most_nodes) == ("the goal", "search first", 4)
    assert (request.team, request.model) == (TEAM, REF)
    (step,) = [signal for signal in node.course.signals if isinstance(signal, Stepped)]
    assert step.usage.tokens_in == 5
    assert node.course.text() == "thinking"


async def test_a_crash_before_the_decision_costs_no_second_call() -> None:
    node = Node(LOOKS)
    assert await node.proposed() == await node.proposed()
    assert len(node.planner.requests) == 1


async def test_feedback_makes_it_propose_again_knowing_what_was_rejected() -> None:
    node = Node(LOOKS, REPORT)
    await node.proposed()
    node.course.keep({"role": "feedback", "content": "join them"})
    assert (await node.proposed()).plan == REPORT
    assert (node.planner.requests[1].previous, node.planner.requests[1].feedback) == (LOOKS, "join them")


async def test_its_output_is_that_of_the_node_that_no_other_needs() -> None:
    node = Node(REPORT)
    await node.proposed()
    node.accepted(a="one", b="two", end="both")
    end = await node.once()
    assert isinstance(end, Done)
    assert (end.output, end.usage) == ("both", NO_USAGE)


async def test_it_knows_its_nodes_by_the_ids_that_the_session_gave_them() -> None:
    node = Node(REPORT)
    await node.proposed()
    node.accepted(**{"end-plan-a": "one", "end-plan-b-2": "two", "end-plan-end": "both"})
    end = await node.once()
    assert isinstance(end, Done)
    assert end.output == "both"


async def test_several_ends_are_sections_and_a_failed_one_is_told_as_failed() -> None:
    node = Node(LOOKS)
    await node.proposed()
    node.accepted(a="one", b="!no luck")
    end = await node.once()
    assert isinstance(end, Done)
    assert end.output == "## A\n\none\n\n## B (not done)\n\nThis part failed: no luck."


async def test_where_no_end_succeeded_the_node_fails() -> None:
    node = Node(REPORT)
    await node.proposed()
    node.accepted(a="one", b="two", end="!no luck")
    end = await node.once()
    assert isinstance(end, Failed)
    assert "End failed: no luck" in end.error.message


async def test_with_iterations_left_it_proposes_more_with_the_results_in_view() -> None:
    more = plan(c={"prompt": "look further"})
    node = Node(LOOKS, more, iterations=2)
    await node.proposed()
    node.accepted(a="one", b="!no luck")
    assert (await node.proposed()).plan == more
    assert [result["state"] for result in node.planner.requests[1].results] == ["succeeded", "failed"]
    assert node.planner.requests[1].previous is None
    node.accepted(c="three")
    end = await node.once()
    assert isinstance(end, Done)
    assert "## C\n\nthree" in end.output
    assert len(node.planner.requests) == 2


async def test_the_planner_may_say_that_it_is_enough() -> None:
    node = Node(LOOKS, ENOUGH, iterations=5)
    await node.proposed()
    node.accepted(a="one", b="two")
    for _ in range(2):  # once more after a crash
        end = await node.once()
        assert isinstance(end, Done)
        assert end.output.startswith("## A")
    assert len(node.planner.requests) == 2


async def test_enough_from_the_start_is_an_end_with_the_planners_word() -> None:
    end = await Node(ENOUGH).once()
    assert isinstance(end, Done)
    assert end.output == "that will do"


async def test_planning_that_fails_fails_the_attempt_with_what_it_cost() -> None:
    error = PlanningError(ErrorInfo(ErrorKind.MALFORMED, "no plan"), Usage(9, 9, model="m"))
    end = await Node(error).once()
    assert isinstance(end, Failed)
    assert (end.error.kind, end.usage.tokens_in) == (ErrorKind.MALFORMED, 9)
    empty = await Node(Plan("g")).once()
    assert isinstance(empty, Failed)
    assert empty.error.kind is ErrorKind.MALFORMED


async def test_cancelling_tells_of_the_call_that_was_made() -> None:
    asked = asyncio.Event()

    class Silent:
        async def propose(self, request: PlanRequest, on_delta: Callable[[str], None]) -> Draft:
            asked.set()
            await asyncio.Event().wait()
            raise AssertionError

    node = Node()
    node.planner = Silent()  # type: ignore[assignment]
    task = asyncio.create_task(node.once())
    await asked.wait()
    task.cancel()
    end = await task
    assert isinstance(end, Failed)
    assert (end.error.kind, end.usage.model) == (ErrorKind.LOST, REF.name)


async def test_the_calls_of_the_planner_are_those_of_the_attempt() -> None:
    simulated = ModelRef("simulated", "instant", "simulated")
    course = Course()
    worker = PlanWorker(LlmPlanner(lambda _: SimulatedChat()))
    end = await worker(attempt(PlanSpec("compare rivers"), model=simulated, team=TEAM), course)
    assert isinstance(end, Suspended)
    assert course.admissions == ["simulated/instant"]
    assert [signal.attempt for signal in course.signals if isinstance(signal, CallEnded | Delta)][-1] == "node//1"
    assert json.dumps(course.thread)  # as it is recorded


# -- agents ------------------------------------------------------------------------------------------------------


async def test_only_the_agents_that_may_be_named_are_told_to_the_planner_and_the_plan_keeps_its_team() -> None:
    node = Node(REPORT, agents=("nobody",))
    assert (await node.proposed()).plan.team == TEAM
    assert node.planner.requests[0].team.agents == {}


async def test_an_agent_that_must_have_a_node_is_asked_for_and_asked_for_again() -> None:
    node = Node(REPORT, LOOKS, must_have=("reader",))
    draft = await node.proposed()
    assert draft.plan == LOOKS
    first, second = node.planner.requests
    assert "a node of each of these agents: reader" in first.instructions
    assert (second.previous, "no node of reader" in (second.feedback or "")) == (REPORT, True)
    (step,) = [signal for signal in node.course.signals if isinstance(signal, Stepped)]
    assert step.usage.tokens_in == 10


async def test_where_the_planner_does_not_listen_the_agent_gets_a_node_that_the_end_reads() -> None:
    plan = (await Node(REPORT, REPORT, must_have=("reader",)).proposed()).plan
    assert plan.nodes[0].id == "reader"
    assert plan.node("end").needs == ("a", "b", "reader")
    full = (await Node(REPORT, REPORT, must_have=("reader",), nodes=3).proposed()).plan
    assert [node.id for node in full.nodes] == ["a", "b", "end"]
    assert full.node("a").spec == AgentSpec("reader", "look")


async def test_enough_is_not_enough_without_the_agent_that_must_have_a_node() -> None:
    plan = (await Node(ENOUGH, ENOUGH, must_have=("reader",)).proposed()).plan
    assert [(node.id, node.spec) for node in plan.nodes] == [("reader", AgentSpec("reader", "the goal"))]


async def test_later_rounds_need_no_such_node() -> None:
    node = Node(LOOKS, REPORT, must_have=("reader",), iterations=2)
    await node.proposed()
    node.accepted(a="one", b="two")
    assert (await node.proposed()).plan.nodes == REPORT.nodes


@pytest.mark.parametrize(
    "entry", [{"role": "weather"}, {"role": "feedback", "content": "x"}, {"role": "results", "nodes": []}]
)
async def test_entries_that_fit_nothing_change_nothing(entry: JSON) -> None:
    node = Node(LOOKS)
    node.course.keep(entry)
    assert (await node.proposed()).plan == LOOKS
