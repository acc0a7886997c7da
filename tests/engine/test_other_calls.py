"""Calls that are no item's: the planner's and a report's summary go through the pacer of their account as well."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from swarmtui.agents.planner import LlmPlanner
from swarmtui.engine.planning import PLANNER
from swarmtui.models.net import Net
from swarmtui.models.openai_chat import OpenAIChat
from swarmtui.plan.model import Limits, MergeSpec, ModelRef, Node, Plan, PromptSpec
from swarmtui.session import fold
from swarmtui.session.events import AttemptThrottled, Body, PlanProposed, PoolPaced, SessionCreated
from swarmtui.session.log import Log
from swarmtui.session.vocabulary import FINAL, Status
from swarmtui.workers.local import LocalExecutor
from swarmtui.workers.merge import MergeWorker
from swarmtui.workers.prompt import PromptWorker
from swarmtui.workers.summary import summarise_with
from tests.engine.world import World, host
from tests.fakes.llm import Answer, FakeLLM
from tests.fakes.llm import Status as Reply

PLAN = json.dumps({"nodes": {"one": {"prompt": "say <one>"}}})
REPORT = Plan(
    "g",
    (
        Node("one", PromptSpec("say <one>")),
        Node("report", MergeSpec(summary="worker"), needs=("one",)),
    ),
)


async def carried_out(folder: Path, llm: FakeLLM, plan: Plan | None, limits: Limits = Limits()) -> World:
    """The session over the fake provider, at its end."""
    ref = ModelRef("custom", "fake-small", base_url=llm.base_url)
    log, state = await Log.create(folder / "session.db", "test"), fold.empty()
    models = {"worker": ref, "planner": ref}
    first: list[Body] = [SessionCreated("s", "g", "g", "/", "0", limits=limits, models=models)]
    first += [] if plan is None else [PlanProposed(1, plan)]
    for body in first:
        fold.apply(state, log.append(body))
    async with Net() as net:

        def model(_: ModelRef) -> OpenAIChat:
            return OpenAIChat(net, {})

        workers = {"prompt": PromptWorker(model), "merge": MergeWorker(summarise_with(model))}
        executor = LocalExecutor(workers, grace_s=0.5)  # type: ignore[arg-type]
        planner = LlmPlanner(model)
        async with host(folder, log, state, executor=executor, planner=planner, approve=True) as world:  # type: ignore[arg-type]
            while state.status not in FINAL:
                async with asyncio.timeout(30):
                    await log.after(log.committed_seq)
            world.events = await world.recorded()  # type: ignore[attr-defined]
            return world


async def test_a_summary_that_is_refused_is_asked_for_again_and_the_report_has_it(tmp_path: Path) -> None:
    async with FakeLLM() as llm:
        llm.when("executive summary", Reply(429, headers={"retry-after": "0"}), times=2)
        llm.when("executive summary", Answer("All is well."))
        world = await carried_out(tmp_path, llm, REPORT)
        assert world.state.status is Status.SUCCEEDED
        events = world.events  # type: ignore[attr-defined]
        assert [event.body.node for event in events if isinstance(event.body, AttemptThrottled)] == ["report"] * 2
        assert world.state.nodes["report"].tries == 1
        assert "All is well." in (tmp_path / "artefacts" / "report.md").read_text()
        assert world.state.paced["custom/fake-small"].refused == 2


async def test_the_planners_calls_are_the_accounts_and_a_refusal_is_no_failed_try(tmp_path: Path) -> None:
    async with FakeLLM() as llm:
        llm.when("planner of swarmtui", Reply(429, headers={"retry-after": "0"}), times=2)
        llm.when("planner of swarmtui", Answer(PLAN))
        world = await carried_out(tmp_path, llm, None)
        assert world.state.status is Status.SUCCEEDED, world.state.reason
        told = [event.body for event in world.events if isinstance(event.body, PoolPaced)]  # type: ignore[attr-defined]
        assert told[-1].refused == 2
        assert sum("planner of swarmtui" in asked.text for asked in llm.ledger) == 3
        assert world.conductor._paced.end(PLANNER, 0.0) is None


async def test_nothing_of_the_planner_counts_once_it_has_answered(tmp_path: Path) -> None:
    async with FakeLLM() as llm:
        llm.when("planner of swarmtui", Answer(PLAN))
        world = await carried_out(tmp_path, llm, None, Limits(concurrency=1))
        assert world.state.status is Status.SUCCEEDED
        views = world.conductor._paced.views(world.conductor.log.clock.now())
        assert views["custom/fake-small"].in_flight == 0
