"""Sessions whose provider refuses, breaks and comes back: real HTTP, the provider's own ledger as the witness."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from swarmtui.engine.conductor import Conductor
from swarmtui.engine.paced import account_of
from swarmtui.engine.setup import Setup
from swarmtui.host.accounts import Accounts
from swarmtui.models.discover import make_model
from swarmtui.models.net import Net
from swarmtui.plan.model import Limits, MapSpec, ModelRef, Node, Plan, PromptSpec, Retry
from swarmtui.session import fold
from swarmtui.session.events import (
    AttemptFailed,
    AttemptThrottled,
    HostStarted,
    PlanProposed,
    PoolPaced,
    SessionCreated,
)
from swarmtui.session.log import Log
from swarmtui.session.reader import Reader
from swarmtui.session.rows import row_to_event
from swarmtui.session.vocabulary import FINAL, State, Status
from swarmtui.workers.local import LocalExecutor
from swarmtui.workers.prompt import PromptWorker
from tests.engine.world import ScriptedPlanner, no_edit
from tests.fakes.llm import Answer, FakeLLM


def prompts(count: int) -> Plan:
    """A map of `count` prompts."""
    spec = MapSpec("item", values=tuple(range(count)))
    return Plan("test", (Node("work", PromptSpec("do {{ item }}"), map=spec, retry=Retry(base_s=0.05)),))


@contextlib.asynccontextmanager
async def session(
    folder: Path, llm: FakeLLM, plan: Plan, *, limits: Limits = Limits(), accounts: Accounts | None = None
) -> AsyncIterator[Conductor]:
    """A session of `plan` on `llm`, running."""
    folder.mkdir(exist_ok=True)
    ref = ModelRef("fake", "m", base_url=llm.base_url)
    log, state = await Log.create(folder / "session.db", "test"), fold.empty()
    for body in (
        SessionCreated("test", "test", "test", "/", "0", limits=limits, models={"worker": ref, "planner": ref}),
        PlanProposed(1, plan),
    ):
        fold.apply(state, log.append(body))
    async with Net() as net:
        executor = LocalExecutor({"prompt": PromptWorker(lambda ref: make_model(ref, net, {}))})
        more = {} if accounts is None else {"accounts": accounts}
        setup = Setup(folder, folder / "artefacts", folder, no_edit, **more)
        conductor = Conductor(log, state, executor, ScriptedPlanner(), setup)
        task = asyncio.create_task(conductor.run(HostStarted(1, "boot", "test", cpus=4)))
        try:
            yield conductor
        finally:
            conductor.stop("finished", drain_s=0)
            await task


async def finished(conductor: Conductor, within_s: float = 60) -> Status:
    """How the session ended."""
    async with asyncio.timeout(within_s):
        while conductor.state.status not in FINAL:
            await conductor.log.after(conductor.log.committed_seq)
    return conductor.state.status


def bodies(folder: Path) -> list[object]:
    """What is in the file."""
    with Reader(folder / "session.db") as reader:
        return [row_to_event(row).body for row in reader.rows()]


async def test_a_cap_that_nobody_told_is_found_and_no_item_is_lost(tmp_path: Path) -> None:
    async with FakeLLM(Answer("done", tokens_per_s=200)) as llm:
        llm.cap = 4
        async with session(tmp_path, llm, prompts(120)) as conductor:
            assert await finished(conductor) is Status.SUCCEEDED
            items = conductor.state.nodes["work"].items
            paced = conductor.state.paced["fake/m"]
        refused = sum(asked.status == 429 for asked in llm.ledger)
        answered = sum(asked.status == 200 for asked in llm.ledger)
    assert items is not None
    assert items.count(State.SUCCEEDED) == 120 == answered
    told = bodies(tmp_path)
    throttled = sum(isinstance(body, AttemptThrottled) for body in told)
    assert refused == throttled
    assert not any(isinstance(body, AttemptFailed) for body in told)
    assert refused < 60
    assert paced.window <= 8
    assert any(isinstance(body, PoolPaced) and body.binding == "wall" for body in told)


async def test_an_outage_in_the_middle_is_waited_for_by_single_probes(tmp_path: Path) -> None:
    async with FakeLLM(Answer("done", tokens_per_s=200)) as llm:
        async with session(tmp_path, llm, prompts(60), limits=Limits(concurrency=8)) as conductor:
            await llm.until_asked(20)
            llm.down = True
            async with asyncio.timeout(20):
                while conductor.state.paced["fake/m"].binding != "outage":
                    await conductor.log.after(conductor.log.committed_seq)
            llm.down = False
            assert await finished(conductor) is Status.SUCCEEDED
            items = conductor.state.nodes["work"].items
        assert items is not None
        assert items.count(State.SUCCEEDED) == 60
        broken = sum(one.status == 503 for one in llm.ledger)
    failed = [body for body in bodies(tmp_path) if isinstance(body, AttemptFailed)]
    assert 5 <= len(failed) == broken <= 30
    assert not all(body.charged for body in failed)


@pytest.mark.chaos
async def test_a_provider_that_is_not_there_fails_its_items_soon(tmp_path: Path) -> None:
    async with FakeLLM() as llm:
        gone = llm.base_url
    llm.port = int(gone.rsplit(":", 1)[1].partition("/")[0])
    async with session(tmp_path, llm, prompts(2)) as conductor:
        assert await finished(conductor) is Status.FAILED
        node = conductor.state.nodes["work"]
    assert node.error is not None
    assert "cannot be reached" in node.error.message


async def test_what_one_session_learned_the_next_one_starts_with(tmp_path: Path) -> None:
    known = Accounts(tmp_path / "accounts", "one")
    async with FakeLLM(Answer("done", tokens_per_s=300)) as llm:
        async with session(tmp_path / "one", llm, prompts(40), accounts=known) as conductor:
            assert await finished(conductor) is Status.SUCCEEDED
        memory = known.recall(account_of(ModelRef("fake", "m", base_url=llm.base_url)), time.time())
        known.close()
        async with session(tmp_path / "two", llm, prompts(1), accounts=Accounts(tmp_path / "accounts", "two")) as again:
            assert await finished(again) is Status.SUCCEEDED
    started = next(body for body in bodies(tmp_path / "two") if isinstance(body, PoolPaced))
    assert "learned before" in started.why
    assert memory is not None
    assert started.window == max(1, int(memory.window / 2))
