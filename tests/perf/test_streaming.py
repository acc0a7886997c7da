"""What a streamed token costs the host, from the socket to the executor's batch (budget: 60 µs of CPU)."""

import asyncio
import json
import sys
import time
from pathlib import Path

import pytest

from swarmtui.engine.ports import Attempt, Delta
from swarmtui.models.discover import make_model
from swarmtui.models.net import Net
from swarmtui.plan.model import ModelRef, PromptSpec
from swarmtui.workers.local import LocalExecutor
from swarmtui.workers.prompt import PromptWorker

STREAMS, TOKENS = 40, 400


def attempt(number: int, model: ModelRef) -> Attempt:
    folder = str(Path.cwd())
    return Attempt(
        f"n/{number}/1", "s", "n", number, 1, "k", PromptSpec("go"), folder, folder, folder, trusted=True, model=model
    )


async def cpu_per_token(base_url: str) -> float:
    model = ModelRef("acme", "m", base_url=base_url)
    async with Net() as net:
        executor = LocalExecutor({"prompt": PromptWorker(lambda ref: make_model(ref, net, {}))})
        await executor.submit(attempt(-1, model))  # imports and the first connection are not counted
        ended = 0
        began = 0.0
        async for batch in executor.events():
            ended += sum(not isinstance(event, Delta) for event in batch)
            if ended == 1 and not began:
                began = time.process_time()
                for number in range(STREAMS):
                    await executor.submit(attempt(number, model))
            if ended == STREAMS + 1:
                break
        cost = (time.process_time() - began) / (STREAMS * TOKENS)
        await executor.close()
    return cost


@pytest.mark.perf
async def test_cpu_per_streamed_token(capsys: pytest.CaptureFixture[str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fakes.llm", "--tokens", str(TOKENS), "--rate", "200"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    base_url = json.loads(await process.stdout.readline())["base_url"]
    costs = [await cpu_per_token(base_url) for _ in range(3)]
    await process.communicate(b"")
    with capsys.disabled():
        print(f"\nCPU per streamed token: {min(costs) * 1e6:.1f} µs (best of 3, {STREAMS} streams of {TOKENS} tokens)")
